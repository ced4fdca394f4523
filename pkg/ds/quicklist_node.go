// Nodes of a quicklist: linking, the bytes of a listpack with room at either end, compression.

package ds

import (
	"encoding/binary"
	"fmt"

	"redisd/internal/lzf"
	"redisd/pkg/mem"
)

const (
	quickMinPress  = 48 // a node of fewer bytes is not worth compressing, as in Redis
	quickMinGain   = 8  // bytes that compression must save
	quickPressHead = 4  // the number before the compressed bytes
)

// newNode links a node beside the node at: behind it or before it. The first node of a list has at 0.
func (q Quicklist) newNode(at mem.Ref, behind bool) mem.Ref {
	ref := q.t.Arena.AllocZero(mem.Node, quickNodeBytes)
	r, n := q.r(), q.node(ref)
	n.mark = q.t.Cut
	if at != 0 {
		if behind {
			n.prev, n.next = at, q.node(at).next
		} else {
			n.prev, n.next = q.node(at).prev, at
		}
	}
	if n.prev != 0 {
		q.node(n.prev).next = ref
	} else {
		r.head = ref
	}
	if n.next != 0 {
		q.node(n.next).prev = ref
	} else {
		r.tail = ref
	}
	r.nodes++
	q.label(n)
	return ref
}

// newPacked links a node with an empty listpack and room for so many bytes of elements.
func (q Quicklist) newPacked(room int, at mem.Ref, behind bool) mem.Ref {
	ref := q.newNode(at, behind)
	n := q.node(ref)
	n.data = q.t.Arena.Alloc(mem.Value, lpEmpty+room)
	n.size = lpEmpty
	l := q.packed(n)
	lpSetHeader(l, lpEmpty, 0)
	l[lpHeader] = lpEOF
	return ref
}

// newPlain links a node that is a copy of val. The caller counts the element.
func (q Quicklist) newPlain(val []byte, at mem.Ref, behind bool) mem.Ref {
	ref := q.newNode(at, behind)
	q.node(ref).count = 1
	q.setPlain(q.node(ref), val)
	return ref
}

// setPlain makes val the data of a node that has none.
func (q Quicklist) setPlain(n *quickNode, val []byte) {
	n.flags = quickPlain
	n.data = q.t.Arena.Alloc(mem.Value, len(val))
	n.size, n.lead = uint32(len(val)), uint32(len(val)>>32)
	copy(q.t.Arena.Bytes(n.data, len(val)), val)
}

// unlink takes a node with all its elements out of the list. The caller has announced it.
func (q Quicklist) unlink(ref mem.Ref) {
	r, n := q.r(), q.node(ref)
	if n.prev != 0 {
		q.node(n.prev).next = n.next
	} else {
		r.head = n.next
	}
	if n.next != 0 {
		q.node(n.next).prev = n.prev
	} else {
		r.tail = n.prev
	}
	r.nodes--
	r.count -= uint64(n.count)
	q.free(ref)
	if r.depth != 0 {
		q.settle(0)
	}
}

func (q Quicklist) free(ref mem.Ref) {
	q.t.Arena.Free(mem.Value, q.node(ref).data)
	q.t.Arena.Free(mem.Node, ref)
}

// openGap makes room for so many bytes at off of a packed node and returns the listpack, its header out of date. The
// side of off with fewer bytes moves, so that pushing at either end of a node moves nothing.
func (q Quicklist) openGap(n *quickNode, off, gap int) Listpack {
	a := q.t.Arena
	usable := a.Usable(n.data)
	size, lead := int(n.size), int(n.lead)
	back := usable - lead - size
	front := off <= size/2 && size > lpEmpty
	switch {
	case front && lead >= gap, back < gap && lead >= gap:
		n.lead -= uint32(gap)
		b := a.Bytes(n.data+mem.Ref(n.lead), size+gap)
		copy(b[:off], b[gap:gap+off])
	case back >= gap:
		b := a.Bytes(n.data+mem.Ref(lead), size+gap)
		copy(b[off+gap:], b[off:size])
	case lead == 0 && !front:
		n.data = a.Resize(mem.Value, n.data, size, q.roomy(size+gap))
		b := a.Bytes(n.data, size+gap)
		copy(b[off+gap:], b[off:size])
	default:
		q.moveApart(n, off, gap, q.roomy(size+gap), front)
	}
	n.size += uint32(gap)
	return q.packed(n)
}

// roomy is the block to take for a growing node of so many bytes: half as much again, but no more than it may hold.
func (q Quicklist) roomy(size int) int {
	limit := quickSafeBytes
	if fill := int(q.r().fill); fill < 0 {
		limit = QuickBytes(fill)
	}
	return max(size, min(size+size/2, limit))
}

