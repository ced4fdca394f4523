package command

import "redisd/pkg/keyspace"

// Sorted sets: taking the lowest or highest members out, also when there are none yet.

const (
	docPop     = "O(M*log(N)) with N members in the sorted set and M that are popped."
	docPopKeys = "O(K+M*log(N)) with K keys, N members in the sorted set and M that are popped."
)

func zsetPopSpecs() []Spec {
	where := oneOf("where", word("MIN"), word("MAX"))
	return []Spec{
		{Name: "zpopmin", Arity: -2, Flags: Write | Fast, Group: "sorted-set", Since: "5.0.0", Handler: zpopmin,
			Summary:    "Pops the lowest members of a sorted set.",
			Complexity: docPop,
			Keys:       OneKey(1, KeyRW|KeyAccess|KeyDelete),
			Args:       oneKeyArg(optional(arg("count", "integer"), ""))},
		{Name: "zpopmax", Arity: -2, Flags: Write | Fast, Group: "sorted-set", Since: "5.0.0", Handler: zpopmax,
			Summary:    "Pops the highest members of a sorted set.",
			Complexity: docPop,
			Keys:       OneKey(1, KeyRW|KeyAccess|KeyDelete),
			Args:       oneKeyArg(optional(arg("count", "integer"), ""))},
		{Name: "zmpop", Arity: -4, Flags: Write, Group: "sorted-set", Since: "7.0.0", Handler: zmpop,
			Summary:    "Pops the lowest or highest members of the first sorted set that has any.",
			Complexity: docPopKeys,
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess | KeyDelete, Index: 1, KeyNum: true, NumIdx: 0, FirstOf: 1,
				NumStep: 1}},
			Args: []Arg{arg("numkeys", "integer"), many(keyArg("key", 0)), where, optional(with("COUNT", "count",
				"integer"), "")}},
		{Name: "bzpopmin", Arity: -3, Flags: Write | NoScript | Blocking | Fast, Group: "sorted-set",
			Since: "5.0.0", Handler: bzpopmin,
			Summary:    "Pops the lowest member of the first sorted set that has one, or waits for one.",
			Complexity: docLogN,
			History:    [][2]string{{"6.0.0", "`timeout` may have a fraction."}},
			Keys:       []KeySpec{{Flags: KeyRW | KeyAccess | KeyDelete, Index: 1, Last: -2, Step: 1}},
			Args:       []Arg{many(keyArg("key", 0)), arg("timeout", "double")}},
		{Name: "bzpopmax", Arity: -3, Flags: Write | NoScript | Blocking | Fast, Group: "sorted-set",
			Since: "5.0.0", Handler: bzpopmax,
			Summary:    "Pops the highest member of the first sorted set that has one, or waits for one.",
			Complexity: docLogN,
			History:    [][2]string{{"6.0.0", "`timeout` may have a fraction."}},
			Keys:       []KeySpec{{Flags: KeyRW | KeyAccess | KeyDelete, Index: 1, Last: -2, Step: 1}},
			Args:       []Arg{many(keyArg("key", 0)), arg("timeout", "double")}},
		{Name: "bzmpop", Arity: -5, Flags: Write | Blocking, Group: "sorted-set", Since: "7.0.0", Handler: bzmpop,
			Summary:    "Pops the lowest or highest members of the first sorted set that has any, or waits for one.",
			Complexity: docPopKeys,
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess | KeyDelete, Index: 2, KeyNum: true, NumIdx: 0, FirstOf: 1,
				NumStep: 1}},
			Args: []Arg{arg("timeout", "double"), arg("numkeys", "integer"), many(keyArg("key", 0)), where,
				optional(with("COUNT", "count", "integer"), "")}},
	}
}

// zpop is what a pop is to take, and how it replies.
type zpop struct {
	max    bool
	count  int64
	key    bool // the key comes first
	nested bool // an array for each pair
}

func (p *zpop) event() string {
	if p.max {
		return "zpopmax"
	}
	return "zpopmin"
}

func (p *zpop) word() []byte {
	if p.max {
		return wordZPopMax
	}
	return wordZPopMin
}

func zpopmin(c *Ctx) { c.zpopMembers(false) }

func zpopmax(c *Ctx) { c.zpopMembers(true) }

