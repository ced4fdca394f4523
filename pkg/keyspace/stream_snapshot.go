package keyspace

import "redisd/pkg/mem"

// The barrier of streams, one floor below that of buckets: a command that changes a stream has looked its key up for
// writing, so what is in the root block, the groups and the consumers is sent; node blocks and pending entries are not.
//
// A node block begins with a mark, 4 bytes, and a pending entry has one: the number of the cut it was last sent for.
// New ones are born with the number of the last cut (ks.cuts).

// beforeStreamNode is called before a node block changes or is freed, with the stream's root block and the node's
// master id. The block, and the tree that leads to it, are as they were. A block may move without having changed; the
// tree says where it is.
func (ks *Keyspace) beforeStreamNode(root mem.Ref, master StreamID, node mem.Ref) {
	if ks.snap == nil {
		return
	}
	if l := ks.snap.open[root]; l != nil {
		if p := l.parts.(*streamParts); !p.nodeSent(node) {
			ks.snap.late(func() { p.sendNode(ks.snap, l, master, node) })
		}
	}
}

// beforePending is called before a pending entry changes, gets another consumer or is freed, with the stream's root
// block, the group's block and the id. The entry is as it was, in the trees of its group and of its consumer.
func (ks *Keyspace) beforePending(root, group mem.Ref, id StreamID, pending mem.Ref) {
	if ks.snap == nil {
		return
	}
	if l := ks.snap.open[root]; l != nil {
		if p := l.parts.(*streamParts); !p.pendingSent(pending) {
			ks.snap.late(func() { p.sendPending(ks.snap, l, group, id, pending) })
		}
	}
}
