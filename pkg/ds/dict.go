package ds

import (
	"bytes"
	"hash/maphash"

	"redisd/pkg/mem"
)

// Barrier is told of a change before it happens: bucket i (with all its
// children) of the table that carries the number gen.
type Barrier func(gen uint64, i uint64)

// table is one power-of-two array of buckets.
type table struct {
	buckets mem.Ref // first bucket; 0 while nothing was ever inserted
	mask    uint64  // number of buckets minus one
	used    uint64  // entries in it, children included
	gen     uint64  // unlike that of any other table this dict ever had
}

func (t *table) size() uint64 {
	if t.buckets == 0 {
		return 0
	}
	return t.mask + 1
}

// Dict maps keys to the references of their entries. The zero Dict is not ready:
// NewDict makes one for a keyspace, DictType.At opens one that lies in the arena.
// It belongs to the goroutine that owns the arena. Three words: it is passed on in
// registers.
type Dict struct {
	*dictState // in one Go block with the Dict, or in the arena at root

	t    *DictType
	root mem.Ref // block of the state; 0 after NewDict
}

// dictState is what changes in a Dict. It may lie in the arena, so it holds no Go
// pointer.
type dictState struct {
	ht       [2]table
	rehash   int64 // next bucket of ht[0] to move, -1 when not rehashing
	children uint64
	nextGen  uint64
	paused   int32 // open iterations that must not see entries move
	warmth   uint8 // what warm read, so that the reads are not optimised away
}

// ResizePolicy is shared by the dicts of a keyspace: whether tables may be
// resized freely now. While a child works it is Avoid, as in Redis.
type ResizePolicy struct {
	// Avoid says that a table grows only when it is more than five times too
	// full, does not shrink, and an ongoing rehash pauses.
	Avoid bool
	// Room tells whether there is memory for a table of so many bytes; nil when there
	// always is. Without it a table becomes overfull, up to overfillPercent, before it
	// grows: what the new one takes would have to be evicted.
	Room func(bytes uint64) bool
}

// overfillPercent is Redis's HASHTABLE_MAX_LOAD_FACTOR: a table that is fuller grows
// although memory is short.
const overfillPercent = 161

// forceRatio is Redis's dict_force_resize_ratio: a table that is this many times
// too full grows although a child lives.
const forceRatio = 5

// place is where an entry lies, good until entries move.
type place struct {
	t   *table
	b   mem.Ref // the bucket or child bucket
	top uint64  // index of the bucket that the chain starts from
	i   int
}

// NewDict makes an empty table; it takes no arena memory before the first
// Insert. keyOff is where the key starts in an entry.
func NewDict(a *mem.Arena, seed maphash.Seed, keyOff int, policy *ResizePolicy) *Dict {
	// One block, so that a lookup's way to the tables leads through warm memory.
	d := &struct {
		Dict
		typ   DictType
		state dictState
	}{typ: DictType{Arena: a, Seed: seed, KeyOff: keyOff, Policy: policy}}
	d.t, d.dictState = &d.typ, &d.state
	d.rehash = -1
	return &d.Dict
}

// SetBarrier says whom changes of a dict of NewDict are announced to: nil for nobody.
func (d *Dict) SetBarrier(b Barrier) {
	if b == nil {
		d.t.Barrier = nil
		return
	}
	d.t.Barrier = func(_ mem.Ref, gen, i uint64) { b(gen, i) }
}

// Watched tells whether anybody wants to hear of changes.
func (d *Dict) Watched() bool { return d.t.Barrier != nil }

// tell announces the change of bucket i of table gen to who wants to hear it.
func (d *Dict) tell(gen, i uint64) { d.t.Barrier(d.root, gen, i) }

// Hash is the hash that all calls for key take.
func (d *Dict) Hash(key []byte) uint64 { return maphash.Bytes(d.t.Seed, key) }

// Len is the number of entries.
func (d *Dict) Len() uint64 { return d.ht[0].used + d.ht[1].used }

// Rehashing tells whether entries are moving from one table to another.
func (d *Dict) Rehashing() bool { return d.rehash >= 0 }

func (d *Dict) bucket(r mem.Ref) bucket { return bucket{d.t.Arena.Ptr(r)} }

func (d *Dict) at(t *table, i uint64) mem.Ref { return t.buckets + mem.Ref(i*bucketSize) }

func (d *Dict) key(r mem.Ref) []byte { return KeyAt(d.t.Arena.Ptr(r), d.t.KeyOff) }

func tagOf(h uint64) uint8 { return uint8(h >> 56) }

// Find looks key up. h must be Hash(key).
func (d *Dict) Find(h uint64, key []byte) (mem.Ref, bool) {
	if d.rehash >= 0 {
		d.step()
	}
	for n := range d.ht {
		t := &d.ht[n]
		if t.used == 0 {
			continue
		}
		for b := d.bucket(d.at(t, h&t.mask)); ; b = d.bucket(b.ref(lastSlot)) {
			for m := b.match(tagOf(h)); m != 0; m &= m - 1 {
				if e := b.ref(lowest(m)); bytes.Equal(d.key(e), key) {
					return e, true
				}
			}
			if !b.chained() {
				break
			}
		}
	}
	return 0, false
}

