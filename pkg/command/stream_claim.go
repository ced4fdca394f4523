package command

import (
	"math"
	"slices"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// XCLAIM and XAUTOCLAIM.

// claimOptions are those of XCLAIM.
type claimOptions struct {
	minIdle int64 // milliseconds
	time    int64 // of the delivery, Unix milliseconds
	retries int64 // -1: not given
	force   bool
	justID  bool
	last    keyspace.StreamID
}

// intOr is Int with another error text.
func (c *Ctx) intOr(arg []byte, message string) (int64, bool) {
	n, ok := num.ParseInt(arg)
	if !ok {
		c.Out.Error(message)
	}
	return n, ok
}

// parseClaim reads the options of XCLAIM behind the ids; when they are no good it replies the error.
func (c *Ctx) parseClaim(o *claimOptions, args [][]byte) (ok bool) {
	now := c.Now()
	o.retries, o.time = -1, -1
	for i := 0; i < len(args); i++ {
		switch a, more := args[i], i+1 < len(args); {
		case Is(a, "FORCE"):
			o.force = true
		case Is(a, "JUSTID"):
			o.justID = true
		case Is(a, "IDLE") && more:
			i++
			if o.time, ok = c.intOr(args[i], "ERR Invalid IDLE option argument for XCLAIM"); !ok {
				return false
			}
			o.time = now - o.time
		case Is(a, "TIME") && more:
			i++
			if o.time, ok = c.intOr(args[i], "ERR Invalid TIME option argument for XCLAIM"); !ok {
				return false
			}
		case Is(a, "RETRYCOUNT") && more:
			i++
			if o.retries, ok = c.intOr(args[i], "ERR Invalid RETRYCOUNT option argument for XCLAIM"); !ok {
				return false
			}
		case Is(a, "LASTID") && more:
			i++
			if o.last, ok = c.streamID(args[i]); !ok {
				return false
			}
		default:
			c.Out.Errorf("ERR Unrecognized XCLAIM option '%s'", a)
			return false
		}
	}
	// A time that makes no sense is that of a client whose clock is ahead: it is no error.
	if o.time < 0 || o.time > now {
		o.time = now
	}
	return true
}

func xclaim(c *Ctx) {
	c.Fx.NoLog = true // until there is something to log
	s, found, good := c.readStream(c.Args[1])
	if !good {
		return
	}
	var g keyspace.Group
	if found {
		g, found = s.Group(c.Args[2])
	}
	if !found {
		c.noGroup()
		return
	}
	minIdle, ok := c.intOr(c.Args[4], "ERR Invalid min-idle-time argument for XCLAIM")
	if !ok {
		return
	}
	o := claimOptions{minIdle: max(minIdle, 0)}
	var few [fewIDs]keyspace.StreamID
	ids := few[:0]
	args := c.Args[5:]
	for ; len(args) > 0; args = args[1:] {
		id, _, ok := parseStreamID(args[0], 0, idStrict)
		if !ok {
			break // perhaps the first option
		}
		ids = append(ids, id)
	}
	if !c.parseClaim(&o, args) {
		return
	}
	c.claim(s, g, ids, &o)
}

func (c *Ctx) claim(s keyspace.StreamValue, g keyspace.Group, ids []keyspace.StreamID, o *claimOptions) {
	key, group := c.Args[1], c.Args[2]
	moved := g.LastID().Less(o.last)
	if moved {
		g.SetLastID(o.last)
	}
	consumer := c.consumer(g, key, group, c.Args[3])
	n := 0
	head := c.Out.DeferArray()
	for _, id := range ids {
		p, pending := g.Pending(id)
		r := s.Range(id, id, false)
		if !r.Next() {
			if pending {
				c.dropPending(g, id, p)
				moved = false // the log has it
			}
			continue
		}
		count := uint64(1)
		switch {
		case !pending && !o.force:
			continue
		case pending && o.minIdle > 0 && c.Now()-p.Time() < o.minIdle:
			continue
		case pending:
			count = p.Count()
		}
		if o.retries >= 0 {
			count = uint64(o.retries)
		} else if !o.justID {
			count++
		}
		p = g.Assign(id, consumer, o.time, count)
		c.claimed(g, consumer, &r, p, o.justID)
		moved = false
		n++
	}
	if moved {
		c.logGroupID(g, key, group)
		c.Fx.Dirty++
	}
	c.Out.EndArray(head, n)
}

// dropPending takes an entry that was deleted off the pending ones.
func (c *Ctx) dropPending(g keyspace.Group, id keyspace.StreamID, p keyspace.Pending) {
	c.logClaim(g, c.Args[1], c.Args[2], id, p)
	c.Fx.Dirty++
	g.Ack(id)
}

// claimed replies an entry that the consumer got, and logs it.
func (c *Ctx) claimed(g keyspace.Group, consumer keyspace.Consumer, r *keyspace.StreamRange, p keyspace.Pending, justID bool) {
	id := r.ID()
	if justID {
		c.replyID(id)
	} else {
		c.replyEntry(r)
	}
	consumer.SetActive(c.Now())
	c.logClaim(g, c.Args[1], c.Args[2], id, p)
	c.Fx.Dirty++
}

// autoOptions are those of XAUTOCLAIM.
type autoOptions struct {
	minIdle int64 // milliseconds
	start   keyspace.StreamID
	count   int64
	justID  bool
}

const (
	autoCount    = 100 // entries that XAUTOCLAIM claims
	autoAttempts = 10  // times as many entries are looked at
	autoMost     = math.MaxInt64 / 16
	errAutoCount = "ERR COUNT must be > 0"
)

func (c *Ctx) parseAutoClaim() (o autoOptions, ok bool) {
	o.count = autoCount
	if o.minIdle, ok = c.intOr(c.Args[4], "ERR Invalid min-idle-time argument for XAUTOCLAIM"); !ok {
		return o, false
	}
	if o.start, ok = c.intervalStart(c.Args[5]); !ok {
		return o, false
	}
	for i := 6; i < len(c.Args); i++ {
		switch {
		case Is(c.Args[i], "COUNT") && i+1 < len(c.Args):
			i++
			if o.count, ok = c.intOr(c.Args[i], errAutoCount); !ok {
				return o, false
			}
			if o.count < 1 || o.count > autoMost {
				c.Out.Error(errAutoCount)
				return o, false
			}
		case Is(c.Args[i], "JUSTID"):
			o.justID = true
		default:
			c.Out.Error(ErrSyntax)
			return o, false
		}
	}
	return o, true
}

func xautoclaim(c *Ctx) {
	c.Fx.NoLog = true // until there is something to log
	key := c.Args[1]
	e, found := c.Read(key) // as in Redis: the key counts as read although the arguments are no good
	o, ok := c.parseAutoClaim()
	if !ok {
		return
	}
	if found && e.Type() != keyspace.Stream {
		c.Out.Error(ErrWrongType)
		return
	}
	var s keyspace.StreamValue
	var g keyspace.Group
	if found {
		s = c.openStream(key)
		g, found = s.Group(c.Args[2])
	}
	if !found {
		c.noGroup()
		return
	}
	c.autoClaim(s, g, &o)
}

func (c *Ctx) autoClaim(s keyspace.StreamValue, g keyspace.Group, o *autoOptions) {
	consumer := c.consumer(g, c.Args[1], c.Args[2], c.Args[3])
	c.Out.Array(3)
	start := len(c.Out.Buf)
	head := c.Out.DeferArray()
	n, left, attempts := 0, o.count, min(o.count, math.MaxInt64/autoAttempts)*autoAttempts
	var gone []keyspace.StreamID
	p := g.PendingFrom(o.start)
	for ; p.Valid() && left > 0 && attempts > 0; attempts-- {
		id, entry := p.ID(), p.Pending()
		r := s.Range(id, id, false)
		if !r.Next() {
			c.dropPending(g, id, entry)
			gone = append(gone, id)
			left--
			p = g.PendingFrom(id)
			continue
		}
		if o.minIdle > 0 && c.Now()-entry.Time() < o.minIdle {
			p.Next()
			continue
		}
		count := entry.Count()
		if !o.justID {
			count++
		}
		entry = g.Assign(id, consumer, c.Now(), count)
		c.claimed(g, consumer, &r, entry, o.justID)
		n++
		left--
		p.Next()
	}
	c.Out.EndArray(head, n)
	var next keyspace.StreamID // where the next call goes on
	if p.Valid() {
		next = p.ID()
	}
	// It comes first in the reply, but is known only now.
	var text [maxIDText]byte
	var buf [64]byte
	c.Out.Buf = slices.Insert(c.Out.Buf, start, resp.AppendBulk(buf[:0], next.Append(text[:0]))...)
	c.Out.Array(len(gone))
	for _, id := range gone {
		c.replyID(id)
	}
}
