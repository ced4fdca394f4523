package command

import (
	"math"

	"redisd/pkg/keyspace"
)

// Commands that read hashes.

func hashReadSpecs() []Spec {
	access := OneKey(1, KeyRO|KeyAccess)
	whole := "O(N) where N is the number of fields."
	return []Spec{
		{Name: "hget", Arity: 3, Flags: ReadOnly | Fast, Group: "hash", Since: "2.0.0", Handler: hget,
			Summary: "Returns the value of a field of a hash.", Complexity: docO1,
			Keys: access, Args: oneKeyArg(fieldArg())},
		{Name: "hmget", Arity: -3, Flags: ReadOnly | Fast, Group: "hash", Since: "2.0.0", Handler: hmget,
			Summary:    "Returns the values of fields of a hash, null for those it does not have.",
			Complexity: "O(N) where N is the number of fields asked for.",
			Keys:       access, Args: oneKeyArg(many(fieldArg()))},
		{Name: "hlen", Arity: 2, Flags: ReadOnly | Fast, Group: "hash", Since: "2.0.0", Handler: hlen,
			Summary: "Returns the number of fields of a hash.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg()},
		{Name: "hstrlen", Arity: 3, Flags: ReadOnly | Fast, Group: "hash", Since: "3.2.0", Handler: hstrLen,
			Summary: "Returns the length in bytes of a field's value, 0 for a missing one.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg(fieldArg())},
		{Name: "hexists", Arity: 3, Flags: ReadOnly | Fast, Group: "hash", Since: "2.0.0", Handler: hexists,
			Summary: "Tells whether a hash has a field.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg(fieldArg())},
		{Name: "hkeys", Arity: 2, Flags: ReadOnly, Group: "hash", Since: "2.0.0", Handler: hkeys,
			Summary: "Returns all fields of a hash.", Complexity: whole,
			Hints: []string{hintAnyOrder}, Keys: access, Args: oneKeyArg()},
		{Name: "hvals", Arity: 2, Flags: ReadOnly, Group: "hash", Since: "2.0.0", Handler: hvals,
			Summary: "Returns all values of a hash.", Complexity: whole,
			Hints: []string{hintAnyOrder}, Keys: access, Args: oneKeyArg()},
		{Name: "hgetall", Arity: 2, Flags: ReadOnly, Group: "hash", Since: "2.0.0", Handler: hgetAll,
			Summary: "Returns all fields of a hash with their values.", Complexity: whole,
			Hints: []string{hintAnyOrder}, Keys: access, Args: oneKeyArg()},
	}
}

func hashScanSpecs() []Spec {
	access := OneKey(1, KeyRO|KeyAccess)
	return []Spec{
		{Name: "hscan", Arity: -3, Flags: ReadOnly, Group: "hash", Since: "2.8.0", Handler: hscan,
			Summary:    "Iterates over the fields of a hash, some at each call.",
			Complexity: "O(1) for a call; O(N) for a whole iteration over N fields.",
			Hints:      []string{hintVaries}, Keys: access, Args: scanArgs()},
		{Name: "hrandfield", Arity: -2, Flags: ReadOnly, Group: "hash", Since: "6.2.0", Handler: hrandField,
			Summary:    "Returns fields of a hash by chance.",
			Complexity: "O(N) where N is the number of fields returned.",
			Hints:      []string{hintVaries}, Keys: access,
			Args: oneKeyArg(optional(Arg{Name: "options", Type: "block",
				Sub: []Arg{arg("count", "integer"), optional(word("WITHVALUES"), "")}}, ""))},
	}
}

// scanArgs documents what HSCAN and SSCAN take.
func scanArgs() []Arg {
	return oneKeyArg(arg("cursor", "integer"), optional(with("MATCH", "pattern", "pattern"), ""),
		optional(with("COUNT", "count", "integer"), ""))
}

// readHash opens the hash at key for reading.
func (c *Ctx) readHash(key []byte) (h keyspace.HashValue, found, good bool) {
	e, found, good := c.ReadType(key, keyspace.Hash)
	if found && good {
		h = e.Hash()
	}
	return h, found, good
}

func hget(c *Ctx) {
	h, found, good := c.readHash(c.Args[1])
	switch {
	case !good:
	case !found:
		c.Out.Null()
	default:
		c.replyField(&h, c.Args[2])
	}
}

// replyField replies the value of a field, or null.
func (c *Ctx) replyField(h *keyspace.HashValue, field []byte) {
	if v, there := h.Get(field); there {
		c.Out.Bulk(v)
	} else {
		c.Out.Null()
	}
}

func hmget(c *Ctx) {
	h, found, good := c.readHash(c.Args[1])
	if !good {
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, field := range c.Args[2:] {
		if found {
			c.replyField(&h, field)
		} else {
			c.Out.Null()
		}
	}
}

func hlen(c *Ctx) {
	h, found, good := c.readHash(c.Args[1])
	switch {
	case !good:
	case !found:
		c.Out.Int(0)
	default:
		c.Out.Int(int64(h.Len()))
	}
}

func hstrLen(c *Ctx) {
	h, found, good := c.readHash(c.Args[1])
	if !good {
		return
	}
	n := 0
	if found {
		v, _ := h.Get(c.Args[2])
		n = len(v)
	}
	c.Out.Int(int64(n))
}

func hexists(c *Ctx) {
	h, found, good := c.readHash(c.Args[1])
	if !good {
		return
	}
	c.replyBit(found && h.Has(c.Args[2]))
}

// replyBit replies 1 for yes and 0 for no.
func (c *Ctx) replyBit(yes bool) {
	if yes {
		c.Out.Int(1)
	} else {
		c.Out.Int(0)
	}
}

func hkeys(c *Ctx) {
	if h, ok := c.wholeHash(); ok {
		c.Out.Array(h.Len())
		h.Each(func(field, _ []byte) bool { c.Out.Bulk(field); return true })
	}
}

func hvals(c *Ctx) {
	if h, ok := c.wholeHash(); ok {
		c.Out.Array(h.Len())
		h.Each(func(_, value []byte) bool { c.Out.Bulk(value); return true })
	}
}

// wholeHash opens the hash for HKEYS and HVALS, or replies what there is to say.
func (c *Ctx) wholeHash() (h keyspace.HashValue, ok bool) {
	h, found, good := c.readHash(c.Args[1])
	if good && !found {
		c.Out.Array(0)
	}
	return h, good && found
}

func hgetAll(c *Ctx) {
	h, found, good := c.readHash(c.Args[1])
	switch {
	case !good:
	case !found:
		c.Out.Map(0)
	default:
		c.Out.Map(h.Len())
		h.Each(func(field, value []byte) bool {
			c.Out.Bulk(field)
			c.Out.Bulk(value)
			return true
		})
	}
}

func hscan(c *Ctx) {
	e, o, pos, ok := c.beginScan(keyspace.Hash)
	if !ok {
		return
	}
	h := e.Hash()
	c.scanBuckets(&o, pos, func(pos uint64) (next uint64, seen, n int) {
		next = h.Scan(pos, func(field, value []byte) {
			seen++
			if o.matches(field) {
				c.Out.Bulk(field)
				c.Out.Bulk(value)
				n += 2
			}
		})
		return next, seen, n
	})
}

// signedCount reads how many random elements are wanted; -n are n that may repeat.
func (c *Ctx) signedCount(arg []byte) (int64, bool) {
	n, ok := c.Int(arg)
	if ok && n == math.MinInt64 {
		c.Out.Errorf("ERR value is out of range, value must between %d and %d", math.MinInt64+1, math.MaxInt64)
		return 0, false
	}
	return n, ok
}

func hrandField(c *Ctx) {
	if len(c.Args) > 2 {
		c.hrandFields()
		return
	}
	h, found, good := c.readHash(c.Args[1])
	switch {
	case !good:
	case !found:
		c.Out.Null()
	default:
		field, _ := h.Random()
		c.Out.Bulk(field)
	}
}

func (c *Ctx) hrandFields() {
	n, ok := c.signedCount(c.Args[2])
	if !ok {
		return
	}
	values := len(c.Args) == 4
	switch {
	case len(c.Args) > 4, values && !Is(c.Args[3], "WITHVALUES"):
		c.Out.Error(ErrSyntax)
		return
	case values && (n < -math.MaxInt64/2 || n > math.MaxInt64/2):
		c.Out.Error("ERR value is out of range")
		return
	}
	h, found, good := c.readHash(c.Args[1])
	if !good {
		return
	}
	if !found || n == 0 {
		c.Out.Array(0)
		return
	}
	repeat := n < 0
	if repeat {
		n = -n
	} else {
		n = min(n, int64(h.Len()))
	}
	nested := values && c.Out.Proto >= 3
	if values && !nested {
		c.Out.Array(int(2 * n))
	} else {
		c.Out.Array(int(n))
	}
	pair := func(field, value []byte) bool {
		if nested {
			c.Out.Array(2)
		}
		c.Out.Bulk(field)
		if values {
			c.Out.Bulk(value)
		}
		return !c.Out.Full()
	}
	if repeat {
		h.Draw(int(n), pair)
	} else {
		h.Sample(int(n), func(field, value []byte) { pair(field, value) })
	}
}
