package keyspace

import (
	"unsafe"

	"redisd/pkg/mem"
)

// A long value is not copied when it came into a block of its own: the block becomes
// the value's. To copy hundreds of megabytes takes longer than the loop may stand still.

// Block is a block of the arena, of purpose Client, that holds an argument of Len bytes.
type Block struct {
	Ref mem.Ref
	Len int
	// Taken says that the keyspace has made it a value's. Else it is still its owner's.
	Taken bool
}

// Offer names the blocks that arguments of the command that runs lie in; nil ends it.
func (ks *Keyspace) Offer(blocks []Block) { ks.offered, ks.adopted = blocks, 0 }

// Adopt lets the SetString or SetKeepTTL that comes next keep the block that val lies
// in, if that was offered. The caller vouches that the command does nothing to the
// value any more that could free it: val is read after the command, for the log.
func (db *DB) Adopt(val []byte) {
	ks := db.ks
	for i := range ks.offered {
		b := &ks.offered[i]
		if !b.Taken && b.Len == len(val) && ks.arena.Ptr(b.Ref) == unsafe.Pointer(unsafe.SliceData(val)) {
			b.Taken, ks.adopted = true, b.Ref
			return
		}
	}
}

// block makes a block with val in it, or takes the one that Adopt has found.
func (ks *Keyspace) block(val []byte) mem.Ref {
	if r := ks.adopted; r != 0 {
		ks.adopted = 0
		ks.arena.Repurpose(mem.Client, mem.Value, r)
		return r
	}
	r := ks.arena.Alloc(mem.Value, len(val))
	copy(ks.arena.Bytes(r, len(val)), val)
	return r
}
