// Chunks: taking runs of them from either end of the range, committing them, huge pages, and giving them back.

package mem

import (
	"math/bits"
	"unsafe"
)

// The kinds of a chunk.
const (
	kindNone   = iota // free, inside a run, or waiting for the background
	kindNarrow        // spans of one unit
	kindWide          // spans of eight units
	kindSlot          // slots of one slot class
	kindRun           // first chunk of a run
)

const (
	chunkRecordBytes = 64

	// keepEmpty is how many empty chunks of small blocks stay with their pages, so that a load that goes up and down
	// around a chunk's edge does not fault 2 MB in again each time.
	keepEmpty = 2

	// plainChunks is how many chunks of narrow and of wide spans get small pages, before further ones get huge ones.
	// The newest chunk is half empty on average: in a small dataset a huge page of it would be a good part of the whole,
	// while the processor finds its way to 64 MB of small pages in its caches (no difference measured at a million keys).
	plainChunks = 32

	// backgroundBytes is what the kernel frees in some 50-100 us when the pages are small ones: from there the
	// background does it.
	backgroundBytes = 1 << 20

	// maxEdges bounds the kernel mappings that huge pages beside small ones cost (vm.max_map_count is 65530 by
	// default, and a process that reaches it can map nothing any more).
	maxEdges = 16 << 10
)

// chunk is the record of one chunk. It lies in a 64-byte place of chunkTable.
type chunk struct {
	free  uint64 // narrow, wide, slot: a bit for each free span or slot
	dirty uint64 // narrow, wide: a bit for each span's place that may have pages
	count uint64 // run: chunks in it
	kind  uint8
	slot  uint8 // kindSlot: the slot class
}

// kindState is what all narrow or all wide chunks have in common.
type kindState struct {
	all    uint64 // free mask of an empty chunk
	unit   uint64 // bytes of a span
	chunks uint64 // how many there are
	empty  uint64 // how many of them are empty
}

func (a *Arena) chunk(i uint64) *chunk {
	return (*chunk)(unsafe.Add(a.chunkTable, i*chunkRecordBytes))
}

func (a *Arena) at(chunk uint64) unsafe.Pointer { return unsafe.Add(a.base, chunk<<chunkShift) }

// takeLow takes k chunks in a row with the lowest address there is.
func (a *Arena) takeLow(k uint64) (uint64, error) {
	if k > a.chunks {
		return 0, errFull
	}
	if i, ok := a.busy.clearRun(a.freeHint, a.lowEnd, k); ok {
		return a.take(i, k), nil
	}
	start := a.lowEnd - a.busy.clearBefore(a.freeHint, a.lowEnd)
	if start+k <= a.highStart {
		if err := a.commitLow(start + k); err != nil {
			return 0, err
		}
		return a.take(start, k), nil
	}
	return a.takeAnywhere(k)
}

// takeHigh takes k chunks in a row from the part that grows down from the end.
func (a *Arena) takeHigh(k uint64) (uint64, error) {
	if i, ok := a.busy.clearRun(max(a.highStart, a.freeHint), a.chunks, k); ok {
		return a.take(i, k), nil
	}
	end := max(a.busy.next(a.highStart, a.chunks, true), a.highStart)
	if end >= k && end-k >= a.lowEnd {
		if err := a.commitHigh(end - k); err != nil {
			return 0, err
		}
		return a.take(end-k, k), nil
	}
	return a.takeAnywhere(k)
}

// takeAnywhere is for a range that is nearly full: it commits what is left between both ends, so that a run may lie
// across, and looks through everything.
func (a *Arena) takeAnywhere(k uint64) (uint64, error) {
	i, ok := a.busy.clearRun(a.freeHint, a.chunks, k)
	if !ok {
		return 0, errFull
	}
	if i < a.highStart && i+k > a.lowEnd {
		if err := a.commitLow(a.highStart); err != nil {
			return 0, err
		}
	}
	return a.take(i, k), nil
}

// take marks committed chunks as taken.
func (a *Arena) take(i, k uint64) uint64 {
	a.busy.fill(i, i+k, true)
	if i == a.freeHint {
		a.freeHint = i + k
	}
	return i
}

// commitLow makes the chunks below end usable, metadata first.
func (a *Arena) commitLow(end uint64) error {
	if end <= a.lowEnd {
		return nil
	}
	for g := a.groupLow; g*groupChunks < end && g < a.groupHigh; g++ {
		if err := a.commitGroup(g); err != nil {
			return err
		}
		a.groupLow = g + 1
	}
	n := (end - a.lowEnd) * chunkBytes
	if err := commit(a.at(a.lowEnd), n); err != nil {
		return err
	}
	a.lowEnd = end
	a.committed += n
	return nil
}

