package command

import (
	"cmp"
	"slices"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
)

// Commands that combine sets.

func setOpSpecs() []Spec {
	const (
		cross = "O(N*M) at worst, where N is the size of the smallest set and M the number of sets."
		total = "O(N) where N is the number of members of all sets."
	)
	keys := []Arg{many(keyArg("key", 0))}
	read := AllKeys(1, 1, KeyRO|KeyAccess)
	anyOrder := []string{hintAnyOrder}
	store := func(f KeyFlags) []KeySpec {
		return []KeySpec{{Flags: f | KeyUpdate, Index: 1, Step: 1}, {Flags: KeyRO | KeyAccess, Index: 2, Last: -1, Step: 1}}
	}
	storeArgs := []Arg{keyArg("destination", 0), many(keyArg("key", 1))}
	return []Spec{
		{Name: "sinter", Arity: -2, Flags: ReadOnly, Group: "set", Since: "1.0.0", Handler: sinter,
			Summary: "Returns what several sets have in common.", Complexity: cross,
			Hints: anyOrder, Keys: read, Args: keys},
		{Name: "sintercard", Arity: -3, Flags: ReadOnly, Group: "set", Since: "7.0.0", Handler: sinterCard,
			Summary: "Counts what several sets have in common.", Complexity: cross,
			Keys: []KeySpec{{Flags: KeyRO | KeyAccess, Index: 1, KeyNum: true, FirstOf: 1, NumStep: 1}},
			Args: []Arg{arg("numkeys", "integer"), many(keyArg("key", 0)), optional(with("LIMIT", "limit", "integer"), "")}},
		{Name: "sinterstore", Arity: -3, Flags: Write | DenyOOM, Group: "set", Since: "1.0.0", Handler: sinterStore,
			Summary: "Stores what several sets have in common and returns its size.", Complexity: cross,
			Keys: store(KeyRW), Args: storeArgs},
		{Name: "sunion", Arity: -2, Flags: ReadOnly, Group: "set", Since: "1.0.0", Handler: sunion,
			Summary: "Returns the members of all of several sets.", Complexity: total,
			Hints: anyOrder, Keys: read, Args: keys},
		{Name: "sunionstore", Arity: -3, Flags: Write | DenyOOM, Group: "set", Since: "1.0.0", Handler: sunionStore,
			Summary: "Stores the members of all of several sets and returns how many there are.", Complexity: total,
			Keys: store(KeyOW), Args: storeArgs},
		{Name: "sdiff", Arity: -2, Flags: ReadOnly, Group: "set", Since: "1.0.0", Handler: sdiff,
			Summary: "Returns the members of a set that others do not have.", Complexity: total,
			Hints: anyOrder, Keys: read, Args: keys},
		{Name: "sdiffstore", Arity: -3, Flags: Write | DenyOOM, Group: "set", Since: "1.0.0", Handler: sdiffStore,
			Summary: "Stores the members of a set that others do not have and returns how many there are.", Complexity: total,
			Keys: store(KeyOW), Args: storeArgs},
	}
}

// operands opens the sets at keys. Those that are missing are left out; first tells
// whether the first one is there. good is false when a key holds something else.
func (c *Ctx) operands(keys [][]byte) (sets []keyspace.SetValue, first, good bool) {
	sets = make([]keyspace.SetValue, 0, len(keys))
	for i, key := range keys {
		s, found, good := c.readSet(key)
		if !good {
			return nil, false, false
		}
		if found {
			sets = append(sets, s)
			first = first || i == 0
		}
	}
	return sets, first, true
}

func sinter(c *Ctx) {
	sets, ok := c.intersected(c.Args[1:])
	if !ok {
		return
	}
	if sets == nil {
		c.Out.Set(0)
		return
	}
	n := 0
	head := c.Out.DeferArray()
	eachCommon(sets, func(m ds.LPElem) bool {
		c.replySetMember(m)
		n++
		return true
	})
	c.Out.EndSet(head, n)
}

// intersected opens the sets of an intersection, the smallest first; they are nil when
// one is missing, so that the result is empty. Where it is not ok it has replied.
func (c *Ctx) intersected(keys [][]byte) (sets []keyspace.SetValue, ok bool) {
	sets, _, good := c.operands(keys)
	if !good {
		return nil, false
	}
	if len(sets) < len(keys) {
		return nil, true
	}
	slices.SortStableFunc(sets, func(a, b keyspace.SetValue) int { return cmp.Compare(a.Len(), b.Len()) })
	return sets, true
}

// eachCommon calls fn for the members of the first set that all others have too.
func eachCommon(sets []keyspace.SetValue, fn func(ds.LPElem) bool) {
	sets[0].EachElem(func(m ds.LPElem) bool {
		for i := range sets[1:] {
			if s := &sets[i+1]; !s.Same(&sets[0]) && !s.HasElem(m) {
				return true
			}
		}
		return fn(m)
	})
}

func (c *Ctx) replySetMember(m ds.LPElem) {
	if m.IsInt {
		c.Out.BulkInt(m.Int)
	} else {
		c.Out.Bulk(m.Str)
	}
}

func sinterCard(c *Ctx) {
	count, ok := num.ParseInt(c.Args[1])
	switch {
	case !ok || count < 1:
		c.Out.Error("ERR numkeys should be greater than 0")
		return
	case count > int64(len(c.Args)-2):
		c.Out.Error("ERR Number of keys can't be greater than number of args")
		return
	}
	keys, rest := c.Args[2:2+count], c.Args[2+count:]
	limit := int64(0)
	for ; len(rest) > 0; rest = rest[2:] {
		if !Is(rest[0], "LIMIT") || len(rest) == 1 {
			c.Out.Error(ErrSyntax)
			return
		}
		if limit, ok = c.positive(rest[1], "ERR LIMIT can't be negative"); !ok {
			return
		}
	}
	sets, ok := c.intersected(keys)
	if !ok {
		return
	}
	n := int64(0)
	if sets != nil {
		eachCommon(sets, func(ds.LPElem) bool {
			n++
			return n != limit
		})
	}
	c.Out.Int(n)
}

