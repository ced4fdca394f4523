// Package crc64 computes the CRC64 that Redis puts at the end of RDB files and
// DUMP payloads: the "Jones" polynomial 0xad93d23594c935a9, reflected, initial
// value 0, no final xor. The check value of "123456789" is 0xe9c6d914c4b8d9ca.
//
// hash/crc64 of the standard library inverts the value before and after, and
// builds its fast tables anew on each call for a polynomial of one's own; hence
// this package.
//
// Guarantees: Update is a pure function, may be called from any goroutine,
// allocates nothing. Non-guarantee: it finds accidents, not attacks.
package crc64
