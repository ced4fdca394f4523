package keyspace

import (
	"hash/maphash"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Expiry says what a lookup does with a key whose time has passed.
type Expiry uint8

// The ways to treat keys whose time has passed.
const (
	ExpiryDeletes Expiry = iota // the key is deleted and reported
	ExpiryHides                 // the key is not found, but stays: writes are paused, or this is a replica
	ExpiryIgnored               // the key is found: a log is being replayed
)

// Config is what a Keyspace is made from.
type Config struct {
	Databases int
	Arena     *mem.Arena
}

// Stats are the counters that INFO shows; CONFIG RESETSTAT sets them to zero.
type Stats struct {
	Hits, Misses    uint64
	Expired         uint64
	ExpireTimeCap   uint64  // active cycles that ran out of time
	ExpiredStale    float64 // estimated share of keys that are expired and still here, 0..1
	LazyFreed       uint64  // entries freed in slices
	Evicted         uint64  // keys that had to go because of maxmemory
	ExpireCycleUsec uint64  // time spent in the active cycle
}

// Keyspace is the numbered databases and what they share.
type Keyspace struct {
	arena    *mem.Arena
	seed     maphash.Seed
	dbs      []*DB
	policy   ds.ResizePolicy
	nowMs    int64
	expiry   Expiry
	elements ds.DictType      // tables of sets and hashes: an element's key starts at its block's first byte
	scored   ds.DictType      // tables of sorted sets: 8 bytes of score come first
	text     [2][24]byte      // scratch of collections' handles, for numbers
	lists    ds.QuicklistType // lists in the Quicklist encoding
	access   accessClock
	gone     goneList
	cycle    expireCycle
	lazy     []detached
	freed    int // elements that the slice in progress has freed
	snap     *Snapshot
	parting  parting
	offered  []Block // what Adopt may take
	adopted  mem.Ref // what the next string is made of if it lies there; else 0
	cuts     uint32  // number of the last cut; parts carry the one they were last sent for

	// Stats is read and reset by the owner.
	Stats Stats
	// Limits is set by the owner, at any time.
	Limits Limits
	// Lazy is set by the owner, at any time.
	Lazy LazyPolicy
}

// LazyPolicy says for whom big values are freed in slices although nobody asked
// for it.
type LazyPolicy struct {
	Expire bool // lazyfree-lazy-expire: keys whose time has passed
	Server bool // lazyfree-lazy-server-del: values that a command overwrites
}

// DB is one numbered database.
type DB struct {
	ks      *Keyspace
	index   int
	dict    *ds.Dict // every key
	expires *ds.Dict // the same entries, of keys that expire
	avgTTL  int64    // milliseconds, a running average of the active cycle
	cursor  uint64   // where the active cycle goes on
}

// scoreSize is what a sorted set's element has before its member.
const scoreSize = 8

// New makes the databases, all empty.
func New(c Config) *Keyspace {
	ks := &Keyspace{arena: c.Arena, seed: maphash.MakeSeed(), Limits: DefaultLimits(), parting: defaultParting()}
	ks.elements = ds.DictType{Arena: ks.arena, Seed: ks.seed, Policy: &ks.policy}
	ks.scored = ks.elements
	ks.scored.KeyOff = scoreSize
	ks.lists.Arena = ks.arena
	ks.access.decayMinutes, ks.access.logFactor = 1, 10
	for i := range c.Databases {
		ks.dbs = append(ks.dbs, &DB{ks: ks, index: i, dict: ks.newDict(), expires: ks.newDict()})
	}
	return ks
}

func (ks *Keyspace) newDict() *ds.Dict { return ds.NewDict(ks.arena, ks.seed, keyOffset, &ks.policy) }

// SetNow tells the time, Unix milliseconds. It stands still between calls, so
// that one command sees one time.
func (ks *Keyspace) SetNow(ms int64) {
	ks.nowMs = ms
	ks.access.setNow(ms)
}

// Now is the time that SetNow gave.
func (ks *Keyspace) Now() int64 { return ks.nowMs }

// SetExpiry says what happens to keys whose time has passed.
func (ks *Keyspace) SetExpiry(e Expiry) { ks.expiry = e }

// AvoidResize is the resize policy: true while a child works (updateDictResizePolicy).
func (ks *Keyspace) AvoidResize(avoid bool) { ks.policy.Avoid = avoid }

// Databases is how many there are.
func (ks *Keyspace) Databases() int { return len(ks.dbs) }

// DB gives database i, which must exist.
func (ks *Keyspace) DB(i int) *DB { return ks.dbs[i] }

// Arena is the memory that the databases live in.
func (ks *Keyspace) Arena() *mem.Arena { return ks.arena }

// Index is the database's number.
func (db *DB) Index() int { return db.index }

// Len is the number of keys, expired ones that are still there included.
func (db *DB) Len() int { return int(db.dict.Len()) }

// Volatile is the number of keys that have an expiry.
func (db *DB) Volatile() int { return int(db.expires.Len()) }

// AvgTTL is the average time to live, milliseconds, as the active cycle saw it.
func (db *DB) AvgTTL() int64 { return db.avgTTL }

// Tables gives the figures of the main and the expires table for DEBUG HTSTATS.
func (db *DB) Tables() (main, expires [2]ds.Stats) { return db.dict.Stats(), db.expires.Stats() }

// TableBytes is the memory of both tables without the entries.
func (db *DB) TableBytes() (main, expires uint64) {
	return db.dict.MemUsage(), db.expires.MemUsage()
}

// maxReserve is the most keys that Reserve believes in: 2 GB of table, of which
// only what is used gets touched.
const maxReserve = 1 << 28

// Reserve prepares the tables for n keys and v that expire, as RESIZEDB in an
// RDB asks for. It is a hint out of a file that may be damaged.
func (db *DB) Reserve(n, v uint64) {
	db.dict.Resize(min(n, maxReserve))
	db.expires.Resize(min(n, v, maxReserve))
}

// Hasher gives the function that computes what Warm takes. It looks at the key alone:
// any goroutine may call it.
func (ks *Keyspace) Hasher() func(key []byte) uint64 {
	seed := ks.seed
	return func(key []byte) uint64 { return maphash.Bytes(seed, key) }
}

// Warm asks for the memory that lookups of keys with these hashes will read, for a caller
// who knows its next keys but has no requests for Ahead: they wait together.
func (db *DB) Warm(hashes []uint64) {
	for _, h := range hashes {
		db.dict.Approach(h)
	}
	for _, h := range hashes {
		db.dict.Near(h)
	}
}

// SwapDB exchanges the contents of two databases. A snapshot keeps the numbers
// they had at its cut.
func (ks *Keyspace) SwapDB(a, b int) {
	x, y := ks.dbs[a], ks.dbs[b]
	x.dict, y.dict = y.dict, x.dict
	x.expires, y.expires = y.expires, x.expires
	x.avgTTL, y.avgTTL = y.avgTTL, x.avgTTL
	x.cursor, y.cursor = y.cursor, x.cursor
}

// RehashStep does a slice of incremental rehashing, the shrinking of sparse
// tables included, and tells whether more is to do. For cron; a slice is about
// a hundred buckets. It leaves tables alone whose memory is still on its way.
func (ks *Keyspace) RehashStep(rehash bool) bool {
	more := false
	for _, db := range ks.dbs {
		for _, d := range [...]*ds.Dict{db.dict, db.expires} {
			d.ShrinkIfSparse()
			if rehash && d.Rehashing() && !ks.arena.Incoming() {
				more = d.Step(100) || more
			}
		}
	}
	return more
}
