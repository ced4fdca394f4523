package command

import (
	"math"
	"slices"

	"redisd/pkg/keyspace"
)

// Unions, intersections and differences of sorted sets, and of sets, whose members
// count with score 1.

const (
	docUnion     = "O(N)+O(M*log(M)) with N members in all inputs together and M in the result."
	docInter     = "O(N*K)+O(M*log(M)) at worst with N members in the smallest of K inputs and M in the result."
	docInterCard = "O(N*K) at worst with N members in the smallest of K inputs."
	docDiff      = "O(L+(N-K)*log(N)) at worst with L members in all inputs together, N in the first and K in the result."
)

func zsetCombineSpecs() []Spec {
	weights := optional(many(with("WEIGHTS", "weight", "integer")), "")
	aggregate := Arg{Name: "aggregate", Type: "oneof", Token: "AGGREGATE",
		Sub: []Arg{word("SUM"), word("MIN"), word("MAX")}}
	return []Spec{
		{Name: "zunion", Arity: -3, Flags: ReadOnly, Group: "sorted-set", Since: "6.2.0", Handler: zunion,
			Summary:    "Returns what is in any of several sorted sets.",
			Complexity: docUnion,
			Keys:       []KeySpec{{Flags: KeyRO | KeyAccess, Index: 1, KeyNum: true, NumIdx: 0, FirstOf: 1, NumStep: 1}},
			Args: []Arg{arg("numkeys", "integer"), many(keyArg("key", 0)), weights, optional(aggregate, ""),
				optional(word("WITHSCORES"), "")}},
		{Name: "zunionstore", Arity: -4, Flags: Write | DenyOOM, Group: "sorted-set", Since: "2.0.0",
			Handler:    zunionstore,
			Summary:    "Stores what is in any of several sorted sets.",
			Complexity: docUnion,
			Keys: []KeySpec{OneKey(1, KeyOW|KeyUpdate)[0], {Flags: KeyRO | KeyAccess, Index: 2, KeyNum: true,
				NumIdx: 0, FirstOf: 1, NumStep: 1}},
			Args: []Arg{keyArg("destination", 0), arg("numkeys", "integer"), many(keyArg("key", 1)), weights,
				optional(aggregate, "")}},
		{Name: "zinter", Arity: -3, Flags: ReadOnly, Group: "sorted-set", Since: "6.2.0", Handler: zinter,
			Summary:    "Returns what is in all of several sorted sets.",
			Complexity: docInter,
			Keys:       []KeySpec{{Flags: KeyRO | KeyAccess, Index: 1, KeyNum: true, NumIdx: 0, FirstOf: 1, NumStep: 1}},
			Args: []Arg{arg("numkeys", "integer"), many(keyArg("key", 0)), weights, optional(aggregate, ""),
				optional(word("WITHSCORES"), "")}},
		{Name: "zinterstore", Arity: -4, Flags: Write | DenyOOM, Group: "sorted-set", Since: "2.0.0",
			Handler:    zinterstore,
			Summary:    "Stores what is in all of several sorted sets.",
			Complexity: docInter,
			Keys: []KeySpec{OneKey(1, KeyOW|KeyUpdate)[0], {Flags: KeyRO | KeyAccess, Index: 2, KeyNum: true,
				NumIdx: 0, FirstOf: 1, NumStep: 1}},
			Args: []Arg{keyArg("destination", 0), arg("numkeys", "integer"), many(keyArg("key", 1)), weights,
				optional(aggregate, "")}},
		{Name: "zintercard", Arity: -3, Flags: ReadOnly, Group: "sorted-set", Since: "7.0.0", Handler: zintercard,
			Summary:    "Counts what is in all of several sorted sets.",
			Complexity: docInterCard,
			Keys:       []KeySpec{{Flags: KeyRO | KeyAccess, Index: 1, KeyNum: true, NumIdx: 0, FirstOf: 1, NumStep: 1}},
			Args: []Arg{arg("numkeys", "integer"), many(keyArg("key", 0)), optional(with("LIMIT", "limit",
				"integer"), "")}},
		{Name: "zdiff", Arity: -3, Flags: ReadOnly, Group: "sorted-set", Since: "6.2.0", Handler: zdiff,
			Summary:    "Returns what is in the first sorted set and in none of the others.",
			Complexity: docDiff,
			Keys:       []KeySpec{{Flags: KeyRO | KeyAccess, Index: 1, KeyNum: true, NumIdx: 0, FirstOf: 1, NumStep: 1}},
			Args:       []Arg{arg("numkeys", "integer"), many(keyArg("key", 0)), optional(word("WITHSCORES"), "")}},
		{Name: "zdiffstore", Arity: -4, Flags: Write | DenyOOM, Group: "sorted-set", Since: "6.2.0",
			Handler:    zdiffstore,
			Summary:    "Stores what is in the first sorted set and in none of the others.",
			Complexity: docDiff,
			Keys: []KeySpec{OneKey(1, KeyOW|KeyUpdate)[0], {Flags: KeyRO | KeyAccess, Index: 2, KeyNum: true,
				NumIdx: 0, FirstOf: 1, NumStep: 1}},
			Args: []Arg{keyArg("destination", 0), arg("numkeys", "integer"), many(keyArg("key", 1))}},
	}
}

