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
		s.ks.ActiveExpire(true, int(s.cfg.Int(config.ActiveExpireEffort)), s.cron.hz, s.exec.watch.Micros)
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

// afterSleep samples what all commands of the turn share.
func (s *Server) afterSleep() {
	s.stats.nowSec = s.loop.NowMillis() / 1000
	s.syncTime()
}

// syncTime gives the keyspace the loop's time.
func (s *Server) syncTime() { s.ks.SetNow(s.loop.NowMillis()) }
