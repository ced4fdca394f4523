package mem_test

import (
	"fmt"
	"math/rand"
	"testing"

	"redisd/pkg/mem"
)

func newBench(b *testing.B) *mem.Arena {
	b.Helper()
	a, err := mem.New(mem.Config{HugePages: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Close() })
	return a
}

// BenchmarkPair is one Alloc and its Free, of a block that is in the cache.
func BenchmarkPair(b *testing.B) {
	for _, n := range []int{24, 96, 1000, 16 << 10, 100 << 10} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			a := newBench(b)
			hold := a.Alloc(mem.Entry, n)
			b.ReportAllocs()
			for b.Loop() {
				a.Free(mem.Entry, a.Alloc(mem.Entry, n))
			}
			a.Free(mem.Entry, hold)
		})
	}
}

// BenchmarkFill is Alloc alone, of entries as a load makes them; the page faults are in it.
func BenchmarkFill(b *testing.B) {
	a := newBench(b)
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		a.Alloc(mem.Entry, 80+i%6*8)
		i++
	}
}

// BenchmarkChurn replaces random blocks among 2^20, so that each Free and most blocks miss the cache: the upper bound
// of what overwriting a large dataset costs.
func BenchmarkChurn(b *testing.B) {
	for _, spread := range []int{1, 48} {
		b.Run(fmt.Sprintf("spread%d", spread), func(b *testing.B) {
			a := newBench(b)
			rnd := rand.New(rand.NewSource(1))
			blocks := make([]mem.Ref, 1<<20)
			for i := range blocks {
				blocks[i] = a.Alloc(mem.Entry, 80+rnd.Intn(spread))
			}
			b.ReportAllocs()
			for b.Loop() {
				i := rnd.Intn(len(blocks))
				r := a.Alloc(mem.Entry, 80+rnd.Intn(spread))
				a.Free(mem.Entry, blocks[i])
				blocks[i] = r
			}
			b.ReportMetric(float64(a.Mapped())/float64(a.Used()), "mapped/used")
		})
	}
}
