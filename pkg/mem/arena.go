// The Arena: its two mappings, its making and unmaking, and the accessors that every reader inlines.

package mem

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ref names a block: its byte offset from the arena's base. A multiple of 8, below 1<<43; 0 is no block.
type Ref uint64

// Config is what New needs to know. The zero value is a whole arena without huge pages and without a background.
type Config struct {
	// Reserve is the address range to ask for, in bytes; 0 means DefaultReserve. It is an upper bound: New halves it
	// until the system agrees, and takes no more than half of RLIMIT_AS.
	Reserve uint64

	// HugePages asks for MADV_HUGEPAGE on chunks of small blocks and on blocks of 2 MB and more.
	HugePages bool

	// Background runs work on any goroutine, now or later, and then done on the owner's. It gets the return of 1 MB
	// and more to the system, which takes the kernel a while. nil runs both in place.
	Background func(work func(), done func())
}

// OutOfMemory is what Alloc, AllocZero and Resize panic with when there is no memory for the block. The arena is
// unchanged and usable.
type OutOfMemory struct {
	Size int   // the bytes that were asked for
	Err  error // what the system said; nil when the reserved address range is full
}

// Error names the size and the system's reason.
func (e *OutOfMemory) Error() string {
	if e.Err == nil {
		return fmt.Sprintf("mem: out of memory allocating %d bytes: address range is full", e.Size)
	}
	return fmt.Sprintf("mem: out of memory allocating %d bytes: %v", e.Size, e.Err)
}

// Unwrap returns the system's error, or nil.
func (e *OutOfMemory) Unwrap() error { return e.Err }

// Arena is one allocator with its own address range. One goroutine owns it and calls everything.
type Arena struct {
	base  unsafe.Pointer // first byte of the range, aligned to a chunk; Ref 0
	cells unsafe.Pointer // the cell table, one cell a unit, by Ref>>unitShift

	total uint64           // bytes of live blocks
	peak  uint64           // highest total before a Free; see Peak
	used  [Purposes]uint64 // bytes of live blocks by purpose

	classOf [maxSmall/8 + 1]uint8       // small class by (n+7)/8
	classes [smallClasses + 1]class     // by class number, 0 unused
	slots   [slotClasses]slotClassState // by slot class

	none span // stands for "no current span": it never has room

	chunkTable unsafe.Pointer // chunk records, by Ref>>chunkShift
	groupTable unsafe.Pointer // bitmaps by groups of 64 chunks, see group
	topTable   unsafe.Pointer // bitmaps over the groups, topWords words a set
	busy       bitmap         // chunks that belong to something, or wait for the background
	huge       bitmap         // chunks with huge pages asked for

	topWords  uint64          // words a set takes in topTable
	low       [numSets]uint64 // lowest word of a set in topTable that may have a bit
	chunks    uint64          // chunks in the range
	lowEnd    uint64          // chunks below it are committed
	highStart uint64          // chunks from it on are committed
	groupLow  uint64          // groups below it have committed metadata
	groupHigh uint64          // groups from it on have committed metadata
	freeHint  uint64          // no chunk below it is free

	kinds      [3]kindState // state of narrow and wide chunks, by kind
	spare      spare        // the next chunk of huge pages
	edges      int          // places where huge pages begin or end: each may cost a kernel mapping
	dirtyBytes uint64       // bytes of freed slots kept with their pages
	mapped     uint64       // bytes that may be resident, see Mapped
	pending    uint64       // bytes in the hands of the background, see Stats
	incoming   int          // fresh tables whose pages the background brings in
	committed  uint64       // bytes of the range that are readable
	page       uint64       // the system's page size

	hugePages  bool
	background func(work func(), done func())

	region, meta         unsafe.Pointer // the two mappings, for Close
	regionSize, metaSize uint64

	guard guard // owner and shadow; empty without the tag invariants
}

// New reserves an arena. The error is the system's when not even the smallest range is to be had.
func New(cfg Config) (*Arena, error) {
	want := cfg.Reserve
	if want == 0 {
		want = DefaultReserve
	}
	want = min(want, maxReserve, max(addressLimit(), minReserve))
	want = max(want&^(chunkBytes-1), 2*chunkBytes)
	for {
		a := &Arena{page: uint64(unix.Getpagesize()), hugePages: cfg.HugePages, background: cfg.Background}
		err := a.reserveAll(want)
		if err == nil {
			err = a.setup()
		}
		if err == nil {
			return a, nil
		}
		err = errors.Join(err, a.unmap())
		if want/2 < minReserve {
			return nil, err
		}
		want = (want / 2) &^ (chunkBytes - 1)
	}
}

// metaLayout is where each table lies in the metadata mapping, and how big that is; all offsets in bytes.
type metaLayout struct {
	busy, huge, top, chunks, groups, cells, size uint64
}

