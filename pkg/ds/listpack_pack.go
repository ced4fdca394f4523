// Pack: a listpack in an arena block, for changing.

package ds

import (
	"encoding/binary"

	"redisd/pkg/mem"
)

// Pack is a listpack in an arena block of the purpose mem.Value. Changing it may move it: Ref is the block after each
// call, and whoever keeps the Ref elsewhere stores it again. Offsets and views from before a change are void.
//
// The bytes passed in must not lie in the arena block itself.
type Pack struct {
	Arena *mem.Arena
	Ref   mem.Ref
}

// NewPack makes an empty one with room for so many bytes of elements (see LPSize).
func NewPack(a *mem.Arena, room int) Pack {
	p := Pack{a, a.Alloc(mem.Value, lpEmpty+room)}
	b := a.Bytes(p.Ref, lpEmpty)
	lpSetHeader(b, lpEmpty, 0)
	b[lpHeader] = lpEOF
	return p
}

// NewPackOf makes one that is a copy of a valid listpack.
func NewPackOf(a *mem.Arena, blob []byte) Pack {
	p := Pack{a, a.Alloc(mem.Value, len(blob))}
	copy(a.Bytes(p.Ref, len(blob)), blob)
	return p
}

// Free gives the block back.
func (p *Pack) Free() {
	p.Arena.Free(mem.Value, p.Ref)
	p.Ref = 0
}

// Size is the number of bytes of the listpack.
func (p Pack) Size() int { return int(binary.LittleEndian.Uint32(p.Arena.Bytes(p.Ref, 4))) }

// View is the listpack as it is now, good until the next change.
func (p Pack) View() Listpack { return Listpack(p.Arena.Bytes(p.Ref, p.Size())) }

// Fits tells whether so many bytes more keep the listpack below LPMaxBytes. Who stores elements of foreign sizes asks
// first; beyond 4 GB a listpack cannot be.
func (p Pack) Fits(extra int) bool { return p.Size()+extra <= LPMaxBytes }

// Append adds an element at the end and returns its offset.
func (p *Pack) Append(val []byte) int { return p.InsertElem(p.Size()-1, LPValue(val)) }

// AppendInt adds a number at the end and returns its offset.
func (p *Pack) AppendInt(n int64) int { return p.InsertInt(p.Size()-1, n) }

// Prepend adds an element at the start.
func (p *Pack) Prepend(val []byte) { p.InsertElem(lpHeader, LPValue(val)) }

// Insert adds an element before the one at off, or at the end when off is the view's End. It returns the new element's
// offset, which is off.
func (p *Pack) Insert(off int, val []byte) int { return p.InsertElem(off, LPValue(val)) }

// InsertInt is Insert for a number.
func (p *Pack) InsertInt(off int, n int64) int { return p.InsertElem(off, LPElem{Int: n, IsInt: true}) }

// InsertElem is Insert for an element as it is.
func (p *Pack) InsertElem(off int, e LPElem) int {
	n, size := e.packed(), p.Size()
	b := p.room(size, n)
	copy(b[off+n:], b[off:size])
	e.put(b[off:])
	p.counted(b, size+n, 1)
	return off
}

// Replace puts another element in the place of the one at off.
func (p *Pack) Replace(off int, val []byte) { p.ReplaceElem(off, LPValue(val)) }

// ReplaceInt puts a number in the place of the element at off.
func (p *Pack) ReplaceInt(off int, n int64) { p.ReplaceElem(off, LPElem{Int: n, IsInt: true}) }

// ReplaceElem is Replace for an element as it is.
func (p *Pack) ReplaceElem(off int, e LPElem) {
	l := p.View()
	size, old, n := len(l), l.after(off)-off, e.packed()
	b := []byte(l)
	if n > old {
		b = p.room(size, n-old)
	}
	if n != old {
		copy(b[off+n:], b[off+old:size])
	}
	e.put(b[off:])
	p.counted(b, size+n-old, 0)
	p.trim(size + n - old)
}

// Delete removes up to n elements, from the one at off on. It returns the offset of the element that follows, which is
// off, or -1 when there is none.
func (p *Pack) Delete(off, n int) int {
	l := p.View()
	end, gone := off, 0
	for ; gone < n && l[end] != lpEOF; gone++ {
		end = l.after(end)
	}
	return p.cut(l, off, end, gone)
}

// cut removes the bytes from off to end, which are gone elements.
func (p *Pack) cut(l Listpack, off, end, gone int) int {
	copy(l[off:], l[end:])
	size := len(l) - (end - off)
	p.counted(l, size, -gone)
	p.trim(size)
	if off == size-1 {
		return -1
	}
	return off
}

// room makes the block large enough for so many bytes more and returns all of them.
func (p *Pack) room(size, more int) []byte {
	if size+more > p.Arena.Usable(p.Ref) {
		p.Ref = p.Arena.Resize(mem.Value, p.Ref, size, size+more)
	}
	return p.Arena.Bytes(p.Ref, size+more)
}

// trim gives back room that the listpack does not need. A quarter of the block may be unused, so that what grows and
// shrinks in turn does not move each time.
func (p *Pack) trim(size int) {
	if usable := p.Arena.Usable(p.Ref); size < usable-usable/4 {
		p.Ref = p.Arena.Resize(mem.Value, p.Ref, size, size)
	}
}

// counted brings the header up to date. Once the number of elements is unknown it stays so, as in Redis.
func (p *Pack) counted(b []byte, size, more int) {
	count := int(binary.LittleEndian.Uint16(b[4:]))
	if count != lpUnknown {
		count += more
	}
	lpSetHeader(b, size, count)
}
