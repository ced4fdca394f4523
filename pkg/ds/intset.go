package ds

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"redisd/pkg/mem"
)

// The intset: whole numbers in ascending order, in Redis's format, little endian.
//
//	byte 0..3   width of a number in bytes: 2, 4 or 8
//	byte 4..7   how many there are
//	byte 8..    the numbers
//
// The width grows when a number needs it and never shrinks.

const intsetHeader = 8

// Intset views an intset for reading, in the arena or in Go memory. The bytes
// must be a valid one; those that come from outside are checked by CheckIntset.
type Intset []byte

func (s Intset) width() int { return int(s[0]) }

// Len is how many numbers there are.
func (s Intset) Len() int { return int(binary.LittleEndian.Uint32(s[4:])) }

// At is number i in ascending order, 0 <= i < Len.
func (s Intset) At(i int) int64 {
	switch s.width() {
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(s[intsetHeader+2*i:])))
	case 4:
		return int64(int32(binary.LittleEndian.Uint32(s[intsetHeader+4*i:])))
	default:
		return int64(binary.LittleEndian.Uint64(s[intsetHeader+8*i:]))
	}
}

// Find gives the place of n, and whether it is there; if not, the place is where
// it belongs.
func (s Intset) Find(n int64) (i int, found bool) {
	lo, hi := 0, s.Len()
	// Numbers often come in ascending order: the end is looked at first.
	if hi == 0 || s.At(hi-1) < n {
		return hi, false
	}
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if s.At(mid) < n {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo, s.At(lo) == n
}

func (s Intset) put(i int, n int64) {
	switch s.width() {
	case 2:
		binary.LittleEndian.PutUint16(s[intsetHeader+2*i:], uint16(n))
	case 4:
		binary.LittleEndian.PutUint32(s[intsetHeader+4*i:], uint32(n))
	default:
		binary.LittleEndian.PutUint64(s[intsetHeader+8*i:], uint64(n))
	}
}

func (s Intset) setHeader(width, count int) {
	binary.LittleEndian.PutUint32(s, uint32(width))
	binary.LittleEndian.PutUint32(s[4:], uint32(count))
}

func intWidth(n int64) int {
	switch {
	case n >= math.MinInt16 && n <= math.MaxInt16:
		return 2
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return 4
	default:
		return 8
	}
}

// Ints is an intset in an arena block (purpose mem.Value), for changing. It is a
// small value; after a change Ref may be another block.
type Ints struct {
	Arena *mem.Arena
	Ref   mem.Ref
}

// NewInts makes an empty intset with room for n numbers of the width that first
// needs.
func NewInts(a *mem.Arena, first int64, n int) Ints {
	w := intWidth(first)
	s := Ints{a, a.Alloc(mem.Value, intsetHeader+w*n)}
	Intset(a.Bytes(s.Ref, intsetHeader)).setHeader(w, 0)
	return s
}

// Size is the length of the intset in bytes.
func (s Ints) Size() int {
	h := Intset(s.Arena.Bytes(s.Ref, intsetHeader))
	return intsetHeader + h.width()*h.Len()
}

// View is the intset for reading, good until the next change.
func (s Ints) View() Intset { return s.Arena.Bytes(s.Ref, s.Size()) }

// Add inserts n and tells whether it was not there before.
func (s *Ints) Add(n int64) bool {
	v := s.View()
	if intWidth(n) > v.width() {
		s.widen(n)
		return true
	}
	i, found := v.Find(n)
	if found {
		return false
	}
	w, count := v.width(), v.Len()
	s.reserve(len(v), len(v)+w)
	v = s.Arena.Bytes(s.Ref, len(v)+w)
	at := intsetHeader + w*i
	copy(v[at+w:], v[at:len(v)-w])
	v.put(i, n)
	v.setHeader(w, count+1)
	return true
}

// widen gives all numbers more bytes for the sake of n, which belongs before or
// behind all of them because it did not fit.
func (s *Ints) widen(n int64) {
	old := s.View()
	from, w, count := old.width(), intWidth(n), old.Len()
	size := intsetHeader + w*(count+1)
	s.reserve(len(old), size)
	v := Intset(s.Arena.Bytes(s.Ref, size))
	shift := 0
	if n < 0 {
		shift = 1
	}
	for i := count - 1; i >= 0; i-- { // from the end: nothing is overwritten before it was read
		v.setHeader(from, count)
		k := v.At(i)
		v.setHeader(w, count)
		v.put(i+shift, k)
	}
	v.setHeader(w, count+1)
	v.put(count*(1-shift), n)
}

// reserve makes the block fit for n bytes, of which used are in use.
func (s *Ints) reserve(used, n int) {
	if s.Arena.Usable(s.Ref) < n {
		s.Ref = s.Arena.Resize(mem.Value, s.Ref, used, n)
	}
}

// Remove takes n out and tells whether it was there.
func (s *Ints) Remove(n int64) bool {
	v := s.View()
	i, found := v.Find(n)
	if !found {
		return false
	}
	s.RemoveAt(i)
	return true
}

// RemoveAt takes number i in ascending order out, 0 <= i < Len.
func (s *Ints) RemoveAt(i int) {
	v := s.View()
	w := v.width()
	at := intsetHeader + w*i
	copy(v[at:], v[at+w:])
	v.setHeader(w, v.Len()-1)
	s.trim(len(v) - w)
}

// Sweep asks take about each number in ascending order and takes out those it says
// true for.
func (s *Ints) Sweep(take func(int64) bool) {
	v := s.View()
	kept := 0
	for i := range v.Len() {
		if n := v.At(i); !take(n) {
			v.put(kept, n)
			kept++
		}
	}
	v.setHeader(v.width(), kept)
	s.trim(intsetHeader + v.width()*kept)
}

// trim gives back what a block has beyond n bytes, but not for a little: it may copy.
func (s *Ints) trim(n int) {
	if have := s.Arena.Usable(s.Ref); have-n > have/4 {
		s.Ref = s.Arena.Resize(mem.Value, s.Ref, n, n)
	}
}

// Free gives the block back.
func (s *Ints) Free() {
	s.Arena.Free(mem.Value, s.Ref)
	s.Ref = 0
}

// CheckIntset tells what is wrong with the bytes of an intset from outside, or nil:
// the sizes must agree, there must be numbers, each once and in ascending order.
func CheckIntset(b []byte) error {
	if len(b) < intsetHeader {
		return errors.New("ds: intset: shorter than its header")
	}
	width, count := uint64(binary.LittleEndian.Uint32(b)), uint64(binary.LittleEndian.Uint32(b[4:]))
	switch {
	case width != 2 && width != 4 && width != 8:
		return fmt.Errorf("ds: intset: width %d", width)
	case intsetHeader+width*count != uint64(len(b)):
		return fmt.Errorf("ds: intset: %d numbers of %d bytes in %d bytes", count, width, len(b))
	case count == 0:
		return errors.New("ds: intset: empty")
	}
	s := Intset(b)
	for i := 1; i < int(count); i++ {
		if s.At(i-1) >= s.At(i) {
			return fmt.Errorf("ds: intset: number %d is not greater than the one before", i)
		}
	}
	return nil
}
