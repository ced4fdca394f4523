package ds

import (
	"math/bits"
	"math/rand/v2"

	"redisd/pkg/mem"
)

// Each calls fn for every entry. fn may change the bytes of the entry it is
// given; the table must stay as it is.
func (d *Dict) Each(fn func(mem.Ref)) {
	d.paused++
	defer func() { d.paused-- }()
	for n := range d.ht {
		t := &d.ht[n]
		for i := uint64(0); i < t.size(); i++ {
			d.EachIn(t.gen, i, fn)
		}
	}
}

// Walk is Each that ends when fn says false; it tells whether it came to the end.
func (d *Dict) Walk(fn func(mem.Ref) bool) bool {
	d.paused++
	defer func() { d.paused-- }()
	for n := range d.ht {
		t := &d.ht[n]
		for i := uint64(0); i < t.size(); i++ {
			for b := d.bucket(d.at(t, i)); ; b = d.bucket(b.ref(lastSlot)) {
				d.warm(b)
				for m := b.live(); m != 0; m &= m - 1 {
					if !fn(b.ref(lowest(m))) {
						return false
					}
				}
				if !b.chained() {
					break
				}
			}
		}
	}
	return true
}

// EachIn calls fn for the entries of bucket i, children included, of the table
// with the number gen. fn must not change the table.
func (d *Dict) EachIn(gen, i uint64, fn func(mem.Ref)) {
	t := d.tableOf(gen)
	for r := d.at(t, i); ; {
		b := d.bucket(r)
		d.warm(b)
		for m := b.live(); m != 0; m &= m - 1 {
			fn(b.ref(lowest(m)))
		}
		if !b.chained() {
			return
		}
		r = b.ref(lastSlot)
	}
}

// Tables gives the numbers and sizes, in buckets, of the tables in use.
func (d *Dict) Tables() (gen, size [2]uint64) {
	for n := range d.ht {
		gen[n], size[n] = d.ht[n].gen, d.ht[n].size()
	}
	return gen, size
}

// Has tells whether the table with the number gen still exists.
func (d *Dict) Has(gen uint64) bool {
	return d.ht[0].buckets != 0 && d.ht[0].gen == gen || d.ht[1].buckets != 0 && d.ht[1].gen == gen
}

// Scan calls fn for the entries of one bucket (of both tables while rehashing)
// and returns the next cursor, 0 at the end. The cursor counts bucket numbers
// with their bits reversed, Pieter Noordhuis's way for Redis: a bucket that was
// passed stays passed when the table grows or shrinks, so nothing that stays in
// the table is missed; elements may come twice. fn must not change the table.
func (d *Dict) Scan(cursor uint64, fn func(mem.Ref)) uint64 {
	if d.Len() == 0 {
		return 0
	}
	small, large := &d.ht[0], &d.ht[1]
	if d.rehash < 0 {
		d.EachIn(small.gen, cursor&small.mask, fn)
		return nextCursor(cursor, small.mask)
	}
	if small.mask > large.mask {
		small, large = large, small
	}
	d.EachIn(small.gen, cursor&small.mask, fn)
	for {
		d.EachIn(large.gen, cursor&large.mask, fn)
		cursor = nextCursor(cursor, large.mask)
		if cursor&(small.mask^large.mask) == 0 {
			return cursor
		}
	}
}

func nextCursor(v, mask uint64) uint64 {
	v |= ^mask
	v = bits.Reverse64(v)
	v++
	return bits.Reverse64(v)
}

// randomTries bounds the buckets that Random tries before it takes what comes
// next. In a table as sparse as one may be before it shrinks one try in 25 hits.
const randomTries = 500

// Random gives an entry, each about as likely as any other, or false when the
// dict is empty. In a table with almost nothing in it, as it is when it must not
// shrink, entries behind a long gap come more often.
func (d *Dict) Random() (mem.Ref, bool) {
	if d.Len() == 0 {
		return 0, false
	}
	p := d.randomPlace()
	return d.bucket(p.b).ref(p.i), true
}

// PopRandom is Random that takes the entry out of the dict, and leaves its memory alone.
func (d *Dict) PopRandom() (mem.Ref, bool) {
	if d.Len() == 0 {
		return 0, false
	}
	p := d.randomPlace()
	e := d.bucket(p.b).ref(p.i)
	d.remove(p)
	return e, true
}

