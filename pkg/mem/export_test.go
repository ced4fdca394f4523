// What the black-box tests may see of the inside: a recount of everything, and which pages are resident.

package mem

import (
	"fmt"
	"math/bits"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Invariants tells tests which build they are in.
const Invariants = invariants

// MaxEdges is maxEdges.
const MaxEdges = maxEdges

// SetEdges pretends that so many kernel mappings were in use.
func (a *Arena) SetEdges(n int) { a.edges = n }

// SpanWaste returns the bytes that a block of n <= 32 KB takes when the tail of its span is shared out.
func (a *Arena) SpanWaste(n int) float64 {
	c := a.classes[a.classOf[(n+7)/8]]
	return float64(spanBytes(c.number)) / float64(c.blocks)
}

// Fit returns the bytes that a block for n bytes takes: what Usable would say of it, and Used would count.
func (a *Arena) Fit(n int) int {
	if n <= maxSmall {
		return int(a.classes[a.classOf[(n+7)>>3]].size)
	}
	return int(roundUp(uint64(n), a.page))
}

// Resident returns the bytes of the committed range that have pages.
func (a *Arena) Resident() uint64 {
	sum := uint64(0)
	for _, part := range [2][2]uint64{{0, a.lowEnd}, {a.highStart, a.chunks}} {
		for i := part[0]; i < part[1]; i++ {
			pages := make([]byte, chunkBytes/a.page)
			_, _, errno := unix.Syscall(unix.SYS_MINCORE, uintptr(a.at(i)), chunkBytes, uintptr(unsafe.Pointer(&pages[0])))
			if errno != 0 {
				panic(errno)
			}
			for _, p := range pages {
				sum += uint64(p&1) * a.page
			}
		}
	}
	return sum
}

// recount is what Verify adds up.
type recount struct {
	total, mapped, dirty  uint64
	live, spans           [smallClasses + 1]uint64
	slotLive, slotBytes   [slotClasses]uint64
	kindChunks, kindEmpty [3]uint64
	busy                  map[uint64]bool
}

// Verify recounts the whole arena and compares with what it believes. Not while work is in the background.
func (a *Arena) Verify() error {
	n := recount{busy: map[uint64]bool{}}
	if i := a.spare.chunk; i != 0 {
		n.busy[i] = true
		n.mapped += chunkBytes
	}
	for _, part := range [2][2]uint64{{0, a.lowEnd}, {a.highStart, a.chunks}} {
		for i := part[0]; i < part[1]; i++ {
			if err := a.verifyChunk(i, &n); err != nil {
				return fmt.Errorf("chunk %d: %w", i, err)
			}
			if a.busy.has(i) != n.busy[i] {
				return fmt.Errorf("chunk %d: busy %v", i, a.busy.has(i))
			}
			if !n.busy[i] && i < a.freeHint {
				return fmt.Errorf("chunk %d is free, below the hint %d", i, a.freeHint)
			}
		}
	}
	if a.busy.next(a.lowEnd, a.highStart, true) != a.highStart {
		return fmt.Errorf("a chunk between %d and %d is busy", a.lowEnd, a.highStart)
	}
	return a.verifySums(&n)
}

func (a *Arena) verifySums(n *recount) error {
	byPurpose := uint64(0)
	for _, u := range a.used {
		byPurpose += u
	}
	if n.total != a.total || byPurpose != a.total || n.mapped != a.mapped || n.dirty != a.dirtyBytes || a.pending != 0 {
		return fmt.Errorf("total %d, by purpose %d, is %d; mapped %d is %d; dirty %d is %d; pending %d",
			a.total, byPurpose, n.total, a.mapped, n.mapped, a.dirtyBytes, n.dirty, a.pending)
	}
	for i := range a.classes {
		if c := &a.classes[i]; c.live != n.live[i] || c.spans != n.spans[i] {
			return fmt.Errorf("class %d: live %d is %d, spans %d is %d", i, c.live, n.live[i], c.spans, n.spans[i])
		}
	}
	for i := range a.slots {
		if c := &a.slots[i]; c.live != n.slotLive[i] || c.bytes != n.slotBytes[i] {
			return fmt.Errorf("slots %d: live %d is %d, bytes %d is %d", i, c.live, n.slotLive[i], c.bytes, n.slotBytes[i])
		}
	}
	for i, k := range a.kinds {
		if k.chunks != n.kindChunks[i] || k.empty != n.kindEmpty[i] || k.empty > keepEmpty {
			return fmt.Errorf("kind %d: chunks %d is %d, empty %d is %d", i, k.chunks, n.kindChunks[i], k.empty, n.kindEmpty[i])
		}
	}
	edges := 0
	for i, on := uint64(0), a.huge.has(0); i < a.chunks; on = !on {
		if i = a.huge.next(i, a.chunks, !on); i < a.chunks {
			edges++
		}
	}
	if edges != a.edges {
		return fmt.Errorf("edges %d is %d", a.edges, edges)
	}
	return nil
}

func (a *Arena) inSet(set int, chunk uint64) bool {
	g := chunk / groupChunks
	in := a.group(g).sum[set]>>(chunk%groupChunks)&1 != 0
	if in && (*a.top(set, g/64)>>(g%64)&1 == 0 || a.low[set] > g/64) {
		panic("set: chunk in a group that the top does not show")
	}
	return in
}

func (a *Arena) verifyChunk(i uint64, n *recount) error {
	ch := a.chunk(i)
	if ch.kind == kindNone {
		return nil
	}
	n.busy[i] = true
	switch ch.kind {
	case kindNarrow, kindWide:
		k := &a.kinds[ch.kind]
		n.kindChunks[ch.kind]++
		if ch.free == k.all {
			n.kindEmpty[ch.kind]++
		}
		if a.inSet(setKinds+int(ch.kind), i) != (ch.free != 0) {
			return fmt.Errorf("kind %d: membership with free %#x", ch.kind, ch.free)
		}
		n.mapped += uint64(bits.OnesCount64(ch.dirty)) * k.unit
		for place := uint64(0); place < chunkBytes/k.unit; place++ {
			unit := i*unitsPerChunk + place*k.unit/unitBytes
			if unit == 0 {
				continue
			}
			if err := a.verifySpan(unit, ch.free>>place&1 == 0, k.unit, n); err != nil {
				return fmt.Errorf("unit %d: %w", unit, err)
			}
		}
	case kindSlot:
		sc := &a.slots[ch.slot]
		if a.inSet(setSlots+int(ch.slot), i) != (ch.free != 0) || ch.free == sc.all {
			return fmt.Errorf("slot %d: membership with free %#x", ch.slot, ch.free)
		}
		for place := uint64(0); place < chunkBytes/sc.size; place++ {
			r := Ref(i<<chunkShift + place*sc.size)
			x := a.extent(r)
			if ch.free>>place&1 != 0 {
				if x.class != classNone {
					return fmt.Errorf("free slot %d has a class", place)
				}
				continue
			}
			if x.class != classSlot || x.start != r || x.slot != ch.slot || x.size > sc.size || x.live == (sc.dirty == r) {
				return fmt.Errorf("slot %d: %+v", place, *x)
			}
			n.mapped += x.size
			if x.live {
				n.total += x.size
				n.slotLive[ch.slot]++
				n.slotBytes[ch.slot] += x.size
			} else {
				n.dirty += x.size
			}
		}
	case kindRun:
		x := a.extent(Ref(i << chunkShift))
		if x.class != classRun || !x.live || x.capacity != ch.count<<chunkShift || x.size > x.capacity {
			return fmt.Errorf("run of %d: %+v", ch.count, *x)
		}
		for j := i + 1; j < i+ch.count; j++ {
			if a.chunk(j).kind != kindNone || n.busy[j] {
				return fmt.Errorf("inside a run: %d", j)
			}
			n.busy[j] = true
		}
		n.total += x.size
		n.mapped += x.size
	}
	return nil
}

func (a *Arena) verifySpan(unit uint64, inUse bool, size uint64, n *recount) error {
	s := a.span(unit)
	for u := unit; u < unit+size/unitBytes; u++ {
		if a.span(u).class != s.class {
			return fmt.Errorf("cell %d has class %d", u, a.span(u).class)
		}
	}
	if !inUse {
		if s.class != classNone {
			return fmt.Errorf("free, with class %d", s.class)
		}
		return nil
	}
	if s.class == classNone || s.class > smallClasses {
		return fmt.Errorf("in use, with class %d", s.class)
	}
	c := &a.classes[s.class]
	room := s.left
	for r := s.free; r != 0; r = *(*Ref)(a.Ptr(r)) {
		off := uint64(r) - unit<<unitShift
		if off >= size || off%c.size != 0 || room >= c.blocks {
			return fmt.Errorf("free list: %#x", uint64(r))
		}
		room++
	}
	if s.live+room != c.blocks {
		return fmt.Errorf("%d live and room for %d of %d", s.live, room, c.blocks)
	}
	if s.live == 0 && c.cur != s {
		return fmt.Errorf("empty and not current")
	}
	chunk := unit / unitsPerChunk
	listed := a.group(chunk / groupChunks).spans[s.class][chunk%groupChunks]>>(unit%unitsPerChunk)&1 != 0
	if listed != (room != 0 && c.cur != s) || (listed && !a.inSet(int(s.class), chunk)) {
		return fmt.Errorf("listed %v, room %d", listed, room)
	}
	n.live[s.class] += uint64(s.live)
	n.spans[s.class]++
	n.total += uint64(s.live) * c.size
	return nil
}
