package value

import (
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// streamLoader is what a Loader knows of the stream in hand.
type streamLoader struct {
	s        keyspace.StreamValue
	group    keyspace.Group
	inGroup  bool
	consumer keyspace.Consumer
}

// corrupt makes an error of the keyspace one of the input, in Redis's words.
func corrupt(reason string, err error) error {
	if err == nil {
		return nil
	}
	return rdb.Corrupt(reason + ": " + err.Error())
}

// Node implements rdb.StreamVisitor.
func (l *Loader) Node(n ds.StreamNode) error {
	if n.Info != nil {
		return corrupt(rdb.DuplicateNode, l.stream.s.LoadInspected(n.Master, n.LP, *n.Info))
	}
	return corrupt(rdb.DuplicateNode, l.stream.s.LoadNode(n.Master, n.LP))
}

// Info implements rdb.StreamVisitor.
func (l *Loader) Info(s *rdb.StreamInfo) error {
	return corrupt(rdb.BadStreamFigures, l.stream.s.LoadFigures(keyspace.StreamFigures{
		Length: s.Length, Last: s.Last, MaxDeleted: s.MaxDeleted, Added: s.Added,
	}))
}

// Group implements rdb.StreamVisitor.
func (l *Loader) Group(g *rdb.StreamGroup) (err error) {
	s := &l.stream
	if err := s.endGroup(); err != nil {
		return err
	}
	read := g.Read
	if g.Old {
		read = s.s.EstimateRead(g.Last)
	}
	s.group, err = s.s.LoadGroup(g.Name, g.Last, read)
	s.inGroup = true
	return corrupt(rdb.DuplicateGroup, err)
}

// Pending implements rdb.StreamVisitor.
func (l *Loader) Pending(p *rdb.StreamPending) error {
	return corrupt(rdb.DuplicatePending, l.stream.group.LoadPending(p.ID, p.Time, p.Count))
}

// Consumers implements rdb.StreamVisitor.
func (l *Loader) Consumers(uint64) error { return nil }

// Consumer implements rdb.StreamVisitor.
func (l *Loader) Consumer(c *rdb.StreamConsumer) (err error) {
	l.stream.consumer, err = l.stream.group.LoadConsumer(c.Name, c.Seen, c.Active)
	return corrupt(rdb.DuplicateConsumer, err)
}

// Owned implements rdb.StreamVisitor.
func (l *Loader) Owned(id ds.StreamID) error {
	err := l.stream.group.LoadOwner(l.stream.consumer, id)
	if _, pending := l.stream.group.Pending(id); pending {
		return corrupt(rdb.OwnedTwice, err)
	}
	return corrupt(rdb.UnknownOwned, err)
}

// endGroup sees to it that the group before has nothing without an owner.
func (s *streamLoader) endGroup() error {
	if !s.inGroup {
		return nil
	}
	s.inGroup = false
	return corrupt(rdb.PendingNotOwned, s.group.LoadEnd())
}
