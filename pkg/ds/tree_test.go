package ds_test

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// cell is what the model holds.
type cell struct{ hi, lo, payload uint64 }

// treeRig is a tree, and the sorted slice it must agree with.
type treeRig struct {
	t       testing.TB
	arena   *mem.Arena
	tree    ds.Tree
	payload bool
	tied    bool // cells of one hi are in descending order of lo, by a tie function
	model   []cell
}

func newTreeRig(t testing.TB, payload, tied bool) *treeRig {
	t.Helper()
	a, err := mem.New(mem.Config{Reserve: 4 << 30})
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, a.Close()) })
	return &treeRig{t: t, arena: a, tree: ds.TreeAt(a, ds.NewTree(a, payload)), payload: payload, tied: tied}
}

func (r *treeRig) compareLo(a, b uint64) int {
	if r.tied {
		return cmp.Compare(b, a)
	}
	return cmp.Compare(a, b)
}

func (r *treeRig) tie(lo uint64) func(uint64) int {
	if !r.tied {
		return nil
	}
	return func(other uint64) int { return r.compareLo(lo, other) }
}

func (r *treeRig) find(hi, lo uint64) (int, bool) {
	return slices.BinarySearchFunc(r.model, cell{hi: hi, lo: lo}, func(a, b cell) int {
		return cmp.Or(cmp.Compare(a.hi, b.hi), r.compareLo(a.lo, b.lo))
	})
}

func (r *treeRig) insert(hi, lo uint64) {
	r.t.Helper()
	i, there := r.find(hi, lo)
	c := cell{hi, lo, 0}
	if r.payload {
		c.payload = hi*31 + lo
	}
	check.Eq(r.t, r.tree.Insert(hi, lo, r.tie(lo), hi*31+lo), !there)
	if !there {
		r.model = slices.Insert(r.model, i, c)
	}
}

func (r *treeRig) delete(hi, lo uint64) {
	r.t.Helper()
	i, there := r.find(hi, lo)
	check.Eq(r.t, r.tree.Delete(hi, lo, r.tie(lo)), there)
	if there {
		r.model = slices.Delete(r.model, i, i+1)
	}
}

func (r *treeRig) at(c ds.TreeCursor) cell {
	hi, lo := c.Key()
	if !r.payload {
		return cell{hi, lo, 0}
	}
	return cell{hi, lo, c.Payload()}
}

// expect stops the test unless the cursor is at cell i of the model, which may be one past either end.
func (r *treeRig) expect(c ds.TreeCursor, i int) {
	r.t.Helper()
	there := i >= 0 && i < len(r.model)
	if c.Valid() != there {
		r.t.Fatalf("cell %d is there: %v, not %v", i, c.Valid(), there)
	}
	if there && r.at(c) != r.model[i] {
		r.t.Fatalf("cell %d is %v, not %v", i, r.at(c), r.model[i])
	}
}

// look compares a probe's place, and what is around it.
func (r *treeRig) look(hi, lo uint64) {
	r.t.Helper()
	i, there := r.find(hi, lo)
	rank, found := r.tree.Rank(hi, lo, r.tie(lo))
	check.Eq(r.t, rank, uint64(i))
	check.Eq(r.t, found, there)
	r.expect(r.tree.Nth(rank), i)
	c := r.tree.Seek(hi, lo, r.tie(lo))
	r.expect(c, i)
	if c.Valid() {
		back := c
		c.Next()
		r.expect(c, i+1)
		back.Prev()
		r.expect(back, i-1)
	}
	before := func(uint64) int { return -1 }
	after := func(uint64) int { return 1 }
	from, to := 0, len(r.model)
	for from < to && r.model[from].hi < hi {
		from++
	}
	for to > from && r.model[to-1].hi > hi {
		to--
	}
	r.expect(r.tree.Seek(hi, 0, before), from)
	r.expect(r.tree.Seek(hi, 0, after), to)
	rank, found = r.tree.Rank(hi, 0, after)
	check.Eq(r.t, rank, uint64(to))
	check.Eq(r.t, r.tree.Partition(func(h, _ uint64) bool { return h <= hi }), uint64(to))
	check.Eq(r.t, r.tree.Partition(func(h, l uint64) bool { return h < hi || h == hi && r.compareLo(l, lo) < 0 }), uint64(i))
	check.True(r.t, !found, "a place between cells is no cell")
}

