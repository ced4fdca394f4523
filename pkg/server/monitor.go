package server

import (
	"fmt"
	"slices"

	"redisd/pkg/command"
	"redisd/pkg/config"
)

// monitors are the clients that see every command (MONITOR).
type monitors struct {
	srv  *Server
	list []*client
	line []byte // room for the line that is sent
}

func (s *Server) monitorSpecs() []command.Spec {
	return []command.Spec{
		{Name: "monitor", Arity: 1, Flags: command.Admin | command.NoScript | command.Loading | command.Stale, Group: "server", Since: "1.0.0",
			Summary: "Shows all commands that the server gets, as they come.", Handler: s.monitor},
	}
}

func (s *Server) monitor(c *command.Ctx) {
	cl := s.exec.client
	switch {
	case c.NoBlock:
		c.Out.Error("ERR MONITOR isn't allowed for DENY BLOCKING client")
	case cl.has(flagMonitor): // Redis does not answer a second one
	default:
		cl.set(flagMonitor, true)
		s.monitors.list = append(s.monitors.list, cl)
		c.Out.OK()
	}
}

// drop ends a client's MONITOR.
func (m *monitors) drop(c *client) {
	if c.has(flagMonitor) {
		c.set(flagMonitor, false)
		m.list = slices.DeleteFunc(m.list, func(o *client) bool { return o == c })
	}
}

// feed shows a command of c. Administrative ones are the caller's to leave out: their
// words are too delicate.
func (m *monitors) feed(c *client, argv [][]byte) {
	if len(m.list) == 0 || m.srv.load.active || c.has(flagReplay) {
		return
	}
	now := m.srv.opt.Clock.Now()
	from := ""
	switch {
	case c == m.srv.scripts.client:
		from = "lua"
	case c.has(flagUnix):
		from = "unix:" + m.srv.cfg.String(config.UnixSocket)
	default:
		from = c.peerName()
	}
	m.line = fmt.Appendf(m.line[:0], "+%d.%06d [%d %s]", now.Unix(), now.Nanosecond()/1000, c.db.Index(), from)
	for _, a := range argv {
		m.line = appendQuoted(append(m.line, ' '), a)
	}
	m.line = append(m.line, "\r\n"...)
	for _, o := range m.list {
		if !o.has(flagCloseSoon | flagCloseAfterReply | flagReplyOff) {
			m.srv.sendTo(o, m.line)
		}
	}
	if cap(m.line) > poolBuffer {
		m.line = nil
	}
}

// appendQuoted appends a string in double quotes, with what is not printable ASCII
// escaped in Redis's way.
func appendQuoted(dst, s []byte) []byte {
	dst = append(dst, '"')
	for _, b := range s {
		switch {
		case b == '\\' || b == '"':
			dst = append(dst, '\\', b)
		case b == '\n':
			dst = append(dst, `\n`...)
		case b == '\r':
			dst = append(dst, `\r`...)
		case b == '\t':
			dst = append(dst, `\t`...)
		case b == '\a':
			dst = append(dst, `\a`...)
		case b == '\b':
			dst = append(dst, `\b`...)
		case b >= ' ' && b <= '~':
			dst = append(dst, b)
		default:
			const digits = "0123456789abcdef"
			dst = append(dst, '\\', 'x', digits[b>>4], digits[b&15])
		}
	}
	return append(dst, '"')
}
