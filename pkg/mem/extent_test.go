package mem_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

func TestResize(t *testing.T) {
	const k, m = 1 << 10, 1 << 20
	for _, tc := range []struct {
		name     string
		from, to int
		stays    bool
	}{
		{"same class", 90, 96, true},
		{"next class", 96, 97, false},
		{"smaller class", 200, 40, false},
		{"small to slot", 30 * k, 40 * k, false},
		{"slot grows inside", 33 * k, 36 * k, true},
		{"slot too small", 36 * k, 37 * k, false},
		{"slot shrinks", 100 * k, 60 * k, true},
		{"slot shrinks to a rest", 1000 * k, 60 * k, false},
		{"slot to small", 40 * k, 20 * k, false},
		{"slot to run", 1000 * k, 3 * m, false},
		{"run grows inside its chunk", 4*m + 1, 6 * m, true},
		{"run grows into free chunks", 6 * m, 20 * m, true},
		{"run shrinks", 20 * m, 5 * m, true},
		{"run to slot", 6 * m, 100 * k, false},
		{"run to small", 6 * m, 100, false},
		{"to nothing", 100, 0, false},
	} {
		for _, huge := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, huge pages %v", tc.name, huge), func(t *testing.T) {
				mo := newModel(t, mem.Config{Reserve: 4 << 30, HugePages: huge}, huge)
				mo.alloc(mem.Value, tc.from, false)
				was := mo.blocks[0].r
				mo.resize(0, tc.to)
				check.Eq(t, mo.blocks[0].r == was, tc.stays)
				mo.background()
				mo.counts()
				check.NoErr(t, mo.a.Verify())
				// Nothing is resident behind the new end but what is kept on purpose.
				if !huge && tc.stays && tc.from > 32*k {
					check.True(t, mo.a.Resident() <= uint64(mo.a.Fit(tc.to)), "pages behind the end went back")
				}
				mo.end()
			})
		}
	}
}

// TestReserve: what is reserved grows in its place, costs what it has grown to, and may
// become a block of another purpose.
func TestReserve(t *testing.T) {
	const m = 1 << 20
	for _, huge := range []bool{false, true} {
		a := newArena(t, mem.Config{Reserve: 4 << 30, HugePages: huge})
		r := a.Reserve(mem.Client, m, 50*m+1)
		neighbour := a.Reserve(mem.Client, m, 2*m)
		for n := m; n <= 50*m; n += m {
			check.Eq(t, a.Resize(mem.Client, r, n-m, n), r)
			check.Eq(t, a.UsedBy(mem.Client), uint64(n+m))
			a.Bytes(r, n)[n-1] = 'x'
		}
		check.Eq(t, a.Resize(mem.Client, r, 50*m, 50*m+1), r)
		check.NoErr(t, a.Verify())
		a.Repurpose(mem.Client, mem.Value, r)
		check.Eq(t, a.UsedBy(mem.Client), uint64(m))
		check.Eq(t, a.UsedBy(mem.Value), uint64(a.Usable(r)))
		check.Eq(t, a.Bytes(r, m)[m-1], 'x')
		a.Free(mem.Value, r)
		a.Free(mem.Client, neighbour)
		check.Eq(t, a.Used(), uint64(0))
		check.Eq(t, a.Reserve(mem.Client, m, 3<<30), 0) // addresses would become rare
		check.NoErr(t, a.Verify())
	}
}

func TestResizeOfNothingIsAlloc(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 64 << 20})
	r := a.Resize(mem.Client, 0, 0, 500)
	check.True(t, r != 0, "a block")
	check.Eq(t, a.UsedBy(mem.Client), uint64(a.Fit(500)))
	a.Free(mem.Client, r)
}

// Growing step by step must not copy at each step: that would be quadratic, and a stall for each append to a large
// value.
func TestAppendMovesOncePerDoubling(t *testing.T) {
	a := newArena(t, mem.Config{HugePages: true})
	n, moves := 40<<10, 0
	r := a.Alloc(mem.Value, n)
	var beside []mem.Ref
	for n < 256<<20 {
		to := n + n/20
		at := a.Resize(mem.Value, r, 0, to)
		if at != r {
			moves++
			// What lies right behind must not make the next step easy.
			beside = append(beside, a.Alloc(mem.Value, 3<<20))
		}
		r, n = at, to
	}
	if moves > 15 {
		t.Fatalf("%d moves for 13 doublings", moves)
	}
	for _, b := range beside {
		a.Free(mem.Value, b)
	}
	a.Free(mem.Value, r)
	check.NoErr(t, a.Verify())
}