// randomPlace chooses an entry of a dict that is not empty.
func (d *Dict) randomPlace() place {
	if d.rehash >= 0 {
		d.step()
	}
	skip, total := d.filled()
	// A bucket with few entries is taken rarely, so that an entry's chance does
	// not depend on its neighbours. Hardly any bucket holds more than this: one in
	// 10^4 where they hold 8 on average, fewer where they hold less. Two tables may
	// be filled unlike each other.
	avg := d.Len() / total
	for n, size := range [...]uint64{d.ht[0].size() - skip, d.ht[1].size()} {
		if size != 0 {
			avg = max(avg, d.ht[n].used/size)
		}
	}
	full := int(8 + avg + avg/2)
	for range randomTries {
		t, i := d.bucketAt(skip + rand.Uint64N(total))
		n := d.count(t, i)
		if k := rand.IntN(max(n, full)); k < n {
			return d.nth(t, i, k)
		}
	}
	for at := rand.Uint64N(total); ; at = (at + 1) % total {
		t, i := d.bucketAt(skip + at)
		if n := d.count(t, i); n > 0 {
			return d.nth(t, i, rand.IntN(n))
		}
	}
}

// filled gives the stretch of buckets, as bucketAt numbers them, that may have entries:
// those of ht[0] below the rehash position are empty already.
func (d *Dict) filled() (skip, total uint64) {
	skip = uint64(max(d.rehash, 0))
	return skip, d.ht[0].size() + d.ht[1].size() - skip
}

// bucketAt numbers the buckets of both tables in one row.
func (d *Dict) bucketAt(i uint64) (*table, uint64) {
	if n := d.ht[0].size(); i >= n {
		return &d.ht[1], i - n
	}
	return &d.ht[0], i
}

// count is the number of entries in bucket i and its children.
func (d *Dict) count(t *table, i uint64) int {
	n := 0
	for b := d.bucket(d.at(t, i)); ; b = d.bucket(b.ref(lastSlot)) {
		n += bits.OnesCount16(b.live())
		if !b.chained() {
			return n
		}
	}
}

// nth is the place of entry k of bucket i, which has more than k.
func (d *Dict) nth(t *table, i uint64, k int) place {
	for r := d.at(t, i); ; {
		b := d.bucket(r)
		m := b.live()
		n := bits.OnesCount16(m)
		if k >= n {
			k -= n
			r = b.ref(lastSlot)
			continue
		}
		for ; k > 0; k-- {
			m &= m - 1
		}
		return place{t, r, i, lowest(m)}
	}
}

// Drain empties up to n buckets from the one it stopped at before, telling
// Barrier first and giving every entry to free, if that is not nil. It returns the position to go on
// from and whether the dict is empty now, its tables freed. For dicts that are
// no longer looked up.
func (d *Dict) Drain(pos uint64, n int, free func(mem.Ref)) (uint64, bool) {
	for ; n > 0; n-- {
		t, i := &d.ht[0], pos
		if i >= t.size() {
			t, i = &d.ht[1], pos-t.size()
		}
		if i >= t.size() {
			d.freeTable(&d.ht[0])
			d.freeTable(&d.ht[1])
			d.rehash = -1
			return 0, true
		}
		d.drainBucket(t, i, free)
		pos++
	}
	return pos, false
}

func (d *Dict) drainBucket(t *table, i uint64, free func(mem.Ref)) {
	top := d.at(t, i)
	if d.bucket(top).used() == 0 {
		return
	}
	if d.Watched() {
		d.tell(t.gen, i)
	}
	for r := top; ; {
		b := d.bucket(r)
		t.used -= uint64(bits.OnesCount16(b.live()))
		if free != nil {
			d.warm(b)
			for m := b.live(); m != 0; m &= m - 1 {
				free(b.ref(lowest(m)))
			}
		}
		next, more := b.ref(lastSlot), b.chained()
		if r == top {
			b.setUsed(0)
		} else {
			d.t.Arena.Free(mem.Table, r)
			d.children--
		}
		if !more {
			return
		}
		r = next
	}
}
