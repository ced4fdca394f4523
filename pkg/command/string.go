package command

import (
	"slices"

	"redisd/pkg/keyspace"
)

// The string family: this file has its commands that read a whole value, and
// those that also delete it or change its expiry. string_set.go, string_number.go,
// string_range.go and lcs.go have the others.

func stringSpecs() []Spec {
	return slices.Concat(stringReadSpecs(), stringSetSpecs(), stringNumberSpecs(), stringRangeSpecs(), lcsSpecs())
}

func stringReadSpecs() []Spec {
	return []Spec{
		{Name: "get", Arity: 2, Flags: ReadOnly | Fast, Group: "string", Since: "1.0.0", Handler: get,
			Summary: "Returns the value of a string.", Complexity: docO1,
			Keys: OneKey(1, KeyRO|KeyAccess), Args: oneKeyArg()},
		{Name: "mget", Arity: -2, Flags: ReadOnly | Fast, Group: "string", Since: "1.0.0", Handler: mget,
			Summary: "Returns the values of several strings, null for what is missing or no string.", Complexity: docONKeys,
			Hints: []string{hintManyShards},
			Keys:  AllKeys(1, 1, KeyRO|KeyAccess), Args: []Arg{many(keyArg("key", 0))}},
		{Name: "strlen", Arity: 2, Flags: ReadOnly | Fast, Group: "string", Since: "2.2.0", Handler: strLen,
			Summary: "Returns the length of a string in bytes, 0 for a missing key.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg()},
		{Name: "getdel", Arity: 2, Flags: Write | Fast, Group: "string", Since: "6.2.0", Handler: getDel,
			Summary: "Returns the value of a string and deletes the key.", Complexity: docO1,
			Keys: OneKey(1, KeyRW|KeyAccess|KeyDelete), Args: oneKeyArg()},
		{Name: "getex", Arity: -2, Flags: Write | Fast, Group: "string", Since: "6.2.0", Handler: getEx,
			Summary: "Returns the value of a string and sets or removes its expiry.", Complexity: docO1,
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess | KeyUpdate, Index: 1, Step: 1,
				Notes: "RW and UPDATE because it changes the TTL"}},
			Args: oneKeyArg(optional(oneOf("expiration",
				with("EX", "seconds", "integer"), with("PX", "milliseconds", "integer"),
				with("EXAT", "unix-time-seconds", "unix-time"), with("PXAT", "unix-time-milliseconds", "unix-time"),
				word("PERSIST")), ""))},
	}
}

// replyString replies with the value of the string at key, or null. It is false
// when key holds something else; the error is replied then.
func (c *Ctx) replyString(key []byte) bool {
	e, found, good := c.ReadType(key, keyspace.String)
	switch {
	case !good:
	case !found:
		c.Out.Null()
	default:
		c.Out.Bulk(c.Value(e))
	}
	return good
}

func get(c *Ctx) { c.replyString(c.Args[1]) }

func mget(c *Ctx) {
	c.Out.Array(len(c.Args) - 1)
	for _, key := range c.Args[1:] {
		if e, found := c.Read(key); found && e.Type() == keyspace.String {
			c.Out.Bulk(c.Value(e))
		} else {
			c.Out.Null()
		}
	}
}

func strLen(c *Ctx) {
	e, found, good := c.ReadType(c.Args[1], keyspace.String)
	switch {
	case !good:
	case !found:
		c.Out.Int(0)
	default:
		c.Out.Int(int64(e.StrLen()))
	}
}

func getDel(c *Ctx) {
	key := c.Args[1]
	if !c.replyString(key) || !c.DB.Delete(key) {
		return
	}
	c.deleted(key, c.LazyUserDel)
}

// deleted records that key was deleted by a command of another name.
func (c *Ctx) deleted(key []byte, lazy bool) {
	w := wordDel
	if lazy {
		w = wordUnlink
	}
	c.Fx.Replace(w, key)
	c.Fx.Notify(EventGeneric, "del", key)
	c.Fx.Dirty++
}

func getEx(c *Ctx) {
	var o setOptions
	if !o.parse(c.Args[2:], false) {
		c.Out.Error(ErrSyntax)
		return
	}
	key := c.Args[1]
	e, found, good := c.ReadType(key, keyspace.String)
	if !good {
		return
	}
	if !found {
		c.Out.Null()
		return
	}
	at := int64(noExpiry)
	if o.unit != 0 {
		if at, good = c.expiry(o.amount, o.unit); !good {
			return
		}
	}
	c.Out.Bulk(c.Value(e))
	switch {
	case o.unit != 0 && c.past(at):
		c.DB.Delete(key)
		c.deleted(key, c.LazyExpire)
	case o.unit != 0:
		c.DB.SetExpire(key, at)
		c.Fx.Replace(wordPExpireAt, key, c.Fx.Int(at))
		c.Fx.Notify(EventGeneric, "expire", key)
		c.Fx.Dirty++
	case o.persist && c.DB.Persist(key):
		c.Fx.Replace(wordPersist, key)
		c.Fx.Notify(EventGeneric, "persist", key)
		c.Fx.Dirty++
	}
}
