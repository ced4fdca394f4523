package command

import (
	"math"

	"redisd/pkg/keyspace"
)

// XADD and XTRIM, which share the options of trimming.

// streamOptions are those of XADD and XTRIM.
type streamOptions struct {
	id         keyspace.StreamID
	given      bool // not *
	auto       bool // <ms>-*
	noMkStream bool

	trims     bool
	trim      keyspace.StreamTrim
	threshold int // where the number or id to trim to stands
}

const errTwoTrims = "ERR syntax error, MAXLEN and MINID options at the same time are not compatible"

// parseStreamOptions reads the options of XADD, up to the id, whose place it returns, or those of XTRIM. When they are
// no good it replies the error.
func (c *Ctx) parseStreamOptions(o *streamOptions, adding bool) (at int, ok bool) {
	limit, limited := int64(0), false
	i := 2
options:
	for ; i < len(c.Args); i++ {
		a := c.Args[i]
		switch more := i+1 < len(c.Args); {
		case adding && len(a) == 1 && a[0] == '*':
			break options
		case (Is(a, "MAXLEN") || Is(a, "MINID")) && more:
			if i, ok = c.parseTrim(o, i); !ok {
				return 0, false
			}
		case Is(a, "LIMIT") && more:
			i++
			if limit, ok = c.Int(c.Args[i]); !ok {
				return 0, false
			}
			if limit < 0 {
				c.Out.Error("ERR The LIMIT argument must be >= 0.")
				return 0, false
			}
			limited = true
		case adding && Is(a, "NOMKSTREAM"):
			o.noMkStream = true
		case adding:
			if o.id, o.auto, ok = parseStreamID(a, 0, idNew); !ok {
				c.Out.Error(errStreamID)
				return 0, false
			}
			o.given = true
			break options
		default:
			c.Out.Error(ErrSyntax)
			return 0, false
		}
	}
	return i, c.limitTrim(o, limit, limited, adding)
}

// parseTrim reads MAXLEN or MINID at i, and returns where it ends.
func (c *Ctx) parseTrim(o *streamOptions, i int) (end int, ok bool) {
	if o.trims {
		c.Out.Error(errTwoTrims)
		return 0, false
	}
	o.trims, o.trim.ByID = true, len(c.Args[i]) == len("MINID")
	i++
	if w := c.Args[i]; i+1 < len(c.Args) && len(w) == 1 && (w[0] == '~' || w[0] == '=') {
		o.trim.Approx = w[0] == '~'
		i++
	}
	o.threshold = i
	if o.trim.ByID {
		o.trim.MinID, ok = c.streamID(c.Args[i])
		return i, ok
	}
	n, ok := c.Int(c.Args[i])
	if !ok {
		return 0, false
	}
	if n < 0 {
		c.Out.Error("ERR The MAXLEN argument must be >= 0.")
		return 0, false
	}
	o.trim.MaxLen = uint64(n)
	return i, true
}

// Redis bounds what one approximate trimming does: to a hundred nodes, but not to less or more entries than these.
const (
	trimNodes      = 100
	trimUsual      = 10_000 // when there is no limit of entries a node
	trimMost       = 1_000_000
	errLimitUnused = "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
	errLimitExact  = "ERR syntax error, LIMIT cannot be used without the special ~ option"
	errNoTrim      = "ERR syntax error, XTRIM must be called with a trimming strategy"
)

// limitTrim checks LIMIT, and chooses it where it was not given. Of what the log holds, nothing is limited.
func (c *Ctx) limitTrim(o *streamOptions, limit int64, limited, adding bool) bool {
	switch {
	case limit > 0 && !o.trims:
		c.Out.Error(errLimitUnused)
		return false
	case !adding && !o.trims:
		c.Out.Error(errNoTrim)
		return false
	case c.Replaying:
	case limited && !o.trim.Approx:
		c.Out.Error(errLimitExact)
		return false
	case limited:
		o.trim.Limit = uint64(limit)
	case o.trim.Approx:
		n := c.KS.Limits.StreamNodeEntries
		switch {
		case n <= 0 || n > math.MaxInt/trimNodes:
			o.trim.Limit = trimUsual
		default:
			o.trim.Limit = uint64(min(trimNodes*n, trimMost))
		}
	}
	return true
}

