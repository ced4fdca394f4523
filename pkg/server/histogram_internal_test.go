package server

import (
	"math/rand"
	"slices"
	"testing"

	"redisd/internal/check"
)

func TestHistogramBuckets(t *testing.T) {
	last := -1
	for n := uint64(0); n < 1<<16; n++ {
		b := bucketOf(n)
		if b != last && b != last+1 || upper(b) < n || b > 0 && upper(b-1) >= n {
			t.Fatalf("%d is in bucket %d, up to %d, behind bucket %d", n, b, upper(b), last)
		}
		last = b
	}
	for n := uint64(1); n < 1<<36; n = n*3 + 1 {
		u := upper(bucketOf(n))
		check.True(t, u >= n && float64(u-n) <= 0.0625*float64(n)+1, "a bucket is too wide")
	}
	check.Eq(t, bucketOf(1<<63), len(histogram{}.buckets)-1)
}

func TestHistogramPercentiles(t *testing.T) {
	rnd := rand.New(rand.NewSource(1))
	var h histogram
	var all []uint64
	for range 10_000 {
		n := uint64(rnd.ExpFloat64() * 50_000)
		all = append(all, n)
		h.add(n)
	}
	slices.Sort(all)
	for _, tt := range []struct {
		p    float64
		rank int
	}{{0, 0}, {50, 4999}, {99, 9899}, {99.9, 9989}, {100, 9999}} {
		want, got := all[tt.rank], h.percentile(tt.p)
		check.True(t, got >= want && float64(got-want) <= 0.0625*float64(want)+1, "percentile is off")
	}
	type step struct {
		micros int64
		calls  uint64
	}
	var want, got []step
	for limit := uint64(1024); limit <= 1<<36; limit *= 2 {
		below := uint64(0)
		for _, v := range all {
			if v < limit {
				below++
			}
		}
		if len(want) == 0 || below > want[len(want)-1].calls {
			want = append(want, step{int64((limit - 1) / 1000), below})
		}
	}
	h.octaves(func(micros int64, calls uint64) { got = append(got, step{micros, calls}) })
	check.Eq(t, got, want)
}

func TestHumanBytes(t *testing.T) {
	for _, tt := range []struct {
		n    uint64
		want string
	}{{0, "0B"}, {1023, "1023B"}, {1024, "1.00K"}, {941480, "919.41K"}, {25276514304, "23.54G"}, {1 << 62, "4096.00P"}} {
		check.Eq(t, humanBytes(tt.n), tt.want)
	}
}
