package server

import (
	"redisd/internal/num"
	"redisd/pkg/command"
)

// connectionSpecs are the commands about a connection itself; those of CLIENT
// have a file of their own.
func (s *Server) connectionSpecs() []command.Spec {
	return []command.Spec{
		{Name: "ping", Arity: -1, Flags: command.Fast | command.Sentinel, Group: "connection",
			Since: "1.0.0", Summary: "Answers PONG, or the message it was given.", Complexity: "O(1)",
			Args:    []command.Arg{{Name: "message", Type: "string", Optional: true}},
			Hints:   []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Handler: s.ping},
		{Name: "echo", Arity: 2, Flags: command.Fast | command.Loading | command.Stale, Group: "connection",
			Since: "1.0.0", Summary: "Answers with the message it was given.", Complexity: "O(1)",
			Args:    []command.Arg{{Name: "message", Type: "string"}},
			Handler: func(c *command.Ctx) { c.Out.Bulk(c.Args[1]) }},
		{Name: "quit", Arity: -1, Flags: command.AllowBusy | command.NoAuth | command.Fast | command.Loading | command.NoScript | command.Stale,
			Group: "connection", Since: "1.0.0", Summary: "Answers OK and closes the connection.", Complexity: "O(1)",
			Deprecated: "7.2.0", ReplacedBy: "just closing the connection", Handler: s.quit},
		{Name: "reset", Arity: 1, Flags: command.AllowBusy | command.NoAuth | command.Fast | command.Loading | command.NoScript | command.Stale,
			Group: "connection", Since: "6.2.0", Summary: "Brings the connection back to the state it had when it was opened.",
			Complexity: "O(1)", Handler: s.resetConnection},
		{Name: "hello", Arity: -1, Flags: command.AllowBusy | command.NoAuth | command.Fast | command.Loading | command.NoScript | command.Stale | command.Sentinel,
			Group: "connection", Since: "6.0.0", Summary: "Tells about the server and switches the protocol version.", Complexity: "O(1)",
			History: [][2]string{{"6.2.0", "`protover` became optional; without it the version stays."}},
			Args: []command.Arg{{Name: "arguments", Type: "block", Optional: true, Sub: []command.Arg{
				{Name: "protover", Type: "integer"},
				{Name: "auth", Type: "block", Token: "AUTH", Optional: true, Sub: []command.Arg{
					{Name: "username", Type: "string"}, {Name: "password", Type: "string"}}},
				{Name: "clientname", Type: "string", Token: "SETNAME", Optional: true}}}},
			Handler: s.hello},
		{Name: "auth", Arity: -2, Flags: command.AllowBusy | command.NoAuth | command.Fast | command.Loading | command.NoScript | command.Stale | command.Sentinel,
			Group: "connection", Since: "1.0.0", Summary: "Authenticates the connection.", Complexity: "O(N) where N is the number of passwords defined for the user",
			History: [][2]string{{"6.0.0", "Takes a user name too."}},
			Args:    []command.Arg{{Name: "username", Type: "string", Optional: true, Since: "6.0.0"}, {Name: "password", Type: "string"}},
			Handler: s.auth},
		{Name: "select", Arity: 2, Flags: command.Fast | command.Loading | command.Stale, Group: "connection",
			Since: "1.0.0", Summary: "Changes the connection's database.", Complexity: "O(1)",
			Args:    []command.Arg{{Name: "index", Type: "integer"}},
			Handler: s.selectDB},
	}
}

func (s *Server) ping(c *command.Ctx) {
	switch n := len(c.Args); {
	case n <= 2 && s.exec.client.onlyListens():
		c.Out.Array(2)
		c.Out.BulkString("pong")
		c.Out.Bulk(append(c.Args, nil)[1])
	case n == 1:
		c.Out.Simple("PONG")
	case n == 2:
		c.Out.Bulk(c.Args[1])
	default:
		c.Out.Error("ERR wrong number of arguments for 'ping' command")
	}
}

func (s *Server) quit(c *command.Ctx) {
	c.Out.OK()
	s.exec.client.set(flagCloseAfterReply, true)
}

func (s *Server) resetConnection(c *command.Ctx) {
	cl := s.exec.client
	s.endTransaction(cl)
	s.dropSubscriptions(cl)
	s.monitors.drop(cl)
	s.caches.disable(cl)
	cl.db, cl.proto, cl.name, cl.user = s.ks.DB(0), 2, "", s.acl.users.Default
	cl.set(flagNoEvict|flagNoTouch|flagReplyOff|flagReplySkip|flagSkipNext|flagAuthenticated, false)
	cl.parser.Limits = &s.clients.unknown
	if s.acl.open() {
		s.authenticate(cl)
	}
	c.Out.Proto = 2
	c.Out.Simple("RESET")
}

