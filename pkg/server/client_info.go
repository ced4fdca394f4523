package server

import (
	"reflect"

	"redisd/internal/num"
	"redisd/pkg/event"
	"redisd/pkg/pubsub"
)

// What one client looks like in CLIENT LIST, and the memory it takes.

// peerName is the other end of the connection as Redis shows it: ip:port, or the
// path of the Unix socket with port 0.
func (c *client) peerName() string {
	if c.has(flagUnix) {
		return event.SockName(c.fd)
	}
	return c.peer.String()
}

// localName is our end of it, in the same form.
func (c *client) localName() string { return event.SockName(c.fd) }

// clientMemory is what a client's buffers hold, in bytes. Redis sends from a
// buffer of fixed size and a list of blocks behind it; here there is one buffer,
// and what it holds beyond the size of Redis's first one counts as the list.
type clientMemory struct {
	in, inFree int // query buffer: unparsed input, room behind it
	argv       int // words of the command that runs, or waits
	queued     int // commands in a transaction; -1 outside of one
	queue      int // words of these, and what points to them
	room       int // reply buffer: its size
	head       int // replies that wait, up to the fixed size
	blocks     int // blocks of that size behind them
	list       int // memory of these
	total      int
}

// memoryOf measures c. The client whose command runs has its input in the shared
// read buffer and its replies in the writer.
func (s *Server) memoryOf(c *client) clientMemory {
	m := clientMemory{queued: -1, in: len(c.in), inFree: cap(c.in) - len(c.in), room: cap(c.out)}
	m.in += c.long.bytes()
	m.inFree += c.long.memory() - c.long.bytes()
	own, pending := cap(c.in)+c.long.memory(), c.pendingOut()
	if x := s.exec; x.client == c {
		for _, a := range x.ctx.Args {
			m.argv += len(a)
		}
		m.in = x.input
		if c.in == nil {
			m.inFree = max(0, readSize-m.in)
		}
		m.room, pending = cap(x.w.Buf), len(x.w.Buf)-c.sent
	}
	if c.parked != nil {
		for _, a := range c.parked.argv {
			m.argv += len(a)
		}
	}
	if c.tx != nil {
		m.queued, m.queue = len(c.tx.queue), c.tx.words
	}
	m.head = min(pending, poolBuffer)
	if more := pending - m.head; more > 0 {
		m.blocks = (more + poolBuffer - 1) / poolBuffer
		m.list = m.room - poolBuffer
	}
	held := m.room
	if held <= poolBuffer {
		held = pending // the buffer is the pool's, and goes back to it with the replies
	}
	if c.tls != nil {
		m.total += c.tls.Bytes()
	}
	m.total += cap(c.watched)*watchedBytes + c.watchedNames
	m.total += int(reflect.TypeFor[client]().Size()) + own + m.argv + c.tx.bytes() + held +
		c.subs.Bytes() + c.cache.memory() + len(c.name) + len(c.libName) + len(c.libVersion)
	return m
}

// watchedBytes is what a watched key takes besides its name: it stands in a list of
// the client and in one of the key.
const watchedBytes = 64

// flagLetters pairs states with CLIENT LIST's letters, in Redis's order.
var flagLetters = [...]struct {
	flag   clientFlags
	letter byte
}{
	{flagBlocked, 'b'}, {flagTracking, 't'}, {flagBrokenRedirect, 'R'}, {flagBroadcast, 'B'}, {flagDirtyCAS, 'd'}, {flagCloseAfterReply, 'c'}, {flagCloseSoon, 'A'}, {flagUnix, 'U'},
	{flagNoEvict, 'e'}, {flagNoTouch, 'T'},
}

// clientInfo is one line of CLIENT LIST, without its end.
func (s *Server) clientInfo(c *client) string { return string(s.appendClientInfo(nil, c)) }

func (s *Server) appendClientInfo(dst []byte, c *client) []byte {
	m := s.memoryOf(c)
	f := fields{dst}
	f.int("id=", int64(c.id))
	f.text(" addr=", c.peerName())
	f.text(" laddr=", c.localName())
	f.int(" fd=", int64(c.fd))
	f.text(" name=", c.name)
	f.int(" age=", s.stats.nowSec-c.created)
	f.int(" idle=", s.stats.nowSec-c.active)
	f.text(" flags=", "")
	f.flags(c)
	f.int(" db=", int64(c.db.Index()))
	f.int(" sub=", int64(c.subs.Count(pubsub.Channel)))
	f.int(" psub=", int64(c.subs.Count(pubsub.Pattern)))
	f.int(" ssub=", int64(c.subs.Count(pubsub.Shard)))
	f.int(" multi=", int64(m.queued))
	f.int(" qbuf=", int64(m.in))
	f.int(" qbuf-free=", int64(m.inFree))
	f.int(" argv-mem=", int64(m.argv))
	f.int(" multi-mem=", int64(m.queue))
	f.int(" rbs=", int64(m.room))
	f.int(" rbp=", int64(max(c.outPeak, m.head)))
	f.int(" obl=", int64(m.head))
	f.int(" oll=", int64(m.blocks))
	f.int(" omem=", int64(m.list))
	f.int(" tot-mem=", int64(m.total))
	f.text(" events=", s.clients.watched(c))
	f.text(" cmd=", lastCommand(c))
	f.text(" user=", c.userName())
	f.int(" redir=", c.redirection())
	f.int(" resp=", int64(c.proto))
	f.text(" lib-name=", c.libName)
	f.text(" lib-ver=", c.libVersion)
	return f.line
}

