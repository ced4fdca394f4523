package keyspace

import (
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// What makes a stream shorter. A deleted entry is marked and keeps its room in the node; a node without live entries
// goes.

// Delete removes the entry with the id, and returns false when there is none.
func (s StreamValue) Delete(id StreamID) bool {
	nodes := s.floor(id)
	for ; nodes.Valid(); nodes.Next() {
		n := s.at(&nodes)
		if id.Less(n.Master) {
			return false
		}
		c := n.Begin()
		for c.Next() {
			if c.Deleted || c.ID.Less(id) {
				continue
			}
			if c.ID != id {
				return false
			}
			s.ks.beforeStreamNode(s.root, n.Master, mem.Ref(nodes.Payload()))
			c.MarkDeleted()
			s.deletedIn(&nodes, 1)
			if s.s.maxDeleted.Less(id) {
				s.s.maxDeleted = id
			}
			if id == s.s.first || s.s.length == 0 {
				s.findFirst()
			}
			return true
		}
	}
	return false
}

// deletedIn counts entries of the node at c that were marked as deleted, and removes the node when none is left.
func (s StreamValue) deletedIn(c *ds.TreeCursor, deleted int) {
	n := s.at(c)
	s.s.length -= uint64(deleted)
	live, gone := n.Counts()
	if live -= deleted; live == 0 {
		s.removeNode(c)
		return
	}
	gone += deleted
	b := s.room(mem.Ref(c.Payload()))
	if need := len(n.LP) + n.CountsSize(live, gone); need > len(b) {
		b = s.room(s.resize(c, len(n.LP), need))
	}
	n = s.at(c)
	n.SetCounts(b, live, gone)
}

// removeNode removes the node at c, which the barrier knows of.
func (s StreamValue) removeNode(c *ds.TreeCursor) {
	id, r := treeID(c), mem.Ref(c.Payload())
	t := s.nodes()
	t.Delete(id.Ms, id.Seq, nil)
	s.freeNode(r)
	if r == s.s.tail {
		s.findTail(t)
	}
}

func (s StreamValue) findTail(t ds.Tree) {
	s.s.tail, s.s.tailID = 0, StreamID{}
	if c := t.Last(); c.Valid() {
		s.s.tail, s.s.tailID = mem.Ref(c.Payload()), treeID(&c)
	}
}

// findFirst sets the id of the first entry anew.
func (s StreamValue) findFirst() {
	s.s.first = StreamID{}
	r := s.Range(StreamID{}, ds.MaxStreamID(), false)
	if r.Next() {
		s.s.first = r.ID()
	}
}

// StreamTrim says how a stream is to be trimmed: by length, or by id.
type StreamTrim struct {
	ByID   bool
	MaxLen uint64   // keep so many entries
	MinID  StreamID // keep entries from this id on
	Approx bool     // remove whole nodes only
	Limit  uint64   // remove at most so many; 0 for no limit
}

// enough tells whether the node, of so many live entries, may stay whole.
func (o *StreamTrim) enough(length uint64) bool { return !o.ByID && length <= o.MaxLen }

// whole tells whether all of a node goes. The ids of deleted entries do not count where XSETID may have gone back behind
// them; but whole nodes go as they do in Redis, which looks at the last id of either sort.
func (o *StreamTrim) whole(n ds.StreamNode, length, live uint64) bool {
	if !o.ByID {
		return length-live >= o.MaxLen
	}
	c := n.End()
	for c.Prev() {
		if o.Approx || !c.Deleted {
			return c.ID.Less(o.MinID)
		}
	}
	return true
}

// Trim removes entries from the front and returns how many.
func (s StreamValue) Trim(o StreamTrim) uint64 {
	removed, nodes := uint64(0), uint64(0)
	partly := false
	length := s.s.length
	t := s.nodes()
	c := t.First()
	for ; c.Valid() && !o.enough(length); c.Next() {
		n := s.at(&c)
		live := uint64(n.Live())
		if o.Limit > 0 && removed+live > o.Limit {
			break
		}
		if !o.whole(n, length, live) {
			partly = !o.Approx
			break
		}
		s.ks.beforeStreamNode(s.root, n.Master, mem.Ref(c.Payload()))
		removed += live
		length -= live
		nodes++
	}
	if nodes > 0 {
		t.DeleteRange(0, nodes, func(_, _, r uint64) { s.freeNode(mem.Ref(r)) })
		s.s.length = length
		s.findTail(t)
	}
	if partly {
		removed += s.trimFirstNode(o)
	}
	if removed > 0 {
		s.findFirst()
	}
	return removed
}

// trimFirstNode marks entries of the first node as deleted, as the options say.
func (s StreamValue) trimFirstNode(o StreamTrim) uint64 {
	nodes := s.nodes().First()
	n := s.at(&nodes)
	c := n.Begin()
	marked := 0
	for c.Next() {
		if c.Deleted {
			continue
		}
		if o.ByID && !c.ID.Less(o.MinID) || o.enough(s.s.length-uint64(marked)) {
			break
		}
		if marked == 0 {
			s.ks.beforeStreamNode(s.root, n.Master, mem.Ref(nodes.Payload()))
		}
		c.MarkDeleted()
		marked++
	}
	if marked > 0 {
		s.deletedIn(&nodes, marked)
	}
	return uint64(marked)
}
