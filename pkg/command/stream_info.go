package command

import "redisd/pkg/keyspace"

// XINFO.

// infoStream looks up the stream of XINFO; when there is none it replies the error.
func (c *Ctx) infoStream() (s keyspace.StreamValue, ok bool) {
	e, found, good := c.ReadType(c.Args[2], keyspace.Stream)
	switch {
	case !good:
	case !found:
		c.Out.Error(ErrNoKey)
	default:
		return e.Stream(), true
	}
	return s, false
}

func xinfoConsumers(c *Ctx) {
	s, ok := c.infoStream()
	if !ok {
		return
	}
	g, ok := c.group(s)
	if !ok {
		return
	}
	now := c.Now()
	c.Out.Array(g.Consumers())
	g.EachConsumer(func(consumer keyspace.Consumer) bool {
		inactive := int64(-1)
		if consumer.Active() != -1 {
			inactive = max(now-consumer.Active(), 0)
		}
		c.Out.Map(4)
		c.Out.BulkString("name")
		c.Out.Bulk(consumer.Name())
		c.infoInt("pending", int64(consumer.PendingLen()))
		c.infoInt("idle", max(now-consumer.Seen(), 0))
		c.infoInt("inactive", inactive)
		return true
	})
}

func (c *Ctx) infoInt(name string, n int64) {
	c.Out.BulkString(name)
	c.Out.Int(n)
}

func (c *Ctx) infoID(name string, id keyspace.StreamID) {
	c.Out.BulkString(name)
	c.replyID(id)
}

func xinfoGroups(c *Ctx) {
	s, ok := c.infoStream()
	if !ok {
		return
	}
	c.Out.Array(s.Groups())
	s.EachGroup(func(g keyspace.Group) bool {
		c.Out.Map(6)
		c.Out.BulkString("name")
		c.Out.Bulk(g.Name())
		c.infoInt("consumers", int64(g.Consumers()))
		c.infoInt("pending", int64(g.PendingLen()))
		c.infoProgress(s, g)
		return true
	})
}

// infoProgress tells how far a group has read.
func (c *Ctx) infoProgress(s keyspace.StreamValue, g keyspace.Group) {
	c.infoID("last-delivered-id", g.LastID())
	c.Out.BulkString("entries-read")
	if n := g.EntriesRead(); n != keyspace.UnknownRead {
		c.Out.Int(n)
	} else {
		c.Out.Null()
	}
	c.Out.BulkString("lag")
	if n, known := s.Lag(g); known {
		c.Out.Int(n)
	} else {
		c.Out.Null()
	}
}

// fullCount is how many entries XINFO STREAM FULL shows of each list.
const fullCount = 10

func xinfoStream(c *Ctx) {
	s, ok := c.infoStream()
	if !ok {
		return
	}
	options := c.Args[3:]
	count := int64(fullCount)
	switch {
	case len(options) == 0:
		c.Out.Map(10)
		c.infoFigures(s)
		c.infoInt("groups", int64(s.Groups()))
		c.infoEdge("first-entry", s, false)
		c.infoEdge("last-entry", s, true)
		return
	case len(options) != 1 && len(options) != 3, !Is(options[0], "FULL"), len(options) == 3 && !Is(options[1], "COUNT"):
		c.badSubcommand()
		return
	case len(options) == 3:
		if count, ok = c.Int(options[2]); !ok {
			return
		}
		if count < 0 {
			count = fullCount
		}
	}
	c.infoFull(s, count)
}

func (c *Ctx) infoFigures(s keyspace.StreamValue) {
	c.infoInt("length", int64(s.Len()))
	c.infoInt("radix-tree-keys", int64(s.Nodes()))
	c.infoInt("radix-tree-nodes", int64(s.RadixNodes()))
	c.infoID("last-generated-id", s.LastID())
	c.infoID("max-deleted-entry-id", s.MaxDeletedID())
	c.infoInt("entries-added", int64(s.Added()))
	c.infoID("recorded-first-entry-id", s.FirstID())
}

// infoEdge tells the first or the last entry.
func (c *Ctx) infoEdge(name string, s keyspace.StreamValue, last bool) {
	c.Out.BulkString(name)
	r := s.Range(keyspace.StreamID{}, newEntries(), last)
	if r.Next() {
		c.replyEntry(&r)
	} else {
		c.Out.Null()
	}
}

// infoFull tells all about a stream, but at most count elements of each list, unless that is 0.
func (c *Ctx) infoFull(s keyspace.StreamValue, count int64) {
	c.Out.Map(9)
	c.infoFigures(s)
	c.Out.BulkString("entries")
	r := s.Range(keyspace.StreamID{}, newEntries(), false)
	c.replyEntries(&r, count)
	c.Out.BulkString("groups")
	c.Out.Array(s.Groups())
	s.EachGroup(func(g keyspace.Group) bool {
		c.Out.Map(7)
		c.Out.BulkString("name")
		c.Out.Bulk(g.Name())
		c.infoProgress(s, g)
		c.infoInt("pel-count", int64(g.PendingLen()))
		c.infoPending(g.PendingFrom(keyspace.StreamID{}), count, true)
		c.Out.BulkString("consumers")
		c.Out.Array(g.Consumers())
		g.EachConsumer(func(consumer keyspace.Consumer) bool {
			c.Out.Map(5)
			c.Out.BulkString("name")
			c.Out.Bulk(consumer.Name())
			c.infoInt("seen-time", consumer.Seen())
			c.infoInt("active-time", consumer.Active())
			c.infoInt("pel-count", int64(consumer.PendingLen()))
			c.infoPending(consumer.PendingFrom(keyspace.StreamID{}), count, false)
			return true
		})
		return true
	})
}

// infoPending lists pending entries, for a group with their consumers.
func (c *Ctx) infoPending(p keyspace.PendingCursor, count int64, consumers bool) {
	c.Out.BulkString("pending")
	n := int64(0)
	head := c.Out.DeferArray()
	for ; p.Valid() && (count == 0 || n < count); p.Next() {
		entry := p.Pending()
		if consumers {
			c.Out.Array(4)
			c.replyID(p.ID())
			c.Out.Bulk(entry.Consumer().Name())
		} else {
			c.Out.Array(3)
			c.replyID(p.ID())
		}
		c.Out.Int(entry.Time())
		c.Out.Int(int64(entry.Count()))
		n++
	}
	c.Out.EndArray(head, int(n))
}
