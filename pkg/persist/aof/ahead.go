package aof

import (
	"io"

	"redisd/internal/ahead"
)

// Reading a file on another goroutine than the one that runs its commands: that one
// reads and takes the format apart, a batch of commands ahead. A batch owns the buffer
// that its arguments lie in; the scanner goes on in the next batch's.

const (
	batches = 4
	// A batch is handed over at this number of commands, or when its buffer is scanned.
	batchCommands = 2048
	batchBuffer   = 128 << 10
	// A batch of more is worked off before the next one is read: there is one of them.
	batchAlone = 4 << 20

	shortestCommand = int64(len("*1\r\n$0\r\n\r\n"))
)

// batch is what the reading goroutine hands over.
type batch struct {
	buf      []byte
	args     [][]byte // of all commands, slices of buf
	commands []scanned
	to       int64 // offset of the end of the last item
	err      error // why there is no more, io.EOF at the end of the file
}

// scanned is one command of a batch, or a checksum that was right.
type scanned struct {
	sum  bool
	args int   // where its arguments end in batch.args
	end  int64 // offset of its end in the file
}

// reset makes the batch ready to be filled again. The consumer does that: memory that a
// huge command took is not to wait for its turn.
func (b *batch) reset() {
	clear(b.args)
	b.args, b.commands, b.err = b.args[:0], b.commands[:0], nil
	if len(b.buf) > batchAlone {
		b.buf = nil
	}
	if cap(b.args) > batchAlone/16 {
		b.args = nil
	}
}

// reader is the goroutine that reads.
type reader struct {
	in   scanner
	out  *ahead.Producer[batch]
	b    *batch
	rest []byte // on its way from one batch's buffer to the next one's
}

// readAhead starts reading r, which stands at offset from of a file of size bytes.
func readAhead(r io.Reader, from, size int64) *ahead.Pipe[batch] {
	room := make([]*batch, batches)
	most := int(min(batchCommands, max(size-from, 0)/shortestCommand))
	for i := range room {
		room[i] = &batch{args: make([][]byte, 0, 2*most), commands: make([]scanned, 0, most)}
	}
	return ahead.Start(room, func(p *ahead.Producer[batch]) {
		rd := &reader{out: p}
		if !rd.next() {
			return
		}
		rd.in.room, rd.in.turn = batchBuffer, rd.turn
		rd.in.reset(r, from, size)
		rd.run()
	})
}

// next takes a free batch; false when nobody wants one any more.
func (rd *reader) next() (ok bool) {
	rd.b, ok = rd.out.Batch()
	return ok
}

func (rd *reader) run() {
	for {
		args, _, err := rd.in.next()
		b := rd.b
		if err == errStopped {
			return
		}
		b.buf = rd.in.buf // a huge command makes it grow
		b.to = rd.in.offset()
		if err != nil {
			b.err = err
			return
		}
		if args == nil && !rd.in.sumEnd {
			continue
		}
		b.args = append(b.args, args...)
		b.commands = append(b.commands, scanned{args == nil, len(b.args), b.to})
		if len(b.commands) >= batchCommands && !rd.in.slide() {
			return
		}
	}
}

// turn hands the batch over and gives the next one's buffer, with rest at its start; nil
// when nobody wants it. A batch in which no command has ended keeps its buffer.
func (rd *reader) turn(rest []byte) []byte {
	if len(rd.b.commands) > 0 {
		rd.rest = append(rd.rest[:0], rest...)
		rest = rd.rest
		if cap(rd.rest) > batchAlone {
			rd.rest = nil
		}
		if !rd.give() {
			return nil
		}
		rd.b.to = rd.in.offset()
	}
	buf := rd.b.buf
	if len(buf) <= len(rest) {
		buf = make([]byte, max(batchBuffer, len(rest)+batchBuffer/2))
	}
	copy(buf, rest)
	return buf
}

// give hands the batch over and takes the next one.
func (rd *reader) give() bool {
	if len(rd.b.buf) <= batchAlone {
		rd.out.Give()
	} else if !rd.out.GiveAndWait() {
		return false
	}
	return rd.next()
}
