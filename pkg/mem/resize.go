// Resize, and what a block's size is.

package mem

// Usable returns the bytes that a block takes and its owner may use: the size of its class, or whole pages.
func (a *Arena) Usable(r Ref) int {
	if c := a.span(uint64(r) >> unitShift).class; c-1 < smallClasses {
		return int(a.classes[c].size)
	}
	return int(a.liveExtent(r).size)
}

// Resize makes a block of n bytes from one of which the first oldUsed bytes matter, and returns where it is now: the
// same Ref when it could stay. Of the rest nothing is known. A block above 32 KB that has grown once by moving has room
// to double in place. Resize of 0 is Alloc. It panics with *OutOfMemory; the old block is untouched then.
func (a *Arena) Resize(p Purpose, r Ref, oldUsed, n int) Ref {
	if r == 0 {
		return a.Alloc(p, n)
	}
	if invariants {
		a.checkCall(p, n)
		a.checkLive(p, r)
	}
	grows := false
	if c := a.span(uint64(r) >> unitShift).class; c-1 < smallClasses {
		if n <= maxSmall && a.classOf[(uint(n)+7)>>3] == c {
			return r
		}
		grows = uint64(n) > a.classes[c].size
	} else {
		x := a.liveExtent(r)
		if n > maxSmall && a.resizeExtent(p, x, r, roundUp(uint64(n), a.page)) {
			return r
		}
		grows = uint64(n) > x.size
	}
	var to Ref
	if n > maxSmall {
		to = a.allocExtent(p, n, a.slack(n, grows), false)
	} else {
		to = a.Alloc(p, n)
	}
	keep := min(oldUsed, n)
	copy(a.Bytes(to, keep), a.Bytes(r, keep))
	a.Free(p, r)
	return to
}

// slack returns the capacity that a block moved by Resize gets: twice its size when it grows, which costs addresses
// only, as long as these are plenty.
func (a *Arena) slack(n int, grows bool) uint64 {
	twice := 2 * uint64(n)
	if !grows || twice>>chunkShift > (a.highStart-a.lowEnd)/4 {
		return 0
	}
	return twice
}

// resizeExtent changes the size of an extent in place, or says that it cannot, or that moving is better.
func (a *Arena) resizeExtent(p Purpose, x *extent, r Ref, size uint64) bool {
	if x.class == classSlot {
		// A block that leaves most of its slot unused would keep addresses from others for nothing.
		if size > x.capacity || size < x.capacity/4 {
			return false
		}
		a.slots[x.slot].bytes += size - x.size
		a.resized(p, x, r, size)
		return true
	}
	if size <= maxSlot/2 {
		return false
	}
	if size > x.capacity && !a.extendRun(x, r, size) {
		return false
	}
	a.shortenRun(p, x, r, size)
	a.resized(p, x, r, size)
	if i := uint64(r) >> chunkShift; a.huge.has(i) && a.edges < maxEdges {
		a.setHuge(i, i+a.hugeChunks(size), true)
	}
	return true
}

// resized sets the size of an extent within its capacity and gives pages behind it back.
func (a *Arena) resized(p Purpose, x *extent, r Ref, size uint64) {
	if size < x.size {
		a.peak = max(a.peak, a.total)
		giveBack(a.Ptr(r+Ref(size)), x.size-size)
	}
	diff := size - x.size // wraps when it shrinks, and so do the sums
	a.used[p] += diff
	a.total += diff
	a.mapped += diff
	x.size = size
}

// extendRun takes the chunks right behind a run, if they are free and enough for size bytes.
func (a *Arena) extendRun(x *extent, r Ref, size uint64) bool {
	i := uint64(r) >> chunkShift
	ch := a.chunk(i)
	end := i + ch.count
	want := i + (size+chunkBytes-1)>>chunkShift
	if want > a.chunks || a.busy.next(end, want, true) != want {
		return false
	}
	if end < a.highStart && want > a.lowEnd {
		if want > a.highStart || a.commitLow(want) != nil {
			return false
		}
	}
	a.take(end, want-end)
	a.setHuge(end, want, false)
	ch.count = want - i
	x.capacity = ch.count << chunkShift
	return true
}

// shortenRun gives the chunks of a run that lie wholly behind size back. A run that grows keeps its spare ones.
func (a *Arena) shortenRun(p Purpose, x *extent, r Ref, size uint64) {
	i := uint64(r) >> chunkShift
	ch := a.chunk(i)
	k := (size + chunkBytes - 1) >> chunkShift
	if size >= x.size || k >= ch.count {
		return
	}
	spare := ch.count - k
	ch.count = k
	x.capacity = k << chunkShift
	bytes := uint64(0)
	if x.size > x.capacity {
		bytes = x.size - x.capacity
		a.peak = max(a.peak, a.total)
		a.used[p] -= bytes
		a.total -= bytes
		x.size = x.capacity
	}
	a.giveChunks(i+k, spare, bytes)
}
