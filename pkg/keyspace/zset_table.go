package keyspace

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"unsafe"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Sorted sets in the Skiplist encoding.

// maxReserveMembers is the most members that a new set gets its table for: what is
// expected may come out of a file that is damaged.
const maxReserveMembers = 1 << 20

// zeroBits is the place of a score of zero, of either sign, in the tree.
const zeroBits = 1 << 63

// orderedBits maps scores to numbers in the same order.
func orderedBits(score float64) uint64 {
	if score == 0 {
		return zeroBits
	}
	b := math.Float64bits(score)
	if b>>63 != 0 {
		return ^b
	}
	return b | 1<<63
}

// scoreOf is the inverse of orderedBits.
func scoreOf(bits uint64) float64 {
	if bits>>63 == 0 {
		return math.Float64frombits(^bits)
	}
	return math.Float64frombits(bits &^ (1 << 63))
}

// beforeAll and behindAll are ties of places before and behind the cells of one score.
func beforeAll(uint64) int { return -1 }
func behindAll(uint64) int { return 1 }

func (ks *Keyspace) zroot(r mem.Ref) *zroot { return (*zroot)(ks.arena.Ptr(r)) }

// zsetDict is the root of the table of a sorted set with root r.
func (ks *Keyspace) zsetDict(r mem.Ref) mem.Ref { return ks.zroot(r).dict }

// score is where the element r has its score.
func (ks *Keyspace) score(r mem.Ref) *float64 { return (*float64)(ks.arena.Ptr(r)) }

// member is the member of the element r.
func (ks *Keyspace) member(r mem.Ref) []byte { return ds.KeyAt(ks.arena.Ptr(r), scoreSize) }

// newElement makes the block of an element.
func (ks *Keyspace) newElement(member []byte, score float64) mem.Ref {
	size := scoreSize + ds.KeySize(len(member))
	r := ks.arena.Alloc(mem.Value, size)
	b := ks.arena.Bytes(r, size)
	binary.NativeEndian.PutUint64(b, math.Float64bits(score))
	ds.PutKey(b[scoreSize:], member)
	return r
}

// newZTable makes an empty set for about n members and returns its root.
func (ks *Keyspace) newZTable(n int) mem.Ref {
	r := ks.arena.AllocZero(mem.Node, int(unsafe.Sizeof(zroot{})))
	root := ks.zroot(r)
	root.dict = ks.scored.Create()
	d := ks.scored.At(root.dict)
	d.Resize(uint64(min(max(n, 1), maxReserveMembers)))
	root.tree = ds.NewTree(ks.arena, false)
	return r
}

func (z *SortedSet) openTable(r mem.Ref) {
	root := z.ks.zroot(r)
	z.root = r
	z.d = z.ks.scored.At(root.dict)
	if root.tree != 0 {
		z.t = ds.TreeAt(z.ks.arena, root.tree)
	}
}

// convert turns a listpack into the Skiplist encoding.
func (z *SortedSet) convert() {
	p := z.openPack()
	l := p.View()
	r := z.ks.newZTable(l.Count()/2 + 1)
	z.openTable(r)
	for off := l.First(); off >= 0; {
		at := l.Next(off)
		member := l.Get(off).Bytes(&z.scratch)
		z.insertTable(z.d.Hash(member), member, packScore(l, at))
		off = l.Next(at)
	}
	p.Free()
	z.e.setRoot(Skiplist, r, 0)
}

// Loosen makes a listpack a table, whatever its size. It is for a loader that meets a
// score of minus zero, which a listpack would make zero, while it does not know yet
// whether a later member is too long for one; Settle ends it.
func (z *SortedSet) Loosen() {
	if z.root == 0 {
		z.convert()
	}
}

// Settle makes a table that fits a listpack one again.
func (z *SortedSet) Settle() {
	if z.root == 0 {
		return
	}
	if size, fits := z.packedSize(); fits {
		p := z.packOf(size)
		z.ks.freeZSet(value{ZSet, Skiplist, z.root})
		z.root = 0
		z.e.setRoot(Listpack, p.Ref, p.Size())
	}
}

