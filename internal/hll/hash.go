package hll

import (
	"encoding/binary"
	"math/bits"
)

const (
	hashSeed = 0xadc83b19
	// mostRun is what a register can hold of a hash: all bits but those of the index,
	// plus one.
	mostRun = 64 - indexBits + 1
)

// Place is the register of an element, and what the register must hold at least when
// the element is in: 1 to 51.
func Place(element []byte) (index int, run uint8) {
	h := murmur64(element, hashSeed)
	rest := h>>indexBits | 1<<(mostRun-1) // a one at the end of all zeros
	return int(h & (Registers - 1)), uint8(bits.TrailingZeros64(rest)) + 1
}

// murmur64 is MurmurHash64A.
func murmur64(b []byte, seed uint64) uint64 {
	const mult, shift = 0xc6a4a7935bd1e995, 47
	h := seed ^ uint64(len(b))*mult
	for len(b) >= 8 {
		k := binary.LittleEndian.Uint64(b) * mult
		k ^= k >> shift
		h = (h ^ k*mult) * mult
		b = b[8:]
	}
	if len(b) > 0 {
		var rest uint64
		for i, x := range b {
			rest |= uint64(x) << (8 * i)
		}
		h = (h ^ rest) * mult
	}
	h ^= h >> shift
	h *= mult
	return h ^ h>>shift
}
