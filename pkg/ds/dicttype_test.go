package ds_test

import (
	"fmt"
	"math"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

func (r *rig) freeEntry(e mem.Ref) { r.arena.Free(mem.Entry, e) }

// freeRoot frees a dict in the arena at once and looks that nothing is left.
func (r *rig) freeRoot() {
	r.t.Helper()
	r.reopen()
	r.d.Free(r.freeEntry)
	check.NoErr(r.t, r.arena.CheckLeaks())
	check.Eq(r.t, r.arena.Used(), 0)
}

func TestDictInTheArenaAgainstModel(t *testing.T) {
	tests := []struct {
		name             string
		pool, ops, every int
	}{
		{"few keys, checked after each operation", 60, 30_000, 1},
		{"many keys", 20_000, 100_000, 1999},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRootRig(t)
			rnd := seeded(5)
			for i := range tt.ops {
				kind, key := rnd.IntN(100), randomKey(rnd, tt.pool)
				if kind >= 45 && kind < 80 && len(r.keys) > 0 && i*4/tt.ops%2 == 1 {
					key = r.keys[rnd.IntN(len(r.keys))]
				}
				r.op(kind, rnd.IntN(1<<20), key)
				if i%tt.every == 0 {
					r.agree()
				}
			}
			r.agree()
			r.freeRoot()
		})
	}
}

func TestEmptyDictInTheArena(t *testing.T) {
	r := newRootRig(t)
	check.Eq(t, r.d.Len(), 0)
	check.Eq(t, r.d.Root(), r.root)
	check.Eq(t, r.d.Scan(3, func(mem.Ref) { t.Fatal("an entry") }), 0)
	check.NoErr(t, r.d.Check())
	check.True(t, r.d.MemUsage() <= 104, "the root block is small")
	check.Eq(t, r.d.MemUsage(), r.arena.Used())
	check.True(t, r.d.FreeSome(1, r.freeEntry), "gone at once")
	check.NoErr(t, r.arena.CheckLeaks())
}

// Freeing in slices gives every entry once, tells the barrier of each bucket, and
// keeps its place in the dict itself.
func TestFreeSome(t *testing.T) {
	for _, n := range []int{0, 1, 8, 9, 100, 129, 140, 1000, 1100, 5000} {
		for _, slice := range []int{1, 10, 1 << 30} {
			r := newRootRig(t)
			told := map[[2]uint64]bool{}
			r.typ.Barrier = func(root mem.Ref, gen, i uint64) {
				check.Eq(t, root, r.root)
				told[[2]uint64{gen, i}] = true
			}
			for i := range n {
				r.put(fmt.Sprint(i))
			}
			r.reopen()
			want, freed, calls := r.full(), 0, 0
			clear(told)
			for done := false; !done; calls++ {
				r.reopen()
				done = r.d.FreeSome(slice, func(e mem.Ref) { freed++; r.freeEntry(e) })
			}
			check.Eq(t, freed, n)
			check.Eq(t, len(told), want)
			check.True(t, slice == 1<<30 || calls >= n/(slice+40), "it comes in slices")
			check.NoErr(t, r.arena.CheckLeaks())
		}
	}
}

// full counts the buckets that hold something.
func (r *rig) full() int {
	n := 0
	gens, sizes := r.d.Tables()
	for t, gen := range gens {
		for i := range sizes[t] {
			if r.copyOf(gen, i) != "" {
				n++
			}
		}
	}
	return n
}

func TestDup(t *testing.T) {
	for _, n := range []int{0, 1, 9, 300, 1030} {
		r := newRootRig(t)
		for i := range n {
			r.put(fmt.Sprint(i))
		}
		twin := &rig{t: t, arena: r.arena, typ: r.typ, d: new(ds.Dict), model: map[string]mem.Ref{}}
		r.reopen()
		twin.root = r.typ.Dup(r.d, func(e mem.Ref) mem.Ref {
			c := r.entry(r.key(e))
			twin.model[string(r.key(e))] = c
			return c
		})
		twin.reopen()
		twin.agree()
		check.True(t, !twin.d.Rehashing(), "made to measure")
		r.agree()
		twin.d.Free(twin.freeEntry)
		r.agree()
		r.freeRoot()
	}
}

// A sweep asks about each entry once, whatever the deletions move, and takes out
// what it was told to.
func TestSweep(t *testing.T) {
	for seed := uint64(1); seed <= 60; seed++ {
		r := newRootRig(t)
		rnd := seeded(seed)
		r.policy.Avoid = seed%2 == 0 // long chains
		for i := range rnd.IntN(300) {
			r.put(fmt.Sprint(i))
		}
		share := rnd.IntN(11)
		w := r.watch()
		asked, taken := map[mem.Ref]int{}, map[mem.Ref]bool{}
		r.d.Sweep(func(e mem.Ref) bool {
			asked[e]++
			taken[e] = rnd.IntN(10) < share
			return taken[e]
		}, func(e mem.Ref) {
			check.True(t, taken[e], "it was chosen")
			key := string(r.key(e))
			check.Eq(t, r.model[key], e)
			delete(r.model, key)
			r.freeEntry(e)
		})
		w.verify()
		for e, n := range asked {
			check.Eq(t, n, 1)
			check.True(t, e != 0, "an entry")
		}
		check.Eq(t, len(asked), len(taken))
		r.agree()
		r.freeRoot()
	}
}

