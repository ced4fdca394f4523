package server

import (
	"math"

	"golang.org/x/sys/unix"

	"redisd/pkg/command"
	"redisd/pkg/resp"
)

// readClient takes what the socket has and runs the complete requests in it. The
// bytes land in the shared buffer; only an incomplete rest is kept in c.in.
func (s *Server) readClient(c *client) {
	cs := s.clients
	if c.in == nil && !c.has(flagBlocked) {
		n, errno := c.read(cs.shared)
		if !cs.received(c, n, errno) {
			return
		}
		rest := s.process(c, cs.shared[:n])
		if len(rest) > 0 && c.fd >= 0 {
			c.in = append(cs.pool.get(), rest...)
		}
		return
	}
	room := cs.roomFor(c)
	n, errno := c.read(room)
	if !cs.received(c, n, errno) {
		return
	}
	if c.long != nil && c.long.open {
		cs.tookLong(c, n)
	} else {
		c.in = c.in[:len(c.in)+n]
	}
	if s.limitInput(c) {
		return
	}
	if cs.lim.counted {
		// A long argument goes as soon as its command has run: now it is there.
		s.account(c)
		s.evictClients()
	}
	s.resume(c)
}

// resume runs the requests that lie in c.in.
func (s *Server) resume(c *client) {
	if len(c.in) == 0 || c.has(flagBlocked|flagCloseSoon) {
		return
	}
	rest := s.process(c, c.in)
	if cap(c.in) > readSize {
		s.exec.release()
	}
	switch {
	case c.fd < 0:
	case len(rest) == 0:
		s.clients.pool.put(c.in)
		c.in = nil
	case &rest[0] != &c.in[0]:
		c.in = append(c.in[:0], rest...)
	}
}

// strangerInput bounds the input of a client that has not authenticated.
const strangerInput = 1 << 20

// limitInput closes a client that has sent too much of what did not run yet: the rest of
// a request, requests that wait, the commands of a transaction.
func (s *Server) limitInput(c *client) bool {
	limit := s.limits.queryBuffer
	if !c.has(flagAuthenticated) && !s.acl.open() {
		limit = min(limit, strangerInput)
	}
	if int64(len(c.in)+c.long.bytes()+c.tx.bytes()) <= limit || c.has(flagReplay) {
		return false
	}
	s.log.Warnf("Closing client that reached max query buffer length: %s (qbuf initial bytes: %q)",
		s.describe(c), c.in[:min(64, len(c.in))])
	s.clients.closeSoon(c)
	return true
}

// roomFor makes room for what comes next, behind what c.in holds or has come of a long
// argument: for a big argument what is missing, so that
// it is read to its place. A peer may announce more than it ever sends, so that the room
// follows what has come: it takes a few copies of the first parts.
func (cs *clients) roomFor(c *client) []byte {
	if c.in == nil {
		c.in = cs.pool.get()
	}
	if c.long != nil && c.long.open || cs.openLong(c) {
		return cs.longRoom(c)
	}
	const enough, ahead = 4 << 10, 16
	need := len(c.in) + enough
	switch want := c.parser.Want(); {
	case want > len(c.in) && c.parser.Argument() >= len(c.in)/2:
		// All of it rather than more than a half: what is left then would come in parts.
		if need = want; want/2 > ahead*len(c.in)+poolBuffer {
			need = ahead*len(c.in) + poolBuffer
		}
	case max(want, need) > cap(c.in):
		need = max(want, need, 2*len(c.in))
	}
	if need > cap(c.in) {
		grown := append(cs.pool.getLarge(need), c.in...)
		cs.pool.put(c.in)
		c.in = grown
	}
	return c.in[len(c.in):cap(c.in)]
}

