// Bitmaps: a flat one over the chunks of the range, and sets that find their lowest member in a few steps.

package mem

import (
	"math/bits"
	"unsafe"
)

// bitmap is a flat bitmap in committed metadata. It does not know its length.
type bitmap struct{ p unsafe.Pointer }

func (b bitmap) word(i uint64) *uint64 { return (*uint64)(unsafe.Add(b.p, i*8)) }

func (b bitmap) has(i uint64) bool { return *b.word(i / 64)>>(i%64)&1 != 0 }

// fill sets or clears bits [i, j).
func (b bitmap) fill(i, j uint64, on bool) {
	for i < j {
		n := min(64-i%64, j-i)
		mask := ^uint64(0) >> (64 - n) << (i % 64)
		if on {
			*b.word(i / 64) |= mask
		} else {
			*b.word(i / 64) &^= mask
		}
		i += n
	}
}

// next returns the first bit in [i, end) that is on (or off), or end.
func (b bitmap) next(i, end uint64, on bool) uint64 {
	flip := ^uint64(0)
	if on {
		flip = 0
	}
	for i < end {
		if w := (*b.word(i / 64) ^ flip) >> (i % 64); w != 0 {
			return min(i+uint64(bits.TrailingZeros64(w)), end)
		}
		i = i&^63 + 64
	}
	return end
}

// clearRun returns the lowest i in [from, end) with k clear bits in a row, all before end.
func (b bitmap) clearRun(from, end, k uint64) (uint64, bool) {
	i := b.next(from, end, false)
	for i+k <= end {
		j := b.next(i, i+k, true)
		if j == i+k {
			return i, true
		}
		i = b.next(j, end, false)
	}
	return 0, false
}

// clearBefore returns how many bits right before end are clear, down to from.
func (b bitmap) clearBefore(from, end uint64) uint64 {
	n := uint64(0)
	for end > from && !b.has(end-1) {
		end--
		n++
	}
	return n
}

// A set is a set of spans of one class that have room, or of chunks of one sort that have room. It has up to three
// levels: a bit a span in the word of the chunk (sets of spans only), a bit a chunk in the word of the group, a bit a
// group in the top table.
const (
	groupChunks = 64
	groupCells  = groupChunks * unitsPerChunk

	// Sets by number: small classes 1..smallClasses (0 is unused), chunks of a kind, chunks of a slot class.
	setKinds = smallClasses + 1
	setSlots = setKinds + 3
	numSets  = setSlots + slotClasses
)

// group holds the bitmaps of 64 chunks.
type group struct {
	sum   [numSets]uint64                       // a bit a chunk
	spans [smallClasses + 1][groupChunks]uint64 // a bit a span, at its first unit
}

// groupStride is how far the groups are apart: whole pages, so that each is committed for itself.
func groupStride(page uint64) uint64 { return roundUp(uint64(unsafe.Sizeof(group{})), page) }

func (a *Arena) group(g uint64) *group {
	return (*group)(unsafe.Add(a.groupTable, g*groupStride(a.page)))
}

func (a *Arena) top(set int, word uint64) *uint64 {
	return (*uint64)(unsafe.Add(a.topTable, (uint64(set)*a.topWords+word)*8))
}

// addChunk puts a chunk into a set.
func (a *Arena) addChunk(set int, chunk uint64) {
	g := chunk / groupChunks
	sum := &a.group(g).sum[set]
	if *sum == 0 {
		*a.top(set, g/64) |= 1 << (g % 64)
		a.low[set] = min(a.low[set], g/64)
	}
	*sum |= 1 << (chunk % groupChunks)
}

// dropChunk takes a chunk out of a set.
func (a *Arena) dropChunk(set int, chunk uint64) {
	g := chunk / groupChunks
	sum := &a.group(g).sum[set]
	*sum &^= 1 << (chunk % groupChunks)
	if *sum == 0 {
		*a.top(set, g/64) &^= 1 << (g % 64)
	}
}

// lowestChunk returns the chunk of a set with the lowest address.
func (a *Arena) lowestChunk(set int) (uint64, bool) {
	for w := a.low[set]; w < a.topWords; w++ {
		if top := *a.top(set, w); top != 0 {
			a.low[set] = w
			g := w*64 + uint64(bits.TrailingZeros64(top))
			return g*groupChunks + uint64(bits.TrailingZeros64(a.group(g).sum[set])), true
		}
	}
	a.low[set] = a.topWords
	return 0, false
}

// addSpan notes that the span at unit has room.
func (a *Arena) addSpan(c uint8, unit uint64) {
	chunk := unit / unitsPerChunk
	word := &a.group(chunk / groupChunks).spans[c][chunk%groupChunks]
	if *word == 0 {
		a.addChunk(int(c), chunk)
	}
	*word |= 1 << (unit % unitsPerChunk)
}

// dropSpan notes that the span at unit is full, current or gone.
func (a *Arena) dropSpan(c uint8, unit uint64) {
	chunk := unit / unitsPerChunk
	word := &a.group(chunk / groupChunks).spans[c][chunk%groupChunks]
	*word &^= 1 << (unit % unitsPerChunk)
	if *word == 0 {
		a.dropChunk(int(c), chunk)
	}
}

// lowestSpan returns the unit of the lowest span of class c that has room and is not current.
func (a *Arena) lowestSpan(c uint8) (uint64, bool) {
	chunk, ok := a.lowestChunk(int(c))
	if !ok {
		return 0, false
	}
	word := a.group(chunk / groupChunks).spans[c][chunk%groupChunks]
	return chunk*unitsPerChunk + uint64(bits.TrailingZeros64(word)), true
}
