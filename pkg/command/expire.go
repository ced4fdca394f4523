package command

import (
	"math"

	"redisd/pkg/keyspace"
)

// Commands on the time that keys have to live.

func expireSpecs() []Spec {
	condition := optional(oneOf("condition", word("NX"), word("XX"), word("GT"), word("LT")), "7.0.0")
	history := [][2]string{{"7.0.0", "The options `NX`, `XX`, `GT` and `LT`."}}
	set := func(name, since, summary string, when Arg, h Handler) Spec {
		return Spec{Name: name, Arity: -3, Flags: Write | Fast, Group: "generic", Since: since, Handler: h,
			Summary: summary, Complexity: docO1, History: history,
			Keys: OneKey(1, KeyRW|KeyUpdate), Args: oneKeyArg(when, condition)}
	}
	show := func(name, since, summary string, h Handler) Spec {
		return Spec{Name: name, Arity: 2, Flags: ReadOnly | Fast, Group: "generic", Since: since, Handler: h,
			Summary: summary, Complexity: docO1, Keys: OneKey(1, KeyRO|KeyAccess), Args: oneKeyArg()}
	}
	ttlSpec := show("ttl", "1.0.0", "Tells how many seconds a key has to live; -1 for ever, -2 for no such key.", ttl)
	pttlSpec := show("pttl", "2.6.0", "Tells how many milliseconds a key has to live; -1 for ever, -2 for no such key.", pTTL)
	for _, s := range []*Spec{&ttlSpec, &pttlSpec} {
		s.History = [][2]string{{"2.8.0", "The reply -2."}}
		s.Hints = []string{hintVaries}
	}
	return []Spec{
		set("expire", "1.0.0", "Gives a key a time to live in seconds.", arg("seconds", "integer"), expire),
		set("pexpire", "2.6.0", "Gives a key a time to live in milliseconds.", arg("milliseconds", "integer"), pExpire),
		set("expireat", "1.2.0", "Lets a key expire at a Unix time.", arg("unix-time-seconds", "unix-time"), expireAt),
		set("pexpireat", "2.6.0", "Lets a key expire at a Unix time in milliseconds.", arg("unix-time-milliseconds", "unix-time"), pExpireAt),
		ttlSpec,
		pttlSpec,
		show("expiretime", "7.0.0", "Tells the Unix time at which a key expires; -1 for never, -2 for no such key.", expireTime),
		show("pexpiretime", "7.0.0", "Tells the Unix time in milliseconds at which a key expires; -1 for never, -2 for no such key.", pExpireTime),
		{Name: "persist", Arity: 2, Flags: Write | Fast, Group: "generic", Since: "2.2.0", Handler: persist,
			Summary: "Takes a key's expiry away.", Complexity: docO1,
			Keys: OneKey(1, KeyRW|KeyUpdate), Args: oneKeyArg()},
	}
}

// expireOptions are NX, XX, GT and LT.
type expireOptions struct{ nx, xx, gt, lt bool }

func (c *Ctx) parseExpire(args [][]byte) (o expireOptions, ok bool) {
	for _, a := range args {
		switch {
		case Is(a, "NX"):
			o.nx = true
		case Is(a, "XX"):
			o.xx = true
		case Is(a, "GT"):
			o.gt = true
		case Is(a, "LT"):
			o.lt = true
		default:
			c.Out.Errorf("ERR Unsupported option %s", a)
			return o, false
		}
	}
	switch {
	case o.nx && (o.xx || o.gt || o.lt):
		c.Out.Error("ERR NX and XX, GT or LT options at the same time are not compatible")
	case o.gt && o.lt:
		c.Out.Error("ERR GT and LT options at the same time are not compatible")
	default:
		return o, true
	}
	return o, false
}