// moveApart moves a packed node to a block of so many bytes, with a gap at off and what room there is at the front or
// at the back.
func (q Quicklist) moveApart(n *quickNode, off, gap, block int, front bool) {
	a := q.t.Arena
	old := q.packed(n)
	to := a.Alloc(mem.Value, block)
	lead := 0
	if front {
		lead = a.Usable(to) - len(old) - gap
	}
	b := a.Bytes(to+mem.Ref(lead), len(old)+gap)
	copy(b, old[:off])
	copy(b[off+gap:], old[off:])
	a.Free(mem.Value, n.data)
	n.data, n.lead = to, uint32(lead)
}

// closeGap takes the bytes from off to end out of a packed node; its header is out of date then.
func (q Quicklist) closeGap(n *quickNode, off, end int) {
	l := q.packed(n)
	if off < len(l)-end {
		copy(l[end-off:end], l[:off])
		n.lead += uint32(end - off)
	} else {
		copy(l[off:], l[end:])
	}
	n.size -= uint32(end - off)
}

// trim gives back room that a packed node does not need, when less than part of four parts of its block are in use.
func (q Quicklist) trim(n *quickNode, part int) {
	if int(n.size) < q.t.Arena.Usable(n.data)/4*part {
		q.moveApart(n, 0, 0, int(n.size), false)
	}
}

// seal gives back the room of a node at the end of the list that is going to be no end any more.
func (q Quicklist) seal(ref mem.Ref) {
	if n := q.node(ref); n.flags == 0 && q.t.Arena.Usable(n.data)-int(n.size) > int(n.size)/8 {
		q.moveApart(n, 0, 0, int(n.size), false)
	}
}

// cutElems removes gone elements, the bytes from off to end, of an uncompressed packed node that keeps others.
func (q Quicklist) cutElems(n *quickNode, off, end, gone int) {
	q.closeGap(n, off, end)
	q.counted(n, -gone)
	q.trim(n, 3)
}

// elems is what a node holds: a listpack or one element's bytes. Of a compressed node it is in scratch, which grows.
func (q Quicklist) elems(n *quickNode, scratch *[]byte) []byte {
	a := q.t.Arena
	if !n.pressed() {
		if n.plain() {
			return a.Bytes(n.data, n.bytes())
		}
		return q.packed(n)
	}
	size := n.bytes()
	if cap(*scratch) < size {
		*scratch = make([]byte, size)
	}
	out := (*scratch)[:size]
	q.decompress(n, out)
	return out
}

func (q Quicklist) decompress(n *quickNode, out []byte) {
	a := q.t.Arena
	size := int(binary.LittleEndian.Uint32(a.Bytes(n.data, quickPressHead)))
	if err := lzf.Decompress(out, a.Bytes(n.data+quickPressHead, size)); err != nil {
		panic(fmt.Sprintf("BUG: list node of %d bytes: %v", len(out), err))
	}
}

// unpress makes a node's data uncompressed, and tells whether it was not.
func (q Quicklist) unpress(ref mem.Ref) bool {
	n := q.node(ref)
	if !n.pressed() {
		return false
	}
	to := q.t.Arena.Alloc(mem.Value, n.bytes())
	q.decompress(n, q.t.Arena.Bytes(to, n.bytes()))
	q.t.Arena.Free(mem.Value, n.data)
	n.data = to
	n.flags &^= quickPressed
	return true
}

// press compresses a node's data if that saves anything.
func (q Quicklist) press(ref mem.Ref) {
	n := q.node(ref)
	size := n.bytes()
	if n.pressed() || size < quickMinPress || size >= QuicklistPlain {
		return
	}
	a := q.t.Arena
	room := quickPressHead + size - quickMinGain
	to := a.Alloc(mem.Value, room)
	b := a.Bytes(to, room)
	packed := lzf.Compress(b[quickPressHead:], q.elems(n, nil))
	if packed == 0 {
		a.Free(mem.Value, to)
		return
	}
	binary.LittleEndian.PutUint32(b, uint32(packed))
	a.Free(mem.Value, n.data)
	n.data = a.Resize(mem.Value, to, quickPressHead+packed, quickPressHead+packed)
	n.flags |= quickPressed
	if !n.plain() {
		n.lead = 0
	}
}

// settle restores what list-compress-depth asks for after nodes have come, gone or changed: the nodes near the ends are
// uncompressed, the ones right behind these and the node ref, if it is no 0, are compressed.
func (q Quicklist) settle(ref mem.Ref) {
	r := q.r()
	if r.depth == 0 || r.nodes == 0 {
		return
	}
	inside := ref != 0
	head, tail := r.head, r.tail
	for range r.depth {
		q.unpress(head)
		q.unpress(tail)
		inside = inside && ref != head && ref != tail
		if head == tail || q.node(head).next == tail {
			return
		}
		head, tail = q.node(head).next, q.node(tail).prev
	}
	q.press(head)
	q.press(tail)
	if inside {
		q.press(ref)
	}
}
