package command

import (
	"math"

	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
)

// Commands that read lists.

func listReadSpecs() []Spec {
	return []Spec{
		{Name: "llen", Arity: 2, Flags: ReadOnly | Fast, Group: "list", Since: "1.0.0", Handler: llen,
			Summary: "Returns the number of elements of a list.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg()},
		{Name: "lindex", Arity: 3, Flags: ReadOnly, Group: "list", Since: "1.0.0", Handler: lindex,
			Summary:    "Returns the element with an index; -1 is the last one.",
			Complexity: "O(N) where N is the number of elements between it and the nearer end.",
			Keys:       OneKey(1, KeyRO|KeyAccess), Args: oneKeyArg(arg("index", "integer"))},
		{Name: "lrange", Arity: 4, Flags: ReadOnly, Group: "list", Since: "1.0.0", Handler: lrange,
			Summary:    "Returns the elements between two indexes, both included.",
			Complexity: "O(S+N) where S is the distance of the first element from the nearer end and N the number of elements returned.",
			Keys:       OneKey(1, KeyRO|KeyAccess), Args: oneKeyArg(arg("start", "integer"), arg("stop", "integer"))},
		{Name: "lpos", Arity: -3, Flags: ReadOnly, Group: "list", Since: "6.0.6", Handler: lpos,
			Summary:    "Returns the index of the elements that equal a value.",
			Complexity: "O(N) where N is the number of elements that are looked at.",
			Keys:       OneKey(1, KeyRO|KeyAccess),
			Args: oneKeyArg(arg("element", "string"), optional(with("RANK", "rank", "integer"), ""),
				optional(with("COUNT", "num-matches", "integer"), ""), optional(with("MAXLEN", "len", "integer"), ""))},
	}
}

func llen(c *Ctx) {
	e, found, good := c.ReadType(c.Args[1], keyspace.List)
	if !good {
		return
	}
	n := 0
	if found {
		l := e.List()
		n = l.Len()
	}
	c.Out.Int(int64(n))
}

func lindex(c *Ctx) {
	e, found, good := c.ReadType(c.Args[1], keyspace.List)
	if !good {
		return
	}
	if !found {
		c.Out.Null()
		return
	}
	index, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	l := e.List()
	cur := l.At(int(index), false)
	if cur.Valid() {
		c.element(cur.Value())
	} else {
		c.Out.Null()
	}
	cur.Close()
}

// span turns two indexes, both included and possibly negative, into a start and the
// number of the n elements that lie between them.
func span(start, stop int64, n int) (from, count int) {
	size := int64(n)
	if start < 0 {
		start = max(0, size+start)
	}
	if stop < 0 {
		stop += size
	}
	stop = min(stop, size-1)
	if start > stop {
		return 0, 0
	}
	return int(start), int(stop - start + 1)
}

func lrange(c *Ctx) {
	start, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	stop, ok := c.Int(c.Args[3])
	if !ok {
		return
	}
	e, found, good := c.ReadType(c.Args[1], keyspace.List)
	if !good {
		return
	}
	if !found {
		c.Out.Array(0)
		return
	}
	l := e.List()
	from, n := span(start, stop, l.Len())
	if n == 0 {
		c.Out.Array(0)
		return
	}
	c.elements(&l, from, n, false)
}

// posOptions are the options of LPOS.
type posOptions struct {
	rank    int64 // the match that counts first; with back seen from the tail
	back    bool
	several bool  // COUNT was given
	count   int64 // matches to return; 0: all
	maxLen  int64 // elements to look at; 0: all
}

func (c *Ctx) parsePos(args [][]byte) (o posOptions, ok bool) {
	o.rank = 1
	for i := 0; i < len(args); i++ {
		more := i+1 < len(args)
		switch a := args[i]; {
		case Is(a, "RANK") && more:
			i++
			if o.rank, ok = c.rank(args[i]); !ok {
				return o, false
			}
		case Is(a, "COUNT") && more:
			i++
			if o.count, ok = c.atLeast(args[i], 0, "ERR COUNT can't be negative"); !ok {
				return o, false
			}
			o.several = true
		case Is(a, "MAXLEN") && more:
			i++
			if o.maxLen, ok = c.atLeast(args[i], 0, "ERR MAXLEN can't be negative"); !ok {
				return o, false
			}
		default:
			c.Out.Error(ErrSyntax)
			return o, false
		}
	}
	if o.rank < 0 {
		o.rank, o.back = -o.rank, true
	}
	return o, true
}

// rank reads LPOS's RANK.
func (c *Ctx) rank(arg []byte) (int64, bool) {
	n, ok := c.Int(arg)
	switch {
	case !ok:
		return 0, false
	case n == 0:
		c.Out.Error("ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... " +
			"or use negative to start from the end of the list")
		return 0, false
	case n == math.MinInt64:
		c.Out.Error("ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807")
		return 0, false
	}
	return n, true
}

func lpos(c *Ctx) {
	o, ok := c.parsePos(c.Args[3:])
	if !ok {
		return
	}
	e, found, good := c.ReadType(c.Args[1], keyspace.List)
	if !good {
		return
	}
	var l keyspace.ListHandle
	if found {
		l = e.List()
	}
	switch {
	case o.several && !found:
		c.Out.Array(0)
	case o.several:
		head := c.Out.DeferArray()
		n := 0
		c.positions(&l, o, func(at int) bool {
			c.Out.Int(int64(at))
			n++
			return int64(n) != o.count
		})
		c.Out.EndArray(head, n)
	default:
		at := -1
		if found {
			c.positions(&l, o, func(i int) bool { at = i; return false })
		}
		if at < 0 {
			c.Out.Null()
		} else {
			c.Out.Int(int64(at))
		}
	}
}

// positions calls fn with the index of each match that counts until it says false.
func (c *Ctx) positions(l *keyspace.ListHandle, o posOptions, fn func(at int) bool) {
	m := ds.LPMatch(c.Args[2])
	at, step := 0, 1
	if o.back {
		at, step = l.Len()-1, -1
	}
	cur := l.At(at, o.back)
	defer cur.Close()
	for seen := int64(0); cur.Valid() && (o.maxLen == 0 || seen < o.maxLen); seen++ {
		if m.Equal(cur.Value()) {
			if o.rank--; o.rank <= 0 && !fn(at) {
				return
			}
		}
		at += step
		cur.Next()
	}
}
