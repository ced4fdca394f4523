// Blocks above 32 KB: slots inside chunks of one slot class, and runs of whole chunks.

package mem

import (
	"math/bits"
	"unsafe"
)

// dirtyLimit bounds the freed slots that keep their pages, one a class at most. A large value that is overwritten over
// and over takes turns between two slots without a system call.
const dirtyLimit = 2 << 20

// extent is the cell of the unit that a slot or a run begins in. Slots are larger than a unit, so no two begin in one.
type extent struct {
	size     uint64 // bytes of the block: whole pages. Of a slot that is kept dirty, bytes that may have pages
	capacity uint64 // bytes it can grow to in place
	start    Ref    // where it begins; a Free or Resize with another Ref is a bug
	class    uint8  // classSlot or classRun; where span.class is
	live     bool   // false: a slot that is kept dirty
	slot     uint8  // classSlot: the slot class
}

// extent's class must lie where span's does: Free looks before it knows what it has.
var _ = [1]struct{}{}[unsafe.Offsetof(span{}.class)-unsafe.Offsetof(extent{}.class)]

// slotClassState is the state of one slot class.
type slotClassState struct {
	size  uint64 // bytes of a slot
	all   uint64 // free mask of an empty chunk
	live  uint64 // slots in use
	bytes uint64 // bytes of them that are counted
	dirty Ref    // a freed slot that still has its pages, or 0
}

func (a *Arena) extent(r Ref) *extent {
	return (*extent)(unsafe.Add(a.cells, uint64(r)>>unitShift*cellBytes))
}

// liveExtent returns the extent that begins at r.
func (a *Arena) liveExtent(r Ref) *extent {
	x := a.extent(r)
	if (x.class != classSlot && x.class != classRun) || x.start != r || !x.live {
		panic("BUG: mem: no block begins at this reference")
	}
	return x
}

// allocExtent makes a block of n > 32 KB with room to grow to capacity bytes in place.
func (a *Arena) allocExtent(p Purpose, n int, capacity uint64, zero bool) Ref {
	if n < 0 {
		panic("BUG: mem: negative size")
	}
	size := roundUp(uint64(n), a.page)
	capacity = max(capacity, size)
	if size > a.chunks*chunkBytes {
		a.refuse(n, errFull)
	}
	var r Ref
	var err error
	clean := true
	if capacity <= maxSlot {
		r, clean, err = a.takeSlot(size, capacity)
	} else {
		r, err = a.takeRun(size, capacity)
	}
	if err != nil {
		a.refuse(n, err)
	}
	a.used[p] += size
	a.total += size
	if invariants {
		a.noteAlloc(p, r, size)
	}
	switch {
	case zero && !clean:
		clear(a.Bytes(r, n))
	case zero && capacity > maxSlot:
		// A table is written to all over, a bit at a time; other large blocks are filled at once.
		a.bringIn(uint64(r)>>chunkShift, uint64(r)>>chunkShift)
	}
	return r
}

// Reserve returns a block of n bytes that Resize grows in place up to capacity, which is more than 1 MB. What it has not
// grown to costs addresses only. It returns 0 when these are not plenty, or the system refuses them.
func (a *Arena) Reserve(p Purpose, n, capacity int) Ref {
	if invariants {
		a.checkCall(p, n)
	}
	if capacity <= maxSlot || n <= maxSlot/2 || n > capacity {
		panic("BUG: mem: Reserve of a block that cannot grow in place")
	}
	if uint64(capacity)>>chunkShift > (a.highStart-a.lowEnd)/4 {
		return 0
	}
	size := roundUp(uint64(n), a.page)
	r, err := a.takeRunFor(uint64(capacity), size, roundUp(uint64(capacity), a.page))
	if err != nil {
		return 0
	}
	a.used[p] += size
	a.total += size
	if invariants {
		a.noteAlloc(p, r, size)
	}
	return r
}

// Repurpose makes a block that was allocated for one purpose one of another.
func (a *Arena) Repurpose(from, to Purpose, r Ref) {
	if invariants {
		a.checkCall(to, 0)
		a.notePurpose(from, to, r)
	}
	size := uint64(a.Usable(r))
	a.used[from] -= size
	a.used[to] += size
}

