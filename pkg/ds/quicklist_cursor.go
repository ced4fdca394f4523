// Cursors of quicklists: reading in both directions, and changes at a place.

package ds

import (
	"redisd/pkg/mem"
)

// QuickCursor stands on an element of a list, or nowhere. A change of the list that is not made through the cursor makes
// it void. A cursor that meets a compressed node works on a copy; Close gives that back.
type QuickCursor struct {
	q    Quicklist
	node mem.Ref  // 0: nowhere, or in a listpack of its own
	lp   Listpack // nil in a plain node
	val  []byte   // of a plain node
	off  int      // of the element in lp; -1 with node 0: nowhere

	back    bool // Next goes to the head
	changed bool // the node is to be settled when the cursor leaves it
	copied  bool // buf has been taken
	buf     []byte
}

// LPCursor returns a cursor over a listpack alone, on the element with this index as Seek has it.
func LPCursor(l Listpack, index int, back bool) QuickCursor {
	return QuickCursor{lp: l, off: l.Seek(index), back: back}
}

// Seek returns a cursor on element index; -1 is the last one, -2 the one before it. It walks over nodes from the nearer
// end. back makes Next go to the head.
func (q Quicklist) Seek(index int, back bool) QuickCursor {
	c := QuickCursor{q: q, off: -1, back: back}
	count := q.Len()
	if index < 0 {
		index += count
	}
	if index < 0 || index >= count {
		return c
	}
	c.node, index = q.nodeOf(index)
	c.load()
	if c.lp != nil {
		c.off = c.lp.Seek(index)
	}
	return c
}

// load reads the cursor's node.
func (c *QuickCursor) load() {
	n := c.q.node(c.node)
	if n.pressed() && !c.copied {
		c.buf, c.q.t.scratch, c.copied = c.q.t.scratch, nil, true
	}
	b := c.q.elems(n, &c.buf)
	if n.plain() {
		c.lp, c.val, c.off = nil, b, 0
		return
	}
	c.lp, c.val = b, nil
}

// Close gives back what the cursor holds; it stands nowhere then. Needed after Delete and Replace, good after reading.
func (c *QuickCursor) Close() {
	c.leave()
	if c.copied {
		c.q.t.scratch = c.buf
	}
	*c = QuickCursor{off: -1}
}

// leave compresses the node again if a change has uncompressed it.
func (c *QuickCursor) leave() {
	if c.changed {
		c.changed = false
		c.q.settle(c.node)
	}
}

// Valid tells whether the cursor stands on an element.
func (c *QuickCursor) Valid() bool { return c.off >= 0 }

// Value is the element, good until the cursor moves or the list changes.
func (c *QuickCursor) Value() LPElem {
	if c.lp == nil {
		return LPElem{Str: c.val}
	}
	return c.lp.Get(c.off)
}

// Elem is Value as Listpack.Elem has it.
func (c *QuickCursor) Elem() (str []byte, n int64, isInt bool) {
	if c.lp == nil {
		return c.val, 0, false
	}
	return c.lp.Elem(c.off)
}

// Next moves to the next element in the cursor's direction.
func (c *QuickCursor) Next() {
	if c.lp != nil {
		if c.back {
			c.off = c.lp.Prev(c.off)
		} else {
			c.off = c.lp.Next(c.off)
		}
		if c.off >= 0 {
			return
		}
	}
	c.cross()
}

// cross moves to the first element of the next node in the cursor's direction.
func (c *QuickCursor) cross() {
	c.off = -1
	if c.node == 0 {
		return
	}
	c.leave()
	if c.back {
		c.enter(c.q.node(c.node).prev)
	} else {
		c.enter(c.q.node(c.node).next)
	}
}

// enter moves to the first element in the cursor's direction of a node, which may be 0.
func (c *QuickCursor) enter(ref mem.Ref) {
	c.node, c.off = ref, -1
	if ref == 0 {
		return
	}
	c.load()
	if c.lp == nil {
		return
	}
	if c.back {
		c.off = c.lp.Last()
	} else {
		c.off = c.lp.First()
	}
}

// change announces a change of the cursor's node and makes it ready for it.
func (c *QuickCursor) change() *quickNode {
	c.q.touch(c.node)
	c.q.unpress(c.node)
	c.changed = true
	return c.q.node(c.node)
}

// Delete removes the cursor's element. The cursor is on the next one in its direction then, or nowhere.
func (c *QuickCursor) Delete() {
	q, ref := c.q, c.node
	n := c.change()
	if n.count == 1 {
		to := n.next
		if c.back {
			to = n.prev
		}
		c.changed = false
		q.unlink(ref)
		c.enter(to)
		return
	}
	l := q.packed(n)
	to := c.off
	if c.back {
		to = l.Prev(c.off)
	}
	q.cutElems(n, c.off, l.after(c.off), 1)
	c.lp, c.off = q.packed(n), to
	if to >= 0 {
		c.off = c.lp.orNone(to)
	}
	if c.off < 0 {
		c.cross()
	}
}

// Insert puts val before the cursor's element in the list's order, or behind it. The cursor stands nowhere then. val
// must not lie in the list.
func (c *QuickCursor) Insert(val []byte, behind bool) {
	q, ref, off := c.q, c.node, c.off
	if behind && c.lp == nil {
		off++
	} else if behind {
		off = c.lp.after(off)
	}
	c.Close()
	q.insertAt(ref, off, val)
}

// replace puts val in the place of the cursor's element if it can stay in the node.
func (c *QuickCursor) replace(val []byte) bool {
	q, n := c.q, c.q.node(c.node)
	if large := q.large(len(val)); large || n.plain() {
		if !large || !n.plain() {
			return false
		}
		n = c.change()
		q.t.Arena.Free(mem.Value, n.data)
		q.setPlain(n, val)
		return true
	}
	e, old := LPValue(val), c.lp.after(c.off)-c.off
	size := e.packed()
	if size > old && n.count > 1 && QuickExceeds(int(q.r().fill), int(n.size)+size-old, int(n.count)) {
		return false
	}
	n = c.change()
	if size > old {
		q.openGap(n, c.off, size-old)
	} else if size < old {
		q.closeGap(n, c.off, c.off+old-size)
	}
	e.put(q.packed(n)[c.off:])
	q.counted(n, 0)
	q.trim(n, 3)
	return true
}
