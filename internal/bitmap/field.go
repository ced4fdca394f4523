package bitmap

import (
	"encoding/binary"
	"math"
)

// Field is the type of an integer inside a bitmap: i1..i64 or u1..u63.
type Field struct {
	Signed bool
	Bits   int
}

// Overflow says what becomes of a number that its field cannot hold.
type Overflow uint8

// The ways to treat an overflow.
const (
	Wrap Overflow = iota // the low bits count
	Saturate
	Fail // nothing is written
)

// Get reads the integer at bit at of b. What lies behind the end of b is zeros; at
// may lie there.
func (f Field) Get(b []byte, at int) int64 {
	first := at >> 3
	var w [9]byte
	if first < len(b) {
		copy(w[:], b[first:])
	}
	return f.extend(load(&w, at&7) >> (64 - f.Bits))
}

// load is the 64 bits of w from bit skip on.
func load(w *[9]byte, skip int) uint64 {
	return binary.BigEndian.Uint64(w[:])<<skip | uint64(w[8])>>(8-skip)
}

// extend makes the low bits of raw, the others being zero, the number they stand for.
func (f Field) extend(raw uint64) int64 {
	if !f.Signed {
		return int64(raw)
	}
	unused := 64 - f.Bits
	return int64(raw<<unused) >> unused
}

// Set writes the low bits of v as the integer at bit at of b, which is long enough.
func (f Field) Set(b []byte, at int, v int64) {
	first, skip := at>>3, at&7
	var w [9]byte
	n := copy(w[:], b[first:])
	unused := 64 - f.Bits
	mask, val := ^uint64(0)<<unused, uint64(v)<<unused // at the top of 64 bits
	binary.BigEndian.PutUint64(w[:], binary.BigEndian.Uint64(w[:])&^(mask>>skip)|val>>skip)
	w[8] = w[8]&^byte(mask<<(8-skip)) | byte(val<<(8-skip)) // what the shift lost
	copy(b[first:first+n], w[:])
}

// Fit makes v a number that the field can hold. ok is false when it was none and mode
// is Fail. Redis's oddities are kept, for a log must mean the same there: a negative
// number for an unsigned field saturates at the largest, and so does one for a signed
// field that is more than 2^63-1 below the largest.
func (f Field) Fit(v int64, mode Overflow) (n int64, ok bool) {
	low, high := f.bounds()
	switch {
	case v >= low && v <= high:
		return v, true
	case f.Signed && v < low && high-v > 0: // the difference may overflow
		return f.limited(v, low, mode)
	}
	return f.limited(v, high, mode)
}

// Add is the number v, which the field holds, with by added; otherwise it is as Fit.
func (f Field) Add(v, by int64, mode Overflow) (n int64, ok bool) {
	low, high := f.bounds()
	sum := v + by
	switch {
	case by > 0 && uint64(high)-uint64(v) < uint64(by):
		return f.limited(sum, high, mode)
	case by < 0 && uint64(v)-uint64(low) < -uint64(by):
		return f.limited(sum, low, mode)
	}
	return sum, true
}

func (f Field) bounds() (low, high int64) {
	if !f.Signed {
		return 0, 1<<f.Bits - 1
	}
	high = int64(uint64(math.MaxUint64) >> (65 - f.Bits))
	return -high - 1, high
}

func (f Field) limited(v, limit int64, mode Overflow) (int64, bool) {
	switch mode {
	case Saturate:
		return limit, true
	case Wrap:
		return f.extend(uint64(v) << (64 - f.Bits) >> (64 - f.Bits)), true
	default:
		return 0, false
	}
}
