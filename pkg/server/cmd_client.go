package server

import (
	"slices"
	"strings"

	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/config"
)

// clientSpecs is CLIENT: what connections are there, their names, and their end.
func (s *Server) clientSpecs() []command.Spec {
	return []command.Spec{{
		Name: "client", Arity: -2, Group: "connection", Since: "2.4.0",
		Summary: "Holds the commands about connections.", Complexity: "Depends on the subcommand.",
		Sub: slices.Concat(s.clientSelfSpecs(), s.trackingSpecs(), s.clientAdminSpecs(), []command.Spec{helpSub("5.0.0", 0, 0)}),
	}}
}

// Flags of CLIENT's subcommands: those about the caller itself, and those about
// others.
const (
	clientFlagsSelf  = command.NoScript | command.Loading | command.Stale
	clientFlagsAdmin = clientFlagsSelf | command.Admin
)

// onOff documents the argument of a switch.
func onOff(name string, tokens ...string) []command.Arg {
	a := command.Arg{Name: name, Type: "oneof"}
	for _, t := range tokens {
		a.Sub = append(a.Sub, command.Arg{Name: strings.ToLower(t), Type: "pure-token", Token: t})
	}
	return []command.Arg{a}
}

func (s *Server) clientSelfSpecs() []command.Spec {
	return []command.Spec{
		{Name: "id", Arity: 2, Flags: clientFlagsSelf, Since: "5.0.0", Summary: "Tells the connection's number.", Complexity: "O(1)",
			Help:    []string{"ID", "Tell the number of this connection; it is never used again."},
			Handler: func(c *command.Ctx) { c.Out.Int(int64(s.exec.client.id)) }},
		{Name: "info", Arity: 2, Flags: clientFlagsSelf, Since: "6.2.0", Summary: "Describes the connection.", Complexity: "O(1)",
			Hints:   []string{"nondeterministic_output"},
			Help:    []string{"INFO", "Describe this connection, in a line as in LIST."},
			Handler: func(c *command.Ctx) { c.Out.Verbatim("txt", s.clientInfo(s.exec.client)+"\n") }},
		{Name: "getname", Arity: 2, Flags: clientFlagsSelf, Since: "2.6.9", Summary: "Tells the connection's name.", Complexity: "O(1)",
			Help: []string{"GETNAME", "Tell the name of this connection."}, Handler: s.clientGetName},
		{Name: "setname", Arity: 3, Flags: clientFlagsSelf, Since: "2.6.9", Summary: "Gives the connection a name.", Complexity: "O(1)",
			Hints: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Args:  []command.Arg{{Name: "connection-name", Type: "string"}},
			Help:  []string{"SETNAME <name>", "Name this connection <name>; an empty one takes the name away."}, Handler: s.clientSetName},
		{Name: "setinfo", Arity: 4, Flags: clientFlagsSelf, Since: "7.2.0", Summary: "Tells which client library the connection is of.", Complexity: "O(1)",
			Hints: []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Args: []command.Arg{{Name: "attr", Type: "oneof", Sub: []command.Arg{
				{Name: "libname", Type: "string", Token: "LIB-NAME"}, {Name: "libver", Type: "string", Token: "LIB-VER"}}}},
			Help: []string{"SETINFO (LIB-NAME <name> | LIB-VER <version>)", "Tell the name or the version of the client library."}, Handler: s.clientSetInfo},
		{Name: "reply", Arity: 3, Flags: clientFlagsSelf, Since: "3.2.0", Summary: "Turns replies to the connection on or off.", Complexity: "O(1)",
			Args: onOff("action", "ON", "OFF", "SKIP"),
			Help: []string{"REPLY (ON|OFF|SKIP)", "Send replies, send none, or leave out that of the next command."}, Handler: s.clientReply},
		{Name: "no-touch", Arity: 3, Flags: clientFlagsSelf, Since: "7.2.0",
			Summary: "Chooses whether the connection's commands count as an access to the keys.", Complexity: "O(1)",
			Args: onOff("enabled", "ON", "OFF"),
			Help: []string{"NO-TOUCH (ON|OFF)", "With ON, keys that this connection reads do not look used to the eviction."},
			Handler: func(c *command.Ctx) {
				s.clientSwitch(c, flagNoTouch)
			}},
	}
}

// clientTypes are the kinds of connections, for filters.
var clientTypes = []string{"NORMAL", "MASTER", "REPLICA", "PUBSUB"}

