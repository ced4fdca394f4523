package mem_test

import (
	"math/rand"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

// New blocks fill the lowest holes, so that what is high can drain.
func TestNewBlocksGoLow(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 4 << 30})
	rnd := rand.New(rand.NewSource(2))
	var blocks []mem.Ref
	top := mem.Ref(0)
	for range 800_000 {
		r := a.Alloc(mem.Entry, 88)
		blocks = append(blocks, r)
		top = max(top, r)
	}
	for i, r := range blocks {
		if rnd.Intn(2) == 0 {
			a.Free(mem.Entry, r)
			blocks[i] = 0
		}
	}
	a.Trim()
	// What is current is filled first, wherever it lies.
	for range 32 << 10 / 88 {
		a.Alloc(mem.Entry, 88)
	}
	// The holes of the lowest fifth take a tenth of the blocks.
	for range 75_000 {
		if r := a.Alloc(mem.Entry, 88); r > top/5 {
			t.Fatalf("a block at %#x while there are holes below %#x", r, top/5)
		}
	}
	// New spans go low too: what was freed first is at the bottom.
	for _, r := range blocks {
		if r != 0 && r < top/2 {
			a.Free(mem.Entry, r)
		}
	}
	for range 500 {
		check.True(t, a.Alloc(mem.Value, 1000) < top/2, "a new span goes below others")
	}
	check.NoErr(t, a.Verify())
}

// An empty span that its class would use next must not hold a chunk.
func TestEmptySpansHoldNoChunk(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 4 << 30})
	var filler, single []mem.Ref
	for n := 8; n <= 4096; n += n/8&^7 + 8 {
		for range 2 << 20 / 96 {
			filler = append(filler, a.Alloc(mem.Entry, 96))
		}
		if a.Fit(n) != 96 {
			single = append(single, a.Alloc(mem.Entry, n))
		}
	}
	check.True(t, a.Mapped() > 60<<20, "one class in each of many chunks")
	for _, r := range append(filler, single...) {
		a.Free(mem.Entry, r)
	}
	if a.Mapped() > 8<<20 {
		t.Fatalf("%d bytes stay mapped", a.Mapped())
	}
	check.NoErr(t, a.Verify())
}

// Going back and forth over the edge of a chunk must not cost a system call each time.
func TestChunkEdgeKeepsPages(t *testing.T) {
	given := 0
	a := newArena(t, mem.Config{Reserve: 4 << 30, HugePages: true, Background: func(work, done func()) {
		given++
		work()
		done()
	}})
	var blocks []mem.Ref
	for range 80 << 20 / 4096 {
		blocks = append(blocks, a.Alloc(mem.Entry, 4096))
	}
	for i := range 10 {
		if i == 1 {
			given = 0 // the next huge page may have been brought in
		}
		n := len(blocks) - 600
		for _, r := range blocks[n:] {
			a.Free(mem.Entry, r)
		}
		for i := range blocks[n:] {
			blocks[n+i] = a.Alloc(mem.Entry, 4096)
		}
	}
	check.Eq(t, given, 0)
}

// The background brings the pages of a new table in, one huge page after the other, whatever the owner has written to it
// meanwhile; it ends when the table goes.
func TestTablesPagesAreBroughtIn(t *testing.T) {
	var work, done []func()
	a := newArena(t, mem.Config{Reserve: 4 << 30, HugePages: true, Background: func(w, d func()) {
		work, done = append(work, w), append(done, d)
	}})
	const n = 16 << 20
	r := a.AllocZero(mem.Table, n)
	b := a.Bytes(r, n)
	for i := range b {
		b[i] = byte(i >> 12)
	}
	steps := 0
	for ; len(work) > 0 && steps < 3; steps++ {
		work[0]()
		done[0]()
		work, done = work[1:], done[1:]
		check.Eq(t, len(work), 1) // one at a time
	}
	check.Eq(t, steps, 3)
	for i := range b {
		if b[i] != byte(i>>12) {
			t.Fatalf("byte %d has changed", i)
		}
	}
	a.Free(mem.Table, r)
	for len(work) > 0 {
		w, d := work, done
		work, done = nil, nil
		for i := range w {
			w[i]()
			d[i]()
		}
		if steps++; steps > 10 {
			t.Fatal("it goes on for a table that is gone")
		}
	}
	check.NoErr(t, a.Verify())
}

// When the range is nearly full, a run lies across what was never used and what slots have left.
func TestRunAcrossBothEnds(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 16 << 20})
	var slots []mem.Ref
	for range 4 {
		slots = append(slots, a.Alloc(mem.Value, 1<<20))
	}
	for _, r := range slots[2:] {
		a.Free(mem.Value, r)
	}
	a.Trim()
	const n = 12 << 20
	b := a.Bytes(a.Alloc(mem.Value, n), n)
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
	check.NoErr(t, a.Verify())
	check.True(t, caught(func() { a.Alloc(mem.Value, 2<<20) }) != nil, "the range is full")
}

// The records of chunks beyond the first group are committed when they are reached, from both ends.
func TestManyGroups(t *testing.T) {
	m := newModel(t, mem.Config{HugePages: true}, false)
	for range 150 {
		m.alloc(mem.Value, 3<<20, false)
		m.alloc(mem.Value, 1<<20-5000, false)
	}
	for len(m.blocks) > 100 {
		m.free(len(m.blocks) * 7 / 11)
	}
	for range 2000 {
		m.alloc(mem.Entry, 30000, false)
	}
	check.NoErr(t, m.a.Verify())
	m.end()
}
