package command

import (
	"slices"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// DUMP and RESTORE: a value in the encoding of the RDB file.

func dumpSpecs() []Spec {
	restoreSpec := Spec{Name: "restore", Arity: -4, Flags: Write | DenyOOM, Group: "generic", Categories: CatDangerous,
		Since: "2.6.0", Handler: restore,
		Summary:    "Creates a key from what DUMP returned.",
		Complexity: "O(N) where N is the number of elements of the value and their size; O(N*log(N)) for a sorted set.",
		History: [][2]string{{"3.0.0", "The option `REPLACE`."}, {"5.0.0", "The option `ABSTTL`."},
			{"5.0.0", "The options `IDLETIME` and `FREQ`."}},
		Keys: OneKey(1, KeyOW|KeyUpdate),
		Args: oneKeyArg(arg("ttl", "integer"), arg("serialized-value", "string"),
			optional(word("REPLACE"), "3.0.0"), optional(word("ABSTTL"), "5.0.0"),
			optional(with("IDLETIME", "seconds", "integer"), "5.0.0"), optional(with("FREQ", "frequency", "integer"), "5.0.0"))}
	asking := restoreSpec
	asking.Name, asking.Flags, asking.Group, asking.Since = "restore-asking", restoreSpec.Flags|Asking, "server", "3.0.0"
	asking.Categories |= CatKeyspace
	asking.Summary = "RESTORE as a cluster node gets it from another one."
	return []Spec{
		{Name: "dump", Arity: 2, Flags: ReadOnly, Group: "generic", Since: "2.6.0", Handler: dump,
			Summary:    "Returns the value at a key in a form that RESTORE takes.",
			Complexity: "O(N) where N is the number of elements of the value and their size.",
			Hints:      []string{hintVaries}, Keys: OneKey(1, KeyRO|KeyAccess), Args: oneKeyArg()},
		restoreSpec,
		asking,
	}
}

func dump(c *Ctx) {
	e, found := c.Read(c.Args[1])
	if !found {
		c.Out.Null()
		return
	}
	c.Out.Buf = AppendDump(c.Out.Buf, e)
}

// AppendDump appends what DUMP replies for e: a bulk string.
func AppendDump(dst []byte, e keyspace.Entry) []byte {
	// The payload is written where it stays and gets its length afterwards: a big value
	// is not held twice.
	start := len(dst)
	dst = append(dst, rdb.WrittenType(value.Type(e)))
	_ = value.Visit(e, &rdb.Writer{Buf: &dst, Compress: true}) // a buffer has no errors
	dst = rdb.AppendDumpFooter(dst, start)
	var buf [24]byte
	head := append(num.AppendInt(append(buf[:0], '$'), int64(len(dst)-start)), "\r\n"...)
	return append(slices.Insert(dst, start, head...), "\r\n"...)
}

// restoreOptions are those of RESTORE; -1 is not given.
type restoreOptions struct {
	replace, absolute bool
	idle, freq        int64
}

func (c *Ctx) parseRestore(args [][]byte) (o restoreOptions, ok bool) {
	o.idle, o.freq = -1, -1
	for i := 0; i < len(args); i++ {
		more := i+1 < len(args)
		switch a := args[i]; {
		case Is(a, "REPLACE"):
			o.replace = true
		case Is(a, "ABSTTL"):
			o.absolute = true
		case Is(a, "IDLETIME") && more && o.freq == -1:
			i++
			if o.idle, ok = c.Int(args[i]); !ok {
				return o, false
			}
			if o.idle < 0 {
				c.Out.Error("ERR Invalid IDLETIME value, must be >= 0")
				return o, false
			}
		case Is(a, "FREQ") && more && o.idle == -1:
			i++
			if o.freq, ok = c.Int(args[i]); !ok {
				return o, false
			}
			if o.freq < 0 || o.freq > 255 {
				c.Out.Error("ERR Invalid FREQ value, must be >= 0 and <= 255")
				return o, false
			}
		default:
			c.Out.Error(ErrSyntax)
			return o, false
		}
	}
	return o, true
}

// payload is the value that RESTORE was given.
type payload struct {
	valueType byte
	body      []byte
}

// parsePayload checks the frame of what DUMP gave; when it is no good it replies the
// error.
func (c *Ctx) parsePayload(b []byte) (p payload, ok bool) {
	parse := rdb.ParseDumpPayload
	if c.SkipChecksums {
		parse = rdb.SplitDumpPayload
	}
	valueType, body, err := parse(b)
	if err != nil {
		c.Out.Error("ERR DUMP payload version or checksum are wrong")
		return p, false
	}
	return payload{valueType, body}, true
}

// badPayload replies the error of a value that is none; what is wrong with it goes to
// the log.
func (c *Ctx) badPayload(err error) bool {
	c.Fx.Warning = "Bad payload for RESTORE: " + err.Error()
	c.Out.Error("ERR Bad data format")
	return false
}

// judge looks through the whole value without making a key of it; when it is no good
// it replies the error.
func (c *Ctx) judge(p payload) bool {
	var d rdb.Decoder
	d.ResetBytes(p.body)
	if err := d.Judge(p.valueType); err != nil {
		return c.badPayload(err)
	}
	return true
}

func restore(c *Ctx) {
	o, ok := c.parseRestore(c.Args[4:])
	if !ok {
		return
	}
	key := c.Args[1]
	if !o.replace {
		if _, there := c.DB.Peek(key); there {
			c.Out.Error("BUSYKEY Target key name already exists.")
			return
		}
	}
	at, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	if at < 0 {
		c.Out.Error("ERR Invalid TTL value, must be >= 0")
		return
	}
	p, ok := c.parsePayload(c.Args[3])
	if !ok {
		return
	}
	switch {
	case at == 0:
		at = noExpiry
	case !o.absolute:
		at = c.fromNow(at)
	}
	existed := false
	if o.replace {
		_, existed = c.DB.PeekExpired(key) // as in Redis: what is overwritten did not expire
	}
	late := at != noExpiry && c.past(at)
	if (existed || late) && !c.judge(p) {
		return // what is there stays
	}
	if existed {
		c.DB.DeleteExpired(key)
	}
	if late {
		if existed {
			c.deleted(key, c.LazyServerDel)
		}
		c.Out.OK()
		return
	}
	if !c.restored(key, p, at, o) {
		return
	}
	if at != noExpiry && !o.absolute {
		words := append(make([][]byte, 0, 8), c.Args...)
		words[0], words[2] = wordRestore, c.Fx.Int(at)
		c.Fx.Replace(append(words, wordAbsTTL)...)
	}
	c.Out.OK()
}

// restored makes the key, which is not there; when the value is no good it replies
// the error.
func (c *Ctx) restored(key []byte, p payload, at int64, o restoreOptions) bool {
	var d rdb.Decoder
	d.ResetBytes(p.body)
	err := value.NewLoader(c.KS).Load(c.DB, key, p.valueType, at, &d, rdb.Packs)
	if err != nil {
		return c.badPayload(err)
	}
	if e, found := c.DB.Peek(key); found {
		setAccess(e, o)
	}
	c.Fx.Notify(EventNew, "new", key)
	c.Fx.Notify(EventGeneric, "restore", key)
	c.Fx.Dirty++
	return true
}

func setAccess(e keyspace.Entry, o restoreOptions) {
	if o.freq >= 0 {
		e.SetFreq(uint8(o.freq))
	}
	if o.idle >= 0 {
		e.SetIdle(o.idle)
	}
}

// fromNow is the Unix time in n milliseconds; beyond the last one it is the last.
func (c *Ctx) fromNow(n int64) int64 {
	const last = 1<<63 - 1
	return min(n, last-c.Now()) + c.Now()
}
