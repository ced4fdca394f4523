package command

import (
	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// Sorted sets: single members. Ranges, set operations and pops have files of their own.

const (
	docLogN      = "O(log(N)) with N members in the sorted set."
	docLogNEach  = "O(log(N)) for each member that is given, with N members in the sorted set."
	docLogNRange = "O(log(N)+M) with N members in the sorted set and M of them in the range."
	docONMembers = "O(N) where N is the number of members that are asked for."
)

func zsetSpecs() []Spec {
	rows := zsetMemberSpecs()
	for _, more := range [][]Spec{zsetReadSpecs(), zsetRangeSpecs(), zsetSpanSpecs(), zsetCombineSpecs(), zsetPopSpecs()} {
		rows = append(rows, more...)
	}
	return rows
}

func zsetMemberSpecs() []Spec {
	return []Spec{
		{Name: "zadd", Arity: -4, Flags: Write | DenyOOM | Fast, Group: "sorted-set", Since: "1.2.0", Handler: zadd,
			Summary:    "Gives members of a sorted set their scores, adding those that are new.",
			Complexity: docLogNEach,
			History: [][2]string{{"2.4.0", "Takes several members."},
				{"3.0.2", "The options `XX`, `NX`, `CH` and `INCR`."}, {"6.2.0", "The options `GT` and `LT`."}},
			Keys: OneKey(1, KeyRW|KeyUpdate),
			Args: oneKeyArg(optional(oneOf("condition", word("NX"), word("XX")), "3.0.2"),
				optional(oneOf("comparison", word("GT"), word("LT")), "6.2.0"),
				optional(Arg{Name: "change", Type: "pure-token", Token: "CH"}, "3.0.2"),
				optional(Arg{Name: "increment", Type: "pure-token", Token: "INCR"}, "3.0.2"),
				many(Arg{Name: "score_member", Type: "block",
					Sub: []Arg{arg("score", "double"), arg("member", "string")}}))},
		{Name: "zincrby", Arity: 4, Flags: Write | DenyOOM | Fast, Group: "sorted-set", Since: "1.2.0",
			Handler:    zincrby,
			Summary:    "Adds to the score of a member.",
			Complexity: docLogN,
			Keys:       OneKey(1, KeyRW|KeyAccess|KeyUpdate),
			Args:       oneKeyArg(arg("increment", "integer"), arg("member", "string"))},
		{Name: "zrem", Arity: -3, Flags: Write | Fast, Group: "sorted-set", Since: "1.2.0", Handler: zrem,
			Summary:    "Removes members from a sorted set.",
			Complexity: docLogNEach,
			History:    [][2]string{{"2.4.0", "Takes several members."}},
			Keys:       OneKey(1, KeyRW|KeyDelete),
			Args:       oneKeyArg(many(arg("member", "string")))},
		{Name: "zcard", Arity: 2, Flags: ReadOnly | Fast, Group: "sorted-set", Since: "1.2.0", Handler: zcard,
			Summary:    "Returns the number of members of a sorted set.",
			Complexity: docO1,
			Keys:       OneKey(1, KeyRO),
			Args:       oneKeyArg()},
	}
}

func zsetReadSpecs() []Spec {
	return []Spec{
		{Name: "zscore", Arity: 3, Flags: ReadOnly | Fast, Group: "sorted-set", Since: "1.2.0", Handler: zscore,
			Summary:    "Returns the score of a member.",
			Complexity: docO1,
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(arg("member", "string"))},
		{Name: "zmscore", Arity: -3, Flags: ReadOnly | Fast, Group: "sorted-set", Since: "6.2.0", Handler: zmscore,
			Summary:    "Returns the scores of members.",
			Complexity: docONMembers,
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(many(arg("member", "string")))},
		{Name: "zrank", Arity: -3, Flags: ReadOnly | Fast, Group: "sorted-set", Since: "2.0.0", Handler: zrank,
			Summary:    "Returns how many members have lower scores than one.",
			Complexity: docLogN,
			History:    [][2]string{{"7.2.0", "The option `WITHSCORE`."}},
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(arg("member", "string"), optional(word("WITHSCORE"), "7.2.0"))},
		{Name: "zrevrank", Arity: -3, Flags: ReadOnly | Fast, Group: "sorted-set", Since: "2.0.0", Handler: zrevrank,
			Summary:    "Returns how many members have higher scores than one.",
			Complexity: docLogN,
			History:    [][2]string{{"7.2.0", "The option `WITHSCORE`."}},
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(arg("member", "string"), optional(word("WITHSCORE"), "7.2.0"))},
		{Name: "zscan", Arity: -3, Flags: ReadOnly, Group: "sorted-set", Since: "2.8.0", Handler: zscan,
			Summary:    "Iterates over the members and scores of a sorted set, some at each call.",
			Complexity: "O(1) for a call; O(N) for a whole iteration over N members.",
			Hints:      []string{hintVaries},
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("cursor", "integer"), optional(with("MATCH", "pattern", "pattern"), ""),
				optional(with("COUNT", "count", "integer"), ""))},
		{Name: "zrandmember", Arity: -2, Flags: ReadOnly, Group: "sorted-set", Since: "6.2.0", Handler: zrandmember,
			Summary:    "Returns members of a sorted set by chance.",
			Complexity: docONMembers,
			Hints:      []string{hintVaries},
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(optional(Arg{Name: "options", Type: "block", Sub: []Arg{arg("count", "integer"),
				optional(word("WITHSCORES"), "")}}, ""))},
	}
}

