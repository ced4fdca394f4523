package aof

import (
	"errors"
	"fmt"
	"io"
	"syscall"
)

// Level is the log level of an Event, in Redis's order.
type Level uint8

// The levels.
const (
	Debug Level = iota
	Verbose
	Notice
	Warning
)

// Event is a line for the server's log, in Redis's words.
type Event struct {
	Level Level
	Text  string // without a newline
	// Exit says that a promise can no longer be kept: log Text and end the process
	// with status 1 without sending another reply.
	Exit bool
}

// Names of the latency samples that Log produces.
const (
	LatencyWrite            = "aof-write"               // every write(2)
	LatencyWriteAlone       = "aof-write-alone"         // nothing else used the disk
	LatencyWritePendingSync = "aof-write-pending-fsync" // a sync was in flight
	LatencyWriteActiveChild = "aof-write-active-child"  // a child was writing
	LatencySyncAlways       = "aof-fsync-always"        // fdatasync under always
	LatencyStat             = "aof-fstat"               // fstat of a file switched to
)

// Strerror returns the words that strerror(3) has for the errno in err, and
// err's own text if there is none. Go's table differs in the first letter only.
func Strerror(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	if c := text[0]; c >= 'a' && c <= 'z' {
		return string(c-'a'+'A') + text[1:]
	}
	return text
}

func exitEvent(format string, args ...any) Event {
	return Event{Level: Warning, Text: fmt.Sprintf(format, args...), Exit: true}
}

func ignoreEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
