package ds

import "redisd/pkg/mem"

// Here: what a lookup will read is asked for ahead of it, so that the cache misses of
// several lookups overlap. Neither step changes anything: not even a rehash moves on.

// Approach asks for the bucket in which Find would begin; h is the key's hash.
func (d *Dict) Approach(h uint64) {
	for n := range d.ht {
		if t := &d.ht[n]; t.used != 0 {
			d.t.Arena.Prefetch(d.at(t, h&t.mask))
		}
	}
}

// Near asks for the entry that Find would look at first, and gives its reference; 0
// when no entry of the first bucket looks like it. It is an entry of the dict, of this
// key most likely. Approach should have been some time before.
func (d *Dict) Near(h uint64) mem.Ref {
	for n := range d.ht {
		t := &d.ht[n]
		if t.used == 0 {
			continue
		}
		b := d.bucket(d.at(t, h&t.mask))
		if m := b.match(tagOf(h)); m != 0 {
			r := b.ref(lowest(m))
			d.t.Arena.Prefetch(r)
			return r
		}
	}
	return 0
}
