package command

import (
	"bytes"
	"slices"

	"redisd/internal/num"
	"redisd/pkg/keyspace"
)

// The set family: this file has the commands on one set, set_ops.go those that
// combine sets.

func setSpecs() []Spec { return slices.Concat(setChangeSpecs(), setReadSpecs(), setOpSpecs()) }

func memberArg() Arg { return arg("member", "string") }

func setChangeSpecs() []Spec {
	return []Spec{
		{Name: "sadd", Arity: -3, Flags: Write | DenyOOM | Fast, Group: "set", Since: "1.0.0", Handler: sadd,
			Summary:    "Adds members to a set and returns how many of them are new.",
			Complexity: "O(N) where N is the number of members given.",
			History:    [][2]string{{"2.4.0", "Takes several `member`s."}},
			Keys:       OneKey(1, KeyRW|KeyInsert), Args: oneKeyArg(many(memberArg()))},
		{Name: "srem", Arity: -3, Flags: Write | Fast, Group: "set", Since: "1.0.0", Handler: srem,
			Summary:    "Removes members from a set and returns how many there were; a set without members is deleted.",
			Complexity: "O(N) where N is the number of members given.",
			History:    [][2]string{{"2.4.0", "Takes several `member`s."}},
			Keys:       OneKey(1, KeyRW|KeyDelete), Args: oneKeyArg(many(memberArg()))},
		{Name: "smove", Arity: 4, Flags: Write | Fast, Group: "set", Since: "1.0.0", Handler: smove,
			Summary: "Moves a member from one set to another.", Complexity: docO1,
			Keys: []KeySpec{{Flags: KeyRW | KeyAccess | KeyDelete, Index: 1, Step: 1}, {Flags: KeyRW | KeyInsert, Index: 2, Step: 1}},
			Args: []Arg{keyArg("source", 0), keyArg("destination", 1), memberArg()}},
		{Name: "spop", Arity: -2, Flags: Write | Fast, Group: "set", Since: "1.0.0", Handler: spop,
			Summary:    "Removes members of a set by chance and returns them.",
			Complexity: "O(N) where N is the number of members removed.",
			History:    [][2]string{{"3.2.0", "The argument `count`."}},
			Hints:      []string{hintVaries}, Keys: OneKey(1, KeyRW|KeyAccess|KeyDelete),
			Args: oneKeyArg(optional(arg("count", "integer"), "3.2.0"))},
	}
}

