package server

import (
	"runtime/metrics"
	"time"

	"redisd/pkg/config"
)

// cron is the server's heartbeat: a table of tasks, each with its period.
type cron struct {
	hz     int
	loops  int64
	next   []int64 // milliseconds, by task
	paused bool    // DEBUG PAUSE-CRON
}

// task is one row of cron's table.
type task struct {
	name    string
	everyMs int64 // 0: every beat
	run     func(s *Server)
}

// tasks run in this order, which is Redis's where it matters: scheduled work
// starts before children are reaped, save points are looked at after it.
var tasks = [...]task{
	{"meters", 100, (*Server).cronMeters},
	{"shutdown", 0, (*Server).cronShutdown},
	{"clients", 1000, (*Server).cronClients},
	{"databases", 0, (*Server).cronDatabases},
	{"children", 0, (*Server).cronChildren},
	{"journal", 0, (*Server).cronJournal},
	{"log file", 1000, (*Server).cronLogFile},
	{"migrants", 1000, (*Server).cronMigrants},
	{"watchdog", 1000, (*Server).cronWatchdog},
}

// beat runs the tasks that are due and gives the time until the next beat.
func (s *Server) beat() int64 {
	s.watchdog.beat()
	if s.cron.paused {
		return int64(max(1, 1000/s.cron.hz))
	}
	s.syncTime()
	now := s.loop.NowMillis()
	if s.cron.next == nil {
		s.cron.next = make([]int64, len(tasks))
	}
	for i, t := range tasks {
		if s.cron.due(i, now, t.everyMs) {
			t.run(s)
		}
	}
	s.cron.loops++
	return int64(max(1, 1000/s.cron.hz))
}

// due tells whether task i runs now, and sets when it does next. A clock that was set
// back must not keep it from running: the service manager waits for a sign of life.
func (c *cron) due(i int, now, everyMs int64) bool {
	if left := c.next[i] - now; left > 0 && left <= everyMs {
		return false
	}
	c.next[i] = now + everyMs
	return true
}

func (s *Server) cronMeters() {
	now := s.loop.NowMillis()
	s.stats.ops.sample(s.stats.commands, now)
	s.stats.in.sample(s.stats.netIn, now)
	s.stats.out.sample(s.stats.netOut, now)
	s.evict.look()
	s.stats.peakMemory = max(s.stats.peakMemory, s.usedMemory())
}

func (s *Server) cronClients() {
	s.clients.sweepIdle(s.stats.nowSec, s.cfg.Int(config.Timeout))
	s.clients.shrinkIdle(s.stats.nowSec)
	s.clients.pool.trim()
	s.accountAll()
}

// cronSlice bounds what one beat spends on rehashing, as Redis does.
const cronSlice = time.Millisecond

func (s *Server) cronDatabases() {
	if s.load.active {
		return
	}
	if s.expireActive {
		s.expireSome(false)
		s.logExpired()
	}
	rehash := s.cfg.Bool(config.ActiveRehashing)
	for start := s.exec.watch.Nanos(); s.ks.RehashStep(rehash); {
		if s.exec.watch.Nanos()-start > int64(cronSlice) {
			break
		}
	}
}

func (s *Server) cronJournal() { s.journal.cron(s.loop.NowMillis()) }

// goHeap is the bytes of live Go objects, the runtime's own figure.
func goHeap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// usedMemory is what used_memory shows: what counts for maxmemory, and what does not.
func (s *Server) usedMemory() uint64 { return s.evict.used() + s.evict.notCounted() }
