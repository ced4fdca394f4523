package server

import (
	"math"

	"redisd/pkg/command"
	"redisd/pkg/config"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/aof"
)

// eviction keeps the memory below maxmemory.
type eviction struct {
	srv     *Server
	keys    *keyspace.Evictor
	limit   uint64 // maxmemory, bytes; 0 for none
	never   bool   // noeviction
	lazy    bool   // lazyfree-lazy-eviction: the log says UNLINK
	budget  int64  // nanoseconds of one round
	started bool   // the server runs: changes of the limit are the operator's

	running bool   // a round ended before the limit was met; the turns go on with it
	full    bool   // the last round could not free enough
	clients uint64 // memory of the connections when cron last looked, while they are not accounted

	exceeded      int64 // nanoseconds by the stopwatch since the limit is exceeded, 0 when it is not
	exceededNanos int64 // of earlier times
}

func newEviction(s *Server) *eviction {
	return &eviction{srv: s, keys: s.ks.NewEvictor()}
}

// watchEviction carries the directives of eviction out, now and whenever they change.
func (s *Server) watchEviction() error {
	for _, t := range []setting{
		{s.applyMaxMemory, []config.ID{config.MaxMemory}},
		{s.applyEviction, []config.ID{config.MaxMemoryPolicy, config.MaxMemorySamples, config.MaxMemoryEvictionTenacity, config.LazyFreeLazyEviction}},
	} {
		if err := t.apply(); err != nil {
			return err
		}
		s.cfg.OnApply(t.apply, t.ids...)
	}
	s.evict.started = true
	return nil
}

// applyMaxMemory takes the limit over. What is above it goes between the turns from
// now on: a command that lowers the limit must not wait.
func (s *Server) applyMaxMemory() error {
	ev := s.evict
	ev.limit = uint64(s.cfg.Int(config.MaxMemory))
	s.ks.AskForTables(nil)
	ev.sharing()
	if ev.limit == 0 {
		ev.running, ev.full = false, false
		ev.note(false)
		return nil
	}
	s.ks.AskForTables(func(bytes uint64) bool { return ev.used()+bytes <= ev.limit })
	if used := ev.used(); ev.started && used > ev.limit {
		s.log.Warnf("WARNING: the new maxmemory value set via CONFIG SET (%d) is smaller than the current memory usage (%d). "+
			"This will result in key eviction and/or the inability to accept new write commands depending on the maxmemory-policy.",
			ev.limit, used)
		ev.running = true
		s.loop.Busy()
	}
	return nil
}

func (s *Server) applyEviction() error {
	ev := s.evict
	by, volatile := keyspace.EvictOldest, false
	ev.never = false
	switch s.cfg.Enum(config.MaxMemoryPolicy) {
	case config.VolatileLRU:
		volatile = true
	case config.VolatileLFU:
		by, volatile = keyspace.EvictRarest, true
	case config.VolatileRandom:
		by, volatile = keyspace.EvictAny, true
	case config.VolatileTTL:
		by, volatile = keyspace.EvictShortLived, true
	case config.AllKeysLFU:
		by = keyspace.EvictRarest
	case config.AllKeysRandom:
		by = keyspace.EvictAny
	case config.NoEviction:
		ev.never = true
	}
	ev.keys.SetPolicy(by, volatile, int(s.cfg.Int(config.MaxMemorySamples)))
	ev.sharing()
	ev.lazy = s.cfg.Bool(config.LazyFreeLazyEviction)
	ev.budget = evictionNanos(int(s.cfg.Int(config.MaxMemoryEvictionTenacity)))
	return nil
}

// sharing says whether OBJECT REFCOUNT shows small integers as shared: Redis does not
// share them where each key's accesses are kept for the eviction.
func (ev *eviction) sharing() {
	p := ev.srv.cfg.Enum(config.MaxMemoryPolicy)
	byAccess := p == config.AllKeysLRU || p == config.VolatileLRU || p == config.AllKeysLFU || p == config.VolatileLFU
	ev.srv.exec.ctx.OwnIntegers = ev.limit > 0 && byAccess
}

// evictionNanos is how long one round of eviction may take at a tenacity of 0 to
// 100, as in Redis: up to half a millisecond in even steps, then 15 % more with each
// step, until at 100 there is no bound.
func evictionNanos(tenacity int) int64 {
	const step = 50_000
	switch {
	case tenacity <= 10:
		return int64(tenacity) * step
	case tenacity < 100:
		return int64(10 * step * math.Pow(1.15, float64(tenacity-10)))
	default:
		return math.MaxInt64
	}
}

// gateMemory evicts what is above maxmemory before a command runs, and refuses one
// that may take more when that did not free enough. What is queued in a transaction
// takes memory too.
func gateMemory(s *Server, c *client, spec *command.Spec, argv [][]byte) string {
	ev := s.evict
	if ev.limit == 0 || c.has(flagReplay) || s.exec.asking || s.scripts.busy() != "" {
		return ""
	}
	ev.round()
	s.exec.flushPushes(c) // a copy of what is evicted is stale before the command runs
	if !ev.full || !c.demandsMemory(spec, s.declared(spec, argv)) {
		return ""
	}
	return errOutOfMemory
}

const errOutOfMemory = "OOM command not allowed when used memory > 'maxmemory'."

// demandsMemory tells whether a command with such flags may not run while memory is
// short.
func (c *client) demandsMemory(spec *command.Spec, flags command.Flags) bool {
	if flags&command.DenyOOM != 0 {
		return true
	}
	if c.tx == nil {
		return false
	}
	switch spec.Name {
	case "exec":
		return c.tx.flags&command.DenyOOM != 0
	case "discard", "multi", "watch", "unwatch", "quit", "reset":
		return false
	}
	return true
}

