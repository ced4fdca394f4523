package keyspace

import (
	"redisd/pkg/mem"
)

// ZTemp is a sorted set in the making, that no key leads to: what ZUNION and its
// like compute. Members are collected first, in any order; Finish sorts them. It ends
// in Free or StoreZSet.
type ZTemp struct {
	z SortedSet
}

// NewZTemp makes an empty one for about n members.
func (ks *Keyspace) NewZTemp(n int) ZTemp {
	t := ZTemp{z: SortedSet{ks: ks}}
	t.z.openTable(ks.newZTable(n))
	return t
}

// Len is the number of members.
func (t *ZTemp) Len() int { return int(t.z.d.Len()) }

// Slot is where the member has its score, until Finish; a member that is not there
// yet is created with score 0. member may be memory of another set.
func (t *ZTemp) Slot(member []byte) (score *float64, created bool) {
	ks := t.z.ks
	h := t.z.d.Hash(member)
	r, ok := t.z.d.Find(h, member)
	if !ok {
		r = ks.newElement(member, 0)
		t.z.d.Insert(h, r)
	}
	return ks.score(r), !ok
}

// Remove takes a member out, before Finish.
func (t *ZTemp) Remove(member []byte) bool {
	h := t.z.d.Hash(member)
	r, ok := t.z.d.Find(h, member)
	if ok {
		t.z.d.Delete(h, r)
		t.z.ks.arena.Free(mem.Value, r)
	}
	return ok
}

// Finish puts the members in order: the set may be read now, and not be changed.
func (t *ZTemp) Finish() *SortedSet {
	z := &t.z
	z.d.Each(func(r mem.Ref) { z.insertCell(r, z.ks.member(r), *z.ks.score(r)) })
	return z
}

// Free gives its memory back.
func (t *ZTemp) Free() { t.z.ks.freeZSet(value{ZSet, Skiplist, t.z.root}) }

// StoreZSet makes key the sorted set t, which is finished, has members, and is gone
// afterwards. What was at key goes, its expiry too.
func (db *DB) StoreZSet(key []byte, t *ZTemp) Entry {
	at, exists := db.find(key)
	if exists {
		db.remove(at)
		db.free(at, db.ks.Lazy.Server)
		at = Entry{db: db, hash: at.hash}
	}
	size, fits := t.z.packedSize()
	if !fits {
		return db.newValue(key, at, ZSet, Skiplist, t.z.root, 0)
	}
	p := t.z.packOf(size)
	t.Free()
	return db.newValue(key, at, ZSet, Listpack, p.Ref, p.Size())
}
