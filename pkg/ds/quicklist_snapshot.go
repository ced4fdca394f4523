// What a snapshot needs of quicklists: nodes one by one, their places and their marks. And the check of it all.

package ds

import (
	"fmt"

	"redisd/pkg/mem"
)

// Order makes the labels of the nodes strictly ascending. It is called before the nodes of a list are read by label, and
// costs something only if a gap between two labels was used up while a barrier was set.
func (q Quicklist) Order() {
	if q.r().loose {
		q.relabel()
	}
}

// label gives a new node its label: between those of its neighbours. When the gap between them is used up all nodes get
// new labels; but not while somebody reads by them: the node, which is new since, is none that he reads.
func (q Quicklist) label(n *quickNode) {
	switch {
	case n.prev == 0 && n.next == 0:
		n.label = 0
	case n.next == 0:
		n.label = q.node(n.prev).label + quickGap
	case n.prev == 0:
		n.label = q.node(n.next).label - quickGap
	default:
		lo, hi := q.node(n.prev).label, q.node(n.next).label
		n.label = lo + (hi-lo)/2
		if n.label != lo {
			return
		}
		if q.t.Barrier != nil {
			q.r().loose = true
			return
		}
		q.relabel()
	}
}

func (q Quicklist) relabel() {
	label := int64(0)
	for ref := q.r().head; ref != 0; ref = q.node(ref).next {
		q.node(ref).label = label
		label += quickGap
	}
	q.r().loose = false
}

// FirstNode is the node at the head, 0 when the list is empty.
func (q Quicklist) FirstNode() mem.Ref { return q.r().head }

// NextNode is the node behind a node, or 0.
func (q Quicklist) NextNode(ref mem.Ref) mem.Ref { return q.node(ref).next }

// NodeLabel is the place of a node: it grows from head to tail.
func (q Quicklist) NodeLabel(ref mem.Ref) int64 { return q.node(ref).label }

// NodeMark is the number of the cut that the node was born at or last sent for.
func (q Quicklist) NodeMark(ref mem.Ref) uint32 { return q.node(ref).mark }

// SetNodeMark sets it.
func (q Quicklist) SetNodeMark(ref mem.Ref, mark uint32) { q.node(ref).mark = mark }

// NodeCount is the number of elements of a node.
func (q Quicklist) NodeCount(ref mem.Ref) int { return int(q.node(ref).count) }

// NodePressed tells whether a node's elements are compressed.
func (q Quicklist) NodePressed(ref mem.Ref) bool { return q.node(ref).pressed() }

// NodeData is what the node holds: a listpack if packed, else the bytes of one element. They lie in the arena, good
// until the next change, or for a compressed node in scratch, which grows as needed.
func (q Quicklist) NodeData(ref mem.Ref, scratch *[]byte) (packed bool, data []byte) {
	n := q.node(ref)
	return !n.plain(), q.elems(n, scratch)
}

// Check walks through the list and returns what is wrong with it, for tests.
func (q Quicklist) Check() error {
	r := q.r()
	count, nodes := 0, 0
	prev, label := mem.Ref(0), int64(-1<<63)
	var scratch []byte
	for ref := r.head; ref != 0; ref = q.node(ref).next {
		n := q.node(ref)
		if n.prev != prev {
			return fmt.Errorf("node %d: prev is %#x, want %#x", nodes, n.prev, prev)
		}
		if n.label < label || n.label == label && !r.loose {
			return fmt.Errorf("node %d: label %d behind %d", nodes, n.label, label)
		}
		if err := q.checkNode(n, &scratch); err != nil {
			return fmt.Errorf("node %d: %w", nodes, err)
		}
		count += int(n.count)
		prev, label = ref, n.label
		nodes++
		if err := q.checkPressed(n, nodes); err != nil {
			return err
		}
	}
	if r.tail != prev || uint64(count) != r.count || nodes != int(r.nodes) {
		return fmt.Errorf("tail %#x, %d elements, %d nodes; found %#x, %d, %d", r.tail, r.count, r.nodes, prev, count, nodes)
	}
	return nil
}

// checkPressed looks at whether node number at, from 1 on, may be compressed.
func (q Quicklist) checkPressed(n *quickNode, at int) error {
	r := q.r()
	depth := min(at, int(r.nodes)-at+1)
	if n.pressed() && (r.depth == 0 || depth <= int(r.depth)) {
		return fmt.Errorf("node %d of %d is compressed, depth %d", at, r.nodes, r.depth)
	}
	return nil
}

func (q Quicklist) checkNode(n *quickNode, scratch *[]byte) error {
	data := q.elems(n, scratch)
	if n.plain() {
		if n.count != 1 {
			return fmt.Errorf("plain with %d elements", n.count)
		}
		return nil
	}
	if err := CheckListpack(data); err != nil {
		return err
	}
	if got := Listpack(data).Count(); n.count == 0 || got != int(n.count) {
		return fmt.Errorf("%d elements, found %d", n.count, got)
	}
	if usable := q.t.Arena.Usable(n.data); !n.pressed() && usable < int(n.lead)+int(n.size) {
		return fmt.Errorf("%d bytes from %d on in a block of %d", n.size, n.lead, usable)
	}
	if n.count > 1 && q.r().fill < 0 && int(n.size) > max(QuickBytes(int(q.r().fill)), QuickBytes(-5)) {
		return fmt.Errorf("%d bytes in a node", n.size)
	}
	return nil
}