// combineKind is a set operation.
type combineKind uint8

const (
	combineUnion combineKind = iota
	combineInter
	combineDiff
)

// event is the keyspace event of storing the result.
func (k combineKind) event() string {
	switch k {
	case combineUnion:
		return "zunionstore"
	case combineInter:
		return "zinterstore"
	}
	return "zdiffstore"
}

// combine is one call of ZUNION or its like.
type combine struct {
	kind       combineKind
	store      bool
	card       bool // ZINTERCARD
	withScores bool
	aggregate  func(a, b float64) float64
	limit      int64 // of ZINTERCARD; 0: none
	sources    []zsource
}

// zsource is an input: a sorted set, or a set, or nothing at all.
type zsource struct {
	zset   keyspace.SortedSet
	set    keyspace.SetValue
	isSet  bool
	n      int    // members
	key    []byte // inputs of one key are one set
	weight float64
}

func (s *zsource) score(member []byte) (float64, bool) {
	switch {
	case s.n == 0:
		return 0, false
	case s.isSet:
		return 1, s.set.Has(member)
	}
	return s.zset.Score(member)
}

// each calls fn for the members, sorted sets from the end, until it says false.
func (s *zsource) each(fn func(member []byte, score float64) bool) {
	switch {
	case s.n == 0:
	case s.isSet:
		s.set.Each(func(member []byte) bool { return fn(member, 1) })
	default:
		for at := s.zset.At(0, true); at.Valid(); at.Next() {
			if !fn(at.Member(), at.Score()) {
				return
			}
		}
	}
}

func sumScores(a, b float64) float64 {
	if sum := a + b; !math.IsNaN(sum) {
		return sum
	}
	return 0 // of infinities, as Redis has it
}

func minScore(a, b float64) float64 {
	if b < a {
		return b
	}
	return a
}

func maxScore(a, b float64) float64 {
	if b > a {
		return b
	}
	return a
}

// weigh is the source's score of a member.
func (s *zsource) weigh(score float64) float64 {
	if score *= s.weight; !math.IsNaN(score) {
		return score
	}
	return 0
}

func zunion(c *Ctx) { c.combineSets(combine{kind: combineUnion}) }

func zinter(c *Ctx) { c.combineSets(combine{kind: combineInter}) }

func zdiff(c *Ctx) { c.combineSets(combine{kind: combineDiff}) }

func zintercard(c *Ctx) { c.combineSets(combine{kind: combineInter, card: true}) }

func zunionstore(c *Ctx) { c.combineSets(combine{kind: combineUnion, store: true}) }

func zinterstore(c *Ctx) { c.combineSets(combine{kind: combineInter, store: true}) }

func zdiffstore(c *Ctx) { c.combineSets(combine{kind: combineDiff, store: true}) }

func (c *Ctx) combineSets(o combine) {
	args := c.Args[1:]
	if o.store {
		args = args[1:]
	}
	n, ok := c.Int(args[0])
	switch {
	case !ok:
		return
	case n < 1:
		c.Out.Errorf("ERR at least 1 input key is needed for '%s' command", c.Spec.FullName)
		return
	case n > int64(len(args)-1):
		c.Out.Error(ErrSyntax)
		return
	}
	if !o.open(c, args[1:n+1]) || !o.parse(c, args[n+1:]) {
		return
	}
	if o.kind != combineDiff {
		slices.SortStableFunc(o.sources, func(a, b zsource) int { return a.n - b.n })
	}
	if o.card {
		c.Out.Int(o.count())
		return
	}
	t := o.result(c.KS)
	if o.store {
		c.storeZSet(c.Args[1], &t, o.kind.event(), 1)
		return
	}
	z := t.Finish()
	c.replyPairs(int64(t.Len()), o.withScores)
	for at := z.At(0, false); at.Valid(); at.Next() {
		c.replyMember(&at, o.withScores)
	}
	t.Free()
}

