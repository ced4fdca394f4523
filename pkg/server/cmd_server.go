package server

import (
	"redisd/internal/num"
	"redisd/pkg/command"
)

// serverSpecs are small commands about the server as a whole.
func (s *Server) serverSpecs() []command.Spec {
	return []command.Spec{
		{Name: "time", Arity: 1, Flags: command.Loading | command.Stale | command.Fast, Group: "server", Since: "2.6.0",
			Summary: "Tells the server's time: Unix seconds and microseconds.", Complexity: "O(1)",
			Hints: []string{"nondeterministic_output"}, Handler: s.cmdTime},
		{Name: "role", Arity: 1, Flags: command.NoScript | command.Loading | command.Stale | command.Fast | command.Sentinel,
			Categories: command.CatAdmin | command.CatDangerous, Group: "server", Since: "2.8.12",
			Summary: "Tells the server's role in replication.", Complexity: "O(1)", Handler: s.cmdRole},
		{Name: "lolwut", Arity: -1, Flags: command.ReadOnly | command.Fast, Group: "server", Since: "5.0.0",
			Summary: "Draws something and tells the version.",
			Args:    []command.Arg{{Name: "version", Type: "integer", Token: "VERSION", Optional: true}},
			Handler: s.cmdLolwut},
		{Name: "slowlog", Arity: -2, Group: "server", Since: "2.2.12",
			Summary: "Holds the commands about the slow log.", Complexity: "Depends on the subcommand.", Sub: s.slowlogSubs()},
	}
}

func (s *Server) slowlogSubs() []command.Spec {
	const flags = command.Admin | command.Loading | command.Stale
	return []command.Spec{
		{Name: "get", Arity: -2, Flags: flags, Since: "2.2.12",
			Summary: "Lists the slow log's entries, newest first.", Complexity: "O(N) where N is the number of entries listed",
			History: [][2]string{{"4.0.0", "Tells the client's address and name."}},
			Hints:   []string{"request_policy:all_nodes", "nondeterministic_output"},
			Args:    []command.Arg{{Name: "count", Type: "integer", Optional: true}},
			Help:    []string{"GET [<count>]", "List the newest <count> entries (10 by default, -1 for all): id, Unix time, microseconds,", "words, address and name of the client."},
			Handler: s.slowlogGet},
		{Name: "len", Arity: 2, Flags: flags, Since: "2.2.12",
			Summary: "Tells how many entries the slow log has.", Complexity: "O(1)",
			Hints:   []string{"request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"},
			Help:    []string{"LEN", "Tell how many entries there are."},
			Handler: func(c *command.Ctx) { c.Out.Int(int64(len(s.slowlog.entries))) }},
		{Name: "reset", Arity: 2, Flags: flags, Since: "2.2.12",
			Summary: "Empties the slow log.", Complexity: "O(N) where N is the number of entries",
			Hints:   []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
			Help:    []string{"RESET", "Forget all entries."},
			Handler: func(c *command.Ctx) { s.slowlog.reset(); c.Out.OK() }},
		helpSub("6.2.0", 0, 0),
	}
}

func (s *Server) cmdTime(c *command.Ctx) {
	now := s.opt.Clock.Now()
	c.Out.Array(2)
	c.Out.BulkInt(now.Unix())
	c.Out.BulkInt(int64(now.Nanosecond() / 1000))
}

func (s *Server) cmdRole(c *command.Ctx) {
	c.Out.Array(3)
	c.Out.BulkString("master")
	c.Out.Int(0)
	c.Out.Array(0)
}

// slowlogCount is how many entries SLOWLOG GET lists without being told.
const slowlogCount = 10

func (s *Server) slowlogGet(c *command.Ctx) {
	count := int64(slowlogCount)
	if len(c.Args) > 3 {
		c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try SLOWLOG HELP.", c.Args[1])
		return
	}
	if len(c.Args) == 3 {
		n, ok := num.ParseInt(c.Args[2])
		if !ok || n < -1 {
			c.Out.Error("ERR count should be greater than or equal to -1")
			return
		}
		count = n
	}
	all := s.slowlog.entries
	if count >= 0 && count < int64(len(all)) {
		all = all[int64(len(all))-count:]
	}
	c.Out.Array(len(all))
	for i := len(all) - 1; i >= 0; i-- {
		e := &all[i]
		c.Out.Array(6)
		c.Out.Int(e.id)
		c.Out.Int(e.at)
		c.Out.Int(e.micros)
		c.Out.Array(len(e.words))
		for _, w := range e.words {
			c.Out.Bulk(w)
		}
		c.Out.BulkString(e.peer)
		c.Out.BulkString(e.name)
	}
}
