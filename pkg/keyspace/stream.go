package keyspace

import (
	"encoding/binary"
	"unsafe"

	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// Streams. A stream's root block leads to
//
//	nodes    a tree by master id; the payload is the reference of a node block (mem.Value): a mark (4 bytes), then a
//	         listpack, which is what an RDB file holds. Its own header says how long it is.
//	groups   a table of group blocks by name; a group has its pending entries in a tree by id, and a table of consumers
//	pending  a block that both the tree of the group and that of its consumer refer to
//
// The other files are stream_range.go (reading), stream_trim.go (what makes a stream shorter), stream_group.go,
// stream_pending.go, stream_life.go (freeing, copying, measuring), stream_load.go (the way from and to an RDB file) and
// stream_snapshot.go (the barrier).

// StreamID is the id of an entry.
type StreamID = ds.StreamID

// streamState is the root block of a stream. It never moves.
type streamState struct {
	nodes      mem.Ref // tree of node blocks by master id, with payload
	tail       mem.Ref // block of the last node, 0 when there is none
	tailID     StreamID
	length     uint64
	last       StreamID
	first      StreamID
	maxDeleted StreamID
	added      uint64
	nodeBytes  uint64  // arena bytes of all node blocks
	groups     mem.Ref // table of groups, 0 when there are none
}

const (
	streamMark = 4 // bytes of a node block before the listpack: the number of the cut it was last sent for

	// StreamMaxBytes is the most that the texts of one entry may take, and a node.
	StreamMaxBytes = ds.LPMaxBytes

	// UnknownRead says that it is not known how many entries a group has read.
	UnknownRead = -1
)

// StreamValue is a handle of a stream. It is good until the key is deleted or overwritten.
type StreamValue struct {
	ks   *Keyspace
	root mem.Ref
	s    *streamState
}

func (ks *Keyspace) streamAt(root mem.Ref) StreamValue {
	return StreamValue{ks, root, (*streamState)(ks.arena.Ptr(root))}
}

func (ks *Keyspace) newStream() StreamValue {
	s := ks.streamAt(ks.arena.AllocZero(mem.Node, int(unsafe.Sizeof(streamState{}))))
	s.s.nodes = ds.NewTree(ks.arena, true)
	return s
}

// NewStream makes key, which must not exist, an empty stream without expiry.
func (db *DB) NewStream(key []byte) Entry {
	at, exists := db.find(key)
	if exists {
		panic("BUG: keyspace: NewStream of a key that is there")
	}
	return db.newValue(key, at, Stream, StreamTree, db.ks.newStream().root, 0)
}

// Stream is the handle of e's value, which must be a stream.
func (e Entry) Stream() StreamValue {
	if e.Encoding() != StreamTree {
		panic("BUG: keyspace: Stream of a value that is none")
	}
	return e.db.ks.streamAt(e.root())
}

// Len is the number of entries.
func (s StreamValue) Len() uint64 { return s.s.length }

// LastID is the highest id that an entry has had, or that was set.
func (s StreamValue) LastID() StreamID { return s.s.last }

// FirstID is the id of the first entry, 0-0 when there is none.
func (s StreamValue) FirstID() StreamID { return s.s.first }

// MaxDeletedID is the highest id that was deleted; trimming does not count.
func (s StreamValue) MaxDeletedID() StreamID { return s.s.maxDeleted }

// Added is how many entries there have been.
func (s StreamValue) Added() uint64 { return s.s.added }

// Nodes is the number of nodes.
func (s StreamValue) Nodes() int { return int(s.nodes().Len()) }

// SetID sets the highest id, which must not be below that of an entry.
func (s StreamValue) SetID(last StreamID) { s.s.last = last }

// SetAdded sets how many entries there have been, which must not be less than there are.
func (s StreamValue) SetAdded(n uint64) { s.s.added = n }

// SetMaxDeletedID sets the highest id that was deleted.
func (s StreamValue) SetMaxDeletedID(id StreamID) { s.s.maxDeleted = id }

func (s StreamValue) nodes() ds.Tree { return ds.TreeAt(s.ks.arena, s.s.nodes) }

// node is the view of a node block.
func (s StreamValue) node(r mem.Ref, master StreamID) ds.StreamNode {
	n := binary.LittleEndian.Uint32(s.ks.arena.Bytes(r+streamMark, 4))
	return ds.StreamNode{LP: s.ks.arena.Bytes(r+streamMark, int(n)), Master: master}
}

// room is all bytes of a node block that the listpack may take.
func (s StreamValue) room(r mem.Ref) []byte {
	return s.ks.arena.Bytes(r+streamMark, s.ks.arena.Usable(r)-streamMark)
}

// newNode gives a block for a node of size bytes, marked as sent for the cut there was last.
func (s StreamValue) newNode(size int) mem.Ref {
	r := s.ks.arena.Alloc(mem.Value, streamMark+size)
	binary.LittleEndian.PutUint32(s.ks.arena.Bytes(r, streamMark), s.ks.cuts)
	s.s.nodeBytes += uint64(s.ks.arena.Usable(r))
	return r
}

func (s StreamValue) freeNode(r mem.Ref) {
	s.s.nodeBytes -= uint64(s.ks.arena.Usable(r))
	s.ks.arena.Free(mem.Value, r)
}

// resize gives the node that c is at a block for size bytes.
func (s StreamValue) resize(c *ds.TreeCursor, used, size int) mem.Ref {
	old := mem.Ref(c.Payload())
	s.s.nodeBytes -= uint64(s.ks.arena.Usable(old))
	r := s.ks.arena.Resize(mem.Value, old, streamMark+used, streamMark+size)
	s.s.nodeBytes += uint64(s.ks.arena.Usable(r))
	c.SetPayload(uint64(r))
	if s.s.tail == old {
		s.s.tail = r
	}
	return r
}

// Append adds an entry of fields and values, one after another. id must be above LastID, and the texts together must
// not have more than StreamMaxBytes. It panics with *mem.OutOfMemory. The pairs must not be arena memory of this stream.
func (s StreamValue) Append(id StreamID, pairs [][]byte) {
	st := s.s
	if st.tail != 0 && s.tailTakes(pairs) {
		s.appendToTail(id, pairs)
	} else {
		s.appendNode(id, pairs)
	}
	st.length++
	st.added++
	st.last = id
	if st.length == 1 {
		st.first = id
	}
}

// tailTakes tells whether the entry goes into the last node. The rule is Redis's, so that both have the same nodes.
func (s StreamValue) tailTakes(pairs [][]byte) bool {
	limits := &s.ks.Limits
	most := limits.StreamNodeBytes
	if most <= 0 || most > StreamMaxBytes {
		most = StreamMaxBytes
	}
	n := s.node(s.s.tail, s.s.tailID)
	size := len(n.LP)
	for _, p := range pairs {
		size += len(p)
	}
	if size >= most {
		return false
	}
	live, deleted := n.Counts()
	return limits.StreamNodeEntries <= 0 || live+deleted < limits.StreamNodeEntries
}

func (s StreamValue) appendToTail(id StreamID, pairs [][]byte) {
	st := s.s
	s.ks.beforeStreamNode(s.root, st.tailID, st.tail)
	n := s.node(st.tail, st.tailID)
	b := s.room(st.tail)
	size := len(n.LP)
	if size+ds.StreamEntryBound(pairs) > len(b) {
		if need := size + n.AppendSize(id, pairs); need > len(b) {
			c := s.nodes().Last()
			r := s.resize(&c, size, s.grown(len(b), need))
			n, b = s.node(r, st.tailID), s.room(r)
		}
	}
	n.Append(b, id, pairs)
}

// grown is the room for a node of need bytes that has filled the room it had.
func (s StreamValue) grown(had, need int) int {
	full := max(s.ks.Limits.StreamNodeBytes, 0)
	if full == 0 || full > 4096 {
		full = 4096 // as Redis: a limit far above the usual is no reason to take so much at once
	}
	if had >= full {
		full = had + had/4
	}
	return max(need, min(2*had, full-streamMark))
}

// appendNode begins a node. The last one gives back the room it does not need any more.
func (s StreamValue) appendNode(id StreamID, pairs [][]byte) {
	st := s.s
	t := s.nodes()
	if st.tail != 0 {
		c := t.Last()
		size := len(s.node(st.tail, st.tailID).LP)
		s.resize(&c, size, size)
	}
	r := s.newNode(ds.StreamNodeSize(pairs))
	ds.PutStreamNode(s.room(r), pairs)
	s.insertNode(id, r)
}

// insertNode makes a filled block the last node.
func (s StreamValue) insertNode(id StreamID, r mem.Ref) {
	s.nodes().Insert(id.Ms, id.Seq, nil, uint64(r))
	s.s.tail, s.s.tailID = r, id
}
