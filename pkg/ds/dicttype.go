package ds

import (
	"hash/maphash"
	"unsafe"

	"redisd/pkg/mem"
)

// Dicts whose state lies in the arena: a collection's table is a root block that
// does not move, and a Dict is made around it whenever it is used.

// DictType is what all dicts of one use share. It belongs to who opens them.
type DictType struct {
	Arena  *mem.Arena
	Seed   maphash.Seed
	KeyOff int           // where the key, as PutKey writes it, starts in an entry
	Policy *ResizePolicy // must not be nil

	// Barrier is told of the change of a bucket before it happens, with
	// all its children; root names the dict. nil when nobody watches.
	Barrier func(root mem.Ref, gen, bucket uint64)
}

// Create makes an empty dict and returns its root block (purpose mem.Node). Free
// or FreeSome gives it back.
func (t *DictType) Create() mem.Ref {
	root := t.Arena.AllocZero(mem.Node, int(unsafe.Sizeof(dictState{})))
	(*dictState)(t.Arena.Ptr(root)).rehash = -1
	return root
}

// At opens the dict whose root block Create made. The handle is a small value,
// good as long as the dict lives; several may be open at a time.
func (t *DictType) At(root mem.Ref) Dict {
	return Dict{dictState: (*dictState)(t.Arena.Ptr(root)), t: t, root: root}
}

// Root is the block that At opened, 0 for a dict of NewDict.
func (d *Dict) Root() mem.Ref { return d.root }

// Free gives every entry to fn, which frees it, and then the tables and the root
// block back. fn may be nil when somebody else has the entries.
func (d *Dict) Free(fn func(mem.Ref)) {
	for !d.FreeSome(1<<20, fn) {
	}
}

// FreeSome is Free in slices of about n entries: it tells whether everything is
// gone now, the root block too. The barrier is told of each bucket. Between the
// slices the dict must not be looked up or changed, only read as the snapshot
// does it, by EachIn and Has.
func (d *Dict) FreeSome(n int, fn func(mem.Ref)) bool {
	d.rehash = max(d.rehash, 0) // the buckets below it are empty, as in a rehash
	for n > 0 {
		t := &d.ht[0]
		if uint64(d.rehash) < t.size() {
			before := t.used
			d.drainBucket(t, uint64(d.rehash), fn)
			d.rehash++
			n -= 1 + int(before-t.used)
			continue
		}
		d.freeTable(t)
		if d.ht[1].buckets == 0 {
			break
		}
		d.ht[0], d.ht[1], d.rehash = d.ht[1], table{}, 0
	}
	if d.ht[0].buckets != 0 {
		return false
	}
	if d.root != 0 {
		d.t.Arena.Free(mem.Node, d.root)
		d.dictState, d.root = nil, 0
	} else {
		d.rehash = -1
	}
	return true
}

// Dup makes a dict with clone's copy of every entry of src, a dict of the same
// type, and returns its root block.
func (t *DictType) Dup(src *Dict, clone func(mem.Ref) mem.Ref) mem.Ref {
	d := t.At(t.Create())
	d.Resize(src.Len())
	src.Each(func(e mem.Ref) {
		c := clone(e)
		d.add(&d.ht[0], d.Hash(d.key(c)), c) // nobody watches what nobody has seen
	})
	return d.root
}
