package command

import (
	"math"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// Streams: ids, and the commands that have no file of their own.

const (
	errStreamID      = "ERR Invalid stream ID specified as stream command argument"
	errIntervalStart = "ERR invalid start ID for the interval"
	errIntervalEnd   = "ERR invalid end ID for the interval"

	maxIDText = 41 // two numbers of 20 digits and a dash
)

// streamIDForm says which ids an argument may be.
type streamIDForm uint8

const (
	idStrict streamIDForm = iota // <ms> or <ms>-<seq>
	idAny                        // also - and +, the ends of the range of ids
	idNew                        // also <ms>-*
)

// parseStreamID reads an id. seq is its second number where the argument has none; auto says that it ends in -*.
func parseStreamID(b []byte, seq uint64, form streamIDForm) (id keyspace.StreamID, auto, ok bool) {
	if len(b) == 1 && (b[0] == '-' || b[0] == '+') {
		if b[0] == '+' {
			id = keyspace.StreamID{Ms: math.MaxUint64, Seq: math.MaxUint64}
		}
		return id, false, form == idAny
	}
	if len(b) > 127 {
		return id, false, false
	}
	dash := 0
	for dash < len(b) && b[dash] != '-' {
		dash++
	}
	id.Seq = seq
	if id.Ms, ok = streamNumber(b[:dash]); !ok || dash == len(b) {
		return id, false, ok
	}
	if rest := b[dash+1:]; form == idNew && len(rest) == 1 && rest[0] == '*' {
		id.Seq, auto = 0, true
	} else {
		id.Seq, ok = streamNumber(rest)
	}
	return id, auto, ok
}

// streamNumber reads a number as C's strtoull does: behind spaces and a sign, of which a minus counts down from 2^64.
// Only what would be a negative number otherwise is refused.
func streamNumber(b []byte) (uint64, bool) {
	if n, ok := num.ParseUint(b); ok || len(b) == 0 {
		return n, ok
	}
	if n, ok := num.ParseInt(b); ok && n < 0 {
		return 0, false
	}
	for len(b) > 0 && (b[0] == ' ' || b[0] >= '\t' && b[0] <= '\r') {
		b = b[1:]
	}
	if len(b) == 0 || b[0] != '+' && b[0] != '-' {
		return num.ParseUint(b)
	}
	n, ok := num.ParseUint(b[1:])
	if b[0] == '-' {
		n = -n
	}
	return n, ok
}

// streamID reads an id that has to be one; when it is none it replies the error.
func (c *Ctx) streamID(arg []byte) (keyspace.StreamID, bool) {
	id, _, ok := parseStreamID(arg, 0, idStrict)
	if !ok {
		c.Out.Error(errStreamID)
	}
	return id, ok
}

// streamIDs reads all arguments as ids into dst; when one is none it replies the error.
func (c *Ctx) streamIDs(dst []keyspace.StreamID, args [][]byte) ([]keyspace.StreamID, bool) {
	for _, a := range args {
		id, ok := c.streamID(a)
		if !ok {
			return nil, false
		}
		dst = append(dst, id)
	}
	return dst, true
}

// fewIDs is how many ids a command reads without an allocation.
const fewIDs = 8

// interval reads one end of a range, which a parenthesis leaves out.
func (c *Ctx) interval(arg []byte, seq uint64) (id keyspace.StreamID, open, ok bool) {
	form := idAny
	if open = len(arg) > 1 && arg[0] == '('; open {
		form, arg = idStrict, arg[1:]
	}
	if id, _, ok = parseStreamID(arg, seq, form); !ok {
		c.Out.Error(errStreamID)
	}
	return id, open, ok
}

// intervalStart reads the lower end of a range.
func (c *Ctx) intervalStart(arg []byte) (keyspace.StreamID, bool) {
	id, open, ok := c.interval(arg, 0)
	if !ok || !open {
		return id, ok
	}
	if id, ok = id.Next(); !ok {
		c.Out.Error(errIntervalStart)
	}
	return id, ok
}

// intervalEnd reads the upper end of a range.
func (c *Ctx) intervalEnd(arg []byte) (keyspace.StreamID, bool) {
	id, open, ok := c.interval(arg, math.MaxUint64)
	if !ok || !open {
		return id, ok
	}
	if id, ok = id.Prev(); !ok {
		c.Out.Error(errIntervalEnd)
	}
	return id, ok
}

// replyID replies an id.
func (c *Ctx) replyID(id keyspace.StreamID) {
	var text [maxIDText]byte
	c.Out.Bulk(id.Append(text[:0]))
}

// wordID writes an id as a word for Replace.
func (c *Ctx) wordID(id keyspace.StreamID) []byte {
	var text [maxIDText]byte
	return c.Fx.Copy(id.Append(text[:0]))
}

// readStream looks a stream up as a read does, and then for writing: commands of consumer groups count as reads of the
// key and change it. When there is something else it replies the error and good is false.
func (c *Ctx) readStream(key []byte) (s keyspace.StreamValue, found, good bool) {
	_, found, good = c.ReadType(key, keyspace.Stream)
	if good && found {
		s = c.openStream(key)
	}
	return s, found, good
}

// openStream looks up a stream, which is there, for writing.
func (c *Ctx) openStream(key []byte) keyspace.StreamValue {
	e, _ := c.DB.Write(key)
	return e.Stream()
}

func xlen(c *Ctx) {
	e, found, good := c.ReadType(c.Args[1], keyspace.Stream)
	switch {
	case !good:
	case !found:
		c.Out.Int(0)
	default:
		c.Out.Int(int64(e.Stream().Len()))
	}
}

func xdel(c *Ctx) {
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.Stream)
	if !good {
		return
	}
	if !found {
		c.Out.Int(0)
		return
	}
	var few [fewIDs]keyspace.StreamID
	ids, ok := c.streamIDs(few[:0], c.Args[2:])
	if !ok {
		return
	}
	s, n := e.Stream(), int64(0)
	for _, id := range ids {
		if s.Delete(id) {
			n++
		}
	}
	if n > 0 {
		c.Fx.Notify(EventStream, "xdel", key)
		c.Fx.Dirty += n
	}
	c.Out.Int(n)
}

