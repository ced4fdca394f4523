package keyspace

import (
	"slices"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// detached is a table that no database looks into any more; what it holds is
// freed in slices.
type detached struct {
	dict  *ds.Dict
	pos   uint64
	owner bool // the entries go with it; those of an expires table have another owner
}

// Flush empties the database and returns how many keys it had. Without async
// the memory is free on return, unless a snapshot still needs the entries: then,
// as with async, LazyFree gives it back in slices.
func (db *DB) Flush(async bool) int {
	n := db.Len()
	if n == 0 && db.dict.MemUsage() == 0 && db.expires.MemUsage() == 0 {
		return 0
	}
	ks := db.ks
	// The expires table goes first: of its entries only the place is looked at.
	ks.lazy = append(ks.lazy, detached{dict: db.expires}, detached{dict: db.dict, owner: true})
	db.dict, db.expires = ks.newDict(), ks.newDict()
	db.avgTTL, db.cursor = 0, 0
	if async {
		return n
	}
	for i := len(ks.lazy) - 2; i < len(ks.lazy); {
		if !ks.drain(i, 1024) {
			i++ // the snapshot has to send it first
		}
	}
	return n
}

// drain frees n buckets of a detached table, and the table when it is empty. It
// tells false when the table has to wait: what a snapshot has not sent yet goes
// into its pipe at the speed that the pipe takes, not at that of freeing.
func (ks *Keyspace) drain(i, n int) bool {
	d := &ks.lazy[i]
	if d.dict.Barrier != nil {
		return false
	}
	free := ks.freeRef
	if !d.owner {
		free = nil
	}
	pos, done := d.dict.Drain(d.pos, n, free)
	d.pos = pos
	if done {
		ks.lazy = append(ks.lazy[:i], ks.lazy[i+1:]...)
	}
	return true
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
		if d.owner {
			n += int(d.dict.Len())
		}
	}
	return n
}

// lazyBuckets is a slice of a few hundred microseconds.
const lazyBuckets = 256

// LazyFree frees some entries of flushed databases and tells whether another
// call would free more. For cron and idle turns of the loop. What a snapshot has
// yet to send waits until it has.
func (ks *Keyspace) LazyFree() bool {
	for i := range ks.lazy {
		before := ks.LazyPending()
		if ks.drain(i, lazyBuckets) {
			ks.Stats.LazyFreed += uint64(before - ks.LazyPending())
			return slices.ContainsFunc(ks.lazy, func(d detached) bool { return d.dict.Barrier == nil })
		}
	}
	return false
}