// Float reads a double argument; when it is none it replies Redis's error.
func (c *Ctx) Float(arg []byte) (float64, bool) { return c.float(arg, ErrNotFloat) }

func (c *Ctx) float(arg []byte, message string) (float64, bool) {
	f, ok := num.ParseFloat(arg)
	if !ok {
		c.Out.Error(message)
	}
	return f, ok
}

// intFrom reads an integer that must not be below min; when it is no good it replies
// message.
func (c *Ctx) intFrom(arg []byte, min int64, message string) (int64, bool) {
	n, ok := num.ParseInt(arg)
	if !ok || n < min {
		c.Out.Error(message)
		return 0, false
	}
	return n, true
}

// zaddOptions are those of ZADD.
type zaddOptions struct {
	how     keyspace.ZAdd
	changed bool // CH: reply how many changed
}

// parse reads the options in front and tells how many there are.
func (o *zaddOptions) parse(args [][]byte) int {
	for i, a := range args {
		switch {
		case Is(a, "NX"):
			o.how |= keyspace.ZNX
		case Is(a, "XX"):
			o.how |= keyspace.ZXX
		case Is(a, "GT"):
			o.how |= keyspace.ZGT
		case Is(a, "LT"):
			o.how |= keyspace.ZLT
		case Is(a, "INCR"):
			o.how |= keyspace.ZIncr
		case Is(a, "CH"):
			o.changed = true
		default:
			return i
		}
	}
	return len(args)
}

// conflict is the error of options that exclude each other, or "".
func (o *zaddOptions) conflict(members int) string {
	has := func(f keyspace.ZAdd) bool { return o.how&f == f }
	switch {
	case has(keyspace.ZNX | keyspace.ZXX):
		return "ERR XX and NX options at the same time are not compatible"
	case has(keyspace.ZGT | keyspace.ZNX), has(keyspace.ZLT | keyspace.ZNX), has(keyspace.ZGT | keyspace.ZLT):
		return "ERR GT, LT, and/or NX options at the same time are not compatible"
	case has(keyspace.ZIncr) && members > 1:
		return "ERR INCR option supports a single increment-element pair"
	}
	return ""
}

func zadd(c *Ctx) { c.addScores(zaddOptions{}) }

func zincrby(c *Ctx) { c.addScores(zaddOptions{how: keyspace.ZIncr}) }

func (c *Ctx) addScores(o zaddOptions) {
	pairs := c.Args[2:]
	pairs = pairs[o.parse(pairs):]
	if len(pairs)%2 != 0 || len(pairs) == 0 {
		c.Out.Error(ErrSyntax)
		return
	}
	if message := o.conflict(len(pairs) / 2); message != "" {
		c.Out.Error(message)
		return
	}
	for i := 0; i < len(pairs); i += 2 { // all of them before anything is changed
		if _, ok := c.Float(pairs[i]); !ok {
			return
		}
	}
	c.putScores(pairs, o)
}

