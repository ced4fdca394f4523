package main

import (
	"fmt"
	"io"
	"log/syslog"
	"os"
	"runtime/debug"
	"strings"
	"sync"

	"github.com/sirupsen/logrus"

	"redisd/pkg/config"
	"redisd/pkg/server"
)

// logs is where the log goes: standard output, a file, and syslog when wanted.
// The writer may be used from any goroutine; the rest belongs to the loop.
type logs struct {
	cfg        *config.Config
	background bool // standard output leads nowhere
	logger     *logrus.Logger
	out        *logWriter
}

// logWriter is the file behind the logger, exchanged under a lock.
type logWriter struct {
	mu   sync.Mutex
	file *os.File // nil: nowhere
	path string   // "" for standard output
	sys  *syslog.Writer
}

// Write implements io.Writer. An error is dropped: there is no better place for
// it, and a full disk must not stop the daemon.
func (w *logWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.file != nil {
		_, _ = w.file.Write(p)
	}
	if w.sys != nil {
		_, _ = io.WriteString(w.sys, strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

// newLogs opens the log that the configuration names.
func newLogs(cfg *config.Config, background bool) (*logs, error) {
	l := &logs{cfg: cfg, background: background, logger: logrus.New(), out: &logWriter{}}
	l.logger.SetOutput(l.out)
	l.logger.ExitFunc = func(int) {}
	return l, l.apply()
}

// apply carries loglevel, logfile, log-format and syslog-* out; when the file
// cannot be opened everything stays as it was.
func (l *logs) apply() error {
	if err := l.open(l.cfg.String(config.LogFile)); err != nil {
		return err
	}
	if err := l.openSyslog(); err != nil {
		return err
	}
	levels := map[int]logrus.Level{
		config.LogDebug: logrus.TraceLevel, config.LogVerbose: logrus.DebugLevel,
		config.LogNotice: logrus.InfoLevel, config.LogWarning: logrus.WarnLevel, config.LogNothing: logrus.PanicLevel,
	}
	l.logger.SetLevel(levels[l.cfg.Enum(config.LogLevel)])
	pid := os.Getpid()
	switch l.cfg.Enum(config.LogFormat) {
	case config.FormatJSON:
		l.logger.SetFormatter(&logrus.JSONFormatter{})
	case config.FormatLogfmt:
		l.logger.SetFormatter(&server.LogfmtFormatter{PID: pid, Role: 'M'})
	default:
		l.logger.SetFormatter(&server.Formatter{PID: pid, Role: 'M'})
	}
	return nil
}

func (l *logs) open(path string) error {
	f := os.Stdout
	switch {
	case path != "":
		var err error
		if f, err = os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644); err != nil {
			return fmt.Errorf("Can't open the log file: %w", err)
		}
	case l.background:
		f = nil
	}
	l.out.mu.Lock()
	old, oldPath := l.out.file, l.out.path
	l.out.file, l.out.path = f, path
	l.out.mu.Unlock()
	if old != nil && oldPath != "" {
		_ = old.Close()
	}
	return l.traceFatal()
}

// traceFatal has the runtime write the trace of a fatal error, one that no report of
// ours can tell of, to the log file too: in the background there is no standard error.
func (l *logs) traceFatal() error {
	f := l.out.file
	if l.out.path == "" || !l.cfg.Bool(config.CrashLogEnabled) {
		f = nil
	}
	return debug.SetCrashOutput(f, debug.CrashOptions{})
}

func (l *logs) openSyslog() error {
	l.out.mu.Lock()
	defer l.out.mu.Unlock()
	if l.out.sys != nil {
		_ = l.out.sys.Close()
		l.out.sys = nil
	}
	if !l.cfg.Bool(config.SyslogEnabled) {
		return nil
	}
	w, err := syslog.New(facility(l.cfg.Word(config.SyslogFacility))|syslog.LOG_NOTICE, l.cfg.String(config.SyslogIdent))
	if err != nil {
		return fmt.Errorf("Can't reach syslog: %w", err)
	}
	l.out.sys = w
	return nil
}

// facility gives the number of user or local0 to local7.
func facility(word string) syslog.Priority {
	word = strings.ToLower(word)
	if n, ok := strings.CutPrefix(word, "local"); ok && len(n) == 1 && n[0] >= '0' && n[0] <= '7' {
		return syslog.LOG_LOCAL0 + syslog.Priority(n[0]-'0')<<3
	}
	return syslog.LOG_USER
}

// reopen opens the log file again under its name, for logrotate.
func (l *logs) reopen() error { return l.open(l.cfg.String(config.LogFile)) }

// moved tells whether the log file is no longer the one under its name.
func (l *logs) moved() bool {
	if l.out.path == "" {
		return false
	}
	have, err := l.out.file.Stat()
	if err != nil {
		return true
	}
	named, err := os.Stat(l.out.path)
	return err != nil || !os.SameFile(have, named)
}

// elsewhere tells whether somebody at the terminal does not see the log.
func (l *logs) elsewhere() bool { return l.out.path != "" || l.out.file == nil }
