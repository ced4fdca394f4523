package command

import (
	"slices"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
)

// The list family: this file has pushing and popping, list_read.go what asks,
// list_edit.go what changes a list inside, list_move.go what moves elements between
// lists, list_block.go the commands that take several keys or wait.

func listSpecs() []Spec {
	return slices.Concat(listEndSpecs(), listReadSpecs(), listEditSpecs(), listMoveSpecs(), listBlockSpecs())
}

func listEndSpecs() []Spec {
	const docPush = "O(1) for each element that is added."
	elements := oneKeyArg(many(arg("element", "string")))
	count := oneKeyArg(optional(arg("count", "integer"), "6.2.0"))
	push := func(name, since, severalSince, summary string, h Handler) Spec {
		return Spec{Name: name, Arity: -3, Flags: Write | DenyOOM | Fast, Group: "list", Since: since, Handler: h,
			Summary: summary, Complexity: docPush, History: [][2]string{{severalSince, "Takes several elements."}},
			Keys: OneKey(1, KeyRW|KeyInsert), Args: elements}
	}
	pop := func(name, summary string, h Handler) Spec {
		return Spec{Name: name, Arity: -2, Flags: Write | Fast, Group: "list", Since: "1.0.0", Handler: h,
			Summary: summary, Complexity: "O(N) where N is the number of elements returned.",
			History: [][2]string{{"6.2.0", "Takes a count."}},
			Keys:    OneKey(1, KeyRW|KeyAccess|KeyDelete), Args: count}
	}
	return []Spec{
		push("lpush", "1.0.0", "2.4.0", "Adds elements at the head of a list, one before the other; a missing key is an empty list.", lpush),
		push("rpush", "1.0.0", "2.4.0", "Adds elements at the tail of a list; a missing key is an empty list.", rpush),
		push("lpushx", "2.2.0", "4.0.0", "Adds elements at the head of a list that is there.", lpushX),
		push("rpushx", "2.2.0", "4.0.0", "Adds elements at the tail of a list that is there.", rpushX),
		pop("lpop", "Takes elements from the head of a list and returns them.", lpop),
		pop("rpop", "Takes elements from the tail of a list and returns them.", rpop),
	}
}

func lpush(c *Ctx)  { c.push(false, false) }
func rpush(c *Ctx)  { c.push(true, false) }
func lpushX(c *Ctx) { c.push(false, true) }
func rpushX(c *Ctx) { c.push(true, true) }

// push adds the arguments at the tail or at the head; there says that only a list
// that exists gets them.
func (c *Ctx) push(tail, there bool) {
	key, vals := c.Args[1], c.Args[2:]
	e, found, good := c.WriteType(key, keyspace.List)
	if !good {
		return
	}
	if !found {
		if there {
			c.Out.Int(0)
			return
		}
		e = c.DB.NewList(key)
	}
	l := e.List()
	l.Push(tail, vals...)
	c.created(key, found)
	c.Fx.Notify(EventList, pushEvent(tail), key)
	c.Fx.Dirty += int64(len(vals))
	c.Out.Int(int64(l.Len()))
}

func pushEvent(tail bool) string {
	if tail {
		return "rpush"
	}
	return "lpush"
}

func popEvent(tail bool) string {
	if tail {
		return "rpop"
	}
	return "lpop"
}

// element replies one element as a bulk string.
func (c *Ctx) element(e ds.LPElem) {
	if e.IsInt {
		c.Out.BulkInt(e.Int)
	} else {
		c.Out.Bulk(e.Str)
	}
}

// elements replies n elements of a list, which are there, from index start on; back
// says towards the head.
func (c *Ctx) elements(l *keyspace.ListHandle, start, n int, back bool) {
	c.Out.Array(n)
	out := c.Out
	cur := l.At(start, back)
	for ; n > 0; n-- {
		if str, number, isInt := cur.Elem(); isInt {
			out.BulkInt(number)
		} else {
			out.Bulk(str)
		}
		cur.Next()
	}
	cur.Close()
}

// popped says what follows from n elements having been removed at one end: events,
// and the end of a list that is empty.
func (c *Ctx) popped(l *keyspace.ListHandle, key []byte, tail bool, n int) {
	c.Fx.Notify(EventList, popEvent(tail), key)
	c.dropEmpty(l, key)
	c.Fx.Dirty += int64(n)
}

// dropEmpty deletes the key of a list that has lost its last element.
func (c *Ctx) dropEmpty(l *keyspace.ListHandle, key []byte) {
	if l.Len() == 0 {
		c.DB.Delete(key)
		c.Fx.Notify(EventGeneric, "del", key)
	}
}

// popOne takes one element and replies it.
func (c *Ctx) popOne(l *keyspace.ListHandle, key []byte, tail bool) {
	c.element(l.End(tail))
	l.Drop(tail, 1)
	c.popped(l, key, tail, 1)
}

// popMany takes up to count elements and replies them, the one that was at the end
// first. It returns how many there were.
func (c *Ctx) popMany(l *keyspace.ListHandle, key []byte, tail bool, count int64) (n int) {
	n = int(min(count, int64(l.Len())))
	start := 0
	if tail {
		start = -1
	}
	c.elements(l, start, n, tail)
	l.Drop(tail, n)
	c.popped(l, key, tail, n)
	return n
}

func lpop(c *Ctx) { c.pop(false) }
func rpop(c *Ctx) { c.pop(true) }

func (c *Ctx) pop(tail bool) {
	key := c.Args[1]
	if len(c.Args) > 3 {
		c.Out.Errorf("ERR wrong number of arguments for '%s' command", c.Spec.FullName)
		return
	}
	several, count := len(c.Args) == 3, int64(0)
	if several {
		var ok bool
		if count, ok = c.atLeast(c.Args[2], 0, ErrPositive); !ok {
			return
		}
	}
	e, found, good := c.WriteType(key, keyspace.List)
	if !good {
		return
	}
	if !found {
		if several {
			c.Out.NullArray()
		} else {
			c.Out.Null()
		}
		return
	}
	l := e.List()
	switch {
	case !several:
		c.popOne(&l, key, tail)
	case count == 0:
		c.Out.Array(0)
	default:
		c.popMany(&l, key, tail, count)
	}
}

// atLeast reads an integer argument that must not be below low; when it is no good
// it replies the error given.
func (c *Ctx) atLeast(arg []byte, low int64, text string) (int64, bool) {
	n, ok := num.ParseInt(arg)
	if !ok || n < low {
		c.Out.Error(text)
		return 0, false
	}
	return n, true
}
