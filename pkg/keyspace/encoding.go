package keyspace

import "redisd/pkg/mem"

// What the keyspace must know of values that lie outside of their entries, in one
// place: how each encoding is freed, copied and measured. Strings and compact
// collections are one block; the others have a root block that never moves while
// the value lives.

// Limits say when a collection leaves its compact encoding; the names are those of
// Redis's directives. They are read at each change, so the owner may set them at
// any time.
type Limits struct {
	HashEntries, HashValue             int // hash-max-listpack-entries, -value
	SetIntset                          int // set-max-intset-entries
	SetEntries, SetValue               int // set-max-listpack-entries, -value
	ZSetEntries, ZSetValue             int // zset-max-listpack-entries, -value
	ListSize                           int // list-max-listpack-size: elements a node, or -1..-5 for 4..64 KB
	ListCompress                       int // list-compress-depth: uncompressed nodes at each end, 0 for all
	StreamNodeBytes, StreamNodeEntries int // stream-node-max-bytes, -entries; 0: no limit
	HLLSparse                          int // hll-sparse-max-bytes
}

// DefaultLimits are those of Redis 7.2.
func DefaultLimits() Limits {
	return Limits{
		HashEntries: 512, HashValue: 64, SetIntset: 512, SetEntries: 128, SetValue: 64,
		ZSetEntries: 128, ZSetValue: 64, ListSize: -2,
		StreamNodeBytes: 4096, StreamNodeEntries: 100, HLLSparse: 3000,
	}
}

// rooted tells whether values of the encoding have a root block and parts.
func (e Encoding) rooted() bool { return e >= Hashtable }

// root is the block that a collection's entry leads to: a compact one's blob, or
// the root of its structure.
func (e Entry) root() mem.Ref { return e.outsideRef() }

// Blob is the bytes of a collection in a compact encoding, in the arena: good
// until the next change of the keyspace.
func (e Entry) Blob() []byte {
	if !e.outside() || e.Encoding().rooted() {
		panic("BUG: keyspace: Blob of a value that is none")
	}
	return e.db.ks.arena.Bytes(e.outsideRef(), e.outsideLen())
}

// setRoot tells where the value is now: after a conversion, or when a blob of n
// bytes has moved or changed its length. n is 0 for encodings with a root.
func (e Entry) setRoot(enc Encoding, r mem.Ref, n int) {
	e.setHead(e.Type(), enc)
	e.setOutside(r, n)
}

// newValue makes key, which is not there, a collection without expiry. at is what
// find gave for the key.
func (db *DB) newValue(key []byte, at Entry, t Type, enc Encoding, r mem.Ref, n int) Entry {
	e := db.room(key, at, false, noExpiry, outsideSize)
	e.setHead(t, enc)
	e.setFlags(e.flags() | flagOutside)
	e.setOutside(r, n)
	return e
}

// NewBlob makes key, which must not exist, a collection in a compact encoding, a
// copy of blob, without expiry. blob must be a valid listpack or intset of as many
// elements as the type takes; nothing is checked here. For loaders.
func (db *DB) NewBlob(key []byte, t Type, enc Encoding, blob []byte) Entry {
	at, exists := db.find(key)
	if exists {
		panic("BUG: keyspace: NewBlob of a key that is there")
	}
	r := db.ks.arena.Alloc(mem.Value, len(blob))
	copy(db.ks.arena.Bytes(r, len(blob)), blob)
	return db.newValue(key, at, t, enc, r, len(blob))
}

// value is a value outside of its entry by itself: what freeing takes.
type value struct {
	t   Type
	enc Encoding
	ref mem.Ref
}

func (e Entry) value() value { return value{e.Type(), e.Encoding(), e.outsideRef()} }

// freeValue gives back what e has outside of its entry; lazy says that a big one
// may go in slices.
func (ks *Keyspace) freeValue(e Entry, lazy bool) { ks.release(e.value(), lazy) }

// release gives back a value that no entry leads to any more: deleted, overwritten,
// or converted to another encoding. It stays while a snapshot has yet to send parts
// of it.
func (ks *Keyspace) release(v value, lazy bool) {
	if ks.snap != nil && ks.snap.keep(v) {
		return
	}
	if lazy && ks.effort(v) > lazyEffort {
		ks.lazy = append(ks.lazy, detached{value: v})
		return
	}
	ks.free(v)
}

// lazyEffort is Redis's LAZYFREE_THRESHOLD: what takes fewer steps is freed at once.
const lazyEffort = 64

// free gives the value's memory back at once.
func (ks *Keyspace) free(v value) {
	switch v.enc {
	case Hashtable:
		ks.freeTable(v)
	case Skiplist:
		ks.freeZSet(v)
	case Quicklist:
		ks.freeList(v)
	case StreamTree:
		ks.freeStream(v)
	default:
		ks.arena.Free(mem.Value, v.ref)
	}
}

// freeSome gives back about n elements and tells whether the value is gone.
func (ks *Keyspace) freeSome(v value, n int) bool {
	switch v.enc {
	case Hashtable:
		return ks.freeTableSome(v, n)
	case Skiplist:
		return ks.freeZSetSome(v, n)
	case Quicklist:
		return ks.freeListSome(v, n)
	case StreamTree:
		return ks.freeStreamSome(v, n)
	}
	ks.arena.Free(mem.Value, v.ref)
	return true
}

// effort is about how many blocks there are to free, as Redis's
// lazyfreeGetFreeEffort counts them.
func (ks *Keyspace) effort(v value) int {
	switch v.enc {
	case Hashtable:
		return ks.tableEffort(v)
	case Skiplist:
		return ks.zsetEffort(v)
	case Quicklist:
		return ks.listEffort(v)
	case StreamTree:
		return ks.streamEffort(v)
	}
	return 1
}

// dup makes a copy of the value outside of e and returns its block. It panics with
// *mem.OutOfMemory.
func (ks *Keyspace) dup(e Entry) mem.Ref {
	v := e.value()
	switch v.enc {
	case Hashtable:
		return ks.dupTable(v)
	case Skiplist:
		return ks.dupZSet(v)
	case Quicklist:
		return ks.dupList(v)
	case StreamTree:
		return ks.dupStream(v)
	}
	n := e.outsideLen()
	r := ks.arena.Alloc(mem.Value, n)
	copy(ks.arena.Bytes(r, n), ks.arena.Bytes(v.ref, n))
	return r
}

// valueBytes is the arena memory that the value outside of e takes.
func (ks *Keyspace) valueBytes(e Entry) int {
	v := e.value()
	switch v.enc {
	case Hashtable:
		return ks.tableBytes(v)
	case Skiplist:
		return ks.zsetBytes(v)
	case Quicklist:
		return ks.listBytes(v)
	case StreamTree:
		return ks.streamBytes(v)
	}
	return ks.arena.Usable(v.ref)
}
