package hll

import "encoding/binary"

// group gives the four bytes that end with the three of register index's group of
// four, and how far the register lies from their low end. The byte before the group
// is there, for the header is.
func group(b []byte, index int) (four []byte, shift int) {
	at := HeaderLen + index>>2*3 - 1
	return b[at : at+4 : at+4], 8 + index&3*6
}

const sixBits = 63

// DenseSet raises register index of the dense value b to run and tells whether it was
// lower. It does not touch the cached count.
func DenseSet(b []byte, index int, run uint8) bool {
	four, shift := group(b, index)
	w := binary.LittleEndian.Uint32(four)
	if uint8(w>>shift)&sixBits >= run {
		return false
	}
	binary.LittleEndian.PutUint32(four, w&^(sixBits<<shift)|uint32(run)<<shift)
	return true
}

// DenseGet is register index of the dense value b.
func DenseGet(b []byte, index int) uint8 {
	four, shift := group(b, index)
	return uint8(binary.LittleEndian.Uint32(four)>>shift) & sixBits
}

// spread makes the low 48 bits of w, eight numbers of six bits, eight bytes.
func spread(w uint64) uint64 {
	w = w&(1<<24-1) | w>>24&(1<<24-1)<<32
	w = w&0x00000fff_00000fff | w&0x00fff000_00fff000<<4
	return w&0x003f003f_003f003f | w&0x0fc00fc0_0fc00fc0<<2
}

// narrow is the way back of spread.
func narrow(w uint64) uint64 {
	w = w&0x003f003f_003f003f | w&0x3f003f00_3f003f00>>2
	w = w&0x00000fff_00000fff | w&0x0fff0000_0fff0000>>4
	return w&(1<<24-1) | w>>32<<24
}

// sixteen are the registers in the twelve bytes of b, a byte each.
func sixteen(b []byte) (first, second uint64) {
	b = b[:12]
	return spread(binary.LittleEndian.Uint64(b)), spread(binary.LittleEndian.Uint64(b[4:]) >> 16)
}

// putSixteen is the way back of sixteen.
func putSixteen(b []byte, first, second uint64) {
	b = b[:12]
	first, second = narrow(first), narrow(second)
	binary.LittleEndian.PutUint64(b, first|second<<48)
	binary.LittleEndian.PutUint32(b[8:], uint32(second>>16))
}

// higher takes the higher of each two bytes; all are below 128.
func higher(x, y uint64) uint64 {
	const top = 0x8080808080808080
	notLower := ((x | top) - y) & top >> 7 * 0xff // no byte borrows from its neighbour
	return x&notLower | y&^notLower
}
