package server

import (
	"redisd/pkg/acl"
	"redisd/pkg/command"
)

const (
	txFlags   = command.NoScript | command.Loading | command.Stale | command.Fast | command.AllowBusy
	errNoExec = "EXECABORT Transaction discarded because of previous errors."
)

// multiSpecs is the transactions family.
func (s *Server) multiSpecs() []command.Spec {
	return []command.Spec{
		{Name: "multi", Arity: 1, Flags: txFlags, Group: "transactions", Since: "1.2.0",
			Summary: "Begins a transaction: the commands that follow are queued.", Complexity: "O(1)", Handler: s.multi},
		{Name: "exec", Arity: 1, Flags: txFlags&^(command.Fast|command.AllowBusy) | command.SkipSlowlog, Group: "transactions", Since: "1.2.0",
			Summary: "Runs the queued commands, one after the other and nothing between.", Complexity: "Depends on the commands.",
			Handler: s.execQueued},
		{Name: "discard", Arity: 1, Flags: txFlags, Group: "transactions", Since: "2.0.0",
			Summary: "Drops the queued commands.", Complexity: "O(N) where N is the number of queued commands.", Handler: s.discard},
		{Name: "watch", Arity: -2, Flags: txFlags, Group: "transactions", Since: "2.2.0",
			Summary: "Lets the next EXEC run only if none of the keys has changed until then.", Complexity: "O(1) for every key.",
			Keys: command.AllKeys(1, 1, command.KeyRO), Args: []command.Arg{{Name: "key", Type: "key", Key: 1, Multiple: true}}, Handler: s.watch},
		{Name: "unwatch", Arity: 1, Flags: txFlags, Group: "transactions", Since: "2.2.0",
			Summary: "Forgets the watched keys.", Complexity: "O(1)", Handler: s.unwatch},
	}
}

// queues tells whether a command is queued while its client is in a transaction.
func queues(spec *command.Spec) bool {
	switch spec.Name {
	case "exec", "discard", "multi", "watch", "quit", "reset":
		return spec.Parent != nil
	}
	return true
}

// changes tells whether a command of c may change the dataset: EXEC does what is queued.
func (c *client) changes(spec *command.Spec) bool {
	return spec.Writes() || c.queuedFlags(spec)&command.Write != 0
}

// queuedFlags are the flags of what EXEC is about to run; 0 for another command.
func (c *client) queuedFlags(spec *command.Spec) command.Flags {
	if c.tx == nil || spec.Name != "exec" {
		return 0
	}
	return c.tx.flags
}

// enqueue keeps a command for EXEC; not when EXEC will run nothing.
func (x *executor) enqueue(c *client, spec *command.Spec, argv [][]byte) {
	x.w.Buf = append(x.w.Buf, "+QUEUED\r\n"...)
	if c.tx.failed || c.has(flagDirtyCAS) {
		return
	}
	c.tx.add(spec, argv)
	c.tx.flags |= x.srv.declared(spec, argv)
	x.srv.limitInput(c)
}

func (s *Server) multi(c *command.Ctx) {
	cl := s.exec.client
	if cl.tx != nil {
		c.Out.Error("ERR MULTI calls can not be nested")
		return
	}
	cl.tx = s.exec.beginTransaction()
	c.Out.OK()
}

func (s *Server) discard(c *command.Ctx) {
	if s.exec.client.tx == nil {
		c.Out.Error("ERR DISCARD without MULTI")
		return
	}
	s.endTransaction(s.exec.client)
	c.Out.OK()
}

// endTransaction forgets what a client has queued and watches.
func (s *Server) endTransaction(c *client) {
	s.exec.endTransaction(c.tx)
	c.tx = nil
	s.watches.drop(c)
}

func (s *Server) execQueued(c *command.Ctx) {
	cl := s.exec.client
	tx := cl.tx
	if tx == nil {
		c.Out.Error("ERR EXEC without MULTI")
		return
	}
	changed := s.watches.changed(cl)
	switch {
	case tx.failed:
		c.Out.Error(errNoExec)
	case changed:
		c.Out.NullArray()
	default:
		s.watches.drop(cl)
		s.runQueued(c, tx)
	}
	s.endTransaction(cl)
}

// runQueued runs the commands of a transaction in the context of EXEC's.
func (s *Server) runQueued(c *command.Ctx, tx *transaction) {
	x, cl := s.exec, s.exec.client
	spec, argv, noBlock := c.Spec, c.Args, c.NoBlock
	c.NoBlock = true
	x.tx.active = true
	c.Out.Array(len(tx.queue))
	for _, q := range tx.queue {
		if v := s.aclCheck(cl.user, q.spec, q.argv); v.Reason != acl.Allowed {
			s.refuseQueued(c, v, q)
			continue
		}
		x.call(cl, q.spec, q.argv)
	}
	x.tx.active = false
	c.Spec, c.Args, c.DB, c.NoBlock = spec, argv, cl.db, noBlock
	c.Fx.Reset(cl.db.Index()) // the commands' own effects are applied
	if s.logTransaction() {
		cl.hold = s.journal.seq()
	}
}

// refuseQueued replies to a queued command that its client's user may not run any
// more.
func (s *Server) refuseQueued(c *command.Ctx, v acl.Verdict, q queued) {
	reason := "no permission to execute the command"
	switch v.Reason {
	case acl.DeniedKey:
		reason = "no permission to touch the specified keys"
	case acl.DeniedChannel:
		reason = "no permission to access one of the channels used as arguments to the command"
	}
	s.acl.record(s.exec.client, v, aclMulti, q.spec, q.argv)
	c.Out.Error("NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. " +
		"This command is no longer allowed for the following reason: " + reason)
}

// logTransaction gives the log what the commands of a transaction logged; false when
// that is nothing.
func (s *Server) logTransaction() bool {
	t := &s.exec.tx
	n := len(t.words)
	if n > 1 {
		s.journal.feed(t.words[0].db, multiWords)
	}
	for _, w := range t.words {
		s.journal.feed(w.db, w.argv)
	}
	if n > 1 {
		s.journal.feed(t.words[n-1].db, execWords)
	}
	t.reset()
	return n > 0
}

// feedLog logs a command, or keeps it for the end of the transaction that runs.
func (s *Server) feedLog(db int, words [][]byte) {
	if t := &s.exec.tx; t.active {
		if !s.journal.wanted() {
			return
		}
		t.add(db, words)
		return
	}
	s.journal.feed(db, words)
}