// open looks the inputs up; when one has a wrong type it replies the error.
func (o *combine) open(c *Ctx, keys [][]byte) bool {
	o.sources = make([]zsource, len(keys))
	for i, key := range keys {
		s := &o.sources[i]
		s.key, s.weight = key, 1
		e, found := c.Read(key)
		switch {
		case !found:
		case e.Type() == keyspace.ZSet:
			s.zset = e.ZSet()
			s.n = s.zset.Len()
		case e.Type() == keyspace.Set:
			s.set, s.isSet = e.Set(), true
			s.n = s.set.Len()
		default:
			c.Out.Error(ErrWrongType)
			return false
		}
	}
	return true
}

// parse reads the options; when they are no good it replies the error.
func (o *combine) parse(c *Ctx, args [][]byte) (ok bool) {
	o.aggregate = sumScores
	n := len(o.sources)
	weighs := o.kind != combineDiff && !o.card
	for i := 0; i < len(args); i++ {
		left := len(args) - i - 1
		switch a := args[i]; {
		case weighs && left >= n && Is(a, "WEIGHTS"):
			for j := range o.sources {
				i++
				if o.sources[j].weight, ok = c.float(args[i], "ERR weight value is not a float"); !ok {
					return false
				}
			}
		case weighs && left >= 1 && Is(a, "AGGREGATE"):
			i++
			if o.aggregate = aggregateOf(args[i]); o.aggregate == nil {
				c.Out.Error(ErrSyntax)
				return false
			}
		case !o.store && !o.card && Is(a, "WITHSCORES"):
			o.withScores = true
		case o.card && left >= 1 && Is(a, "LIMIT"):
			i++
			if o.limit, ok = c.intFrom(args[i], 0, "ERR LIMIT can't be negative"); !ok {
				return false
			}
		default:
			c.Out.Error(ErrSyntax)
			return false
		}
	}
	return true
}

func aggregateOf(name []byte) func(a, b float64) float64 {
	switch {
	case Is(name, "SUM"):
		return sumScores
	case Is(name, "MIN"):
		return minScore
	case Is(name, "MAX"):
		return maxScore
	}
	return nil
}

// result computes the operation.
func (o *combine) result(ks *keyspace.Keyspace) keyspace.ZTemp {
	switch o.kind {
	case combineUnion:
		return o.union(ks)
	case combineInter:
		t := ks.NewZTemp(0)
		o.intersect(func(member []byte, score float64) bool {
			p, _ := t.Slot(member)
			*p = score
			return true
		})
		return t
	}
	return o.diff(ks)
}

func (o *combine) union(ks *keyspace.Keyspace) keyspace.ZTemp {
	t := ks.NewZTemp(o.sources[len(o.sources)-1].n)
	for i := range o.sources {
		s := &o.sources[i]
		s.each(func(member []byte, score float64) bool {
			score = s.weigh(score)
			p, created := t.Slot(member)
			if !created {
				score = o.aggregate(*p, score)
			}
			*p = score
			return true
		})
	}
	return t
}

// count is the size of the intersection, up to the limit.
func (o *combine) count() (n int64) {
	o.intersect(func([]byte, float64) bool {
		n++
		return n != o.limit
	})
	return n
}

// intersect calls fn for what is in all inputs, which are in the order of their
// sizes, until it says false.
func (o *combine) intersect(fn func(member []byte, score float64) bool) {
	first := &o.sources[0]
	first.each(func(member []byte, own float64) bool {
		score := first.weigh(own)
		for j := 1; j < len(o.sources); j++ {
			s := &o.sources[j]
			value, ok := s.score(member)
			if !ok {
				return true
			}
			score = o.aggregate(score, value*s.weight)
		}
		return fn(member, score)
	})
}

func (o *combine) diff(ks *keyspace.Keyspace) keyspace.ZTemp {
	first, others := &o.sources[0], o.sources[1:]
	t := ks.NewZTemp(0)
	each, all := 0, first.n // steps of looking each member up in the others, and of taking theirs out
	for i := range others {
		if string(others[i].key) == string(first.key) {
			return t
		}
		each += first.n
		all += others[i].n
	}
	put := func(member []byte, score float64) bool {
		p, _ := t.Slot(member)
		*p = score
		return true
	}
	if (each+first.n)/2 <= all {
		slices.SortStableFunc(others, func(a, b zsource) int { return b.n - a.n })
		first.each(func(member []byte, score float64) bool {
			for i := range others {
				if _, there := others[i].score(member); there {
					return true
				}
			}
			return put(member, score)
		})
		return t
	}
	first.each(put)
	for i := range others {
		others[i].each(func(member []byte, _ float64) bool {
			t.Remove(member)
			return t.Len() > 0
		})
	}
	return t
}
