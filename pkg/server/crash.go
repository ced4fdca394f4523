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
	"redisd/pkg/proc"
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

// watchCrashes reports on signals that mean a crash when somebody sends them, and
// then lets them end the process. A goroutine of its own does it: systemd's watchdog
// sends SIGABRT just when the loop hangs. (Those that the processor raises are
// panics in Go.)
func (s *Server) watchCrashes() {
	ch := make(chan os.Signal, 1)
	signal.Notify(ch, syscall.SIGSEGV, syscall.SIGBUS, syscall.SIGFPE, syscall.SIGILL, syscall.SIGABRT)
	report := s.cfg.Bool(config.CrashLogEnabled)
	go func() {
		sig := (<-ch).(syscall.Signal)
		if report {
			s.log.Warnf("Redis %s crashed by signal: %d, si_code: 0", RedisVersion, sig)
			buf := make([]byte, 1<<20)
			s.reportStack(buf[:runtime.Stack(buf, true)])
		}
		proc.Die(sig)
	}()
}

// crashReport writes what helps to find the cause. The dataset is not looked at:
// it may be what is broken.
func (s *Server) crashReport(stack []byte) {
	if !s.cfg.Bool(config.CrashLogEnabled) {
		return
	}
	s.reportStack(stack)
	if c := s.exec.client; c != nil {
		s.log.Warnf("------ CURRENT CLIENT INFO ------\n%s", s.describe(c))
		if spec := s.exec.ctx.Spec; spec != nil {
			s.log.Warnf("command: %s, %d arguments", spec.FullName, len(s.exec.ctx.Args))
		}
	}
}

// reportStack is the part of a report that any goroutine may write.
func (s *Server) reportStack(stack []byte) {
	s.log.Warnf("=== REDIS BUG REPORT START: Cut & paste starting from here ===")
	s.log.Warnf("------ STACK TRACE ------\n%s", stack)
	s.log.Warnf("=== REDIS BUG REPORT END. Please report the crash, with these lines. ===")
}
