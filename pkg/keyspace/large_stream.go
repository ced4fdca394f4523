package keyspace

import (
	"bytes"
	"encoding/binary"
	"math"

	"redisd/pkg/mem"
)

// A stream in parts: its figures, its groups and consumers as they are when it is
// opened, and then its nodes and pending entries one by one. Sections:
//
//	0         nodes, by master id
//	1         PartStream: the figures, and how many groups follow
//	then for each group
//	  s       PartGroup
//	  s+1     PartPending, by id
//	  s+2     PartConsumers: how many follow
//	  then for each consumer
//	    s     PartConsumer
//	    s+1   PartPendingID, by id
const (
	sectionNodes = iota
	sectionStream
	sectionGroups
)

// streamParts sends the nodes and pending entries of a stream. What was added since
// the cut carries the cut's mark and is passed over.
type streamParts struct {
	stream   StreamValue
	sections map[mem.Ref]uint32 // of groups and consumers at the cut: where their pending entries go

	node    StreamID // the pump comes to the nodes from here on
	noded   bool     // ...and has sent the last
	group   []byte   // it comes to this group, by name
	pending StreamID // ...and in there to this entry
}

func (ks *Keyspace) newStreamParts(l *Large) *streamParts {
	return &streamParts{stream: ks.streamAt(l.value.ref), sections: map[mem.Ref]uint32{}}
}

// largeStream tells whether there is too much for one piece.
func (ks *Keyspace) largeStream(v value) bool {
	s := ks.streamAt(v.ref)
	n := int(s.Len())
	s.EachGroup(func(g Group) bool {
		n += 2*g.PendingLen() + g.Consumers()
		return true
	})
	return n > ks.parting.elements || int(s.s.nodeBytes) > ks.parting.bytes
}

// begin sends what there is one of: figures, groups, consumers.
func (p *streamParts) begin(s *Snapshot, l *Large) {
	head := func(section uint32, part Part) {
		s.piece = part
		s.piece.Place.Section = section
		s.part(l, &s.piece)
	}
	head(sectionStream, Part{Kind: PartStream, Stream: p.stream})
	at := uint32(sectionGroups)
	p.stream.EachGroup(func(g Group) bool {
		head(at, Part{Kind: PartGroup, Group: g})
		p.sections[g.ref] = at + 1
		head(at+2, Part{Kind: PartConsumers, Group: g})
		at += 3
		g.EachConsumer(func(c Consumer) bool {
			head(at, Part{Kind: PartConsumer, Consumer: c})
			p.sections[c.ref] = at + 1
			at += 2
			return true
		})
		return true
	})
}

func (p *streamParts) pump(s *Snapshot, l *Large, n int) bool {
	if !p.noded {
		p.pumpNodes(s, l, &n)
	}
	return p.noded && p.pumpPending(s, l, &n)
}

func (p *streamParts) pumpNodes(s *Snapshot, l *Large, n *int) {
	c := p.stream.nodes().Seek(p.node.Ms, p.node.Seq, nil)
	for ; *n > 0 && c.Valid(); c.Next() {
		*n--
		if p.sendNode(s, l, treeID(&c), mem.Ref(c.Payload())) {
			*n -= pieceWorth
		}
	}
	if p.noded = !c.Valid(); !p.noded {
		p.node = treeID(&c)
	}
}

// pumpPending goes through the groups there are now: what is in none of the cut's
// carries the mark.
func (p *streamParts) pumpPending(s *Snapshot, l *Large, n *int) (done bool) {
	done = true
	p.stream.EachGroup(func(g Group) bool {
		switch bytes.Compare(g.Name(), p.group) {
		case -1:
			return true
		case 1:
			p.group, p.pending = append(p.group[:0], g.Name()...), StreamID{}
		}
		c := g.PendingFrom(p.pending)
		for ; *n > 0 && c.Valid(); c.Next() {
			*n--
			p.sendPending(s, l, g.ref, c.ID(), c.Pending().ref)
		}
		if done = !c.Valid(); done {
			p.pending = StreamID{Ms: math.MaxUint64, Seq: math.MaxUint64}
		} else {
			p.pending = c.ID()
		}
		return done
	})
	return done
}

// mark is where a node block has the number of the cut it was last sent for.
func (p *streamParts) mark(node mem.Ref) []byte { return p.stream.ks.arena.Bytes(node, streamMark) }

func (p *streamParts) nodeSent(node mem.Ref) bool {
	return binary.LittleEndian.Uint32(p.mark(node)) == p.stream.ks.cuts
}

func (p *streamParts) pendingSent(pending mem.Ref) bool {
	return p.stream.ks.pendingAt(pending).p.mark == p.stream.ks.cuts
}

// sendNode gives a node to the sink unless it went already, or is younger than the cut.
func (p *streamParts) sendNode(s *Snapshot, l *Large, master StreamID, node mem.Ref) bool {
	if p.nodeSent(node) {
		return false
	}
	binary.LittleEndian.PutUint32(p.mark(node), s.ks.cuts)
	s.piece = Part{
		Kind: PartStreamNode, ID: master, Bytes: p.stream.node(node, master).LP,
		Place: Place{Section: sectionNodes, Hi: master.Ms, Lo: master.Seq},
	}
	s.part(l, &s.piece)
	return true
}

// sendPending does the same for a pending entry, which stands in two lists.
func (p *streamParts) sendPending(s *Snapshot, l *Large, group mem.Ref, id StreamID, pending mem.Ref) {
	if p.pendingSent(pending) {
		return
	}
	e := s.ks.pendingAt(pending)
	e.p.mark = s.ks.cuts
	s.piece = Part{
		Kind: PartPending, ID: id, Time: e.Time(), Count: e.Count(),
		Place: Place{Section: p.sections[group], Hi: id.Ms, Lo: id.Seq},
	}
	s.part(l, &s.piece)
	s.piece = Part{Kind: PartPendingID, ID: id, Place: Place{Section: p.sections[e.p.consumer], Hi: id.Ms, Lo: id.Seq}}
	s.part(l, &s.piece)
}
