package digest

import (
	"encoding/binary"
	"math/bits"
)

// Odd constants with about as many ones as zeros, from the digits of pi, e and the
// square roots of 2 and 3.
const (
	c0 = 0x243f6a8885a308d3
	c1 = 0x9e3779b97f4a7c15
	c2 = 0xb7e151628aed2a6b
	c3 = 0x6a09e667f3bcc909
	c4 = 0xbb67ae8584caa73b
)

// fold multiplies to 128 bits and folds the halves: every bit of both goes into every
// bit of the result.
func fold(a, b uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return hi ^ lo
}

// Bytes hashes b under a seed: about ten bytes a nanosecond.
func Bytes(seed uint64, b []byte) uint64 {
	n := uint64(len(b))
	s, t := seed^c0, seed^c3
	for len(b) > 32 {
		s = fold(binary.LittleEndian.Uint64(b)^c1, binary.LittleEndian.Uint64(b[8:])^s)
		t = fold(binary.LittleEndian.Uint64(b[16:])^c2, binary.LittleEndian.Uint64(b[24:])^t)
		b = b[32:]
	}
	if len(b) > 16 {
		s = fold(binary.LittleEndian.Uint64(b)^c1, binary.LittleEndian.Uint64(b[8:])^s)
		b = b[16:]
	}
	x, y := ends(b)
	return fold(fold(x^c4, y^s)^t, n^c2)
}

// ends gives up to 16 bytes as two numbers.
func ends(b []byte) (x, y uint64) {
	switch n := len(b); {
	case n >= 8:
		return binary.LittleEndian.Uint64(b), binary.LittleEndian.Uint64(b[n-8:])
	case n >= 4:
		return uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[n-4:]))
	case n > 0:
		return uint64(b[0])<<16 | uint64(b[n/2])<<8 | uint64(b[n-1]), 0
	}
	return 0, 0
}

// number hashes a number under a seed.
func number(seed, n uint64) uint64 { return fold(seed^c1, n^c2) * c3 }

// Piece is the size in which long strings are hashed.
const Piece = 64 << 10

// text hashes a string: the sum of its pieces.
func text(seed uint64, b []byte) uint64 {
	if len(b) <= Piece {
		return Bytes(seed, b)
	}
	sum := uint64(0)
	for off := 0; off < len(b); off += Piece {
		sum += piece(seed, uint64(off), b[off:min(len(b), off+Piece)])
	}
	return sum
}

// piece hashes the part of a string that lies at off.
func piece(seed, off uint64, b []byte) uint64 { return Bytes(seed+off*c1, b) }