func (r *treeRig) deleteRange(from, n int) {
	r.t.Helper()
	to := min(len(r.model), from+n)
	from = min(from, to)
	var gone []cell
	r.tree.DeleteRange(uint64(from), uint64(n), func(hi, lo, payload uint64) {
		gone = append(gone, cell{hi, lo, payload})
	})
	check.True(r.t, slices.Equal(gone, r.model[from:to]), "the removed cells are those of the model, in order")
	r.model = slices.Delete(r.model, from, to)
}

// agree stops the test unless tree and model hold the same, both ways round.
func (r *treeRig) agree() {
	r.t.Helper()
	check.NoErr(r.t, r.tree.CheckOrder(r.compareLo))
	check.Eq(r.t, r.tree.Len(), uint64(len(r.model)))
	c := r.tree.First()
	for i := range r.model {
		r.expect(c, i)
		c.Next()
	}
	check.True(r.t, !c.Valid(), "nothing comes after the last cell")
	c = r.tree.Last()
	for i := len(r.model) - 1; i >= 0; i-- {
		r.expect(c, i)
		c.Prev()
	}
	check.True(r.t, !c.Valid(), "nothing comes before the first cell")
	check.Eq(r.t, r.tree.MemUsage(), r.arena.Used())
}

func (r *treeRig) free() {
	r.t.Helper()
	r.tree.Free()
	check.NoErr(r.t, r.arena.CheckLeaks())
}

// op does one random change or look.
func (r *treeRig) op(kind int, hi, lo uint64, pick int) {
	r.t.Helper()
	switch {
	case kind < 45:
		r.insert(hi, lo)
	case kind < 80:
		if len(r.model) > 0 && pick%4 > 0 {
			c := r.model[pick%len(r.model)]
			hi, lo = c.hi, c.lo
		}
		r.delete(hi, lo)
	case kind < 98:
		if len(r.model) > 0 && pick%2 == 0 {
			c := r.model[pick/2%len(r.model)]
			hi, lo = c.hi, c.lo
		}
		r.look(hi, lo)
	case kind < 99:
		if len(r.model) > 0 && r.payload {
			i := pick % len(r.model)
			c := r.tree.Nth(uint64(i))
			c.SetPayload(uint64(pick))
			r.model[i].payload = uint64(pick)
		}
	case len(r.model) < 1000 || pick%16 == 0: // rarer in a large tree, so that it becomes one
		r.deleteRange(pick%(len(r.model)+1), pick/7%(1+len(r.model)/16))
	}
}

func TestTreeAgainstModel(t *testing.T) {
	tests := []struct {
		name          string
		payload, tied bool
		his, los      uint64 // keys to choose from
		ops, every    int
	}{
		{"few cells, checked after each operation", false, false, 8, 8, 8_000, 1},
		{"few cells of one hi", true, true, 1, 40, 8_000, 1},
		{"some cells", false, true, 50, 50, 100_000, 397},
		{"some cells with payload", true, false, 1000, 3, 100_000, 397},
		{"many cells", false, false, 1 << 40, 2, 100_000, 3999},
		{"many cells of few his", true, true, 3, 1 << 30, 100_000, 3999},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			seed := uint64(1)
			t.Logf("seed %d", seed)
			r := newTreeRig(t, tt.payload, tt.tied)
			rnd, most := seeded(seed), 0
			for i := range tt.ops {
				most = max(most, len(r.model))
				kind := rnd.IntN(100)
				switch phase := i * 8 / tt.ops; { // some eighths only grow, or only decline
				case phase%4 == 1 && kind >= 45 && kind < 80:
					kind = 0
				case phase%4 == 3 && kind < 45:
					kind = 45
				}
				r.op(kind, rnd.Uint64N(tt.his), rnd.Uint64N(tt.los), rnd.IntN(1<<20))
				if i%tt.every == 0 {
					r.agree()
				}
			}
			r.agree()
			t.Logf("at most %d cells", most)
			r.free()
		})
	}
}

