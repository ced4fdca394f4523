// Package hll counts distinct elements in little memory: HyperLogLog with 16384
// registers, in the two forms that Redis keeps in its strings, so that a value may go
// from one server to the other.
//
// A value is a header of 16 bytes and the registers. A register holds the longest run
// of zeros, plus one, that the hashes of its elements showed.
//
//	+------+---+-----+----------+-----------//
//	| HYLL | E | 000 | card     | registers
//	+------+---+-----+----------+-----------//
//	 0      4   5     8          16
//
//	E     0 dense, 1 sparse
//	card  the count when it was last computed, little-endian; its highest bit says
//	      that registers have changed since
//
// Dense: 16384 numbers of 6 bits, the first one in the low bits of the first byte.
// Sparse: runs of equal registers, in order, which make 16384 together:
//
//	00llllll           l+1 zeros, 1 to 64
//	01llllll llllllll  l+1 zeros, 1 to 16384 (high bits first)
//	1vvvvvll           l+1 registers, 1 to 4, of the value v+1, 1 to 32
//
// Guarantees: pure functions on byte slices, any goroutine, no allocation. What a
// slice holds is not trusted: a value that breaks the form is reported, never followed
// outside of the slice. Adding and counting give the same bytes and numbers as Redis.
//
// Non-guarantee: a sparse value is checked only as far as an operation reads it.
package hll
