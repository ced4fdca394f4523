package rdb

import (
	"encoding/binary"
	"math"

	"redisd/pkg/ds"
)

// decodeID reads an ID of 16 bytes, big endian.
func decodeID(b []byte) ds.StreamID {
	return ds.StreamID{Ms: binary.BigEndian.Uint64(b), Seq: binary.BigEndian.Uint64(b[8:])}
}

// appendID is the opposite of decodeID.
func appendID(dst []byte, id ds.StreamID) []byte {
	dst = binary.BigEndian.AppendUint64(dst, id.Ms)
	return binary.BigEndian.AppendUint64(dst, id.Seq)
}

// StreamVisitor takes a stream: its nodes, then Info; for each group Group, Pending
// for each entry not acknowledged, Consumers, and for each consumer Consumer and
// Owned for each of its pending entries. What is pointed at is good during the call
// only.
type StreamVisitor interface {
	// Node takes a valid node with at least one entry that is not deleted. IDs ascend
	// from node to node. What its Info points to is good during the call only.
	Node(n ds.StreamNode) error
	Info(s *StreamInfo) error
	Group(g *StreamGroup) error
	Pending(p *StreamPending) error
	// Consumers says how many consumers the group has.
	Consumers(n uint64) error
	Consumer(c *StreamConsumer) error
	// Owned takes the ID of a pending entry of the last consumer.
	Owned(id ds.StreamID) error
}

// StreamInfo is what a stream knows beside its entries.
type StreamInfo struct {
	// Length is the number of entries, First the first one's ID: counted and looked
	// up, not believed.
	Length uint64
	First  ds.StreamID
	Last   ds.StreamID // the highest ID ever given out
	// MaxDeleted is the highest ID that was deleted, Added the number of entries
	// ever added. The layout of Redis 5 and 6 lacks them: then nothing was deleted,
	// and what there is was added.
	MaxDeleted ds.StreamID
	Added      uint64
	Groups     uint64 // that follow
}

// StreamGroup is a consumer group.
type StreamGroup struct {
	Name []byte
	Last ds.StreamID // last ID delivered
	// Read is the number of entries ever read, -1 when the group does not know. Old
	// says that the layout does not tell it.
	Read    int64
	Old     bool
	Pending uint64 // entries that follow
}

// StreamPending is an entry that was delivered to a consumer of the group and not
// acknowledged.
type StreamPending struct {
	ID    ds.StreamID
	Time  int64 // of the last delivery, Unix milliseconds
	Count uint64
}

// StreamConsumer is a consumer of a group.
type StreamConsumer struct {
	Name []byte
	// Seen is when it last tried something, Active when it last got something, Unix
	// milliseconds. Layouts before Redis 7.2's do not tell Active: it is Seen.
	Seen, Active int64
	Owned        uint64 // pending entries that follow
}

func (w *walker) stream(t byte) error {
	nodes, err := w.d.readLen()
	if err != nil {
		return err
	}
	w.nodes, w.firstID, w.lastID = 0, ds.StreamID{}, ds.StreamID{}
	length := uint64(0)
	err = w.begin(TypeStreamListpacks2, nodes)
	for n := nodes; n > 0 && err == nil; n-- {
		live := 0
		live, err = w.streamNode()
		length += uint64(live)
	}
	if err != nil {
		return err
	}
	groups, err := w.streamInfo(t, nodes, length)
	w.names.clear()
	for ; groups > 0 && err == nil; groups-- {
		err = w.group(t)
	}
	return w.end(err)
}

// streamNode takes the ID that a listpack of entries starts from, and the listpack.
// It returns the number of entries that are not deleted.
func (w *walker) streamNode() (int, error) {
	key, err := w.held()
	if err == nil && w.v != nil && len(key) != 16 {
		err = w.d.corrupt("Stream node key entry is not the size of a stream ID")
	}
	if err != nil {
		return 0, err
	}
	b, err := w.text()
	if err != nil || w.v == nil {
		return 0, err
	}
	n := ds.StreamNode{LP: b, Master: decodeID(key), Info: &w.nodeInfo}
	info, bad := ds.InspectStreamNode(n.Master, b)
	w.nodeInfo = info
	switch {
	case bad != nil:
		return 0, w.d.corrupt("Stream listpack integrity check failed.")
	case info.Live == 0:
		return 0, nil
	case w.nodes > 0 && !w.lastID.Less(n.Master):
		return 0, w.d.corrupt(DuplicateNode)
	}
	if w.nodes == 0 {
		w.firstID = info.First
	}
	w.nodes++
	w.lastID = info.Last
	return info.Live, w.v.Node(n)
}

// Reasons for streams that hold something twice, or not at all.
const (
	DuplicateNode     = "Listpack re-added with existing key" // or out of order
	DuplicateGroup    = "Duplicated consumer group name"
	DuplicateConsumer = "Duplicate stream consumer detected."
	DuplicatePending  = "Duplicated global PEL entry loading stream consumer group"
	UnknownOwned      = "Consumer entry not found in group global PEL"
	OwnedTwice        = "Stream consumer PEL entry already has a consumer assigned"
	BadStreamFigures  = "Stream length inconsistent with rax entries"
	PendingNotOwned   = "Stream CG PEL entry without consumer"
)