// allow tells whether an expiry may become at where it is now; -1 is none, which
// is later than any.
func (o expireOptions) allow(now, at int64) bool {
	switch {
	case o.nx:
		return now == noExpiry
	case o.xx && now == noExpiry:
		return false
	case o.gt:
		return now != noExpiry && at > now
	case o.lt:
		return now == noExpiry || at < now
	}
	return true
}

// past tells whether an expiry has come already, so that the key goes at once.
// What a log brings back stays until the whole log is read.
func (c *Ctx) past(at int64) bool { return at <= c.Now() && !c.Replaying }

func expire(c *Ctx) { c.expireKey(inSeconds) }

func pExpire(c *Ctx) { c.expireKey(inMillis) }

func expireAt(c *Ctx) { c.expireKey(atSeconds) }

func pExpireAt(c *Ctx) { c.expireKey(atMillis) }

func (c *Ctx) expireKey(u unit) {
	o, ok := c.parseExpire(c.Args[3:])
	if !ok {
		return
	}
	at, ok := c.expireWhen(c.Args[2], u)
	if !ok {
		return
	}
	key := c.Args[1]
	if o != (expireOptions{}) {
		e, found := c.DB.Peek(key)
		if !found || !o.allow(e.ExpireAt(), at) {
			c.Out.Int(0)
			return
		}
	}
	if c.past(at) {
		if !c.DB.Delete(key) {
			c.Out.Int(0)
			return
		}
		c.deleted(key, c.LazyExpire)
		c.Out.Int(1)
		return
	}
	if !c.DB.SetExpire(key, max(at, 0)) { // before 1970 only from a log
		c.Out.Int(0)
		return
	}
	if u != atMillis {
		c.logExpiry(key, at)
	}
	c.Fx.Notify(EventGeneric, "expire", key)
	c.Fx.Dirty++
	c.Out.Int(1)
}

// expireWhen reads the time argument of EXPIRE, which may lie in the past, into
// Unix milliseconds.
func (c *Ctx) expireWhen(arg []byte, u unit) (int64, bool) {
	n, ok := c.Int(arg)
	if !ok {
		return 0, false
	}
	if u&unitSeconds != 0 {
		if n > math.MaxInt64/1000 || n < math.MinInt64/1000 {
			return c.badExpiry()
		}
		n *= 1000
	}
	if u&unitAbsolute == 0 {
		if n > math.MaxInt64-c.Now() {
			return c.badExpiry()
		}
		n += c.Now()
	}
	return n, true
}

// logExpiry gives the log PEXPIREAT with the options that the client gave.
func (c *Ctx) logExpiry(key []byte, at int64) {
	options := c.Args[3:]
	if len(options) == 0 {
		c.Fx.Replace(wordPExpireAt, key, c.Fx.Int(at))
		return
	}
	words := append(make([][]byte, 0, 8), wordPExpireAt, key, c.Fx.Int(at))
	c.Fx.Replace(append(words, options...)...)
}

func ttl(c *Ctx) { c.replyExpiry(true, false) }

func pTTL(c *Ctx) { c.replyExpiry(false, false) }

func expireTime(c *Ctx) { c.replyExpiry(true, true) }

func pExpireTime(c *Ctx) { c.replyExpiry(false, true) }

func (c *Ctx) replyExpiry(seconds, absolute bool) {
	var e keyspace.Entry
	e, found := c.readUntouched(c.Args[1])
	if !found {
		c.Out.Int(-2)
		return
	}
	n := e.ExpireAt()
	if n == noExpiry {
		c.Out.Int(-1)
		return
	}
	if !absolute {
		n = max(0, n-c.Now())
	}
	if seconds {
		n = int64((uint64(n) + 500) / 1000) // the last millisecond of int64 is a time too
	}
	c.Out.Int(n)
}

func persist(c *Ctx) {
	key := c.Args[1]
	if !c.DB.Persist(key) {
		c.Out.Int(0)
		return
	}
	c.Fx.Notify(EventGeneric, "persist", key)
	c.Fx.Dirty++
	c.Out.Int(1)
}
