package server

import (
	"fmt"
	"strings"
	"time"

	"github.com/sirupsen/logrus"

	"redisd/internal/clock"
)

// Log writes lines on Redis's four levels. The zero value is not ready; NewLog
// makes one. Any goroutine may write, the loop is the one that usually does.
type Log struct {
	out logrus.FieldLogger
}

// NewLog wraps a logger that was configured by cmd. Redis's debug, verbose,
// notice and warning are logrus's trace, debug, info and warn.
func NewLog(out logrus.FieldLogger) Log { return Log{out} }

// Tracef writes on Redis's level debug.
func (l Log) Tracef(format string, a ...any) { l.at(logrus.TraceLevel, format, a) }

// Verbosef writes on Redis's level verbose.
func (l Log) Verbosef(format string, a ...any) { l.at(logrus.DebugLevel, format, a) }

// Noticef writes on Redis's level notice.
func (l Log) Noticef(format string, a ...any) { l.at(logrus.InfoLevel, format, a) }

// Warnf writes on Redis's level warning.
func (l Log) Warnf(format string, a ...any) { l.at(logrus.WarnLevel, format, a) }

func (l Log) at(level logrus.Level, format string, a []any) {
	type leveled interface{ IsLevelEnabled(logrus.Level) bool }
	if e, ok := l.out.(leveled); ok && !e.IsLevelEnabled(level) {
		return
	}
	text := fmt.Sprintf(format, a...)
	switch level {
	case logrus.TraceLevel:
		if t, ok := l.out.(interface{ Trace(...any) }); ok {
			t.Trace(text)
		}
	case logrus.DebugLevel:
		l.out.Debug(text)
	case logrus.InfoLevel:
		l.out.Info(text)
	default:
		l.out.Warn(text)
	}
}

// limiter lets a repeating line through once in a while.
type limiter struct {
	clock  clock.Clock
	every  time.Duration
	last   time.Time
	missed int
}

// allow tells whether the line may be written now, and how many were dropped
// since the last one.
func (l *limiter) allow() (dropped int, ok bool) {
	now := l.clock.Now()
	if !l.last.IsZero() && now.Sub(l.last) < l.every {
		l.missed++
		return 0, false
	}
	dropped, l.missed, l.last = l.missed, 0, now
	return dropped, true
}

// Formatter prints Redis's log line: "pid:role date time level message". Role is
// M for a server, C for a child. Safe for concurrent use, as logrus wants.
type Formatter struct {
	PID  int
	Role byte
}

// levelMarks are Redis's characters for debug, verbose, notice and warning.
const levelMarks = ".-*#"

// Format implements logrus.Formatter.
func (f *Formatter) Format(e *logrus.Entry) ([]byte, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "%d:%c %s %c %s\n", f.PID, f.Role, e.Time.Format("02 Jan 2006 15:04:05.000"),
		levelMark(e.Level), strings.TrimRight(e.Message, "\n"))
	return []byte(b.String()), nil
}

func levelMark(l logrus.Level) byte {
	switch l {
	case logrus.TraceLevel:
		return levelMarks[0]
	case logrus.DebugLevel:
		return levelMarks[1]
	case logrus.InfoLevel:
		return levelMarks[2]
	default:
		return levelMarks[3]
	}
}

// LogfmtFormatter prints one line of key=value pairs a message.
type LogfmtFormatter struct {
	PID  int
	Role byte
}

// Format implements logrus.Formatter.
func (f *LogfmtFormatter) Format(e *logrus.Entry) ([]byte, error) {
	names := map[byte]string{'.': "debug", '-': "verbose", '*': "notice", '#': "warning"}
	return fmt.Appendf(nil, "pid=%d role=%c timestamp=%q level=%s message=%q\n", f.PID, f.Role,
		e.Time.Format(time.RFC3339Nano), names[levelMark(e.Level)], e.Message), nil
}