// streamInfo takes what stands between the nodes and the groups, and returns the
// number of these.
func (w *walker) streamInfo(t byte, nodes, length uint64) (uint64, error) {
	s := &w.info
	*s = StreamInfo{First: w.firstID, Added: length}
	told, err := w.d.readLen()
	if err != nil {
		return 0, err
	}
	into := []*uint64{&s.Last.Ms, &s.Last.Seq, &s.First.Ms, &s.First.Seq, &s.MaxDeleted.Ms, &s.MaxDeleted.Seq, &s.Added}
	if t == TypeStreamListpacks {
		into = into[:2]
	}
	for _, p := range into {
		if *p, err = w.d.readLen(); err != nil {
			return 0, err
		}
	}
	if w.v != nil && (told > 0 && nodes == 0 || s.Last.Less(w.lastID) || s.Added < length || s.Added > math.MaxInt64) {
		return 0, w.d.corrupt(BadStreamFigures)
	}
	if s.Groups, err = w.d.readLen(); err != nil || w.v == nil {
		return s.Groups, err
	}
	s.Length, s.First = length, w.firstID
	return s.Groups, w.v.Info(s)
}

// pending holds the IDs of a group's unacknowledged entries, true once a
// consumer owns them; nil unless everything is to be checked.
type pending map[ds.StreamID]bool

// group takes a consumer group: name, position, entries not acknowledged, and
// the consumers.
func (w *walker) group(t byte) error {
	name, err := w.held()
	if err != nil {
		return err
	}
	g := &w.grp
	*g = StreamGroup{Name: name, Read: -1, Old: t == TypeStreamListpacks}
	var read uint64
	into := []*uint64{&g.Last.Ms, &g.Last.Seq, &read, &g.Pending}
	if g.Old {
		into = []*uint64{&g.Last.Ms, &g.Last.Seq, &g.Pending}
	}
	for _, p := range into {
		if *p, err = w.d.readLen(); err != nil {
			return err
		}
	}
	if !g.Old {
		g.Read = int64(read)
	}
	if w.v != nil {
		if g.Read < -1 {
			return w.d.corrupt("Stream cgroup offset out of range")
		}
		if w.level == Everything && !w.names.add(name) {
			return w.d.corrupt(DuplicateGroup)
		}
		if err = w.v.Group(g); err != nil {
			return err
		}
	}
	if err = w.pendingEntries(g.Pending); err != nil {
		return err
	}
	return w.consumers(t)
}

func (w *walker) pendingEntries(n uint64) (err error) {
	w.pending = nil
	if w.v != nil && w.level == Everything {
		w.pending = make(pending)
	}
	for ; n > 0 && err == nil; n-- {
		err = w.pendingEntry()
	}
	return err
}

func (w *walker) pendingEntry() error {
	p := &w.pel
	b, err := w.d.readFixed(16)
	if err != nil {
		return err
	}
	p.ID = decodeID(b)
	if p.Time, err = w.d.readMillis(); err != nil {
		return err
	}
	if p.Count, err = w.d.readLen(); err != nil || w.v == nil {
		return err
	}
	if w.pending != nil {
		if _, twice := w.pending[p.ID]; twice {
			return w.d.corrupt(DuplicatePending)
		}
		w.pending[p.ID] = false
	}
	return w.v.Pending(p)
}

// consumers takes a group's consumers, and sees to it that they own every pending
// entry.
func (w *walker) consumers(t byte) error {
	n, err := w.d.readLen()
	if err != nil {
		return err
	}
	if w.v != nil {
		err = w.v.Consumers(n)
	}
	w.owners.clear()
	for ; n > 0 && err == nil; n-- {
		err = w.consumer(t)
	}
	if err != nil {
		return err
	}
	for _, owned := range w.pending {
		if !owned {
			return w.d.corrupt(PendingNotOwned)
		}
	}
	return nil
}

// consumer takes a consumer: name, times, IDs of the entries it owns.
func (w *walker) consumer(t byte) error {
	name, err := w.held()
	if err != nil {
		return err
	}
	c := &w.con
	*c = StreamConsumer{Name: name}
	if c.Seen, err = w.d.readMillis(); err != nil {
		return err
	}
	c.Active = c.Seen
	if t == TypeStreamListpacks3 {
		if c.Active, err = w.d.readMillis(); err != nil {
			return err
		}
	}
	if c.Owned, err = w.d.readLen(); err != nil {
		return err
	}
	n := c.Owned
	if w.v != nil {
		if w.level == Everything && !w.owners.add(name) {
			return w.d.corrupt(DuplicateConsumer)
		}
		if err = w.v.Consumer(c); err != nil {
			return err
		}
	}
	for ; n > 0 && err == nil; n-- {
		err = w.owned()
	}
	return err
}

func (w *walker) owned() error {
	b, err := w.d.readFixed(16)
	if err != nil || w.v == nil {
		return err
	}
	id := decodeID(b)
	if w.pending != nil {
		owned, known := w.pending[id]
		if !known {
			return w.d.corrupt(UnknownOwned)
		}
		if owned {
			return w.d.corrupt(OwnedTwice)
		}
		w.pending[id] = true
	}
	return w.v.Owned(id)
}
