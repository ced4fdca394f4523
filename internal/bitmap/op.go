package bitmap

import (
	"crypto/subtle"
	"encoding/binary"
)

// Op is an operation of BITOP.
type Op uint8

// The operations.
const (
	And Op = iota
	Or
	Xor
	Not
)

// block is how much of the result is made of all sources before the next part: it
// stays in the nearest cache meanwhile.
const block = 8 << 10

// Combine writes the bits of srcs, combined by op, over dst, which is as long as the
// longest of them; shorter ones count as filled up with zeros. There is at least one
// source, and for Not there is exactly one. dst overlaps none of them.
func Combine(dst []byte, op Op, srcs [][]byte) {
	if op == Not {
		invert(dst, srcs[0])
		return
	}
	for at := 0; at < len(dst); at += block {
		part := dst[at:min(at+block, len(dst))]
		n := copy(part, from(srcs[0], at))
		clear(part[n:])
		for _, s := range srcs[1:] {
			s = from(s, at)
			fold(part, op, s[:min(len(s), len(part))])
		}
	}
}

// from is what b has from byte at on, nothing when it is shorter.
func from(b []byte, at int) []byte { return b[min(at, len(b)):] }

// fold combines dst with a source that is at most as long.
func fold(dst []byte, op Op, src []byte) {
	switch op {
	case And:
		and(dst, src)
		clear(dst[len(src):])
	case Or:
		or(dst, src)
	case Xor:
		subtle.XORBytes(dst, dst[:len(src)], src)
	}
}

func and(dst, src []byte) {
	for len(src) >= step {
		d, s := dst[:step:step], src[:step:step]
		put(d, word(d)&word(s))
		put(d[8:], word(d[8:])&word(s[8:]))
		put(d[16:], word(d[16:])&word(s[16:]))
		put(d[24:], word(d[24:])&word(s[24:]))
		dst, src = dst[step:], src[step:]
	}
	for i, x := range src {
		dst[i] &= x
	}
}

func or(dst, src []byte) {
	for len(src) >= step {
		d, s := dst[:step:step], src[:step:step]
		put(d, word(d)|word(s))
		put(d[8:], word(d[8:])|word(s[8:]))
		put(d[16:], word(d[16:])|word(s[16:]))
		put(d[24:], word(d[24:])|word(s[24:]))
		dst, src = dst[step:], src[step:]
	}
	for i, x := range src {
		dst[i] |= x
	}
}

func invert(dst, src []byte) {
	for len(src) >= step {
		d, s := dst[:step:step], src[:step:step]
		put(d, ^word(s))
		put(d[8:], ^word(s[8:]))
		put(d[16:], ^word(s[16:]))
		put(d[24:], ^word(s[24:]))
		dst, src = dst[step:], src[step:]
	}
	for i, x := range src {
		dst[i] = ^x
	}
}

func word(b []byte) uint64   { return binary.LittleEndian.Uint64(b) }
func put(b []byte, w uint64) { binary.LittleEndian.PutUint64(b, w) }
