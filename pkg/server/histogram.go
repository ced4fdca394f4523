package server

import (
	"math"
	"math/bits"
)

// histogram counts durations in buckets whose width is a sixteenth of their
// octave, so that a percentile is off by 6 % at most. It is made with a command's
// first call: most commands are never called.
type histogram struct {
	count   uint64
	buckets [histogramOctaves * histogramParts]uint64
}

const (
	histogramParts   = 16
	histogramBits    = 4 // log2 of histogramParts
	histogramOctaves = 33
)

// bucketOf is the bucket of n nanoseconds; the last one takes what is longer.
func bucketOf(n uint64) int {
	octave := max(bits.Len64(n), histogramBits) - histogramBits
	b := octave<<histogramBits + int(n>>uint(max(octave-1, 0)))&(histogramParts-1)
	return min(b, histogramOctaves*histogramParts-1)
}

// upper is the longest duration that falls into bucket b, nanoseconds.
func upper(b int) uint64 {
	octave, part := b>>histogramBits, uint64(b&(histogramParts-1))
	if octave == 0 {
		return part
	}
	return (histogramParts+part+1)<<uint(octave-1) - 1
}

func (h *histogram) add(nanos uint64) {
	h.count++
	h.buckets[bucketOf(nanos)]++
}

// percentile is the duration, in nanoseconds, that p percent of the calls did not
// exceed.
func (h *histogram) percentile(p float64) uint64 {
	rank := max(1, uint64(math.Ceil(p/100*float64(h.count))))
	sum := uint64(0)
	for b, n := range h.buckets {
		if sum += n; sum >= rank {
			return upper(b)
		}
	}
	return upper(len(h.buckets) - 1)
}

// octaves calls fn for every power of two from 1024 nanoseconds on below which
// there are more calls than below the one before: with the limit in microseconds
// and the number of calls below it.
func (h *histogram) octaves(fn func(micros int64, calls uint64)) {
	sum, last := uint64(0), uint64(0)
	for octave := range histogramOctaves {
		for part := range histogramParts {
			sum += h.buckets[octave*histogramParts+part]
		}
		limit := upper((octave+1)*histogramParts - 1)
		if limit < 1023 || sum == last {
			continue
		}
		fn(int64(limit/1000), sum)
		last = sum
	}
}