// packedSize is about the bytes of the members and scores of a table in a listpack,
// and whether they may be in one.
func (z *SortedSet) packedSize() (size int, fits bool) {
	limits := &z.ks.Limits
	if z.Len() > limits.ZSetEntries {
		return 0, false
	}
	for c := z.At(0, false); c.Valid(); c.Next() {
		m := c.Member()
		if size += ds.LPSize(m) + 4; len(m) > limits.ZSetValue || size > ds.LPMaxBytes {
			return 0, false
		}
	}
	return size, true
}

// packOf makes a listpack of a table's members; size is what packedSize says.
func (z *SortedSet) packOf(size int) ds.Pack {
	p := ds.NewPack(z.ks.arena, size)
	var text [32]byte
	for c := z.At(0, false); c.Valid(); c.Next() {
		p.Append(c.Member())
		p.InsertElem(p.View().End(), scoreElem(c.Score(), &text))
	}
	return p
}

// insertTable adds a member that is not there.
func (z *SortedSet) insertTable(h uint64, member []byte, score float64) {
	r := z.ks.newElement(member, score)
	z.d.Insert(h, r)
	z.insertCell(r, member, score)
}

func (z *SortedSet) insertCell(r mem.Ref, member []byte, score float64) {
	ok := z.t.Insert(orderedBits(score), uint64(r), func(lo uint64) int {
		return bytes.Compare(member, z.ks.member(mem.Ref(lo)))
	}, 0)
	if !ok {
		panic("BUG: keyspace: sorted set: a member is in the tree and not in the table")
	}
}

func (z *SortedSet) deleteCell(r mem.Ref, member []byte, score float64) {
	ok := z.t.Delete(orderedBits(score), uint64(r), func(lo uint64) int {
		return bytes.Compare(member, z.ks.member(mem.Ref(lo)))
	})
	if !ok {
		panic("BUG: keyspace: sorted set: a member is in the table and not in the tree")
	}
}

// putTable is Put in the Skiplist encoding.
func (z *SortedSet) putTable(member []byte, score float64, how ZAdd) (float64, ZDone) {
	h := z.d.Hash(member)
	r, ok := z.d.Find(h, member)
	if !ok {
		if how&ZXX != 0 {
			return 0, ZNothing
		}
		z.insertTable(h, member, score)
		return score, ZAdded
	}
	at := z.ks.score(r)
	result, done := decide(*at, score, how)
	if done == ZUpdated {
		z.d.Touch(h, r)
		z.deleteCell(r, member, *at)
		*at = result
		z.insertCell(r, member, result)
	}
	return result, done
}

func (z *SortedSet) removeTable(member []byte) bool {
	h := z.d.Hash(member)
	r, ok := z.d.Find(h, member)
	if !ok {
		return false
	}
	z.deleteCell(r, member, *z.ks.score(r))
	z.d.Delete(h, r)
	z.ks.arena.Free(mem.Value, r)
	z.d.ShrinkIfSparse()
	return true
}

func (z *SortedSet) removeRangeTable(from, n int) {
	z.t.DeleteRange(uint64(from), uint64(n), func(_, lo, _ uint64) { z.dropElement(mem.Ref(lo)) })
	z.d.ShrinkIfSparse()
}

// dropElement takes an element that is out of the tree, or about to be, out of the
// table and frees it.
func (z *SortedSet) dropElement(r mem.Ref) {
	z.d.Delete(z.d.Hash(z.ks.member(r)), r)
	z.ks.arena.Free(mem.Value, r)
}

func (z *SortedSet) rankTable(member []byte) (int, bool) {
	r, ok := z.d.Find(z.d.Hash(member), member)
	if !ok {
		return 0, false
	}
	rank, ok := z.t.Rank(orderedBits(*z.ks.score(r)), uint64(r), func(lo uint64) int {
		return bytes.Compare(member, z.ks.member(mem.Ref(lo)))
	})
	if !ok {
		panic("BUG: keyspace: sorted set: a member is in the table and not in the tree")
	}
	return int(rank), true
}

