package keyspace

import (
	"slices"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// detached is what no database leads to any more and is freed in slices: a table
// with what it holds, or, when dict is nil, a value.
type detached struct {
	value value
	dict  *ds.Dict
	pos   uint64
	owner bool   // the entries go with it; those of an expires table have another owner
	bytes uint64 // about what a table and its entries take
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
	bytes := ks.shareOf(n)
	// The expires table goes first: of its entries only the place is looked at.
	ks.lazy = append(ks.lazy, detached{dict: db.expires}, detached{dict: db.dict, owner: true, bytes: bytes})
	db.dict, db.expires = ks.newDict(), ks.newDict()
	db.avgTTL, db.cursor = 0, 0
	if async {
		return n
	}
	for i := len(ks.lazy) - 2; i < len(ks.lazy); {
		if !ks.drain(i, 1<<20) {
			i++ // the snapshot has to send it first
		}
	}
	return n
}

// drain frees about n elements of what is detached, and tells false when that has
// to wait: what a snapshot has not sent yet goes into its pipe at the speed that the
// pipe takes, not at that of freeing.
func (ks *Keyspace) drain(i, n int) bool {
	d := ks.lazy[i]
	done := false
	switch {
	case d.dict == nil:
		done = ks.freeSome(d.value, n)
	case d.dict.Watched():
		return false
	default:
		free := ks.freeRef
		if !d.owner {
			free = nil
		}
		ks.freed = 0
		for buckets := n / 16; buckets > 0 && ks.freed < n && !done; buckets-- {
			d.pos, done = d.dict.Drain(d.pos, 1, free)
		}
		ks.lazy[i].pos = d.pos
	}
	if done {
		ks.lazy = slices.Delete(ks.lazy, i, i+1)
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

// freeRef frees an entry of a detached table; what is big about it comes behind it.
func (ks *Keyspace) freeRef(r mem.Ref) {
	e := ks.dbs[0].view(r)
	ks.freed++
	if e.outside() {
		ks.freed += min(ks.effort(e.value()), lazyEffort)
	}
	e.db.free(e, true)
}

// LazyPending is the number of entries that wait to be freed
// (lazyfree_pending_objects).
func (ks *Keyspace) LazyPending() int {
	n := 0
	for _, d := range ks.lazy {
		switch {
		case d.dict == nil:
			n++
		case d.owner:
			n += int(d.dict.Len())
		}
	}
	return n
}

// lazySlice is how many elements one slice frees: a few hundred microseconds.
const lazySlice = 4096

// LazyFree frees some of what is detached and tells whether another call would
// free more. For cron and idle turns of the loop. What a snapshot has yet to send
// waits until it has.
func (ks *Keyspace) LazyFree() bool {
	for i := range ks.lazy {
		before := ks.LazyPending()
		if ks.drain(i, lazySlice) {
			ks.Stats.LazyFreed += uint64(before - ks.LazyPending())
			return slices.ContainsFunc(ks.lazy, func(d detached) bool { return d.dict == nil || !d.dict.Watched() })
		}
	}
	return false
}
