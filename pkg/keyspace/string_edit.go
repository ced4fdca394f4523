package keyspace

import (
	"math"

	"redisd/pkg/mem"
)

// Strings that are changed in place or computed from others: what bitmaps and
// HyperLogLogs need besides Mutable.

// Writable gives the bytes of a string for changing them in place, and makes its
// encoding raw; false when it is in the int encoding, which has none. e must come
// from Write. The slice is arena memory, good until the next change.
func (e Entry) Writable() ([]byte, bool) { return e.WritableAt(0, math.MaxInt) }

// WritableAt is Writable for a caller who changes nothing but the bytes [from, to); see
// MutableAt.
func (e Entry) WritableAt(from, to int) ([]byte, bool) {
	if e.Encoding() == Int {
		return nil, false
	}
	if e.outside() {
		e.db.ks.beforeBytes(e.outsideRef(), from, to)
	}
	e.setHead(String, Raw)
	return e.bytes(), true
}

// SetLen makes the string of e n bytes long, zeros behind what was there, and gives
// the entry, which may have moved, and its bytes. e must come from Write or SetLen,
// and not be in the int encoding; key is its key, and not arena memory.
func (db *DB) SetLen(key []byte, e Entry, n int) (Entry, []byte) {
	have := len(e.bytes())
	switch {
	case n < have:
		e.shorten(n)
	case n == have:
	case e.outside() && db.ks.arena.Usable(e.outsideRef()) >= n:
		return e, db.growOutside(e, have, n)
	default:
		db.Mutable(key, n)
		e, _ = db.find(key)
	}
	return e, e.bytes()
}

// shorten cuts a string after n bytes. The block keeps its size.
func (e Entry) shorten(n int) {
	if e.outside() {
		e.db.ks.beforeBytes(e.outsideRef(), n, math.MaxInt) // growing again writes there
		e.setOutside(e.outsideRef(), n)
		return
	}
	b := e.bytes()
	copy(e.putInline(n), b[:n]) // the length before it may be shorter now
}

// SetComputed makes key a raw string of n bytes, whatever it was before, that fill
// writes; what the bytes are before is undefined. While fill runs, all values are
// still as they were, so it may read them; it must change nothing else. The expiry
// the key has is kept or dropped. It tells whether the key was there.
func (db *DB) SetComputed(key []byte, n int, keepTTL bool, fill func(dst []byte)) (existed bool) {
	arena, purpose := db.ks.arena, mem.Value
	if n <= inlineMax {
		purpose = mem.Scratch // until its place in the entry is known
	}
	r := arena.Alloc(purpose, n)
	fill(arena.Bytes(r, n))
	old, exists := db.find(key) // not before fill: lookups move entries of the table
	at := int64(noExpiry)
	if exists && keepTTL {
		at = old.ExpireAt()
	}
	if n > inlineMax {
		e := db.room(key, old, exists, at, outsideSize)
		e.setHead(String, Raw)
		e.setFlags(e.flags() | flagOutside)
		e.setOutside(r, n)
		db.finish(e, exists)
		return exists
	}
	e := db.room(key, old, exists, at, inlineSize(n))
	e.setHead(String, Raw)
	copy(e.putInline(n), arena.Bytes(r, n))
	db.finish(e, exists)
	arena.Free(mem.Scratch, r)
	return exists
}
