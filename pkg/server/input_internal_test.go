package server

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

// TestRoomFollowsTheBytes: a long argument is given room as it comes, not when it is
// announced, and copying it for that costs less than reading it.
func TestRoomFollowsTheBytes(t *testing.T) {
	b := newBench(t)
	c, cs := b.c, b.s.clients
	const size = 512 << 20
	head := fmt.Appendf(nil, "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$%d\r\n", size)
	c.in = append(c.in, head...)
	check.Eq(t, len(b.s.process(c, c.in)), len(head))
	cs.roomFor(c)
	check.True(t, cap(c.in) <= 2*poolBuffer, fmt.Sprintf("%d bytes for an announcement", cap(c.in)))
	moved := 0
	for got := 0; c.long == nil || c.long.open; {
		in := len(c.in)
		room := cs.roomFor(c)
		if len(c.in) < in || cap(c.in) > 16*in+2*poolBuffer {
			moved += in
		}
		if c.long == nil {
			c.in = c.in[:cap(c.in)] // what the peer sends fills the room
			got = len(c.in) - len(head)
			check.True(t, cap(c.in) <= 34*len(head)+34*in+largeStep, fmt.Sprintf("room for %d after %d", cap(c.in), in))
			continue
		}
		check.True(t, len(room) <= longStep, "no more than so much is read at a time")
		got += len(room)
		cs.tookLong(c, len(room))
		check.True(t, cs.longUsed <= int64(got+2*longStep), fmt.Sprintf("%d bytes of memory for %d that came", cs.longUsed, got))
		check.Eq(t, cs.longReserved, int64(size))
		check.Eq(t, c.long.bytes(), got)
	}
	check.True(t, moved < 1<<20, fmt.Sprintf("%d bytes were moved", moved))
	check.True(t, len(c.in) == len(head), "nothing of it lies in the buffer")
	c.in = append(c.in, "\r\n"...)
	check.Eq(t, len(b.s.process(c, c.in)), 0)
	check.Eq(t, cs.longUsed, int64(0))
	check.Eq(t, cs.longReserved, int64(0))
	check.Eq(t, b.s.arena.UsedBy(mem.Client), uint64(0))
	check.True(t, b.s.arena.UsedBy(mem.Value) >= size, "it is the value now")
}

// TestRoomFitsTheArgument however much of it came first: its buffer is not doubled.
func TestRoomFitsTheArgument(t *testing.T) {
	b := newBench(t)
	c, cs := b.c, b.s.clients
	const size = 750_000
	whole := append([]byte("*2\r\n$4\r\nECHO\r\n$750000\r\n"), make([]byte, size+2)...)
	for first := 100; first < size; first += 10_007 {
		c.parser.Reset()
		c.in = append([]byte(nil), whole[:first]...)
		check.Eq(t, len(b.s.process(c, c.in)), first)
		for len(c.in) < len(whole) {
			cs.roomFor(c)
			c.in = append(c.in, whole[len(c.in):min(cap(c.in), len(whole))]...)
		}
		check.True(t, cap(c.in) < len(whole)+32<<10, fmt.Sprintf("room for %d, when %d came first", cap(c.in), first))
	}
}

// TestBigRequestIsForgotten: nothing points to the buffer of a request that is over.
func TestBigRequestIsForgotten(t *testing.T) {
	b := newBench(t)
	before := goBytes()
	func() { // what it has on its stack is gone with it
		b.c.in = request("EXISTS", "a", strings.Repeat("x", 32<<20))
		b.s.resume(b.c)
		check.Eq(t, string(b.c.out), ":0\r\n")
		b.c.in = nil // the client has no socket: resume leaves it alone
	}()
	if kept := goBytes() - before; kept > 1<<20 {
		t.Fatalf("%d bytes are kept", kept)
	}
}
