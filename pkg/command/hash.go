package command

import (
	"slices"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// The hash family: this file has the commands that change hashes, hash_read.go those
// that read them.

func hashSpecs() []Spec { return slices.Concat(hashSetSpecs(), hashReadSpecs(), hashScanSpecs()) }

// Words of the log; they are never written to.
var (
	wordHSet = []byte("HSET")
	wordSRem = []byte("SREM")
)

func fieldArg() Arg { return arg("field", "string") }

// pairArg documents one field and its value or more.
func pairArg() Arg {
	return many(Arg{Name: "field_value", Type: "block", Sub: []Arg{fieldArg(), arg("value", "string")}})
}

func hashSetSpecs() []Spec {
	const flags = Write | DenyOOM | Fast
	update := OneKey(1, KeyRW|KeyUpdate)
	rw := OneKey(1, KeyRW|KeyAccess|KeyUpdate)
	return []Spec{
		{Name: "hset", Arity: -4, Flags: flags, Group: "hash", Since: "2.0.0", Handler: hset,
			Summary:    "Sets fields of a hash and returns how many of them are new.",
			Complexity: "O(N) where N is the number of pairs.",
			History:    [][2]string{{"4.0.0", "Takes several pairs of `field` and `value`."}},
			Keys:       update, Args: oneKeyArg(pairArg())},
		{Name: "hmset", Arity: -4, Flags: flags, Group: "hash", Since: "2.0.0", Handler: hset,
			Summary: "Sets fields of a hash.", Complexity: "O(N) where N is the number of pairs.",
			Deprecated: "4.0.0", ReplacedBy: "`HSET` with multiple field-value pairs",
			Keys: update, Args: oneKeyArg(pairArg())},
		{Name: "hsetnx", Arity: 4, Flags: flags, Group: "hash", Since: "2.0.0", Handler: hsetnx,
			Summary: "Sets a field of a hash if the hash does not have it.", Complexity: docO1,
			Keys: OneKey(1, KeyRW|KeyInsert), Args: oneKeyArg(fieldArg(), arg("value", "string"))},
		{Name: "hincrby", Arity: 4, Flags: flags, Group: "hash", Since: "2.0.0", Handler: hincrBy,
			Summary: "Adds to the integer in a field of a hash; a missing field counts as 0.", Complexity: docO1,
			Keys: rw, Args: oneKeyArg(fieldArg(), arg("increment", "integer"))},
		{Name: "hincrbyfloat", Arity: 4, Flags: flags, Group: "hash", Since: "2.6.0", Handler: hincrByFloat,
			Summary: "Adds to the floating point number in a field of a hash; a missing field counts as 0.", Complexity: docO1,
			Keys: rw, Args: oneKeyArg(fieldArg(), arg("increment", "double"))},
		{Name: "hdel", Arity: -3, Flags: Write | Fast, Group: "hash", Since: "2.0.0", Handler: hdel,
			Summary:    "Deletes fields of a hash and returns how many there were; a hash without fields is deleted.",
			Complexity: "O(N) where N is the number of fields to delete.",
			History:    [][2]string{{"2.4.0", "Takes several `field`s."}},
			Keys:       OneKey(1, KeyRW|KeyDelete), Args: oneKeyArg(many(fieldArg()))},
	}
}

// writeHash opens the hash at key for a command that will change it. new says that
// there is none yet: the caller makes it when it has nothing more to refuse.
func (c *Ctx) writeHash(key []byte) (h keyspace.HashValue, isNew, good bool) {
	e, found, good := c.WriteType(key, keyspace.Hash)
	if good && found {
		h = e.Hash()
	}
	return h, !found, good
}

// newHash makes the hash that writeHash did not find, for the given fields and values.
func (c *Ctx) newHash(key []byte, pairs [][]byte) keyspace.HashValue {
	e := c.DB.NewHashFor(key, pairs)
	c.created(key, false)
	return e.Hash()
}

func hset(c *Ctx) {
	if len(c.Args)%2 != 0 {
		c.Out.Errorf("ERR wrong number of arguments for '%s' command", c.Spec.FullName)
		return
	}
	key, pairs := c.Args[1], c.Args[2:]
	h, isNew, good := c.writeHash(key)
	if !good {
		return
	}
	if isNew {
		h = c.newHash(key, pairs)
	} else {
		h.Prepare(pairs)
	}
	created := int64(0)
	for i := 0; i < len(pairs); i += 2 {
		if h.Set(pairs[i], pairs[i+1]) {
			created++
		}
	}
	c.Fx.Notify(EventHash, "hset", key)
	c.Fx.Dirty += int64(len(pairs) / 2)
	if c.Spec.Name == "hmset" {
		c.Out.OK()
	} else {
		c.Out.Int(created)
	}
}

func hsetnx(c *Ctx) {
	key, field := c.Args[1], c.Args[2]
	h, isNew, good := c.writeHash(key)
	if !good {
		return
	}
	if !isNew && h.Has(field) {
		c.Out.Int(0)
		return
	}
	if isNew {
		h = c.newHash(key, c.Args[2:])
	} else {
		h.Prepare(c.Args[2:])
	}
	h.Set(field, c.Args[3])
	c.Fx.Notify(EventHash, "hset", key)
	c.Fx.Dirty++
	c.Out.Int(1)
}

func hincrBy(c *Ctx) {
	by, ok := c.Int(c.Args[3])
	if !ok {
		return
	}
	key, field := c.Args[1], c.Args[2]
	h, isNew, good := c.writeHash(key)
	if !good {
		return
	}
	n := int64(0)
	if !isNew {
		if v, there := h.Get(field); there {
			if n, ok = num.ParseInt(v); !ok {
				c.Out.Error("ERR hash value is not an integer")
				return
			}
		}
	}
	sum := n + by
	if by < 0 && sum > n || by > 0 && sum < n {
		c.Out.Error("ERR increment or decrement would overflow")
		return
	}
	if isNew {
		h = c.newHash(key, nil)
	}
	h.Set(field, num.AppendInt(c.scratch[:0], sum))
	c.Fx.Notify(EventHash, "hincrby", key)
	c.Fx.Dirty++
	c.Out.Int(sum)
}

func hincrByFloat(c *Ctx) {
	by, ok := num.ParseLongDouble(c.Args[3])
	if !ok {
		c.Out.Error(ErrNotFloat)
		return
	}
	if by.IsInf() {
		c.Out.Error("ERR value is NaN or Infinity")
		return
	}
	key, field := c.Args[1], c.Args[2]
	h, isNew, good := c.writeHash(key)
	if !good {
		return
	}
	var value num.LongDouble
	if !isNew {
		if v, there := h.Get(field); there {
			if value, ok = num.ParseLongDouble(v); !ok {
				c.Out.Error("ERR hash value is not a float")
				return
			}
		}
	}
	sum, finite := num.AddLongDouble(value, by)
	if !finite {
		c.Out.Error("ERR increment would produce NaN or Infinity")
		return
	}
	if isNew {
		h = c.newHash(key, nil)
	}
	var buf [64]byte
	text := c.Fx.Copy(num.AppendLongDouble(buf[:0], sum))
	h.Set(field, text)
	c.Fx.Notify(EventHash, "hincrbyfloat", key)
	c.Fx.Dirty++
	// The sum is logged, not the step: another machine's rounding must not show.
	c.Fx.Replace(wordHSet, key, field, text)
	c.Out.Bulk(text)
}

func hdel(c *Ctx) {
	key := c.Args[1]
	h, isNew, good := c.writeHash(key)
	if !good {
		return
	}
	deleted, emptied := int64(0), false
	if !isNew {
		for _, field := range c.Args[2:] {
			if !h.Delete(field) {
				continue
			}
			deleted++
			if emptied = h.Len() == 0; emptied {
				break
			}
		}
	}
	c.shrunk(EventHash, "hdel", key, deleted, emptied)
	c.Out.Int(deleted)
}

// shrunk records that a command took n elements out of the collection at key, and
// deletes the key when none is left.
func (c *Ctx) shrunk(class EventClass, event string, key []byte, n int64, emptied bool) {
	if n == 0 {
		return
	}
	c.Fx.Notify(class, event, key)
	if emptied {
		c.DB.Delete(key)
		c.Fx.Notify(EventGeneric, "del", key)
	}
	c.Fx.Dirty += n
}
