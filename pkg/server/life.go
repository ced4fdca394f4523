package server

import (
	"io"
	"os"
	"os/signal"
	"sync/atomic"
	"syscall"

	"redisd/internal/clock"
	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/persist"
)

// life is the end of the daemon: who asked for it, and how.
type life struct {
	clock   clock.Clock
	asked   bool         // a shutdown is wanted; cron tries it
	opts    shutdownOpts // how
	signal  string       // "SIGTERM", or "" when a command asked
	waiting []*client    // SHUTDOWN was their command
	over    bool         // the loop is to end
	code    int          // exit code
	ending  atomic.Bool  // asked, also for the goroutine that waits for a second SIGINT
	busy    bool         // prepareShutdown is at work
	locks   []dirLock    // the directories of this run, held until the process ends
	dir     string       // the working directory
}

// dirLock is the lock on a directory, and the file that it is on.
type dirLock struct {
	held io.Closer
	file os.FileInfo
}

// shutdownOpts are SHUTDOWN's words.
type shutdownOpts struct{ save, noSave, now, force bool }

func newLife(c clock.Clock) *life { return &life{clock: c} }

// watchSignals forwards the signals that mean something to the loop. Each leaves
// one line in the log.
func (s *Server) watchSignals() {
	// A limit on the size of files (ulimit -f) is to be an error of the write.
	signal.Ignore(syscall.SIGXFSZ)
	event.Signals(s.loop, s.onSignal, syscall.SIGTERM, syscall.SIGHUP,
		syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGCHLD)
	s.watchInterrupts()
	s.watchCrashes()
}

// watchInterrupts forwards SIGINT, and ends the process at once when another one
// comes before the shutdown that the first one asked for is over: the loop may be
// busy with its last save, so a goroutine does it. It looks before it forwards: a
// SIGINT after a shutdown that failed is a first one again.
func (s *Server) watchInterrupts() {
	ch := make(chan os.Signal, 2)
	signal.Notify(ch, syscall.SIGINT)
	go func() {
		for sig := range ch {
			if s.life.ending.Swap(true) {
				s.log.Warnf("You insist... exiting now.")
				_ = s.opt.FS.Remove(persist.TempRDB(".", os.Getpid()))
				os.Exit(1)
			}
			s.loop.Post(func() { s.onSignal(sig) })
		}
	}()
}

func (s *Server) onSignal(sig os.Signal) {
	switch sig {
	case syscall.SIGTERM:
		s.signalShutdown("SIGTERM", s.cfg.Int(config.ShutdownOnSigTerm))
	case syscall.SIGINT:
		s.signalShutdown("SIGINT", s.cfg.Int(config.ShutdownOnSigInt))
	case syscall.SIGHUP:
		s.onHangup()
	case syscall.SIGUSR1:
		s.signalJob("SIGUSR1", "BGREWRITEAOF", s.background.askRewrite)
	case syscall.SIGUSR2:
		s.signalJob("SIGUSR2", "BGSAVE", s.background.askSave)
	case syscall.SIGCHLD:
		s.cronChildren()
	}
}

func (s *Server) signalShutdown(name string, bits int64) {
	s.log.Warnf("Received %s scheduling shutdown...", name)
	if s.load.active {
		// Nothing was promised yet, and nothing is to be saved: end at once.
		s.log.Warnf("Received shutdown signal during loading, exiting now.")
		s.exitNow(0)
		return
	}
	s.life.asked, s.life.signal = true, name
	s.life.ending.Store(true)
	s.life.opts = shutdownOpts{
		save: bits&config.ShutdownSave != 0, noSave: bits&config.ShutdownNoSave != 0,
		now: bits&config.ShutdownNow != 0, force: bits&config.ShutdownForce != 0,
	}
	// Carried out by cron, as in Redis: until then SHUTDOWN ABORT takes it back.
}

// exitNow ends the process without another step; for a second SIGINT and while
// loading.
func (s *Server) exitNow(code int) {
	s.life.over, s.life.code = true, code
	s.loop.Stop()
}

func (s *Server) signalJob(sig, what string, ask func() string) {
	if !s.cfg.Bool(config.SignalOperations) {
		s.log.Noticef("Received %s, ignored because signal-operations is no.", sig)
		return
	}
	if s.load.active {
		// A save of half of the data would replace the file that holds all of it.
		s.log.Warnf("Received %s, %s: not while the data is being loaded", sig, what)
		return
	}
	s.log.Noticef("Received %s, %s: %s", sig, what, ask())
}

