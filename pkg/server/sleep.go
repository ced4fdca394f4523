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
	if s.expireActive { // after the replies, which would wait for it
		s.syncTime()
		s.expireSome(true)
	}
}

// expireSome runs a slice of the active expiry, and has the loop turn for what it did and
// wake up for the next one.
func (s *Server) expireSome(fast bool) {
	before := s.ks.Stats.ExpireCycleUsec
	wait := s.ks.ActiveExpire(fast, int(s.cfg.Int(config.ActiveExpireEffort)), s.cron.hz, s.exec.watch.Micros)
	if took := s.ks.Stats.ExpireCycleUsec - before; took > 0 {
		s.latency.add("expire-cycle", int64(took)*1000)
		s.loop.Busy()
	}
	if wait >= 0 && s.expireTimer == 0 {
		s.expireTimer = s.loop.After(max(1, wait/1000), func() int64 { s.expireTimer = 0; return -1 })
	}
}

// afterSleep samples what all commands of the turn share.
func (s *Server) afterSleep() {
	s.stats.nowSec = s.loop.NowMillis() / 1000
	s.syncTime()
}

// syncTime gives the keyspace the loop's time.
func (s *Server) syncTime() { s.ks.SetNow(s.loop.NowMillis()) }
