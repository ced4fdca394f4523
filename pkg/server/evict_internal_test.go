package server

import (
	"fmt"
	"math"
	"testing"

	"redisd/internal/check"
)

// The time of a round by maxmemory-eviction-tenacity, Redis's evictionTimeLimitUs.
func TestEvictionTenacity(t *testing.T) {
	for _, tt := range []struct {
		tenacity int
		micros   int64
	}{{0, 0}, {1, 50}, {5, 250}, {10, 500}, {11, 575}, {20, 2022}, {50, 133_931}, {99, 126_205_000}} {
		got := evictionNanos(tt.tenacity) / 1000
		check.True(t, got >= tt.micros && got <= tt.micros*101/100, fmt.Sprintf("tenacity %d: %d us", tt.tenacity, got))
	}
	check.Eq(t, evictionNanos(100), int64(math.MaxInt64))

	// Without time a round ends at its first look at the clock, and without a bound at the limit.
	for _, tt := range []struct {
		tenacity string
		most     uint64
	}{{"0", 16}, {"100", math.MaxUint64}} {
		for _, live := range []bool{false, true} {
			directive := "maxmemory-eviction-tenacity 50"
			if !live {
				directive = "maxmemory-eviction-tenacity " + tt.tenacity
			}
			b := newBench(t, "maxmemory-policy allkeys-random", "enable-debug-command yes", directive)
			if live {
				b.do(request("CONFIG", "SET", "maxmemory-eviction-tenacity", tt.tenacity))
			}
			b.do(request("DEBUG", "POPULATE", "50000", "k", "100"))
			b.do(request("CONFIG", "SET", "maxmemory", fmt.Sprint(b.s.evict.used()-4<<20)))
			check.Eq(t, b.s.ks.Stats.Evicted, uint64(0))
			b.do(request("PING"))
			evicted := b.s.ks.Stats.Evicted
			if tt.most == 16 {
				check.Eq(t, evicted, tt.most)
				check.True(t, b.s.evict.over() && b.s.evict.running, "the turns go on with it")
			} else {
				check.True(t, evicted > 10_000 && !b.s.evict.over(), fmt.Sprint(evicted, " keys in one round"))
			}
		}
	}
}
