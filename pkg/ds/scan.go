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

// EachIn calls fn for the entries of bucket i, children included, of the table
// with the number gen. fn must not change the table.
func (d *Dict) EachIn(gen, i uint64, fn func(mem.Ref)) {
	t := d.tableOf(gen)
	for r := d.at(t, i); ; {
		b := d.bucket(r)
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

// Random gives an entry, each about as likely as any other, or false when the
// dict is empty.
func (d *Dict) Random() (mem.Ref, bool) {
	if d.Len() == 0 {
		return 0, false
	}
	if d.rehash >= 0 {
		d.step()
	}
	var in []mem.Ref
	var few [4 * bucketSlots]mem.Ref
	for {
		gen, i := d.randomBucket()
		in = few[:0]
		d.EachIn(gen, i, func(r mem.Ref) { in = append(in, r) })
		if len(in) == 0 {
			continue
		}
		// A bucket with few entries is taken rarely, so that an entry's chance
		// does not depend on its neighbours.
		if k := rand.IntN(max(len(in), 2*bucketSlots)); k < len(in) {
			return in[k], true
		}
	}
}

// randomBucket picks one of the buckets that may hold entries: those of ht[0]
// below the rehash position are empty already.
func (d *Dict) randomBucket() (gen, i uint64) {
	if d.rehash < 0 {
		return d.ht[0].gen, rand.Uint64N(d.ht[0].size())
	}
	left := d.ht[0].size() - uint64(d.rehash)
	k := rand.Uint64N(left + d.ht[1].size())
	if k < left {
		return d.ht[0].gen, uint64(d.rehash) + k
	}
	return d.ht[1].gen, k - left
}

// Drain empties up to n buckets from the one it stopped at before, telling
// Barrier first and giving every entry to free. It returns the position to go on
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
	if d.Barrier != nil {
		d.Barrier(t.gen, i)
	}
	for r := top; ; {
		b := d.bucket(r)
		for m := b.live(); m != 0; m &= m - 1 {
			free(b.ref(lowest(m)))
			t.used--
		}
		next, more := b.ref(lastSlot), b.chained()
		if r == top {
			b.setUsed(0)
		} else {
			d.arena.Free(mem.Table, r)
			d.children--
		}
		if !more {
			return
		}
		r = next
	}
}
