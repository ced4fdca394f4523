package ds

import (
	"math/bits"

	"redisd/pkg/mem"
)

// bucketsFor is the size, a power of two, of a table for n entries.
func bucketsFor(n uint64) uint64 {
	want := (n + bucketFill - 1) / bucketFill
	if want <= 1 {
		return 1
	}
	return 1 << bits.Len64(want-1)
}

func (d *Dict) newTable(buckets uint64) table {
	d.nextGen++
	r := d.t.Arena.AllocZero(mem.Table, int(buckets*bucketSize))
	return table{buckets: r, mask: buckets - 1, gen: d.nextGen}
}

func (d *Dict) growIfFull() {
	if d.rehash >= 0 {
		return
	}
	t := &d.ht[0]
	if t.buckets == 0 {
		*t = d.newTable(1)
		return
	}
	room := t.size() * bucketFill
	if t.used < room || d.t.Policy.Avoid && t.used <= room*forceRatio {
		return
	}
	if ask := d.t.Policy.Room; ask != nil && t.used*100 <= room*overfillPercent && !ask(bucketsFor(t.used+1)*bucketSize) {
		return
	}
	d.Resize(t.used + 1)
}

// Resize starts a rehash into a table for n entries; nothing happens while
// another one is going on or when the size is right already. An empty dict gives
// its table back.
func (d *Dict) Resize(n uint64) {
	if d.rehash >= 0 {
		return
	}
	if d.Len() == 0 && n == 0 {
		d.freeTable(&d.ht[0])
		return
	}
	want := bucketsFor(max(n, d.Len()))
	if want == d.ht[0].size() {
		return
	}
	t := d.newTable(want)
	if d.Len() == 0 {
		d.freeTable(&d.ht[0])
		d.ht[0] = t
		return
	}
	d.ht[1] = t
	d.rehash = 0
}

// minFillPercent is Redis's HASHTABLE_MIN_FILL: below it a table shrinks.
const minFillPercent = 10

// ShrinkIfSparse starts a rehash into a smaller table when less than a tenth of
// this one is used, and the policy allows it. For cron.
func (d *Dict) ShrinkIfSparse() {
	t := &d.ht[0]
	if d.t.Policy.Avoid || d.rehash >= 0 || t.buckets == 0 {
		return
	}
	if t.used == 0 || t.size() > 1 && t.used*100/(t.size()*bucketFill) < minFillPercent {
		d.Resize(t.used)
	}
}

// Step moves up to n buckets of an ongoing rehash and tells whether one is still
// going on. It does nothing while iterations are open or the policy avoids it.
func (d *Dict) Step(n int) bool {
	for ; n > 0 && d.rehash >= 0; n-- {
		if !d.move(emptyVisits) {
			return false
		}
	}
	return d.rehash >= 0
}

// mayMove tells whether a rehash goes on now. Under Avoid only one does whose tables
// are of very different sizes: the one that forced growth started, or one that shrinks
// an almost empty table; and one whose new table has meanwhile become far too full.
func (d *Dict) mayMove() bool {
	if d.paused > 0 {
		return false
	}
	if !d.t.Policy.Avoid {
		return true
	}
	from, to := d.ht[0].size(), d.ht[1].size()
	return to >= forceRatio*from || from >= forceRatio*to || d.ht[1].used > to*bucketFill*forceRatio
}

// Bounds of the empty buckets that one step passes over: of Step, and of the step
// that an operation does on its way, which should not wait for many cache misses.
const (
	emptyVisits   = 10
	passingVisits = 2
)

// step is Step for one bucket, on the way of an operation.
func (d *Dict) step() bool { return d.move(passingVisits) }

// move moves one bucket with its children, unless it only passes over visits empty
// ones, and tells whether it could.
func (d *Dict) move(visits int) bool {
	if !d.mayMove() {
		return false
	}
	from, to := &d.ht[0], &d.ht[1]
	for ; visits > 0 && from.used > 0; visits-- {
		i := uint64(d.rehash)
		d.rehash++
		if d.bucket(d.at(from, i)).used() == 0 {
			continue
		}
		if d.Watched() {
			d.tell(from.gen, i)
		}
		d.moveBucket(from, to, i)
		break
	}
	if from.used == 0 {
		d.freeTable(from)
		d.ht[0], d.ht[1] = d.ht[1], table{}
		d.rehash = -1
	}
	return true
}

func (d *Dict) moveBucket(from, to *table, i uint64) {
	top := d.at(from, i)
	for r := top; ; {
		b := d.bucket(r)
		d.warm(b)
		for m := b.live(); m != 0; m &= m - 1 {
			e := b.ref(lowest(m))
			d.insertInto(to, d.Hash(d.key(e)), e)
			from.used--
		}
		next, more := b.ref(lastSlot), b.chained()
		if r != top {
			d.t.Arena.Free(mem.Table, r)
			d.children--
		} else {
			b.setUsed(0)
		}
		if !more {
			return
		}
		r = next
	}
}

func (d *Dict) freeTable(t *table) {
	if t.buckets != 0 {
		d.t.Arena.Free(mem.Table, t.buckets)
	}
	*t = table{}
}
