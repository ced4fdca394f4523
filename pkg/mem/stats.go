// What INFO and MEMORY STATS read, and Trim.

package mem

import (
	"fmt"
	"math/bits"
	"strings"
)

// Used returns the bytes of live blocks, each with its class or pages. It is zero when everything has been freed.
func (a *Arena) Used() uint64 { return a.total }

// UsedBy returns the bytes of live blocks of one purpose.
func (a *Arena) UsedBy(p Purpose) uint64 { return a.used[p] }

// Peak returns the highest Used since the arena was made.
func (a *Arena) Peak() uint64 { return max(a.peak, a.total) }

// Mapped returns the bytes of the range that may be resident: live blocks, and what spans, chunks and slots hold on top
// of them, and what the background has yet to give back. It is without metadata.
func (a *Arena) Mapped() uint64 { return a.mapped }

// Stats is a picture of an arena. Sizes are bytes.
type Stats struct {
	Reserved  uint64           // the address range
	Committed uint64           // of it readable; grows only
	Metadata  uint64           // metadata committed beside it; what was never touched is not resident
	Mapped    uint64           // as Mapped
	Used      uint64           // as Used
	Peak      uint64           // as Peak
	Pending   uint64           // in the hands of the background: on their way back, or being brought in
	By        [Purposes]uint64 // as UsedBy

	SmallChunks uint64 // chunks of 2 MB that hold small blocks
	EmptyChunks uint64 // of them empty, kept for the next
	HugeChunks  uint64 // chunks that have huge pages asked for
	Edges       int    // places where huge pages begin or end, each a mapping for the kernel

	Classes []ClassStats // the classes that are in use, smallest first; runs are not among them
}

// ClassStats is the state of one size class. Sizes are bytes.
type ClassStats struct {
	Size   int    // of a block; of a slot the most it holds
	Blocks uint64 // in use
	Bytes  uint64 // counted for them
	Held   uint64 // bytes of the spans that hold them; for slots the same as Bytes
}

// Stats returns a picture of the arena. It allocates; it is for people, not for each command.
func (a *Arena) Stats() Stats {
	st := Stats{
		Reserved:  a.chunks * chunkBytes,
		Committed: a.committed,
		Metadata:  a.metadata(),
		Mapped:    a.mapped,
		Used:      a.total,
		Peak:      a.Peak(),
		Pending:   a.pending,
		By:        a.used,
		Edges:     a.edges,
	}
	for _, k := range a.kinds {
		st.SmallChunks += k.chunks
		st.EmptyChunks += k.empty
	}
	for i := uint64(0); i < (a.chunks+63)/64; i++ {
		st.HugeChunks += uint64(bits.OnesCount64(*a.huge.word(i)))
	}
	for i := range a.classes {
		if c := &a.classes[i]; c.spans != 0 {
			st.Classes = append(st.Classes, ClassStats{
				Size: int(c.size), Blocks: c.live, Bytes: c.live * c.size, Held: c.spans * spanBytes(c.number),
			})
		}
	}
	for i := range a.slots {
		if c := &a.slots[i]; c.live != 0 {
			st.Classes = append(st.Classes, ClassStats{Size: int(c.size), Blocks: c.live, Bytes: c.bytes, Held: c.bytes})
		}
	}
	return st
}

// metadata returns the bytes of committed metadata.
func (a *Arena) metadata() uint64 {
	l := layoutFor(a.chunks, a.page)
	all := (a.chunks + groupChunks - 1) / groupChunks
	groups := a.groupLow + all - a.groupHigh
	return l.chunks + groups*(groupStride(a.page)+groupCells*cellBytes+groupChunks*chunkRecordBytes)
}

// CheckLeaks returns an error that says what is still allocated, by purpose, or nil. With the tag invariants it names
// blocks too.
func (a *Arena) CheckLeaks() error {
	if a.total == 0 {
		return nil
	}
	var b strings.Builder
	fmt.Fprintf(&b, "mem: %d bytes still allocated:", a.total)
	for p := range Purposes {
		if a.used[p] != 0 {
			fmt.Fprintf(&b, " %v %d", p, a.used[p])
		}
	}
	if invariants {
		a.describeLive(&b)
	}
	return fmt.Errorf("%s", b.String())
}

// Trim gives every page back that holds no live block: empty chunks, free spans inside chunks, kept slots. It is for
// MEMORY PURGE and for idle times: what it gives back costs a page fault when it is used again, and a chunk of huge
// pages loses these where free spans lie in it.
func (a *Arena) Trim() {
	for i := range a.classes {
		c := &a.classes[i]
		if s := c.cur; s != nil && s != &a.none && s.live == 0 {
			c.cur = &a.none
			a.dropSmallSpan(c, a.unitOf(s))
		}
	}
	a.cleanDirty()
	a.dropSpare()
	a.trimChunks(0, a.lowEnd)
	a.trimChunks(a.highStart, a.chunks)
}

// trimChunks does it for the small chunks in [i, end).
func (a *Arena) trimChunks(i, end uint64) {
	for ; i < end; i++ {
		ch := a.chunk(i)
		if ch.kind != kindNarrow && ch.kind != kindWide {
			continue
		}
		k := &a.kinds[ch.kind]
		if ch.free == k.all {
			a.dropSmallChunk(i)
			continue
		}
		for spare := ch.free & ch.dirty; spare != 0; {
			from := uint64(bits.TrailingZeros64(spare))
			n := uint64(bits.TrailingZeros64(^(spare >> from)))
			giveBack(a.Ptr(Ref(i<<chunkShift+from*k.unit)), n*k.unit)
			a.mapped -= n * k.unit
			gone := ^uint64(0) >> (64 - n) << from
			spare &^= gone
			ch.dirty &^= gone
		}
	}
}
