package command

import (
	"redisd/internal/bitmap"
	"redisd/pkg/keyspace"
)

// BITOP: a string computed from others, bit by bit.

func bitOpSpecs() []Spec {
	return []Spec{
		{Name: "bitop", Arity: -4, Flags: Write | DenyOOM, Group: "bitmap", Since: "2.6.0", Handler: bitOp,
			Summary: "Combines strings bit by bit (AND, OR, XOR, or NOT of one) and stores the result.", Complexity: "O(N)",
			Keys: []KeySpec{{Flags: KeyOW | KeyUpdate, Index: 2, Step: 1},
				{Flags: KeyRO | KeyAccess, Index: 3, Last: -1, Step: 1}},
			Args: []Arg{arg("operation", "string"), keyArg("destkey", 0), many(keyArg("key", 1))}},
	}
}

func bitOpByName(name []byte) (op bitmap.Op, ok bool) {
	switch {
	case Is(name, "AND"):
		return bitmap.And, true
	case Is(name, "OR"):
		return bitmap.Or, true
	case Is(name, "XOR"):
		return bitmap.Xor, true
	case Is(name, "NOT"):
		return bitmap.Not, true
	}
	return 0, false
}

// usualSources is how many source keys need no Go memory.
const usualSources = 16

func bitOp(c *Ctx) {
	op, ok := bitOpByName(c.Args[1])
	if !ok {
		c.Out.Error(ErrSyntax)
		return
	}
	if op == bitmap.Not && len(c.Args) != 4 {
		c.Out.Error("ERR BITOP NOT must be called with a single source key.")
		return
	}
	longest := 0
	for _, key := range c.Args[3:] {
		e, found, good := c.ReadType(key, keyspace.String)
		if !good {
			return
		}
		if found {
			longest = max(longest, e.StrLen())
		}
	}
	key := c.Args[2]
	if longest > 0 {
		srcs := c.bitSources(make([][]byte, 0, usualSources))
		existed := c.DB.SetComputed(key, longest, false, func(dst []byte) { bitmap.Combine(dst, op, srcs) })
		c.stored(key, existed)
	} else if c.DB.Delete(key) {
		c.Fx.Notify(EventGeneric, "del", key)
		c.Fx.Dirty++
	}
	c.Out.Int(int64(longest))
}

// bitSources appends the values of BITOP's source keys to srcs. A missing key is an
// empty string.
func (c *Ctx) bitSources(srcs [][]byte) [][]byte {
	for _, key := range c.Args[3:] {
		var b []byte
		if e, found := c.DB.Peek(key); found {
			b = c.Value(e)
			if e.Encoding() == keyspace.Int {
				b = c.Fx.Copy(b) // digits in the scratch of Value
			}
		}
		srcs = append(srcs, b)
	}
	return srcs
}
