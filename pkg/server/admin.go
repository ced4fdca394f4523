package server

import (
	"redisd/pkg/command"
	"redisd/pkg/config"
)

// adminFamilies gives the rows of the commands that are about the server rather
// than the data.
func (s *Server) adminFamilies() [][]command.Spec {
	return [][]command.Spec{s.connectionSpecs(), s.persistSpecs()}
}

// clientInfo is one line of CLIENT LIST.
func (s *Server) clientInfo(c *client) string { return "" }

func (s *Server) debugAllowed(c *client) bool {
	return s.cfg.Allows(config.EnableDebugCommand, c.peer.Local())
}

func (s *Server) childEnv() []string { return nil }

func (cs *clients) shrinkIdle(now int64) {}
