package keyspace

import (
	"encoding/binary"
	"unsafe"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Type is a value's type. The numbers are Redis's, which DEBUG DIGEST hashes.
type Type uint8

// The types of Redis.
const (
	String Type = iota
	List
	Set
	ZSet
	Hash
	Module
	Stream
)

var typeNames = [...]string{"string", "list", "set", "zset", "hash", "module", "stream"}

// String is the name that TYPE replies.
func (t Type) String() string { return typeNames[t] }

// TypeByName gives the type with the given lower-case name.
func TypeByName(name string) (Type, bool) {
	for i, n := range typeNames {
		if n == name {
			return Type(i), true
		}
	}
	return 0, false
}

// Encoding is how a value lies in memory.
type Encoding uint8

// The encodings: three of strings, then those of collections. An entry has four
// bits for them.
const (
	Raw Encoding = iota
	Int
	Embstr
	Listpack   // list, set, hash, sorted set: one blob
	Intset     // set: one blob
	Hashtable  // set, hash
	Skiplist   // sorted set: a hash table and a tree
	Quicklist  // list
	StreamTree // stream
)

var encodingNames = [...]string{"raw", "int", "embstr", "listpack", "intset", "hashtable", "skiplist", "quicklist", "stream"}

// String is the name that OBJECT ENCODING replies.
func (e Encoding) String() string { return encodingNames[e] }

const (
	flagExpire  = 1 << 0
	flagOutside = 1 << 1

	keyOffset   = 5
	expireSize  = 8
	intSize     = 8
	outsideSize = 16

	// EmbstrMax is the longest string that Redis calls embstr.
	EmbstrMax = 44
	// inlineMax is the longest value kept in the entry itself. Longer ones get a
	// block of their own, so that EXPIRE and RENAME do not copy them.
	inlineMax = 1024
	longValue = 254 // length byte that says four more follow
	noExpiry  = -1
)

// Entry is one key as a lookup found it: a view that is good until the next call
// that changes the keyspace. It is a small value; pass it on by value.
type Entry struct {
	db   *DB
	p    unsafe.Pointer
	ref  mem.Ref
	hash uint64 // of the key; only in an Entry of a lookup by key
}

func (db *DB) view(r mem.Ref) Entry { return Entry{db: db, p: db.ks.arena.Ptr(r), ref: r} }

func (e Entry) head() uint8       { return *(*uint8)(e.p) }
func (e Entry) flags() uint8      { return *(*uint8)(unsafe.Add(e.p, 1)) }
func (e Entry) setFlags(f uint8)  { *(*uint8)(unsafe.Add(e.p, 1)) = f }
func (e Entry) hasExpire() bool   { return e.flags()&flagExpire != 0 }
func (e Entry) outside() bool     { return e.flags()&flagOutside != 0 }
func (e Entry) at(off int) []byte { return unsafe.Slice((*byte)(unsafe.Add(e.p, off)), 8) }

func (e Entry) setHead(t Type, enc Encoding) { *(*uint8)(e.p) = uint8(t) | uint8(enc)<<4 }

// Type is the value's type.
func (e Entry) Type() Type { return Type(e.head() & 15) }

// Encoding is how the value lies in memory.
func (e Entry) Encoding() Encoding { return Encoding(e.head() >> 4) }

// Key is the entry's key, in arena memory.
func (e Entry) Key() []byte { return ds.KeyAt(e.p, keyOffset) }

func (e Entry) expireOffset() int { return keyOffset + ds.KeySize(len(e.Key())) }

func (e Entry) valueOffset() int {
	off := e.expireOffset()
	// Without a branch, which is guessed wrong where some keys expire and others do not; the flag is bit 0.
	return off + int(e.flags()&flagExpire)*expireSize
}

// ExpireAt is when the key expires, in Unix milliseconds, or -1.
func (e Entry) ExpireAt() int64 {
	if !e.hasExpire() {
		return noExpiry
	}
	return int64(binary.LittleEndian.Uint64(e.at(e.expireOffset())))
}

func (e Entry) setExpireAt(ms int64) {
	binary.LittleEndian.PutUint64(e.at(e.expireOffset()), uint64(ms))
}

// Expired tells whether the key's time has passed, by the keyspace's clock.
// While a log is being loaded nothing expires.
func (e Entry) Expired() bool {
	return e.hasExpire() && e.db.ks.expiry != ExpiryIgnored && e.ExpireAt() < e.db.ks.nowMs
}

func (e Entry) outsideRef() mem.Ref {
	return mem.Ref(binary.LittleEndian.Uint64(e.at(e.valueOffset())))
}

// outsideLen is the number that setOutside kept beside the reference.
func (e Entry) outsideLen() int {
	return int(binary.LittleEndian.Uint64(e.at(e.valueOffset() + 8)))
}

func (e Entry) setOutside(r mem.Ref, n int) {
	off := e.valueOffset()
	binary.LittleEndian.PutUint64(e.at(off), uint64(r))
	binary.LittleEndian.PutUint64(e.at(off+8), uint64(n))
}

// Int is the value of a string in the int encoding.
func (e Entry) Int() (int64, bool) {
	if e.Encoding() != Int {
		return 0, false
	}
	return int64(binary.LittleEndian.Uint64(e.at(e.valueOffset()))), true
}

// bytes is the value of a string that is not an int, in arena memory.
func (e Entry) bytes() []byte {
	off := e.valueOffset()
	if e.outside() {
		return e.db.ks.arena.Bytes(e.outsideRef(), e.outsideLen())
	}
	n := int(*(*uint8)(unsafe.Add(e.p, off)))
	off++
	if n == longValue {
		n = int(*(*uint32)(unsafe.Add(e.p, off)))
		off += 4
	}
	return unsafe.Slice((*byte)(unsafe.Add(e.p, off)), n)
}

// Value is the bytes of a string: arena memory, or scratch when it is an int.
// Good until the next change of the keyspace.
func (e Entry) Value(scratch *[24]byte) []byte {
	if n, ok := e.Int(); ok {
		return num.AppendInt(scratch[:0], n)
	}
	return e.bytes()
}

// StrLen is the length of a string in bytes.
func (e Entry) StrLen() int {
	if e.Encoding() == Int {
		var scratch [24]byte
		return len(e.Value(&scratch))
	}
	return len(e.bytes())
}

// tailSize is the number of bytes that the value takes inside the entry.
func (e Entry) tailSize() int {
	switch {
	case e.outside():
		return outsideSize
	case e.Encoding() == Int:
		return intSize
	default:
		return inlineSize(len(e.bytes()))
	}
}

func inlineSize(n int) int {
	if n < longValue {
		return 1 + n
	}
	return 5 + n
}

// tail is the n bytes of value inside the entry.
func (e Entry) tail(n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(e.p, e.valueOffset())), n)
}

// putInline writes the length of a value of n bytes and gives the room for it.
func (e Entry) putInline(n int) []byte {
	t := e.tail(inlineSize(n))
	if n < longValue {
		t[0] = uint8(n)
		return t[1:]
	}
	t[0] = longValue
	binary.LittleEndian.PutUint32(t[1:], uint32(n))
	return t[5:]
}

// MemUsage is the bytes of arena memory that key and value take, a share of the
// table for the slot included.
func (e Entry) MemUsage() int {
	const slot = 8
	n := e.db.ks.arena.Usable(e.ref) + slot
	if e.hasExpire() {
		n += slot
	}
	if e.outside() {
		n += e.db.ks.valueBytes(e)
	}
	return n
}
