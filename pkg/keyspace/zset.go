package keyspace

import (
	"math"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Sorted sets. A small one is a listpack of member, score, member, score ... in
// ascending order, as in Redis's RDB files. A larger one has a root block with a
// hash table, which finds a member's element, and a tree of the elements in order.
// An element is a block of 8 bytes of score and the member; the tree's cell has the
// score's bits, in an order of their own, and the element's reference.
//
// The order is that of scores, and that of the members' bytes where they are equal.
// A snapshot sees the hash table and the elements, not the tree: each change of an
// element is announced at its table's bucket first.

// SortedSet is a sorted set as an Entry leads to it: good as long as the Entry. It is a
// small value with room for a number's text; use it through its address.
type SortedSet struct {
	ks *Keyspace
	e  Entry // of a temporary one the zero Entry

	root mem.Ref // of the Skiplist encoding: a zroot; 0 means Listpack
	d    ds.Dict
	t    ds.Tree

	scratch [24]byte
}

// zroot is the root block of a sorted set in the Skiplist encoding.
type zroot struct {
	dict mem.Ref
	tree mem.Ref // 0 while a temporary set is made, and while one is freed in slices
}

// ZAdd says how Put treats a member. The flags may be combined as ZADD's options
// may.
type ZAdd uint8

// The options of ZADD.
const (
	ZIncr ZAdd = 1 << iota // the score is added to the one that is there
	ZNX                    // only new members
	ZXX                    // only members that are there
	ZGT                    // of those that are there only when the score grows
	ZLT                    // and only when it falls
)

// ZDone says what Put did.
type ZDone uint8

// What Put can do.
const (
	ZNothing ZDone = iota // the options forbade it
	ZSame                 // the score was that already
	ZAdded
	ZUpdated
	ZNaN // the sum is not a number; nothing was changed
)

// ZSet is the sorted set of an entry that holds one.
func (e Entry) ZSet() SortedSet {
	z := SortedSet{ks: e.db.ks, e: e}
	if e.Encoding() == Skiplist {
		z.openTable(e.root())
	}
	return z
}

// NewZSet makes key, which must not exist, an empty sorted set without expiry; the
// caller adds to it at once. n members are expected, the longest of memberLen
// bytes: that says which encoding it begins with.
func (db *DB) NewZSet(key []byte, n, memberLen int) Entry {
	at, exists := db.find(key)
	if exists {
		panic("BUG: keyspace: NewZSet of a key that is there")
	}
	ks := db.ks
	if n <= ks.Limits.ZSetEntries && memberLen <= ks.Limits.ZSetValue {
		p := ds.NewPack(ks.arena, 0)
		return db.newValue(key, at, ZSet, Listpack, p.Ref, p.Size())
	}
	return db.newValue(key, at, ZSet, Skiplist, ks.newZTable(n), 0)
}

// Packed tells whether the set is in the Listpack encoding.
func (z *SortedSet) Packed() bool { return z.root == 0 }

// Len is the number of members.
func (z *SortedSet) Len() int {
	if z.root != 0 {
		return int(z.d.Len())
	}
	return z.view().Count() / 2
}

// Score is the member's score.
func (z *SortedSet) Score(member []byte) (float64, bool) {
	if z.root == 0 {
		l := z.view()
		off := l.Find(l.First(), member, 1)
		if off < 0 {
			return 0, false
		}
		return packScore(l, l.Next(off)), true
	}
	r, ok := z.d.Find(z.d.Hash(member), member)
	if !ok {
		return 0, false
	}
	return *z.ks.score(r), true
}

// Add gives the member a score, and tells whether it is new.
func (z *SortedSet) Add(member []byte, score float64) (added bool) {
	_, done := z.Put(member, score, 0)
	return done == ZAdded
}

// Put gives the member a score as how allows. It returns the score that the member
// has then. The score must be a number. member must not be memory of this set.
// It may change the encoding. It panics with *mem.OutOfMemory.
func (z *SortedSet) Put(member []byte, score float64, how ZAdd) (float64, ZDone) {
	if z.root == 0 {
		if result, done, ok := z.putPacked(member, score, how); ok {
			return result, done
		}
		z.convert()
	}
	return z.putTable(member, score, how)
}

// decide says what becomes of a member that has the score cur.
func decide(cur, score float64, how ZAdd) (float64, ZDone) {
	if how&ZNX != 0 {
		return cur, ZNothing
	}
	if how&ZIncr != 0 {
		score += cur
		if math.IsNaN(score) {
			return cur, ZNaN
		}
	}
	switch {
	case how&ZLT != 0 && score >= cur, how&ZGT != 0 && score <= cur:
		return cur, ZNothing
	case score == cur:
		return score, ZSame
	}
	return score, ZUpdated
}

// Remove takes a member out and tells whether it was there. A set that is empty
// then is for the caller to delete.
func (z *SortedSet) Remove(member []byte) bool {
	if z.root != 0 {
		return z.removeTable(member)
	}
	l := z.view()
	off := l.Find(l.First(), member, 1)
	if off < 0 {
		return false
	}
	p := z.openPack()
	p.Delete(off, 2)
	z.closePack(p)
	return true
}

// Rank is how many members come before this one.
func (z *SortedSet) Rank(member []byte) (rank int, ok bool) {
	if z.root != 0 {
		return z.rankTable(member)
	}
	l := z.view()
	off := l.Find(l.First(), member, 1)
	if off < 0 {
		return 0, false
	}
	for at := l.First(); at != off; at = l.Next(l.Next(at)) {
		rank++
	}
	return rank, true
}

// Each calls fn for the members in ascending order until it says false. fn must not
// change the set; member is good until it returns.
func (z *SortedSet) Each(fn func(member []byte, score float64) bool) {
	for c := z.At(0, false); c.Valid(); c.Next() {
		if !fn(c.Member(), c.Score()) {
			return
		}
	}
}

// Scan calls fn for some members and returns the next cursor, 0 at the end: see
// ds.Dict.Scan. A listpack comes whole. fn must not change the set.
func (z *SortedSet) Scan(cursor uint64, fn func(member []byte, score float64)) uint64 {
	if z.root != 0 {
		return z.d.Scan(cursor, func(r mem.Ref) { fn(z.ks.member(r), *z.ks.score(r)) })
	}
	for c := z.At(0, false); c.Valid(); c.Next() {
		fn(c.Member(), c.Score())
	}
	return 0
}