func setReadSpecs() []Spec {
	access := OneKey(1, KeyRO|KeyAccess)
	return []Spec{
		{Name: "sismember", Arity: 3, Flags: ReadOnly | Fast, Group: "set", Since: "1.0.0", Handler: sismember,
			Summary: "Tells whether a set has a member.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg(memberArg())},
		{Name: "smismember", Arity: -3, Flags: ReadOnly | Fast, Group: "set", Since: "6.2.0", Handler: smismember,
			Summary:    "Tells for each of several members whether a set has it.",
			Complexity: "O(N) where N is the number of members asked for.",
			Keys:       access, Args: oneKeyArg(many(memberArg()))},
		{Name: "scard", Arity: 2, Flags: ReadOnly | Fast, Group: "set", Since: "1.0.0", Handler: scard,
			Summary: "Returns the number of members of a set.", Complexity: docO1,
			Keys: OneKey(1, KeyRO), Args: oneKeyArg()},
		{Name: "smembers", Arity: 2, Flags: ReadOnly, Group: "set", Since: "1.0.0", Handler: smembers,
			Summary: "Returns all members of a set.", Complexity: "O(N) where N is the number of members.",
			Hints: []string{hintAnyOrder}, Keys: access, Args: oneKeyArg()},
		{Name: "srandmember", Arity: -2, Flags: ReadOnly, Group: "set", Since: "1.0.0", Handler: srandMember,
			Summary:    "Returns members of a set by chance.",
			Complexity: "O(N) where N is the number of members returned.",
			History:    [][2]string{{"2.6.0", "The argument `count`."}},
			Hints:      []string{hintVaries}, Keys: access,
			Args: oneKeyArg(optional(arg("count", "integer"), "2.6.0"))},
		{Name: "sscan", Arity: -3, Flags: ReadOnly, Group: "set", Since: "2.8.0", Handler: sscan,
			Summary:    "Iterates over the members of a set, some at each call.",
			Complexity: "O(1) for a call; O(N) for a whole iteration over N members.",
			Hints:      []string{hintVaries}, Keys: access, Args: scanArgs()},
	}
}

// readSet opens the set at key for reading.
func (c *Ctx) readSet(key []byte) (s keyspace.SetValue, found, good bool) {
	e, found, good := c.ReadType(key, keyspace.Set)
	if found && good {
		s = e.Set()
	}
	return s, found, good
}

// writeSet opens the set at key for a command that will change it.
func (c *Ctx) writeSet(key []byte) (s keyspace.SetValue, found, good bool) {
	e, found, good := c.WriteType(key, keyspace.Set)
	if found && good {
		s = e.Set()
	}
	return s, found, good
}

// newSet makes the set that writeSet did not find, for the given members.
func (c *Ctx) newSet(key []byte, members [][]byte) keyspace.SetValue {
	e := c.DB.NewSetFor(key, members)
	c.created(key, false)
	return e.Set()
}

func sadd(c *Ctx) {
	key, members := c.Args[1], c.Args[2:]
	s, found, good := c.writeSet(key)
	if !good {
		return
	}
	if found {
		s.Expect(len(members))
	} else {
		s = c.newSet(key, members)
	}
	added := int64(0)
	for _, m := range members {
		if s.Add(m) {
			added++
		}
	}
	if added > 0 {
		c.Fx.Notify(EventSet, "sadd", key)
	}
	c.Fx.Dirty += added
	c.Out.Int(added)
}

func srem(c *Ctx) {
	key := c.Args[1]
	s, found, good := c.writeSet(key)
	if !good {
		return
	}
	removed, emptied := int64(0), false
	if found {
		for _, m := range c.Args[2:] {
			if !s.Remove(m) {
				continue
			}
			removed++
			if emptied = s.Len() == 0; emptied {
				break
			}
		}
	}
	c.shrunk(EventSet, "srem", key, removed, emptied)
	c.Out.Int(removed)
}

func smove(c *Ctx) {
	src, dst, m := c.Args[1], c.Args[2], c.Args[3]
	e, found := c.DB.Write(src)
	d, there := c.DB.Write(dst)
	switch {
	case !found:
		c.Out.Int(0)
		return
	case e.Type() != keyspace.Set || there && d.Type() != keyspace.Set:
		c.Out.Error(ErrWrongType)
		return
	}
	from := e.Set()
	if bytes.Equal(src, dst) {
		c.replyBit(from.Has(m))
		return
	}
	if !from.Remove(m) {
		c.Out.Int(0)
		return
	}
	var to keyspace.SetValue
	if there {
		to = d.Set()
	}
	c.shrunk(EventSet, "srem", src, 1, from.Len() == 0)
	if !there {
		to = c.newSet(dst, c.Args[3:])
	}
	if to.Add(m) {
		c.Fx.Notify(EventSet, "sadd", dst)
		c.Fx.Dirty++
	}
	c.Out.Int(1)
}

func sismember(c *Ctx) {
	s, found, good := c.readSet(c.Args[1])
	if good {
		c.replyBit(found && s.Has(c.Args[2]))
	}
}

func smismember(c *Ctx) {
	s, found, good := c.readSet(c.Args[1])
	if !good {
		return
	}
	c.Out.Array(len(c.Args) - 2)
	for _, m := range c.Args[2:] {
		c.replyBit(found && s.Has(m))
	}
}

func scard(c *Ctx) {
	s, found, good := c.readSet(c.Args[1])
	switch {
	case !good:
	case !found:
		c.Out.Int(0)
	default:
		c.Out.Int(int64(s.Len()))
	}
}

func smembers(c *Ctx) {
	s, found, good := c.readSet(c.Args[1])
	switch {
	case !good:
	case !found:
		c.Out.Set(0)
	default:
		c.replyMembers(&s)
	}
}

// replyMembers replies a whole set.
func (c *Ctx) replyMembers(s *keyspace.SetValue) {
	c.Out.Set(s.Len())
	s.Each(func(m []byte) bool { c.Out.Bulk(m); return true })
}

func spop(c *Ctx) {
	switch len(c.Args) {
	case 2:
	case 3:
		c.spopCount()
		return
	default:
		c.Out.Error(ErrSyntax)
		return
	}
	key := c.Args[1]
	s, found, good := c.writeSet(key)
	if !good {
		return
	}
	if !found {
		c.Out.Null()
		return
	}
	s.Pop(func(m []byte) {
		c.Out.Bulk(m)
		c.Fx.Replace(wordSRem, key, c.Fx.Copy(m))
	})
	c.shrunk(EventSet, "spop", key, 1, s.Len() == 0)
}

func (c *Ctx) spopCount() {
	key := c.Args[1]
	n, ok := c.positive(c.Args[2], ErrPositive)
	if !ok {
		return
	}
	s, found, good := c.writeSet(key)
	if !good {
		return
	}
	if !found || n == 0 {
		c.Out.Set(0)
		return
	}
	if size := int64(s.Len()); n >= size {
		c.replyMembers(&s)
		c.shrunk(EventSet, "spop", key, size, true)
		if c.LazyServerDel {
			c.Fx.Replace(wordUnlink, key)
		} else {
			c.Fx.Replace(wordDel, key)
		}
		return
	}
	c.Out.Set(int(n))
	log := newBatch(c, wordSRem, key)
	s.PopSome(int(n), func(m []byte) {
		c.Out.Bulk(m)
		log.add(m)
	})
	log.flush()
	c.shrunk(EventSet, "spop", key, n, false)
}

// positive reads a number from 0 on; text is the error for everything else.
func (c *Ctx) positive(arg []byte, text string) (int64, bool) {
	n, ok := num.ParseInt(arg)
	if !ok || n < 0 {
		c.Out.Error(text)
		return 0, false
	}
	return n, true
}

// batch logs one command with many words as several with at most batchWords each.
type batch struct {
	c     *Ctx
	start int // words of the head
	words [][]byte
}

// batchWords is how many elements Redis puts into one logged command.
const batchWords = 1024

func newBatch(c *Ctx, head ...[]byte) batch {
	return batch{c, len(head), append(make([][]byte, 0, 16), head...)}
}

func (b *batch) add(word []byte) {
	b.words = append(b.words, b.c.Fx.Copy(word))
	if len(b.words)-b.start == batchWords {
		b.flush()
	}
}

func (b *batch) flush() {
	if len(b.words) > b.start {
		b.c.Fx.Replace(b.words...)
		b.words = b.words[:b.start]
	}
}

func srandMember(c *Ctx) {
	switch len(c.Args) {
	case 2:
	case 3:
		c.srandMembers()
		return
	default:
		c.Out.Error(ErrSyntax)
		return
	}
	s, found, good := c.readSet(c.Args[1])
	switch {
	case !good:
	case !found:
		c.Out.Null()
	default:
		c.Out.Bulk(s.Random())
	}
}

func (c *Ctx) srandMembers() {
	n, ok := c.signedCount(c.Args[2])
	if !ok {
		return
	}
	s, found, good := c.readSet(c.Args[1])
	switch {
	case !good:
	case !found || n == 0:
		c.Out.Array(0)
	case n < 0:
		c.Out.Array(int(-n))
		s.Draw(int(-n), func(m []byte) bool { c.Out.Bulk(m); return !c.Out.Full() })
	default:
		n = min(n, int64(s.Len()))
		c.Out.Array(int(n))
		s.Sample(int(n), func(m []byte) { c.Out.Bulk(m) })
	}
}

func sscan(c *Ctx) {
	e, o, pos, ok := c.beginScan(keyspace.Set)
	if !ok {
		return
	}
	s := e.Set()
	c.scanBuckets(&o, pos, func(pos uint64) (next uint64, seen, n int) {
		next = s.Scan(pos, func(m []byte) {
			seen++
			if o.matches(m) {
				c.Out.Bulk(m)
				n++
			}
		})
		return next, seen, n
	})
}
