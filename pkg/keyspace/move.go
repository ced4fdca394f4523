package keyspace

import "redisd/pkg/mem"

// take removes an entry that find gave and hands its value over to a new entry
// of key in to, overwriting what is there. A block outside moves with it.
func (db *DB) take(e Entry, to *DB, key []byte, at int64) {
	db.remove(e)
	n := e.tailSize()
	value := e.tail(n)
	old, exists := to.find(key)
	d := to.room(key, old, exists, at, n)
	copy(d.tail(n), value)
	d.setHead(e.Type(), e.Encoding())
	d.setFlags(d.flags() | e.flags()&flagOutside)
	d.setAccess(e.access())
	db.ks.arena.Free(mem.Entry, e.ref)
}

// Rename moves src, with its expiry, to dst and overwrites what dst was. It
// returns false when src is not there. src and dst must differ.
func (db *DB) Rename(src, dst []byte) bool {
	e, ok := db.Write(src)
	if !ok {
		return false
	}
	db.take(e, db, dst, e.ExpireAt())
	return true
}

// Move takes key to the same key of another database, with its expiry; false when
// key is not here or is there already.
func (db *DB) Move(key []byte, to *DB) bool {
	e, ok := db.Write(key)
	if !ok {
		return false
	}
	if _, there := to.find(key); there {
		return false
	}
	db.take(e, to, key, e.ExpireAt())
	return true
}

// Copy makes dst of database to a copy of src, expiry included, overwriting what
// is there; false when src is not there. Source and destination must differ.
func (db *DB) Copy(src []byte, to *DB, dst []byte) bool {
	e, ok := db.find(src)
	if !ok {
		return false
	}
	n := e.tailSize()
	var block mem.Ref
	if e.outside() {
		block = db.ks.dup(e)
	}
	at := e.ExpireAt()
	old, exists := to.find(dst)
	d := to.room(dst, old, exists, at, n)
	// The lookup of dst may have moved buckets, but no block: e still holds.
	copy(d.tail(n), e.tail(n))
	d.setHead(e.Type(), e.Encoding())
	d.setAccess(db.ks.access.fresh())
	if block != 0 {
		d.setFlags(d.flags() | flagOutside)
		d.setOutside(block, e.outsideLen())
	}
	return true
}
