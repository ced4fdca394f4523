// Package bitmap works on byte strings as arrays of bits, the way SETBIT, BITCOUNT,
// BITPOS, BITOP and BITFIELD see them: bit 0 is the most significant one of the first
// byte, and an integer of n bits at bit o has its most significant bit there.
//
//	       byte 0    byte 1
//	bit    01234567  89...
//	       .......i  iiii....    an integer of 5 bits at bit 7
//
// Guarantees: pure functions on what they are given, any goroutine, no allocation.
// The loops go a word at a time, at any alignment.
//
// Non-guarantee: offsets and ranges are the caller's to check, unless a function says
// that it does so; a wrong one panics as a slice does.
package bitmap
