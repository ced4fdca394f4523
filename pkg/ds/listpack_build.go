// Writing the elements of listpacks, and building one in Go memory.

package ds

import (
	"encoding/binary"
	"fmt"
	"math"

	"redisd/internal/num"
)

// LPSize is the number of bytes that val takes as an element.
func LPSize(val []byte) int { return LPValue(val).packed() }

// LPSizeInt is the number of bytes that n takes as an element.
func LPSizeInt(n int64) int {
	size := lpIntSize(n)
	return size + lpBackSize(size)
}

// size is the length of the element's code and data.
func (e LPElem) size() int {
	if e.IsInt {
		return lpIntSize(e.Int)
	}
	return lpStrSize(len(e.Str))
}

// packed is the number of bytes that the element takes in all.
func (e LPElem) packed() int {
	n := e.size()
	return n + lpBackSize(n)
}

// put writes the element to the start of b, whose length must be at least packed.
func (e LPElem) put(b []byte) {
	var n int
	if e.IsInt {
		n = lpPutInt(b, e.Int)
	} else {
		n = lpPutStr(b, e.Str)
	}
	lpPutBack(b[n:], n)
}

func lpPutInt(b []byte, n int64) int {
	size := lpIntSize(n)
	switch size {
	case 1:
		b[0] = byte(n)
	case 2:
		b[0], b[1] = byte(n>>8)&0x1f|0xc0, byte(n)
	case 3:
		b[0] = 0xf1
		binary.LittleEndian.PutUint16(b[1:], uint16(n))
	case 4:
		b[0], b[1], b[2], b[3] = 0xf2, byte(n), byte(n>>8), byte(n>>16)
	case 5:
		b[0] = 0xf3
		binary.LittleEndian.PutUint32(b[1:], uint32(n))
	default:
		b[0] = 0xf4
		binary.LittleEndian.PutUint64(b[1:], uint64(n))
	}
	return size
}

func lpPutStr(b, s []byte) int {
	n := len(s)
	switch {
	case n < 1<<6:
		b[0] = 0x80 | byte(n)
		return 1 + copy(b[1:], s)
	case n < 1<<12:
		b[0], b[1] = 0xe0|byte(n>>8), byte(n)
		return 2 + copy(b[2:], s)
	}
	b[0] = 0xf0
	binary.LittleEndian.PutUint32(b[1:], uint32(n))
	return 5 + copy(b[5:], s)
}

// lpPutBack writes the length n so that it can be read from its last byte on.
func lpPutBack(b []byte, n int) {
	size := lpBackSize(n)
	for i := size - 1; i >= 0; i-- {
		b[i] = byte(n)&127 | 128
		n >>= 7
	}
	b[0] &= 127
}

// lpSetHeader writes the header of a listpack of total bytes and count elements.
func lpSetHeader(b []byte, total, count int) {
	if total > math.MaxUint32 {
		panic(fmt.Sprintf("BUG: listpack of %d bytes", total))
	}
	binary.LittleEndian.PutUint32(b, uint32(total))
	binary.LittleEndian.PutUint16(b[4:], uint16(min(count, lpUnknown)))
}

// AppendLP appends the listpack of vals to dst.
func AppendLP(dst []byte, vals ...[]byte) []byte {
	b := LPBuilder{buf: dst, start: len(dst)}
	for _, v := range vals {
		b.Add(v)
	}
	n := len(b.Blob())
	return b.buf[:len(dst)+n]
}

// LPBuilder makes a listpack in Go memory, which it reuses. The zero value is ready.
type LPBuilder struct {
	buf   []byte // what is before start belongs to somebody else
	start int
	count int
}

// Reset makes the builder empty.
func (b *LPBuilder) Reset() { b.buf, b.count = b.buf[:b.start], 0 }

// Add appends an element.
func (b *LPBuilder) Add(val []byte) { b.AddElem(LPValue(val)) }

// AddInt appends a number.
func (b *LPBuilder) AddInt(n int64) { b.AddElem(LPElem{Int: n, IsInt: true}) }

// AddUint appends the decimal text of n; beyond the range of int64 it is a string.
func (b *LPBuilder) AddUint(n uint64) {
	var scratch [24]byte
	b.Add(num.AppendUint(scratch[:0], n))
}

// AddElem appends an element as it is.
func (b *LPBuilder) AddElem(e LPElem) {
	b.begin()
	n, at := e.packed(), len(b.buf)
	b.buf = append(b.buf, make([]byte, n)...)
	e.put(b.buf[at:])
	b.count++
}

// Count is the number of elements added.
func (b *LPBuilder) Count() int { return b.count }

// Blob finishes the listpack and returns it: the builder's memory, good until its next change. More may be added
// afterwards.
func (b *LPBuilder) Blob() []byte {
	b.begin()
	n := len(b.buf)
	b.buf = append(b.buf, lpEOF)
	blob := b.buf[b.start:]
	lpSetHeader(blob, len(blob), b.count)
	b.buf = b.buf[:n]
	return blob
}

// begin makes room for the header.
func (b *LPBuilder) begin() {
	if len(b.buf) == b.start {
		b.buf = append(b.buf, 0, 0, 0, 0, 0, 0)
	}
}
