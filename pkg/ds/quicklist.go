// Quicklist: what it is made of, pushing and dropping at its ends.

package ds

import (
	"unsafe"

	"redisd/pkg/mem"
)

const (
	// QuicklistPlain is the size in bytes from which an element gets a node of its own, when the type says nothing else.
	QuicklistPlain = 1 << 30

	// quickMaxCount is the most elements a packed node gets: what fits the number in a node and in a listpack's header.
	quickMaxCount = 1<<15 - 1

	// quickSafeBytes bounds nodes whose limit is a number of elements.
	quickSafeBytes = 8 << 10

	// quickGap is how far the labels of neighbours are apart when a node is added at an end.
	quickGap = 1 << 20
)

// QuicklistType is what lists of one keyspace share. The owner may change every field at any time.
type QuicklistType struct {
	Arena *mem.Arena

	// Fill is how full a node may be in lists made from now on, as list-max-listpack-size: a positive number of elements
	// (and 8 KB), or -1 to -5 for 4, 8, 16, 32, 64 KB.
	Fill int

	// Depth is how many nodes at each end stay uncompressed in lists made from now on, as list-compress-depth; 0 is all.
	Depth int

	// Plain is the size in bytes from which an element gets a node of its own; 0 is QuicklistPlain.
	Plain int

	// Cut is the mark that new nodes are born with.
	Cut uint32

	// Barrier, when not nil, is called before a node's elements change in any way, and before it is unlinked. The node
	// is as it was. Neither compressing nor a new neighbour is a change.
	Barrier func(root, node mem.Ref)

	scratch []byte // a node's elements, uncompressed; nil while a cursor has it
}

// Quicklist is a handle of a list: a chain of nodes, each a listpack (packed) or one large element (plain). It is good as
// long as the list lives, whatever changes in it. All positions count from 0.
type Quicklist struct {
	t    *QuicklistType
	root mem.Ref
}

// quickRoot is the block that stands for the list, purpose mem.Node.
type quickRoot struct {
	head, tail mem.Ref
	count      uint64 // elements
	nodes      uint32
	fill       int16
	depth      uint16
	loose      bool // labels may be equal or descend: a gap was used up while a barrier was set
}

// quickNode is a node, purpose mem.Node. Its data is a block of the purpose mem.Value:
//
//	packed      a listpack of size bytes, from byte lead on; behind it is room
//	plain       size | lead<<32 bytes
//	compressed  the number of packed bytes (4), these; uncompressed they are what size and lead say, with a lead of 0
type quickNode struct {
	prev, next mem.Ref
	data       mem.Ref
	label      int64 // grows from head to tail
	mark       uint32
	count      uint16
	flags      uint16
	size       uint32
	lead       uint32
}

const (
	quickPlain = 1 << iota
	quickPressed
)

const (
	quickRootBytes = int(unsafe.Sizeof(quickRoot{}))
	quickNodeBytes = int(unsafe.Sizeof(quickNode{}))
)

// Create makes an empty list and returns its root block.
func (t *QuicklistType) Create() mem.Ref {
	root := t.Arena.AllocZero(mem.Node, quickRootBytes)
	r := t.At(root).r()
	r.fill = int16(max(-5, min(t.Fill, quickMaxCount)))
	r.depth = uint16(max(0, min(t.Depth, 1<<16-1)))
	return root
}

// At returns the handle of the list with this root.
func (t *QuicklistType) At(root mem.Ref) Quicklist { return Quicklist{t, root} }

// Root is the block that stands for the list.
func (q Quicklist) Root() mem.Ref { return q.root }

// Len is the number of elements.
func (q Quicklist) Len() int { return int(q.r().count) }

// Nodes is the number of nodes.
func (q Quicklist) Nodes() int { return int(q.r().nodes) }

// Limits are the list's own fill and depth, as QuicklistType has them.
func (q Quicklist) Limits() (fill, depth int) { return int(q.r().fill), int(q.r().depth) }

func (q Quicklist) r() *quickRoot               { return (*quickRoot)(q.t.Arena.Ptr(q.root)) }
func (q Quicklist) node(ref mem.Ref) *quickNode { return (*quickNode)(q.t.Arena.Ptr(ref)) }
func (n *quickNode) plain() bool                { return n.flags&quickPlain != 0 }
func (n *quickNode) pressed() bool              { return n.flags&quickPressed != 0 }
func (n *quickNode) bytes() int                 { return int(n.size) | int(n.lead)*n.wide() }
func (q Quicklist) large(size int) bool         { return size >= q.t.threshold() }
func (q Quicklist) packed(n *quickNode) Listpack {
	return q.t.Arena.Bytes(n.data+mem.Ref(n.lead), int(n.size))
}

