package persist

import (
	"strconv"

	"redisd/internal/num"
	"redisd/pkg/ds"
	"redisd/pkg/persist/rdb"
)

const (
	// itemsPerCommand is how many elements one command of a rewritten log makes, as
	// in Redis: more would make commands that block others when they are replayed.
	itemsPerCommand = 64
	// bytesPerCommand ends a command earlier: then a value of any size passes
	// through a bounded buffer.
	bytesPerCommand = 256 << 10
)

// commands is a visitor that writes the commands that make a value at key. Streams
// have a file of their own.
type commands struct {
	out *output
	key []byte

	t     byte
	items []byte // bulk strings of the command in hand
	n     int    // elements, or pairs, in it
	words int

	stream streamCommands
}

var _ rdb.Visitor = (*commands)(nil)

// Begin implements rdb.Visitor.
func (c *commands) Begin(t byte, _ uint64) error {
	c.t, c.items, c.n, c.words = t, c.items[:0], 0, 0
	if t == rdb.TypeStreamListpacks2 {
		c.stream.begin()
	}
	return nil
}

// name is the command that adds elements, ready to be written.
func (c *commands) name() string {
	switch c.t {
	case rdb.TypeList, rdb.TypeListQuicklist2:
		return "$5\r\nRPUSH\r\n"
	case rdb.TypeSet, rdb.TypeSetIntset, rdb.TypeSetListpack:
		return "$4\r\nSADD\r\n"
	case rdb.TypeZset2, rdb.TypeZsetListpack:
		return "$4\r\nZADD\r\n"
	case rdb.TypeHash, rdb.TypeHashListpack:
		return "$5\r\nHMSET\r\n"
	}
	panic("BUG: persist: no commands for values of type " + rdb.TypeName(c.t))
}

// item adds an element of one or two words to the command in hand.
func (c *commands) item(words ...[]byte) error {
	for _, w := range words {
		if len(w) > bytesPerCommand {
			return c.single(words)
		}
	}
	for _, w := range words {
		c.items = appendBulk(c.items, w)
	}
	c.words += len(words)
	if c.n++; c.n < itemsPerCommand && len(c.items) < bytesPerCommand {
		return nil
	}
	return c.send()
}

// single writes a command for an element so long that it is not copied twice.
func (c *commands) single(words [][]byte) error {
	if err := c.send(); err != nil {
		return err
	}
	c.head(len(words))
	for _, w := range words {
		c.out.buf = appendBulk(c.out.buf, w)
	}
	return c.out.added()
}

// send writes the command in hand, if there is one.
func (c *commands) send() error {
	if c.n == 0 {
		return nil
	}
	c.head(c.words)
	c.out.buf = append(c.out.buf, c.items...)
	c.items, c.n, c.words = c.items[:0], 0, 0
	return c.out.added()
}

func (c *commands) head(words int) {
	c.start(2 + words)
	c.out.buf = append(c.out.buf, c.name()...)
	c.out.buf = appendBulk(c.out.buf, c.key)
}

// start begins a command of n words.
func (c *commands) start(n int) {
	b := strconv.AppendInt(append(c.out.buf, '*'), int64(n), 10)
	c.out.buf = append(b, "\r\n"...)
}

// Element implements rdb.Visitor.
func (c *commands) Element(b []byte) error { return c.item(b) }

// Pair implements rdb.Visitor.
func (c *commands) Pair(field, value []byte) error { return c.item(field, value) }

// Member implements rdb.Visitor.
func (c *commands) Member(member []byte, score float64) error {
	var text [32]byte
	return c.item(num.AppendDouble(text[:0], score), member)
}

// Pack implements rdb.Visitor.
func (c *commands) Pack(b []byte) error {
	if c.t == rdb.TypeSetIntset {
		return c.intset(b)
	}
	var first, second [24]byte
	l := ds.Listpack(b)
	for off := l.First(); off >= 0; off = l.Next(off) {
		e := l.Get(off).Bytes(&first)
		var err error
		switch c.t {
		case rdb.TypeHashListpack:
			off = l.Next(off)
			err = c.item(e, l.Get(off).Bytes(&second))
		case rdb.TypeZsetListpack:
			off = l.Next(off)
			err = c.item(l.Get(off).Bytes(&second), e)
		default:
			err = c.item(e)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (c *commands) intset(b []byte) error {
	var text [24]byte
	set := ds.Intset(b)
	for i := range set.Len() {
		if err := c.item(num.AppendInt(text[:0], set.At(i))); err != nil {
			return err
		}
	}
	return nil
}

// End implements rdb.Visitor.
func (c *commands) End() error { return c.send() }
