package server

import (
	"fmt"

	"redisd/pkg/command"
)

// gate decides whether a command may run now. check returns the error to reply,
// with its code, or "" to let it pass. spec is nil for an unknown command.
type gate struct {
	name  string
	check func(s *Server, c *client, spec *command.Spec, argv [][]byte) string
}

// gates are asked in this order, which is Redis's: what a client may know before
// it authenticated comes first.
var gates = [...]gate{
	{"known", gateKnown},
	{"arity", gateArity},
	{"debug", gateProtected},
	{"auth", gateAuth},
	{"transaction", gateTransaction},
	{"acl", gateACL},
	{"maxmemory", gateMemory},
	{"disk", gateDisk},
	{"pubsub", gatePubSub},
	{"loading", gateLoading},
	{"busy", gateBusy},
}

func gateKnown(_ *Server, _ *client, spec *command.Spec, argv [][]byte) string {
	if spec == nil {
		return unknown(argv)
	}
	if spec.Sub != nil && len(argv) > 1 {
		return unknownSub(argv)
	}
	return ""
}

func gateArity(_ *Server, _ *client, spec *command.Spec, argv [][]byte) string {
	if !spec.ArityFits(len(argv)) || spec.Handler == nil {
		return fmt.Sprintf("ERR wrong number of arguments for '%s' command", spec.FullName)
	}
	return ""
}

func gateProtected(s *Server, c *client, spec *command.Spec, _ [][]byte) string {
	if spec.Flags&command.Protected == 0 || s.debugAllowed(c) {
		return ""
	}
	return "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", " +
		"you can run it from a local connection, otherwise you need to set this option in the configuration " +
		"file, and then restart the server."
}

func gateAuth(s *Server, c *client, spec *command.Spec, _ [][]byte) string {
	if c.has(flagAuthenticated) || spec.Flags&command.NoAuth != 0 || s.acl.open() {
		return ""
	}
	return "NOAUTH Authentication required."
}

func gateTransaction(_ *Server, c *client, spec *command.Spec, _ [][]byte) string {
	if c.tx == nil || spec.Flags&command.NoMulti == 0 {
		return ""
	}
	return "ERR Command not allowed inside a transaction"
}

// gateACL asks for the rights of the client's user.
func gateACL(s *Server, c *client, spec *command.Spec, argv [][]byte) string {
	if c.user.Free() {
		return ""
	}
	context := aclTopLevel
	if c.tx != nil {
		context = aclMulti
	}
	return s.aclRefusal(c, context, spec, argv)
}

// gateDisk refuses writes, and PING, while the promises of persistence cannot be
// kept.
func gateDisk(s *Server, c *client, spec *command.Spec, _ [][]byte) string {
	if !c.changes(spec) && spec.Name != "ping" || c.has(flagReplay) {
		return ""
	}
	return s.background.misconf()
}

func gateLoading(s *Server, c *client, spec *command.Spec, _ [][]byte) string {
	if !s.load.active || spec.Flags&command.Loading != 0 || c.has(flagReplay) {
		return ""
	}
	return "LOADING Redis is loading the dataset in memory"
}
