package persist

import (
	"fmt"
	"slices"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/persist/rdb"
)

// The commands that make a stream: XADD for each entry, XSETID for what the entries
// do not tell, XGROUP for groups and consumers, XCLAIM for what is not acknowledged.

// streamCommands is what is kept while a stream is written.
type streamCommands struct {
	entries uint64
	group   []byte
	owner   []byte
	// pending are the entries of the group in hand, which come before their owners
	// are known: 32 bytes each.
	pending []rdb.StreamPending
	sorted  bool
}

func (s *streamCommands) begin() { s.entries = 0 }

// command writes one whole command.
func (c *commands) command(words ...[]byte) {
	c.start(len(words))
	for _, w := range words {
		c.out.buf = appendBulk(c.out.buf, w)
	}
}

// Node implements rdb.StreamVisitor.
func (c *commands) Node(n ds.StreamNode) error {
	w := n.Begin()
	for w.Next() {
		if w.Deleted {
			continue
		}
		var text [48]byte
		c.start(3 + 2*w.Fields)
		c.out.buf = append(c.out.buf, "$4\r\nXADD\r\n"...)
		c.out.buf = appendBulk(c.out.buf, c.key)
		c.out.buf = appendBulk(c.out.buf, w.ID.Append(text[:0]))
		for range w.Fields {
			var scratch [24]byte
			field, value := w.Field()
			c.out.buf = appendBulk(c.out.buf, field.Bytes(&scratch))
			c.out.buf = appendBulk(c.out.buf, value.Bytes(&scratch))
			if err := c.out.added(); err != nil {
				return err
			}
		}
		c.stream.entries++
	}
	return nil
}

// Info implements rdb.StreamVisitor.
func (c *commands) Info(s *rdb.StreamInfo) error {
	if c.stream.entries == 0 {
		// A stream without entries begins with one that is dropped at once.
		c.command([]byte("XADD"), c.key, []byte("MAXLEN"), []byte("0"), []byte("0-1"), []byte("x"), []byte("y"))
	}
	var last, deleted [48]byte
	var added [24]byte
	c.command([]byte("XSETID"), c.key, s.Last.Append(last[:0]), []byte("ENTRIESADDED"), num.AppendUint(added[:0], s.Added),
		[]byte("MAXDELETEDID"), s.MaxDeleted.Append(deleted[:0]))
	return c.out.added()
}

// Group implements rdb.StreamVisitor.
func (c *commands) Group(g *rdb.StreamGroup) error {
	var last [48]byte
	var read [24]byte
	c.stream.group = append(c.stream.group[:0], g.Name...)
	c.stream.pending, c.stream.sorted = c.stream.pending[:0], true
	c.command([]byte("XGROUP"), []byte("CREATE"), c.key, g.Name, g.Last.Append(last[:0]),
		[]byte("ENTRIESREAD"), num.AppendInt(read[:0], g.Read))
	return c.out.added()
}

// Pending implements rdb.StreamVisitor.
func (c *commands) Pending(p *rdb.StreamPending) error {
	s := &c.stream
	if n := len(s.pending); n > 0 && !s.pending[n-1].ID.Less(p.ID) {
		s.sorted = false
	}
	s.pending = append(s.pending, *p)
	return nil
}

// Consumers implements rdb.StreamVisitor.
func (c *commands) Consumers(uint64) error {
	if s := &c.stream; !s.sorted {
		slices.SortFunc(s.pending, func(a, b rdb.StreamPending) int { return a.ID.Compare(b.ID) })
	}
	return nil
}

// Consumer implements rdb.StreamVisitor. One that owns something is made by its
// first XCLAIM.
func (c *commands) Consumer(n *rdb.StreamConsumer) error {
	c.stream.owner = append(c.stream.owner[:0], n.Name...)
	if n.Owned > 0 {
		return nil
	}
	c.command([]byte("XGROUP"), []byte("CREATECONSUMER"), c.key, c.stream.group, n.Name)
	return c.out.added()
}

// Owned implements rdb.StreamVisitor.
func (c *commands) Owned(id ds.StreamID) error {
	s := &c.stream
	i, found := slices.BinarySearchFunc(s.pending, id, func(p rdb.StreamPending, id ds.StreamID) int { return p.ID.Compare(id) })
	if !found {
		return fmt.Errorf("%w: consumer '%s' owns what is not pending", errFrame, s.owner)
	}
	var text [48]byte
	var at, count [24]byte
	p := &s.pending[i]
	c.command([]byte("XCLAIM"), c.key, s.group, s.owner, []byte("0"), id.Append(text[:0]),
		[]byte("TIME"), num.AppendInt(at[:0], p.Time), []byte("RETRYCOUNT"), num.AppendUint(count[:0], p.Count),
		[]byte("JUSTID"), []byte("FORCE"))
	return c.out.added()
}