func TestBackgroundHoldsAddressesUntilDone(t *testing.T) {
	m := newModel(t, mem.Config{Reserve: 1 << 30}, true)
	a := m.a
	r := a.Alloc(mem.Value, 8<<20)
	a.Bytes(r, 8<<20)[5] = 1
	a.Free(mem.Value, r)
	check.Eq(t, a.Used(), 0)
	check.Eq(t, len(m.later), 1)
	check.Eq(t, a.Stats().Pending, 8<<20)
	check.Eq(t, a.Mapped(), 8<<20)
	check.ErrContains(t, a.Close(), "in the background")

	other := a.Alloc(mem.Value, 8<<20)
	check.True(t, other != r, "not handed out before it is done")
	m.background()
	check.Eq(t, a.Stats().Pending, 0)
	check.Eq(t, a.Mapped(), 8<<20)
	again := a.AllocZero(mem.Value, 8<<20)
	check.Eq(t, again, r)
	check.Eq(t, a.Bytes(again, 8<<20)[5], 0)

	small := a.Alloc(mem.Value, 512<<10)
	a.Free(mem.Value, small)
	check.Eq(t, len(m.later), 0)
	a.Free(mem.Value, other)
	a.Free(mem.Value, again)
	m.end()
}

func TestOverwritingLargeValuesKeepsTheirPages(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 1 << 30})
	const n = 200 << 10
	refs := map[mem.Ref]bool{}
	r := a.Alloc(mem.Value, n)
	for range 50 {
		next := a.Alloc(mem.Value, n)
		refs[next] = true
		a.Free(mem.Value, r)
		r = next
	}
	check.Eq(t, len(refs), 2)
	a.Free(mem.Value, r)

	// The sum of what is kept is bounded.
	var all []mem.Ref
	for n := 33 << 10; n <= 1<<20; n += n / 16 {
		all = append(all, a.Alloc(mem.Value, n))
	}
	for _, r := range all {
		clear(a.Bytes(r, a.Usable(r)))
		a.Free(mem.Value, r)
	}
	check.True(t, a.Resident() <= 2<<20, "at most 2 MB of freed slots keep their pages")
	check.NoErr(t, a.Verify())
}

func TestManyHugeEdgesFallBackToSmallPages(t *testing.T) {
	a := newArena(t, mem.Config{Reserve: 1 << 30, HugePages: true})
	a.SetEdges(mem.MaxEdges)
	before := a.Stats().HugeChunks
	r := a.Alloc(mem.Value, 5<<20)
	var blocks []mem.Ref
	for range 10 {
		blocks = append(blocks, a.Alloc(mem.Value, 1<<20-100))
	}
	for range 300 {
		blocks = append(blocks, a.Alloc(mem.Value, 32<<10))
	}
	check.Eq(t, a.Stats().HugeChunks, before)
	a.Free(mem.Value, r)
	for _, b := range blocks {
		a.Free(mem.Value, b)
	}
	a.SetEdges(0)
	check.NoErr(t, a.Verify())
}

func TestHugePageTailStaysSmall(t *testing.T) {
	for _, tc := range []struct {
		name string
		n    int
		huge uint64
	}{
		{"one chunk and a bit", 2<<20 + 4096, 1},
		{"most of the last", 4<<20 - 4096, 2},
		{"a small tail of many", 33 << 20, 17},
		{"less than a chunk", 1<<20 + 4096, 0},
		{"nearly a chunk", 2<<20 - 4096, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := newArena(t, mem.Config{Reserve: 1 << 30, HugePages: true})
			r := a.Alloc(mem.Value, tc.n)
			check.Eq(t, a.Stats().HugeChunks, tc.huge)
			b := a.Bytes(r, tc.n)
			for i := 0; i < len(b); i += 4096 {
				b[i] = 1
			}
			check.True(t, a.Resident() <= uint64(tc.n)*9/8, "huge pages bring little on top")
			a.Free(mem.Value, r)
		})
	}
}

// Chunks that had huge pages in an earlier use must not bring them into the tail of a later one.
func TestTailOverFormerHugePages(t *testing.T) {
	const n = 2<<20 + 4096
	touch := func(a *mem.Arena, r mem.Ref, n int) {
		b := a.Bytes(r, n)
		for i := 0; i < n; i += 4096 {
			b[i] = 1
		}
		check.True(t, a.Resident() <= uint64(n)*9/8, "no huge page in the tail")
	}
	a := newArena(t, mem.Config{Reserve: 1 << 30, HugePages: true})
	a.Free(mem.Value, a.Alloc(mem.Value, 16<<20))
	r := a.Alloc(mem.Value, n)
	touch(a, r, n)
	check.Eq(t, a.Resize(mem.Value, r, n, 2*n), r)
	touch(a, r, 2*n)
	check.NoErr(t, a.Verify())
	a.Free(mem.Value, r)
}
