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
