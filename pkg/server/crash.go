package server

import (
	"errors"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"

	"redisd/pkg/config"
)

// ExitCrash is the exit code after a broken invariant (EX_SOFTWARE).
const ExitCrash = 70

// serve runs the loop. A panic ends the process: an invariant is broken, and what
// is in memory cannot be trusted any more. The report comes first.
func (s *Server) serve() (err error) {
	// A bad reference into the arena becomes a panic of this goroutine.
	debug.SetPanicOnFault(true)
	defer func() {
		r := recover()
		if r == nil {
			return
		}
		var fault interface{ Addr() uintptr }
		if e, ok := r.(error); ok && (errors.As(e, &fault) || isNilDeref(e)) {
			s.log.Warnf("Redis %s crashed by signal: %d, si_code: 1", RedisVersion, syscall.SIGSEGV)
		}
		s.log.Warnf("Guru Meditation: %v", r)
		s.crashReport(debug.Stack())
		os.Exit(ExitCrash)
	}()
	return s.loop.Run()
}

func isNilDeref(e error) bool {
	var re runtime.Error
	return errors.As(e, &re) && strings.Contains(re.Error(), "nil pointer")
}

// onCrashSignal reports and then lets the signal do what it does by default.
func (s *Server) onCrashSignal(sig syscall.Signal) {
	s.log.Warnf("Redis %s crashed by signal: %d, si_code: 0", RedisVersion, sig)
	buf := make([]byte, 1<<20)
	s.crashReport(buf[:runtime.Stack(buf, true)])
	signal.Reset(sig)
	if err := syscall.Kill(os.Getpid(), sig); err != nil {
		os.Exit(ExitCrash)
	}
}

// crashReport writes what helps to find the cause. The dataset is not looked at:
// it may be what is broken.
func (s *Server) crashReport(stack []byte) {
	if !s.cfg.Bool(config.CrashLogEnabled) {
		return
	}
	s.log.Warnf("=== REDIS BUG REPORT START: Cut & paste starting from here ===")
	s.log.Warnf("------ STACK TRACE ------\n%s", stack)
	if c := s.exec.client; c != nil {
		s.log.Warnf("------ CURRENT CLIENT INFO ------\n%s", s.describe(c))
		if spec := s.exec.ctx.Spec; spec != nil {
			s.log.Warnf("command: %s, %d arguments", spec.FullName, len(s.exec.ctx.Args))
		}
	}
	s.log.Warnf("=== REDIS BUG REPORT END. Please report the crash, with these lines. ===")
}