// commitHigh makes the chunks from start on usable, metadata first.
func (a *Arena) commitHigh(start uint64) error {
	if start >= a.highStart {
		return nil
	}
	for a.groupHigh > a.groupLow && a.groupHigh*groupChunks > start {
		if err := a.commitGroup(a.groupHigh - 1); err != nil {
			return err
		}
		a.groupHigh--
	}
	n := (a.highStart - start) * chunkBytes
	if err := commit(a.at(start), n); err != nil {
		return err
	}
	a.highStart = start
	a.committed += n
	return nil
}

// commitGroup makes the metadata of one group usable. Doing it twice is harmless.
func (a *Arena) commitGroup(g uint64) error {
	stride := groupStride(a.page)
	if err := commit(unsafe.Add(a.groupTable, g*stride), stride); err != nil {
		return err
	}
	if err := commit(unsafe.Add(a.cells, g*groupCells*cellBytes), groupCells*cellBytes); err != nil {
		return err
	}
	// The records of a group may share a page with its neighbour's where pages are large.
	at := g * groupChunks * chunkRecordBytes
	from := at &^ (a.page - 1)
	return commit(unsafe.Add(a.chunkTable, from), roundUp(at+groupChunks*chunkRecordBytes, a.page)-from)
}

// setHuge asks for huge pages, or for small ones, in the chunks [i, j).
func (a *Arena) setHuge(i, j uint64, on bool) {
	if !a.hugePages {
		return
	}
	for i < j {
		i = a.huge.next(i, j, !on)
		end := a.huge.next(i, j, on)
		if i == end {
			return
		}
		before := a.edgesAround(i, end)
		a.huge.fill(i, end, on)
		a.edges += a.edgesAround(i, end) - before
		adviseHuge(a.at(i), (end-i)*chunkBytes, on)
		i = end
	}
}

// edgesAround counts the changes between huge and not at both ends of a stretch that is all one or all the other.
func (a *Arena) edgesAround(i, end uint64) (n int) {
	on := a.huge.has(i)
	if i > 0 && a.huge.has(i-1) != on {
		n++
	}
	if end < a.chunks && a.huge.has(end) != on {
		n++
	}
	return n
}

// giveChunks gives k chunks back, of which so many bytes count as mapped. They can be taken again when their pages
// are gone: at once, or when the background has done it.
func (a *Arena) giveChunks(i, k, bytes uint64) {
	p, n := a.at(i), k<<chunkShift
	if a.background == nil || bytes < backgroundBytes {
		giveBack(p, n)
		a.releaseChunks(i, k, bytes)
		return
	}
	a.pending += bytes
	a.background(func() { giveBack(p, n) }, func() {
		a.pending -= bytes
		a.releaseChunks(i, k, bytes)
	})
}

// releaseChunks makes chunks without pages free again.
func (a *Arena) releaseChunks(i, k, bytes uint64) {
	a.mapped -= bytes
	a.busy.fill(i, i+k, false)
	a.freeHint = min(a.freeHint, i)
}

// newSmallChunk makes an empty chunk of narrow or wide spans.
func (a *Arena) newSmallChunk(kind uint8) error {
	k := &a.kinds[kind]
	huge := a.hugePages && k.chunks >= plainChunks
	i, there := uint64(0), false
	if huge {
		i, there = a.takeSpare()
	}
	if !there {
		var err error
		if i, err = a.takeLow(1); err != nil {
			return err
		}
		huge = huge && (a.edges < maxEdges || a.huge.has(i))
		a.setHuge(i, i+1, huge)
		if huge {
			a.mapped += chunkBytes
		}
	}
	c := a.chunk(i)
	*c = chunk{free: k.all, kind: kind}
	if huge {
		c.dirty = k.all // one touch brings the whole page in
	}
	if i == 0 {
		// New made this one. Its first unit stays unused, because it has the Ref that means none; so the chunk is
		// never empty and never goes.
		c.free &^= 1
	} else {
		k.empty++
	}
	k.chunks++
	a.addChunk(setKinds+int(kind), i)
	return nil
}

// dropSmallChunk gives an empty chunk of narrow or wide spans back.
func (a *Arena) dropSmallChunk(i uint64) {
	c := a.chunk(i)
	k := &a.kinds[c.kind]
	a.dropChunk(setKinds+int(c.kind), i)
	bytes := uint64(bits.OnesCount64(c.dirty)) * k.unit
	k.chunks--
	k.empty--
	if k.chunks < plainChunks {
		a.dropSpare()
	}
	*c = chunk{}
	a.giveChunks(i, 1, bytes)
}
