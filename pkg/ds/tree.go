package ds

import (
	"unsafe"

	"redisd/pkg/mem"
)

// Tree is a handle of an order-statistics B+ tree in the arena: a sorted sequence of cells with a 16-byte key (hi, lo)
// and, in trees made with a payload, 8 bytes beside it. Cells are in the order of hi; cells of the same hi are in the
// order of lo as a number, or in the one that a tie function gives. A tree must always be used with the same order.
//
// A tie function compares the probe with the cell that has the same hi and the given lo: negative when the probe comes
// before it, positive when after, 0 when the cell is the probe. It is called only with the lo of cells that are in the
// tree. Seek and Rank may be given a function that is never 0, for a place between cells: one that is always -1
// stands for the place before all cells with that hi.
//
// A handle is good as long as its tree lives. Like all here it belongs to the goroutine that owns the arena.
type Tree struct {
	arena *mem.Arena
	s     *treeState
	root  mem.Ref
}

// treeState is the root block of a tree. It never moves.
type treeState struct {
	top         mem.Ref // the highest node, a leaf when height is 0; 0 when the tree is empty
	first, last mem.Ref // leaves at the ends
	len         uint64  // cells
	leaves      uint64  // nodes of either sort
	inner       uint64
	height      uint8 // levels of inner nodes
	payload     bool  // cells have a payload
}

// maxHeight is more than a tree can have: two neighbours below one node hold at least 23 children each on average.
const maxHeight = 16

// path is the way from the top of a tree to a cell, by level; leaves are level 0.
type path struct {
	ref [maxHeight]mem.Ref
	idx [maxHeight]int // the child that the way goes on with; of the leaf the cell
}

// NewTree makes an empty tree and returns its root block. It panics with *mem.OutOfMemory.
func NewTree(a *mem.Arena, payload bool) mem.Ref {
	r := a.AllocZero(mem.Node, int(unsafe.Sizeof(treeState{})))
	(*treeState)(a.Ptr(r)).payload = payload
	return r
}

// TreeAt returns the handle of the tree with that root block.
func TreeAt(a *mem.Arena, root mem.Ref) Tree {
	return Tree{arena: a, s: (*treeState)(a.Ptr(root)), root: root}
}

// Len is the number of cells.
func (t Tree) Len() uint64 { return t.s.len }

// MemUsage is the number of arena bytes of the tree, root block included.
func (t Tree) MemUsage() uint64 {
	n := uint64(t.arena.Usable(t.root)) + t.s.inner*innerBytes
	switch {
	case t.s.top == 0:
	case t.s.height == 0:
		n += uint64(t.arena.Usable(t.s.top))
	default:
		n += t.s.leaves * leafBytes
	}
	return n
}

func (t Tree) node(r mem.Ref) node { return node{t.arena.Ptr(r)} }

// cols is the number of columns of the nodes at a level.
func (t Tree) cols(level int) int {
	switch {
	case level > 0:
		return colCells + 1
	case t.s.payload:
		return colThird + 1
	}
	return colLo + 1
}

// descend fills p with the way to the first cell that is not before the probe, in the leaf that the probe belongs into:
// the place may be that leaf's end.
func (t Tree) descend(p *path, hi, lo uint64, tie func(lo uint64) int) (found bool) {
	r := t.s.top
	for l := int(t.s.height); l > 0; l-- {
		n := t.node(r)
		i := n.childOf(hi, lo, tie)
		p.ref[l], p.idx[l] = r, i
		r = n.child(i)
	}
	p.ref[0] = r
	p.idx[0], found = t.node(r).search(hi, lo, tie)
	return found
}

// Insert adds a cell, or returns false when the probe is there already. tie compares the probe; nil orders lo as
// numbers. payload is ignored by a tree that has none. It panics with *mem.OutOfMemory,
// after which the tree must not be used.
func (t Tree) Insert(hi, lo uint64, tie func(lo uint64) int, payload uint64) bool {
	if t.s.top == 0 {
		t.begin()
	}
	var p path
	if t.descend(&p, hi, lo, tie) {
		return false
	}
	t.makeRoom(&p, 0)
	n, i := t.node(p.ref[0]), p.idx[0]
	n.gap(t.cols(0), i, 1)
	n.setKey(i, hi, lo)
	if t.s.payload {
		*n.at(colThird, i) = payload
	}
	t.s.len++
	t.count(&p, 1, 1)
	if i == 0 {
		t.firstChanged(&p, 0)
	}
	return true
}

// Delete removes the probe's cell, or returns false when it is not there.
func (t Tree) Delete(hi, lo uint64, tie func(lo uint64) int) bool {
	var p path
	if t.s.top == 0 || !t.descend(&p, hi, lo, tie) {
		return false
	}
	t.remove(&p, 1)
	return true
}

