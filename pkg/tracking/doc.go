// Package tracking keeps what the server has to know for caches on the side of clients.
//
// Keys knows which clients may have a copy of which key. It is told of every key that
// such a client reads, and asked when a key changes: then it gives the clients and
// forgets the key, because nobody has a copy any more. Prefixes knows the clients that
// want to hear of every key with a prefix instead, and gathers the changes until they
// are delivered together.
//
// # Memory
//
// A key is one block of the arena, found by a ds.Dict:
//
//	byte 0..3   number of clients, little endian
//	byte 4..    the key with its length, as ds keeps it
//	behind it   8 bytes a client: its number, little endian, in ascending order
//
// A key of 16 bytes that one client has takes 32 bytes and some 8 in the table. None of
// it is on the Go heap. The numbers of clients that are gone stay until the key changes:
// to look for them would cost more than to skip them. Clear detaches everything at once,
// and FreeSome gives the memory back in slices.
//
// Prefixes and their changes are Go memory: the prefixes are few, and what changes in a
// turn of the loop is a byte buffer that is used again.
//
// Nothing here is safe for several goroutines: the event loop owns it, as it owns the
// arena.
package tracking
