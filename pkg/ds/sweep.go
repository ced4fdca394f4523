package ds

import (
	"math/bits"

	"redisd/pkg/mem"
)

// Sweep asks take about every entry once and deletes those it says true for; each
// of them goes to taken when it is out of the dict, with the barrier told before.
// take must not change entries, and neither may touch the table.
func (d *Dict) Sweep(take func(mem.Ref) bool, taken func(mem.Ref)) {
	d.paused++
	defer func() { d.paused-- }()
	for n := range d.ht {
		t := &d.ht[n]
		for i := uint64(0); i < t.size(); i++ {
			d.sweepBucket(t, i, take, taken)
		}
	}
}

func (d *Dict) sweepBucket(t *table, i uint64, take func(mem.Ref) bool, taken func(mem.Ref)) {
	top := d.at(t, i)
	for r := top; ; {
		b := d.bucket(r)
		d.warm(b)
		for s := 0; s < bucketSlots; {
			if b.live()&(1<<s) == 0 || !take(b.ref(s)) {
				s++
				continue
			}
			e := b.ref(s)
			last := r != top && !b.chained() && bits.OnesCount16(b.live()) == 1
			// The last entry of the chain comes into this slot: it is asked about next.
			d.remove(place{t, r, i, s})
			taken(e)
			if last {
				return // the child is gone
			}
		}
		if !b.chained() {
			return
		}
		r = b.ref(lastSlot)
	}
}
