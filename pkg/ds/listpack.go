// Listpack, the reading half: a view of packed elements.

package ds

import (
	"bytes"
	"encoding/binary"
	"math"

	"redisd/internal/num"
)

const (
	lpHeader       = 6      // total bytes (4, little endian), number of elements (2)
	lpEOF          = 0xff   // the last byte
	lpUnknown      = 0xffff // number of elements: as many or more, count them
	lpEmpty        = lpHeader + 1
	lpMaxBackBytes = 5

	// LPMaxBytes is the most bytes that a listpack should be let grow to; see Pack.Fits.
	LPMaxBytes = 1 << 30
)

// Listpack is a view of a listpack in any memory: exactly its bytes, from the header to the end mark. It must be valid
// (CheckListpack says so of foreign bytes); reading what is not may panic, but touches nothing outside of the view.
//
// Elements are named by their offset, which is good until the listpack changes. The format is Redis's:
//
//	total bytes (4) | elements (2, 65535: unknown) | element ... | 0xff
//	element: code and data | their length, to be read backwards, 7 bits a byte (1-5)
//
//	0xxxxxxx                  7-bit number, unsigned
//	10llllll data             string of up to 63 bytes
//	110xxxxx xxxxxxxx         13-bit number
//	1110llll llllllll data    string of up to 4095 bytes
//	11110000 l(4) data        longer string
//	11110001 ... 11110100     number of 2, 3, 4 or 8 bytes
//
// Lengths of strings of the second form and 13-bit numbers are big endian, all else is little endian. A string that
// reads as a decimal number of 64 bits is always stored as a number.
type Listpack []byte

// LPElem is one element: a string, or a number that stands for its decimal text. Str lies in the listpack.
type LPElem struct {
	Str   []byte
	Int   int64
	IsInt bool
}

// LPValue is the element that val is stored as: a number when its text is exactly one. Str is val itself.
func LPValue(val []byte) LPElem {
	if n, ok := num.ParseInt(val); ok {
		return LPElem{Int: n, IsInt: true}
	}
	return LPElem{Str: val}
}

// Append appends the element's bytes to dst.
func (e LPElem) Append(dst []byte) []byte {
	if e.IsInt {
		return num.AppendInt(dst, e.Int)
	}
	return append(dst, e.Str...)
}

// Bytes returns the element's bytes: in the listpack, or for a number in scratch.
func (e LPElem) Bytes(scratch *[24]byte) []byte {
	if e.IsInt {
		return num.AppendInt(scratch[:0], e.Int)
	}
	return e.Str
}

// Len is the number of the element's bytes.
func (e LPElem) Len() int {
	if e.IsInt {
		return num.IntLen(e.Int)
	}
	return len(e.Str)
}

// Equal tells whether the element's bytes are b.
func (e LPElem) Equal(b []byte) bool {
	if e.IsInt {
		n, ok := num.ParseInt(b)
		return ok && n == e.Int
	}
	return bytes.Equal(e.Str, b)
}

// Number is the element as a number. The second result is false for a string that is none.
func (e LPElem) Number() (int64, bool) {
	if e.IsInt {
		return e.Int, true
	}
	return num.ParseInt(e.Str)
}

// Count is the number of elements. From 65535 on it walks through them.
func (l Listpack) Count() int {
	if n := binary.LittleEndian.Uint16(l[4:]); n != lpUnknown {
		return int(n)
	}
	n := 0
	for off := lpHeader; l[off] != lpEOF; off = l.after(off) {
		n++
	}
	return n
}

// First is the offset of the first element, or -1.
func (l Listpack) First() int { return l.orNone(lpHeader) }

// Last is the offset of the last element, or -1.
func (l Listpack) Last() int { return l.Prev(l.End()) }

// End is the offset behind the last element, that of the end mark.
func (l Listpack) End() int { return len(l) - 1 }

// Next is the offset of the element behind the one at off, or -1.
func (l Listpack) Next(off int) int { return l.orNone(l.after(off)) }

// Prev is the offset of the element before the one at off (which may be End), or -1.
func (l Listpack) Prev(off int) int {
	if off <= lpHeader {
		return -1
	}
	n := int(l[off-1])
	if n < 128 {
		return off - 1 - n
	}
	n &= 127
	for shift, i := 7, off-2; ; shift, i = shift+7, i-1 {
		n |= int(l[i]&127) << shift
		if l[i] < 128 {
			return off - n - lpBackSize(n)
		}
	}
}

// Seek is the offset of the element with this index, or -1; -1 is the last element, -2 the one before it. It walks from
// the nearer end.
func (l Listpack) Seek(index int) int {
	if n := binary.LittleEndian.Uint16(l[4:]); n != lpUnknown {
		count := int(n)
		if index < 0 {
			index += count
		}
		if index < 0 || index >= count {
			return -1
		}
		if index > count/2 {
			index -= count
		}
	}
	if index < 0 {
		off := l.Last()
		for ; index < -1 && off >= 0; index++ {
			off = l.Prev(off)
		}
		return off
	}
	off := lpHeader
	for ; index > 0 && l[off] != lpEOF; index-- {
		off = l.after(off)
	}
	return l.orNone(off)
}

// Get returns the element at off.
func (l Listpack) Get(off int) LPElem {
	str, n, isInt := l.Elem(off)
	return LPElem{str, n, isInt}
}

