package keyspace

import (
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// EvictBy says which of the keys that may go goes first.
type EvictBy uint8

// The orders of eviction.
const (
	EvictOldest     EvictBy = iota // the key that has not been accessed for longest (LRU)
	EvictRarest                    // the key with the lowest counter (LFU)
	EvictShortLived                // the key that expires first
	EvictAny                       // by chance
)

// poolSize is how many candidates of earlier samples are remembered, as in Redis.
const poolSize = 16

// poolKeyMost is the longest buffer that a place in the pool keeps for its next key.
const poolKeyMost = 1 << 10

// Evictor chooses keys to be evicted and deletes them. An exact order of all keys
// would cost memory and time with each access; so keys are sampled, and the best of
// all samples stay in a pool until they are evicted. It belongs to the loop.
type Evictor struct {
	ks       *Keyspace
	by       EvictBy
	volatile bool
	samples  []mem.Ref // of one database; its length is how many are wanted
	nextDB   int       // where EvictAny goes on

	pool [poolSize]candidate // the first n, the one to go next is the last of these
	n    int
	key  []byte // of the key that Evict deleted
}

// candidate is a key in the pool, by name: it may have changed, or be gone.
type candidate struct {
	score uint64 // the highest goes first
	hash  uint64
	db    int
	key   []byte
}

// NewEvictor makes an Evictor that evicts any key, the oldest first, of five samples.
func (ks *Keyspace) NewEvictor() *Evictor { return &Evictor{ks: ks, samples: make([]mem.Ref, 5)} }

// SetPolicy says in which order keys go; with volatile only those that have an
// expiry do. samples, at least 1, is how many keys of each database are looked at
// for one that goes. Candidates of another order are forgotten.
func (ev *Evictor) SetPolicy(by EvictBy, volatile bool, samples int) {
	if by != ev.by || volatile != ev.volatile {
		ev.n = 0
	}
	ev.by, ev.volatile, ev.samples = by, volatile, make([]mem.Ref, samples)
}

// Evict deletes one key and tells which; false when there is none that may go. A
// value of many elements is freed in slices, by LazyFree: its memory is still in use
// when Evict returns. A snapshot has the key as it was. key is good until the next
// call. Keys whose time has passed count as evicted, not as expired.
func (ev *Evictor) Evict() (db int, key []byte, ok bool) {
	d, e, ok := ev.choose()
	if !ok {
		return 0, nil, false
	}
	ev.key = append(ev.key[:0], e.Key()...)
	d.remove(e)
	d.free(e, true)
	ev.ks.Stats.Evicted++
	return d.index, ev.key, true
}

// table is where the keys of db are that may go.
func (ev *Evictor) table(db *DB) *ds.Dict {
	if ev.volatile {
		return db.expires
	}
	return db.dict
}

func (ev *Evictor) choose() (*DB, Entry, bool) {
	if ev.by == EvictAny {
		return ev.any()
	}
	for ev.fill() {
		// A candidate may be gone since it was sampled. At least the best of the new
		// samples is still there, so each turn but the last empties the pool further.
		for ev.n > 0 {
			c := ev.pool[ev.n-1]
			ev.drop(ev.n - 1)
			db := ev.ks.dbs[c.db]
			if e, ok := db.entryOf(c.hash, c.key); ok && (!ev.volatile || e.hasExpire()) {
				return db, e, true
			}
		}
	}
	return nil, Entry{}, false
}

// any takes a key by chance out of the next database that has one, so that all
// databases lose as many.
func (ev *Evictor) any() (*DB, Entry, bool) {
	for range ev.ks.dbs {
		ev.nextDB = (ev.nextDB + 1) % len(ev.ks.dbs)
		db := ev.ks.dbs[ev.nextDB]
		if r, ok := ev.table(db).Random(); ok {
			key := db.view(r).Key()
			e, found := db.entryOf(db.dict.Hash(key), key)
			if !found {
				panic("BUG: keyspace: the expires table has an entry that the main table has not")
			}
			return db, e, true
		}
	}
	return nil, Entry{}, false
}

// entryOf finds key, as it is, with its place in the main table.
func (db *DB) entryOf(hash uint64, key []byte) (Entry, bool) {
	r, ok := db.dict.Find(hash, key)
	if !ok {
		return Entry{}, false
	}
	return Entry{db: db, p: db.ks.arena.Ptr(r), ref: r, hash: hash}, true
}

// fill samples every database; false when no key may go.
func (ev *Evictor) fill() bool {
	some := false
	for i, db := range ev.ks.dbs {
		t := ev.table(db)
		if t.Len() == 0 {
			continue
		}
		some = true
		if t.Len() <= uint64(len(ev.samples)) {
			t.Each(func(r mem.Ref) { ev.offer(i, db, r) })
			continue
		}
		for _, r := range ev.samples[:t.Sample(ev.samples)] {
			ev.offer(i, db, r)
		}
	}
	return some
}

// offer puts an entry into the pool if it is better than what is there, or if there
// is room.
func (ev *Evictor) offer(i int, db *DB, r mem.Ref) {
	e := db.view(r)
	score := ev.score(e)
	if ev.n == poolSize && score <= ev.pool[0].score {
		return
	}
	key := e.Key()
	hash := db.dict.Hash(key)
	for k := range ev.n {
		if ev.pool[k].hash == hash && ev.pool[k].db == i {
			ev.drop(k) // sampled before: what counts is its use now
			break
		}
	}
	if ev.n == poolSize {
		ev.drop(0)
	}
	at := ev.n
	for at > 0 && ev.pool[at-1].score > score {
		at--
	}
	c := ev.pool[ev.n]
	copy(ev.pool[at+1:ev.n+1], ev.pool[at:ev.n])
	ev.pool[at] = candidate{score, hash, i, append(c.key[:0], key...)}
	ev.n++
}

// drop takes place k out of the pool. Its buffer stays behind the last for the next.
func (ev *Evictor) drop(k int) {
	c := ev.pool[k]
	ev.n--
	copy(ev.pool[k:ev.n], ev.pool[k+1:ev.n+1])
	if cap(c.key) > poolKeyMost {
		c.key = nil
	}
	ev.pool[ev.n] = c
}

// score orders keys: the highest goes first.
func (ev *Evictor) score(e Entry) uint64 {
	switch ev.by {
	case EvictRarest:
		return 255 - uint64(e.Freq())
	case EvictShortLived:
		return ^uint64(e.ExpireAt())
	default:
		return uint64(e.IdleSeconds())
	}
}

// LazyWaits tells whether LazyFree has something to do at once.
func (ks *Keyspace) LazyWaits() bool {
	for i := range ks.lazy {
		if d := ks.lazy[i].dict; d == nil || !d.Watched() {
			return true
		}
	}
	return false
}

// shareOf is about the memory of n keys: that of as many average ones.
func (ks *Keyspace) shareOf(n int) uint64 {
	all := ks.LazyPending()
	for _, db := range ks.dbs {
		all += db.Len()
	}
	if all == 0 {
		return 0
	}
	return uint64(float64(ks.arena.Used()) * float64(n) / float64(all))
}

// Leaving is about the memory of what is deleted but has to stay until a snapshot has
// sent it. It comes back without an eviction.
func (ks *Keyspace) Leaving() uint64 {
	if ks.snap == nil {
		return 0
	}
	n := uint64(max(0, ks.snap.kept))
	for i := range ks.lazy {
		if d := ks.lazy[i].dict; d != nil && d.Watched() {
			n += ks.lazy[i].bytes
		}
	}
	return n
}

// AskForTables has room asked whether there is memory for a larger table, of so many
// bytes, before a table grows; nil when there always is.
func (ks *Keyspace) AskForTables(room func(bytes uint64) bool) { ks.policy.Room = room }