func TestPopRandom(t *testing.T) {
	r := newRootRig(t)
	for i := range 700 {
		r.put(fmt.Sprint(i))
	}
	for n := 700; n > 0; n-- {
		r.reopen()
		e, ok := r.d.PopRandom()
		check.True(t, ok, "there are entries")
		delete(r.model, string(r.key(e)))
		r.freeEntry(e)
		if n%50 == 0 {
			r.agree()
		}
	}
	_, ok := r.d.PopRandom()
	check.True(t, !ok, "empty")
	r.freeRoot()
}

func TestWalkStops(t *testing.T) {
	r := newRootRig(t)
	for i := range 129 { // while it moves to a larger table
		r.put(fmt.Sprint(i))
	}
	for _, stop := range []int{1, 64, 129, 130} {
		n := 0
		check.Eq(t, r.d.Walk(func(mem.Ref) bool { n++; return n != stop }), stop > 129)
		check.Eq(t, n, min(stop, 129))
	}
	r.put("changes are fine again")
	r.agree()
	r.freeRoot()
}

func TestOpeningADictAllocatesNothing(t *testing.T) {
	r := newRootRig(t)
	calls := 0
	r.typ.Barrier = func(mem.Ref, uint64, uint64) { calls++ }
	for i := range 1000 {
		r.put(fmt.Sprint(i))
	}
	typ, root, key, n := r.typ, r.root, []byte("500"), 0
	check.Eq(t, testing.AllocsPerRun(300, func() {
		d := typ.At(root)
		h := d.Hash(key)
		e, ok := d.Find(h, key)
		if !ok {
			t.Fatal("missing")
		}
		d.Touch(h, e)
		d.Replace(h, e, e)
		d.Delete(h, e)
		d.Insert(h, e)
		d.Random()
		d.Scan(5, func(mem.Ref) { n++ })
		d.Walk(func(mem.Ref) bool { n++; return n%3 != 0 })
		d.ShrinkIfSparse()
	}), 0)
	check.True(t, calls > 0 && n > 0, "all of it ran")
	r.freeRoot()
}

// Each entry is drawn about as often as any other, in tables of any fill, also
// while they move: chi-square stays near its degrees of freedom.
func TestRandomIsFair(t *testing.T) {
	tests := []struct {
		name  string
		n     int
		avoid bool
		moved int // rehash steps taken when it draws; -1: to the end
	}{
		{"one bucket", 7, false, -1},
		{"one bucket with children", 33, true, -1},
		{"just grown", 65, false, -1},
		{"full", 128, false, -1},
		{"long chains", 600, true, -1},
		{"a rehash begins", 129, false, 0},
		{"a rehash half way", 1025, false, 60},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRootRig(t)
			r.policy.Avoid = tt.avoid
			for i := range tt.n {
				r.put(fmt.Sprint(i))
			}
			r.policy.Avoid = false
			if tt.moved >= 0 {
				r.d.Step(tt.moved)
			} else {
				r.d.Step(1000)
			}
			r.policy.Avoid = true
			const each = 400
			count := map[mem.Ref]int{}
			for range tt.n * each {
				e, _ := r.d.Random()
				count[e]++
			}
			chi := 0.0
			for _, e := range r.model {
				diff := float64(count[e] - each)
				chi += diff * diff / each
			}
			// A sample is beyond this less than once in 10^9 when the draw is fair.
			if limit := float64(tt.n) + 8*2*math.Sqrt(float64(tt.n)) + 40; chi > limit {
				t.Fatalf("chi-square %.0f of %d entries, limit %.0f", chi, tt.n, limit)
			}
			r.policy.Avoid = false
			r.freeRoot()
		})
	}
}

// What Sample gives is different entries of the dict, as many as asked for where there
// are enough, and each entry comes at some time, those of child buckets too.
func TestSample(t *testing.T) {
	for _, tt := range []struct {
		name  string
		n     int
		avoid bool
		want  int
	}{
		{"fewer than wanted", 3, false, 5},
		{"one bucket with children", 33, true, 5},
		{"full", 128, false, 5},
		{"long chains", 600, true, 5},
		{"a rehash half way", 1025, false, 60},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newRootRig(t)
			r.policy.Avoid = tt.avoid
			for i := range tt.n {
				r.put(fmt.Sprint(i))
			}
			seen := map[mem.Ref]bool{}
			refs := make([]mem.Ref, tt.want)
			for range 100 * tt.n {
				n := r.d.Sample(refs)
				if n < 1 || tt.n >= 100 && n < tt.want {
					t.Fatalf("%d entries", n)
				}
				once := map[mem.Ref]bool{}
				for _, e := range refs[:n] {
					once[e], seen[e] = true, true
				}
				check.Eq(t, len(once), n)
			}
			for k, e := range r.model {
				if !seen[e] {
					t.Errorf("%s never came", k)
				}
			}
			check.Eq(t, len(seen), tt.n)
			r.policy.Avoid = false
			r.freeRoot()
		})
	}
}

func BenchmarkOpenAndFind(b *testing.B) {
	r := newRootRig(b)
	for i := range 1000 {
		r.put(fmt.Sprint(i))
	}
	typ, root, key := r.typ, r.root, []byte("500")
	b.ReportAllocs()
	for b.Loop() {
		d := typ.At(root)
		if _, ok := d.Find(d.Hash(key), key); !ok {
			b.Fatal("missing")
		}
	}
}
