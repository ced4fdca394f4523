// Small blocks: the fast ways of Alloc and Free, and the spans behind them.

package mem

import (
	"errors"
	"math/bits"
	"unsafe"
)

// errFull says that the reserved range has no place left.
var errFull = errors.New("address range is full")

const cellBytes = 32

// span is the cell of a span's first unit. The other units of a wide span have only the class set.
type span struct {
	free  Ref    // first freed block; each holds the next in its first 8 bytes
	bump  Ref    // first block that was never used
	left  uint32 // how many were never used: a new span touches no page before it must
	live  uint32 // blocks in use
	class uint8  // small class, classNone, classSlot or classRun; the same place in each sort of cell
}

// class is the state of one small class.
type class struct {
	cur    *span  // where the next block comes from; &Arena.none when there is none
	size   uint64 // block size in bytes
	live   uint64 // blocks in use
	spans  uint64 // spans in use
	blocks uint32 // blocks a span holds
	number uint8
	kind   uint8 // of the chunks its spans lie in
}

func (a *Arena) span(unit uint64) *span {
	return (*span)(unsafe.Add(a.cells, unit*cellBytes))
}

// Alloc returns a block of at least n bytes, n >= 0, with whatever was in it. It panics with *OutOfMemory.
func (a *Arena) Alloc(p Purpose, n int) Ref {
	if invariants {
		a.checkCall(p, n)
	}
	i := (uint(n) + 7) >> 3
	if i >= uint(len(a.classOf)) {
		return a.allocExtent(p, n, 0, false)
	}
	c := &a.classes[a.classOf[i]]
	for {
		s := c.cur
		r := s.free
		if r != 0 {
			s.free = *(*Ref)(unsafe.Add(a.base, r))
		} else if s.left != 0 {
			r = s.bump
			s.bump += Ref(c.size)
			s.left--
		} else {
			a.refill(c, n)
			continue
		}
		s.live++
		c.live++
		a.used[p] += c.size
		a.total += c.size
		if invariants {
			a.noteAlloc(p, r, c.size)
		}
		return r
	}
}

// AllocZero is Alloc with the first n bytes zero. Above 32 KB it relies on fresh pages where it can.
func (a *Arena) AllocZero(p Purpose, n int) Ref {
	if n > maxSmall {
		if invariants {
			a.checkCall(p, n)
		}
		return a.allocExtent(p, n, 0, true)
	}
	r := a.Alloc(p, n)
	clear(a.Bytes(r, n))
	return r
}

// Free gives a block back. p is the purpose that it was allocated for. Freeing 0 does nothing.
func (a *Arena) Free(p Purpose, r Ref) {
	if invariants {
		a.noteFree(p, r)
	}
	unit := uint64(r) >> unitShift
	s := a.span(unit)
	if s.class-1 >= narrowClasses {
		if s.class-1 >= smallClasses {
			a.freeExtent(p, r)
			return
		}
		unit &^= wideUnits - 1
		s = a.span(unit)
	}
	c := &a.classes[s.class]
	if a.total > a.peak {
		a.peak = a.total
	}
	a.total -= c.size
	a.used[p] -= c.size
	c.live--
	*(*Ref)(unsafe.Add(a.base, r)) = s.free
	s.free = r
	s.live--
	if s.live == 0 || s.live+1 == c.blocks {
		a.turn(c, s, unit)
	}
}

// turn handles a span that has just become empty, or is no longer full.
func (a *Arena) turn(c *class, s *span, unit uint64) {
	current := s == c.cur
	if s.live != 0 {
		if !current {
			a.addSpan(c.number, unit)
		}
		return
	}
	if current {
		// A class that comes and goes one block at a time keeps its span, but only in the first chunks: it must not
		// hold an otherwise empty one.
		if unit < keepEmpty*unitsPerChunk {
			return
		}
		c.cur = &a.none
	} else {
		a.dropSpan(c.number, unit)
	}
	a.dropSmallSpan(c, unit)
}

// refill gives class c a current span with room. n is what the caller asked for, for the panic.
func (a *Arena) refill(c *class, n int) {
	if unit, ok := a.lowestSpan(c.number); ok {
		a.dropSpan(c.number, unit)
		c.cur = a.span(unit)
		return
	}
	set := setKinds + int(c.kind)
	i, ok := a.lowestChunk(set)
	if !ok {
		if err := a.newSmallChunk(c.kind); err != nil {
			a.refuse(n, err)
		}
		i, _ = a.lowestChunk(set)
	}
	c.cur = a.newSmallSpan(c, i)
}

// newSmallSpan makes a span of class c in chunk i, which has room.
func (a *Arena) newSmallSpan(c *class, i uint64) *span {
	k, ch := &a.kinds[c.kind], a.chunk(i)
	if ch.free == k.all {
		k.empty--
	}
	place := uint64(bits.TrailingZeros64(ch.free))
	ch.free &^= 1 << place
	if ch.free == 0 {
		a.dropChunk(setKinds+int(c.kind), i)
	}
	if ch.dirty>>place&1 == 0 {
		ch.dirty |= 1 << place
		a.mapped += k.unit
	}
	if a.huge.has(i) {
		a.prepareSpare(k, ch)
	}
	units := k.unit >> unitShift
	unit := i*unitsPerChunk + place*units
	for u := unit + 1; u < unit+units; u++ {
		a.span(u).class = c.number
	}
	s := a.span(unit)
	*s = span{bump: Ref(unit << unitShift), left: c.blocks, class: c.number}
	c.spans++
	return s
}

// dropSmallSpan gives an empty span that nothing refers to back to its chunk, and the chunk to the system when it is
// one empty chunk too many.
func (a *Arena) dropSmallSpan(c *class, unit uint64) {
	if invariants {
		a.noteSpanGone(c, unit)
	}
	k := &a.kinds[c.kind]
	units := k.unit >> unitShift
	for u := unit; u < unit+units; u++ {
		a.span(u).class = classNone
	}
	c.spans--
	i := unit / unitsPerChunk
	ch := a.chunk(i)
	if ch.free == 0 {
		a.addChunk(setKinds+int(c.kind), i)
	}
	ch.free |= 1 << (unit % unitsPerChunk / units)
	if ch.free != k.all {
		return
	}
	k.empty++
	if k.empty > keepEmpty {
		a.dropSmallChunk(i)
	}
}

// refuse panics for an allocation of n bytes that err stopped.
func (a *Arena) refuse(n int, err error) {
	if errors.Is(err, errFull) {
		err = nil
	}
	panic(&OutOfMemory{Size: n, Err: err})
}

// unitOf is the inverse of span.
func (a *Arena) unitOf(s *span) uint64 {
	return uint64(uintptr(unsafe.Pointer(s))-uintptr(a.cells)) / cellBytes
}
