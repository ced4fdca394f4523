package server

import (
	"fmt"

	"redisd/pkg/command"
)

// slowlog keeps the last commands that took long, as SLOWLOG shows them. The loop
// owns it.
type slowlog struct {
	threshold int64 // nanoseconds from which on a command is kept
	most      int   // entries to keep
	nextID    int64
	entries   []slowEntry // oldest first
}

// slowEntry is one command of the slow log.
type slowEntry struct {
	id     int64
	at     int64 // Unix seconds
	micros int64
	words  [][]byte
	peer   string
	name   string // of the client
}

// What an entry keeps of a command: so many words, so much of each.
const (
	slowWords = 32
	slowBytes = 128
)

// configure sets slowlog-log-slower-than, microseconds, negative for never, and
// slowlog-max-len.
func (l *slowlog) configure(slowerThan, most int64) {
	l.threshold = never
	if slowerThan >= 0 {
		l.threshold = slowerThan * 1000
	}
	l.most = int(most)
}

// add keeps a command of c that took nanos and ended at atSec. Nothing of argv is
// retained. Commands that must not be kept, and quick ones, are the caller's to
// leave out.
func (l *slowlog) add(c *client, argv [][]byte, nanos, atSec int64) {
	l.entries = append(l.entries, slowEntry{
		id: l.nextID, at: atSec, micros: nanos / 1000, words: keepWords(argv), peer: c.peerName(), name: c.name,
	})
	l.nextID++
	if n := len(l.entries) - l.most; n > 0 {
		clear(l.entries[:n])
		l.entries = l.entries[n:]
	}
}

func (l *slowlog) reset() { l.entries = nil }

// wants tells whether a call of spec belongs into the log.
func (l *slowlog) wants(spec *command.Spec, nanos int64) bool {
	return nanos >= l.threshold && spec.Flags&command.SkipSlowlog == 0
}

// keepWords copies the words of a command, shortened; the last one then tells how
// many are missing.
func keepWords(argv [][]byte) [][]byte {
	n := min(len(argv), slowWords)
	words := make([][]byte, n)
	for i := range words {
		switch a := argv[i]; {
		case i == n-1 && len(argv) > n:
			words[i] = fmt.Appendf(nil, "... (%d more arguments)", len(argv)-n+1)
		case len(a) > slowBytes:
			words[i] = fmt.Appendf(append([]byte(nil), a[:slowBytes]...), "... (%d more bytes)", len(a)-slowBytes)
		default:
			words[i] = append([]byte(nil), a...)
		}
	}
	return words
}

// redacted stands in the slow log and for MONITOR in the place of a word that is a secret.
var redacted = []byte("(redacted)")

// redact hides the i-th word of the running command from the slow log and from MONITOR.
// The command has read it before.
func redact(c *command.Ctx, i int) { c.Args[i] = redacted }
