package tracking

import (
	"encoding/binary"
	"hash/maphash"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Keys says which clients, by their numbers, may have a copy of which key. Create it
// with NewKeys.
type Keys struct {
	arena    *mem.Arena
	seed     maphash.Seed
	policy   ds.ResizePolicy
	dict     *ds.Dict
	pairs    uint64
	bytes    uint64     // of the blocks of keys
	detached []detached // by Clear, not freed yet
	taken    []uint64   // room for the clients of a key
	key      []byte     // room for a key
}

// detached is a table whose blocks are freed bucket by bucket.
type detached struct {
	dict *ds.Dict
	pos  uint64
}

const (
	keyAt  = 4 // where the key starts in a block
	idSize = 8
)

// NewKeys gives an empty table, whose memory is the arena's.
func NewKeys(a *mem.Arena) *Keys {
	t := &Keys{arena: a, seed: maphash.MakeSeed()}
	t.dict = t.newDict()
	return t
}

func (t *Keys) newDict() *ds.Dict { return ds.NewDict(t.arena, t.seed, keyAt, &t.policy) }

// entry is the block of a key, whole.
type entry []byte

func (t *Keys) entry(r mem.Ref) entry { return t.arena.Bytes(r, t.arena.Usable(r)) }

func (t *Keys) keyOf(r mem.Ref) []byte { return ds.KeyAt(t.arena.Ptr(r), keyAt) }

func (e entry) count() int     { return int(binary.LittleEndian.Uint32(e)) }
func (e entry) setCount(n int) { binary.LittleEndian.PutUint32(e, uint32(n)) }

// idsAt is where the clients of a key of n bytes start.
func idsAt(n int) int { return keyAt + ds.KeySize(n) }

func id(ids []byte, i int) uint64 { return binary.LittleEndian.Uint64(ids[i*idSize:]) }

// search finds the place of client c among the first n of ids.
func search(ids []byte, n int, c uint64) (at int, found bool) {
	// Clients are numbered as they come: the newest is the likeliest.
	if n == 0 || id(ids, n-1) < c {
		return n, false
	}
	low, high := 0, n
	for low < high {
		if mid := (low + high) / 2; id(ids, mid) < c {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low, id(ids, low) == c
}

// Add notes that client c has a copy of key; false when that was known. It panics with
// *mem.OutOfMemory.
func (t *Keys) Add(key []byte, c uint64) bool {
	h, start := t.dict.Hash(key), idsAt(len(key))
	r, ok := t.dict.Find(h, key)
	if !ok {
		r = t.arena.Alloc(mem.Client, start+idSize)
		e := t.entry(r)
		e.setCount(1)
		ds.PutKey(e[keyAt:], key)
		binary.LittleEndian.PutUint64(e[start:], c)
		t.dict.Insert(h, r)
		t.bytes += uint64(len(e))
		t.pairs++
		return true
	}
	e := t.entry(r)
	n := e.count()
	at, found := search(e[start:], n, c)
	if found {
		return false
	}
	if start+(n+1)*idSize > len(e) {
		e = t.grow(h, r, start+(n+1+n/4)*idSize, start+n*idSize)
	}
	ids := e[start:]
	copy(ids[(at+1)*idSize:(n+1)*idSize], ids[at*idSize:n*idSize])
	binary.LittleEndian.PutUint64(ids[at*idSize:], c)
	e.setCount(n + 1)
	t.pairs++
	return true
}

// grow moves the first used bytes of an entry to a block of size bytes.
func (t *Keys) grow(h uint64, r mem.Ref, size, used int) entry {
	to := t.arena.Alloc(mem.Client, size)
	old, e := t.entry(r), t.entry(to)
	copy(e, old[:used])
	t.dict.Replace(h, r, to)
	t.bytes += uint64(len(e)) - uint64(len(old))
	t.arena.Free(mem.Client, r)
	return e
}

// Take forgets a key and gives the numbers of the clients that had it, in ascending
// order; none when it is not known. They are good until the next call.
func (t *Keys) Take(key []byte) []uint64 {
	if t.dict.Len() == 0 {
		return nil
	}
	h := t.dict.Hash(key)
	r, ok := t.dict.Find(h, key)
	if !ok {
		return nil
	}
	return t.take(h, r)
}

func (t *Keys) take(h uint64, r mem.Ref) []uint64 {
	e := t.entry(r)
	ids, n := e[idsAt(len(t.keyOf(r))):], e.count()
	t.taken = t.taken[:0]
	for i := range n {
		t.taken = append(t.taken, id(ids, i))
	}
	t.dict.Delete(h, r)
	t.pairs -= uint64(n)
	t.free(r)
	t.dict.ShrinkIfSparse()
	return t.taken
}

// TakeAny is Take of a key that chance chooses; ok is false when there is none.
func (t *Keys) TakeAny() (key []byte, clients []uint64, ok bool) {
	r, ok := t.dict.Random()
	if !ok {
		return nil, nil, false
	}
	t.key = append(t.key[:0], t.keyOf(r)...)
	return t.key, t.take(t.dict.Hash(t.key), r), true
}

func (t *Keys) free(r mem.Ref) {
	t.bytes -= uint64(t.arena.Usable(r))
	t.arena.Free(mem.Client, r)
}

// Clear forgets all keys. Their memory comes back with FreeSome.
func (t *Keys) Clear() {
	if t.dict.MemUsage() > 0 {
		t.detached = append(t.detached, detached{dict: t.dict})
		t.dict = t.newDict()
	}
	t.pairs = 0
}

// freeBuckets is how many buckets, of some eight keys, FreeSome frees: a few tens of
// microseconds.
const freeBuckets = 64

// FreeSome frees a slice of what Clear detached and tells whether there is more.
func (t *Keys) FreeSome() bool {
	if len(t.detached) == 0 {
		return false
	}
	d := &t.detached[len(t.detached)-1]
	pos, done := d.dict.Drain(d.pos, freeBuckets, t.free)
	if d.pos = pos; done {
		t.detached[len(t.detached)-1] = detached{}
		t.detached = t.detached[:len(t.detached)-1]
	}
	return len(t.detached) > 0
}

// Len is the number of keys.
func (t *Keys) Len() uint64 { return t.dict.Len() }

// Pairs is the number of pairs of a key and a client that has it.
func (t *Keys) Pairs() uint64 { return t.pairs }

// Bytes is the arena memory that all of it takes.
func (t *Keys) Bytes() uint64 {
	n := t.bytes + t.dict.MemUsage()
	for _, d := range t.detached {
		n += d.dict.MemUsage()
	}
	return n
}
