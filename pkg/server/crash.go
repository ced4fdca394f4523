package server

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"redisd/pkg/config"
	"redisd/pkg/proc"
)

// ExitCrash is the exit code after a broken invariant (EX_SOFTWARE).
const ExitCrash = 70

// crash is what the end by a fault needs to know, also outside of the loop.
type crash struct {
	report atomic.Bool // crash-log-enabled
}

func (s *Server) applyCrashLog() error {
	s.crash.report.Store(s.cfg.Bool(config.CrashLogEnabled))
	return nil
}

// crashed is deferred by the loop's goroutine. A panic ends the process: an invariant is
// broken, and what is in memory cannot be trusted any more. The report comes first.
func (s *Server) crashed() {
	r := recover()
	if r == nil {
		return
	}
	stack := debug.Stack()
	what := fmt.Sprintf("Guru Meditation: %v", r)
	var fault interface{ Addr() uintptr }
	if e, ok := r.(error); ok && (errors.As(e, &fault) || isNilDeref(e)) {
		what = fmt.Sprintf("Redis %s crashed by signal: %d, si_code: 1\n%s", RedisVersion, syscall.SIGSEGV, what)
	}
	if s.crash.report.Load() {
		s.reportCrash(what, stack, s.tellState())
	} else {
		s.log.Warnf("%s", what)
	}
	os.Exit(ExitCrash)
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
	go func() {
		sig := (<-ch).(syscall.Signal)
		if s.crash.report.Load() {
			stacks := allStacks()
			s.reportCrash(fmt.Sprintf("Redis %s crashed by signal: %d, si_code: 0", RedisVersion, sig), stacks, s.askState())
		}
		proc.Die(sig)
	}()
}

// allStacks are those of all goroutines, as far as a report has room for them.
func allStacks() []byte {
	buf := make([]byte, 1<<20)
	return buf[:runtime.Stack(buf, true)]
}

// answerTime is how long the loop may take to tell of itself in a report.
const answerTime = time.Second

// askState has the loop tell the state, from another goroutine.
func (s *Server) askState() []reportPart {
	ch := make(chan []reportPart, 1)
	s.loop.Post(func() { ch <- s.tellState() })
	select {
	case parts := <-ch:
		return parts
	case <-time.After(answerTime):
		return []reportPart{{"", "The loop does not answer: neither INFO nor the clients can be told."}}
	}
}

// reportPart is one part of a crash report.
type reportPart struct{ title, text string }

// reportCrash writes a report to the log. Any goroutine may call it.
func (s *Server) reportCrash(what string, stack []byte, state []reportPart) {
	s.log.Warnf("=== REDIS BUG REPORT START: Cut & paste starting from here ===")
	s.log.Warnf("%s", what)
	for _, p := range append([]reportPart{{"STACK TRACE", string(stack)}}, state...) {
		if p.title == "" {
			s.log.Warnf("%s", p.text)
			continue
		}
		s.log.Warnf("------ %s ------\n%s", p.title, p.text)
	}
	s.log.Warnf("=== REDIS BUG REPORT END. Please report the crash, with these lines. ===")
}

// tellState renders what helps to find the cause. The values of the dataset are not
// looked at: they may be what is broken. So may be what the parts look at, and one that
// fails does not take the others along.
func (s *Server) tellState() []reportPart {
	var parts []reportPart
	for _, p := range [...]struct {
		title string
		tell  func() string
	}{
		{"INFO OUTPUT", func() string { return s.info([]string{"all"}) }},
		{"CLIENT LIST OUTPUT", s.tellClients},
		{"CURRENT CLIENT INFO", s.tellCurrent},
		{"CONFIG DEBUG OUTPUT", s.tellConfig},
	} {
		if text := guarded(p.tell); text != "" {
			parts = append(parts, reportPart{p.title, text})
		}
	}
	return parts
}

func guarded(tell func() string) (text string) {
	defer func() {
		if r := recover(); r != nil {
			text = fmt.Sprintf("cannot be told: %v", r)
		}
	}()
	return tell()
}

func (s *Server) tellClients() string {
	var text []byte
	for _, c := range s.clients.byFD {
		if c != nil {
			text = append(s.appendClientInfo(text, c), '\n')
		}
	}
	return string(text)
}

// tellCurrent is the client whose command runs and the command's words, cut as those
// of the slow log are; "" between commands.
func (s *Server) tellCurrent() string {
	c := s.exec.client
	if c == nil {
		return ""
	}
	text := []byte(s.describe(c) + "\n")
	spec := s.exec.ctx.Spec
	if spec == nil || slices.Contains(passwordCommands[:], spec.FullName) {
		return string(text)
	}
	for i, w := range keepWords(s.exec.ctx.Args) {
		text = fmt.Appendf(text, "argv[%d]: %q\n", i, w)
	}
	return string(text)
}

// passwordCommands may have a password among their words, which only their handlers know.
var passwordCommands = [...]string{"auth", "hello", "acl|setuser", "config|set", "migrate"}

// tellConfig is the directives that are set to something else than their default,
// without passwords.
func (s *Server) tellConfig() string {
	var text []byte
	for _, d := range s.cfg.Changed() {
		if !d.Is(config.Sensitive) {
			text = fmt.Appendf(text, "%s %s\n", d.Name, s.cfg.Value(d.ID))
		}
	}
	return string(text)
}