// onHangup reopens the log file and takes over what changed in the configuration
// file among the settings that can change while the server runs.
func (s *Server) onHangup() {
	if s.opt.ReopenLog != nil {
		if err := s.opt.ReopenLog(); err != nil {
			s.log.Warnf("Received SIGHUP, reopening the log file: %s", err)
			return
		}
	}
	s.tls.reload()
	if s.opt.ConfigPath == "" {
		s.log.Noticef("Received SIGHUP, log file reopened.")
		return
	}
	if s.load.active {
		s.log.Warnf("Received SIGHUP, log file reopened, configuration unchanged: not while the data is being loaded")
		return
	}
	changed, err := s.cfg.Reload()
	if err != nil {
		s.log.Warnf("Received SIGHUP, log file reopened, configuration unchanged: %s", err)
		return
	}
	s.log.Noticef("Received SIGHUP, log file reopened, configuration read again: applied %v, waiting for a restart %v", changed.Applied, changed.Ignored)
}

func (s *Server) cronLogFile() {
	if s.opt.LogMoved == nil || !s.opt.LogMoved() {
		return
	}
	if err := s.opt.ReopenLog(); err != nil {
		s.log.Warnf("The log file was moved away, reopening it: %s", err)
		return
	}
	s.log.Noticef("The log file was moved away, logging to a new one.")
}

func (s *Server) cronWatchdog() { s.notifyManager("WATCHDOG=1") }

// cronShutdown carries a wanted shutdown out, or tells why it cannot be.
func (s *Server) cronShutdown() {
	if !s.life.asked || s.life.over || s.life.busy {
		return
	}
	s.life.busy = true
	defer func() { s.life.busy = false }()
	if err := s.prepareShutdown(); err != "" {
		s.life.asked = false
		s.life.ending.Store(false)
		if s.life.signal != "" {
			s.log.Warnf("%s received but errors trying to shut down the server, check the logs for more information", s.life.signal)
		}
		s.answerShutdown("ERR Errors trying to SHUTDOWN. Check logs.")
		return
	}
	s.life.over = true
	s.loop.Stop()
}

// answerShutdown replies to the clients that wait in SHUTDOWN, whose connection
// otherwise just ends.
func (s *Server) answerShutdown(text string) {
	for _, c := range s.life.waiting {
		if c.fd < 0 {
			continue
		}
		c.set(flagBlocked, false)
		s.replyTo(c, func() { s.exec.w.Error(text) })
		s.resume(c)
	}
	s.life.waiting = nil
}

// replyTo runs fn with the writer on c's reply buffer, outside of a command of c.
func (s *Server) replyTo(c *client, fn func()) {
	outer := s.exec.enter(c)
	fn()
	s.exec.leave(c, outer)
}

// prepareShutdown brings everything to the disk that the options ask for; the
// result is "" or what went wrong. Order as in Redis: children first, then the
// log, then the last save.
func (s *Server) prepareShutdown() string {
	o := s.life.opts
	s.log.Warnf("User requested shutdown...")
	s.notifyManager("STOPPING=1\nSTATUS=Shutting down\n")
	s.background.killSave("shutdown")
	if s.journal.waitsForRewrite() && s.background.rewriting() && !o.force {
		s.log.Warnf("Writing initial AOF, can't exit.")
		return "initial AOF"
	}
	s.background.killRewrite("There is a child rewriting the AOF. Killing it!", "shutdown")
	s.background.stopAndWait()
	if s.journal.on() {
		s.log.Noticef("Calling fsync() on the AOF file.")
		if err := s.journal.flushAndSync(); err != nil {
			s.log.Warnf("Fail to fsync the AOF file: %s.", err)
			if !o.force {
				return "AOF"
			}
		}
	}
	if (len(s.cfg.SavePoints()) > 0 || o.save) && !o.noSave {
		s.log.Noticef("Saving the final RDB snapshot before exiting.")
		if err := s.saveNow(); err != nil {
			if !o.force {
				s.log.Warnf("Error trying to save the DB, can't exit.")
				s.notifyManager("STATUS=Error trying to save the DB, can't exit.\n")
				return "RDB"
			}
			s.log.Warnf("Error trying to save the DB, exiting all the same (FORCE).")
		}
	}
	if s.opt.RemovePidfile != nil {
		s.log.Noticef("Removing the pid file.")
		s.opt.RemovePidfile()
	}
	s.closeListeners()
	s.log.Warnf("Redis is now ready to exit, bye bye...")
	return ""
}
