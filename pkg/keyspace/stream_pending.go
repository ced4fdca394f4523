package keyspace

import (
	"unsafe"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Pending entries: what was delivered to a consumer and not acknowledged. The trees of the group and of the consumer
// refer to the same block.

// pendingState is the block of a pending entry.
type pendingState struct {
	consumer mem.Ref // 0 only while a stream is being loaded
	time     int64   // of the last delivery, Unix milliseconds
	count    uint64  // deliveries
	mark     uint32  // number of the cut it was last sent for
}

// Pending is a handle of a pending entry. It is good until the entry is acknowledged.
type Pending struct {
	ks  *Keyspace
	ref mem.Ref
	p   *pendingState
}

func (ks *Keyspace) pendingAt(r mem.Ref) Pending {
	return Pending{ks, r, (*pendingState)(ks.arena.Ptr(r))}
}

// Time is when the entry was last delivered, Unix milliseconds.
func (p Pending) Time() int64 { return p.p.time }

// Count is how many times it was delivered.
func (p Pending) Count() uint64 { return p.p.count }

// Consumer is whom it was delivered to.
func (p Pending) Consumer() Consumer { return p.ks.consumerAt(p.p.consumer) }

// PendingCursor walks through pending entries by id. It is good until one is added or removed.
type PendingCursor struct {
	ks *Keyspace
	c  ds.TreeCursor
}

func (ks *Keyspace) pendingFrom(tree mem.Ref, id StreamID) PendingCursor {
	if tree == 0 {
		return PendingCursor{}
	}
	return PendingCursor{ks, ds.TreeAt(ks.arena, tree).Seek(id.Ms, id.Seq, nil)}
}

// Valid tells whether the cursor is at an entry.
func (c *PendingCursor) Valid() bool { return c.c.Valid() }

// Next goes to the next entry.
func (c *PendingCursor) Next() { c.c.Next() }

// ID is the entry's id.
func (c *PendingCursor) ID() StreamID { return treeID(&c.c) }

// Pending is the entry.
func (c *PendingCursor) Pending() Pending { return c.ks.pendingAt(mem.Ref(c.c.Payload())) }

func (ks *Keyspace) pendingLen(tree mem.Ref) int {
	if tree == 0 {
		return 0
	}
	return int(ds.TreeAt(ks.arena, tree).Len())
}

// PendingLen is how many entries of the group are pending.
func (g Group) PendingLen() int { return g.ks.pendingLen(g.g.pending) }

// PendingLen is how many entries of the consumer are pending.
func (c Consumer) PendingLen() int { return c.ks.pendingLen(c.c.pending) }

// PendingFrom walks through the group's pending entries, from an id on.
func (g Group) PendingFrom(id StreamID) PendingCursor { return g.ks.pendingFrom(g.g.pending, id) }

// PendingFrom walks through the consumer's pending entries, from an id on.
func (c Consumer) PendingFrom(id StreamID) PendingCursor { return c.ks.pendingFrom(c.c.pending, id) }

// tree is that of the group's pending entries, of which there is or was one.
func (g Group) tree() ds.Tree { return ds.TreeAt(g.ks.arena, g.g.pending) }

// Pending finds a pending entry by its id.
func (g Group) Pending(id StreamID) (Pending, bool) {
	c := g.PendingFrom(id)
	if !c.Valid() || c.ID() != id {
		return Pending{}, false
	}
	return c.Pending(), true
}

// LastPendingID is the highest id among the pending entries, of which there must be one.
func (g Group) LastPendingID() StreamID {
	c := g.tree().Last()
	return treeID(&c)
}

// newPending adds a pending entry to the tree of the group. ok is false, and nothing changed, when the id is pending
// already.
func (g Group) newPending(id StreamID) (p Pending, ok bool) {
	r := g.ks.arena.AllocZero(mem.Node, int(unsafe.Sizeof(pendingState{})))
	if !g.ks.treeOr(&g.g.pending).Insert(id.Ms, id.Seq, nil, uint64(r)) {
		g.ks.arena.Free(mem.Node, r)
		return Pending{}, false
	}
	p = g.ks.pendingAt(r)
	p.p.mark = g.ks.cuts
	return p, true
}

// Assign makes the entry with the id pending for the consumer, whether it is already, for this or another one, or not.
// now is the time of the delivery, Unix milliseconds, count how many there have been.
func (g Group) Assign(id StreamID, to Consumer, now int64, count uint64) Pending {
	p, found := g.Pending(id)
	if !found {
		p, _ = g.newPending(id)
	} else {
		g.ks.beforePending(g.root, g.ref, id, p.ref)
	}
	if p.p.consumer != to.ref {
		if p.p.consumer != 0 {
			ds.TreeAt(g.ks.arena, p.Consumer().c.pending).Delete(id.Ms, id.Seq, nil)
		}
		g.ks.treeOr(&to.c.pending).Insert(id.Ms, id.Seq, nil, uint64(p.ref))
		p.p.consumer = to.ref
	}
	p.p.time, p.p.count = now, count
	return p
}

// Redelivered says that the pending entry, which a cursor found, was delivered to its consumer once more.
func (g Group) Redelivered(id StreamID, p Pending, now int64) {
	g.ks.beforePending(g.root, g.ref, id, p.ref)
	p.p.time = now
	p.p.count++
}

// Ack removes the pending entry with the id, and returns false when there is none.
func (g Group) Ack(id StreamID) bool {
	p, ok := g.Pending(id)
	if !ok {
		return false
	}
	g.ks.beforePending(g.root, g.ref, id, p.ref)
	g.tree().Delete(id.Ms, id.Seq, nil)
	ds.TreeAt(g.ks.arena, p.Consumer().c.pending).Delete(id.Ms, id.Seq, nil)
	g.ks.arena.Free(mem.Node, p.ref)
	return true
}
