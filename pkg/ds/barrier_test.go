package ds_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

// watch keeps what every bucket held at a moment. A bucket may differ from that
// only after the barrier was told of it, and when it is told it must not differ
// yet.
type watch struct {
	r     *rig
	held  map[[2]uint64]string
	told  map[[2]uint64]bool
	calls int
}

func (r *rig) watch() *watch {
	w := &watch{r: r, held: map[[2]uint64]string{}, told: map[[2]uint64]bool{}}
	gens, sizes := r.d.Tables()
	for n, gen := range gens {
		for i := range sizes[n] {
			w.held[[2]uint64{gen, i}] = r.copyOf(gen, i)
		}
	}
	r.d.SetBarrier(func(gen, i uint64) {
		at := [2]uint64{gen, i}
		w.calls++
		if held, there := w.held[at]; there && !w.told[at] {
			check.Eq(r.t, r.copyOf(gen, i), held)
		}
		w.told[at] = true
	})
	return w
}

func (w *watch) verify() {
	w.r.t.Helper()
	for at, held := range w.held {
		switch {
		case w.told[at]:
		case w.r.d.Has(at[0]):
			check.Eq(w.r.t, w.r.copyOf(at[0], at[1]), held)
		default:
			check.Eq(w.r.t, held, "") // the table is gone: nothing of it may have been untold
		}
	}
}

func TestBarrierIsToldBeforeEveryChange(t *testing.T) {
	for seed := uint64(1); seed <= 25; seed++ {
		r := newRig(t)
		rnd := seeded(seed)
		for range rnd.IntN(900) {
			r.put(randomKey(rnd, 3000))
		}
		for range 4 {
			w := r.watch()
			for i := range 150 {
				key := randomKey(rnd, 3000)
				if len(r.keys) > 0 && rnd.IntN(2) == 0 {
					key = r.keys[rnd.IntN(len(r.keys))]
				}
				r.op(rnd.IntN(100), rnd.IntN(1<<20), key)
				if i%10 == 0 {
					w.verify()
				}
			}
			w.verify()
		}
		w := r.watch()
		for pos, done := uint64(0), false; !done; w.verify() {
			pos, done = r.d.Drain(pos, 5, func(e mem.Ref) { r.arena.Free(mem.Entry, e) })
		}
		check.Eq(t, r.arena.Used(), 0)
	}
}

func TestReadingTellsTheBarrierNothing(t *testing.T) {
	r := newRig(t)
	for i := range 100 {
		r.put(fmt.Sprint(i))
	}
	for r.d.Step(100) {
	}
	w := r.watch()
	for i := range 200 {
		r.find(fmt.Sprint(i))
	}
	r.d.Random()
	r.d.Scan(0, func(mem.Ref) {})
	r.d.Each(func(mem.Ref) {})
	check.Eq(t, w.calls, 0)
	r.d.SetBarrier(nil)
	r.drain()
}
