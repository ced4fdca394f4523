package server

import (
	"redisd/pkg/command"
	"redisd/pkg/persist"
)

const adminFlags = command.Admin | command.NoScript

// persistSpecs are the commands about saving, the log, and the end.
func (s *Server) persistSpecs() []command.Spec {
	return []command.Spec{
		{Name: "save", Arity: 1, Flags: adminFlags | command.NoAsyncLoading | command.NoMulti, Group: "server", Since: "1.0.0",
			Summary: "Saves the dataset to disk while everybody waits.", Complexity: "O(N) where N is the total number of keys in all databases",
			Handler: s.cmdSave},
		{Name: "bgsave", Arity: -1, Flags: adminFlags | command.NoAsyncLoading, Group: "server", Since: "1.0.0",
			Summary: "Saves the dataset to disk in a child process.", Complexity: "O(1)",
			History: [][2]string{{"3.2.2", "Takes the `SCHEDULE` option."}},
			Args:    []command.Arg{{Name: "schedule", Type: "pure-token", Token: "SCHEDULE", Optional: true, Since: "3.2.2"}},
			Handler: s.cmdBGSave},
		{Name: "bgrewriteaof", Arity: 1, Flags: adminFlags | command.NoAsyncLoading, Group: "server", Since: "1.0.0",
			Summary: "Rewrites the append-only file in a child process.", Complexity: "O(1)", Handler: s.cmdBGRewriteAOF},
		{Name: "lastsave", Arity: 1, Flags: command.Loading | command.Stale | command.Fast, Categories: command.CatAdmin | command.CatDangerous,
			Group: "server", Since: "1.0.0", Summary: "Tells when the dataset was last saved, as Unix time.", Complexity: "O(1)",
			Hints: []string{"nondeterministic_output"}, Handler: func(c *command.Ctx) { c.Out.Int(s.saves.last) }},
		{Name: "shutdown", Arity: -1, Flags: adminFlags | command.Loading | command.Stale | command.NoMulti | command.Sentinel | command.AllowBusy,
			Group: "server", Since: "1.0.0", Summary: "Saves what is to be saved and ends the server.",
			Complexity: "O(N) when saving, where N is the total number of keys in all databases, otherwise O(1)",
			History:    [][2]string{{"7.0.0", "Takes `NOW`, `FORCE` and `ABORT`."}},
			Args: []command.Arg{
				{Name: "save-selector", Type: "oneof", Optional: true, Sub: []command.Arg{
					{Name: "nosave", Type: "pure-token", Token: "NOSAVE"}, {Name: "save", Type: "pure-token", Token: "SAVE"}}},
				{Name: "now", Type: "pure-token", Token: "NOW", Optional: true, Since: "7.0.0"},
				{Name: "force", Type: "pure-token", Token: "FORCE", Optional: true, Since: "7.0.0"},
				{Name: "abort", Type: "pure-token", Token: "ABORT", Optional: true, Since: "7.0.0"}},
			Handler: s.cmdShutdown},
		{Name: "flushall", Arity: -1, Flags: command.Write, Categories: command.CatKeyspace | command.CatDangerous, Group: "server", Since: "1.0.0",
			Summary: "Removes all keys from all databases.", Complexity: "O(N) where N is the total number of keys in all databases",
			History: [][2]string{{"4.0.0", "Takes `ASYNC`."}, {"6.2.0", "Takes `SYNC`."}},
			Hints:   []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    flushArgs(), Handler: s.cmdFlushAll},
		{Name: "flushdb", Arity: -1, Flags: command.Write, Categories: command.CatKeyspace | command.CatDangerous, Group: "server", Since: "1.0.0",
			Summary: "Removes all keys from the selected database.", Complexity: "O(N) where N is the number of keys in the selected database",
			History: [][2]string{{"4.0.0", "Takes `ASYNC`."}, {"6.2.0", "Takes `SYNC`."}},
			Hints:   []string{"request_policy:all_shards", "response_policy:all_succeeded"},
			Args:    flushArgs(), Handler: s.cmdFlushDB},
	}
}

func flushArgs() []command.Arg {
	return []command.Arg{{Name: "flush-type", Type: "oneof", Optional: true, Sub: []command.Arg{
		{Name: "async", Type: "pure-token", Token: "ASYNC", Since: "4.0.0"},
		{Name: "sync", Type: "pure-token", Token: "SYNC", Since: "6.2.0"}}}}
}

func (s *Server) cmdSave(c *command.Ctx) {
	if s.background.saving() {
		c.Out.Error("ERR Background save already in progress")
		return
	}
	err := s.background.preflight(persist.RoleRDB)
	if err == nil {
		err = s.saveNow()
	} else {
		s.background.jobs.saveError = err.Error()
		s.log.Warnf("Can't save: %s", err)
	}
	if err != nil {
		c.Out.Error(notStarted("ERR", err))
		return
	}
	c.Out.OK()
}

