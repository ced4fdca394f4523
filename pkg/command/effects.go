package command

import "redisd/internal/num"

// EventClass is a class of keyspace notifications, as notify-keyspace-events
// names them.
type EventClass uint16

// The classes.
const (
	EventGeneric EventClass = 1 << iota // g
	EventString                         // $
	EventList                           // l
	EventSet                            // s
	EventHash                           // h
	EventZSet                           // z
	EventExpired                        // x
	EventEvicted                        // e
	EventStream                         // t
	EventMiss                           // m
	EventModule                         // d
	EventNew                            // n
)

// EventNone is the class of a change that no notification tells of: for those who watch
// the key, or have a copy of it.
const EventNone EventClass = 0

// Event is one keyspace notification.
type Event struct {
	Class EventClass
	Name  string
	DB    int
	Key   []byte // good until the effects are applied
}

// Effects is what a command did, as data. The server applies it once: dirty
// counter, log, notifications, watched keys.
type Effects struct {
	Dirty int64 // changes, as rdb_changes_since_last_save counts them
	NoLog bool  // changed nothing that the log must repeat
	Force bool  // logged although Dirty is zero

	Warning string // a line for the server's log, "" for none

	events []Event
	whole  []int    // databases of which any key may have changed
	words  [][]byte // the replacement commands, one after another
	ends   []int    // where each ends in words
	text   []byte   // numbers that Int wrote
	wait   Wait     // what the command waits for, if waits is set
	waits  bool
	db     int
}

// keepEffects is how many events or words a buffer may have room for to be used
// again: a DEL of a million keys must not leave its lists behind.
const keepEffects = 4096

// Reset empties the effects for the next command in database db. Buffers stay,
// unless they are huge.
func (f *Effects) Reset(db int) {
	if cap(f.events)+cap(f.words)+cap(f.text)/64 > keepEffects {
		f.Release()
	}
	f.Dirty, f.NoLog, f.Force, f.waits, f.db = 0, false, false, false, db
	f.Warning = ""
	f.whole = f.whole[:0]
	f.events, f.words, f.ends, f.text = f.events[:0], f.words[:0], f.ends[:0], f.text[:0]
}

// Release forgets what was recorded, together with the lists, whose unused ends still
// point to the words of earlier commands.
func (f *Effects) Release() { f.events, f.words, f.ends, f.text = nil, nil, nil, nil }

// Notify records a keyspace event for key in the command's database.
func (f *Effects) Notify(class EventClass, name string, key []byte) {
	f.NotifyIn(f.db, class, name, key)
}

// NotifyIn records a keyspace event for key in database db.
func (f *Effects) NotifyIn(db int, class EventClass, name string, key []byte) {
	f.events = append(f.events, Event{class, name, db, key})
}

// TouchAll records that any key of database db may be another one now: it was
// flushed, or exchanged. No notification tells of it.
func (f *Effects) TouchAll(db int) { f.whole = append(f.whole, db) }

// TouchedAll gives the databases that TouchAll named.
func (f *Effects) TouchedAll() []int { return f.whole }

// Replace gives a command to log instead of the one the client sent: what
// happened, where what was asked depends on time or chance. Several calls log
// several commands. The words must be good until the effects are applied.
func (f *Effects) Replace(words ...[]byte) {
	f.words = append(f.words, words...)
	f.ends = append(f.ends, len(f.words))
}

// Int writes n as a word for Replace.
func (f *Effects) Int(n int64) []byte {
	start := len(f.text)
	f.text = num.AppendInt(f.text, n)
	return f.text[start:len(f.text):len(f.text)]
}

// Copy keeps a copy of b until the effects are applied, for keys that the
// command itself frees.
func (f *Effects) Copy(b []byte) []byte {
	start := len(f.text)
	f.text = append(f.text, b...)
	return f.text[start:len(f.text):len(f.text)]
}

// Events gives the keyspace events in order.
func (f *Effects) Events() []Event { return f.events }

// Replacements is the number of commands that Replace recorded.
func (f *Effects) Replacements() int { return len(f.ends) }

// Replacement gives the i-th command that Replace recorded.
func (f *Effects) Replacement(i int) [][]byte {
	start := 0
	if i > 0 {
		start = f.ends[i-1]
	}
	return f.words[start:f.ends[i]]
}
