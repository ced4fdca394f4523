// Package digest sums up datasets so cheaply that a sum can be taken of all that
// passes by: of what the daemon sends to a child, and of what the child finds in the
// file that it has written.
//
// A dataset is taken apart into pieces: for each key its name with its type, its
// expiry if it has one, and the pieces of its value. Each piece is hashed to 64 bits
// with the key's hash as a seed, and the hashes are added up. So the order does not
// matter, neither of keys nor of the parts of a large value, and sums of parts can be
// added. A string is cut into pieces of 64 KB, each hashed with its offset.
//
//	packed    a listpack or an intset is one piece of bytes (a set's listpack, which no
//	          file has, counts as its members): what an RDB file tells
//	unpacked  elements are the pieces, those of a list with their index: what commands tell
//
// Guarantees: one changed, lost or doubled piece changes the sum but for one case in
// 2^64. The result is the same in every process.
//
// Non-guarantees: it is no defence against an adversary, who can make collisions.
// Packed sums do not tell in which order the nodes of a list lie, as nodes are sent in
// any order; access times and frequencies, and the time a consumer was active, are not
// in it.
package digest