// newID is the id of the entry to add to a stream whose last one is given; when there is none it replies the error.
func (c *Ctx) newID(o *streamOptions, last keyspace.StreamID) (id keyspace.StreamID, ok bool) {
	if last.Ms == math.MaxUint64 && last.Seq == math.MaxUint64 {
		c.Out.Error("ERR The stream has exhausted the last possible ID, unable to add more items")
		return id, false
	}
	switch {
	case !o.given:
		id = keyspace.StreamID{Ms: uint64(c.Now())}
		if id.Ms <= last.Ms {
			id, _ = last.Next()
		}
	case o.auto && o.id.Ms == last.Ms && last.Seq < math.MaxUint64:
		id, _ = last.Next()
	default:
		id = o.id
	}
	if !last.Less(id) {
		c.Out.Error("ERR The ID specified in XADD is equal or smaller than the target stream top item")
		return id, false
	}
	return id, true
}

func xadd(c *Ctx) {
	var o streamOptions
	at, ok := c.parseStreamOptions(&o, true)
	if !ok {
		return
	}
	if n := len(c.Args) - at - 1; n < 2 || n%2 == 1 {
		c.Out.Errorf("ERR wrong number of arguments for '%s' command", c.Spec.FullName)
		return
	}
	if o.given && !o.auto && o.id.IsZero() {
		c.Out.Error("ERR The ID specified in XADD must be greater than 0-0")
		return
	}
	key, pairs := c.Args[1], c.Args[at+1:]
	e, found, good := c.WriteType(key, keyspace.Stream)
	if !good {
		return
	}
	var s keyspace.StreamValue
	var last keyspace.StreamID
	switch {
	case found:
		s = e.Stream()
		last = s.LastID()
	case o.noMkStream:
		c.Out.Null()
		return
	}
	id, ok := c.newID(&o, last)
	if !ok || !c.entryFits(pairs) {
		return
	}
	if !found {
		s = c.DB.NewStream(key).Stream()
		c.created(key, false)
	}
	s.Append(id, pairs)
	text := c.wordID(id)
	c.Out.Bulk(text)
	c.Fx.Notify(EventStream, "xadd", key)
	c.Fx.Dirty++
	if o.trims && s.Trim(o.trim) > 0 {
		c.Fx.Notify(EventStream, "xtrim", key)
	}
	if !o.given || o.auto || o.trim.Approx {
		c.logAdded(s, &o, at, text)
	}
}

// entryFits tells whether fields and values are not too large together; when they are it replies the error.
func (c *Ctx) entryFits(pairs [][]byte) bool {
	n := 0
	for _, p := range pairs {
		n += len(p)
	}
	if n > keyspace.StreamMaxBytes {
		c.Out.Error("ERR Elements are too large to be stored")
		return false
	}
	return true
}

// logAdded gives the log the XADD as it was sent, but the id that was chosen, and for a trimming that was not exact the
// one that came of it.
func (c *Ctx) logAdded(s keyspace.StreamValue, o *streamOptions, at int, id []byte) {
	name, idWord := c.Args[0], c.Args[at]
	c.Args[0], c.Args[at] = wordXAdd, id
	if o.trim.Approx {
		c.logTrimmed(s, o)
	} else {
		c.Fx.Replace(c.Args...)
	}
	c.Args[0], c.Args[at] = name, idWord
}

// logTrimmed gives the log the arguments with the approximate trimming made exact.
func (c *Ctx) logTrimmed(s keyspace.StreamValue, o *streamOptions) {
	operator, threshold := c.Args[o.threshold-1], c.Args[o.threshold]
	c.Args[o.threshold-1] = wordExact
	if o.trim.ByID {
		c.Args[o.threshold] = c.wordID(s.LowestID())
	} else {
		c.Args[o.threshold] = c.Fx.Int(int64(s.Len()))
	}
	c.Fx.Replace(c.Args...)
	c.Args[o.threshold-1], c.Args[o.threshold] = operator, threshold
}

func xtrim(c *Ctx) {
	var o streamOptions
	if _, ok := c.parseStreamOptions(&o, false); !ok {
		return
	}
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.Stream)
	if !good {
		return
	}
	if !found {
		c.Out.Int(0)
		return
	}
	s := e.Stream()
	n := int64(s.Trim(o.trim))
	if n > 0 {
		c.Fx.Notify(EventStream, "xtrim", key)
		c.Fx.Dirty += n
		if o.trim.Approx {
			name := c.Args[0]
			c.Args[0] = wordXTrim
			c.logTrimmed(s, &o)
			c.Args[0] = name
		}
	}
	c.Out.Int(n)
}
