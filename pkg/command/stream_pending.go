package command

import "redisd/pkg/keyspace"

// pendingOptions are those of XPENDING with a range.
type pendingOptions struct {
	minIdle    int64 // milliseconds
	start, end keyspace.StreamID
	count      int64
	consumer   []byte // nil: all
}

// parsePending reads the options of XPENDING; when they are no good it replies the error.
func (c *Ctx) parsePending() (o pendingOptions, ok bool) {
	at := 3
	if Is(c.Args[3], "IDLE") {
		if o.minIdle, ok = c.Int(c.Args[4]); !ok {
			return o, false
		}
		if len(c.Args) < 8 {
			c.Out.Error(ErrSyntax)
			return o, false
		}
		at += 2
	}
	if o.count, ok = c.Int(c.Args[at+2]); !ok {
		return o, false
	}
	if o.start, ok = c.intervalStart(c.Args[at]); !ok {
		return o, false
	}
	if o.end, ok = c.intervalEnd(c.Args[at+1]); !ok {
		return o, false
	}
	if at+3 < len(c.Args) {
		o.consumer = c.Args[at+3]
	}
	return o, true
}

func xpending(c *Ctx) {
	n := len(c.Args)
	if n != 3 && (n < 6 || n > 9) {
		c.Out.Error(ErrSyntax)
		return
	}
	var o pendingOptions
	if n > 3 {
		var ok bool
		if o, ok = c.parsePending(); !ok {
			return
		}
	}
	e, found, good := c.ReadType(c.Args[1], keyspace.Stream)
	if !good {
		return
	}
	var g keyspace.Group
	if found {
		g, found = e.Stream().Group(c.Args[2])
	}
	switch {
	case !found:
		c.noGroup()
	case n == 3:
		c.replyPendingSummary(g)
	default:
		c.replyPending(g, o)
	}
}

// noGroup replies the error of XPENDING, XCLAIM and XAUTOCLAIM for a group that is not there.
func (c *Ctx) noGroup() {
	c.Out.Errorf("NOGROUP No such key '%s' or consumer group '%s'", c.Args[1], c.Args[2])
}

func (c *Ctx) replyPendingSummary(g keyspace.Group) {
	c.Out.Array(4)
	c.Out.Int(int64(g.PendingLen()))
	first := g.PendingFrom(keyspace.StreamID{})
	if !first.Valid() {
		c.Out.Null()
		c.Out.Null()
		c.Out.NullArray()
		return
	}
	c.replyID(first.ID())
	c.replyID(g.LastPendingID())
	n := 0
	head := c.Out.DeferArray()
	g.EachConsumer(func(consumer keyspace.Consumer) bool {
		if pending := consumer.PendingLen(); pending > 0 {
			c.Out.Array(2)
			c.Out.Bulk(consumer.Name())
			c.Out.BulkInt(int64(pending))
			n++
		}
		return true
	})
	c.Out.EndArray(head, n)
}

func (c *Ctx) replyPending(g keyspace.Group, o pendingOptions) {
	p := g.PendingFrom(o.start)
	if o.consumer != nil {
		consumer, found := g.Consumer(o.consumer)
		if !found {
			c.Out.Array(0)
			return
		}
		p = consumer.PendingFrom(o.start)
	}
	n, now := int64(0), c.Now()
	head := c.Out.DeferArray()
	for ; n < o.count && p.Valid() && !o.end.Less(p.ID()); p.Next() {
		entry := p.Pending()
		idle := now - entry.Time()
		if o.minIdle != 0 && idle < o.minIdle {
			continue
		}
		c.Out.Array(4)
		c.replyID(p.ID())
		c.Out.Bulk(entry.Consumer().Name())
		c.Out.Int(max(idle, 0))
		c.Out.Int(int64(entry.Count()))
		n++
	}
	c.Out.EndArray(head, int(n))
}
