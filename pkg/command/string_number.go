package command

import (
	"math"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// Commands on strings that hold numbers.

func stringNumberSpecs() []Spec {
	rw := OneKey(1, KeyRW|KeyAccess|KeyUpdate)
	const flags = Write | DenyOOM | Fast
	return []Spec{
		{Name: "incr", Arity: 2, Flags: flags, Group: "string", Since: "1.0.0", Handler: incr,
			Summary: "Adds one to the integer at a key; a missing key counts as 0.", Complexity: docO1,
			Keys: rw, Args: oneKeyArg()},
		{Name: "decr", Arity: 2, Flags: flags, Group: "string", Since: "1.0.0", Handler: decr,
			Summary: "Takes one from the integer at a key; a missing key counts as 0.", Complexity: docO1,
			Keys: rw, Args: oneKeyArg()},
		{Name: "incrby", Arity: 3, Flags: flags, Group: "string", Since: "1.0.0", Handler: incrBy,
			Summary: "Adds to the integer at a key; a missing key counts as 0.", Complexity: docO1,
			Keys: rw, Args: oneKeyArg(arg("increment", "integer"))},
		{Name: "decrby", Arity: 3, Flags: flags, Group: "string", Since: "1.0.0", Handler: decrBy,
			Summary: "Subtracts from the integer at a key; a missing key counts as 0.", Complexity: docO1,
			Keys: rw, Args: oneKeyArg(arg("decrement", "integer"))},
		{Name: "incrbyfloat", Arity: 3, Flags: flags, Group: "string", Since: "2.6.0", Handler: incrByFloat,
			Summary: "Adds to the floating point number at a key; a missing key counts as 0.", Complexity: docO1,
			Keys: rw, Args: oneKeyArg(arg("increment", "double"))},
	}
}

func incr(c *Ctx) { c.addInt(1) }

func decr(c *Ctx) { c.addInt(-1) }

func incrBy(c *Ctx) {
	if n, ok := c.Int(c.Args[2]); ok {
		c.addInt(n)
	}
}

func decrBy(c *Ctx) {
	n, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	if n == math.MinInt64 {
		c.Out.Error("ERR decrement would overflow")
		return
	}
	c.addInt(-n)
}

// addInt adds by to the integer at the first argument and replies the sum.
func (c *Ctx) addInt(by int64) {
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.String)
	if !good {
		return
	}
	var n int64
	inPlace := false
	if found {
		if n, inPlace = e.Int(); !inPlace {
			if n, good = c.Int(c.Value(e)); !good {
				return
			}
		}
	}
	if by < 0 && n < math.MinInt64-by || by > 0 && n > math.MaxInt64-by {
		c.Out.Error("ERR increment or decrement would overflow")
		return
	}
	n += by
	if inPlace {
		e.StoreInt(n)
	} else {
		c.DB.SetInt(key, n)
	}
	c.created(key, found)
	c.Fx.Notify(EventString, "incrby", key)
	c.Fx.Dirty++
	c.Out.Int(n)
}

func incrByFloat(c *Ctx) {
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.String)
	if !good {
		return
	}
	var value num.LongDouble
	if found {
		value, good = num.ParseLongDouble(c.Value(e))
	}
	by, isNumber := num.ParseLongDouble(c.Args[2])
	if !good || !isNumber {
		c.Out.Error(ErrNotFloat)
		return
	}
	sum, finite := num.AddLongDouble(value, by)
	if !finite {
		c.Out.Error("ERR increment would produce NaN or Infinity")
		return
	}
	var buf [64]byte
	text := c.Fx.Copy(num.AppendLongDouble(buf[:0], sum))
	c.DB.SetText(key, text)
	c.created(key, found)
	c.Fx.Notify(EventString, "incrbyfloat", key)
	c.Fx.Dirty++
	// The sum is logged, not the step: another machine's rounding must not show.
	c.Fx.Replace(wordSet, key, text, wordKeepTTL)
	c.Out.Bulk(text)
}
