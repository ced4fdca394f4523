package server

import (
	"time"

	"redisd/pkg/command"
)

// AddCommands gives a server that does not run yet more commands, for tests.
func (s *Server) AddCommands(rows []command.Spec) {
	s.table = command.NewTable(append(append(command.Families(), s.adminFamilies()...), rows)...)
	s.stats.byCommand = make([]commandStats, len(s.table.All()))
}

// BoundHandshakes changes how long TLS handshakes may take and how many may run.
func (s *Server) BoundHandshakes(limit time.Duration, most int) {
	s.tls.limit, s.tls.most = limit, most
}

// GiveUpJob gives the background job up, as check does above its memory.
func (s *Server) GiveUpJob(reason string) {
	done := make(chan struct{})
	s.loop.Post(func() {
		s.background.giveUpJob(reason)
		close(done)
	})
	<-done
}
