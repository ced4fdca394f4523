package server

import "redisd/pkg/command"

// AddCommands gives a server that does not run yet more commands, for tests.
func (s *Server) AddCommands(rows []command.Spec) {
	s.table = command.NewTable(append(append(command.Families(), s.adminFamilies()...), rows)...)
	s.stats.byCommand = make([]commandStats, len(s.table.All()))
}