// wide is what lead counts for in the size: only a plain node has a size of more than 4 bytes.
func (n *quickNode) wide() int { return int(n.flags&quickPlain) << 32 }

func (t *QuicklistType) threshold() int {
	if t.Plain != 0 {
		return t.Plain
	}
	return QuicklistPlain
}

// QuickExceeds tells whether a listpack of so many bytes and elements is more than fill allows in a node.
func QuickExceeds(fill, size, count int) bool {
	if fill < 0 {
		return size > QuickBytes(fill)
	}
	return size > quickSafeBytes || count > max(fill, 1)
}

// QuickBytes is the most bytes of a node for a negative fill.
func QuickBytes(fill int) int { return 2 << 10 << min(-fill, 5) }

// fits tells whether node n can take an element of so many packed bytes.
func (q Quicklist) fits(n *quickNode, packed int) bool {
	return !n.plain() && !QuickExceeds(int(q.r().fill), int(n.size)+packed, int(n.count)+1)
}

// touch announces a change of the node.
func (q Quicklist) touch(ref mem.Ref) {
	if q.t.Barrier != nil {
		q.t.Barrier(q.root, ref)
	}
}

// PushHead puts val before all others. val must not lie in the list.
func (q Quicklist) PushHead(val []byte) {
	r := q.r()
	q.put(r.head, r.head, false, val)
}

// PushTail puts val behind all others. val must not lie in the list.
func (q Quicklist) PushTail(val []byte) {
	r := q.r()
	q.put(r.tail, r.tail, true, val)
}

// put adds val to the start or, if behind, to the end of the node ref. When that has no room a new node is made beside
// the node at.
func (q Quicklist) put(ref, at mem.Ref, behind bool, val []byte) {
	e := LPValue(val)
	size := e.packed()
	if q.large(len(val)) {
		q.r().count++
		q.settle(q.newPlain(val, at, behind))
		return
	}
	if ref == 0 || !q.fits(q.node(ref), size) {
		if at != 0 {
			q.seal(at)
		}
		ref = q.newPacked(size, at, behind)
		n := q.node(ref)
		e.put(q.openGap(n, lpHeader, size)[lpHeader:])
		q.counted(n, 1)
		q.settle(ref)
		return
	}
	q.touch(ref)
	opened := q.unpress(ref)
	n := q.node(ref)
	off := lpHeader
	if behind {
		off = int(n.size) - 1
	}
	e.put(q.openGap(n, off, size)[off:])
	q.counted(n, 1)
	if opened {
		q.settle(ref)
	}
}

// counted brings the header of a packed node up to date and counts elements that came or went.
func (q Quicklist) counted(n *quickNode, more int) {
	n.count += uint16(more)
	q.r().count += uint64(more)
	lpSetHeader(q.packed(n), int(n.size), int(n.count))
}

// Head is the first element of a list that is not empty, good until the next change.
func (q Quicklist) Head() LPElem { return q.first(q.node(q.r().head)) }

// Tail is the last element of a list that is not empty, good until the next change.
func (q Quicklist) Tail() LPElem {
	n := q.node(q.r().tail)
	if n.plain() {
		return q.first(n)
	}
	l := q.packed(n)
	return l.Get(l.Last())
}

// first is the first element of a node that is not compressed, as those at the ends never are.
func (q Quicklist) first(n *quickNode) LPElem {
	if n.plain() {
		return LPElem{Str: q.t.Arena.Bytes(n.data, n.bytes())}
	}
	return q.packed(n).Get(lpHeader)
}

// DropHead removes the first element of a list that is not empty.
func (q Quicklist) DropHead() {
	ref := q.r().head
	q.touch(ref)
	n := q.node(ref)
	if n.count == 1 {
		q.unlink(ref)
		return
	}
	l := q.packed(n)
	q.closeGap(n, lpHeader, l.after(lpHeader))
	q.counted(n, -1)
	q.trim(n, 2)
}

// DropTail removes the last element of a list that is not empty.
func (q Quicklist) DropTail() {
	ref := q.r().tail
	q.touch(ref)
	n := q.node(ref)
	if n.count == 1 {
		q.unlink(ref)
		return
	}
	l := q.packed(n)
	q.closeGap(n, l.Last(), l.End())
	q.counted(n, -1)
	q.trim(n, 2)
}
