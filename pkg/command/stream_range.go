package command

import (
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
)

// XRANGE and XREVRANGE, and how entries are replied.

func xrange(c *Ctx) { c.streamRange(c.Args[2], c.Args[3], false) }

func xrevrange(c *Ctx) { c.streamRange(c.Args[3], c.Args[2], true) }

func (c *Ctx) streamRange(from, to []byte, backwards bool) {
	start, ok := c.intervalStart(from)
	if !ok {
		return
	}
	end, ok := c.intervalEnd(to)
	if !ok {
		return
	}
	count := int64(-1)
	for i := 4; i < len(c.Args); i += 2 {
		if !Is(c.Args[i], "COUNT") || i+1 == len(c.Args) {
			c.Out.Error(ErrSyntax)
			return
		}
		if count, ok = c.Int(c.Args[i+1]); !ok {
			return
		}
		count = max(count, 0)
	}
	e, found, good := c.ReadType(c.Args[1], keyspace.Stream)
	switch {
	case !good:
	case !found:
		c.Out.Array(0)
	case count == 0:
		c.Out.NullArray()
	default:
		r := e.Stream().Range(start, end, backwards)
		c.replyEntries(&r, max(count, 0))
	}
}

// replyEntries replies the entries of r, at most count of them unless that is 0.
func (c *Ctx) replyEntries(r *keyspace.StreamRange, count int64) {
	n := int64(0)
	head := c.Out.DeferArray()
	for r.Next() {
		c.replyEntry(r)
		if n++; n == count {
			break
		}
	}
	c.Out.EndArray(head, int(n))
}

// replyEntry replies the entry that r is at: its id, and its fields and values.
func (c *Ctx) replyEntry(r *keyspace.StreamRange) {
	c.Out.Array(2)
	c.replyID(r.ID())
	n := r.Fields()
	c.Out.Array(2 * n)
	for range n {
		name, value := r.Field()
		c.replyElem(name)
		c.replyElem(value)
	}
}

func (c *Ctx) replyElem(e ds.LPElem) {
	if e.IsInt {
		c.Out.BulkInt(e.Int)
	} else {
		c.Out.Bulk(e.Str)
	}
}
