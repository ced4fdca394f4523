// Package glob matches the glob patterns of KEYS, SCAN, PSUBSCRIBE, CONFIG GET
// and ACL rules.
//
// Patterns: * is any run of bytes, ? is any one byte, [abc] one of a class,
// [a-z] a range, [^a] not in the class, and \ takes the next byte literally. A
// class that is not closed ends with the pattern.
//
// Guarantees: the answers are Redis's on amd64, corner cases included. Two of
// them surprise: the empty string matches the empty pattern only, not "*"; and
// ranges compare signed bytes, so 0x80-0xff sort below 'a'. Time is at most
// len(pattern) * len(s), with no recursion and no allocation. Any goroutine may
// call.
//
// Non-guarantees: no UTF-8, no brace alternatives. Redis gives up on patterns
// with more than a thousand stars; this package does not.
package glob
