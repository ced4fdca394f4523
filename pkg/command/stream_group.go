package command

import (
	"bytes"

	"redisd/pkg/keyspace"
)

// XGROUP and XACK.

// groupOptions are those of XGROUP CREATE and SETID.
type groupOptions struct {
	mkStream bool
	read     int64
}

// parseGroup reads the options of XGROUP CREATE, or those of SETID.
func (c *Ctx) parseGroup(creating bool) (o groupOptions, ok bool) {
	o.read = keyspace.UnknownRead
	for i := 5; i < len(c.Args); i++ {
		switch {
		case creating && Is(c.Args[i], "MKSTREAM"):
			o.mkStream = true
		case Is(c.Args[i], "ENTRIESREAD") && i+1 < len(c.Args):
			i++
			if o.read, ok = c.Int(c.Args[i]); !ok {
				return o, false
			}
			if o.read < keyspace.UnknownRead {
				c.Out.Error("ERR value for ENTRIESREAD must be positive or -1")
				return o, false
			}
		default:
			c.badSubcommand()
			return o, false
		}
	}
	return o, true
}

// badSubcommand replies the error of a subcommand whose arguments make no sense.
func (c *Ctx) badSubcommand() {
	word := c.Args[1]
	c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try %s HELP.", word[:min(len(word), 128)], bytes.ToUpper(c.Args[0]))
}

const errGroupNeedsKey = "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the " +
	"MKSTREAM option to create an empty stream automatically."

// groupStream looks up the stream of XGROUP for writing; when there is none it replies the error, unless orNew.
func (c *Ctx) groupStream(orNew bool) (s keyspace.StreamValue, found, good bool) {
	e, found, good := c.WriteType(c.Args[2], keyspace.Stream)
	if !good {
		return s, found, false
	}
	if found {
		return e.Stream(), true, true
	}
	if !orNew {
		c.Out.Error(errGroupNeedsKey)
	}
	return s, false, orNew
}

// group finds the group of XGROUP or XINFO CONSUMERS; when there is none it replies the error.
func (c *Ctx) group(s keyspace.StreamValue) (keyspace.Group, bool) {
	g, ok := s.Group(c.Args[3])
	if !ok {
		c.Out.Errorf("NOGROUP No such consumer group '%s' for key name '%s'", c.Args[3], c.Args[2])
	}
	return g, ok
}

func xgroupCreate(c *Ctx) {
	o, ok := c.parseGroup(true)
	if !ok {
		return
	}
	s, found, good := c.groupStream(o.mkStream)
	if !good {
		return
	}
	if len(c.Args) > 8 {
		c.badSubcommand()
		return
	}
	var id keyspace.StreamID
	switch last := string(c.Args[4]) == "$"; {
	case last && found:
		id = s.LastID()
	case last:
	default:
		if id, ok = c.streamID(c.Args[4]); !ok {
			return
		}
	}
	key := c.Args[2]
	if !found {
		s = c.DB.NewStream(key).Stream()
		c.created(key, false)
	}
	if _, created := s.CreateGroup(c.Args[3], id, o.read); !created {
		c.Out.Error("BUSYGROUP Consumer Group name already exists")
		return
	}
	c.Fx.Notify(EventStream, "xgroup-create", key)
	c.Fx.Dirty++
	c.Out.OK()
}

func xgroupSetID(c *Ctx) {
	o, ok := c.parseGroup(false)
	if !ok {
		return
	}
	s, _, good := c.groupStream(false)
	if !good {
		return
	}
	g, ok := c.group(s)
	if !ok {
		return
	}
	if n := len(c.Args); n != 5 && n != 7 {
		c.badSubcommand()
		return
	}
	id := s.LastID()
	if string(c.Args[4]) != "$" {
		if id, _, ok = parseStreamID(c.Args[4], 0, idAny); !ok {
			c.Out.Error(errStreamID)
			return
		}
	}
	g.SetLastID(id)
	g.SetEntriesRead(o.read)
	c.Fx.Notify(EventStream, "xgroup-setid", c.Args[2])
	c.Fx.Dirty++
	c.Out.OK()
}

func xgroupDestroy(c *Ctx) {
	s, _, good := c.groupStream(false)
	if !good {
		return
	}
	if !s.DestroyGroup(c.Args[3]) {
		c.Out.Int(0)
		return
	}
	c.Fx.Notify(EventStream, "xgroup-destroy", c.Args[2])
	c.Fx.Dirty++
	c.Out.Int(1)
}

func xgroupCreateConsumer(c *Ctx) {
	s, _, good := c.groupStream(false)
	if !good {
		return
	}
	g, ok := c.group(s)
	if !ok {
		return
	}
	if _, created := g.CreateConsumer(c.Args[4], c.Now()); !created {
		c.Out.Int(0)
		return
	}
	c.consumerCreated(c.Args[2])
	c.Out.Int(1)
}

func xgroupDelConsumer(c *Ctx) {
	s, _, good := c.groupStream(false)
	if !good {
		return
	}
	g, ok := c.group(s)
	if !ok {
		return
	}
	n, found := g.DeleteConsumer(c.Args[4])
	if found {
		c.Fx.Notify(EventStream, "xgroup-delconsumer", c.Args[2])
		c.Fx.Dirty++
	}
	c.Out.Int(int64(n))
}

func xack(c *Ctx) {
	s, found, good := c.readStream(c.Args[1])
	if !good {
		return
	}
	var g keyspace.Group
	if found {
		g, found = s.Group(c.Args[2])
	}
	if !found {
		c.Out.Int(0)
		return
	}
	var few [fewIDs]keyspace.StreamID
	ids, ok := c.streamIDs(few[:0], c.Args[3:])
	if !ok {
		return
	}
	n := int64(0)
	for _, id := range ids {
		if g.Ack(id) {
			n++
		}
	}
	c.Fx.Dirty += n
	c.Out.Int(n)
}