// takeSlot takes a slot of at least capacity bytes; clean says that it reads as zero.
func (a *Arena) takeSlot(size, capacity uint64) (r Ref, clean bool, err error) {
	class := slotClass(capacity)
	sc := &a.slots[class]
	if r = sc.dirty; r != 0 {
		if invariants {
			a.checkPoison(r, 0, a.extent(r).size)
		}
		a.reuseSlot(sc, a.extent(r), size)
		return r, false, nil
	}
	set := setSlots + class
	i, ok := a.lowestChunk(set)
	if !ok {
		if i, err = a.takeHigh(1); err != nil {
			return 0, false, err
		}
		a.setHuge(i, i+1, false)
		*a.chunk(i) = chunk{free: sc.all, kind: kindSlot, slot: uint8(class)}
		a.addChunk(set, i)
	}
	ch := a.chunk(i)
	place := uint64(bits.TrailingZeros64(ch.free))
	ch.free &^= 1 << place
	if ch.free == 0 {
		a.dropChunk(set, i)
	}
	r = Ref(i<<chunkShift + place*sc.size)
	*a.extent(r) = extent{size: size, capacity: sc.size, start: r, class: classSlot, live: true, slot: uint8(class)}
	sc.live++
	sc.bytes += size
	a.mapped += size
	if invariants {
		a.checkClean(r, sc.size)
	}
	return r, true, nil
}

// reuseSlot makes the slot that a class keeps dirty a block of size bytes.
func (a *Arena) reuseSlot(sc *slotClassState, x *extent, size uint64) {
	sc.dirty = 0
	a.dirtyBytes -= x.size
	a.mapped += size - x.size
	if x.size > size+sc.size/8 {
		giveBack(unsafe.Add(a.base, uint64(x.start)+size), x.size-size)
	}
	x.size = size
	x.live = true
	sc.live++
	sc.bytes += size
}

// takeRun takes whole chunks for capacity bytes.
func (a *Arena) takeRun(size, capacity uint64) (Ref, error) {
	return a.takeRunFor(size, size, capacity)
}

// takeRunFor is takeRun where a block of so many bytes belongs that has size at first.
func (a *Arena) takeRunFor(full, size, capacity uint64) (Ref, error) {
	k := (capacity + chunkBytes - 1) >> chunkShift
	take := a.takeLow
	whole := a.hugeChunks(full)
	if a.hugePages && (whole == 0 || a.edges >= maxEdges) {
		take, whole = a.takeHigh, 0
	}
	i, err := take(k)
	if err != nil {
		return 0, err
	}
	a.setHuge(i, i+whole, true)
	a.setHuge(i+whole, i+k, false)
	*a.chunk(i) = chunk{kind: kindRun, count: k}
	r := Ref(i << chunkShift)
	*a.extent(r) = extent{size: size, capacity: k << chunkShift, start: r, class: classRun, live: true}
	a.mapped += size
	if invariants {
		a.checkClean(r, k<<chunkShift)
	}
	return r, nil
}

// hugeChunks returns how many chunks of a run of size bytes should have huge pages: the last one too when that brings
// in no more than an eighth on top.
func (a *Arena) hugeChunks(size uint64) uint64 {
	whole := size >> chunkShift
	if rest := size & (chunkBytes - 1); rest != 0 && chunkBytes-rest <= size/8 {
		whole++
	}
	return whole
}

// freeExtent is Free for what is not a small block.
func (a *Arena) freeExtent(p Purpose, r Ref) {
	if r == 0 {
		return
	}
	x := a.liveExtent(r)
	a.peak = max(a.peak, a.total)
	a.total -= x.size
	a.used[p] -= x.size
	if x.class == classSlot {
		a.freeSlot(x, r)
		return
	}
	i := uint64(r) >> chunkShift
	ch := a.chunk(i)
	k, size := ch.count, x.size
	*x = extent{}
	*ch = chunk{}
	a.giveChunks(i, k, size)
}

// freeSlot keeps a slot with its pages, or gives the pages back.
func (a *Arena) freeSlot(x *extent, r Ref) {
	sc := &a.slots[x.slot]
	sc.live--
	sc.bytes -= x.size
	x.live = false
	if sc.dirty == 0 && a.dirtyBytes+x.size <= dirtyLimit {
		sc.dirty = r
		a.dirtyBytes += x.size
		if invariants {
			a.poison(r, x.size)
		}
		return
	}
	a.cleanSlot(x, r)
}

// cleanSlot gives the pages of a slot that is not in use back, and its chunk when that was the last one.
func (a *Arena) cleanSlot(x *extent, r Ref) {
	class := int(x.slot)
	sc := &a.slots[class]
	giveBack(a.Ptr(r), sc.size)
	a.mapped -= x.size
	*x = extent{}
	i := uint64(r) >> chunkShift
	ch := a.chunk(i)
	if ch.free == 0 {
		a.addChunk(setSlots+class, i)
	}
	ch.free |= 1 << ((uint64(r) & (chunkBytes - 1)) / sc.size)
	if ch.free == sc.all {
		a.dropChunk(setSlots+class, i)
		*ch = chunk{}
		a.releaseChunks(i, 1, 0)
	}
}

// cleanDirty gives the pages of all slots that are kept dirty back.
func (a *Arena) cleanDirty() {
	for i := range a.slots {
		sc := &a.slots[i]
		if r := sc.dirty; r != 0 {
			x := a.extent(r)
			sc.dirty = 0
			a.dirtyBytes -= x.size
			a.cleanSlot(x, r)
		}
	}
}