// The rest is what encoding.go asks of each encoding.

func (ks *Keyspace) freeZSet(v value) {
	for !ks.freeZSetSome(v, 1<<20) {
	}
}

// freeZSetSome frees the tree first: the table is what a snapshot reads.
func (ks *Keyspace) freeZSetSome(v value, n int) bool {
	root := ks.zroot(v.ref)
	if root.tree != 0 {
		t := ds.TreeAt(ks.arena, root.tree)
		if t.FreeSome(n, nil) {
			root.tree = 0
		}
		return false
	}
	d := ks.scored.At(root.dict)
	if !d.FreeSome(n, func(r mem.Ref) { ks.arena.Free(mem.Value, r) }) {
		return false
	}
	ks.arena.Free(mem.Node, v.ref)
	return true
}

func (ks *Keyspace) zsetEffort(v value) int {
	d := ks.scored.At(ks.zroot(v.ref).dict)
	return int(d.Len())
}

func (ks *Keyspace) dupZSet(v value) mem.Ref {
	src, dst := SortedSet{ks: ks}, SortedSet{ks: ks}
	src.openTable(v.ref)
	dst.openTable(ks.newZTable(src.Len()))
	for c := src.At(0, false); c.Valid(); c.Next() {
		m := c.Member()
		dst.insertTable(dst.d.Hash(m), m, c.Score())
	}
	return dst.root
}

// usageSamples is how many elements MEMORY USAGE looks at; the others are taken to be
// of their average size.
const usageSamples = 64

func (ks *Keyspace) zsetBytes(v value) int {
	z := SortedSet{ks: ks}
	z.openTable(v.ref)
	n := z.Len()
	size, samples := 0, min(n, usageSamples)
	for i := range samples {
		c := z.t.Nth(uint64(i) * uint64(n) / uint64(samples))
		_, lo := c.Key()
		size += ks.arena.Usable(mem.Ref(lo))
	}
	if samples > 0 {
		size = int(float64(size) / float64(samples) * float64(n))
	}
	return size + ks.arena.Usable(v.ref) + int(z.d.MemUsage()+z.t.MemUsage())
}

// Check walks the whole set and returns an error that names the first thing that is
// not as it must be, or nil. It is for tests and for people.
func (z *SortedSet) Check() error {
	if z.root != 0 {
		return z.checkTable()
	}
	if err := ds.CheckListpack(z.e.Blob()); err != nil {
		return err
	}
	seen := map[string]bool{}
	var last []byte
	lastScore := math.Inf(-1)
	for c := z.At(0, false); c.Valid(); c.Next() {
		m, s := c.Member(), c.Score()
		if math.IsNaN(s) || s < lastScore || s == lastScore && len(seen) > 0 && bytes.Compare(last, m) >= 0 || seen[string(m)] {
			return fmt.Errorf("keyspace: sorted set: %q with score %v is out of order", m, s)
		}
		seen[string(m)] = true
		last, lastScore = append(last[:0], m...), s
	}
	return nil
}

func (z *SortedSet) checkTable() error {
	if err := z.d.Check(); err != nil {
		return err
	}
	err := z.t.CheckOrder(func(a, b uint64) int { return bytes.Compare(z.ks.member(mem.Ref(a)), z.ks.member(mem.Ref(b))) })
	if err != nil {
		return err
	}
	if z.t.Len() != z.d.Len() {
		return fmt.Errorf("keyspace: sorted set: %d members in the table, %d in the tree", z.d.Len(), z.t.Len())
	}
	z.d.Each(func(r mem.Ref) {
		m := z.ks.member(r)
		c := z.t.Seek(orderedBits(*z.ks.score(r)), uint64(r), func(lo uint64) int { return bytes.Compare(m, z.ks.member(mem.Ref(lo))) })
		if !c.Valid() {
			err = fmt.Errorf("keyspace: sorted set: %q is not in the tree", m)
		} else if _, lo := c.Key(); mem.Ref(lo) != r {
			err = fmt.Errorf("keyspace: sorted set: %q is not where it belongs in the tree", m)
		}
	})
	return err
}