// received counts what a read brought; it closes the client at the end of the
// stream and on errors, and tells whether there are bytes to look at.
func (cs *clients) received(c *client, n int, errno unix.Errno) bool {
	switch {
	case n > 0:
		c.active = cs.stats.nowSec
		c.netIn += uint64(n)
		cs.stats.netIn += uint64(n)
		cs.stats.reads++
		return true
	case errno == unix.EAGAIN || errno == unix.EINTR:
	case errno != 0:
		cs.log.Verbosef("Reading from client: %s", c.readError(errno))
		cs.closeSoon(c)
	default:
		cs.log.Verbosef("Client closed connection")
		cs.closeSoon(c)
	}
	return false
}

// process runs the complete requests in buf and gives the rest.
func (s *Server) process(c *client, buf []byte) []byte {
	x := s.exec
	x.begin(c)
	x.warmed = 0
	for len(buf) > 0 && !c.has(flagBlocked|flagCloseSoon|flagCloseAfterReply) {
		args, n, err := c.parser.Next(buf, x.argv[:0])
		if err != nil {
			s.protocolError(c, err)
			buf = nil
			break
		}
		if args == nil {
			buf = buf[n:]
			break
		}
		x.argv = args
		if s.clients.pause.kind != pauseNone && s.postpone(c, args) {
			buf = unparse(args, buf[n:])
			break
		}
		if s.background.job != nil && s.background.budget.holds(c, args) {
			buf = unparse(args, buf[n:])
			break
		}
		x.input = len(buf)
		if c.long == nil {
			x.run(c, args)
		} else {
			x.runLong(c, args)
		}
		if buf = buf[n:]; x.warmed > 0 {
			x.warmed--
		} else if len(buf) > 0 {
			x.warmed = x.lookAhead(c, buf)
		}
	}
	x.end(c)
	if c.long != nil && !c.parser.Pending() {
		s.clients.dropLong(c) // the request was put off, and lies in buf
	}
	if c.has(flagCloseSoon | flagCloseAfterReply) {
		return nil
	}
	return buf
}

// release forgets where the words of the last request were: they would keep a large
// buffer from being freed.
func (x *executor) release() {
	x.argv, x.aheadArgv = nil, nil
	if x.owner == nil {
		x.ctx.Args = nil
		x.ctx.Fx.Release()
	}
}

// lookAhead warms the processor's cache for the next requests in buf and tells after
// how many more of them it wants to be called again. The requests are parsed here only
// to be looked at: who runs them parses them again, which costs less than one cache
// miss and leaves process as simple as it is.
func (x *executor) lookAhead(c *client, buf []byte) int {
	const never = math.MaxInt
	x.ahead.Begin(c.db)
	p := resp.Parser{Limits: c.parser.Limits}
	seen, again := 0, 0
	for more := true; more; seen++ {
		if len(buf) == 0 || buf[0] != '*' { // an inline request is unquoted by being parsed
			again = never
			break
		}
		args, size, err := p.Next(buf, x.aheadArgv[:0])
		if args == nil || err != nil {
			again = never
			break
		}
		x.aheadArgv = args
		more = x.ahead.Add(args)
		buf = buf[size:]
	}
	if seen == 1 {
		return never // one alone, or of no use here
	}
	x.ahead.Warm()
	return max(again, seen-1)
}

// isAttack tells a browser that was made to talk to this port: POST and Host: begin
// the lines of a request, of which others could be commands.
func (s *Server) isAttack(word []byte) bool {
	if !command.Is(word, "POST") && !command.Is(word, "HOST:") {
		return false
	}
	if _, ok := s.attackLimit.allow(); ok {
		s.log.Warnf("Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis. " +
			"This is likely due to an attacker attempting to use Cross Protocol Scripting to compromise your Redis instance. Connection aborted.")
	}
	return true
}

func (s *Server) protocolError(c *client, err error) {
	reason := err.Error()
	if pe, ok := err.(*resp.ProtocolError); ok {
		reason = pe.Reason
	}
	s.log.Verbosef("Protocol error (%s) from client: %s", reason, s.describe(c))
	text := "ERR " + err.Error()
	s.exec.w.Error(text)
	s.stats.reject(nil, text)
	s.stats.protocolErrors++
	c.set(flagCloseAfterReply, true)
}
