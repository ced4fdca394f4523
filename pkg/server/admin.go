package server

import (
	"os"

	"redisd/internal/failpoint"
	"redisd/pkg/command"
	"redisd/pkg/config"
)

// adminFamilies gives the rows of the commands that are about the server rather
// than the data.
func (s *Server) adminFamilies() [][]command.Spec {
	return [][]command.Spec{
		s.connectionSpecs(), s.persistSpecs(), s.infoSpecs(), s.configSpecs(), s.commandSpecs(),
		s.latencySpecs(), s.memorySpecs(), s.serverSpecs(), s.waitSpecs(), s.migrateSpecs(),
		s.clientSpecs(), s.debugSpecs(), s.multiSpecs(), s.aclSpecs(), s.pubsubSpecs(), s.monitorSpecs(),
		s.scriptSpecs(), s.functionSpecs(), s.clusterSpecs(),
	}
}

func (s *Server) debugAllowed(c *client) bool {
	return s.cfg.Allows(config.EnableDebugCommand, c.peer.Local())
}

// childEnv is what a child gets of the environment beside what every child gets:
// the failpoints of a test.
func (s *Server) childEnv() []string {
	if s.opt.Failpoints == nil {
		return nil
	}
	return []string{failpoint.EnvVar + "=" + os.Getenv(failpoint.EnvVar)}
}
