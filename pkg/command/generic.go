package command

import (
	"slices"

	"redisd/internal/glob"
	"redisd/pkg/keyspace"
)

// The generic family: this file has the commands that ask for keys or delete
// them. expire.go, scan.go, object.go, rename.go and dump.go have the others.

func genericSpecs() []Spec {
	return slices.Concat(keySpecs(), expireSpecs(), scanSpecs(), objectSpecs(), renameSpecs(), dumpSpecs(), sortSpecs())
}

func keySpecs() []Spec {
	sumHints := []string{hintManyShards, hintSum}
	keys := []Arg{many(keyArg("key", 0))}
	return []Spec{
		{Name: "del", Arity: -2, Flags: Write, Group: "generic", Since: "1.0.0", Handler: del,
			Summary:    "Deletes keys and returns how many there were.",
			Complexity: "O(N) where N is the number of keys, and O(M) for a key whose value has M elements.",
			Hints:      sumHints, Keys: AllKeys(1, 1, KeyRM|KeyDelete), Args: keys},
		{Name: "unlink", Arity: -2, Flags: Write | Fast, Group: "generic", Since: "4.0.0", Handler: unlink,
			Summary:    "Deletes keys and frees what is big about them later.",
			Complexity: "O(1) for each key; the memory is given back in the background.",
			Hints:      sumHints, Keys: AllKeys(1, 1, KeyRM|KeyDelete), Args: keys},
		{Name: "exists", Arity: -2, Flags: ReadOnly | Fast, Group: "generic", Since: "1.0.0", Handler: exists,
			Summary: "Counts the keys that exist; one that is named twice counts twice.", Complexity: docONKeys,
			History: [][2]string{{"3.0.3", "Takes several keys."}},
			Hints:   sumHints, Keys: AllKeys(1, 1, KeyRO), Args: keys},
		{Name: "touch", Arity: -2, Flags: ReadOnly | Fast, Group: "generic", Since: "3.2.1", Handler: touch,
			Summary: "Counts the keys that exist and marks them as accessed.", Complexity: docONKeys,
			Hints: sumHints, Keys: AllKeys(1, 1, KeyRO), Args: keys},
		{Name: "type", Arity: 2, Flags: ReadOnly | Fast, Group: "generic", Since: "1.0.0", Handler: typeOf,
			Summary: "Names the type of the value at a key.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg()},
		{Name: "randomkey", Arity: 1, Flags: ReadOnly, Group: "generic", Since: "1.0.0", Handler: randomKey,
			Summary: "Returns a key by chance.", Complexity: docO1,
			Hints: []string{hintAllShards, hintVaries}},
		{Name: "dbsize", Arity: 1, Flags: ReadOnly | Fast, Group: "server", Categories: CatKeyspace, Since: "1.0.0", Handler: dbSize,
			Summary: "Counts the keys of the selected database.", Complexity: docO1,
			Hints: []string{hintAllShards, hintSum}},
		{Name: "swapdb", Arity: 3, Flags: Write | Fast, Group: "server", Categories: CatKeyspace | CatDangerous, Since: "4.0.0", Handler: swapDB,
			Summary:    "Exchanges the contents of two databases.",
			Complexity: "O(N) where N is the number of clients that watch or wait for keys of the two.",
			Args:       []Arg{arg("index1", "integer"), arg("index2", "integer")}},
	}
}

// readUntouched is Read that does not mark the key as accessed.
func (c *Ctx) readUntouched(key []byte) (keyspace.Entry, bool) {
	e, ok := c.DB.ReadQuietly(key)
	if !ok {
		c.missed(key)
	}
	return e, ok
}

func del(c *Ctx) { c.deleteKeys(c.LazyUserDel) }

func unlink(c *Ctx) { c.deleteKeys(true) }

// deleteKeys deletes the keys of the arguments; lazy frees what is big later.
func (c *Ctx) deleteKeys(lazy bool) {
	drop := c.DB.Delete
	if lazy {
		drop = c.DB.Unlink
	}
	n := int64(0)
	for _, key := range c.Args[1:] {
		if drop(key) {
			c.Fx.Notify(EventGeneric, "del", key)
			n++
		}
	}
	c.Fx.Dirty += n
	c.Out.Int(n)
}

func exists(c *Ctx) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if _, ok := c.readUntouched(key); ok {
			n++
		}
	}
	c.Out.Int(n)
}

func touch(c *Ctx) {
	n := int64(0)
	for _, key := range c.Args[1:] {
		if _, ok := c.Read(key); ok {
			n++
		}
	}
	c.Out.Int(n)
}

func typeOf(c *Ctx) {
	if e, ok := c.readUntouched(c.Args[1]); ok {
		c.Out.Simple(e.Type().String())
	} else {
		c.Out.Simple("none")
	}
}

func randomKey(c *Ctx) {
	if key, ok := c.DB.RandomKey(); ok {
		c.Out.Bulk(key)
	} else {
		c.Out.Null()
	}
}

func keys(c *Ctx) {
	pattern := c.Args[1]
	all := isStar(pattern)
	n := 0
	head := c.Out.DeferArray()
	c.DB.Each(func(e keyspace.Entry) {
		if key := e.Key(); (all || glob.Match(pattern, key, false)) && !e.Expired() {
			c.Out.Bulk(key)
			n++
		}
	})
	c.Out.EndArray(head, n)
}

// isStar tells whether a pattern takes every key, the empty one included.
func isStar(pattern []byte) bool { return len(pattern) == 1 && pattern[0] == '*' }

func dbSize(c *Ctx) { c.Out.Int(int64(c.DB.Len())) }

func swapDB(c *Ctx) {
	first, ok := c.int32(c.Args[1], "ERR invalid first DB index")
	if !ok {
		return
	}
	second, ok := c.int32(c.Args[2], "ERR invalid second DB index")
	if !ok {
		return
	}
	if !c.isDB(first) || !c.isDB(second) {
		c.Out.Error(ErrDBRange)
		return
	}
	c.KS.SwapDB(first, second)
	c.Fx.TouchAll(first)
	c.Fx.TouchAll(second)
	c.Fx.Dirty++
	c.Out.OK()
}
