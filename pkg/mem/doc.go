// Package mem is the off-heap allocator that holds the dataset: no block it hands out is seen by Go's garbage
// collector, and a block is named by a Ref, an offset, not by a pointer.
//
// # Layout
//
// One address range is reserved (PROT_NONE, no reserve) when the arena is made; it never moves. It is handed out in
// chunks of 2 MB, from both ends:
//
//	0                lowEnd                        highStart                 end
//	| small chunks and   |      PROT_NONE, free        | slots of 36 KB-1 MB     |
//	| runs >= 2 MB       | ->                       <- | (never huge pages)      |
//
//	small block  8 B - 4 KB     narrow span, one unit of 32 KB; 64 of them in a chunk
//	             4 KB - 32 KB   wide span, eight units (256 KB); 8 of them in a chunk
//	slot         32 KB - 1 MB   page-rounded bytes in a slot of a chunk that holds one slot class, 8 classes a doubling
//	run          > 1 MB         page-rounded bytes in whole chunks of its own
//
// Metadata (a 32-byte cell a unit, a 64-byte record a chunk, bitmaps of the spans that have room) lies in a second
// mapping, off the Go heap too, and grows with the part of the range that is in use. A small block has no header: its
// class comes from the cell of its unit, ref>>15.
//
// New blocks go to the span with room that has the lowest address, new spans to the chunk with room that has the lowest
// address: what is high drains, and an empty chunk goes back to the system.
//
// # Guarantees
//
//   - A Ref is a multiple of 8, below 1<<43, and stays valid until Free. 0 is never a block.
//   - A block whose size is a power of two up to 32 KB is aligned to its size; blocks above 32 KB to a page.
//   - A block takes at most 12.5 % more than was asked, or 7 bytes when that is more; no header on top.
//   - The counts (Used, UsedBy) are exact: zero when everything has been freed.
//   - Alloc and Free of small blocks make no Go allocation, and no system call unless a chunk is taken or given back.
//   - When the system refuses memory, Alloc panics with *OutOfMemory and the arena is as it was before the call.
//
// # Non-guarantees
//
//   - Nothing is safe for concurrent use. One goroutine owns the arena. Only the work function handed to
//     Config.Background runs elsewhere, and it touches nothing but pages that no block uses.
//   - Alloc does not clear. AllocZero does, or knows that the pages are zero.
//   - A freed block is not checked for stray writes, double Free or the wrong purpose, unless the build has the tag
//     `invariants`, which poisons freed memory, keeps a shadow byte for each 8 bytes and asserts the owner's thread.
//   - Memory is promised by the kernel lazily. A machine that overcommits kills the process at a page fault; no
//     allocator can see that coming. *OutOfMemory comes from the address range, RLIMIT_DATA, and strict overcommit.
package mem
