package server

import (
	"errors"

	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/aof"
)

func (s *Server) configSpecs() []command.Spec {
	const flags = command.Admin | command.NoScript | command.Loading | command.Stale
	return []command.Spec{{
		Name: "config", Arity: -2, Group: "server", Since: "2.0.0",
		Summary: "Holds the commands about the configuration.", Complexity: "Depends on the subcommand.",
		Sub: []command.Spec{
			{Name: "get", Arity: -3, Flags: flags, Since: "2.0.0",
				Summary:    "Tells the values of directives.",
				Complexity: "O(N) where N is the number of directives that match",
				History:    [][2]string{{"7.0.0", "Takes several patterns."}},
				Args: []command.Arg{{Name: "parameter", Type: "block", Multiple: true,
					Sub: []command.Arg{{Name: "parameter", Type: "string"}}}},
				Help:    []string{"GET <pattern> [<pattern> ...]", "Tell the directives that match a pattern, and their values."},
				Handler: s.configGet},
			{Name: "set", Arity: -4, Flags: flags, Since: "2.0.0",
				Summary:    "Changes directives, all of them or none.",
				Complexity: "O(N) where N is the number of directives",
				History:    [][2]string{{"7.0.0", "Takes several directives."}},
				Hints:      []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
				Args: []command.Arg{{Name: "parameter_value", Type: "block", Multiple: true,
					Sub: []command.Arg{{Name: "parameter", Type: "string"}, {Name: "value", Type: "string"}}}},
				Help:    []string{"SET <directive> <value> [<directive> <value> ...]", "Change directives, all of them or none."},
				Handler: s.configSet},
			{Name: "resetstat", Arity: 2, Flags: flags, Since: "2.0.0",
				Summary: "Sets the counters of INFO to zero.", Complexity: "O(1)",
				Hints:   []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
				Help:    []string{"RESETSTAT", "Set the counters that INFO shows to zero."},
				Handler: s.configResetStat},
			{Name: "rewrite", Arity: 2, Flags: flags, Since: "2.8.0",
				Summary: "Writes changed directives into the configuration file.", Complexity: "O(1)",
				Hints:   []string{"request_policy:all_nodes", "response_policy:all_succeeded"},
				Help:    []string{"REWRITE", "Write the directives that were changed into the configuration file."},
				Handler: s.configRewrite},
			helpSub("5.0.0", 0, 0),
		},
	}}
}

func (s *Server) configGet(c *command.Ctx) {
	patterns := make([]string, 0, len(c.Args)-2)
	for _, a := range c.Args[2:] {
		patterns = append(patterns, string(a))
	}
	found := s.cfg.Get(patterns...)
	c.Out.Map(len(found))
	for _, p := range found {
		c.Out.BulkString(p.Name)
		c.Out.BulkString(p.Value)
	}
}

func (s *Server) configSet(c *command.Ctx) {
	if len(c.Args)%2 != 0 {
		c.Out.Error(command.ErrSyntax)
		return
	}
	var pairs []config.Pair
	for i := 2; i < len(c.Args); i += 2 {
		pairs = append(pairs, config.Pair{Name: string(c.Args[i]), Value: string(c.Args[i+1])})
		if d, ok := s.cfg.Find(pairs[len(pairs)-1].Name); ok && d.Is(config.Sensitive) {
			redact(c, i+1)
		}
	}
	by := config.Caller{Loading: s.load.active, Local: s.exec.client.peer.Local()}
	err := s.cfg.Set(by, pairs...)
	if err == nil {
		c.Out.OK()
		return
	}
	var se *config.SetError
	if !errors.As(err, &se) {
		c.Out.Error("ERR " + err.Error())
		return
	}
	if se.Rollback != nil {
		s.log.Warnf("CONFIG SET %s failed, and so did the way back: %s", se.Name, se.Rollback)
	}
	c.Out.Error(se.Reply())
}

func (s *Server) configRewrite(c *command.Ctx) {
	err := s.rewriteConfig(false)
	switch {
	case err == nil:
		s.log.Warnf("CONFIG REWRITE executed with success.")
		c.Out.OK()
	case errors.Is(err, config.ErrNoFile):
		c.Out.Error("ERR " + err.Error())
	default:
		s.log.Warnf("CONFIG REWRITE failed: %s", err)
		c.Out.Error("ERR Rewriting config file: " + aof.Strerror(err))
	}
}

// configResetStat sets counters to zero, those of the keyspace, the log and the
// jobs too. What tells of the present, and the peak of the memory, stays.
func (s *Server) configResetStat(c *command.Ctx) {
	s.stats.reset()
	s.evict.reset()
	s.ks.Stats = keyspace.Stats{}
	s.journal.log.ResetStats()
	s.saves.count = 0
	s.background.jobs.rewrites = 0
	s.background.jobs.rewriteFailures = 0
	c.Out.OK()
}
