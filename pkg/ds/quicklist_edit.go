// Changes inside of quicklists: setting, inserting, ranges, splitting and merging nodes.

package ds

import (
	"redisd/pkg/mem"
)

// Set puts val in the place of element index (-1 is the last one) and tells whether there is such an element. val must
// not lie in the list.
func (q Quicklist) Set(index int, val []byte) bool {
	c := q.Seek(index, false)
	if !c.Valid() {
		return false
	}
	done := c.replace(val)
	if done {
		c.Close()
		return true
	}
	if index < 0 {
		index += q.Len()
	}
	c.Insert(val, false)
	c = q.Seek(index+1, false)
	c.Delete()
	c.Close()
	return true
}

// insertAt puts val at a place in the node ref: before the element at off, or at the end of a packed node. In a plain
// node off is 0 for before and 1 for behind.
func (q Quicklist) insertAt(ref mem.Ref, off int, val []byte) {
	n := q.node(ref)
	e := LPValue(val)
	size := e.packed()
	first, last := off == lpHeader, off == int(n.size)-1
	if n.plain() {
		first, last = off == 0, off != 0
	}
	switch {
	case !q.large(len(val)) && q.fits(n, size):
		q.touch(ref)
		q.unpress(ref)
		e.put(q.openGap(n, off, size)[off:])
		q.counted(n, 1)
		q.settle(ref)
	case first && n.prev != 0:
		q.put(n.prev, n.prev, true, val)
	case first:
		q.put(ref, ref, false, val)
	case last && n.next != 0:
		q.put(n.next, n.next, false, val)
	case last:
		q.put(ref, ref, true, val)
	default:
		right := q.split(ref, off)
		q.put(ref, ref, true, val)
		q.mergeAround(ref, right)
	}
}

// split moves the elements from off on to a new node behind the packed node ref and returns that. Both keep elements.
func (q Quicklist) split(ref mem.Ref, off int) mem.Ref {
	q.touch(ref)
	q.unpress(ref)
	right := q.newNode(ref, true)
	n, to := q.node(ref), q.node(right)
	l := q.packed(n)
	size, count := len(l)-off+lpHeader, 0
	for at := off; l[at] != lpEOF; at = l.after(at) {
		count++
	}
	to.data = q.t.Arena.Alloc(mem.Value, size)
	to.size = uint32(size)
	copy(q.packed(to)[lpHeader:], l[off:])
	q.counted(to, count)
	q.cutElems(n, off, len(l)-1, count)
	return right
}

// mergeAround puts nodes together that fit into one, after node ref has been split: with what is to the left of ref, to
// the right of right, and these two themselves. Then it settles what is left.
func (q Quicklist) mergeAround(ref, right mem.Ref) {
	if next := q.node(right).next; next != 0 {
		q.merge(right, next)
	}
	if prev := q.node(ref).prev; prev != 0 && q.merge(prev, ref) {
		ref = prev
	}
	if q.node(ref).next == right && q.merge(ref, right) {
		right = 0
	}
	q.settle(ref)
	if right != 0 {
		q.settle(right)
	}
}

// merge appends the elements of node b to its left neighbour a if they fit, and tells whether it did.
func (q Quicklist) merge(a, b mem.Ref) bool {
	to, from := q.node(a), q.node(b)
	if to.plain() || from.plain() {
		return false
	}
	count := int(to.count) + int(from.count)
	more := int(from.size) - lpEmpty
	if count > quickMaxCount || QuickExceeds(int(q.r().fill), int(to.size)+more, count) {
		return false
	}
	q.touch(a)
	q.touch(b)
	q.unpress(a)
	q.unpress(b)
	at := int(to.size) - 1
	l := q.openGap(to, at, more)
	copy(l[at:], q.packed(from)[lpHeader:lpHeader+more])
	q.counted(to, int(from.count))
	q.unlink(b)
	return true
}

// DeleteRange removes up to n elements, from element start >= 0 on.
func (q Quicklist) DeleteRange(start, n int) {
	n = min(n, q.Len()-start)
	if n <= 0 {
		return
	}
	ref, index := q.nodeOf(start)
	for n > 0 {
		nd := q.node(ref)
		next := nd.next
		if index == 0 && n >= int(nd.count) {
			n -= int(nd.count)
			q.touch(ref)
			q.unlink(ref)
		} else {
			k := min(n, int(nd.count)-index)
			n -= k
			q.touch(ref)
			q.unpress(ref)
			l := q.packed(nd)
			off, end := l.Seek(index), l.End()
			if index+k < int(nd.count) {
				end = l.Seek(index + k)
			}
			q.cutElems(nd, off, end, k)
			q.settle(ref)
		}
		ref, index = next, 0
	}
}

// nodeOf returns the node of element index, which exists, and the element's number in it. It walks from the nearer end.
func (q Quicklist) nodeOf(index int) (mem.Ref, int) {
	r := q.r()
	if index <= int(r.count)/2 {
		ref := r.head
		for n := q.node(ref); index >= int(n.count); n = q.node(ref) {
			index -= int(n.count)
			ref = n.next
		}
		return ref, index
	}
	left, ref := int(r.count)-index, r.tail // elements from index on
	for n := q.node(ref); left > int(n.count); n = q.node(ref) {
		left -= int(n.count)
		ref = n.prev
	}
	return ref, int(q.node(ref).count) - left
}
