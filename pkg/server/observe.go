package server

import (
	"redisd/pkg/command"
	"redisd/pkg/config"
)

// watchAdmin carries out the directives of the slow log and of latency tracking,
// now and whenever they change.
func (s *Server) watchAdmin() error {
	for _, t := range []setting{
		{s.applySlowlog, []config.ID{config.SlowLogLogSlowerThan, config.SlowLogMaxLen}},
		{s.applyHistograms, []config.ID{config.LatencyTracking}},
	} {
		if err := t.apply(); err != nil {
			return err
		}
		s.cfg.OnApply(t.apply, t.ids...)
	}
	return nil
}

func (s *Server) applySlowlog() error {
	s.slowlog.configure(s.cfg.Int(config.SlowLogLogSlowerThan), s.cfg.Int(config.SlowLogMaxLen))
	return nil
}

func (s *Server) applyHistograms() error {
	s.stats.timed = s.cfg.Bool(config.LatencyTracking)
	return nil
}

// helpSub is the HELP row of a container, with what its flags and categories have
// beyond those of all HELPs.
func helpSub(since string, flags command.Flags, cats command.Category) command.Spec {
	return command.Spec{Name: "help", Arity: 2, Flags: command.Loading | command.Stale | flags, Categories: cats, Since: since,
		Summary: "Explains the subcommands.", Complexity: "O(1)", Handler: command.Help}
}
