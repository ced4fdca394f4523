package ds_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

// Whatever happens to the table between two calls, a key that is there from the
// first to the last comes.
func TestScanReturnsWhatStays(t *testing.T) {
	for seed := uint64(1); seed <= 150; seed++ {
		r := newRig(t)
		rnd := seeded(seed)
		n := 1 + rnd.IntN(600)
		for i := range n {
			r.put(fmt.Sprint("stay:", i))
		}
		for i := range rnd.IntN(3000) {
			r.put(fmt.Sprint("go:", i))
		}
		seen := map[string]int{}
		calls := 0
		for cursor := uint64(0); ; calls++ {
			cursor = r.d.Scan(cursor, func(e mem.Ref) { seen[string(r.key(e))]++ })
			if cursor == 0 {
				break
			}
			check.True(t, calls < 100_000, "a scan ends")
			disturb(r, rnd.IntN(6), func(n int) int { return rnd.IntN(n) })
		}
		for i := range n {
			check.True(t, seen[fmt.Sprint("stay:", i)] > 0, fmt.Sprintf("seed %d: stay:%d comes", seed, i))
		}
		r.agree()
		r.drain()
	}
}

// disturb changes the table, but not the keys that stay.
func disturb(r *rig, kind int, rnd func(int) int) {
	switch kind {
	case 0:
		for range rnd(200) {
			r.put(fmt.Sprint("go:", rnd(5000)))
		}
	case 1:
		for range rnd(300) {
			if key := r.keys[rnd(len(r.keys))]; strings.HasPrefix(key, "go:") {
				r.del(key)
			}
		}
	case 2:
		r.d.Step(rnd(20))
	case 3:
		r.d.ShrinkIfSparse()
	case 4:
		r.d.Resize(uint64(rnd(4000)))
	case 5:
		r.policy.Avoid = !r.policy.Avoid
	}
}

func TestScanOfAStandingTable(t *testing.T) {
	for _, n := range []int{1, 8, 100, 129, 1000} {
		r := newRig(t)
		for i := range n {
			r.put(fmt.Sprint(i))
		}
		rehashing := r.d.Rehashing()
		seen := map[string]int{}
		calls := 0
		for cursor, first := uint64(0), true; first || cursor != 0; first = false {
			cursor = r.d.Scan(cursor, func(e mem.Ref) { seen[string(r.key(e))]++ })
			calls++
		}
		check.Eq(t, len(seen), n)
		for k, times := range seen {
			check.True(t, times == 1, k+" comes once")
		}
		check.True(t, calls <= int(r.d.Stats()[0].Buckets), "a call a bucket of the smaller table")
		check.Eq(t, r.d.Rehashing(), rehashing)
		r.drain()
	}
}

// A cursor is a number that a client sends: any must be answered.
func TestScanOfStrangeCursors(t *testing.T) {
	r := newRig(t)
	for i := range 300 {
		r.put(fmt.Sprint(i))
	}
	for _, cursor := range []uint64{1, 63, 64, 1 << 20, 1 << 63, math.MaxUint64, math.MaxUint64 - 1, 0xdeadbeef} {
		for calls := 0; ; calls++ {
			check.True(t, calls < 1000, "ends")
			if cursor = r.d.Scan(cursor, func(mem.Ref) {}); cursor == 0 {
				break
			}
		}
	}
	r.drain()
}

// spread draws from n keys and gives the largest and smallest share, 1 being
// what each should get, and chi-square divided by its degrees of freedom.
func spread(r *rig, n, draws int) (low, high, chi float64) {
	got := map[string]int{}
	for range draws {
		e, ok := r.d.Random()
		check.True(r.t, ok, "something is drawn")
		got[string(r.key(e))]++
	}
	want := float64(draws) / float64(n)
	low, high = math.Inf(1), 0
	for key := range r.model {
		share := float64(got[key]) / want
		low, high = min(low, share), max(high, share)
		chi += (share - 1) * (share - 1) * want
	}
	return low, high, chi / float64(n-1)
}

func TestRandomIsRoughlyUniform(t *testing.T) {
	tests := []struct {
		name  string
		n     int
		avoid bool
		maxed float64 // chi-square a degree of freedom
	}{
		{"one bucket", 6, false, 4},
		{"a table", 100, false, 1.8},
		{"rehashing", 130, false, 1.8},
		{"chains of forty", 600, true, 1.8},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newRig(t)
			for i := range tt.n {
				if i > 120 {
					r.policy.Avoid = tt.avoid
				}
				r.put(fmt.Sprint(i))
			}
			wasRehashing := r.d.Rehashing()
			r.policy.Avoid = wasRehashing || tt.avoid // the rehash stays where it is
			low, high, chi := spread(r, tt.n, tt.n*300)
			check.Eq(t, r.d.Rehashing(), wasRehashing)
			check.True(t, low > 0.5 && high < 1.8, fmt.Sprintf("shares from %.2f to %.2f", low, high))
			check.True(t, chi < tt.maxed, fmt.Sprintf("chi-square %.2f", chi))
			r.drain()
		})
	}
}

// A dict that may not shrink can be nearly empty. Drawing from it must neither
// hang nor always give the same.
func TestRandomOfAnAlmostEmptyTable(t *testing.T) {
	r := newRig(t)
	r.d.Resize(1 << 20)
	for i := range 20 {
		r.put(fmt.Sprint(i))
	}
	got := map[string]int{}
	for range 300 {
		e, ok := r.d.Random()
		check.True(t, ok, "drawn")
		got[string(r.key(e))]++
	}
	check.True(t, len(got) >= 10, "many of them come")
	r.drain()
}
