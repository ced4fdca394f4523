package server

import "redisd/pkg/config"

// beforeSleep runs before each poll: the log first, the replies after it.
func (s *Server) beforeSleep() {
	if s.exec.client != nil || s.load.active {
		// A nested turn: a long command or the loading lets other clients in. The
		// log belongs to the command that is not over yet.
		s.clients.flushQueued()
		s.clients.closeMarked()
		return
	}
	if s.expireActive {
		s.syncTime()
		s.expireSome(true)
	}
	s.logExpired()
	s.evict.idle()
	s.blocked.serve()
	s.blocked.resume()
	s.caches.beforeSleep()
	s.journal.flush(s.loop.NowMillis())
	s.blocked.checkLog()
	s.clients.releaseHeld()
	s.clients.flushQueued()
	s.evictClients()
	s.clients.closeMarked()
	if s.ks.LazyFree() {
		s.loop.Busy()
	}
}

// expireSome runs a slice of the active expiry, and has it go on in the next turn if it
// is not through.
func (s *Server) expireSome(fast bool) {
	before := s.ks.Stats.ExpireCycleUsec
	if s.ks.ActiveExpire(fast, int(s.cfg.Int(config.ActiveExpireEffort)), s.cron.hz, s.exec.watch.Micros) {
		s.loop.Busy()
	}
	if took := s.ks.Stats.ExpireCycleUsec - before; took > 0 {
		s.latency.add("expire-cycle", int64(took)*1000)
	}
}

// afterSleep samples what all commands of the turn share.
func (s *Server) afterSleep() {
	s.stats.nowSec = s.loop.NowMillis() / 1000
	s.syncTime()
}

// syncTime gives the keyspace the loop's time.
func (s *Server) syncTime() { s.ks.SetNow(s.loop.NowMillis()) }
