package keyspace

import (
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// detached is a table that no database looks into any more; its entries are
// freed in slices. A snapshot that has not sent it all is told by the dict's
// barrier before each bucket goes.
type detached struct {
	dict *ds.Dict
	pos  uint64
}

// Flush empties the database and returns how many keys it had. Without async
// the memory is free on return, unless a snapshot still needs the entries: then,
// as with async, LazyFree gives it back in slices.
func (db *DB) Flush(async bool) int {
	n := db.Len()
	if n == 0 {
		return 0
	}
	old := db.dict
	dropTables(db.expires)
	db.dict, db.expires = db.ks.newDict(), db.ks.newDict()
	db.avgTTL, db.cursor = 0, 0
	if async || old.Barrier != nil {
		db.ks.lazy = append(db.ks.lazy, detached{dict: old})
		return n
	}
	for pos, done := uint64(0), false; !done; {
		pos, done = old.Drain(pos, 1024, db.ks.freeRef)
	}
	return n
}

// dropTables frees the tables of a dict whose entries belong to another.
func dropTables(d *ds.Dict) {
	for pos, done := uint64(0), false; !done; {
		pos, done = d.Drain(pos, 1024, func(mem.Ref) {})
	}
}

// FlushAll empties every database and returns how many keys there were.
func (ks *Keyspace) FlushAll(async bool) int {
	n := 0
	for _, db := range ks.dbs {
		n += db.Flush(async)
	}
	return n
}

func (ks *Keyspace) freeRef(r mem.Ref) {
	e := ks.dbs[0].view(r)
	e.db.free(e)
}

// LazyPending is the number of entries that wait to be freed
// (lazyfree_pending_objects).
func (ks *Keyspace) LazyPending() int {
	n := 0
	for _, d := range ks.lazy {
		n += int(d.dict.Len())
	}
	return n
}

// LazyFree frees entries of flushed databases, about a thousand buckets a call,
// and tells whether more wait. For cron and idle turns of the loop.
func (ks *Keyspace) LazyFree() bool {
	if len(ks.lazy) == 0 {
		return false
	}
	d := &ks.lazy[0]
	before := d.dict.Len()
	pos, done := d.dict.Drain(d.pos, 1024, ks.freeRef)
	d.pos = pos
	ks.Stats.LazyFreed += before - d.dict.Len()
	if done {
		ks.lazy = append(ks.lazy[:0], ks.lazy[1:]...)
	}
	return len(ks.lazy) > 0
}
