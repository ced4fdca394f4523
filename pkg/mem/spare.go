// Huge pages that the background brings in before they are wanted: the next chunk's, and those of a new table.

package mem

import (
	"math/bits"
	"unsafe"
)

// spare is a chunk of huge pages for spans of either kind. The kernel clears 2 MB when a huge page is touched first,
// 0.1 ms of the owner's time, and some milliseconds in a virtual machine whose host has to find the memory. So the
// background touches the next chunk while the one before it fills.
type spare struct {
	chunk uint64 // 0: there is none
	ready bool   // its page is there, and nobody else looks at it
}

// prepareSpare begins to bring a chunk in, unless there is one. ch is a chunk of huge pages of kind k that a span has
// just been taken from: when half of it is gone the next one will be wanted.
func (a *Arena) prepareSpare(k *kindState, ch *chunk) {
	if bits.OnesCount64(ch.free) != bits.OnesCount64(k.all)/2 || a.background == nil || a.spare.chunk != 0 || a.edges >= maxEdges {
		return
	}
	i, err := a.takeLow(1)
	if err != nil {
		return // who needs a chunk will be told
	}
	a.setHuge(i, i+1, true)
	a.spare = spare{chunk: i}
	a.mapped += chunkBytes
	a.pending += chunkBytes
	p := a.at(i)
	a.background(func() { touch(p) }, func() {
		a.pending -= chunkBytes
		a.spare.ready = true
	})
}

// takeSpare gives the spare chunk, whose bytes count as mapped already.
func (a *Arena) takeSpare() (uint64, bool) {
	i := a.spare.chunk
	if !a.spare.ready {
		return 0, false
	}
	a.spare = spare{}
	return i, true
}

// dropSpare gives the spare chunk back.
func (a *Arena) dropSpare() {
	if i, ok := a.takeSpare(); ok {
		a.giveChunks(i, 1, chunkBytes)
	}
}

// touch brings in the page at p, which nobody uses.
func touch(p unsafe.Pointer) { *(*byte)(p) = 0 }

// Incoming tells whether the background is bringing the pages of a fresh table in: who touches them first waits for the
// kernel to clear 2 MB, which takes milliseconds where they are new to the machine too.
func (a *Arena) Incoming() bool { return a.incoming > 0 }

// bringIn has the background bring the huge pages of a fresh run in, from chunk i on: one after the other, so that what
// else waits for the background comes in between. first is the run's first chunk. The owner may use the run meanwhile;
// when the run is gone by then, or the kernel cannot do it (before Linux 5.14), it ends.
func (a *Arena) bringIn(first, i uint64) {
	ch := a.chunk(first)
	if a.background == nil || ch.kind != kindRun || i >= first+ch.count || !a.huge.has(i) {
		return
	}
	done := false
	p := a.at(i)
	a.pending += chunkBytes
	a.incoming++
	a.background(func() { done = populate(p, chunkBytes) }, func() {
		a.pending -= chunkBytes
		a.incoming--
		if done {
			a.bringIn(first, i+1)
		}
	})
}