func (c *Ctx) zpopMembers(max bool) {
	p := zpop{max: max, count: 1}
	switch len(c.Args) {
	case 2:
	case 3:
		var ok bool
		if p.count, ok = c.intFrom(c.Args[2], 0, ErrPositive); !ok {
			return
		}
		p.nested = c.Out.Proto >= 3
	default:
		c.Out.Error(ErrSyntax)
		return
	}
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.ZSet)
	switch {
	case !good:
	case !found || p.count == 0:
		c.Out.Array(0)
	default:
		c.zpop(key, e, p)
	}
}

// zpop takes members out of the sorted set at key, which has some, and replies them.
func (c *Ctx) zpop(key []byte, e keyspace.Entry, p zpop) (popped int64) {
	z := e.ZSet()
	size := z.Len()
	n := int(min(p.count, int64(size)))
	switch {
	case p.key && p.nested:
		c.Out.Array(2)
		c.Out.Bulk(key)
		c.Out.Array(n)
	case p.key:
		c.Out.Array(2*n + 1)
		c.Out.Bulk(key)
	case p.nested:
		c.Out.Array(n)
	default:
		c.Out.Array(2 * n)
	}
	at := z.At(0, p.max)
	for range n {
		if p.nested {
			c.Out.Array(2)
		}
		c.Out.Bulk(at.Member())
		c.Out.Double(at.Score())
		at.Next()
	}
	from := 0
	if p.max {
		from = size - n
	}
	z.RemoveRange(from, n)
	c.zsetShrunk(key, &z, p.event(), int64(n))
	return int64(n)
}

// zpopFirst pops from the first of the keys that exists. done is false when none does;
// good is false when it replied an error.
func (c *Ctx) zpopFirst(keys [][]byte, p zpop) (key []byte, n int64, done, good bool) {
	for _, key := range keys {
		e, found, good := c.WriteType(key, keyspace.ZSet)
		if !good {
			return nil, 0, false, false
		}
		if found {
			return key, c.zpop(key, e, p), true, true
		}
	}
	return nil, 0, false, true
}

// zmanyPop are the arguments of ZMPOP and BZMPOP, from numkeys on.
func (c *Ctx) zmanyPop(args [][]byte) (keys [][]byte, p zpop, ok bool) {
	p = zpop{key: true, nested: true}
	n, ok := c.intFrom(args[0], 1, "ERR numkeys should be greater than 0")
	if !ok {
		return nil, p, false
	}
	args = args[1:]
	if n >= int64(len(args)) {
		c.Out.Error(ErrSyntax)
		return nil, p, false
	}
	keys, args = args[:n], args[n:]
	switch {
	case Is(args[0], "MIN"):
	case Is(args[0], "MAX"):
		p.max = true
	default:
		c.Out.Error(ErrSyntax)
		return nil, p, false
	}
	for args = args[1:]; len(args) > 0; args = args[2:] {
		if len(args) < 2 || p.count != 0 || !Is(args[0], "COUNT") {
			c.Out.Error(ErrSyntax)
			return nil, p, false
		}
		if p.count, ok = c.intFrom(args[1], 1, "ERR count should be greater than 0"); !ok {
			return nil, p, false
		}
	}
	p.count = max(p.count, 1)
	return keys, p, true
}

func zmpop(c *Ctx) {
	keys, p, ok := c.zmanyPop(c.Args[1:])
	if !ok {
		return
	}
	key, n, done, good := c.zpopFirst(keys, p)
	switch {
	case !good:
	case done:
		c.Fx.Replace(p.word(), key, c.Fx.Int(n))
	default:
		c.Out.NullArray()
	}
}

func bzpopmin(c *Ctx) { c.waitForMember(false) }

func bzpopmax(c *Ctx) { c.waitForMember(true) }

func (c *Ctx) waitForMember(max bool) {
	last := len(c.Args) - 1
	timeout, ok := c.Timeout(c.Args[last])
	if !ok {
		return
	}
	p := zpop{max: max, count: 1, key: true}
	key, _, done, good := c.zpopFirst(c.Args[1:last], p)
	switch {
	case !good:
	case done:
		c.Fx.Replace(p.word(), key)
	default:
		c.Block(c.Args[1:last], keyspace.ZSet, timeout, NullArray)
	}
}

func bzmpop(c *Ctx) {
	keys, p, ok := c.zmanyPop(c.Args[2:])
	if !ok {
		return
	}
	timeout, ok := c.Timeout(c.Args[1])
	if !ok {
		return
	}
	key, n, done, good := c.zpopFirst(keys, p)
	switch {
	case !good:
	case done:
		c.Fx.Replace(p.word(), key, c.Fx.Int(n))
	default:
		c.Block(keys, keyspace.ZSet, timeout, NullArray)
	}
}
