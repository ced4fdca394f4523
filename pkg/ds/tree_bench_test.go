package ds_test

import (
	"fmt"
	"testing"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

func benchTree(b *testing.B, n uint64) (ds.Tree, func() uint64) {
	b.Helper()
	a, err := mem.New(mem.Config{HugePages: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = a.Close() })
	t := ds.TreeAt(a, ds.NewTree(a, false))
	rnd := seeded(1)
	for range n {
		t.Insert(rnd.Uint64(), 0, nil, 0)
	}
	again := seeded(1) // the same keys, in the same order
	left := n
	return t, func() uint64 {
		if left == 0 {
			again, left = seeded(1), n
		}
		left--
		return again.Uint64()
	}
}

var treeSizes = []uint64{1000, 1_000_000}

// BenchmarkTreeMove takes a random cell out and puts one in elsewhere, as a new score does.
func BenchmarkTreeMove(b *testing.B) {
	for _, n := range treeSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t, _ := benchTree(b, n)
			old, fresh := seeded(1), seeded(2)
			for b.Loop() {
				t.Delete(old.Uint64(), 0, nil)
				t.Insert(fresh.Uint64(), 0, nil, 0)
			}
		})
	}
}

func BenchmarkTreeRank(b *testing.B) {
	for _, n := range treeSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t, key := benchTree(b, n)
			for b.Loop() {
				t.Rank(key(), 0, nil)
			}
		})
	}
}

func BenchmarkTreeNth(b *testing.B) {
	for _, n := range treeSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t, key := benchTree(b, n)
			for b.Loop() {
				t.Nth(key() % n)
			}
		})
	}
}

// BenchmarkTreeRange seeks and walks over a hundred cells.
func BenchmarkTreeRange(b *testing.B) {
	for _, n := range treeSizes {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			t, key := benchTree(b, n)
			sum := uint64(0)
			for b.Loop() {
				c := t.Seek(key(), 0, nil)
				for i := 0; i < 100 && c.Valid(); i++ {
					hi, _ := c.Key()
					sum += hi
					c.Next()
				}
			}
		})
	}
}
