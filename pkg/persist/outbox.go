package persist

import (
	"bytes"
	"encoding/binary"
)

// blockSize is the size of one buffer for the pipe: one write takes it whole
// when the pipe was enlarged to as much.
const blockSize = 256 << 10

// spareBlocks are kept for reuse; more are given back to the collector, so that
// a burst does not keep its memory.
const spareBlocks = 4

// blocks is a queue of bytes in buffers of blockSize. Buffers never move, so
// bytes handed out stay where they are while more is appended.
type blocks struct {
	list  [][]byte // from head on: the queue
	head  int      // index of the oldest block
	sent  int      // bytes of the oldest block that are gone
	size  int64    // bytes in the queue
	peak  int64    // largest size so far
	spare [][]byte
}

func (q *blocks) last() []byte {
	if q.head == len(q.list) {
		return nil
	}
	return q.list[len(q.list)-1]
}

// add opens a new block at the end.
func (q *blocks) add() []byte {
	var b []byte
	if n := len(q.spare); n > 0 {
		b, q.spare = q.spare[n-1], q.spare[:n-1]
	} else {
		b = make([]byte, 0, blockSize)
	}
	q.list = append(q.list, b)
	return b
}

// grow takes the last block back after bytes were appended to it.
func (q *blocks) grow(b []byte) {
	i := len(q.list) - 1
	q.size += int64(len(b) - len(q.list[i]))
	q.list[i] = b
	q.peak = max(q.peak, q.size)
}

// write appends p.
func (q *blocks) write(p []byte) {
	for len(p) > 0 {
		b := q.last()
		if len(b) == cap(b) {
			b = q.add()
		}
		n := min(len(p), cap(b)-len(b))
		q.grow(append(b, p[:n]...))
		p = p[n:]
	}
}

// front returns the oldest bytes, as many as lie in one piece.
func (q *blocks) front() []byte {
	if q.head == len(q.list) {
		return nil
	}
	return q.list[q.head][q.sent:]
}

// drop removes the n oldest bytes, which must lie in front.
func (q *blocks) drop(n int) {
	if n > len(q.front()) {
		panic("BUG: persist: more bytes consumed than were handed out")
	}
	q.sent += n
	q.size -= int64(n)
	if q.head == len(q.list) || q.sent < len(q.list[q.head]) {
		return
	}
	b := q.list[q.head][:0]
	q.sent = 0
	if q.head == len(q.list)-1 {
		q.list[q.head] = b
		return
	}
	q.list[q.head] = nil
	q.head++
	if len(q.spare) < spareBlocks {
		q.spare = append(q.spare, b)
	}
	if q.head > 64 && q.head*2 > len(q.list) {
		q.list = append(q.list[:0], q.list[q.head:]...)
		q.head = 0
	}
}

// memory is what the queue takes, in whole blocks.
func (q *blocks) memory() int64 {
	return int64(len(q.list)-q.head+len(q.spare)) * blockSize
}

// take empties the queue and returns its pieces; the memory is the caller's.
func (q *blocks) take() [][]byte {
	if q.size == 0 {
		return nil
	}
	out := append([][]byte(nil), q.list[q.head:]...)
	out[0] = out[0][q.sent:]
	*q = blocks{peak: q.peak}
	return out
}

// clear drops everything, the spare blocks too.
func (q *blocks) clear() { *q = blocks{peak: q.peak} }

// outbox is the queue of frames for the pipe. Frames of streams are encoded in
// place: while the type stays the same, bytes are appended to the open frame,
// whose length is written when it is closed.
type outbox struct {
	q    blocks
	open int // offset in the last block of the open frame, -1 if none
}

func newOutbox() outbox { return outbox{open: -1} }

// begin returns the last block with an open frame of type t and room for n bytes
// (at most blockSize-frameHead). The caller appends and gives it to q.grow.
func (o *outbox) begin(t frameType, n int) []byte {
	b := o.q.last()
	if o.open >= 0 && frameType(b[o.open]) == t && cap(b)-len(b) >= n {
		return b
	}
	o.close()
	if b == nil || cap(b)-len(b) < n+frameHead {
		b = o.q.add()
	}
	o.open = len(b)
	b = append(b, byte(t), 0, 0, 0, 0)
	o.q.grow(b)
	return b
}

// close writes the length of the open frame.
func (o *outbox) close() {
	if o.open < 0 {
		return
	}
	b := o.q.last()
	binary.LittleEndian.PutUint32(b[o.open+1:], uint32(len(b)-o.open-frameHead))
	o.open = -1
}

// stream appends p to the stream of type t.
func (o *outbox) stream(t frameType, p []byte) {
	for len(p) > 0 {
		b := o.begin(t, 1)
		n := min(len(p), cap(b)-len(b))
		o.q.grow(append(b, p[:n]...))
		p = p[n:]
	}
}

// under appends p to a stream of type t whose frames all begin with head. While the
// head stays the same too, bytes go into the open frame.
func (o *outbox) under(t frameType, head, p []byte) {
	for len(p) > 0 {
		b := o.q.last()
		if o.open < 0 || frameType(b[o.open]) != t || len(b) == cap(b) || !bytes.HasPrefix(b[o.open+frameHead:], head) {
			o.close()
			b = append(o.begin(t, len(head)+1), head...)
		}
		n := min(len(p), cap(b)-len(b))
		o.q.grow(append(b, p[:n]...))
		p = p[n:]
	}
}

// frame appends one whole frame, whose payload is the bytes of all parts.
func (o *outbox) frame(t frameType, payload ...[]byte) {
	o.close()
	n := 0
	for _, p := range payload {
		n += len(p)
	}
	var head [frameHead]byte
	o.q.write(appendFrameHead(head[:0], t, n))
	for _, p := range payload {
		o.q.write(p)
	}
}

// next returns bytes that are ready for the pipe.
func (o *outbox) next() []byte {
	if o.q.head == len(o.q.list)-1 {
		o.close()
	}
	return o.q.front()
}

func (o *outbox) clear() {
	o.q.clear()
	o.open = -1
}
