package command

import (
	"bytes"

	"redisd/pkg/keyspace"
)

// Commands that move an element from one list to another.

func listMoveSpecs() []Spec {
	const sinceDouble = "The timeout is a double and no integer."
	keys := []KeySpec{{Flags: KeyRW | KeyAccess | KeyDelete, Index: 1, Step: 1}, {Flags: KeyRW | KeyInsert, Index: 2, Step: 1}}
	source := []Arg{keyArg("source", 0), keyArg("destination", 1)}
	ends := append(source[:2:2], leftOrRight("wherefrom"), leftOrRight("whereto"))
	timeout := arg("timeout", "double")
	wait := Write | DenyOOM | NoScript | Blocking
	return []Spec{
		{Name: "lmove", Arity: 5, Flags: Write | DenyOOM, Group: "list", Since: "6.2.0", Handler: lmove,
			Summary: "Moves an element from one end of a list to one end of another, and returns it.", Complexity: docO1,
			Keys: keys, Args: ends},
		{Name: "rpoplpush", Arity: 3, Flags: Write | DenyOOM, Group: "list", Since: "1.2.0", Handler: rpoplpush,
			Summary: "Moves the last element of a list to the head of another, and returns it.", Complexity: docO1,
			Deprecated: "6.2.0", ReplacedBy: "`LMOVE` with the `RIGHT` and `LEFT` arguments", Keys: keys, Args: source},
		{Name: "blmove", Arity: 6, Flags: wait, Group: "list", Since: "6.2.0", Handler: blmove,
			Summary: "Moves an element from one list to another; waits for one when there is none.", Complexity: docO1,
			Keys: keys, Args: append(ends[:4:4], timeout)},
		{Name: "brpoplpush", Arity: 4, Flags: wait, Group: "list", Since: "2.2.0", Handler: brpoplpush,
			Summary: "Moves the last element of a list to the head of another; waits for one when there is none.", Complexity: docO1,
			History:    [][2]string{{"6.0.0", sinceDouble}},
			Deprecated: "6.2.0", ReplacedBy: "`BLMOVE` with the `RIGHT` and `LEFT` arguments", Keys: keys, Args: append(source[:2:2], timeout)},
	}
}

// Words of commands that the log gets in place of what was sent. They are never
// written to.
var (
	wordLPop      = []byte("LPOP")
	wordRPop      = []byte("RPOP")
	wordLMove     = []byte("LMOVE")
	wordRPopLPush = []byte("RPOPLPUSH")
)

// leftOrRight documents the choice of an end.
func leftOrRight(name string) Arg { return oneOf(name, word("LEFT"), word("RIGHT")) }

// end reads LEFT or RIGHT; tail is the right one. When it is neither it replies the
// error.
func (c *Ctx) end(arg []byte) (tail, ok bool) {
	switch {
	case Is(arg, "RIGHT"):
		return true, true
	case Is(arg, "LEFT"):
		return false, true
	}
	c.Out.Error(ErrSyntax)
	return false, false
}

// ends reads the two ends that LMOVE and BLMOVE name.
func (c *Ctx) ends() (from, to, ok bool) {
	if from, ok = c.end(c.Args[3]); ok {
		to, ok = c.end(c.Args[4])
	}
	return from, to, ok
}

func lmove(c *Ctx) {
	from, to, ok := c.ends()
	if !ok {
		return
	}
	if !c.moveElement(from, to) {
		c.Out.Null()
	}
}

func rpoplpush(c *Ctx) {
	if !c.moveElement(true, false) {
		c.Out.Null()
	}
}

func blmove(c *Ctx) {
	from, to, ok := c.ends()
	if !ok {
		return
	}
	ms, ok := c.Timeout(c.Args[5])
	if !ok {
		return
	}
	if !c.moveElement(from, to) {
		c.Block(c.Args[1:2], keyspace.List, ms, NullBulk)
	} else if c.Fx.Dirty > 0 {
		c.Fx.Replace(wordLMove, c.Args[1], c.Args[2], c.Args[3], c.Args[4])
	}
}

func brpoplpush(c *Ctx) {
	ms, ok := c.Timeout(c.Args[3])
	if !ok {
		return
	}
	if !c.moveElement(true, false) {
		c.Block(c.Args[1:2], keyspace.List, ms, NullBulk)
	} else if c.Fx.Dirty > 0 {
		c.Fx.Replace(wordRPopLPush, c.Args[1], c.Args[2])
	}
}

// moveElement takes an element from one end of the list at the first key, puts it at
// one end of the list at the second, and replies it, or replies an error. It tells
// false, and has replied nothing, when there is no such list.
func (c *Ctx) moveElement(from, to bool) bool {
	src, dst := c.Args[1], c.Args[2]
	e, found, good := c.WriteType(src, keyspace.List)
	if !found || !good {
		return !good
	}
	d, there, good := c.WriteType(dst, keyspace.List)
	if !good {
		return true
	}
	// The second lookup may have moved buckets, but no entry: e still holds.
	l := e.List()
	v := l.End(from)
	c.element(v)
	val := c.Fx.Copy(v.Bytes(&c.scratch))
	l.Drop(from, 1)
	if there && bytes.Equal(src, dst) {
		l.Push(to, val)
	} else {
		if !there {
			d = c.DB.NewList(dst)
		}
		other := d.List()
		other.Push(to, val)
	}
	c.created(dst, there)
	c.Fx.Notify(EventList, pushEvent(to), dst)
	c.popped(&l, src, from, 1)
	return true
}