// putScores carries out ZADD with pairs of score and member, which are good.
func (c *Ctx) putScores(pairs [][]byte, o zaddOptions) {
	key, incr := c.Args[1], o.how&keyspace.ZIncr != 0
	e, found, good := c.WriteType(key, keyspace.ZSet)
	switch {
	case !good:
		return
	case !found && o.how&keyspace.ZXX != 0 && incr:
		c.Out.Null()
		return
	case !found && o.how&keyspace.ZXX != 0:
		c.Out.Int(0)
		return
	case !found:
		e = c.DB.NewZSet(key, 1, len(pairs[1]))
		c.created(key, false)
	}
	z := e.ZSet()
	added, updated := int64(0), int64(0)
	var score float64
	var done keyspace.ZDone
	for i := 0; i < len(pairs); i += 2 {
		f, _ := num.ParseFloat(pairs[i])
		score, done = z.Put(pairs[i+1], f, o.how)
		switch done {
		case keyspace.ZAdded:
			added++
		case keyspace.ZUpdated:
			updated++
		case keyspace.ZNaN:
			c.Out.Error("ERR resulting score is not a number (NaN)")
			return
		}
	}
	if added+updated > 0 {
		event := "zadd"
		if incr {
			event = "zincr"
		}
		c.Fx.Notify(EventZSet, event, key)
		c.Fx.Dirty += added + updated
	}
	switch {
	case incr && done == keyspace.ZNothing:
		c.Out.Null()
	case incr:
		c.Out.Double(score)
	case o.changed:
		c.Out.Int(added + updated)
	default:
		c.Out.Int(added)
	}
}

func zrem(c *Ctx) {
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.ZSet)
	if !good {
		return
	}
	n := int64(0)
	if found {
		z := e.ZSet()
		for _, m := range c.Args[2:] {
			if z.Remove(m) {
				n++
			}
			if z.Len() == 0 {
				break
			}
		}
		c.zsetShrunk(key, &z, "zrem", n)
	}
	c.Out.Int(n)
}

// zsetShrunk records that an event took n members out of key, and deletes it when
// none is left.
func (c *Ctx) zsetShrunk(key []byte, z *keyspace.SortedSet, event string, n int64) {
	if n == 0 {
		return
	}
	c.Fx.Dirty += n
	c.Fx.Notify(EventZSet, event, key)
	if z.Len() == 0 {
		c.DB.Delete(key)
		c.Fx.Notify(EventGeneric, "del", key)
	}
}

// readZSet opens the sorted set at the first key; a missing one is good and empty.
func (c *Ctx) readZSet(key []byte) (z keyspace.SortedSet, found, good bool) {
	e, found, good := c.ReadType(key, keyspace.ZSet)
	if found && good {
		z = e.ZSet()
	}
	return z, found, good
}

func zcard(c *Ctx) {
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	n := 0
	if found {
		n = z.Len()
	}
	c.Out.Int(int64(n))
}

func zscore(c *Ctx) {
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	c.replyScore(&z, found, c.Args[2])
}

func (c *Ctx) replyScore(z *keyspace.SortedSet, found bool, member []byte) {
	if found {
		if score, ok := z.Score(member); ok {
			c.Out.Double(score)
			return
		}
	}
	c.Out.Null()
}

func zmscore(c *Ctx) {
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, m := range c.Args[2:] {
		c.replyScore(&z, found, m)
	}
}

func zrank(c *Ctx) { c.replyRank(false) }

func zrevrank(c *Ctx) { c.replyRank(true) }

func (c *Ctx) replyRank(reverse bool) {
	withScore := false
	switch {
	case len(c.Args) > 4:
		c.Out.Errorf("ERR wrong number of arguments for '%s' command", c.Spec.FullName)
		return
	case len(c.Args) == 4 && !Is(c.Args[3], "WITHSCORE"):
		c.Out.Error(ErrSyntax)
		return
	case len(c.Args) == 4:
		withScore = true
	}
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	rank := 0
	if found {
		rank, found = z.Rank(c.Args[2])
	}
	switch {
	case !found && withScore:
		c.Out.NullArray()
		return
	case !found:
		c.Out.Null()
		return
	case reverse:
		rank = z.Len() - 1 - rank
	}
	if withScore {
		c.Out.Array(2)
	}
	c.Out.Int(int64(rank))
	if withScore {
		score, _ := z.Score(c.Args[2])
		c.Out.Double(score)
	}
}