func (s *Server) clientAdminSpecs() []command.Spec {
	typeArg := onOff("client-type", clientTypes...)[0]
	typeArg.Token, typeArg.Optional = "TYPE", true
	return []command.Spec{
		{Name: "list", Arity: -2, Flags: clientFlagsAdmin, Since: "2.4.0", Summary: "Describes the connections, one a line.",
			Complexity: "O(N) where N is the number of connections", Hints: []string{"nondeterministic_output"},
			History: [][2]string{{"2.8.12", "Shows `id`."}, {"5.0.0", "Takes `TYPE`."}, {"6.0.0", "Shows `user`."},
				{"6.2.0", "Shows `argv-mem`, `tot-mem`, `laddr` and `redir`, takes `ID`."},
				{"7.0.0", "Shows `resp`, `multi-mem`, `rbs` and `rbp`."}, {"7.0.3", "Shows `ssub`."}},
			Args: []command.Arg{typeArg, {Name: "client-id", Type: "integer", Token: "ID", Optional: true, Multiple: true, Since: "6.2.0"}},
			Help: []string{"LIST [TYPE (NORMAL|MASTER|REPLICA|PUBSUB) | ID <id> [<id> ...]]",
				"Describe the connections, those of a kind, or those with the given numbers."}, Handler: s.clientList},
		{Name: "kill", Arity: -3, Flags: clientFlagsAdmin, Since: "2.4.0", Summary: "Closes connections.",
			Complexity: "O(N) where N is the number of connections",
			History: [][2]string{{"2.8.12", "Takes filters."}, {"2.8.12", "Takes `ID`."}, {"3.2.0", "Takes the type `master`."},
				{"5.0.0", "The type `slave` is called `replica` too."}, {"6.2.0", "Takes `LADDR`."}},
			Args: clientKillArgs(typeArg), Help: clientKillHelp(), Handler: s.clientKill},
		{Name: "no-evict", Arity: 3, Flags: clientFlagsAdmin, Since: "7.0.0", Summary: "Protects the connection from being closed for its memory.",
			Complexity: "O(1)", Args: onOff("enabled", "ON", "OFF"),
			Help:    []string{"NO-EVICT (ON|OFF)", "With ON, maxmemory-clients does not close this connection."},
			Handler: func(c *command.Ctx) { s.clientSwitch(c, flagNoEvict) }},
		{Name: "pause", Arity: -3, Flags: clientFlagsAdmin, Since: "3.0.0", Summary: "Holds commands back for a time.", Complexity: "O(1)",
			History: [][2]string{{"6.2.0", "Takes `WRITE` and `ALL`."}},
			Args:    append([]command.Arg{{Name: "timeout", Type: "integer"}}, optionalMode()),
			Help:    []string{"PAUSE <milliseconds> [WRITE|ALL]", "Hold the commands of all connections back so long, or those that write."},
			Handler: s.clientPause},
		{Name: "unblock", Arity: -3, Flags: clientFlagsAdmin, Since: "5.0.0", Summary: "Ends the waiting of a connection in a blocking command.",
			Complexity: "O(log N) where N is the number of connections",
			Args:       append([]command.Arg{{Name: "client-id", Type: "integer"}}, optionalReason()),
			Help:       []string{"UNBLOCK <id> [TIMEOUT|ERROR]", "End the waiting of the connection <id> as if its time were over, or with an error."},
			Handler:    s.clientUnblock},
		{Name: "unpause", Arity: 2, Flags: clientFlagsAdmin, Since: "6.2.0", Summary: "Ends a pause.",
			Complexity: "O(N) where N is the number of connections that wait",
			Help:       []string{"UNPAUSE", "End a pause before its time."},
			Handler: func(c *command.Ctx) {
				s.unpauseClients()
				s.loop.Post(s.resumePostponed)
				c.Out.OK()
			}},
	}
}

func optionalReason() command.Arg {
	a := onOff("unblock-type", "TIMEOUT", "ERROR")[0]
	a.Optional = true
	return a
}

func optionalMode() command.Arg {
	a := onOff("mode", "WRITE", "ALL")[0]
	a.Optional, a.Since = true, "6.2.0"
	return a
}

func (s *Server) clientGetName(c *command.Ctx) {
	if name := s.exec.client.name; name != "" {
		c.Out.BulkString(name)
		return
	}
	c.Out.Null()
}

