package bitmap

import (
	"encoding/binary"
	"math/bits"
)

// step is how many bytes the unrolled loops take at once.
const step = 32

// Count is the number of bits of b that are set.
func Count(b []byte) int {
	n := 0
	for len(b) >= step {
		w := b[:step:step]
		n += bits.OnesCount64(binary.LittleEndian.Uint64(w)) +
			bits.OnesCount64(binary.LittleEndian.Uint64(w[8:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(w[16:])) +
			bits.OnesCount64(binary.LittleEndian.Uint64(w[24:]))
		b = b[step:]
	}
	for len(b) >= 8 {
		n += bits.OnesCount64(binary.LittleEndian.Uint64(b))
		b = b[8:]
	}
	for _, x := range b {
		n += bits.OnesCount8(x)
	}
	return n
}

// CountRange is the number of bits that are set among bits from to to-1 of b.
func CountRange(b []byte, from, to int) int {
	if from >= to {
		return 0
	}
	first, last := from>>3, (to-1)>>3
	head, tail := edges(from, to)
	if first == last {
		return bits.OnesCount8(b[first] & head & tail)
	}
	return bits.OnesCount8(b[first]&head) + Count(b[first+1:last]) + bits.OnesCount8(b[last]&tail)
}

// edges are the masks of the bits from and behind it in its byte, and of the bits
// before to in the byte of the last one.
func edges(from, to int) (head, tail byte) {
	return 0xff >> (from & 7), 0xff << (7 - (to-1)&7)
}

// Find is the place of the first bit among bits from to to-1 of b that is set, or
// with set false, that is not; -1 when there is none.
func Find(b []byte, set bool, from, to int) int {
	if from >= to {
		return -1
	}
	// Looking for a zero is looking for a one in what is turned over.
	var flip byte
	if !set {
		flip = 0xff
	}
	first, last := from>>3, (to-1)>>3
	head, tail := edges(from, to)
	if first == last {
		head &= tail
	}
	if x := (b[first] ^ flip) & head; x != 0 {
		return first*8 + bits.LeadingZeros8(x)
	}
	if first == last {
		return -1
	}
	at, word := skip(b[first+1:last], uint64(int64(int8(flip))))
	if word != 0 {
		return (first+1+at)*8 + bits.LeadingZeros64(word)
	}
	if x := (b[last] ^ flip) & tail; x != 0 {
		return last*8 + bits.LeadingZeros8(x)
	}
	return -1
}

// skip passes over the words of b that are equal to same, and gives the first other
// one, big-endian and without what is the same in it, and its place in bytes. The
// word is 0 when there is none.
func skip(b []byte, same uint64) (at int, word uint64) {
	for len(b)-at >= step {
		w := b[at : at+step : at+step]
		if (binary.LittleEndian.Uint64(w)^same)|(binary.LittleEndian.Uint64(w[8:])^same)|
			(binary.LittleEndian.Uint64(w[16:])^same)|(binary.LittleEndian.Uint64(w[24:])^same) != 0 {
			break
		}
		at += step
	}
	for ; len(b)-at >= 8; at += 8 {
		if word = binary.BigEndian.Uint64(b[at:]) ^ same; word != 0 {
			return at, word
		}
	}
	for ; at < len(b); at++ {
		if x := b[at] ^ byte(same); x != 0 {
			return at, uint64(x) << 56
		}
	}
	return at, 0
}