// setIDOptions are those of XSETID.
type setIDOptions struct {
	added      int64 // -1: not given
	maxDeleted keyspace.StreamID
}

func (c *Ctx) parseSetID(id keyspace.StreamID, args [][]byte) (o setIDOptions, ok bool) {
	o.added = -1
	for i := 0; i < len(args); i += 2 {
		switch more := i+1 < len(args); {
		case Is(args[i], "ENTRIESADDED") && more:
			if o.added, ok = c.Int(args[i+1]); !ok {
				return o, false
			}
			if o.added < 0 {
				c.Out.Error("ERR entries_added must be positive")
				return o, false
			}
		case Is(args[i], "MAXDELETEDID") && more:
			if o.maxDeleted, ok = c.streamID(args[i+1]); !ok {
				return o, false
			}
			if id.Less(o.maxDeleted) {
				c.Out.Error("ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id")
				return o, false
			}
		default:
			c.Out.Error(ErrSyntax)
			return o, false
		}
	}
	return o, true
}

func xsetid(c *Ctx) {
	key := c.Args[1]
	id, ok := c.streamID(c.Args[2])
	if !ok {
		return
	}
	o, ok := c.parseSetID(id, c.Args[3:])
	if !ok {
		return
	}
	e, found, good := c.WriteType(key, keyspace.Stream)
	if !good {
		return
	}
	if !found {
		c.Out.Error(ErrNoKey)
		return
	}
	s := e.Stream()
	if top, there := s.LastEntryID(); there {
		if id.Less(top) {
			c.Out.Error("ERR The ID specified in XSETID is smaller than the target stream top item")
			return
		}
		if o.added != -1 && s.Len() > uint64(o.added) {
			c.Out.Error("ERR The entries_added specified in XSETID is smaller than the target stream length")
			return
		}
	}
	s.SetID(id)
	if o.added != -1 {
		s.SetAdded(uint64(o.added))
	}
	if !o.maxDeleted.IsZero() {
		s.SetMaxDeletedID(o.maxDeleted)
	}
	c.Fx.Notify(EventStream, "xsetid", key)
	c.Fx.Dirty++
	c.Out.OK()
}
