package server

import "redisd/pkg/command"

// apply does, once, what a handler says must follow from what it did.
func (s *Server) apply(c *client, ctx *command.Ctx) {
	s.logExpired()
	fx := &ctx.Fx
	by := c.id
	if c.has(flagScript) {
		by = 0 // a script is not its caller, as in Redis: who broadcasts is told of it
	}
	for _, e := range fx.Events() {
		s.notify(e, by)
	}
	if fx.Warning != "" {
		s.log.Warnf("%s", fx.Warning)
	}
	for _, db := range fx.TouchedAll() {
		s.blocked.touchedAll(db)
		s.watches.touchedAll(db)
	}
	if len(fx.TouchedAll()) > 0 {
		s.caches.flushed()
	}
	if fx.Dirty == 0 && !fx.Force {
		return
	}
	s.saves.dirty += fx.Dirty
	if fx.NoLog || s.exec.tx.muted || c.has(flagReplay) || ctx.Spec.Flags&command.Write == 0 && !fx.Force {
		return
	}
	s.propagate(ctx)
	if !s.exec.tx.active {
		c.hold = s.journal.seq()
	}
}

// propagate feeds the log with what a command did: the replacements it gave, as
// one transaction when there are several, or its own words.
func (s *Server) propagate(ctx *command.Ctx) {
	fx := &ctx.Fx
	db := ctx.DB.Index()
	n := fx.Replacements()
	if n == 0 {
		words := ctx.Args
		if ctx.Spec.Renamed {
			// The log must load under another configuration too; what the client called is
			// for the slow log.
			words = append([][]byte{[]byte(ctx.Spec.Root().Name)}, words[1:]...)
		}
		s.feedLog(db, words)
		return
	}
	block := n > 1 && !s.exec.tx.active // blocks do not nest
	if block {
		s.feedLog(db, multiWords)
	}
	for i := range n {
		s.feedLog(db, fx.Replacement(i))
	}
	if block {
		s.feedLog(db, execWords)
	}
}

// Words of commands that the server logs in its own name. They are never written to.
var (
	multiWords = [][]byte{[]byte("MULTI")}
	execWords  = [][]byte{[]byte("EXEC")}
	delWord    = []byte("DEL")
	unlinkWord = []byte("UNLINK")
)

// logExpired logs a DEL for every key whose time has passed since the last call.
// The log, and a replica, must not depend on their own clocks.
func (s *Server) logExpired() {
	s.ks.TakeExpired(func(db int, key []byte) {
		word := delWord
		if s.exec.ctx.LazyExpire {
			word = unlinkWord
		}
		s.feedLog(db, s.exec.pair(word, key))
		s.notify(command.Event{Class: command.EventExpired, Name: "expired", DB: db, Key: key}, 0)
	})
}

// pair makes a command of two words in memory that is used again.
func (x *executor) pair(a, b []byte) [][]byte {
	x.two[0], x.two[1] = a, b
	return x.two[:]
}

// notify tells of an event in a command of client by, or in nobody's when that is 0:
// clients wait for keys, or watch them, or have copies of them, or listen to what
// happens (notify-keyspace-events).
func (s *Server) notify(e command.Event, by uint64) {
	if e.Class != command.EventMiss {
		s.blocked.touched(e.DB, e.Key)
		s.watches.touched(e.DB, e.Key)
		if s.caches.active {
			s.caches.touched(e.Key, by)
		}
	}
	if s.channels.events&e.Class != 0 {
		s.channels.publish(e)
	}
}
