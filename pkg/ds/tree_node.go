// The nodes of a Tree: where their columns lie, the search in one node, and how cells move within and between nodes.

package ds

import (
	"unsafe"

	"redisd/pkg/mem"
)

// A node is a header and columns of 8-byte words, one cell a row:
//
//	leaf   prev 8, next 8, count 2, capacity 2, zero 4 | hi | lo | payload (trees that have one)
//	inner  zero 16,        count 2, capacity 2, zero 4 | hi | lo | child | cells below the child
//
// Columns instead of rows, so that the binary search on hi reads few cache lines. The key of a child is exactly the
// first key below it: a key that is no longer in the tree must not be compared with, for its owner may have freed what
// lo refers to.
const (
	nodePrev  = 0
	nodeNext  = 8
	nodeCount = 16
	nodeRoom  = 18
	nodeHead  = 24

	// 1 KB leaves: smaller ones cost more inner nodes and misses on a range, larger ones more moving at each insert.
	leafBytes  = 1024
	innerBytes = 2048

	leafRoom    = (leafBytes - nodeHead) / 16
	payloadRoom = (leafBytes - nodeHead) / 24
	innerRoom   = (innerBytes - nodeHead) / 32
	firstRoom   = 4 // cells of the leaf that a tree begins with; it doubles up to the room of a leaf

	colHi    = 0
	colLo    = 1
	colThird = 2 // payload of a leaf, child of an inner node
	colCells = 3 // cells below a child
)

// node is the address of a node's block.
type node struct{ p unsafe.Pointer }

func (n node) len() int       { return int(*(*uint16)(unsafe.Add(n.p, nodeCount))) }
func (n node) setLen(k int)   { *(*uint16)(unsafe.Add(n.p, nodeCount)) = uint16(k) }
func (n node) room() int      { return int(*(*uint16)(unsafe.Add(n.p, nodeRoom))) }
func (n node) prev() *mem.Ref { return (*mem.Ref)(unsafe.Add(n.p, nodePrev)) }
func (n node) next() *mem.Ref { return (*mem.Ref)(unsafe.Add(n.p, nodeNext)) }
func (n node) full() bool     { return n.len() == n.room() }
func (n node) at(c, i int) *uint64 {
	return (*uint64)(unsafe.Add(n.p, nodeHead+(c*n.room()+i)*8))
}

func (n node) hi(i int) uint64     { return *(*uint64)(unsafe.Add(n.p, nodeHead+i*8)) }
func (n node) lo(i int) uint64     { return *n.at(colLo, i) }
func (n node) child(i int) mem.Ref { return mem.Ref(*n.at(colThird, i)) }
func (n node) cells(i int) *uint64 { return n.at(colCells, i) }

// column is the words of column c from cell i on, k of them.
func (n node) column(c, i, k int) []uint64 {
	return unsafe.Slice(n.at(c, i), k)
}

func (n node) setKey(i int, hi, lo uint64) {
	*n.at(colHi, i) = hi
	*n.at(colLo, i) = lo
}

// gap makes place for k cells at i.
func (n node) gap(cols, i, k int) {
	size := n.len()
	for c := range cols {
		copy(n.column(c, i+k, size-i), n.column(c, i, size-i))
	}
	n.setLen(size + k)
}

// cut takes k cells out at i.
func (n node) cut(cols, i, k int) {
	size := n.len()
	for c := range cols {
		copy(n.column(c, i, size-i-k), n.column(c, i+k, size-i-k))
	}
	n.setLen(size - k)
}

// take moves k cells of from, those at j, to place i.
func (n node) take(cols, i int, from node, j, k int) {
	n.gap(cols, i, k)
	for c := range cols {
		copy(n.column(c, i, k), from.column(c, j, k))
	}
	from.cut(cols, j, k)
}

// search finds the first cell that is not before the probe, and says whether it is the probe.
func (n node) search(hi, lo uint64, tie func(lo uint64) int) (int, bool) {
	size := n.len()
	at := lowerBound(n.p, nodeHead, 0, size, hi)
	if at == size || n.hi(at) != hi {
		return at, false
	}
	end := at + 1
	if end < size && n.hi(end) == hi {
		end = size
		if n.hi(size-1) != hi {
			end = lowerBound(n.p, nodeHead, at+1, size, hi+1) // hi is not the highest number: one above it is there
		}
	}
	if tie == nil {
		at = lowerBound(n.p, nodeHead+n.room()*8, at, end, lo)
		return at, at < end && n.lo(at) == lo
	}
	for at < end {
		mid := int(uint(at+end) >> 1)
		switch c := tie(n.lo(mid)); {
		case c == 0:
			return mid, true
		case c > 0:
			at = mid + 1
		default:
			end = mid
		}
	}
	return at, false
}

// lowerBound finds the first of the words [from, to) of the column at byte off that is not below x, or to.
func lowerBound(p unsafe.Pointer, off, from, to int, x uint64) int {
	base := unsafe.Add(p, off)
	for n := to - from; n > 0; {
		half := n >> 1
		mid := from + half
		if *(*uint64)(unsafe.Add(base, mid*8)) < x {
			from = mid + 1
			n -= half + 1
		} else {
			n = half
		}
	}
	return from
}

// childOf finds the child that the probe is, or would be, below.
func (n node) childOf(hi, lo uint64, tie func(lo uint64) int) int {
	i, found := n.search(hi, lo, tie)
	if !found && i > 0 {
		i--
	}
	return i
}

// partition is the number of cells before the first one for which before is false.
func (n node) partition(before func(hi, lo uint64) bool) int {
	from, to := 0, n.len()
	for from < to {
		mid := int(uint(from+to) >> 1)
		if before(n.hi(mid), n.lo(mid)) {
			from = mid + 1
		} else {
			to = mid
		}
	}
	return from
}