func (s *Server) selectDB(c *command.Ctx) {
	n, ok := c.Int(c.Args[1])
	switch {
	case !ok:
	case n < 0 || n >= int64(s.ks.Databases()):
		c.Out.Error(command.ErrDBRange)
	default:
		s.exec.client.db = s.ks.DB(int(n))
		c.Out.OK()
	}
}

const (
	errWrongPass = "WRONGPASS invalid username-password pair or user is disabled."
	errNoPass    = "ERR AUTH <password> called without any password configured for the default user. Are you sure your configuration is correct?"
)

// login checks a user's password and makes it the client's. word is the command that
// asked.
func (s *Server) login(cl *client, word, user, password []byte) bool {
	u := s.acl.users.Find(string(user))
	if u == nil || !u.Password(password) {
		s.acl.recordLogin(cl, word, user)
		return false
	}
	cl.user = u
	s.authenticate(cl)
	return true
}

func (s *Server) auth(c *command.Ctx) {
	switch len(c.Args) {
	case 2:
		if s.acl.users.Default.NoPass() {
			redact(c, 1)
			c.Out.Error(errNoPass)
			return
		}
		s.replyLogin(c, []byte("default"), c.Args[1])
		redact(c, 1)
	case 3:
		s.replyLogin(c, c.Args[1], c.Args[2])
		redact(c, 1)
		redact(c, 2)
	default:
		c.Out.Error(command.ErrSyntax)
	}
}

func (s *Server) replyLogin(c *command.Ctx, user, password []byte) {
	if s.login(s.exec.client, c.Args[0], user, password) {
		c.Out.OK()
		return
	}
	c.Out.Error(errWrongPass)
}

// helloOptions are what follows the version in HELLO.
type helloOptions struct {
	user, password, name []byte
	auth, setName        bool
}

// parseHello reads the options; a wrong one is replied to. What AUTH has is hidden
// whatever comes after it.
func parseHello(c *command.Ctx) (o helloOptions, ok bool) {
	for i := 2; i < len(c.Args); i++ {
		more := len(c.Args) - 1 - i
		switch {
		case command.Is(c.Args[i], "AUTH") && more >= 2:
			o.user, o.password, o.auth = c.Args[i+1], c.Args[i+2], true
			redact(c, i+1)
			redact(c, i+2)
			i += 2
		case command.Is(c.Args[i], "SETNAME") && more >= 1:
			o.name, o.setName = c.Args[i+1], true
			i++
		default:
			c.Out.Errorf("ERR Syntax error in HELLO option '%s'", c.Args[i])
			return o, false
		}
	}
	return o, true
}

func (s *Server) hello(c *command.Ctx) {
	cl := s.exec.client
	version := int64(cl.proto)
	if len(c.Args) > 1 {
		v, ok := num.ParseInt(c.Args[1])
		if !ok {
			c.Out.Error("ERR Protocol version is not an integer or out of range")
			return
		}
		if v < 2 || v > 3 {
			c.Out.Error("NOPROTO unsupported protocol version")
			return
		}
		version = v
	}
	o, ok := parseHello(c)
	if !ok {
		return
	}
	if o.setName && !validName(o.name) {
		c.Out.Error(errClientName)
		return
	}
	if o.auth && !s.login(cl, c.Args[0], o.user, o.password) {
		c.Out.Error(errWrongPass)
		return
	}
	if !cl.has(flagAuthenticated) {
		c.Out.Error("NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> AUTH " +
			"<user> <pass> option can be used to authenticate the client and select the RESP protocol version at the same time")
		return
	}
	if o.setName {
		cl.name = string(o.name)
	}
	cl.proto = uint8(version)
	c.Out.Proto = int(version)
	w := c.Out
	w.Map(7)
	w.BulkString("server")
	w.BulkString(serverName)
	w.BulkString("version")
	w.BulkString(RedisVersion)
	w.BulkString("proto")
	w.Int(version)
	w.BulkString("id")
	w.Int(int64(cl.id))
	w.BulkString("mode")
	w.BulkString("standalone")
	w.BulkString("role")
	w.BulkString("master")
	w.BulkString("modules")
	w.Array(0)
}

const errClientName = "ERR Client names cannot contain spaces, newlines or special characters."

// validName tells whether a client or library name is printable without blanks.
func validName(name []byte) bool {
	for _, b := range name {
		if b < '!' || b > '~' {
			return false
		}
	}
	return true
}
