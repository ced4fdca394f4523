package ds

import (
	"fmt"

	"redisd/pkg/mem"
)

// Check walks the whole tree and returns an error that names the first thing that is not as it must be, or nil. The
// order of cells with the same hi is left to CheckOrder.
func (t Tree) Check() error { return t.CheckOrder(nil) }

// CheckOrder is Check; cmp, when not nil, compares the lo of neighbours with the same hi and must be negative.
func (t Tree) CheckOrder(cmp func(a, b uint64) int) error {
	c := treeCheck{t: t, cmp: cmp}
	if t.s.top == 0 {
		if t.s.len != 0 || t.s.leaves != 0 || t.s.inner != 0 || t.s.height != 0 || t.s.first != 0 || t.s.last != 0 {
			return fmt.Errorf("ds: tree: empty, but its state is %+v", *t.s)
		}
		return nil
	}
	cells, err := c.walk(int(t.s.height), t.s.top)
	switch {
	case err != nil:
		return err
	case cells != t.s.len:
		return fmt.Errorf("ds: tree: %d cells, counted as %d", cells, t.s.len)
	case c.leaf != t.s.last:
		return fmt.Errorf("ds: tree: the last leaf is %#x, not %#x", c.leaf, t.s.last)
	case c.leaves != t.s.leaves || c.inner != t.s.inner:
		return fmt.Errorf("ds: tree: %d leaves and %d inner nodes, counted as %d and %d", c.leaves, c.inner, t.s.leaves, t.s.inner)
	}
	return nil
}

// treeCheck is the state of one walk.
type treeCheck struct {
	t             Tree
	cmp           func(a, b uint64) int
	leaf          mem.Ref // the leaf before
	hi, lo        uint64  // the cell before
	cells         uint64
	leaves, inner uint64
}

func (c *treeCheck) walk(level int, r mem.Ref) (cells uint64, err error) {
	n := c.t.node(r)
	if n.len() == 0 || n.len() > n.room() {
		return 0, fmt.Errorf("ds: tree: node %#x of level %d has %d cells of %d", r, level, n.len(), n.room())
	}
	if n.room() != c.t.maxRoom(level) && (level > 0 || c.t.s.height > 0) {
		return 0, fmt.Errorf("ds: tree: node %#x of level %d has room for %d", r, level, n.room())
	}
	if level == 0 {
		return uint64(n.len()), c.walkLeaf(r, n)
	}
	c.inner++
	for i := range n.len() {
		child := c.t.node(n.child(i))
		if child.hi(0) != n.hi(i) || child.lo(0) != n.lo(i) {
			return 0, fmt.Errorf("ds: tree: key %d of node %#x is not the first below it", i, r)
		}
		below, err := c.walk(level-1, n.child(i))
		if err != nil {
			return 0, err
		}
		if below != *n.cells(i) {
			return 0, fmt.Errorf("ds: tree: %d cells below child %d of node %#x, counted as %d", below, i, r, *n.cells(i))
		}
		cells += below
	}
	return cells, nil
}

func (c *treeCheck) walkLeaf(r mem.Ref, n node) error {
	if *n.prev() != c.leaf || c.leaf == 0 && c.t.s.first != r {
		return fmt.Errorf("ds: tree: leaf %#x has %#x before it, not %#x", r, *n.prev(), c.leaf)
	}
	if c.leaf != 0 && *c.t.node(c.leaf).next() != r {
		return fmt.Errorf("ds: tree: leaf %#x is not behind %#x", r, c.leaf)
	}
	c.leaf = r
	c.leaves++
	for i := range n.len() {
		hi, lo := n.hi(i), n.lo(i)
		if c.cells > 0 && (hi < c.hi || hi == c.hi && c.cmp != nil && c.cmp(c.lo, lo) >= 0) {
			return fmt.Errorf("ds: tree: cell %d of leaf %#x is out of order", i, r)
		}
		c.hi, c.lo = hi, lo
		c.cells++
	}
	return nil
}