func (s *Server) clientSetName(c *command.Ctx) {
	if !validName(c.Args[2]) {
		c.Out.Error(errClientName)
		return
	}
	s.exec.client.name = string(c.Args[2])
	c.Out.OK()
}

func (s *Server) clientSetInfo(c *command.Ctx) {
	cl, option := s.exec.client, c.Args[2]
	into := &cl.libName
	switch {
	case command.Is(option, "LIB-NAME"):
	case command.Is(option, "LIB-VER"):
		into = &cl.libVersion
	default:
		c.Out.Errorf("ERR Unrecognized option '%s'", option)
		return
	}
	if !validName(c.Args[3]) {
		c.Out.Errorf("ERR %s cannot contain spaces, newlines or special characters.", option)
		return
	}
	*into = string(c.Args[3])
	c.Out.OK()
}

// clientReply switches replies. The executor drops what was written while they
// are off, the reply to OFF and SKIP included.
func (s *Server) clientReply(c *command.Ctx) {
	cl := s.exec.client
	switch {
	case command.Is(c.Args[2], "ON"):
		cl.set(flagReplyOff|flagReplySkip, false)
		c.Out.OK()
	case command.Is(c.Args[2], "OFF"):
		cl.set(flagReplyOff, true)
	case command.Is(c.Args[2], "SKIP"):
		if !cl.has(flagReplyOff) {
			cl.set(flagSkipNext, true)
		}
	default:
		c.Out.Error(command.ErrSyntax)
	}
}

// clientSwitch turns a state of the caller on or off.
func (s *Server) clientSwitch(c *command.Ctx, f clientFlags) {
	switch {
	case command.Is(c.Args[2], "ON"):
		s.exec.client.set(f, true)
	case command.Is(c.Args[2], "OFF"):
		s.exec.client.set(f, false)
	default:
		c.Out.Error(command.ErrSyntax)
		return
	}
	c.Out.OK()
}

// Numbers beside the classes of client-output-buffer-limit, for filters.
const (
	anyClass    = -1
	masterClass = -2
)

// knownType is the class that a filter names.
func knownType(word []byte) (class int, known bool) {
	switch {
	case command.Is(word, "NORMAL"):
		return config.ClassNormal, true
	case command.Is(word, "PUBSUB"):
		return config.ClassPubSub, true
	case command.Is(word, "REPLICA") || command.Is(word, "SLAVE"):
		return config.ClassReplica, true
	case command.Is(word, "MASTER"):
		return masterClass, true
	}
	return anyClass, false
}

func (s *Server) clientList(c *command.Ctx) {
	var text []byte
	add := func(cl *client) { text = append(s.appendClientInfo(text, cl), '\n') }
	switch {
	case len(c.Args) == 2:
		s.clients.each(add)
	case len(c.Args) == 4 && command.Is(c.Args[2], "TYPE"):
		class, known := knownType(c.Args[3])
		if !known {
			c.Out.Errorf("ERR Unknown client type '%s'", c.Args[3])
			return
		}
		s.clients.each(func(cl *client) {
			if cl.class() == class {
				add(cl)
			}
		})
	case len(c.Args) > 3 && command.Is(c.Args[2], "ID"):
		for _, word := range c.Args[3:] {
			id, ok := num.ParseInt(word)
			if !ok {
				c.Out.Error("ERR Invalid client ID")
				return
			}
			if cl := s.clients.byID(uint64(id)); cl != nil {
				add(cl)
			}
		}
	default:
		c.Out.Error(command.ErrSyntax)
		return
	}
	c.Out.Verbatim("txt", string(text))
}

func (s *Server) clientPause(c *command.Ctx) {
	kind := pauseAll
	if len(c.Args) > 4 {
		c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try CLIENT HELP.", c.Args[1])
		return
	}
	if len(c.Args) == 4 {
		switch {
		case command.Is(c.Args[3], "WRITE"):
			kind = pauseWrites
		case command.Is(c.Args[3], "ALL"):
		default:
			c.Out.Error("ERR CLIENT PAUSE mode must be WRITE or ALL")
			return
		}
	}
	millis, ok := num.ParseInt(c.Args[2])
	now := s.loop.MonoMillis()
	switch {
	case !ok:
		c.Out.Error("ERR timeout is not an integer or out of range")
	case millis < 0:
		c.Out.Error("ERR timeout is negative")
	case now+millis < now:
		c.Out.Error("ERR timeout is out of range")
	default:
		s.pauseClients(kind, now+millis)
		c.Out.OK()
	}
}
