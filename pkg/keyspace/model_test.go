package keyspace_test

import (
	"testing"
)

func TestKeyspaceAgainstModel(t *testing.T) {
	tests := []struct {
		name              string
		dbs, pool         int
		ops, every, seeds int
		rare              int // one operation in so many is of the rare kind
	}{
		{"few keys, checked after each operation", 2, 40, 25_000, 1, 1, 300},
		{"some keys in three databases", 3, 800, 60_000, 101, 1, 2500},
		{"many keys", 2, 9000, 100_000, 2503, 1, 30_000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := range tt.seeds {
				t.Logf("seed %d", seed)
				w := newWorld(t, uint64(seed), tt.dbs, tt.pool)
				for n := range tt.ops {
					switch {
					case w.rnd.IntN(tt.rare) == 0:
						w.step(rare)
					case w.rnd.IntN(400) == 0:
						w.ks.AvoidResize(w.rnd.IntN(2) == 0)
					default:
						w.step(ops)
					}
					if n%tt.every == 0 {
						w.agree()
					}
				}
				w.agree()
				w.finish()
			}
		})
	}
}