// Seek returns the first cell that is not before the probe; the cursor is not Valid when there is none.
func (t Tree) Seek(hi, lo uint64, tie func(lo uint64) int) TreeCursor {
	r := t.s.top
	if r == 0 {
		return TreeCursor{}
	}
	for l := t.s.height; l > 0; l-- {
		n := t.node(r)
		r = n.child(n.childOf(hi, lo, tie))
	}
	i, _ := t.node(r).search(hi, lo, tie)
	return t.cursor(r, i)
}

// Rank returns how many cells are before the probe, and whether the probe is there.
func (t Tree) Rank(hi, lo uint64, tie func(lo uint64) int) (uint64, bool) {
	r := t.s.top
	if r == 0 {
		return 0, false
	}
	rank := uint64(0)
	for l := t.s.height; l > 0; l-- {
		n := t.node(r)
		i := n.childOf(hi, lo, tie)
		for _, c := range n.column(colCells, 0, i) {
			rank += c
		}
		r = n.child(i)
	}
	i, found := t.node(r).search(hi, lo, tie)
	return rank + uint64(i), found
}

// Partition returns how many cells come before the first one for which before is false. before must hold for the cells
// up to some place and for none from there on; where it does not, the result is some place between a cell for which it
// holds, or the start, and one for which it does not, or the end.
func (t Tree) Partition(before func(hi, lo uint64) bool) uint64 {
	r := t.s.top
	if r == 0 {
		return 0
	}
	rank := uint64(0)
	for l := t.s.height; l > 0; l-- {
		n := t.node(r)
		i := max(n.partition(before)-1, 0)
		for _, c := range n.column(colCells, 0, i) {
			rank += c
		}
		r = n.child(i)
	}
	return rank + uint64(t.node(r).partition(before))
}

// Nth returns the cell with so many cells before it; the cursor is not Valid when the tree is shorter.
func (t Tree) Nth(rank uint64) TreeCursor {
	if rank >= t.s.len {
		return TreeCursor{}
	}
	r := t.s.top
	for l := t.s.height; l > 0; l-- {
		n := t.node(r)
		i := 0
		for ; rank >= *n.cells(i); i++ {
			rank -= *n.cells(i)
		}
		r = n.child(i)
	}
	return t.cursor(r, int(rank))
}

// First returns the lowest cell; the cursor is not Valid when the tree is empty.
func (t Tree) First() TreeCursor {
	if t.s.len == 0 {
		return TreeCursor{}
	}
	return TreeCursor{arena: t.arena, leaf: t.s.first}
}

// Last returns the highest cell; the cursor is not Valid when the tree is empty.
func (t Tree) Last() TreeCursor {
	if t.s.len == 0 {
		return TreeCursor{}
	}
	return TreeCursor{arena: t.arena, leaf: t.s.last, i: t.node(t.s.last).len() - 1}
}

// cursor returns cell i of a leaf, or the first of the next leaf when i is the end.
func (t Tree) cursor(leaf mem.Ref, i int) TreeCursor {
	c := TreeCursor{arena: t.arena, leaf: leaf, i: i}
	if n := t.node(leaf); i == n.len() {
		c.leaf, c.i = *n.next(), 0
	}
	return c
}

// TreeCursor is the place of a cell. It is good until the tree changes; SetPayload is no change. The zero cursor is
// not Valid.
type TreeCursor struct {
	arena *mem.Arena
	leaf  mem.Ref
	i     int
}

// Valid tells whether the cursor is at a cell. Nothing but Valid may be called when it is not.
func (c *TreeCursor) Valid() bool { return c.leaf != 0 }

func (c *TreeCursor) node() node { return node{c.arena.Ptr(c.leaf)} }

// Key returns the key of the cell.
func (c *TreeCursor) Key() (hi, lo uint64) {
	n := c.node()
	return n.hi(c.i), n.lo(c.i)
}

// Payload returns what stands beside the key, in a tree with a payload.
func (c *TreeCursor) Payload() uint64 { return *c.node().at(colThird, c.i) }

// SetPayload changes what stands beside the key, in a tree with a payload.
func (c *TreeCursor) SetPayload(v uint64) { *c.node().at(colThird, c.i) = v }

// Next moves to the next cell; the cursor is not Valid after the last one.
func (c *TreeCursor) Next() {
	n := c.node()
	if c.i++; c.i == n.len() {
		c.leaf, c.i = *n.next(), 0
	}
}

// Prev moves to the cell before; the cursor is not Valid before the first one.
func (c *TreeCursor) Prev() {
	if c.i > 0 {
		c.i--
		return
	}
	c.leaf = *c.node().prev()
	if c.leaf != 0 {
		c.i = c.node().len() - 1
	}
}
