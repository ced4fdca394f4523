package server

import (
	"redisd/pkg/command"
	"redisd/pkg/event"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// pauseKind says whose commands CLIENT PAUSE holds back. The stronger kind is the
// larger number.
type pauseKind uint8

const (
	pauseNone pauseKind = iota
	pauseWrites
	pauseAll
)

// pause is CLIENT PAUSE: until it ends, commands of its kind stay in the query
// buffers of the clients that sent them. Keys do not expire meanwhile, so that
// the dataset stands still.
type pause struct {
	kind    pauseKind
	end     int64         // milliseconds of the monotonic time
	timer   event.TimerID // looks for the end; 0 when there is no pause
	waiting []*client
}

// pauseClients starts a pause, or makes the one in progress longer or stronger.
func (s *Server) pauseClients(kind pauseKind, end int64) {
	p := &s.clients.pause
	p.kind, p.end = max(p.kind, kind), max(p.end, end)
	s.ks.SetExpiry(keyspace.ExpiryHides)
	if p.timer == 0 {
		p.timer = s.loop.After(max(0, p.end-s.loop.MonoMillis()), s.pauseTimer)
	}
}

// pauseTimer ends the pause when its time is over.
func (s *Server) pauseTimer() int64 {
	if left := s.clients.pause.end - s.loop.MonoMillis(); left > 0 {
		return left
	}
	s.unpauseClients()
	s.resumePostponed()
	return -1
}

// unpauseClients lets new commands run again. Those that wait are resumed by
// resumePostponed, which must not run inside of a command.
func (s *Server) unpauseClients() {
	p := &s.clients.pause
	if p.kind == pauseNone {
		return
	}
	s.loop.Cancel(p.timer)
	p.kind, p.end, p.timer = pauseNone, 0, 0
	s.ks.SetExpiry(keyspace.ExpiryDeletes)
}

// resumePostponed runs what was held back, in the order in which it came.
func (s *Server) resumePostponed() {
	p := &s.clients.pause
	waiting := p.waiting
	p.waiting = nil
	for _, c := range waiting {
		if c.fd >= 0 {
			c.set(flagBlocked, false)
			s.resume(c)
		}
	}
}

// postpone holds a command of c back when the pause is for it; then the client
// waits. A command that would be refused is not held back: its error is known.
func (s *Server) postpone(c *client, argv [][]byte) bool {
	p := &s.clients.pause
	spec := s.table.Resolve(argv)
	if spec == nil || !s.exec.wouldRun(c, spec, argv) {
		return false
	}
	flags := s.declared(spec, argv) | c.queuedFlags(spec)
	if p.kind == pauseWrites && flags&(command.Write|command.MayReplicate) == 0 {
		return false
	}
	c.set(flagBlocked, true)
	p.waiting = append(p.waiting, c)
	return true
}

// unparse gives input that begins with a command which was cut out of it but did
// not run. Inline commands are unquoted in place, so the bytes it was cut from
// are not what the client sent.
func unparse(argv [][]byte, rest []byte) []byte {
	return append(resp.AppendCommand(nil, argv...), rest...)
}