func sinterStore(c *Ctx) {
	sets, ok := c.intersected(c.Args[2:])
	if !ok {
		return
	}
	if sets == nil {
		c.storeSet(nil, "sinterstore")
		return
	}
	// The result begins in the encoding of the smallest set, which it is a part of.
	result := c.KS.BuildSet(sets[0].Encoding(), 0)
	numbers := true
	eachCommon(sets, func(m ds.LPElem) bool {
		if numbers && !m.IsInt {
			_, numbers = m.Number()
		}
		result.AddElem(m)
		return true
	})
	if numbers {
		result.ToInts()
	}
	c.storeSet(&result, "sinterstore")
}

// storeSet gives the result of an operation to its first argument and replies its
// size; an empty one, or nil, deletes what is there.
func (c *Ctx) storeSet(result *keyspace.SetValue, event string) {
	dst, n := c.Args[1], 0
	if result != nil {
		if n = result.Len(); n == 0 {
			result.Free()
		}
	}
	c.Out.Int(int64(n))
	if n > 0 {
		c.created(dst, c.DB.StoreSet(dst, result))
		c.Fx.Notify(EventSet, event, dst)
		c.Fx.Dirty++
	} else if c.DB.Delete(dst) {
		c.Fx.Notify(EventGeneric, "del", dst)
		c.Fx.Dirty++
	}
}

// looseEncoding is that of a result that is only replied and then freed: what is
// fast to look into.
func looseEncoding(sets []keyspace.SetValue) keyspace.Encoding {
	for i := range sets {
		if sets[i].Encoding() != keyspace.Intset {
			return keyspace.Hashtable
		}
	}
	return keyspace.Intset
}

func sunion(c *Ctx) {
	sets, _, ok := c.operands(c.Args[1:])
	switch {
	case !ok:
	case len(sets) == 0:
		c.Out.Set(0)
	case len(sets) == 1:
		c.replyMembers(&sets[0])
	default:
		result := c.KS.BuildSet(looseEncoding(sets), sets[0].Len())
		unite(&result, sets)
		c.replyMembers(&result)
		result.Free()
	}
}

func sunionStore(c *Ctx) {
	sets, _, ok := c.operands(c.Args[2:])
	if !ok {
		return
	}
	result := c.KS.BuildSet(keyspace.Intset, 0)
	unite(&result, sets)
	c.storeSet(&result, "sunionstore")
}

func unite(result *keyspace.SetValue, sets []keyspace.SetValue) {
	for i := range sets {
		sets[i].EachElem(func(m ds.LPElem) bool {
			result.AddElem(m)
			return true
		})
	}
}

func sdiff(c *Ctx) {
	sets, first, ok := c.operands(c.Args[1:])
	if !ok {
		return
	}
	plan := planDiff(sets, first)
	switch {
	case plan == diffEmpty:
		c.Out.Set(0)
	case plan == diffLookup:
		n := 0
		head := c.Out.DeferArray()
		eachOnlyInFirst(sets, func(m ds.LPElem) {
			c.replySetMember(m)
			n++
		})
		c.Out.EndSet(head, n)
	default:
		result := c.KS.BuildSet(looseEncoding(sets[:1]), sets[0].Len())
		subtract(&result, sets)
		c.replyMembers(&result)
		result.Free()
	}
}

func sdiffStore(c *Ctx) {
	sets, first, ok := c.operands(c.Args[2:])
	if !ok {
		return
	}
	result := c.KS.BuildSet(keyspace.Intset, 0)
	switch planDiff(sets, first) {
	case diffLookup:
		eachOnlyInFirst(sets, func(m ds.LPElem) { result.AddElem(m) })
	case diffRemove:
		subtract(&result, sets)
	}
	c.storeSet(&result, "sdiffstore")
}

// The ways to a difference.
const (
	diffEmpty  = iota // there is nothing to do
	diffLookup        // look each member of the first set up in the others
	diffRemove        // copy the first set and remove the members of the others
)

// planDiff chooses the cheaper way, and for looking up puts the largest of the other
// sets first: there a member is most likely found.
func planDiff(sets []keyspace.SetValue, first bool) int {
	if !first {
		return diffEmpty
	}
	lookups, all := 0, 0
	for i := range sets {
		if i > 0 && sets[i].Same(&sets[0]) {
			return diffEmpty
		}
		lookups += sets[0].Len()
		all += sets[i].Len()
	}
	if lookups/2 > all { // a lookup costs less than a change
		return diffRemove
	}
	slices.SortStableFunc(sets[1:], func(a, b keyspace.SetValue) int { return cmp.Compare(b.Len(), a.Len()) })
	return diffLookup
}

func eachOnlyInFirst(sets []keyspace.SetValue, fn func(ds.LPElem)) {
	sets[0].EachElem(func(m ds.LPElem) bool {
		for i := range sets[1:] {
			if sets[i+1].HasElem(m) {
				return true
			}
		}
		fn(m)
		return true
	})
}

func subtract(result *keyspace.SetValue, sets []keyspace.SetValue) {
	unite(result, sets[:1])
	for i := range sets[1:] {
		sets[i+1].Each(func(m []byte) bool {
			result.Remove(m)
			return result.Len() > 0
		})
	}
}