// memoryShort tells whether the memory was above maxmemory, and eviction could not
// help, when the command that runs now began. A script that may take more memory asks
// it, once, before its first write.
func (s *Server) memoryShort() bool { return s.evict.full }

// measure brings what connections take up to date, for who wants to know it exactly.
func (ev *eviction) measure() {
	if ev.srv.clients.lim.counted {
		ev.srv.accountAll()
	} else {
		ev.look()
	}
}

// look measures what changes too often to be counted as it changes. For cron.
func (ev *eviction) look() {
	ev.clients = 0
	if ev.srv.clients.lim.counted {
		return
	}
	for _, c := range ev.srv.clients.byFD {
		if c != nil {
			ev.clients += uint64(ev.srv.memoryOf(c).total - c.long.memory()) // that is the arena's
		}
	}
}

// used is what maxmemory is compared with: the data, and what the daemon keeps for
// its clients; without what waits for the log and the child, which eviction would
// only make more.
func (ev *eviction) used() uint64 {
	return ev.srv.arena.Used() + ev.srv.stats.startGo + ev.connections()
}

// connections is what the clients take, as of when it was looked at last.
func (ev *eviction) connections() uint64 {
	if l := &ev.srv.clients.lim; l.counted {
		return uint64(max(0, l.total-ev.srv.clients.longUsed)) // that is the arena's
	}
	return ev.clients
}

// over tells whether there is something to evict for. What a snapshot still needs of
// deleted data goes by itself.
func (ev *eviction) over() bool {
	used := ev.used()
	return used > ev.limit && used-min(used, ev.srv.ks.Leaving()) > ev.limit
}

// notCounted is what waits for the log's disk and for the child of a rewrite.
func (ev *eviction) notCounted() uint64 {
	n := uint64(0)
	if log := ev.srv.journal.log; log.State() != aof.Off {
		n = uint64(log.BufferMemory())
	}
	if r := ev.srv.background.rewrite; r != nil {
		n += uint64(r.BufferBytes())
	}
	return n
}

// idle goes on where a round ended early, before the loop sleeps.
func (ev *eviction) idle() {
	if ev.running && ev.limit > 0 {
		ev.srv.evictClients() // what clients took in this turn, and no longer do, is accounted
		ev.round()
		if ev.running {
			ev.srv.loop.Busy()
		}
	}
}

// round evicts until the limit is met, nothing is left that may go, or the time of a
// round is over; then it goes on in the next turn of the loop, and meanwhile commands
// run as if there were memory.
func (ev *eviction) round() {
	s := ev.srv
	ev.running, ev.full = false, false
	if !ev.over() {
		if ev.exceeded != 0 {
			ev.note(false)
		}
		return
	}
	if s.load.active || s.clients.pause.kind != pauseNone {
		return // the dataset must stand still
	}
	start := s.exec.watch.Nanos()
	for n := 1; ev.over(); n++ {
		freed := ev.freeWaiting()
		if !freed && !ev.evictOne() {
			ev.full = true
			break
		}
		// The time is looked at rarely, except for slices, which take longer.
		if (freed || n%16 == 0) && s.exec.watch.Nanos()-start > ev.budget {
			ev.running = ev.over()
			break
		}
	}
	if ev.running {
		s.loop.Busy()
	}
	s.latency.add("eviction-cycle", s.exec.watch.Nanos()-start)
	ev.note(ev.running || ev.full)
}

// freeWaiting frees a slice of what is deleted already, so that nothing is evicted for
// memory that comes back anyway; false when nothing waits.
func (ev *eviction) freeWaiting() bool {
	if !ev.srv.ks.LazyWaits() {
		return false
	}
	ev.srv.ks.LazyFree()
	return true
}

// evictOne evicts a key; false when none may go.
func (ev *eviction) evictOne() bool {
	if ev.never {
		return false
	}
	s := ev.srv
	timed := s.latency.threshold != never
	start := int64(0)
	if timed {
		start = s.exec.watch.Nanos()
	}
	db, key, ok := ev.keys.Evict()
	if !ok {
		return false
	}
	if timed {
		s.latency.add("eviction-del", s.exec.watch.Nanos()-start)
	}
	word := delWord
	if ev.lazy {
		word = unlinkWord
	}
	s.feedLog(db, s.exec.pair(word, key))
	s.notify(command.Event{Class: command.EventEvicted, Name: "evicted", DB: db, Key: key}, 0)
	return true
}

// note keeps how long the limit has been exceeded.
func (ev *eviction) note(exceeded bool) {
	switch now := ev.srv.exec.watch.Nanos(); {
	case exceeded && ev.exceeded == 0:
		ev.exceeded = now
	case !exceeded && ev.exceeded != 0:
		ev.exceededNanos += now - ev.exceeded
		ev.exceeded = 0
	}
}

// exceededMillis gives INFO's current_ and total_eviction_exceeded_time.
func (ev *eviction) exceededMillis() (current, total int64) {
	nanos := int64(0)
	if ev.exceeded != 0 {
		nanos = ev.srv.exec.watch.Nanos() - ev.exceeded
	}
	return nanos / 1e6, (ev.exceededNanos + nanos) / 1e6
}

// reset is CONFIG RESETSTAT.
func (ev *eviction) reset() { ev.exceeded, ev.exceededNanos = 0, 0 }
