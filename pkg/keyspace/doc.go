// Package keyspace holds the databases: entries with their key, expiry and
// value, the lookups that expire lazily, the cycle that expires actively, and
// the snapshot cursor with its write barrier.
//
// # Entry
//
// One arena block holds a key and what belongs to it:
//
//	byte 0     type (low four bits) and encoding (high four bits)
//	byte 1     flags: bit 0 an expiry follows the key, bit 1 the value is outside
//	byte 2..4  LRU clock in seconds, or LFU: 16 bits minutes, 8 bits counter
//	byte 5     key, as ds.PutKey writes it
//	then       expiry, 8 bytes, Unix milliseconds (only with flag bit 0)
//	then       value:
//	             int      8 bytes
//	             inline   length (1 byte, or 254 and 4 more), bytes
//	             outside  reference (8 bytes), length (8 bytes)
//
// A collection is always outside. In a compact encoding (listpack, intset) the
// reference leads to the blob; in the others to a root block, which does not move
// while the value lives, and the length is 0. Commands work on a handle (HashValue,
// SetValue, SortedSet, ListHandle, StreamValue), a small value around the entry that
// is good until the next change of another key. encoding.go is where each encoding
// says how it is freed, copied and measured.
//
// The main table and, for keys that expire, a second table refer to the block.
//
// # Snapshot
//
// Cut marks a moment. From then on every bucket is given to the Sink as it was
// at that moment: by Pump in order, or by the barrier just before the bucket
// changes. All changes pass ds.Dict's Touch, Insert, Delete, Drain or its rehash,
// and each of those tells the barrier first; there is no second way in. Tables of
// a flushed database stay until the snapshot has sent them.
//
// A value that is too large for one slice goes in parts, for a PartSink: then its
// structure announces the change of a part (a bucket, a node, a pending entry, a
// piece of a string) in the same way, and a value that is deleted or overwritten
// stays until its parts have gone (large.go).
//
// Guarantees: what the Sink got when Pump says done is the dataset at the cut,
// each key once. Non-guarantees: an order among keys; the LRU and LFU bits,
// which reads move on without the barrier.
//
// All of it belongs to the goroutine that runs the event loop.
package keyspace
