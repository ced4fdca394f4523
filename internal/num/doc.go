// Package num turns bytes into numbers and numbers into bytes exactly as Redis
// does: the strict integers of keys and arguments, the doubles of scores, the
// x87 long doubles of INCRBYFLOAT, and memory sizes such as "100mb".
//
// Guarantees: every function is pure and may be called from any goroutine. The
// Append functions allocate only when dst is too small; ParseInt, ParseUint and
// the usual short inputs of ParseFloat and ParseLongDouble allocate nothing.
// A long double has the 64-bit mantissa, the exponent range and the rounding
// (nearest, ties to even) of the x87 type, so sums print what Redis prints on
// amd64.
//
// Non-guarantees: no locale, no spaces around numbers, no digit separators, and
// no arithmetic on long doubles besides addition.
package num
