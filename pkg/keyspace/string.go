package keyspace

import (
	"encoding/binary"
	"math"

	"redisd/internal/num"
	"redisd/pkg/mem"
)

// maxIntLen is the longest text that a 64-bit integer can have.
const maxIntLen = 20

// SetString makes key a string with the value val, whatever it was before, in
// the encoding Redis would choose. expireAt is Unix milliseconds, or -1 for none.
// It tells whether the key was there. Neither key nor val may be arena memory:
// they may lie in the block that is overwritten.
func (db *DB) SetString(key, val []byte, expireAt int64) (existed bool) {
	old, exists := db.find(key)
	db.setString(key, val, old, exists, expireAt)
	return exists
}

// SetKeepTTL is SetString that keeps the expiry the key has.
func (db *DB) SetKeepTTL(key, val []byte) (existed bool) {
	old, exists := db.find(key)
	at := int64(noExpiry)
	if exists {
		at = old.ExpireAt()
	}
	db.setString(key, val, old, exists, at)
	return exists
}

func (db *DB) setString(key, val []byte, old Entry, exists bool, at int64) {
	if len(val) <= maxIntLen {
		if n, ok := num.ParseInt(val); ok {
			db.setInt(key, n, old, exists, at)
			return
		}
	}
	if len(val) > inlineMax {
		// The new block is filled before the old one is freed.
		r := db.ks.block(val)
		e := db.room(key, old, exists, at, outsideSize)
		e.setHead(String, Raw)
		e.setFlags(e.flags() | flagOutside)
		e.setOutside(r, len(val))
		db.finish(e, exists)
		return
	}
	e := db.room(key, old, exists, at, inlineSize(len(val)))
	e.setHead(String, inlineEncoding(len(val)))
	copy(e.putInline(len(val)), val)
	db.finish(e, exists)
}

func inlineEncoding(n int) Encoding {
	if n <= EmbstrMax {
		return Embstr
	}
	return Raw
}

// finish marks an overwritten entry as accessed; a fresh one is already.
func (db *DB) finish(e Entry, existed bool) {
	if existed {
		e.touch()
	}
}

// SetInt makes key a string in the int encoding and keeps the expiry it has.
func (db *DB) SetInt(key []byte, n int64) {
	old, exists := db.find(key)
	at := int64(noExpiry)
	if exists {
		at = old.ExpireAt()
	}
	db.setInt(key, n, old, exists, at)
}

func (db *DB) setInt(key []byte, n int64, old Entry, exists bool, at int64) {
	e := db.room(key, old, exists, at, intSize)
	e.setHead(String, Int)
	binary.LittleEndian.PutUint64(e.at(e.valueOffset()), uint64(n))
	db.finish(e, exists)
}

// StoreInt changes the number of a string in the int encoding in place; e must
// come from Write.
func (e Entry) StoreInt(n int64) {
	binary.LittleEndian.PutUint64(e.at(e.valueOffset()), uint64(n))
}

// grownFrom is where the arena itself leaves room for a block that grows, in
// addresses and not in memory.
const grownFrom = 32 << 10

// grown is the size of the block for a string that has grown to n bytes once and
// is likely to grow again.
func grown(n int) int {
	if n < grownFrom {
		return 2 * n
	}
	return n
}

// Mutable makes key a raw string of at least n bytes, what was there kept and
// zeros behind it, and gives its bytes for writing. The key is created when it is
// not there and keeps its expiry when it is. The slice is arena memory, good
// until the next change. The key must be absent or a string.
func (db *DB) Mutable(key []byte, n int) []byte { return db.MutableAt(key, n, 0, math.MaxInt) }

// MutableAt is Mutable for a caller who changes nothing but the bytes [from, to): a
// snapshot that has not sent a big string yet has to send only those first.
func (db *DB) MutableAt(key []byte, n, from, to int) []byte {
	e, exists := db.Write(key)
	if !exists {
		return db.newMutable(key, e, n)
	}
	if i, ok := e.Int(); ok {
		var digits [24]byte
		db.SetRaw(key, num.AppendInt(digits[:0], i))
		e, _ = db.find(key)
	}
	e.setHead(String, Raw)
	if e.outside() {
		db.ks.beforeBytes(e.outsideRef(), from, to)
	}
	b := e.bytes()
	if n <= len(b) {
		return b
	}
	if e.outside() {
		return db.growOutside(e, len(b), n)
	}
	return db.moveOutside(key, e, len(b), n)
}

func (db *DB) newMutable(key []byte, at Entry, n int) []byte {
	if n <= inlineMax {
		e := db.room(key, at, false, noExpiry, inlineSize(n))
		b := e.putInline(n)
		clear(b)
		return b
	}
	r := db.ks.arena.AllocZero(mem.Value, n)
	e := db.room(key, at, false, noExpiry, outsideSize)
	e.setFlags(e.flags() | flagOutside)
	e.setOutside(r, n)
	return db.ks.arena.Bytes(r, n)
}

func (db *DB) growOutside(e Entry, have, n int) []byte {
	r := e.outsideRef()
	if was := r; db.ks.arena.Usable(r) < n {
		r = db.ks.arena.Resize(mem.Value, r, have, grown(n))
		db.ks.movedBytes(was, r)
	}
	e.setOutside(r, n)
	b := db.ks.arena.Bytes(r, n)
	clear(b[have:])
	return b
}

// moveOutside gives a string that outgrows its entry a block of its own, with
// room to grow: what was appended to once is appended to again.
func (db *DB) moveOutside(key []byte, e Entry, have, n int) []byte {
	r := db.ks.arena.Alloc(mem.Value, grown(n))
	b := db.ks.arena.Bytes(r, n)
	copy(b, e.bytes())
	clear(b[have:])
	e = db.room(key, e, true, e.ExpireAt(), outsideSize)
	e.setHead(String, Raw)
	e.setFlags(e.flags() | flagOutside)
	e.setOutside(r, n)
	return b
}

// SetRaw makes key a raw string, keeping its expiry: no int encoding is tried.
func (db *DB) SetRaw(key, val []byte) { db.setText(key, val, Raw) }

// SetText makes key a string in the embstr or raw encoding, keeping its expiry:
// INCRBYFLOAT's results are text even when they are whole numbers.
func (db *DB) SetText(key, val []byte) { db.setText(key, val, inlineEncoding(len(val))) }

func (db *DB) setText(key, val []byte, enc Encoding) {
	old, exists := db.find(key)
	at := int64(noExpiry)
	if exists {
		at = old.ExpireAt()
	}
	if len(val) > inlineMax {
		db.setString(key, val, old, exists, at)
		return
	}
	e := db.room(key, old, exists, at, inlineSize(len(val)))
	e.setHead(String, enc)
	copy(e.putInline(len(val)), val)
	db.finish(e, exists)
}
