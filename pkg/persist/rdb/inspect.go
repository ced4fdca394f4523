package rdb

import (
	"hash/maphash"

	"redisd/pkg/ds"
)

// Checks of values that are packed into one string: listpack and intset here, the
// older ziplist and zipmap in inspect_legacy.go. Nothing is read outside of the
// bytes, and memory is taken only for the search of duplicates and for what an old
// form becomes, which has about its size.

// fingerprints is a set of byte strings kept as 128 bits each, so that a set of
// millions of long members is searched for duplicates in little memory. Two
// different strings are taken for equal with a chance of 2^-64 at 2^32 members.
type fingerprints struct {
	seeds [2]maphash.Seed
	seen  map[[2]uint64]struct{}
}

// clear makes the set empty.
func (f *fingerprints) clear() {
	const keep = 1 << 10 // a larger map costs more to clear than to make
	if len(f.seen) > keep {
		f.seen = nil
	}
	clear(f.seen)
}

// add returns false if b was there already.
func (f *fingerprints) add(b []byte) bool {
	if f.seen == nil {
		f.seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}
		f.seen = make(map[[2]uint64]struct{})
	}
	id := [2]uint64{maphash.Bytes(f.seeds[0], b), maphash.Bytes(f.seeds[1], b)}
	before := len(f.seen)
	f.seen[id] = struct{}{}
	return len(f.seen) > before
}

// inspect checks the packed value b of type t, or a node of one, and returns it in
// the form of today with the number of its elements, or of its pairs; or a reason,
// in Redis's words, why it is not valid.
func (w *walker) inspect(t byte, b []byte) (out []byte, n int, reason string) {
	ok := false
	switch t {
	case TypeListZiplist:
		out, n, ok = w.ziplist(b, false)
		reason = "List ziplist integrity check failed."
	case TypeListQuicklist:
		out, n, ok = w.ziplist(b, false)
		reason = "Ziplist integrity check failed."
	case TypeHashZiplist:
		out, n, ok = w.ziplist(b, true)
		reason = "Hash ziplist integrity check failed."
	case TypeZsetZiplist:
		out, n, ok = w.ziplist(b, true)
		ok = ok && scoresValid(out)
		reason = "Zset ziplist integrity check failed."
	case TypeHashZipmap:
		out, n, ok = w.zipmap(b)
		reason = "Zipmap integrity check failed."
	case TypeSetIntset:
		out = b
		if ok = ds.CheckIntset(b) == nil; ok {
			n = ds.Intset(b).Len()
		}
		reason = "Intset integrity check failed."
	case TypeHashListpack:
		out = b
		n, ok = w.listpack(b, 2)
		reason = "Hash listpack integrity check failed."
	case TypeZsetListpack:
		out = b
		n, ok = w.listpack(b, 2)
		ok = ok && scoresValid(b)
		reason = "Zset listpack integrity check failed."
	case TypeSetListpack:
		out = b
		n, ok = w.listpack(b, 1)
		reason = "Set listpack integrity check failed."
	default: // a node of TypeListQuicklist2
		out = b
		n, ok = w.listpack(b, 0)
		reason = "Listpack integrity check failed."
	}
	if ok {
		return out, n, ""
	}
	return nil, 0, reason
}

// listpack checks a whole listpack. every says which elements must differ: 0 none,
// 1 all, 2 every other, beginning with the first: then n counts pairs, and nothing
// may be left over.
func (w *walker) listpack(b []byte, every int) (n int, ok bool) {
	if ds.CheckListpack(b) != nil {
		return 0, false
	}
	l := ds.Listpack(b)
	if every == 0 {
		return l.Count(), true
	}
	if w.level == Structure {
		n = l.Count()
		return n / every, n%every == 0
	}
	w.seen.clear()
	var scratch [24]byte
	for off := l.First(); off >= 0; off = l.Next(off) {
		if n%every == 0 && !w.seen.add(l.Get(off).Bytes(&scratch)) {
			return 0, false
		}
		n++
	}
	return n / every, n%every == 0
}

// scoresValid looks at every other element of a valid listpack of pairs.
func scoresValid(b []byte) bool {
	l := ds.Listpack(b)
	for off := l.First(); off >= 0; off = l.Next(off) {
		if off = l.Next(off); !scoreValid(l.Get(off)) {
			return false
		}
	}
	return true
}

// littleInt decodes a signed little endian number of 1 to 8 bytes.
func littleInt(b []byte) int64 {
	var n uint64
	for i, c := range b {
		n |= uint64(c) << (8 * i)
	}
	unused := 64 - 8*len(b)
	return int64(n<<unused) >> unused
}

// Flags of an entry in a stream's node.
const (
	streamDeleted    = 1
	streamSameFields = 2
)

// nodeWalk walks through a stream's node.
type nodeWalk struct {
	l   ds.Listpack
	off int // of the next element, -1 at the end
}

// streamNodeValid checks the listpack of a stream's node: number of entries,
// number of deleted ones, the master entry's fields, 0; then the entries. It
// returns the number of entries that are not deleted.
func streamNodeValid(b []byte) (live uint64, ok bool) {
	if ds.CheckListpack(b) != nil {
		return 0, false
	}
	w := nodeWalk{l: b}
	w.off = w.l.First()
	count, ok1 := w.number()
	deleted, ok2 := w.number()
	fields, ok3 := w.number()
	if !ok1 || !ok2 || !ok3 || !w.skip(fields) {
		return 0, false
	}
	if zero, ok := w.number(); !ok || zero != 0 {
		return 0, false
	}
	total := count + deleted
	if count < 0 || deleted < 0 || total < 0 {
		return 0, false
	}
	for range total {
		flags, ok := w.entry(fields)
		if !ok {
			return 0, false
		}
		if flags&streamDeleted == 0 {
			live++
		}
	}
	return live, w.off < 0 && live == uint64(count)
}

// entry takes one entry: flags, ID relative to the node's (two numbers), own field
// names if it does not share the master entry's, the values, and the number of
// elements all that took.
func (w *nodeWalk) entry(masterFields int64) (flags int64, ok bool) {
	flags, ok = w.number()
	for i := 0; i < 2 && ok; i++ {
		_, ok = w.number()
	}
	if !ok {
		return 0, false
	}
	fields, elements := masterFields, int64(3)
	if flags&streamSameFields == 0 {
		if fields, ok = w.number(); !ok || !w.skip(fields) {
			return 0, false
		}
		elements += fields + 1
	}
	if !w.skip(fields) {
		return 0, false
	}
	count, ok := w.number()
	return flags, ok && count == fields+elements
}

// number takes an element that must be a number (or the text of one).
func (w *nodeWalk) number() (int64, bool) {
	if w.off < 0 {
		return 0, false
	}
	e := w.l.Get(w.off)
	w.off = w.l.Next(w.off)
	return e.Number()
}

// skip steps over n elements.
func (w *nodeWalk) skip(n int64) bool {
	if n < 0 {
		return false
	}
	for ; n > 0; n-- {
		if w.off < 0 {
			return false
		}
		w.off = w.l.Next(w.off)
	}
	return true
}
