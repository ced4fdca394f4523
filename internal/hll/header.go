package hll

import "encoding/binary"

const (
	// Registers is how many registers a value has.
	Registers = 1 << indexBits
	// HeaderLen is the length of the header.
	HeaderLen = 16
	// DenseLen is the length of a dense value.
	DenseLen = HeaderLen + Registers*6/8
	// EmptyLen is the length of a value as PutEmpty makes it.
	EmptyLen = HeaderLen + 2

	indexBits = 14
	magic     = "HYLL"
	dense     = 0
	sparse    = 1

	encodingAt = 4
	cardAt     = 8
	staleCard  = 1 << 63
)

// IsValue tells whether b looks like a value: its header, and the length of a dense
// one. The runs of a sparse one are not looked at.
func IsValue(b []byte) bool {
	if len(b) < HeaderLen || string(b[:len(magic)]) != magic {
		return false
	}
	return b[encodingAt] == sparse || b[encodingAt] == dense && len(b) == DenseLen
}

// IsDense tells whether the value b is dense.
func IsDense(b []byte) bool { return b[encodingAt] == dense }

// PutEmpty makes the EmptyLen bytes of b a sparse value without elements.
func PutEmpty(b []byte) {
	clear(b[copy(b, magic):HeaderLen])
	b[encodingAt] = sparse
	putZeros(b[HeaderLen:], Registers)
}

// Cached is the count that is kept in the value b; false when it is out of date.
func Cached(b []byte) (uint64, bool) {
	n := binary.LittleEndian.Uint64(b[cardAt:])
	return n, n < staleCard
}

// SetCached keeps a count in the value b.
func SetCached(b []byte, n uint64) { binary.LittleEndian.PutUint64(b[cardAt:], n) }

// Invalidate says that the count in the value b is out of date.
func Invalidate(b []byte) { b[cardAt+7] |= staleCard >> 56 }