// Keys that come in order, at an end or in the middle, leave full leaves; random ones leave them three quarters full.
func TestTreeIsPacked(t *testing.T) {
	const n = 100_000
	rnd := seeded(3)
	tests := []struct {
		name string
		hi   func(i uint64) uint64
		most float64 // bytes a cell of 16
	}{
		{"ascending", func(i uint64) uint64 { return i }, 17.5},
		{"descending", func(i uint64) uint64 { return n - i }, 17.5},
		{"ascending before a high one", func(i uint64) uint64 { return (i + 1) % n }, 19.5},
		{"random", func(uint64) uint64 { return rnd.Uint64() }, 21},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newTreeRig(t, false, false)
			r.tree.Insert(1<<40, 0, nil, 0)
			if tt.name != "ascending before a high one" {
				r.tree.Delete(1<<40, 0, nil)
			}
			for i := range uint64(n) {
				r.tree.Insert(tt.hi(i), 0, nil, 0)
			}
			check.NoErr(t, r.tree.Check())
			bytes := float64(r.tree.MemUsage()) / float64(r.tree.Len())
			t.Logf("%.2f bytes a cell", bytes)
			check.True(t, bytes < tt.most, "the tree is packed")
			r.free()
		})
	}
}

// A small tree takes a small block.
func TestTreeGrowsWithItsCells(t *testing.T) {
	r := newTreeRig(t, true, false)
	check.Eq(t, r.tree.MemUsage(), r.arena.Used())
	r.insert(1, 1)
	check.True(t, r.tree.MemUsage() < 200, "one cell takes less than 200 bytes")
	for i := range uint64(500) {
		r.insert(i, i)
		r.agree()
	}
	r.free()
}

func TestTreeFreesInSlices(t *testing.T) {
	for _, n := range []uint64{0, 1, 62, 63, 1000, 50_000} {
		r := newTreeRig(t, true, false)
		for i := range n {
			r.tree.Insert(i, 0, nil, i)
		}
		seen, slices := uint64(0), 0
		for done := false; !done; slices++ {
			done = r.tree.FreeSome(100, func(hi, _, payload uint64) {
				check.Eq(t, hi, payload)
				seen++
			})
		}
		check.Eq(t, seen, n)
		check.Eq(t, slices, int(max(1, (n+99)/100)))
		check.NoErr(t, r.arena.CheckLeaks())
	}
}

// A window that moves on, as a queue or a rate limiter has it, keeps the tree small.
func TestTreeOfAMovingWindow(t *testing.T) {
	r := newTreeRig(t, false, false)
	for i := range uint64(20_000) {
		r.insert(i, 0)
		if i >= 1000 {
			r.delete(i-1000, 0)
		}
		if i%777 == 0 {
			r.agree()
		}
	}
	check.True(t, r.tree.MemUsage() < 25*1000, "the tree is as large as its window")
	r.free()
}

func TestTreeMakesNoGarbage(t *testing.T) {
	r := newTreeRig(t, false, true)
	i := uint64(0)
	got := testing.AllocsPerRun(2000, func() {
		i++
		lo := i * 7919 % 1000
		tie := func(other uint64) int { return cmp.Compare(other, lo) }
		r.tree.Insert(i%10, lo, tie, 0)
		r.tree.Rank(i%10, lo, tie)
		c := r.tree.Seek(i%10, lo, tie)
		c.Next()
		if i%3 == 0 {
			r.tree.Delete(i%10, lo, tie)
		}
	})
	check.Eq(t, got, 0)
	r.free()
}

func FuzzTree(f *testing.F) {
	f.Add(false, []byte("\x00\x01\x00\x02\x00\x03\x30\x01\x50\x02"))
	f.Add(true, []byte(strings.Repeat("\x00a\x05b\x10c\x50\x09\x00d", 30)))
	f.Add(true, []byte(strings.Repeat("\x00\xfe\x02\x7f\x03\x10\x04\x20\x05\x30\x63\xff", 40)))
	f.Fuzz(func(t *testing.T, tied bool, ops []byte) {
		r := newTreeRig(t, tied, tied)
		rnd := rand.New(rand.NewPCG(uint64(len(ops)), 7))
		for i := 0; i+1 < min(len(ops), 2000); i += 2 {
			kind, arg := int(ops[i]%100), uint64(ops[i+1])
			for k := range 1 + arg%16 { // runs, so that short inputs make more than one leaf
				r.op(kind, arg/16, arg+k*uint64(ops[i]), int(arg)*13+rnd.IntN(2))
			}
			if i%32 == 0 {
				r.agree()
			}
		}
		r.agree()
		r.free()
	})
}
