package keyspace

import (
	"unsafe"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Consumer groups and their consumers.

// groupState is a group's block; the name follows.
type groupState struct {
	nameLen   uint32
	_         uint32
	last      StreamID
	read      int64   // entries read, or UnknownRead
	pending   mem.Ref // tree of pending entries by id, with payload; 0 before the first
	consumers mem.Ref // table of consumers
}

// consumerState is a consumer's block; the name follows.
type consumerState struct {
	nameLen      uint32
	_            uint32
	seen, active int64
	pending      mem.Ref // as in groupState, of the entries that are this consumer's
}

const (
	groupHead    = unsafe.Sizeof(groupState{})
	consumerHead = unsafe.Sizeof(consumerState{})
)

// Group is a handle of a consumer group. It is good until the group is destroyed.
type Group struct {
	ks   *Keyspace
	root mem.Ref // of the stream
	ref  mem.Ref
	g    *groupState
}

// Consumer is a handle of a consumer. It is good until the consumer is deleted.
type Consumer struct {
	ks  *Keyspace
	ref mem.Ref
	c   *consumerState
}

func (s StreamValue) groupAt(r mem.Ref) Group {
	return Group{s.ks, s.root, r, (*groupState)(s.ks.arena.Ptr(r))}
}

func (ks *Keyspace) consumerAt(r mem.Ref) Consumer {
	return Consumer{ks, r, (*consumerState)(ks.arena.Ptr(r))}
}

func (s StreamValue) groups() nameTable { return nameTable(s.s.groups) }

// Groups is the number of groups.
func (s StreamValue) Groups() int { return len(s.groups().refs(s.ks)) }

// Group finds a group by its name.
func (s StreamValue) Group(name []byte) (Group, bool) {
	i, ok := s.groups().find(s.ks, name, groupHead)
	if !ok {
		return Group{}, false
	}
	return s.groupAt(s.groups().refs(s.ks)[i]), true
}

// EachGroup calls fn for each group, in the order of their names, until it returns false.
func (s StreamValue) EachGroup(fn func(Group) bool) {
	for _, r := range s.groups().refs(s.ks) {
		if !fn(s.groupAt(r)) {
			return
		}
	}
}

// CreateGroup adds a group; it returns false when there is one of that name. last is the id it has read up to, read how
// many entries those were, or UnknownRead.
func (s StreamValue) CreateGroup(name []byte, last StreamID, read int64) (Group, bool) {
	i, ok := s.groups().find(s.ks, name, groupHead)
	if ok {
		return Group{}, false
	}
	r := s.ks.newNamed(name, groupHead)
	g := s.groupAt(r)
	g.g.last, g.g.read = last, read
	s.s.groups = mem.Ref(s.groups().insert(s.ks, i, r))
	return g, true
}

// DestroyGroup removes a group with its consumers and pending entries; it returns false when there is none.
func (s StreamValue) DestroyGroup(name []byte) bool {
	i, ok := s.groups().find(s.ks, name, groupHead)
	if !ok {
		return false
	}
	g := s.groupAt(s.groups().refs(s.ks)[i])
	for c := g.PendingFrom(StreamID{}); c.Valid(); c.Next() {
		s.ks.beforePending(s.root, g.ref, c.ID(), c.Pending().ref)
	}
	for !s.ks.freeGroupSome(g, 1<<20) {
	}
	s.s.groups = mem.Ref(s.groups().remove(s.ks, i))
	return true
}

// Name is the group's name, in arena memory.
func (g Group) Name() []byte { return g.ks.nameOf(g.ref, groupHead) }

// LastID is the id of the last entry that was delivered, or that was set.
func (g Group) LastID() StreamID { return g.g.last }

// SetLastID sets it.
func (g Group) SetLastID(id StreamID) { g.g.last = id }

// EntriesRead is how many entries of the stream's history the group has read up to LastID, or UnknownRead.
func (g Group) EntriesRead() int64 { return g.g.read }

// SetEntriesRead sets it.
func (g Group) SetEntriesRead(n int64) { g.g.read = n }

func (g Group) table() nameTable { return nameTable(g.g.consumers) }

// Consumers is the number of consumers.
func (g Group) Consumers() int { return len(g.table().refs(g.ks)) }

// Consumer finds a consumer by its name.
func (g Group) Consumer(name []byte) (Consumer, bool) {
	i, ok := g.table().find(g.ks, name, consumerHead)
	if !ok {
		return Consumer{}, false
	}
	return g.ks.consumerAt(g.table().refs(g.ks)[i]), true
}

// EachConsumer calls fn for each consumer, in the order of their names, until it returns false.
func (g Group) EachConsumer(fn func(Consumer) bool) {
	for _, r := range g.table().refs(g.ks) {
		if !fn(g.ks.consumerAt(r)) {
			return
		}
	}
}

// CreateConsumer adds a consumer that is seen now, Unix milliseconds, and was never active. created is false, and c the
// consumer that is there, when there is one of that name.
func (g Group) CreateConsumer(name []byte, now int64) (c Consumer, created bool) {
	i, ok := g.table().find(g.ks, name, consumerHead)
	if ok {
		return g.ks.consumerAt(g.table().refs(g.ks)[i]), false
	}
	r := g.ks.newNamed(name, consumerHead)
	c = g.ks.consumerAt(r)
	c.c.seen, c.c.active = now, -1
	g.g.consumers = mem.Ref(g.table().insert(g.ks, i, r))
	return c, true
}

// DeleteConsumer removes a consumer and its pending entries, of which it returns the number; found is false when there
// is no such consumer.
func (g Group) DeleteConsumer(name []byte) (pending int, found bool) {
	i, found := g.table().find(g.ks, name, consumerHead)
	if !found {
		return 0, false
	}
	c := g.ks.consumerAt(g.table().refs(g.ks)[i])
	pending = c.PendingLen()
	for p := c.PendingFrom(StreamID{}); p.Valid(); p.Next() {
		id := p.ID()
		g.ks.beforePending(g.root, g.ref, id, p.Pending().ref)
		g.tree().Delete(id.Ms, id.Seq, nil)
		g.ks.arena.Free(mem.Node, p.Pending().ref)
	}
	g.ks.freeConsumer(c)
	g.g.consumers = mem.Ref(g.table().remove(g.ks, i))
	return pending, true
}

// Name is the consumer's name, in arena memory.
func (c Consumer) Name() []byte { return c.ks.nameOf(c.ref, consumerHead) }

// Seen is when the consumer last tried to read or claim, Unix milliseconds.
func (c Consumer) Seen() int64 { return c.c.seen }

// Active is when it last got an entry, Unix milliseconds; -1 for never.
func (c Consumer) Active() int64 { return c.c.active }

// SetSeen says that the consumer tried to read or claim.
func (c Consumer) SetSeen(now int64) { c.c.seen = now }

// SetActive says that the consumer got an entry.
func (c Consumer) SetActive(now int64) { c.c.active = now }

// Same tells whether two handles are of one consumer.
func (c Consumer) Same(o Consumer) bool { return c.ref == o.ref }

// EstimateRead is how many entries of the stream's history there are up to id, or UnknownRead where deletions make that
// impossible to tell.
func (s StreamValue) EstimateRead(id StreamID) int64 {
	st := s.s
	added, length := int64(st.added), int64(st.length)
	switch {
	case added == 0:
		return 0
	case length == 0 && !st.last.Less(id), id == st.last:
		return added
	case st.last.Less(id):
		return UnknownRead
	case st.maxDeleted.IsZero() || st.maxDeleted.Less(st.first):
		// Nothing was deleted among the entries that are there.
		if id.Less(st.first) {
			return added - length
		}
		if id == st.first {
			return added - length + 1
		}
	}
	return UnknownRead
}

// deletedFrom tells whether an entry at or behind id was deleted, as far as that matters: not before the first entry.
func (s StreamValue) deletedFrom(id StreamID) bool {
	st := s.s
	if st.length == 0 || st.maxDeleted.IsZero() || st.maxDeleted.Less(st.first) {
		return false
	}
	return !st.maxDeleted.Less(id)
}

// Lag is how many entries the group has not read yet; ok is false when that is unknown.
func (s StreamValue) Lag(g Group) (n int64, ok bool) {
	switch {
	case s.s.added == 0:
		return 0, true
	case g.g.read != UnknownRead && !s.deletedFrom(g.g.last):
		return int64(s.s.added) - g.g.read, true
	}
	read := s.EstimateRead(g.g.last)
	return int64(s.s.added) - read, read != UnknownRead
}

// Advance tells the group that the entry with the id was delivered, and returns true when that moves it on.
func (s StreamValue) Advance(g Group, id StreamID) bool {
	if !g.g.last.Less(id) {
		return false
	}
	switch {
	case g.g.read != UnknownRead && !s.deletedFrom(id):
		g.g.read++
	case s.s.added > 0:
		g.g.read = s.EstimateRead(id)
	}
	g.g.last = id
	return true
}

// treeOr is the tree with the root block r, which is made when it is 0.
func (ks *Keyspace) treeOr(r *mem.Ref) ds.Tree {
	if *r == 0 {
		*r = ds.NewTree(ks.arena, true)
	}
	return ds.TreeAt(ks.arena, *r)
}
