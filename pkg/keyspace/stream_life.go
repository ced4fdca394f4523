package keyspace

import (
	"unsafe"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Freeing, copying and measuring streams. Freeing does not tell the barrier: what a snapshot has still to send is not
// freed.

func (ks *Keyspace) freeStream(v value) {
	for !ks.freeStreamSome(v, 1<<20) {
	}
}

// freeStreamSome frees nodes first, then one group after another. What is left is a stream that is good for nothing but
// another call.
func (ks *Keyspace) freeStreamSome(v value, n int) bool {
	s := ks.streamAt(v.ref)
	if s.s.nodes != 0 {
		if s.nodes().FreeSome(n, func(_, _, r uint64) { s.freeNode(mem.Ref(r)) }) {
			s.s.nodes = 0
		}
		return false
	}
	if refs := s.groups().refs(ks); len(refs) > 0 {
		i := len(refs) - 1
		if ks.freeGroupSome(s.groupAt(refs[i]), n) {
			s.s.groups = mem.Ref(s.groups().remove(ks, i))
		}
		return false
	}
	ks.arena.Free(mem.Node, v.ref)
	return true
}

// freeGroupSome frees about n pending entries or consumers, and in the end the group's block; its place in the table is
// the caller's matter.
func (ks *Keyspace) freeGroupSome(g Group, n int) bool {
	if g.g.pending != 0 {
		if g.tree().FreeSome(n, func(_, _, r uint64) { ks.arena.Free(mem.Node, mem.Ref(r)) }) {
			g.g.pending = 0
		}
		return false
	}
	for refs := g.table().refs(ks); len(refs) > 0; refs = g.table().refs(ks) {
		if n <= 0 {
			return false
		}
		i := len(refs) - 1
		c := ks.consumerAt(refs[i])
		n -= 1 + c.PendingLen()/42 // its tree goes leaf by leaf
		ks.freeConsumer(c)
		g.g.consumers = mem.Ref(g.table().remove(ks, i))
	}
	ks.arena.Free(mem.Node, g.ref)
	return true
}

// freeConsumer frees a consumer's block and tree, but not the pending entries.
func (ks *Keyspace) freeConsumer(c Consumer) {
	if c.c.pending != 0 {
		ds.TreeAt(ks.arena, c.c.pending).Free()
	}
	ks.arena.Free(mem.Node, c.ref)
}

// streamEffort counts nodes, and as Redis does the pending entries as if all groups had as many as the first.
func (ks *Keyspace) streamEffort(v value) int {
	s := ks.streamAt(v.ref)
	n := s.Nodes()
	s.EachGroup(func(g Group) bool {
		n += s.Groups() * (1 + g.PendingLen())
		return false
	})
	return n
}

// streamBytes is exact.
func (ks *Keyspace) streamBytes(v value) int {
	s := ks.streamAt(v.ref)
	usable := func(r mem.Ref) uint64 {
		if r == 0 {
			return 0
		}
		return uint64(ks.arena.Usable(r))
	}
	n := usable(v.ref) + s.s.nodeBytes + s.nodes().MemUsage() + usable(s.s.groups)
	s.EachGroup(func(g Group) bool {
		n += usable(g.ref) + usable(g.g.consumers) + ks.pendingTreeBytes(g.g.pending)
		n += uint64(g.PendingLen()) * uint64(unsafe.Sizeof(pendingState{}))
		g.EachConsumer(func(c Consumer) bool {
			n += usable(c.ref) + ks.pendingTreeBytes(c.c.pending)
			return true
		})
		return true
	})
	return int(n)
}

func (ks *Keyspace) pendingTreeBytes(r mem.Ref) uint64 {
	if r == 0 {
		return 0
	}
	return ds.TreeAt(ks.arena, r).MemUsage()
}

// dupStream copies a stream and returns the copy's root block.
func (ks *Keyspace) dupStream(v value) mem.Ref {
	from, to := ks.streamAt(v.ref), ks.newStream()
	for c := from.nodes().First(); c.Valid(); c.Next() {
		n := from.at(&c)
		to.addNode(n.Master, n.LP)
	}
	to.s.length, to.s.added = from.s.length, from.s.added
	to.s.first, to.s.last, to.s.maxDeleted = from.s.first, from.s.last, from.s.maxDeleted
	from.EachGroup(func(g Group) bool {
		to.copyGroup(g)
		return true
	})
	return to.root
}

// addNode adds a node behind the others.
func (s StreamValue) addNode(master StreamID, lp []byte) {
	r := s.newNode(len(lp))
	copy(s.room(r), lp)
	s.insertNode(master, r)
}

func (s StreamValue) copyGroup(from Group) {
	to, _ := s.CreateGroup(from.Name(), from.g.last, from.g.read)
	from.EachConsumer(func(c Consumer) bool {
		d, _ := to.CreateConsumer(c.Name(), c.c.seen)
		d.c.active = c.c.active
		for p := c.PendingFrom(StreamID{}); p.Valid(); p.Next() {
			to.Assign(p.ID(), d, p.Pending().Time(), p.Pending().Count())
		}
		return true
	})
}