// layoutFor sizes the metadata of a range of so many chunks.
func layoutFor(chunks, page uint64) metaLayout {
	groups := (chunks + groupChunks - 1) / groupChunks
	var l metaLayout
	at := uint64(0)
	place := func(n uint64) uint64 {
		start := at
		at += roundUp(n, page)
		return start
	}
	l.busy = place((chunks + 63) / 64 * 8)
	l.huge = place((chunks + 63) / 64 * 8)
	l.top = place((groups + 63) / 64 * 8 * numSets)
	l.chunks = place(groups * groupChunks * chunkRecordBytes)
	l.groups = place(groups * groupStride(page))
	l.cells = place(groups * groupCells * cellBytes)
	l.size = at
	return l
}

// reserveAll maps the range and its metadata, and commits the tables that are not grown later.
func (a *Arena) reserveAll(size uint64) error {
	a.chunks = size / chunkBytes
	l := layoutFor(a.chunks, a.page)
	var err error
	// One chunk more than the range, so that its base can be aligned to the huge page.
	a.regionSize = size + chunkBytes
	if a.region, err = reserve(a.regionSize); err != nil {
		return err
	}
	a.metaSize = l.size
	if a.meta, err = reserve(a.metaSize); err != nil {
		return err
	}
	if err = commit(a.meta, l.chunks); err != nil {
		return fmt.Errorf("mem: commit metadata: %w", err)
	}
	at := uint64(uintptr(a.region))
	a.base = unsafe.Add(a.region, roundUp(at, chunkBytes)-at)
	a.busy = bitmap{unsafe.Add(a.meta, l.busy)}
	a.huge = bitmap{unsafe.Add(a.meta, l.huge)}
	a.topTable = unsafe.Add(a.meta, l.top)
	a.chunkTable = unsafe.Add(a.meta, l.chunks)
	a.groupTable = unsafe.Add(a.meta, l.groups)
	a.cells = unsafe.Add(a.meta, l.cells)
	groups := (a.chunks + groupChunks - 1) / groupChunks
	a.topWords = (groups + 63) / 64
	a.highStart = a.chunks
	a.groupHigh = groups
	if invariants {
		return a.guardInit(size)
	}
	return nil
}

// setup fills the class tables of a fresh arena and takes chunk 0, so that no extent gets Ref 0.
func (a *Arena) setup() error {
	sizes := classSizes()
	c := uint8(1)
	for i := range a.classOf {
		for uint32(i*8) > sizes[c] {
			c++
		}
		a.classOf[i] = c
	}
	for c := uint8(1); c <= smallClasses; c++ {
		a.classes[c] = class{
			cur:    &a.none,
			size:   uint64(sizes[c]),
			blocks: uint32(spanBytes(c) / uint64(sizes[c])),
			number: c,
			kind:   kindNarrow,
		}
		if c > narrowClasses {
			a.classes[c].kind = kindWide
		}
	}
	for c := range a.slots {
		size := roundUp(slotBytes(c), a.page)
		a.slots[c] = slotClassState{size: size, all: ^uint64(0) >> (64 - chunkBytes/size)}
	}
	for i := range a.low {
		a.low[i] = a.topWords
	}
	a.kinds[kindNarrow] = kindState{all: ^uint64(0), unit: unitBytes}
	a.kinds[kindWide] = kindState{all: 1<<widesPerChunk - 1, unit: wideBytes}
	// Where the system gives huge pages unasked, an idle daemon would take 2 MB for each page it touches.
	adviseHuge(a.region, a.regionSize, false)
	if err := a.newSmallChunk(kindNarrow); err != nil {
		return fmt.Errorf("mem: commit the first chunk: %w", err)
	}
	return nil
}

// Close gives the address range back. Every Ref, pointer and slice of the arena is dead afterwards. It refuses while
// the background still holds pages of it.
func (a *Arena) Close() error {
	if a.pending != 0 {
		return fmt.Errorf("mem: close with %d bytes in the background", a.pending)
	}
	return a.unmap()
}

// unmap drops whatever reserveAll mapped. The accessors fault afterwards instead of reading what comes there next.
func (a *Arena) unmap() error {
	err := errors.Join(unreserve(a.region, a.regionSize), unreserve(a.meta, a.metaSize))
	if invariants {
		err = errors.Join(err, a.guardClose())
	}
	a.region, a.meta, a.base, a.cells = nil, nil, nil, nil
	return err
}

// Ptr returns the address of a block, or of a byte inside one when the caller has added to the Ref. It is good until
// the block is freed. 0 gives an address that must not be touched.
func (a *Arena) Ptr(r Ref) unsafe.Pointer { return unsafe.Add(a.base, r) }

// Bytes returns the n bytes from r on as a slice that is good until the block is freed. Appending to it beyond its
// length moves it to the Go heap.
func (a *Arena) Bytes(r Ref, n int) []byte {
	return unsafe.Slice((*byte)(unsafe.Add(a.base, r)), n)
}