func (s *Server) cmdBGSave(c *command.Ctx) {
	schedule := false
	if len(c.Args) > 1 {
		if len(c.Args) != 2 || !command.Is(c.Args[1], "SCHEDULE") {
			c.Out.Error(command.ErrSyntax)
			return
		}
		schedule = true
	}
	b := s.background
	switch {
	case b.saving():
		c.Out.Error("ERR Background save already in progress")
	case b.active() && schedule:
		b.schedule.save = true
		c.Out.Simple("Background saving scheduled")
	case b.active():
		c.Out.Error("ERR Another child process is active (AOF?): can't BGSAVE right now. " +
			"Use BGSAVE SCHEDULE in order to schedule a BGSAVE whenever possible.")
	default:
		if err := b.startSave(); err != nil {
			c.Out.Error(notStarted("ERR", err))
			return
		}
		c.Out.Simple("Background saving started")
	}
}

func (s *Server) cmdBGRewriteAOF(c *command.Ctx) {
	b := s.background
	switch {
	case b.rewriting():
		c.Out.Error("ERR Background append only file rewriting already in progress")
	case b.active(), s.exec.tx.active:
		// Inside of a transaction what it has changed is not in the log yet.
		b.scheduleRewrite()
		c.Out.Simple("Background append only file rewriting scheduled")
	default:
		if err := b.startRewrite(); err != nil {
			c.Out.Error(notStarted("ERR Can't execute an AOF background rewriting. Please check the server logs for more information.", err))
			return
		}
		c.Out.Simple("Background append only file rewriting started")
	}
}

// notStarted is the reply for a job that did not start: Redis's, unless the disk has not
// the room, of which Redis does not look out.
func notStarted(text string, err error) string {
	if e, ok := err.(*noRoomError); ok {
		return "ERR " + e.Error()
	}
	return text
}

// cmdShutdown ends the server. The client gets no reply when that works: its
// connection ends.
func (s *Server) cmdShutdown(c *command.Ctx) {
	var o shutdownOpts
	abort, words := false, 0
	for _, a := range c.Args[1:] {
		switch {
		case command.Is(a, "NOSAVE"):
			o.noSave = true
		case command.Is(a, "SAVE"):
			o.save = true
		case command.Is(a, "NOW"):
			o.now = true
		case command.Is(a, "FORCE"):
			o.force = true
		case command.Is(a, "ABORT"):
			abort = true
			continue
		default:
			c.Out.Error(command.ErrSyntax)
			return
		}
		words++
	}
	if abort && words > 0 || o.save && o.noSave {
		c.Out.Error(command.ErrSyntax)
		return
	}
	if abort {
		if !s.life.asked {
			c.Out.Error("ERR No shutdown in progress.")
			return
		}
		s.life.asked = false
		s.life.ending.Store(false)
		s.log.Noticef("Shutdown manually aborted.")
		s.answerShutdown("ERR Errors trying to SHUTDOWN. Check logs.")
		c.Out.OK()
		return
	}
	if busy := s.scripts.busy(); busy != "" && !o.noSave {
		c.Out.Error(busy)
		return
	}
	if s.load.active {
		o.noSave = true
	}
	s.life.asked, s.life.signal, s.life.opts = true, "", o
	cl := s.exec.client
	cl.set(flagBlocked, true)
	s.life.waiting = append(s.life.waiting, cl)
	// Not from inside of a command: the log of this turn is written first.
	s.loop.Post(s.cronShutdown)
}

// flushMode reads the option of FLUSHALL and FLUSHDB.
func flushMode(c *command.Ctx) (async, ok bool) {
	switch {
	case len(c.Args) == 1:
		return c.LazyUserFlush, true
	case len(c.Args) == 2 && command.Is(c.Args[1], "ASYNC"):
		return true, true
	case len(c.Args) == 2 && command.Is(c.Args[1], "SYNC"):
		return false, true
	}
	c.Out.Error(command.ErrSyntax)
	return false, false
}

// cmdFlushAll empties everything. A save that is running would bring the old data
// back, so it is stopped, and the file is saved anew where save points ask for files.
func (s *Server) cmdFlushAll(c *command.Ctx) {
	async, ok := flushMode(c)
	if !ok {
		return
	}
	dirty := int64(s.ks.FlushAll(async))
	for i := range s.ks.Databases() {
		c.Fx.TouchAll(i)
	}
	c.Fx.Force = true
	s.background.killSave("FLUSHALL")
	if len(s.cfg.SavePoints()) > 0 && !s.load.active {
		if s.saveNow() == nil { // its status tells; Redis replies OK too
			dirty = 0
		}
	}
	if !async {
		s.arena.Trim()
	}
	c.Fx.Dirty += dirty
	c.Out.OK()
}

func (s *Server) cmdFlushDB(c *command.Ctx) {
	async, ok := flushMode(c)
	if !ok {
		return
	}
	c.Fx.Dirty += int64(c.DB.Flush(async))
	c.Fx.TouchAll(c.DB.Index())
	c.Fx.Force = true
	c.Out.OK()
}
