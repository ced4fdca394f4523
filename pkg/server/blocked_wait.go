package server

import (
	"slices"

	"redisd/internal/num"
	"redisd/pkg/command"
	"redisd/pkg/resp"
)

// WAIT and WAITAOF. There are no replicas yet, so the first waits for nothing but
// its time, and the second for the own disk.

func (s *Server) waitSpecs() []command.Spec {
	timeout := command.Arg{Name: "timeout", Type: "integer"}
	replicas := command.Arg{Name: "numreplicas", Type: "integer"}
	return []command.Spec{
		{Name: "wait", Arity: 3, Flags: command.NoScript, Group: "generic", Categories: command.CatConnection, Since: "3.0.0",
			Summary: "Waits until replicas have got the writes of this connection.", Complexity: "O(1)",
			Hints: []string{"request_policy:all_shards", "response_policy:agg_min"},
			Args:  []command.Arg{replicas, timeout}, Handler: s.cmdWait},
		{Name: "waitaof", Arity: 4, Flags: command.NoScript, Group: "generic", Categories: command.CatConnection, Since: "7.2.0",
			Summary: "Waits until the append-only files here and of replicas hold the writes of this connection safely.", Complexity: "O(1)",
			Hints: []string{"request_policy:all_shards", "response_policy:agg_min"},
			Args:  []command.Arg{{Name: "numlocal", Type: "integer"}, replicas, timeout}, Handler: s.cmdWaitAOF},
	}
}

func (s *Server) cmdWait(c *command.Ctx) {
	replicas, ok := c.Int(c.Args[1])
	if !ok {
		return
	}
	ms, ok := c.TimeoutMillis(c.Args[2])
	if !ok {
		return
	}
	if replicas <= 0 || c.NoBlock {
		c.Out.Int(0)
		return
	}
	s.blocked.parkUntil(s.exec.client, ms, func(w *resp.Writer) { w.Int(0) })
}

const errWaitAOFOff = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled."

func (s *Server) cmdWaitAOF(c *command.Ctx) {
	local, ok := num.ParseInt(c.Args[1])
	switch {
	case !ok:
		c.Out.Error(command.ErrNotInteger)
		return
	case local < 0 || local > 1:
		c.Out.Error("ERR value is out of range, value must between 0 and 1")
		return
	}
	replicas, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	if replicas < 0 {
		c.Out.Error(command.ErrPositive)
		return
	}
	ms, ok := c.TimeoutMillis(c.Args[3])
	if !ok {
		return
	}
	if local == 1 && s.journal.off() {
		c.Out.Error(errWaitAOFOff)
		return
	}
	cl := s.exec.client
	reply := func(w *resp.Writer) { s.replyWaitAOF(cl, w) }
	if replicas == 0 && (local == 0 || s.journal.safe(cl.hold)) || c.NoBlock {
		reply(c.Out)
		return
	}
	p := s.blocked.parkUntil(cl, ms, reply)
	if local == 1 {
		p.aof, p.onlyLog = true, replicas == 0
		s.blocked.log = append(s.blocked.log, cl)
	}
}

// replyWaitAOF tells how many files hold what c has written: here, on replicas.
func (s *Server) replyWaitAOF(c *client, w *resp.Writer) {
	w.Array(2)
	local := int64(0)
	if s.journal.safe(c.hold) {
		local = 1
	}
	w.Int(local)
	w.Int(0)
}

// checkLog answers those in WAITAOF whose writes are safe now, or whose log was
// turned off.
func (b *blocked) checkLog() {
	if len(b.log) == 0 {
		return
	}
	off := b.srv.journal.off()
	var over []*client
	b.log = slices.DeleteFunc(b.log, func(c *client) bool {
		done := !c.has(flagCloseSoon) && (off || c.parked.onlyLog && b.srv.journal.safe(c.hold))
		if done {
			c.parked.aof = false // it is out of the list
			over = append(over, c)
		}
		return done
	})
	for _, c := range over {
		write := c.parked.timeout
		if off {
			write = func(w *resp.Writer) { w.Error(errWaitAOFOff) }
		}
		b.answer(c, write)
	}
}

// clientUnblock ends the waiting of another client. One that waits for the end of a
// pause or of SHUTDOWN goes on waiting: those commands know no timeout.
func (s *Server) clientUnblock(c *command.Ctx) {
	failed := false
	if len(c.Args) > 4 {
		c.Out.Errorf("ERR unknown subcommand or wrong number of arguments for '%s'. Try CLIENT HELP.", c.Args[1])
		return
	}
	if len(c.Args) == 4 {
		switch {
		case command.Is(c.Args[3], "ERROR"):
			failed = true
		case !command.Is(c.Args[3], "TIMEOUT"):
			c.Out.Error("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")
			return
		}
	}
	id, ok := c.Int(c.Args[2])
	if !ok {
		return
	}
	cl := s.clients.byID(uint64(id))
	if cl == nil || cl.parked == nil || cl.has(flagCloseSoon) {
		c.Out.Int(0)
		return
	}
	write := cl.parked.timeout
	if failed {
		write = func(w *resp.Writer) { w.Error("UNBLOCKED client unblocked via CLIENT UNBLOCK") }
	}
	s.blocked.answer(cl, write)
	c.Out.Int(1)
}
