package server

import (
	"redisd/pkg/event"
	"redisd/pkg/resp"
)

// Serving clients in the middle of something long: a script, a load. What it works with
// must be as it was when it goes on.

// shield readies the server for turns inside of the command of c: its words lie in a
// buffer that reading would use again, and the client must stay as it is. c is nil, or
// has no connection, when nobody's command runs.
func (s *Server) shield(c *client) {
	s.clients.shared = make([]byte, len(s.clients.shared))
	s.exec.argv = nil
	if c != nil && c.fd >= 0 {
		c.set(flagProtected, true)
		s.loop.Unwatch(c.fd)
	}
}

// unshield ends that.
func (s *Server) unshield(c *client) {
	if c == nil || c.fd < 0 {
		return
	}
	c.set(flagProtected, false)
	ev := event.Readable
	if c.has(flagWatchWrite) {
		ev |= event.Writable
	}
	if err := s.loop.Watch(c.fd, ev, c); err != nil {
		s.clients.closeSoon(c)
	}
	s.syncTime()
}

// nested runs serve, which lets clients in, as if no command ran. c is the client of
// which the executor has the reply buffer, nil for none.
func (s *Server) nested(c *client, serve func()) {
	x := s.exec
	client, owner, w, tx, ctx, clockN, inner := x.client, x.owner, x.w, x.tx, x.ctx, x.clockN, x.inner
	sent := 0
	if c != nil {
		sent, c.out, c.sent = c.sent, nil, 0
	}
	x.w, x.tx, x.owner = resp.Writer{}, txLog{}, nil
	serve()
	x.client, x.owner, x.w, x.tx, x.ctx, x.clockN, x.inner = client, owner, w, tx, ctx, clockN, inner
	if c != nil {
		c.out, c.sent = w.Buf, sent
	}
}