// Elem is Get for loops where nanoseconds count: its results stay in registers.
func (l Listpack) Elem(off int) (str []byte, n int64, isInt bool) {
	h := l[off]
	at, end := off+1, 0
	switch {
	case h < 0x80:
		return nil, int64(h), true
	case h < 0xc0:
		end = at + int(h&0x3f)
	case h < 0xe0 || h > 0xf0:
		return nil, l.number(off), true
	case h < 0xf0:
		at = off + 2
		end = at + (int(h&0x0f)<<8 | int(l[off+1]))
	default:
		at = off + 5
		end = at + int(binary.LittleEndian.Uint32(l[off+1:]))
	}
	return l[at:end:end], 0, false
}

// Read is Get and Next in one.
func (l Listpack) Read(off int) (e LPElem, next int) { return l.Get(off), l.Next(off) }

// Find returns the offset of the first element equal to val, from off on, or -1. skip is how many elements to leave out
// after each that was compared: 1 looks at the fields of a row of pairs only. off may be -1.
func (l Listpack) Find(off int, val []byte, skip int) int {
	if off < 0 {
		return -1
	}
	want, isInt := num.ParseInt(val)
	left := 0
	for {
		h := l[off]
		n := 1
		switch {
		case h < 0x80:
			if left == 0 && isInt && want == int64(h) {
				return off
			}
		case h < 0xc0:
			n = 1 + int(h&0x3f)
			if left == 0 && n-1 == len(val) && string(l[off+1:off+n]) == string(val) {
				return off
			}
		case h == lpEOF:
			return -1
		default:
			n = l.size(off)
			if left == 0 && l.equalLong(off, val, want, isInt) {
				return off
			}
		}
		if left--; left < 0 {
			left = skip
		}
		off += n + lpBackSize(n)
	}
}

// equalLong compares an element of one of the longer codes.
func (l Listpack) equalLong(off int, val []byte, want int64, isInt bool) bool {
	e := l.Get(off)
	if e.IsInt {
		return isInt && e.Int == want
	}
	return string(e.Str) == string(val)
}

// number is the value of an element that has a code for numbers, of more than 7 bits.
func (l Listpack) number(off int) int64 {
	switch h := l[off]; h {
	case 0xf1:
		return int64(int16(binary.LittleEndian.Uint16(l[off+1:])))
	case 0xf2:
		v := uint32(l[off+1])<<8 | uint32(l[off+2])<<16 | uint32(l[off+3])<<24
		return int64(int32(v) >> 8)
	case 0xf3:
		return int64(int32(binary.LittleEndian.Uint32(l[off+1:])))
	case 0xf4:
		return int64(binary.LittleEndian.Uint64(l[off+1:]))
	default:
		v := uint16(h&0x1f)<<8 | uint16(l[off+1])
		return int64(int16(v<<3) >> 3)
	}
}

// size is the length of an element's code and data.
func (l Listpack) size(off int) int {
	h := l[off]
	switch {
	case h < 0x80:
		return 1
	case h < 0xc0:
		return 1 + int(h&0x3f)
	case h < 0xe0:
		return 2
	case h < 0xf0:
		return 2 + (int(h&0x0f)<<8 | int(l[off+1]))
	case h == 0xf0:
		return 5 + int(binary.LittleEndian.Uint32(l[off+1:]))
	case h < 0xf4:
		return int(h-0xf1) + 3
	case h == 0xf4:
		return 9
	}
	return 1 // the end mark, and what no valid listpack has
}

// after is the offset behind the element at off.
func (l Listpack) after(off int) int {
	n := l.size(off)
	return off + n + lpBackSize(n)
}

func (l Listpack) orNone(off int) int {
	if l[off] == lpEOF {
		return -1
	}
	return off
}

// lpBackSize is how many bytes the length n of an element takes behind it. The borders are one lower than they would
// have to be, as in Redis.
func lpBackSize(n int) int {
	switch {
	case n <= 127:
		return 1
	case n < 1<<14-1:
		return 2
	case n < 1<<21-1:
		return 3
	case n < 1<<28-1:
		return 4
	}
	return lpMaxBackBytes
}

// lpIntSize is the length of a number's code and data.
func lpIntSize(n int64) int {
	switch {
	case n >= 0 && n <= 127:
		return 1
	case n >= -1<<12 && n < 1<<12:
		return 2
	case n >= math.MinInt16 && n <= math.MaxInt16:
		return 3
	case n >= -1<<23 && n < 1<<23:
		return 4
	case n >= math.MinInt32 && n <= math.MaxInt32:
		return 5
	}
	return 9
}

// lpStrSize is the length of a string's code and data.
func lpStrSize(n int) int {
	switch {
	case n < 1<<6:
		return 1 + n
	case n < 1<<12:
		return 2 + n
	}
	return 5 + n
}

// LPMatcher compares elements with one value, of which it knows whether it is a number.
type LPMatcher struct {
	val   []byte
	n     int64
	isInt bool
}

// LPMatch makes the matcher of val, which must stay as it is.
func LPMatch(val []byte) LPMatcher {
	n, ok := num.ParseInt(val)
	return LPMatcher{val, n, ok}
}

// Equal tells whether the element's bytes are the value.
func (m *LPMatcher) Equal(e LPElem) bool {
	if e.IsInt {
		return m.isInt && m.n == e.Int
	}
	return string(e.Str) == string(m.val)
}
