package keyspace

import (
	"unsafe"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// The hash tables of sets and hashes: ds.Dicts in the arena whose entries are
// element blocks (purpose mem.Value):
//
//	set     member, as ds.PutKey writes it
//	hash    field, then value, both as ds.PutKey writes them

func elementSize(key []byte) int { return ds.KeySize(len(key)) }

func pairSize(field, value []byte) int { return ds.KeySize(len(field)) + ds.KeySize(len(value)) }

// newMember makes the block of a set's member.
func (ks *Keyspace) newMember(key []byte) mem.Ref {
	n := elementSize(key)
	r := ks.arena.Alloc(mem.Value, n)
	ds.PutKey(ks.arena.Bytes(r, n), key)
	return r
}

// newPair makes the block of a hash's field and value.
func (ks *Keyspace) newPair(field, value []byte) mem.Ref {
	n := pairSize(field, value)
	r := ks.arena.Alloc(mem.Value, n)
	b := ks.arena.Bytes(r, n)
	ds.PutKey(b, field)
	ds.PutKey(b[ds.KeySize(len(field)):], value)
	return r
}

// blockKey is the member or field of an element block.
func (ks *Keyspace) blockKey(r mem.Ref) []byte { return ds.KeyAt(ks.arena.Ptr(r), 0) }

// pairValue is the value in a hash's element block.
func (ks *Keyspace) pairValue(r mem.Ref) []byte {
	p := ks.arena.Ptr(r)
	return ds.KeyAt(p, ds.KeySize(len(ds.KeyAt(p, 0))))
}

// hashElement is the field and the value in a hash's element block.
func (ks *Keyspace) hashElement(r mem.Ref) (field, value []byte) {
	return ks.blockKey(r), ks.pairValue(r)
}

// setPairValue writes value into the block when that has room and is not too
// large for it; it tells whether it did. The barrier must have been told.
func (ks *Keyspace) setPairValue(r mem.Ref, value []byte) bool {
	p := ks.arena.Ptr(r)
	off := ds.KeySize(len(ds.KeyAt(p, 0)))
	size, have := off+ds.KeySize(len(value)), ks.arena.Usable(r)
	if have < size || have-size > have/8+8 {
		return false
	}
	ds.PutKey(unsafe.Slice((*byte)(unsafe.Add(p, off)), size-off), value)
	return true
}

func (ks *Keyspace) freeBlock(r mem.Ref) { ks.arena.Free(mem.Value, r) }

// copyBlock makes a copy of an element block of any kind.
func (ks *Keyspace) copyBlock(r mem.Ref, t Type) mem.Ref {
	if t == Hash {
		return ks.newPair(ks.blockKey(r), ks.pairValue(r))
	}
	return ks.newMember(ks.blockKey(r))
}

// The parts of encoding.go's dispatch for the encoding Hashtable.

func (ks *Keyspace) freeTable(v value) {
	for !ks.freeTableSome(v, 1<<20) {
	}
}

func (ks *Keyspace) freeTableSome(v value, n int) bool {
	d := ks.elements.At(v.ref)
	return d.FreeSome(n, func(r mem.Ref) { ks.arena.Free(mem.Value, r) })
}

func (ks *Keyspace) tableEffort(v value) int {
	d := ks.elements.At(v.ref)
	return int(d.Len())
}

func (ks *Keyspace) dupTable(v value) mem.Ref {
	d := ks.elements.At(v.ref)
	return ks.elements.Dup(&d, func(r mem.Ref) mem.Ref { return ks.copyBlock(r, v.t) })
}

// Tables gives the figures of the hash tables of a collection, for DEBUG HTSTATS-KEY;
// false when its encoding has none.
func (e Entry) Tables() ([2]ds.Stats, bool) {
	if enc := e.Encoding(); !e.outside() || enc != Hashtable && enc != Skiplist {
		return [2]ds.Stats{}, false
	}
	d := e.db.ks.dictOf(e.value())
	return d.Stats(), true
}

// sampleBytes is how many elements a size is taken from: what comes first in a
// hash table is as good a sample as any other.
const sampleBytes = 1000

func (ks *Keyspace) tableBytes(v value) int {
	d := ks.elements.At(v.ref)
	seen, bytes := uint64(0), uint64(0)
	d.Walk(func(r mem.Ref) bool {
		seen++
		bytes += uint64(ks.arena.Usable(r))
		return seen < sampleBytes
	})
	if seen > 0 {
		bytes = bytes * d.Len() / seen
	}
	return int(d.MemUsage() + bytes)
}
