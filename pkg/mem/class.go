// The size classes: which sizes exist, how many blocks a span of each holds, and the table from a size to its class.

package mem

import "math/bits"

const (
	// A narrow span is one unit of 32 KB: small enough that a class with few blocks wastes little, large enough for
	// at least 8 blocks of every narrow class.
	unitShift = 15
	unitBytes = 1 << unitShift

	// A wide span is eight units, aligned to itself, for the same 8 blocks of classes up to 32 KB.
	wideShift = unitShift + 3
	wideBytes = 1 << wideShift
	wideUnits = 1 << (wideShift - unitShift)

	// Chunks are 2 MB because that is the huge page of x86-64 and of arm64 with 4 KB pages.
	chunkShift    = 21
	chunkBytes    = 1 << chunkShift
	unitsPerChunk = chunkBytes / unitBytes
	widesPerChunk = chunkBytes / wideBytes

	maxNarrow = 4 << 10
	maxSmall  = 32 << 10
	maxSlot   = 1 << 20

	// 16 classes in steps of 8 to 128, 8 a doubling from there: 5 doublings to 4 KB, 3 to 32 KB.
	narrowClasses = 16 + 5*8
	wideClasses   = 3 * 8
	smallClasses  = narrowClasses + wideClasses

	// Classes are numbered from 1, so that a zeroed cell says "no block here".
	classNone = 0
	classSlot = 254
	classRun  = 255

	// 8 slot classes a doubling, from 36 KB to 1 MB.
	slotClasses = 5 * 8
)

// classSizes returns the block size in bytes of each class; index 0 is unused.
func classSizes() (sizes [smallClasses + 1]uint32) {
	c := 1
	add := func(size uint32) {
		sizes[c] = size
		c++
	}
	for size := uint32(8); size <= 128; size += 8 {
		add(size)
	}
	for base := uint32(128); base < 512; base *= 2 {
		for i := uint32(1); i <= 8; i++ {
			add(base + i*base/8)
		}
	}
	// From here a span holds so few blocks that its tail would count: the sizes are what divides the span well.
	divide := func(span, most uint32) {
		for blocks := most; blocks > 8; blocks /= 2 {
			for i := uint32(1); i <= 8; i++ {
				add(span / (blocks - i*blocks/16) &^ 7)
			}
		}
	}
	divide(unitBytes, 64)
	divide(wideBytes, 64)
	return sizes
}

// spanBytes is the size of the spans of small class c.
func spanBytes(c uint8) uint64 {
	if c > narrowClasses {
		return wideBytes
	}
	return unitBytes
}

// slotClass returns the slot class of n bytes, 32 KB < n <= 1 MB.
func slotClass(n uint64) int {
	top := bits.Len64(n-1) - 1 // the doubling that n lies in: 15 for (32 KB, 64 KB]
	return (top-15)*8 + int((n-1)>>(top-3)&7)
}

// slotBytes is the size of the slots of slot class c, before rounding to the system's page.
func slotBytes(c int) uint64 {
	base := uint64(maxSmall) << (c / 8)
	return base + uint64(c%8+1)*base/8
}

// roundUp rounds n up to a multiple of to, a power of two.
func roundUp(n, to uint64) uint64 { return (n + to - 1) &^ (to - 1) }
