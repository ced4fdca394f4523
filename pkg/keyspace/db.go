package keyspace

import (
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// find looks key up and takes an expired one away, as the Expiry mode says. When
// it finds nothing the Entry still carries the hash, and the hidden entry if any.
func (db *DB) find(key []byte) (Entry, bool) {
	h := db.dict.Hash(key)
	r, ok := db.dict.Find(h, key)
	if !ok {
		return Entry{db: db, hash: h}, false
	}
	e := Entry{db: db, p: db.ks.arena.Ptr(r), ref: r, hash: h}
	if e.hasExpire() && e.Expired() {
		if db.ks.expiry == ExpiryDeletes {
			db.expireNow(e)
			return Entry{db: db, hash: h}, false
		}
		return e, false
	}
	return e, true
}

// Read looks key up for a command that reads it: counts a hit or a miss and
// marks the key as accessed. An expired key is not found.
func (db *DB) Read(key []byte) (Entry, bool) {
	e, ok := db.find(key)
	if !ok {
		db.ks.Stats.Misses++
		return e, false
	}
	db.ks.Stats.Hits++
	e.touch()
	return e, true
}

// ReadQuietly is Read for OBJECT, TYPE and the like: counted, but not marked as
// accessed.
func (db *DB) ReadQuietly(key []byte) (Entry, bool) {
	e, ok := db.find(key)
	if ok {
		db.ks.Stats.Hits++
	} else {
		db.ks.Stats.Misses++
	}
	return e, ok
}

// Peek looks key up without a trace (OBJECT, TTL, DEBUG).
func (db *DB) Peek(key []byte) (Entry, bool) { return db.find(key) }

// PeekExpired is Peek that also finds keys whose time has passed.
func (db *DB) PeekExpired(key []byte) (Entry, bool) {
	r, ok := db.dict.Find(db.dict.Hash(key), key)
	if !ok {
		return Entry{}, false
	}
	return db.view(r), true
}

// Write looks key up for a command that will change it. The barrier is in here:
// when Write returns, a snapshot has the entry as it was.
func (db *DB) Write(key []byte) (Entry, bool) {
	e, ok := db.find(key)
	if ok {
		db.dict.Touch(e.hash, e.ref)
		if db.ks.snap != nil && e.outside() && e.Type() != String && !e.Encoding().rooted() {
			db.ks.beforeBlob(e.root())
		}
		e.touch()
	}
	return e, ok
}

// room gives an entry of key with tail bytes for the value. old is what find
// gave, exists whether it found something; the value of old is gone afterwards
// and the new one must be written at once. at is the expiry or -1.
func (db *DB) room(key []byte, old Entry, exists bool, at int64, tail int) Entry {
	size := keyOffset + ds.KeySize(len(key)) + tail
	if at != noExpiry {
		size += expireSize
	}
	if !exists {
		if old.ref != 0 { // hidden by ExpiryHides, and overwritten all the same
			db.remove(old)
			db.free(old, db.ks.Lazy.Server)
		}
		e := db.view(db.ks.arena.Alloc(mem.Entry, size))
		e.hash = old.hash
		e.setAccess(db.ks.access.fresh())
		db.fill(e, key, at)
		db.dict.Insert(e.hash, e.ref)
		if at != noExpiry {
			db.expires.Insert(e.hash, e.ref)
		}
		return e
	}
	db.dict.Touch(old.hash, old.ref)
	if db.fits(old, size) {
		db.freeOutside(old)
		db.changeExpiry(old, at)
		return old
	}
	e := old
	e.ref = db.ks.arena.Alloc(mem.Entry, size) // before anything is freed: it may panic
	db.freeOutside(old)
	e.p = db.ks.arena.Ptr(e.ref)
	e.setAccess(old.access())
	db.fill(e, key, at)
	db.dict.Replace(e.hash, old.ref, e.ref)
	db.moveVolatile(old, e)
	db.ks.arena.Free(mem.Entry, old.ref)
	return e
}

// fill writes the parts before the value into a fresh block. The access bits
// stay: setAccess and setFlags share a word.
func (db *DB) fill(e Entry, key []byte, at int64) {
	e.setHead(String, Raw)
	e.setFlags(0)
	ds.PutKey(db.ks.arena.Bytes(e.ref, keyOffset+ds.KeySize(len(key)))[keyOffset:], key)
	if at != noExpiry {
		e.setFlags(flagExpire)
		e.setExpireAt(at)
	}
}

// fits tells whether size bytes belong into old's block: it holds them, and does
// not waste more than an eighth.
func (db *DB) fits(old Entry, size int) bool {
	have := db.ks.arena.Usable(old.ref)
	return have >= size && have-size <= have/8+8
}

// changeExpiry sets or clears the expiry of an entry whose value is about to be
// written anew: the value's place moves by eight bytes, its bytes do not.
func (db *DB) changeExpiry(e Entry, at int64) {
	switch {
	case at != noExpiry && !e.hasExpire():
		e.setFlags(e.flags() | flagExpire)
		db.expires.Insert(e.hash, e.ref)
	case at == noExpiry && e.hasExpire():
		db.dropVolatile(e)
		e.setFlags(e.flags() &^ flagExpire)
	}
	if at != noExpiry {
		e.setExpireAt(at)
	}
}

// moveVolatile brings the expires table up to date after old became e, which may
// have gained or lost its expiry.
func (db *DB) moveVolatile(old, e Entry) {
	if !old.hasExpire() {
		if e.hasExpire() {
			db.expires.Insert(e.hash, e.ref)
		}
		return
	}
	if e.hasExpire() {
		db.expires.Replace(old.hash, old.ref, e.ref)
	} else {
		db.expires.Delete(old.hash, old.ref)
	}
}

func (db *DB) dropVolatile(e Entry) {
	if e.hasExpire() {
		db.expires.Delete(e.hash, e.ref)
	}
}

// freeOutside frees what the value has outside of its entry. The entry is to be
// written anew, or freed.
func (db *DB) freeOutside(e Entry) {
	if e.outside() {
		db.ks.freeValue(e, db.ks.Lazy.Server)
		e.setFlags(e.flags() &^ flagOutside)
	}
}

// remove takes an entry that find gave out of both tables.
func (db *DB) remove(e Entry) {
	db.dropVolatile(e)
	db.dict.Delete(e.hash, e.ref)
}

func (db *DB) free(e Entry, lazy bool) {
	if e.outside() {
		db.ks.freeValue(e, lazy)
	}
	db.ks.arena.Free(mem.Entry, e.ref)
}

// Delete removes key and frees it; false when there is none (or it had expired).
func (db *DB) Delete(key []byte) bool { return db.delete(key, false) }

// Unlink is Delete that frees a big value in slices, later (LazyFree).
func (db *DB) Unlink(key []byte) bool { return db.delete(key, true) }

func (db *DB) delete(key []byte, lazy bool) bool {
	e, ok := db.find(key)
	if !ok {
		return false
	}
	db.remove(e)
	db.free(e, lazy)
	return true
}

// DeleteExpired removes key even when its time has passed, without reporting it
// as expired. For replaying a log.
func (db *DB) DeleteExpired(key []byte) bool {
	h := db.dict.Hash(key)
	r, ok := db.dict.Find(h, key)
	if !ok {
		return false
	}
	e := db.view(r)
	e.hash = h
	db.remove(e)
	db.free(e, db.ks.Lazy.Server)
	return true
}

// SetExpire sets when key expires, Unix milliseconds; false when there is no key.
// The value stays.
func (db *DB) SetExpire(key []byte, at int64) bool {
	e, ok := db.Write(key)
	if !ok {
		return false
	}
	if e.hasExpire() {
		e.setExpireAt(at)
		return true
	}
	n := e.tailSize()
	from := e.tail(n)
	size := e.valueOffset() + expireSize + n
	if db.ks.arena.Usable(e.ref) >= size {
		e.setFlags(e.flags() | flagExpire)
		copy(e.tail(n), from) // overlapping: copy moves
		e.setExpireAt(at)
		db.expires.Insert(e.hash, e.ref)
		return true
	}
	old := e
	e.ref = db.ks.arena.Alloc(mem.Entry, size)
	e.p = db.ks.arena.Ptr(e.ref)
	copy(db.ks.arena.Bytes(e.ref, size), db.ks.arena.Bytes(old.ref, old.valueOffset()))
	e.setFlags(e.flags() | flagExpire)
	e.setExpireAt(at)
	copy(e.tail(n), from)
	db.dict.Replace(e.hash, old.ref, e.ref)
	db.expires.Insert(e.hash, e.ref)
	db.ks.arena.Free(mem.Entry, old.ref)
	return true
}

// Persist takes key's expiry away; false when there is no key or no expiry.
func (db *DB) Persist(key []byte) bool {
	e, ok := db.Write(key)
	if !ok || !e.hasExpire() {
		return false
	}
	n := e.tailSize()
	from := e.tail(n)
	db.dropVolatile(e)
	e.setFlags(e.flags() &^ flagExpire)
	copy(e.tail(n), from)
	return true
}

// RandomKey gives a key by chance, or false when the database is empty. Expired
// keys that it meets are deleted. Where they must stay, it is content with one of
// them after a number of tries, as Redis's replicas are. The key is arena memory.
func (db *DB) RandomKey() ([]byte, bool) {
	for tries := 1; ; tries++ {
		r, ok := db.dict.Random()
		if !ok {
			return nil, false
		}
		e := db.view(r)
		switch {
		case !e.Expired():
			return e.Key(), true
		case db.ks.expiry == ExpiryDeletes:
			db.find(e.Key())
		case tries == 10_000 || tries >= 100 && db.Volatile() == db.Len():
			return e.Key(), true
		}
	}
}

// Scan calls fn for the entries of the cursor's bucket and returns the next
// cursor, 0 at the end. Expired keys come too; fn must not change the keyspace.
func (db *DB) Scan(cursor uint64, fn func(Entry)) uint64 {
	return db.dict.Scan(cursor, func(r mem.Ref) { fn(db.view(r)) })
}

// Each calls fn for every entry, expired ones too; fn must not change the keyspace.
func (db *DB) Each(fn func(Entry)) {
	db.dict.Each(func(r mem.Ref) { fn(db.view(r)) })
}
