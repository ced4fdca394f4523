// How a Tree keeps its shape: room for a cell by growing, shifting and splitting; merging behind deletions; the end of
// a tree, at once or in slices.

package ds

import "redisd/pkg/mem"

// begin gives an empty tree its first leaf.
func (t Tree) begin() {
	r := t.newLeaf(firstRoom)
	t.s.top, t.s.first, t.s.last = r, r, r
}

func (t Tree) newNode(size, room int) mem.Ref {
	r := t.arena.Alloc(mem.Node, size)
	n := t.node(r)
	*n.prev(), *n.next() = 0, 0
	n.setLen(0)
	*(*uint32)(t.arena.Ptr(r + nodeRoom)) = uint32(room) // and the zeros behind it
	return r
}

func (t Tree) newLeaf(room int) mem.Ref {
	r := t.newNode(nodeHead+room*8*t.cols(0), room)
	t.s.leaves++
	return r
}

func (t Tree) newInner() mem.Ref {
	r := t.newNode(innerBytes, innerRoom)
	t.s.inner++
	return r
}

func (t Tree) maxRoom(level int) int {
	switch {
	case level > 0:
		return innerRoom
	case t.s.payload:
		return payloadRoom
	}
	return leafRoom
}

// count adds d to the numbers of cells along the way, from a level up. d may be negative: the sums wrap.
func (t Tree) count(p *path, level int, d uint64) {
	for l := level; l <= int(t.s.height); l++ {
		*t.node(p.ref[l]).cells(p.idx[l]) += d
	}
}

// firstChanged writes the first key of the node at a level into the nodes above, as far as it is their first too.
func (t Tree) firstChanged(p *path, level int) {
	n := t.node(p.ref[level])
	hi, lo := n.hi(0), n.lo(0)
	for l := level + 1; l <= int(t.s.height); l++ {
		t.node(p.ref[l]).setKey(p.idx[l], hi, lo)
		if p.idx[l] != 0 {
			return
		}
	}
}

// makeRoom sees to it that the node of a level can take a cell at its place in the way. It may shift cells to a
// neighbour or split the node; the way is right afterwards.
func (t Tree) makeRoom(p *path, level int) {
	n := t.node(p.ref[level])
	if !n.full() {
		return
	}
	if level == int(t.s.height) {
		if n.room() < t.maxRoom(level) {
			p.ref[0] = t.growLeaf(p.ref[0])
			return
		}
		t.addTop(p)
	}
	if !t.shift(p, level) {
		t.split(p, level)
	}
}

// growLeaf gives the only leaf of a small tree twice the room.
func (t Tree) growLeaf(r mem.Ref) mem.Ref {
	old := t.node(r)
	to := t.newLeaf(min(2*old.room(), t.maxRoom(0)))
	t.s.leaves--
	t.node(to).take(t.cols(0), 0, old, 0, old.len())
	t.arena.Free(mem.Node, r)
	t.s.top, t.s.first, t.s.last = to, to, to
	return to
}

// addTop puts a node above the highest one.
func (t Tree) addTop(p *path) {
	h := int(t.s.height) + 1
	if h == maxHeight {
		panic("BUG: tree: too high")
	}
	r := t.newInner()
	top, old := t.node(r), t.node(t.s.top)
	top.setLen(1)
	top.setKey(0, old.hi(0), old.lo(0))
	*top.at(colThird, 0) = uint64(t.s.top)
	*top.cells(0) = t.cellsIn(old, h-1, 0, old.len()) // not the length: a split may have cells in its hands
	t.s.top = r
	t.s.height++
	p.ref[h], p.idx[h] = r, 0
}

// shift moves cells of the full node of a level to the neighbour with more room, if that has room worth it. It keeps
// nodes fuller than splitting alone would, and those behind an ascending run of inserts nearly full.
func (t Tree) shift(p *path, level int) bool {
	parent, j := t.node(p.ref[level+1]), p.idx[level+1]
	n := t.node(p.ref[level])
	var left, right node
	roomLeft, roomRight := 0, 0
	if j > 0 {
		left = t.node(parent.child(j - 1))
		roomLeft = left.room() - left.len()
	}
	if j+1 < parent.len() {
		right = t.node(parent.child(j + 1))
		roomRight = right.room() - right.len()
	}
	if max(roomLeft, roomRight) < n.room()/8 {
		return false
	}
	cols, size, i := t.cols(level), n.len(), p.idx[level]
	if roomLeft >= roomRight {
		k, to := (roomLeft+1)/2, left.len()
		moved := t.cellsIn(n, level, 0, k)
		left.take(cols, to, n, 0, k)
		*parent.cells(j - 1) += moved
		*parent.cells(j) -= moved
		parent.setKey(j, n.hi(0), n.lo(0))
		if p.idx[level] = i - k; i <= k {
			p.ref[level], p.idx[level] = parent.child(j-1), to+i
			p.idx[level+1] = j - 1
		}
		return true
	}
	k := (roomRight + 1) / 2
	moved := t.cellsIn(n, level, size-k, k)
	right.take(cols, 0, n, size-k, k)
	*parent.cells(j + 1) += moved
	*parent.cells(j) -= moved
	parent.setKey(j+1, right.hi(0), right.lo(0))
	if i > size-k {
		p.ref[level], p.idx[level] = parent.child(j+1), i-(size-k)
		p.idx[level+1] = j + 1
	}
	return true
}

