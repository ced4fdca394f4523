package command

import "redisd/pkg/keyspace"

// Commands that change lists inside.

func listEditSpecs() []Spec {
	return []Spec{
		{Name: "lset", Arity: 4, Flags: Write | DenyOOM, Group: "list", Since: "1.0.0", Handler: lset,
			Summary:    "Replaces the element with an index; -1 is the last one.",
			Complexity: "O(N) where N is the number of elements between it and the nearer end.",
			Keys:       OneKey(1, KeyRW|KeyUpdate), Args: oneKeyArg(arg("index", "integer"), arg("element", "string"))},
		{Name: "ltrim", Arity: 4, Flags: Write, Group: "list", Since: "1.0.0", Handler: ltrim,
			Summary:    "Removes all elements but those between two indexes, both included.",
			Complexity: "O(N) where N is the number of elements that are removed.",
			Keys:       OneKey(1, KeyRW|KeyDelete), Args: oneKeyArg(arg("start", "integer"), arg("stop", "integer"))},
		{Name: "lrem", Arity: 4, Flags: Write, Group: "list", Since: "1.0.0", Handler: lrem,
			Summary:    "Removes elements that equal a value: count of them from the head, from the tail if it is negative, all if it is 0.",
			Complexity: "O(N+M) where N is the length of the list and M the number of elements that are removed.",
			Keys:       OneKey(1, KeyRW|KeyDelete), Args: oneKeyArg(arg("count", "integer"), arg("element", "string"))},
		{Name: "linsert", Arity: 5, Flags: Write | DenyOOM, Group: "list", Since: "2.2.0", Handler: linsert,
			Summary:    "Adds an element before or behind the first one that equals a value.",
			Complexity: "O(N) where N is the number of elements from the head to that one.",
			Keys:       OneKey(1, KeyRW|KeyInsert),
			Args: oneKeyArg(oneOf("where", word("BEFORE"), word("AFTER")),
				arg("pivot", "string"), arg("element", "string"))},
	}
}

func lset(c *Ctx) {
	key := c.Args[1]
	e, found, good := c.WriteType(key, keyspace.List)
	if !good {
		return
	}
	if !found {
		c.Out.Error(ErrNoKey)
		return
	}
	index, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	l := e.List()
	if !l.Set(int(index), c.Args[3]) {
		c.Out.Error(ErrRange)
		return
	}
	c.Fx.Notify(EventList, "lset", key)
	c.Fx.Dirty++
	c.Out.OK()
}

func ltrim(c *Ctx) {
	key := c.Args[1]
	start, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	stop, ok := c.Int(c.Args[3])
	if !ok {
		return
	}
	e, found, good := c.WriteType(key, keyspace.List)
	if !good {
		return
	}
	if !found {
		c.Out.OK()
		return
	}
	l := e.List()
	size := l.Len()
	from, keep := span(start, stop, size)
	l.Trim(from, keep)
	c.Fx.Notify(EventList, "ltrim", key)
	c.dropEmpty(&l, key)
	c.Fx.Dirty += int64(size - keep)
	c.Out.OK()
}

func lrem(c *Ctx) {
	key := c.Args[1]
	count, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	e, found, good := c.WriteType(key, keyspace.List)
	if !good {
		return
	}
	if !found {
		c.Out.Int(0)
		return
	}
	l := e.List()
	n := count
	if n < 0 {
		n = -n // the smallest number stays what it is: more than any list has
	}
	removed := l.Remove(c.Args[3], int(n), count < 0)
	if removed > 0 {
		c.Fx.Notify(EventList, "lrem", key)
	}
	c.dropEmpty(&l, key)
	c.Fx.Dirty += int64(removed)
	c.Out.Int(int64(removed))
}

func linsert(c *Ctx) {
	key := c.Args[1]
	behind := Is(c.Args[2], "AFTER")
	if !behind && !Is(c.Args[2], "BEFORE") {
		c.Out.Error(ErrSyntax)
		return
	}
	e, found, good := c.WriteType(key, keyspace.List)
	if !good {
		return
	}
	if !found {
		c.Out.Int(0)
		return
	}
	l := e.List()
	if !l.Insert(c.Args[3], c.Args[4], behind) {
		c.Out.Int(-1)
		return
	}
	c.Fx.Notify(EventList, "linsert", key)
	c.Fx.Dirty++
	c.Out.Int(int64(l.Len()))
}
