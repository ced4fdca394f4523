package command

import (
	"bytes"
	"strconv"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// Sorted sets: ranges of ranks, scores and members.

func zsetRangeSpecs() []Spec {
	limit := Arg{Name: "offset_count", Type: "block", Token: "LIMIT", Sub: []Arg{arg("offset", "integer"),
		arg("count", "integer")}}
	return []Spec{
		{Name: "zrange", Arity: -4, Flags: ReadOnly, Group: "sorted-set", Since: "1.2.0", Handler: zrange,
			Summary:    "Returns the members in a range of ranks, scores or members.",
			Complexity: docLogNRange,
			History:    [][2]string{{"6.2.0", "The options `REV`, `BYSCORE`, `BYLEX` and `LIMIT`."}},
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("start", "string"), arg("stop", "string"), optional(oneOf("sortby", word("BYSCORE"),
				word("BYLEX")), "6.2.0"), optional(word("REV"), "6.2.0"), optional(limit, "6.2.0"),
				optional(word("WITHSCORES"), ""))},
		{Name: "zrevrange", Arity: -4, Flags: ReadOnly, Group: "sorted-set", Since: "1.2.0", Handler: zrevrange,
			Summary:    "Returns the members in a range of ranks, counted from the highest.",
			Complexity: docLogNRange,
			Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` argument",
			Keys: OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("start", "integer"), arg("stop", "integer"), optional(word("WITHSCORES"), ""))},
		{Name: "zrangebyscore", Arity: -4, Flags: ReadOnly, Group: "sorted-set", Since: "1.0.5",
			Handler:    zrangebyscore,
			Summary:    "Returns the members with scores in a range.",
			Complexity: docLogNRange,
			Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYSCORE` argument",
			History: [][2]string{{"2.0.0", "The option `WITHSCORES`."}},
			Keys:    OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("min", "double"), arg("max", "double"), optional(word("WITHSCORES"), "2.0.0"),
				optional(limit, ""))},
		{Name: "zrevrangebyscore", Arity: -4, Flags: ReadOnly, Group: "sorted-set", Since: "2.2.0",
			Handler:    zrevrangebyscore,
			Summary:    "Returns the members with scores in a range, the highest first.",
			Complexity: docLogNRange,
			Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYSCORE` arguments",
			History: [][2]string{{"2.1.6", "The ends may be left out with `(`."}},
			Keys:    OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("max", "double"), arg("min", "double"), optional(word("WITHSCORES"), ""),
				optional(limit, ""))},
		{Name: "zrangebylex", Arity: -4, Flags: ReadOnly, Group: "sorted-set", Since: "2.8.9", Handler: zrangebylex,
			Summary:    "Returns the members in a range of members.",
			Complexity: docLogNRange,
			Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `BYLEX` argument",
			Keys: OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("min", "string"), arg("max", "string"), optional(limit, ""))},
		{Name: "zrevrangebylex", Arity: -4, Flags: ReadOnly, Group: "sorted-set", Since: "2.8.9",
			Handler:    zrevrangebylex,
			Summary:    "Returns the members in a range of members, the last first.",
			Complexity: docLogNRange,
			Deprecated: "6.2.0", ReplacedBy: "`ZRANGE` with the `REV` and `BYLEX` arguments",
			Keys: OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("max", "string"), arg("min", "string"), optional(limit, ""))},
		{Name: "zrangestore", Arity: -5, Flags: Write | DenyOOM, Group: "sorted-set", Since: "6.2.0",
			Handler:    zrangestore,
			Summary:    "Stores the members in a range of ranks, scores or members.",
			Complexity: docLogNRange,
			Keys:       []KeySpec{OneKey(1, KeyOW|KeyUpdate)[0], OneKey(2, KeyRO|KeyAccess)[0]},
			Args: []Arg{keyArg("dst", 0), keyArg("src", 1), arg("min", "string"), arg("max", "string"),
				optional(oneOf("sortby", word("BYSCORE"), word("BYLEX")), ""), optional(word("REV"), ""),
				optional(limit, "")}},
	}
}

func zsetSpanSpecs() []Spec {
	return []Spec{
		{Name: "zcount", Arity: 4, Flags: ReadOnly | Fast, Group: "sorted-set", Since: "2.0.0", Handler: zcount,
			Summary:    "Counts the members with scores in a range.",
			Complexity: docLogN,
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(arg("min", "double"), arg("max", "double"))},
		{Name: "zlexcount", Arity: 4, Flags: ReadOnly | Fast, Group: "sorted-set", Since: "2.8.9", Handler: zlexcount,
			Summary:    "Counts the members in a range of members.",
			Complexity: docLogN,
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args:       oneKeyArg(arg("min", "string"), arg("max", "string"))},
		{Name: "zremrangebyrank", Arity: 4, Flags: Write, Group: "sorted-set", Since: "2.0.0",
			Handler:    zremrangebyrank,
			Summary:    "Removes the members in a range of ranks.",
			Complexity: docLogNRange,
			Keys:       OneKey(1, KeyRW|KeyDelete),
			Args:       oneKeyArg(arg("start", "integer"), arg("stop", "integer"))},
		{Name: "zremrangebyscore", Arity: 4, Flags: Write, Group: "sorted-set", Since: "1.2.0",
			Handler:    zremrangebyscore,
			Summary:    "Removes the members with scores in a range.",
			Complexity: docLogNRange,
			Keys:       OneKey(1, KeyRW|KeyDelete),
			Args:       oneKeyArg(arg("min", "double"), arg("max", "double"))},
		{Name: "zremrangebylex", Arity: 4, Flags: Write, Group: "sorted-set", Since: "2.8.9", Handler: zremrangebylex,
			Summary:    "Removes the members in a range of members.",
			Complexity: docLogNRange,
			Keys:       OneKey(1, KeyRW|KeyDelete),
			Args:       oneKeyArg(arg("min", "string"), arg("max", "string"))},
	}
}

// rangeKind is what the ends of a range are.
type rangeKind uint8

const (
	rangeAuto rangeKind = iota // as an option says, else ranks
	rangeRank
	rangeScore
	rangeLex
)

// zrangeOptions are those of ZRANGE and its relatives.
type zrangeOptions struct {
	kind          rangeKind
	reverse       bool
	mayReverse    bool // REV is an option
	store         bool
	withScores    bool
	offset, limit int64 // limit -1: no limit
	start, stop   int64 // of ranks
	scores        keyspace.ScoreRange
	members       keyspace.LexRange
}

// parse reads the options behind the ends; when they are no good it replies the error.
func (o *zrangeOptions) parse(c *Ctx, args [][]byte) (ok bool) {
	for i := 0; i < len(args); i++ {
		switch a := args[i]; {
		case !o.store && Is(a, "WITHSCORES"):
			o.withScores = true
		case i+2 < len(args) && Is(a, "LIMIT"):
			if o.offset, ok = c.Int(args[i+1]); !ok {
				return false
			}
			if o.limit, ok = c.Int(args[i+2]); !ok {
				return false
			}
			i += 2
		case o.mayReverse && Is(a, "REV"):
			o.reverse, o.mayReverse = true, false
		case o.kind == rangeAuto && Is(a, "BYLEX"):
			o.kind = rangeLex
		case o.kind == rangeAuto && Is(a, "BYSCORE"):
			o.kind = rangeScore
		default:
			c.Out.Error(ErrSyntax)
			return false
		}
	}
	if o.kind == rangeAuto {
		o.kind = rangeRank
	}
	switch {
	case o.limit != -1 && o.kind == rangeRank:
		c.Out.Error("ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX")
	case o.withScores && o.kind == rangeLex:
		c.Out.Error("ERR syntax error, WITHSCORES not supported in combination with BYLEX")
	default:
		return true
	}
	return false
}

// parseEnds reads the two ends; when they are no good it replies the error.
func (o *zrangeOptions) parseEnds(c *Ctx, from, to []byte) (ok bool) {
	if o.kind == rangeRank {
		if o.start, ok = c.Int(from); ok {
			o.stop, ok = c.Int(to)
		}
		return ok
	}
	if o.reverse {
		from, to = to, from
	}
	if o.kind == rangeScore {
		o.scores, ok = c.scoreRange(from, to)
	} else {
		o.members, ok = c.lexRange(from, to)
	}
	return ok
}

// scoreRange reads a range of scores; when it is no good it replies the error.
func (c *Ctx) scoreRange(from, to []byte) (r keyspace.ScoreRange, ok bool) {
	if r.Min, r.MinEx, ok = scoreEnd(from); ok {
		r.Max, r.MaxEx, ok = scoreEnd(to)
	}
	if !ok {
		c.Out.Error("ERR min or max is not a float")
	}
	return r, ok
}

// scoreEnd reads an end as C's strtod does behind an optional parenthesis: it ends at
// a zero byte, blanks may stand before it, nothing at all is 0, and what is too large
// is infinite.
func scoreEnd(b []byte) (score float64, exclusive, ok bool) {
	if len(b) > 0 && b[0] == '(' {
		b, exclusive = b[1:], true
	}
	if i := bytes.IndexByte(b, 0); i >= 0 {
		b = b[:i]
	}
	if len(b) == 0 {
		return 0, exclusive, true
	}
	b = bytes.TrimLeft(b, " \t\n\v\f\r")
	if score, ok = num.ParseFloat(b); ok || len(bytes.Trim(b, "+-.0123456789abcdefABCDEFpPxX")) > 0 {
		return score, exclusive, ok
	}
	score, err := strconv.ParseFloat(string(b), 64)
	return score, exclusive, err == nil || isRange(err)
}

// isRange tells whether a number was well formed and merely too large.
func isRange(err error) bool {
	e, ok := err.(*strconv.NumError)
	return ok && e.Err == strconv.ErrRange
}

// lexRange reads a range of members; when it is no good it replies the error.
func (c *Ctx) lexRange(from, to []byte) (r keyspace.LexRange, ok bool) {
	if r.Min, ok = lexEnd(from); ok {
		r.Max, ok = lexEnd(to)
	}
	if !ok {
		c.Out.Error("ERR min or max not valid string range item")
	}
	return r, ok
}

func lexEnd(b []byte) (end keyspace.LexBound, ok bool) {
	if len(b) == 0 {
		return end, false
	}
	switch b[0] {
	case '(', '[':
		return keyspace.LexBound{Text: b[1:], Ex: b[0] == '('}, true
	case '+', '-':
		end.Kind, end.Ex = keyspace.LexHighest, true
		if b[0] == '-' {
			end.Kind = keyspace.LexLowest
		}
		return end, len(b) == 1 || b[1] == 0
	}
	return end, false
}

// span is what the range holds: the rank of its first member, counted in the range's
// direction, and how many there are.
func (o *zrangeOptions) span(z *keyspace.SortedSet) (from, n int) {
	size := z.Len()
	if o.kind == rangeRank {
		return rankSpan(o.start, o.stop, size)
	}
	if o.kind == rangeScore {
		from, n = z.ScoreRanks(&o.scores)
	} else {
		from, n = z.LexRanks(&o.members, o.reverse)
	}
	if o.offset < 0 || o.offset >= int64(n) {
		return 0, 0
	}
	if o.reverse {
		from = size - from - n
	}
	from, n = from+int(o.offset), n-int(o.offset)
	if o.limit >= 0 {
		n = int(min(int64(n), o.limit))
	}
	return from, n
}

// rankSpan turns ranks as commands give them, negative ones from the end, into the
// first and how many.
func rankSpan(start, stop int64, size int) (from, n int) {
	length := int64(size)
	if start < 0 {
		start = max(start+length, 0)
	}
	if stop < 0 {
		stop += length
	}
	if start > stop || start >= length {
		return 0, 0
	}
	return int(start), int(min(stop, length-1) - start + 1)
}

func zrange(c *Ctx) { c.listRange(zrangeOptions{mayReverse: true}) }

func zrevrange(c *Ctx) { c.listRange(zrangeOptions{kind: rangeRank, reverse: true}) }

func zrangebyscore(c *Ctx) { c.listRange(zrangeOptions{kind: rangeScore}) }

func zrevrangebyscore(c *Ctx) { c.listRange(zrangeOptions{kind: rangeScore, reverse: true}) }

func zrangebylex(c *Ctx) { c.listRange(zrangeOptions{kind: rangeLex}) }

func zrevrangebylex(c *Ctx) { c.listRange(zrangeOptions{kind: rangeLex, reverse: true}) }

func (c *Ctx) listRange(o zrangeOptions) {
	o.limit = -1
	if !o.parse(c, c.Args[4:]) || !o.parseEnds(c, c.Args[2], c.Args[3]) {
		return
	}
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	from, n := 0, 0
	if found {
		from, n = o.span(&z)
	}
	c.replyPairs(int64(n), o.withScores)
	if n == 0 {
		return
	}
	for at := z.At(from, o.reverse); n > 0; n-- {
		c.replyMember(&at, o.withScores)
		at.Next()
	}
}

func zrangestore(c *Ctx) {
	o := zrangeOptions{store: true, mayReverse: true, limit: -1}
	if !o.parse(c, c.Args[5:]) || !o.parseEnds(c, c.Args[3], c.Args[4]) {
		return
	}
	z, found, good := c.readZSet(c.Args[2])
	if !good {
		return
	}
	from, n := 0, 0
	if found {
		from, n = o.span(&z)
	}
	if n == 0 {
		c.storeNothing(c.Args[1])
		return
	}
	t := c.KS.NewZTemp(n)
	// What passes through a listpack loses the sign of zero, as in Redis.
	limits := &c.KS.Limits
	packed := o.kind != rangeRank || n <= limits.ZSetEntries
	for at := z.At(from, o.reverse); n > 0; n-- {
		member := at.Member()
		packed = packed && t.Len() < limits.ZSetEntries && len(member) <= limits.ZSetValue
		score, _ := t.Slot(member)
		if *score = at.Score(); packed && *score == 0 {
			*score = 0
		}
		at.Next()
	}
	c.storeZSet(c.Args[1], &t, "zrangestore", 1)
}

// storeZSet makes key the sorted set t, or deletes key when t is empty, replies how
// many members it has, and counts dirty changes.
func (c *Ctx) storeZSet(key []byte, t *keyspace.ZTemp, event string, dirty int64) {
	n := t.Len()
	if n == 0 {
		t.Free()
		c.storeNothing(key)
		return
	}
	c.Out.Int(int64(n))
	t.Finish()
	_, existed := c.DB.Peek(key)
	c.DB.StoreZSet(key, t)
	c.created(key, existed)
	c.Fx.Notify(EventZSet, event, key)
	c.Fx.Dirty += dirty
}

// storeNothing deletes a key that an empty result is stored at, and replies 0.
func (c *Ctx) storeNothing(key []byte) {
	remove := c.DB.Delete
	if c.LazyServerDel {
		remove = c.DB.Unlink
	}
	if remove(key) {
		c.Fx.Notify(EventGeneric, "del", key)
		c.Fx.Dirty++
	}
	c.Out.Int(0)
}

func zcount(c *Ctx) {
	r, ok := c.scoreRange(c.Args[2], c.Args[3])
	if !ok {
		return
	}
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	n := 0
	if found {
		_, n = z.ScoreRanks(&r)
	}
	c.Out.Int(int64(n))
}

func zlexcount(c *Ctx) {
	r, ok := c.lexRange(c.Args[2], c.Args[3])
	if !ok {
		return
	}
	z, found, good := c.readZSet(c.Args[1])
	if !good {
		return
	}
	n := 0
	if found {
		_, n = z.LexRanks(&r, false)
	}
	c.Out.Int(int64(n))
}

func zremrangebyrank(c *Ctx) { c.removeRange(rangeRank, "zremrangebyrank") }

func zremrangebyscore(c *Ctx) { c.removeRange(rangeScore, "zremrangebyscore") }

func zremrangebylex(c *Ctx) { c.removeRange(rangeLex, "zremrangebylex") }

func (c *Ctx) removeRange(kind rangeKind, event string) {
	o := zrangeOptions{kind: kind, limit: -1}
	if !o.parseEnds(c, c.Args[2], c.Args[3]) {
		return
	}
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.ZSet)
	if !good {
		return
	}
	n := 0
	if found {
		z := e.ZSet()
		var from int
		from, n = o.span(&z)
		z.RemoveRange(from, n)
		c.zsetShrunk(key, &z, event, int64(n))
	}
	c.Out.Int(int64(n))
}