// cellsIn is how many cells k places of a node stand for.
func (t Tree) cellsIn(n node, level, i, k int) uint64 {
	if level == 0 {
		return uint64(k)
	}
	sum := uint64(0)
	for _, c := range n.column(colCells, i, k) {
		sum += c
	}
	return sum
}

// split moves the end of the full node of a level to a new node behind it. At the ends of the tree it leaves the old
// node full, so that keys that come in order make full nodes.
func (t Tree) split(p *path, level int) {
	n, i := t.node(p.ref[level]), p.idx[level]
	size, cols := n.len(), t.cols(level)
	keep := size / 2
	switch {
	case i == size && t.atEnd(p, level):
		keep = size
	case i == min(level, 1) && t.atStart(p, level):
		keep = i
	}
	var r mem.Ref
	if level == 0 {
		r = t.newLeaf(t.maxRoom(0))
		t.linkAfter(p.ref[0], r)
	} else {
		r = t.newInner()
	}
	to := t.node(r)
	moved := t.cellsIn(n, level, keep, size-keep)
	to.take(cols, 0, n, keep, size-keep)
	t.count(p, level+1, -moved)

	// The new node's key is that of its first cell; when it is empty yet, the insert that follows writes it.
	var hi, lo uint64
	if keep < size {
		hi, lo = to.hi(0), to.lo(0)
	}
	p.idx[level+1]++
	t.makeRoom(p, level+1)
	parent, j := t.node(p.ref[level+1]), p.idx[level+1]
	parent.gap(colCells+1, j, 1)
	parent.setKey(j, hi, lo)
	*parent.at(colThird, j) = uint64(r)
	*parent.cells(j) = moved
	t.count(p, level+2, moved)
	if j == 0 {
		t.firstChanged(p, level+1)
	}
	if i > keep || i == size {
		p.ref[level], p.idx[level] = r, i-keep
		return
	}
	t.stepBack(p, level+1)
}

// stepBack makes the way lead to the node before at the level below.
func (t Tree) stepBack(p *path, level int) {
	l := level
	for p.idx[l] == 0 {
		l++
	}
	p.idx[l]--
	for ; l > level; l-- {
		p.ref[l-1] = t.node(p.ref[l]).child(p.idx[l])
		p.idx[l-1] = t.node(p.ref[l-1]).len() - 1
	}
}

// atEnd tells whether the way's node of a level is the last of the level; atStart whether it is the first.
func (t Tree) atEnd(p *path, level int) bool {
	for l := level + 1; l <= int(t.s.height); l++ {
		if p.idx[l] != t.node(p.ref[l]).len()-1 {
			return false
		}
	}
	return true
}

func (t Tree) atStart(p *path, level int) bool {
	for l := level + 1; l <= int(t.s.height); l++ {
		if p.idx[l] != 0 {
			return false
		}
	}
	return true
}

func (t Tree) linkAfter(r, added mem.Ref) {
	n, a := t.node(r), t.node(added)
	*a.prev(), *a.next() = r, *n.next()
	if next := *n.next(); next != 0 {
		*t.node(next).prev() = added
	} else {
		t.s.last = added
	}
	*n.next() = added
}

func (t Tree) unlink(r mem.Ref) {
	n := t.node(r)
	if *n.prev() != 0 {
		*t.node(*n.prev()).next() = *n.next()
	} else {
		t.s.first = *n.next()
	}
	if *n.next() != 0 {
		*t.node(*n.next()).prev() = *n.prev()
	} else {
		t.s.last = *n.prev()
	}
}

// remove takes k cells at the way's place out of its leaf.
func (t Tree) remove(p *path, k int) {
	n := t.node(p.ref[0])
	n.cut(t.cols(0), p.idx[0], k)
	t.s.len -= uint64(k)
	t.count(p, 1, -uint64(k))
	if p.idx[0] == 0 && n.len() > 0 {
		t.firstChanged(p, 0)
	}
	for l := 0; t.settle(p, l); {
		l++
	}
}

