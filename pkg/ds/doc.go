// Package ds holds redisd's data structures. They live in pkg/mem memory, never
// on the Go heap: a structure is a small Go value that knows where its blocks
// are, and every element is bytes in the arena.
//
// # Dict
//
// Dict is a hash table of entry references. A bucket is one cache line:
//
//	byte  0..9   one tag (the top 8 bits of the hash) a slot
//	byte 10..59  one reference a slot, 5 bytes each (mem.Ref >> 3)
//	byte 60..61  bit i: slot i is used; bit 15: slot 9 leads to a child bucket
//	byte 62..63  zero
//
// so that a lookup costs one cache miss for the bucket and one for the entry,
// and a key costs 6 bytes plus the empty slots beside it. A bucket that is full
// turns its last slot into the way to a child bucket. The table doubles when it
// holds 8 entries a bucket on average and moves to the new one a bucket at a
// time (incremental rehash), as Redis's dict does.
//
// The state of a Dict lies in the Go heap for the few tables of a keyspace
// (NewDict), or in a root block of the arena for collections (DictType): then a
// Dict is a handle that is made around the block for each use.
//
// What an entry looks like past its key is its owner's business. The key starts
// at a fixed offset: one length byte, or 254 and four more (little endian), then
// the bytes.
//
// # Listpack
//
// Listpack is Redis's encoding of small collections, byte for byte, so that a blob
// goes into a file as it lies: a view of any memory for reading, Pack for changing
// one in a block of its own. CheckListpack judges blobs from outside.
//
// # Quicklist
//
// Quicklist is a list of any length: a chain of nodes of 48 bytes, each with a
// listpack, or with one element that is too large for one. A listpack of a node may
// start anywhere in its block, so that there is room at both ends: pushing and
// popping move no elements. A node carries a label, which grows from head to tail,
// and the number of the cut that it was last sent for.
//
// # Tree
//
// Tree is an order-statistics B+ tree: cells of a 16-byte key and, in some trees,
// 8 bytes of payload, in leaves of 1 KB that are linked both ways; inner nodes
// count the cells below each child, so that a rank is found as fast as a key. A
// cell takes 17 bytes when keys come in order and 21 when they come by chance.
// Two cells are ordered by a function of the caller where their first 8 bytes
// are equal, and only there is anything but the nodes looked at.
//
// # Rules
//
// Guarantees: Scan returns every element that was in the table from its first
// call to its last, whatever the table grew or shrank to meanwhile. Every change
// of a bucket is announced to Barrier before it happens. Nothing allocates on the
// Go heap but NewDict and Check; opening a dict in the arena does not either. Replace and
// Delete of an entry that is not in the dict panic. With the tag invariants an entry under
// another key's hash and a key that is inserted twice panic too.
//
// Non-guarantees: nothing here is safe for concurrent use; one goroutine owns
// the arena and all that is in it.
package ds
