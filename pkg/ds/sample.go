package ds

import (
	"math/rand/v2"

	"redisd/pkg/mem"
)

// sampleBuckets is how many buckets Sample looks at for each entry that is asked for,
// before it is content with fewer.
const sampleBuckets = 10

// Sample fills refs with entries of one random neighbourhood, all different, and gives
// their number: fewer than fit when the table is small or sparse, none only when it is
// empty. Neighbours have nothing in common but a part of their hash, so they are as
// good a sample as any, at one wait for memory instead of one each; the entries are asked
// for too (see Approach). An entry in a crowded bucket comes less often than others, and
// one behind a gap more often: Random is fair.
func (d *Dict) Sample(refs []mem.Ref) (n int) {
	if d.Len() == 0 || len(refs) == 0 {
		return 0
	}
	skip, total := d.filled()
	at := rand.Uint64N(total)
	for range min(total, uint64(sampleBuckets*len(refs))) {
		t, i := d.bucketAt(skip + at)
		if n += d.sampleBucket(t, i, refs[n:]); n == len(refs) {
			return n
		}
		at = (at + 1) % total
	}
	if n == 0 {
		refs[0], _ = d.Random()
		n = 1
	}
	return n
}

// sampleBucket takes entries of bucket i and its children from a random one on: where
// not all fit, the first ones would keep the last ones from ever being seen.
func (d *Dict) sampleBucket(t *table, i uint64, refs []mem.Ref) int {
	count := d.count(t, i)
	if count == 0 {
		return 0
	}
	first := rand.IntN(count)
	n := min(count, len(refs))
	for k := range n {
		p := d.nth(t, i, (first+k)%count)
		refs[k] = d.bucket(p.b).ref(p.i)
		d.t.Arena.Prefetch(refs[k])
	}
	return n
}