// locate finds the place of entry e, which is in the dict; h is its key's hash.
func (d *Dict) locate(h uint64, e mem.Ref) place {
	for n := range d.ht {
		t := &d.ht[n]
		if t.used == 0 {
			continue
		}
		top := h & t.mask
		for r := d.at(t, top); ; {
			b := d.bucket(r)
			for m := b.match(tagOf(h)); m != 0; m &= m - 1 {
				if i := lowest(m); b.ref(i) == e {
					return place{t, r, top, i}
				}
			}
			if !b.chained() {
				break
			}
			r = b.ref(lastSlot)
		}
	}
	panic("BUG: dict: an entry is not where its hash says")
}

// Touch announces a change of entry e, whose key's hash is h: Barrier is told before
// the caller changes its bytes.
func (d *Dict) Touch(h uint64, e mem.Ref) {
	d.checkHas(h, e)
	if d.Watched() {
		p := d.locate(h, e)
		d.tell(p.t.gen, p.top)
	}
}

// Replace puts e in the place of old, an entry of the same key, after Touch.
func (d *Dict) Replace(h uint64, old, e mem.Ref) {
	d.checkReplace(old, e)
	p := d.locate(h, old)
	d.bucket(p.b).setRef(p.i, e)
}

// Insert adds an entry whose key is not in the dict; h must be the key's hash.
func (d *Dict) Insert(h uint64, e mem.Ref) {
	if d.rehash >= 0 {
		d.step()
	}
	d.checkNew(h, e)
	d.growIfFull()
	t := &d.ht[0]
	if d.rehash >= 0 {
		t = &d.ht[1]
	}
	d.insertInto(t, h, e)
}

func (d *Dict) insertInto(t *table, h uint64, e mem.Ref) {
	if d.Watched() {
		d.tell(t.gen, h&t.mask)
	}
	d.add(t, h, e)
}

// add is insertInto that tells nobody.
func (d *Dict) add(t *table, h uint64, e mem.Ref) {
	b := d.bucket(d.at(t, h&t.mask))
	for b.room() == 0 {
		if !b.chained() {
			d.addChild(b)
		}
		b = d.bucket(b.ref(lastSlot))
	}
	b.put(lowest(b.room()), tagOf(h), e)
	t.used++
}

// addChild moves the last slot's entry into a new child and lets the slot lead there.
func (d *Dict) addChild(b bucket) {
	r := d.t.Arena.AllocZero(mem.Table, bucketSize)
	d.children++
	d.bucket(r).put(0, b.tag(lastSlot), b.ref(lastSlot))
	b.setRef(lastSlot, r)
	b.setUsed(b.used() | chainBit)
}

// Delete takes entry e, whose key's hash is h, out of the dict and leaves its memory
// alone.
func (d *Dict) Delete(h uint64, e mem.Ref) { d.remove(d.locate(h, e)) }

// remove empties a place. The chain stays dense: its last entry fills the hole, an
// empty child is freed.
func (d *Dict) remove(p place) {
	if d.Watched() {
		d.tell(p.t.gen, p.top)
	}
	p.t.used--
	b := d.bucket(p.b)
	var parent, tail bucket
	var tailRef mem.Ref
	for tail = b; tail.chained(); {
		parent, tailRef = tail, tail.ref(lastSlot)
		tail = d.bucket(tailRef)
	}
	if parent.p == nil {
		b.clear(p.i)
		d.dropIfEmptyChild(p, b)
		return
	}
	last := lowest(tail.live())
	b.put(p.i, tail.tag(last), tail.ref(last))
	tail.clear(last)
	if tail.live() == 0 {
		d.unlinkChild(parent, tailRef)
	}
}

// dropIfEmptyChild frees b when it is a child that lost its last entry.
func (d *Dict) dropIfEmptyChild(p place, b bucket) {
	top := d.at(p.t, p.top)
	if b.live() != 0 || p.b == top {
		return
	}
	parent := d.bucket(top)
	for parent.ref(lastSlot) != p.b {
		parent = d.bucket(parent.ref(lastSlot))
	}
	d.unlinkChild(parent, p.b)
}

func (d *Dict) unlinkChild(parent bucket, child mem.Ref) {
	parent.setUsed(parent.used() &^ (chainBit | 1<<lastSlot))
	d.t.Arena.Free(mem.Table, child)
	d.children--
}

func (d *Dict) tableOf(gen uint64) *table {
	for n := range d.ht {
		if t := &d.ht[n]; t.buckets != 0 && t.gen == gen {
			return t
		}
	}
	panic("BUG: dict: no table of this number")
}

// MemUsage is the number of arena bytes that the tables take, and the root block
// of a dict that has one, entries not counted.
func (d *Dict) MemUsage() uint64 {
	n := (d.ht[0].size() + d.ht[1].size() + d.children) * bucketSize
	if d.root != 0 {
		n += uint64(d.t.Arena.Usable(d.root))
	}
	return n
}

// Stats describes one table for DEBUG HTSTATS.
type Stats struct {
	Size     uint64 // slots that the table counts as its size
	Used     uint64
	Buckets  uint64
	Filled   uint64 // buckets that hold something
	Longest  uint64 // entries of the fullest bucket, its children included
	Children uint64 // child buckets of both tables
}

// Stats gives the figures of both tables; the second is empty when not rehashing. It
// walks all buckets.
func (d *Dict) Stats() [2]Stats {
	var s [2]Stats
	for n := range d.ht {
		t := &d.ht[n]
		s[n] = Stats{Size: t.size() * bucketFill, Used: t.used, Buckets: t.size(), Children: d.children}
		for i := range t.size() {
			if k := uint64(d.count(t, i)); k > 0 {
				s[n].Filled++
				s[n].Longest = max(s[n].Longest, k)
			}
		}
	}
	return s
}
