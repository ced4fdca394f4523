package server

import (
	"redisd/internal/num"
	"redisd/pkg/acl"
	"redisd/pkg/command"
)

// killFilter says which connections CLIENT KILL closes: those that fit all of it.
type killFilter struct {
	id          uint64    // 0 for any
	addr, laddr []byte    // nil for any
	user        *acl.User // nil for any
	maxAge      int64     // seconds that it has been connected at least; 0 for any
	class       int       // of type, in the numbers of client-output-buffer-limit; anyClass for any
	skipMe      bool
}

// parseKill reads the filters; what is wrong with them is replied.
func (s *Server) parseKill(c *command.Ctx) (f killFilter, ok bool) {
	f.skipMe, f.class = true, anyClass
	words := c.Args[2:]
	for ; len(words) > 0; words = words[2:] {
		if len(words) < 2 {
			c.Out.Error(command.ErrSyntax)
			return f, false
		}
		if problem := f.option(s, words[0], words[1]); problem != "" {
			c.Out.Error(problem)
			return f, false
		}
	}
	return f, true
}

// option takes one filter and gives the error to reply, or "".
func (f *killFilter) option(s *Server, name, value []byte) string {
	switch {
	case command.Is(name, "ID"):
		n, ok := num.ParseInt(value)
		if !ok || n < 1 {
			return "ERR client-id should be greater than 0"
		}
		f.id = uint64(n)
	case command.Is(name, "TYPE"):
		class, known := knownType(value)
		if !known {
			return "ERR Unknown client type '" + string(value) + "'"
		}
		f.class = class
	case command.Is(name, "ADDR"):
		f.addr = value
	case command.Is(name, "LADDR"):
		f.laddr = value
	case command.Is(name, "USER"):
		if f.user = s.acl.users.Find(string(value)); f.user == nil {
			return "ERR No such user '" + string(value) + "'"
		}
	case command.Is(name, "MAXAGE"):
		n, ok := num.ParseInt(value)
		if !ok || n < 1 {
			return "ERR maxage is not an integer or out of range"
		}
		f.maxAge = n
	case command.Is(name, "SKIPME") && command.Is(value, "YES"):
		f.skipMe = true
	case command.Is(name, "SKIPME") && command.Is(value, "NO"):
		f.skipMe = false
	default:
		return command.ErrSyntax
	}
	return ""
}

func (f *killFilter) fits(c *client) bool {
	return (f.class == anyClass || c.class() == f.class) && !c.has(flagCloseSoon) &&
		(f.id == 0 || c.id == f.id) &&
		(f.maxAge == 0 || c.srv.stats.nowSec-c.created >= f.maxAge) &&
		(f.user == nil || c.user == f.user) &&
		(f.addr == nil || c.peerName() == string(f.addr)) &&
		(f.laddr == nil || c.localName() == string(f.laddr))
}

// clientKill closes connections: with one argument the one from that address,
// which may be the caller's own, else all that fit the filters.
func (s *Server) clientKill(c *command.Ctx) {
	old := len(c.Args) == 3
	f := killFilter{addr: c.Args[2], class: anyClass}
	if !old {
		var ok bool
		if f, ok = s.parseKill(c); !ok {
			return
		}
	}
	killed, me := 0, s.exec.client
	s.clients.each(func(cl *client) {
		switch {
		case cl == me && f.skipMe || !f.fits(cl):
			return
		case cl == me:
			// The reply goes out first.
			me.set(flagCloseAfterReply, true)
		default:
			s.clients.closeSoon(cl)
		}
		killed++
	})
	switch {
	case !old:
		c.Out.Int(int64(killed))
	case killed == 0:
		c.Out.Error("ERR No such client")
	default:
		c.Out.OK()
	}
}

func clientKillArgs(typeArg command.Arg) []command.Arg {
	filters := []command.Arg{
		{Name: "client-id", Type: "integer", Token: "ID", Optional: true, Since: "2.8.12"},
		typeArg,
		{Name: "username", Type: "string", Token: "USER", Optional: true},
		{Name: "addr", Type: "string", Token: "ADDR", Optional: true},
		{Name: "laddr", Type: "string", Token: "LADDR", Optional: true, Since: "6.2.0"},
		{Name: "maxage", Type: "integer", Token: "MAXAGE", Optional: true, Since: "7.4.0"},
		{Name: "skipme", Type: "oneof", Token: "SKIPME", Optional: true, Sub: onOff("skipme", "YES", "NO")[0].Sub},
	}
	return []command.Arg{{Name: "filter", Type: "oneof", Sub: []command.Arg{
		{Name: "old-format", Type: "string"},
		{Name: "new-format", Type: "oneof", Multiple: true, Sub: filters}}}}
}

func clientKillHelp() []string {
	return []string{
		"KILL <ip:port>", "Close the connection that comes from <ip:port>.",
		"KILL <filter> <value> [<filter> <value> ...]", "Close the connections that fit all filters:",
		"* ID <id>: the one with this number",
		"* ADDR <ip:port>, LADDR <ip:port>: by the address of its other end, or of ours",
		"* TYPE (NORMAL|MASTER|REPLICA|PUBSUB): by kind",
		"* USER <name>: authenticated as this user",
		"* MAXAGE <seconds>: connected for that long at least",
		"* SKIPME (YES|NO): whether the caller itself is left out (YES)",
	}
}
