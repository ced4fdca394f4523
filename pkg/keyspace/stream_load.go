package keyspace

import (
	"errors"
	"fmt"
	"math"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// The way of streams from and to an RDB file. What a file says is checked here: a stream that was loaded without an
// error has every invariant, and one with an error can be deleted. The order is that of the file: nodes, figures, then
// each group with its pending entries, and its consumers with theirs, and End.

// ErrStream is what the loaders return, wrapped with what does not fit.
var ErrStream = errors.New("bad stream")

func badStream(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrStream, fmt.Sprintf(format, args...))
}

// EachNode calls fn for each node in the order of their ids, until it returns false. lp is the node's listpack, in arena
// memory, which with the master id is what an RDB file holds.
func (s StreamValue) EachNode(fn func(master StreamID, lp []byte) bool) {
	for c := s.nodes().First(); c.Valid(); c.Next() {
		if n := s.at(&c); !fn(n.Master, n.LP) {
			return
		}
	}
}

// LoadNode adds a node, a copy of lp, behind those that are there. Everything about it is checked. A node without live
// entries, which Redis may leave behind when it trims, is left out.
func (s StreamValue) LoadNode(master StreamID, lp []byte) error {
	info, err := ds.InspectStreamNode(master, lp)
	if err != nil {
		return err
	}
	return s.LoadInspected(master, lp, info)
}

// LoadInspected is LoadNode of a node that ds.InspectStreamNode has said info of.
func (s StreamValue) LoadInspected(master StreamID, lp []byte, info ds.StreamNodeInfo) error {
	if info.Live == 0 {
		return nil
	}
	st := s.s
	if st.length > 0 && !st.last.Less(master) {
		return badStream("node %v does not come behind entry %v", master, st.last)
	}
	s.addNode(master, lp)
	if st.length == 0 {
		st.first = info.First
	}
	st.length += uint64(info.Live)
	st.last = info.Last
	return nil
}

// StreamFigures are the numbers of a stream in an RDB file. The first id is not among them: the nodes tell it.
type StreamFigures struct {
	Length     uint64
	Last       StreamID
	MaxDeleted StreamID
	Added      uint64
}

// LoadFigures sets the stream's figures, after all nodes.
func (s StreamValue) LoadFigures(f StreamFigures) error {
	st := s.s
	switch {
	case f.Length != st.length:
		return badStream("it says %d entries, and has %d", f.Length, st.length)
	case f.Last.Less(st.last):
		return badStream("its last id %v is below that of an entry, %v", f.Last, st.last)
	case f.Added < f.Length || f.Added > math.MaxInt64:
		return badStream("%d entries were added, and %d are there", f.Added, f.Length)
	}
	st.last, st.maxDeleted, st.added = f.Last, f.MaxDeleted, f.Added
	return nil
}

// LoadGroup adds a group. read is how many entries it has read, or UnknownRead.
func (s StreamValue) LoadGroup(name []byte, last StreamID, read int64) (Group, error) {
	if read < UnknownRead {
		return Group{}, badStream("group %q has read %d entries", name, read)
	}
	g, ok := s.CreateGroup(name, last, read)
	if !ok {
		return g, badStream("group %q is there twice", name)
	}
	return g, nil
}

// LoadPending adds a pending entry, which has no consumer yet.
func (g Group) LoadPending(id StreamID, time int64, count uint64) error {
	p, ok := g.newPending(id)
	if !ok {
		return badStream("entry %v is pending twice in group %q", id, g.Name())
	}
	p.p.time, p.p.count = time, count
	return nil
}

// LoadConsumer adds a consumer. active is -1 when it was never active.
func (g Group) LoadConsumer(name []byte, seen, active int64) (Consumer, error) {
	c, created := g.CreateConsumer(name, seen)
	if !created {
		return c, badStream("consumer %q is there twice in group %q", name, g.Name())
	}
	c.c.active = active
	return c, nil
}

// LoadOwner makes a pending entry, which LoadPending has added, that of a consumer.
func (g Group) LoadOwner(c Consumer, id StreamID) error {
	p, ok := g.Pending(id)
	switch {
	case !ok:
		return badStream("entry %v of consumer %q is not pending in group %q", id, c.Name(), g.Name())
	case p.p.consumer != 0:
		return badStream("pending entry %v of group %q has two consumers", id, g.Name())
	}
	p.p.consumer = c.ref
	g.ks.treeOr(&c.c.pending).Insert(id.Ms, id.Seq, nil, uint64(p.ref))
	return nil
}

// LoadEnd looks that all pending entries of the group have a consumer.
func (g Group) LoadEnd() error {
	owned := 0
	g.EachConsumer(func(c Consumer) bool {
		owned += c.PendingLen()
		return true
	})
	if n := g.PendingLen(); n != owned {
		return badStream("%d pending entries of group %q have no consumer", n-owned, g.Name())
	}
	return nil
}

// Check looks at all of a stream and returns an error that names the first thing that is not as it must be. It is for
// tests.
func (s StreamValue) Check() error {
	var length, bytes uint64
	var first, last StreamID
	if err := s.nodes().Check(); err != nil {
		return fmt.Errorf("nodes: %w", err)
	}
	for c := s.nodes().First(); c.Valid(); c.Next() {
		n := s.at(&c)
		info, err := ds.InspectStreamNode(n.Master, n.LP)
		switch {
		case err != nil:
			return fmt.Errorf("node %v: %w", n.Master, err)
		case info.Live == 0:
			return badStream("node %v is empty", n.Master)
		case length > 0 && !last.Less(n.Master):
			return badStream("node %v does not come behind entry %v", n.Master, last)
		case length == 0:
			first = info.First
		}
		length += uint64(info.Live)
		last = info.Last
		bytes += uint64(s.ks.arena.Usable(mem.Ref(c.Payload())))
	}
	return s.checkFigures(length, bytes, first, last)
}

func (s StreamValue) checkFigures(length, bytes uint64, first, last StreamID) error {
	st := s.s
	var tail mem.Ref
	var tailID StreamID
	if c := s.nodes().Last(); c.Valid() {
		tail, tailID = mem.Ref(c.Payload()), s.at(&c).Master
	}
	switch {
	case length != st.length:
		return badStream("%d entries, length %d", length, st.length)
	case bytes != st.nodeBytes:
		return badStream("%d bytes of nodes, counted %d", bytes, st.nodeBytes)
	case first != st.first:
		return badStream("first entry %v, kept %v", first, st.first)
	case st.last.Less(last):
		return badStream("last entry %v, last id %v", last, st.last)
	case st.added < length:
		return badStream("%d entries, %d added", length, st.added)
	case tail != st.tail || tailID != st.tailID:
		return badStream("the last node is %v, kept %v", tailID, st.tailID)
	}
	var err error
	s.EachGroup(func(g Group) bool {
		err = g.check()
		return err == nil
	})
	return err
}

func (g Group) check() error {
	if g.g.pending != 0 {
		if err := g.tree().Check(); err != nil {
			return fmt.Errorf("group %q: %w", g.Name(), err)
		}
	}
	var err error
	g.EachConsumer(func(c Consumer) bool {
		if c.c.pending != 0 {
			err = ds.TreeAt(g.ks.arena, c.c.pending).Check()
		}
		for p := c.PendingFrom(StreamID{}); p.Valid() && err == nil; p.Next() {
			own, ok := g.Pending(p.ID())
			if !ok || own.ref != p.Pending().ref || own.p.consumer != c.ref {
				err = badStream("pending entry %v of consumer %q is not the group's", p.ID(), c.Name())
			}
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	return g.LoadEnd()
}