// settle deals with the node of a level that has lost cells: an empty one goes, one that is less than a third full is
// merged with a neighbour when the two leave room. It tells whether the node above has lost one by that.
func (t Tree) settle(p *path, level int) bool {
	r := p.ref[level]
	n := t.node(r)
	size := n.len()
	if level == int(t.s.height) {
		t.settleTop()
		return false
	}
	if size >= n.room()/3 {
		return false
	}
	parent, j := t.node(p.ref[level+1]), p.idx[level+1]
	if size == 0 {
		t.dropChild(parent, level, j)
		if j == 0 && parent.len() > 0 {
			t.firstChanged(p, level+1)
		}
		return true
	}
	most := n.room() * 3 / 4
	if j > 0 && t.node(parent.child(j-1)).len()+size <= most {
		j--
	} else if j+1 == parent.len() || t.node(parent.child(j+1)).len()+size > most {
		return false
	}
	left, right := t.node(parent.child(j)), t.node(parent.child(j+1))
	left.take(t.cols(level), left.len(), right, 0, right.len())
	*parent.cells(j) += *parent.cells(j + 1)
	t.dropChild(parent, level, j+1)
	return true
}

// settleTop takes away tops with one child, and the last leaf when it is empty.
func (t Tree) settleTop() {
	for t.s.height > 0 {
		top := t.node(t.s.top)
		if top.len() > 1 {
			return
		}
		r := t.s.top
		t.s.top = 0
		if top.len() == 1 {
			t.s.top = top.child(0)
		}
		t.dropNode(1, r)
		if t.s.height--; t.s.top == 0 {
			t.s.height = 0
			return
		}
	}
	if t.node(t.s.top).len() == 0 {
		t.unlink(t.s.top)
		t.dropNode(0, t.s.top)
		t.s.top = 0
	}
}

// dropChild frees child j, a node of that level, and takes it out of its parent.
func (t Tree) dropChild(parent node, level, j int) {
	r := parent.child(j)
	if level == 0 {
		t.unlink(r)
	}
	t.dropNode(level, r)
	parent.cut(colCells+1, j, 1)
}

func (t Tree) dropNode(level int, r mem.Ref) {
	if level == 0 {
		t.s.leaves--
	} else {
		t.s.inner--
	}
	t.arena.Free(mem.Node, r)
}

// DeleteRange removes n cells, or as many as there are, from the one with fromRank cells before it on. fn, which may
// be nil, is called with each before it goes and must not touch the tree.
func (t Tree) DeleteRange(fromRank, n uint64, fn func(hi, lo, payload uint64)) {
	for n > 0 && fromRank < t.s.len {
		var p path
		rank, r := fromRank, t.s.top
		for l := int(t.s.height); l > 0; l-- {
			in := t.node(r)
			i := 0
			for ; rank >= *in.cells(i); i++ {
				rank -= *in.cells(i)
			}
			p.ref[l], p.idx[l] = r, i
			r = in.child(i)
		}
		p.ref[0], p.idx[0] = r, int(rank)
		leaf := t.node(r)
		k := int(min(n, uint64(leaf.len())-rank))
		for i := int(rank); fn != nil && i < int(rank)+k; i++ {
			payload := uint64(0)
			if t.s.payload {
				payload = *leaf.at(colThird, i)
			}
			fn(leaf.hi(i), leaf.lo(i), payload)
		}
		t.remove(&p, k)
		n -= uint64(k)
	}
}

// Free gives all blocks of the tree back, the root block too: the tree is gone. What the cells refer to is the
// owner's affair.
func (t Tree) Free() {
	if t.s.top != 0 {
		t.freeBelow(int(t.s.height), t.s.top)
	}
	t.arena.Free(mem.Node, t.root)
}

func (t Tree) freeBelow(level int, r mem.Ref) {
	n := t.node(r)
	for i := 0; level > 0 && i < n.len(); i++ {
		t.freeBelow(level-1, n.child(i))
	}
	t.arena.Free(mem.Node, r)
}

// FreeSome is Free in slices: it removes about n cells from the end, calls fn, which may be nil, with each, and returns
// true when the tree is gone, root block included.
func (t Tree) FreeSome(n int, fn func(hi, lo, payload uint64)) bool {
	k := min(uint64(n), t.s.len)
	t.DeleteRange(t.s.len-k, k, fn)
	if t.s.len > 0 {
		return false
	}
	t.Free()
	return true
}
