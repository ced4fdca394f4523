// Whole quicklists: making them of parts and the other way round, copying, freeing, measuring.

package ds

import (
	"encoding/binary"

	"redisd/pkg/mem"
)

// AppendListpack adds the elements of a valid listpack at the tail, as one node if they are not too many for one. blob
// must not lie in the list.
func (q Quicklist) AppendListpack(blob Listpack) {
	count := blob.Count()
	if count == 0 {
		return
	}
	if count > quickMaxCount {
		var scratch [24]byte
		for off := blob.First(); off >= 0; off = blob.Next(off) {
			q.PushTail(blob.Get(off).Bytes(&scratch))
		}
		return
	}
	p := NewPackOf(q.t.Arena, blob)
	q.adopt(p, count)
}

// AppendPlain adds an element at the tail in a node of its own, whatever its size. val must not lie in the list.
func (q Quicklist) AppendPlain(val []byte) {
	q.r().count++
	q.settle(q.newPlain(val, q.r().tail, true))
}

// Adopt makes the listpack the first node of an empty list, which owns the block from now on.
func (q Quicklist) Adopt(p Pack) {
	count := p.View().Count()
	switch {
	case count == 0:
		p.Free()
	case count > quickMaxCount:
		q.AppendListpack(p.View())
		p.Free()
	default:
		q.adopt(p, count)
	}
}

// adopt links a node whose data is p.
func (q Quicklist) adopt(p Pack, count int) {
	if tail := q.r().tail; tail != 0 {
		q.seal(tail)
	}
	ref := q.newNode(q.r().tail, true)
	n := q.node(ref)
	n.data, n.size = p.Ref, uint32(p.Size())
	q.counted(n, count)
	q.settle(ref)
}

// Single tells whether the list is one packed node, and how many bytes that has.
func (q Quicklist) Single() (size int, ok bool) {
	r := q.r()
	if r.nodes != 1 || q.node(r.head).plain() {
		return 0, false
	}
	return int(q.node(r.head).size), true
}

// Unwrap makes a list that is Single a listpack; the list is gone then. The caller has seen to it that nobody watches
// the list: the barrier is not called.
func (q Quicklist) Unwrap() Pack {
	ref := q.r().head
	q.unpress(ref)
	n := q.node(ref)
	if n.lead != 0 {
		q.moveApart(n, 0, 0, int(n.size), false)
	}
	p := Pack{q.t.Arena, n.data}
	p.trim(int(n.size))
	q.t.Arena.Free(mem.Node, ref)
	q.t.Arena.Free(mem.Node, q.root)
	return p
}

// Dup makes a copy of the list and returns its root.
func (q Quicklist) Dup() mem.Ref {
	a := q.t.Arena
	to := q.t.At(q.t.Create())
	to.r().fill, to.r().depth = q.r().fill, q.r().depth
	for ref := q.r().head; ref != 0; ref = q.node(ref).next {
		copied := to.newNode(to.r().tail, true)
		n, c := q.node(ref), to.node(copied)
		c.count, c.flags, c.size = n.count, n.flags, n.size
		var data []byte
		switch {
		case n.pressed():
			data = a.Bytes(n.data, q.pressedBytes(n))
		case n.plain():
			data = a.Bytes(n.data, n.bytes())
		default:
			data = q.packed(n)
		}
		if n.plain() {
			c.lead = n.lead
		}
		c.data = a.Alloc(mem.Value, len(data))
		copy(a.Bytes(c.data, len(data)), data)
	}
	to.r().count = q.r().count
	return to.root
}

// pressedBytes is the number of bytes in use in a compressed node's block.
func (q Quicklist) pressedBytes(n *quickNode) int {
	return quickPressHead + int(binary.LittleEndian.Uint32(q.t.Arena.Bytes(n.data, quickPressHead)))
}

// Free gives everything back. The barrier is not called.
func (q Quicklist) Free() {
	for !q.FreeSome(1 << 20) {
	}
}

// FreeSome frees nodes from the head on until at least n elements are gone, and tells whether that was all: the root is
// gone too then. Between calls the list must not be used for anything else.
func (q Quicklist) FreeSome(n int) bool {
	r := q.r()
	for ref := r.head; ref != 0; ref = r.head {
		if n <= 0 {
			return false
		}
		nd := q.node(ref)
		n -= int(nd.count)
		r.count -= uint64(nd.count)
		r.nodes--
		r.head = nd.next
		q.free(ref)
	}
	q.t.Arena.Free(mem.Node, q.root)
	return true
}

// MemUsage is the number of bytes that the list takes. It looks at so many nodes and takes the others for alike; 0 looks
// at all.
func (q Quicklist) MemUsage(samples int) int {
	a, r := q.t.Arena, q.r()
	seen, bytes := 0, 0
	for ref := r.head; ref != 0 && (samples == 0 || seen < samples); ref = q.node(ref).next {
		bytes += a.Usable(ref) + a.Usable(q.node(ref).data)
		seen++
	}
	if seen > 0 && seen < int(r.nodes) {
		bytes = int(float64(bytes) / float64(seen) * float64(r.nodes))
	}
	return bytes + a.Usable(q.root)
}
