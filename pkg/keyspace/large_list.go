package keyspace

import (
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// listParts sends a list node by node. The nodes' labels are their places.
type listParts struct {
	list    ds.Quicklist
	next    mem.Ref // node that the pump comes to, 0 at the end
	scratch []byte  // an uncompressed node
}

func (ks *Keyspace) newListParts(l *Large) *listParts {
	q := ks.lists.At(l.value.ref)
	q.Order()
	return &listParts{list: q, next: q.FirstNode()}
}

// largeList tells whether the nodes are too many or too big for one piece.
func (ks *Keyspace) largeList(v value) bool {
	q := ks.lists.At(v.ref)
	return q.Len() > ks.parting.elements || q.MemUsage(0) > ks.parting.bytes
}

func (p *listParts) pump(s *Snapshot, l *Large, n int) bool {
	for ; n > 0 && p.next != 0; p.next = p.list.NextNode(p.next) {
		if p.send(s, l, p.next) {
			n -= pieceWorth
		} else {
			n--
		}
	}
	return p.next == 0
}

// send gives a node to the sink unless it went already, or is younger than the cut.
func (p *listParts) send(s *Snapshot, l *Large, node mem.Ref) bool {
	if p.list.NodeMark(node) == s.ks.cuts {
		return false
	}
	p.list.SetNodeMark(node, s.ks.cuts)
	packed, data := p.list.NodeData(node, &p.scratch)
	s.piece = Part{
		Kind: PartListNode, Plain: !packed, Bytes: data,
		Place: Place{Hi: uint64(p.list.NodeLabel(node)) ^ 1<<63}, // labels are signed
	}
	s.part(l, &s.piece)
	return true
}

// beforeListNode is the barrier of lists: the node is about to change or to go.
func (ks *Keyspace) beforeListNode(root, node mem.Ref) {
	s := ks.snap
	l := s.open[root]
	if l == nil {
		return
	}
	p := l.parts.(*listParts)
	if p.list.NodeMark(node) != ks.cuts {
		s.late(func() { p.send(s, l, node) })
	}
	if p.next == node {
		p.next = p.list.NextNode(node)
	}
}
