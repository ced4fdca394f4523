package command

import (
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// XREAD and XREADGROUP.

// readOptions are those of XREAD and XREADGROUP.
type readOptions struct {
	count   int64 // 0: all
	block   bool
	timeout int64 // milliseconds
	noAck   bool

	group, consumer []byte // XREADGROUP: whom to read for

	keys, ids [][]byte // one id for each key
}

func xread(c *Ctx) {
	o, ok := c.parseRead(false)
	if !ok {
		return
	}
	var few [fewIDs]keyspace.StreamID
	ids, ok := c.readFrom(&o, few[:0])
	if !ok {
		return
	}
	var served streamsReply
	for i, key := range o.keys {
		e, found := c.Read(key)
		if !found {
			continue
		}
		s := e.Stream()
		if last, there := s.LastEntryID(); !there || !ids[i].Less(last) {
			continue
		}
		start, _ := ids[i].Next()
		served.next(c, key)
		r := s.Range(start, ds.MaxStreamID(), false)
		c.replyEntries(&r, o.count)
	}
	switch {
	case served.n > 0:
		served.end(c)
	case o.block:
		c.waitForEntries(&o, ids)
	default:
		c.Out.NullArray()
	}
}

// waitForEntries blocks XREAD. A $ stands for the last id of now, not of when the command runs again.
func (c *Ctx) waitForEntries(o *readOptions, ids []keyspace.StreamID) {
	for i, a := range o.ids {
		if string(a) == "$" {
			o.ids[i] = c.wordID(ids[i])
		}
	}
	c.Block(o.keys, keyspace.Stream, o.timeout, NullArray)
}

// streamsReply is a reply of streams with their entries. Its header is written when the first one comes.
type streamsReply struct {
	head resp.Deferred
	n    int
}

// next begins the reply of one stream: its entries follow.
func (r *streamsReply) next(c *Ctx, key []byte) {
	if r.n == 0 {
		r.head = c.Out.DeferArray()
	}
	r.n++
	if c.Out.Proto < 3 {
		c.Out.Array(2)
	}
	c.Out.Bulk(key)
}

func (r *streamsReply) end(c *Ctx) {
	if c.Out.Proto < 3 {
		c.Out.EndArray(r.head, r.n)
	} else {
		c.Out.EndMap(r.head, r.n)
	}
}

// parseRead reads the options, up to the keys and ids; when they are no good it replies the error.
func (c *Ctx) parseRead(forGroup bool) (o readOptions, ok bool) {
	for i := 1; i < len(c.Args); i++ {
		a, more := c.Args[i], len(c.Args)-i-1
		switch {
		case Is(a, "BLOCK") && more > 0:
			if c.Script {
				c.Out.Errorf("ERR %s command is not allowed with BLOCK option from scripts", c.Args[0])
				return o, false
			}
			i++
			o.block = true
			if o.timeout, ok = c.TimeoutMillis(c.Args[i]); !ok {
				return o, false
			}
		case Is(a, "COUNT") && more > 0:
			i++
			if o.count, ok = c.Int(c.Args[i]); !ok {
				return o, false
			}
			o.count = max(o.count, 0)
		case Is(a, "STREAMS") && more > 0:
			words := c.Args[i+1:]
			if len(words)%2 != 0 {
				c.Out.Error("ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.")
				return o, false
			}
			o.keys, o.ids = words[:len(words)/2], words[len(words)/2:]
			return o, c.hasGroup(&o, forGroup)
		case Is(a, "GROUP") && more >= 2:
			if !forGroup {
				c.Out.Error("ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead.")
				return o, false
			}
			o.group, o.consumer = c.Args[i+1], c.Args[i+2]
			i += 2
		case Is(a, "NOACK"):
			if !forGroup {
				c.Out.Error("ERR The NOACK option is only supported by XREADGROUP. You called XREAD instead.")
				return o, false
			}
			o.noAck = true
		default:
			c.Out.Error(ErrSyntax)
			return o, false
		}
	}
	c.Out.Error(ErrSyntax)
	return o, false
}

func (c *Ctx) hasGroup(o *readOptions, forGroup bool) bool {
	if forGroup && o.group == nil {
		c.Out.Error("ERR Missing GROUP option for XREADGROUP")
		return false
	}
	return true
}

// newEntries is the id that > stands for: what no consumer of the group was given.
func newEntries() keyspace.StreamID { return ds.MaxStreamID() }

const (
	errLastForGroup = "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this " +
		"consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."
	errNewWithoutGroup = "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option."
)

// readFrom reads the ids behind which to read into dst, and looks that keys and groups are what they must be. When they
// are not it replies the error.
func (c *Ctx) readFrom(o *readOptions, dst []keyspace.StreamID) ([]keyspace.StreamID, bool) {
	for i, a := range o.ids {
		e, found, good := c.ReadType(o.keys[i], keyspace.Stream)
		if !good {
			return nil, false
		}
		if o.group != nil && !c.inGroup(e, found, o.keys[i], o.group) {
			return nil, false
		}
		var id keyspace.StreamID
		switch {
		case string(a) == "$" && o.group != nil:
			c.Out.Error(errLastForGroup)
			return nil, false
		case string(a) == "$" && found:
			id = e.Stream().LastID()
		case string(a) == "$":
		case string(a) == ">" && o.group == nil:
			c.Out.Error(errNewWithoutGroup)
			return nil, false
		case string(a) == ">":
			id = newEntries()
		default:
			if id, good = c.streamID(a); !good {
				return nil, false
			}
		}
		dst = append(dst, id)
	}
	return dst, true
}

// inGroup tells whether there is a group; when there is none it replies XREADGROUP's error.
func (c *Ctx) inGroup(e keyspace.Entry, found bool, key, group []byte) bool {
	if found {
		if _, found = e.Stream().Group(group); found {
			return true
		}
	}
	c.Out.Errorf("NOGROUP No such key '%s' or consumer group '%s' in XREADGROUP with GROUP option", key, group)
	return false
}

func xreadgroup(c *Ctx) {
	c.Fx.NoLog = true // until there is something to log
	o, ok := c.parseRead(true)
	if !ok {
		return
	}
	var few [fewIDs]keyspace.StreamID
	ids, ok := c.readFrom(&o, few[:0])
	if !ok {
		return
	}
	var served streamsReply
	for i, key := range o.keys {
		s, found, good := c.readStream(key)
		if !found || !good {
			continue
		}
		g, _ := s.Group(o.group)
		consumer := c.consumer(g, key, o.group, o.consumer)
		if ids[i] != newEntries() {
			served.next(c, key)
			c.replyHistory(s, g, consumer, ids[i], o.count)
			c.Fx.Dirty++
			continue
		}
		if last, there := s.LastEntryID(); there && g.LastID().Less(last) {
			served.next(c, key)
			c.deliver(s, g, consumer, key, &o)
			c.Fx.Dirty++
		}
	}
	switch {
	case served.n > 0:
		served.end(c)
	case o.block:
		c.BlockOrGone(o.keys, keyspace.Stream, o.timeout, NullArray)
	default:
		c.Out.NullArray()
	}
}

// consumer finds the consumer that a command names, or creates it, and notes that it was seen.
func (c *Ctx) consumer(g keyspace.Group, key, group, name []byte) keyspace.Consumer {
	consumer, created := g.CreateConsumer(name, c.Now())
	if created {
		c.consumerCreated(key)
		c.logWords(wordXGroup, wordCreateConsumer, key, group, name)
	}
	consumer.SetSeen(c.Now())
	return consumer
}

func (c *Ctx) consumerCreated(key []byte) {
	c.Fx.Notify(EventStream, "xgroup-createconsumer", key)
	c.Fx.Dirty++
}

// logWords is Replace for commands that log nothing unless they have something to log.
func (c *Ctx) logWords(words ...[]byte) {
	c.Fx.NoLog = false
	c.Fx.Replace(words...)
}

// deliver replies what the group has not read, moves it on, and makes the entries pending for the consumer.
func (c *Ctx) deliver(s keyspace.StreamValue, g keyspace.Group, consumer keyspace.Consumer, key []byte, o *readOptions) {
	n, now := int64(0), c.Now()
	start, _ := g.LastID().Next()
	head := c.Out.DeferArray()
	for r := s.Range(start, ds.MaxStreamID(), false); r.Next(); {
		id := r.ID()
		s.Advance(g, id)
		c.replyEntry(&r)
		if !o.noAck {
			p := g.Assign(id, consumer, now, 1)
			consumer.SetActive(now)
			c.logClaim(g, key, o.group, id, p)
		}
		if n++; n == o.count {
			break
		}
	}
	c.Out.EndArray(head, int(n))
	// XCLAIM tells the last id, but not how many entries were read.
	c.logGroupID(g, key, o.group)
}

// logClaim gives the log the command that makes a pending entry what it is.
func (c *Ctx) logClaim(g keyspace.Group, key, group []byte, id keyspace.StreamID, p keyspace.Pending) {
	c.logWords(wordXClaim, key, group, c.Fx.Copy(p.Consumer().Name()), wordZero, c.wordID(id), wordTime, c.Fx.Int(p.Time()),
		wordRetryCount, c.Fx.Int(int64(p.Count())), wordForce, wordJustID, wordLastID, c.wordID(g.LastID()))
}

// logGroupID gives the log how far a group has read.
func (c *Ctx) logGroupID(g keyspace.Group, key, group []byte) {
	c.logWords(wordXGroup, wordSetID, key, group, c.wordID(g.LastID()), wordEntriesRead, c.Fx.Int(g.EntriesRead()))
}

// replyHistory replies what is pending for the consumer behind an id. An entry that was deleted has no fields any more.
func (c *Ctx) replyHistory(s keyspace.StreamValue, g keyspace.Group, consumer keyspace.Consumer, after keyspace.StreamID, count int64) {
	n := int64(0)
	start, _ := after.Next()
	head := c.Out.DeferArray()
	for p := consumer.PendingFrom(start); p.Valid() && (count == 0 || n < count); p.Next() {
		id := p.ID()
		if r := s.Range(id, id, false); r.Next() {
			c.replyEntry(&r)
			g.Redelivered(id, p.Pending(), c.Now())
		} else {
			c.Out.Array(2)
			c.replyID(id)
			c.Out.NullArray()
		}
		n++
	}
	c.Out.EndArray(head, int(n))
}
