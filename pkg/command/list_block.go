package command

import "redisd/pkg/keyspace"

// Commands that take elements from the first of several lists that has any, and may
// wait for it. What they did is logged as LPOP or RPOP.

func listBlockSpecs() []Spec {
	const (
		docKeys     = "O(N) where N is the number of keys."
		docElements = "O(N+M) where N is the number of keys and M the number of elements returned."
	)
	doubles := [][2]string{{"6.0.0", "The timeout is a double and no integer."}}
	flags := KeyRW | KeyAccess | KeyDelete
	pop := func(name, summary string, h Handler) Spec {
		return Spec{Name: name, Arity: -3, Flags: Write | NoScript | Blocking, Group: "list", Since: "2.0.0", Handler: h,
			Summary: summary, Complexity: docKeys, History: doubles,
			Keys: []KeySpec{{Flags: flags, Index: 1, Last: -2, Step: 1}},
			Args: []Arg{many(keyArg("key", 0)), arg("timeout", "double")}}
	}
	counted := func(at int) []KeySpec {
		return []KeySpec{{Flags: flags, Index: at, KeyNum: true, FirstOf: 1, NumStep: 1}}
	}
	args := []Arg{arg("numkeys", "integer"), many(keyArg("key", 0)), leftOrRight("where"), optional(with("COUNT", "count", "integer"), "")}
	return []Spec{
		pop("blpop", "Takes the first element of the first list that has one; waits when there is none.", blpop),
		pop("brpop", "Takes the last element of the first list that has one; waits when there is none.", brpop),
		{Name: "lmpop", Arity: -4, Flags: Write, Group: "list", Since: "7.0.0", Handler: lmpop,
			Summary:    "Takes elements from one end of the first list that has any.",
			Complexity: docElements, Keys: counted(1), Args: args},
		{Name: "blmpop", Arity: -5, Flags: Write | Blocking, Group: "list", Since: "7.0.0", Handler: blmpop,
			Summary:    "Takes elements from one end of the first list that has any; waits when there is none.",
			Complexity: docElements, Keys: counted(2), Args: append([]Arg{arg("timeout", "double")}, args...)},
	}
}

func blpop(c *Ctx) { c.blockingPop(false) }
func brpop(c *Ctx) { c.blockingPop(true) }

func (c *Ctx) blockingPop(tail bool) {
	last := len(c.Args) - 1
	ms, ok := c.Timeout(c.Args[last])
	if !ok {
		return
	}
	keys := c.Args[1:last]
	l, key, found, good := c.firstList(keys)
	switch {
	case !good:
	case !found:
		c.Block(keys, keyspace.List, ms, NullArray)
	default:
		c.Out.Array(2)
		c.Out.Bulk(key)
		c.popOne(&l, key, tail)
		c.Fx.Replace(wordPop(tail), key)
	}
}

// firstList looks for the first key that is there; when it has another type it
// replies the error and good is false.
func (c *Ctx) firstList(keys [][]byte) (l keyspace.ListHandle, key []byte, found, good bool) {
	for _, key := range keys {
		e, found, good := c.WriteType(key, keyspace.List)
		if !good {
			return l, nil, false, false
		}
		if found {
			return e.List(), key, true, true
		}
	}
	return l, nil, false, true
}

// multiPop is what LMPOP and BLMPOP were asked for.
type multiPop struct {
	keys  [][]byte
	tail  bool
	count int64
}

// parseMultiPop reads the arguments from the number of keys on.
func (c *Ctx) parseMultiPop(args [][]byte) (m multiPop, ok bool) {
	n, ok := c.atLeast(args[0], 1, "ERR numkeys should be greater than 0")
	if !ok {
		return m, false
	}
	if n >= int64(len(args)-1) {
		c.Out.Error(ErrSyntax)
		return m, false
	}
	m.keys, m.count = args[1:1+n], 1
	args = args[1+n:]
	if m.tail, ok = c.end(args[0]); !ok {
		return m, false
	}
	switch {
	case len(args) == 1:
		return m, true
	case !Is(args[1], "COUNT") || len(args) == 2:
		c.Out.Error(ErrSyntax)
		return m, false
	}
	if m.count, ok = c.atLeast(args[2], 1, "ERR count should be greater than 0"); !ok {
		return m, false
	}
	if len(args) > 3 {
		c.Out.Error(ErrSyntax)
		return m, false
	}
	return m, true
}

func lmpop(c *Ctx) {
	m, ok := c.parseMultiPop(c.Args[1:])
	if !ok {
		return
	}
	if !c.popFirst(m) {
		c.Out.NullArray()
	}
}

func blmpop(c *Ctx) {
	m, ok := c.parseMultiPop(c.Args[2:])
	if !ok {
		return
	}
	ms, ok := c.Timeout(c.Args[1])
	if !ok {
		return
	}
	if !c.popFirst(m) {
		c.Block(m.keys, keyspace.List, ms, NullArray)
	}
}

// popFirst takes the elements and replies them with their key, or replies an error.
// It tells false, and has replied nothing, when there is no list.
func (c *Ctx) popFirst(m multiPop) bool {
	l, key, found, good := c.firstList(m.keys)
	if !found || !good {
		return !good
	}
	c.Out.Array(2)
	c.Out.Bulk(key)
	n := c.popMany(&l, key, m.tail, m.count)
	c.Fx.Replace(wordPop(m.tail), key, c.Fx.Int(int64(n)))
	return true
}

// wordPop is the command that a pop is logged as.
func wordPop(tail bool) []byte {
	if tail {
		return wordRPop
	}
	return wordLPop
}
