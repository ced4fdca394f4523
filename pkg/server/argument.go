package server

import (
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

// Long arguments are read to a block of the arena each, which SET makes the value: they
// are never moved, and what a peer only announces costs addresses and no memory.

const (
	// longArgument is the length above which an argument gets a block: of shorter ones
	// the pool keeps the buffers.
	longArgument = largeMost
	// longStart is how much of it must have come before it gets one.
	longStart = 64 << 10
	// longStep is what a block grows by, and the most that is read at a time: its pages
	// are new, and to get them takes the kernel milliseconds.
	longStep = 1 << 20
	// longMost bounds the addresses that are reserved for all clients.
	longMost = 64 << 30
)

// longArguments are those of the request that a client is sending.
type longArguments struct {
	blocks []keyspace.Block
	got    int   // bytes of the last one
	open   bool  // it is not complete
	held   int64 // bytes of memory that all of them have
	// running: the command that has them runs, and reads them until it is over.
	running bool
}

// bytes is what has come of the long arguments of a client.
func (l *longArguments) bytes() int {
	if l == nil {
		return 0
	}
	n := 0
	for _, b := range l.blocks {
		n += b.Len
	}
	if l.open {
		n += l.got - l.blocks[len(l.blocks)-1].Len
	}
	return n
}

// memory is what they take.
func (l *longArguments) memory() int {
	if l == nil {
		return 0
	}
	return int(l.held)
}

// openLong moves what has come of the argument that is pending to a block, if it is long
// and there is one.
func (cs *clients) openLong(c *client) bool {
	n, at := c.parser.Argument(), c.parser.Place()
	got := len(c.in) - at
	if n <= longArgument || got < longStart || got >= n || // then only its end is missing
		cs.longReserved+int64(n) > longMost {
		return false
	}
	arena := c.srv.arena
	room := min(n, got+longStep)
	r := arena.Reserve(mem.Client, room, n)
	if r == 0 {
		return false
	}
	if c.long == nil {
		c.long = &longArguments{}
	}
	l := c.long
	l.blocks, l.got, l.open = append(l.blocks, keyspace.Block{Ref: r, Len: n}), got, true
	cs.longReserved += int64(n)
	cs.holdLong(l, arena.Usable(r))
	copy(arena.Bytes(r, got), c.in[at:])
	c.in = c.in[:at]
	return true
}

// longRoom is where the next bytes of the argument that is pending go.
func (cs *clients) longRoom(c *client) []byte {
	l, arena := c.long, c.srv.arena
	b := &l.blocks[len(l.blocks)-1]
	end := min(b.Len, l.got+longStep)
	if old := arena.Usable(b.Ref); end > old {
		if arena.Resize(mem.Client, b.Ref, l.got, end) != b.Ref {
			panic("BUG: server: a block has moved that has room")
		}
		cs.holdLong(l, arena.Usable(b.Ref)-old)
	}
	return arena.Bytes(b.Ref, end)[l.got:]
}

func (cs *clients) holdLong(l *longArguments, more int) {
	l.held += int64(more)
	cs.longUsed += int64(more)
}

// tookLong takes note of n bytes that were read there.
func (cs *clients) tookLong(c *client, n int) {
	l := c.long
	if l.got += n; l.got == l.blocks[len(l.blocks)-1].Len {
		l.open = false
		c.parser.Elsewhere(c.srv.arena.Bytes(l.blocks[len(l.blocks)-1].Ref, l.got))
	}
}

// runLong is run for a request with long arguments.
func (x *executor) runLong(c *client, argv [][]byte) {
	ks := x.srv.ks
	c.long.running = true
	ks.Offer(c.long.blocks)
	x.run(c, argv)
	ks.Offer(nil)
	x.srv.clients.dropLong(c)
	x.release()
}

// dropLong frees the long arguments of a request that is over, but for those that have
// become values.
func (cs *clients) dropLong(c *client) {
	if c.long == nil {
		return
	}
	for _, b := range c.long.blocks {
		cs.longReserved -= int64(b.Len)
		if !b.Taken {
			c.srv.arena.Free(mem.Client, b.Ref)
		}
	}
	cs.longUsed -= c.long.held
	c.long = nil
}
