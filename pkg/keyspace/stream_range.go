package keyspace

import (
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// StreamRange walks through the entries of a stream between two ids, in either direction. It is good until the stream
// changes.
type StreamRange struct {
	s          StreamValue
	start, end StreamID
	backwards  bool
	tombstones bool // deleted entries come too

	nodes  ds.TreeCursor
	cursor ds.StreamCursor
	inside bool // cursor is in the node that nodes is at
}

// Range walks through the entries from start to end, both included, or from end to start.
func (s StreamValue) Range(start, end StreamID, backwards bool) StreamRange {
	r := StreamRange{s: s, start: start, end: end, backwards: backwards}
	from := start
	if backwards {
		from = end
	}
	r.nodes = s.floor(from)
	return r
}

// floor is the node that an entry with the id would be in: the last one that does not begin behind it, or the first.
// The cursor is not Valid when the stream has no nodes.
func (s StreamValue) floor(id StreamID) ds.TreeCursor {
	t := s.nodes()
	if !id.Less(s.s.tailID) {
		return t.Last()
	}
	c := t.Seek(id.Ms, id.Seq, nil)
	if !c.Valid() {
		return t.Last()
	}
	if treeID(&c) == id {
		return c
	}
	c.Prev()
	if !c.Valid() {
		return t.First()
	}
	return c
}

// at is the view of the node that c is at.
func (s StreamValue) at(c *ds.TreeCursor) ds.StreamNode {
	return s.node(mem.Ref(c.Payload()), treeID(c))
}

// treeID is the id that the key of a tree's cell is.
func treeID(c *ds.TreeCursor) StreamID {
	ms, seq := c.Key()
	return StreamID{Ms: ms, Seq: seq}
}

// Next goes to the next entry, and returns false when there is none.
func (r *StreamRange) Next() bool {
	for {
		if !r.inside {
			if !r.nodes.Valid() {
				return false
			}
			r.enter()
		}
		for r.step() {
			id := r.cursor.ID
			switch {
			case r.cursor.Deleted && !r.tombstones:
				// Its id does not count: XSETID may have gone back behind it.
			case r.backwards && id.Less(r.start), !r.backwards && r.end.Less(id):
				return false
			case !id.Less(r.start) && !r.end.Less(id):
				return true
			}
		}
		r.leave()
	}
}

func (r *StreamRange) enter() {
	n := r.s.at(&r.nodes)
	if r.backwards {
		r.cursor = n.End()
	} else {
		r.cursor = n.Begin()
	}
	r.inside = true
}

func (r *StreamRange) step() bool {
	if r.backwards {
		return r.cursor.Prev()
	}
	return r.cursor.Next()
}

func (r *StreamRange) leave() {
	if r.backwards {
		r.nodes.Prev()
	} else {
		r.nodes.Next()
	}
	r.inside = false
}

// ID is the id of the entry.
func (r *StreamRange) ID() StreamID { return r.cursor.ID }

// Fields is how many fields the entry has.
func (r *StreamRange) Fields() int { return r.cursor.Fields }

// Field reads the next field of the entry and its value; it may be called Fields times. What they refer to is arena
// memory.
func (r *StreamRange) Field() (name, value ds.LPElem) { return r.cursor.Field() }

// Has tells whether there is an entry with the id.
func (s StreamValue) Has(id StreamID) bool {
	r := s.Range(id, id, false)
	return r.Next()
}

// LastEntryID is the id of the last entry; ok is false when there is none.
func (s StreamValue) LastEntryID() (id StreamID, ok bool) {
	r := s.Range(StreamID{}, ds.MaxStreamID(), true)
	if !r.Next() {
		return StreamID{}, false
	}
	return r.ID(), true
}

// LowestID is the id of the first entry, those included that were deleted but still take room; the highest id there can
// be when there is none. MINID with it trims nothing.
func (s StreamValue) LowestID() StreamID {
	r := s.Range(StreamID{}, ds.MaxStreamID(), false)
	r.tombstones = true
	if !r.Next() {
		return ds.MaxStreamID()
	}
	return r.ID()
}