// fields appends the fields of a line.
type fields struct{ line []byte }

func (f *fields) int(name string, v int64) { f.line = num.AppendInt(append(f.line, name...), v) }

func (f *fields) text(name, v string) { f.line = append(append(f.line, name...), v...) }

func (f *fields) flags(c *client) {
	start := len(f.line)
	if c.has(flagMonitor) {
		f.line = append(f.line, 'O')
	}
	if c.has(flagPubSub) {
		f.line = append(f.line, 'P')
	}
	if c.tx != nil {
		f.line = append(f.line, 'x')
	}
	for _, l := range flagLetters {
		if c.has(l.flag) {
			f.line = append(f.line, l.letter)
		}
	}
	if len(f.line) == start {
		f.line = append(f.line, 'N')
	}
}

// watched names what the loop waits for on c's socket.
func (cs *clients) watched(c *client) string {
	ev, _ := cs.loop.Watched(c.fd)
	switch {
	case ev&event.Readable != 0 && ev&event.Writable != 0:
		return "rw"
	case ev&event.Readable != 0:
		return "r"
	case ev&event.Writable != 0:
		return "w"
	}
	return ""
}

func lastCommand(c *client) string {
	if c.last == nil {
		return "NULL"
	}
	return c.last.FullName
}

// peaks are the largest buffers that clients needed, for INFO and CLIENT LIST.
type peaks struct {
	in, out   [peakSeconds]int // by second, modulo
	everyMs   int64            // how long a client's own peak lasts, negative for ever
	nextReset int64            // Unix seconds
}

const (
	peakSeconds = 8
	// peakResetMs is Redis's default for DEBUG REPLYBUFFER PEAK-RESET-TIME.
	peakResetMs = 5000
	// idleSeconds is how long a rest of input lies still before its buffer shrinks.
	idleSeconds = 2
	// shrinkFrom is the waste that is worth a copy, shrinkMost the largest copy
	// that the loop has time for.
	shrinkFrom, shrinkMost = 4 << 10, 1 << 20
)

// shrinkIdle gives back what buffers of silent clients do not need, and keeps the
// account of peaks. It runs once a second; now is Unix seconds.
func (cs *clients) shrinkIdle(now int64) {
	p := &cs.peaks
	slot := int(now % peakSeconds)
	p.in[slot], p.out[slot] = 0, 0
	reset := p.everyMs >= 0 && now >= p.nextReset
	if reset {
		p.nextReset = now + p.everyMs/1000
	}
	for _, c := range cs.byFD {
		if c == nil {
			continue
		}
		if cs.tooManyReplies(c) {
			cs.choke(c)
		}
		p.in[slot], p.out[slot] = max(p.in[slot], cap(c.in)), max(p.out[slot], cap(c.out))
		if reset {
			c.outPeak = len(c.out)
		}
		if now-c.active > idleSeconds {
			cs.shrink(c)
		}
	}
	cs.stats.maxIn, cs.stats.maxOut = 0, 0
	for i := range peakSeconds {
		cs.stats.maxIn, cs.stats.maxOut = max(cs.stats.maxIn, p.in[i]), max(cs.stats.maxOut, p.out[i])
	}
}

// shrink cuts the buffers of c to what they hold.
func (cs *clients) shrink(c *client) {
	if cap(c.in)-len(c.in) > shrinkFrom && len(c.in) <= shrinkMost {
		rest := append(make([]byte, 0, len(c.in)), c.in...)
		cs.pool.put(c.in)
		c.in = rest
	}
	if waste := cap(c.out) - c.pendingOut(); waste > shrinkFrom && c.pendingOut() <= shrinkMost && c.pendingOut() > 0 {
		rest := append(make([]byte, 0, c.pendingOut()), c.out[c.sent:]...)
		cs.pool.put(c.out)
		c.out, c.sent = rest, 0
	}
}
