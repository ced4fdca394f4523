package aof

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"redisd/internal/failpoint"
	"redisd/internal/vfs"
)

// Log itself: what it holds, appending, and the questions that INFO and the
// gates ask. The way of a batch to the disk is in flush.go and live.go, errors
// are in failure.go, changes of the file in switch.go.

// State says whether commands are logged.
type State uint8

// The states.
const (
	// Off: no file.
	Off State = iota
	// On: commands go to the file.
	On
	// WaitRewrite: switched on at run time; nothing is logged until the first
	// rewrite has made a file to log to.
	WaitRewrite
)

// Policy is appendfsync.
type Policy uint8

// The policies. The point a reply waits for is written for No and Everysec and
// synced for Always.
const (
	No Policy = iota
	Everysec
	Always
)

const (
	// A batch above this is written in the background: copying it into the page
	// cache alone takes longer than the loop should stand still.
	directMax = 1 << 20
	// A direct write that took longer sends the writes of the next second through
	// the background.
	slowWriteMicros = 10_000
	slowMillis      = 1000
	// Buffers above this are given back after use.
	keepBuffer = 4 << 20

	syncEveryMillis  = 1000
	retryEveryMillis = 1000
	// A sync in flight for this long counts as delayed (aof_delayed_fsync).
	delayedMillis = 2000
	// One line about write errors in this time.
	errorLogMillis = 30_000
)

// Config is what a Log needs from its surroundings. Post is mandatory.
type Config struct {
	// Policy is appendfsync at the start.
	Policy Policy
	// NoSyncOnRewrite is no-appendfsync-on-rewrite.
	NoSyncOnRewrite bool
	// Checksums is aof-checksum: notes with checksums go between the commands.
	Checksums bool
	// Post makes fn run on the loop. It is called from background goroutines.
	Post func(fn func())
	// WriteQueue and SyncQueue run fn on another goroutine, in order, one at a
	// time, and each beside the other. Called on the loop. When nil the Log has
	// goroutines of its own until Close.
	WriteQueue, SyncQueue func(fn func())
	// Retire gets a file that is no longer used, for closing in the background.
	// Called on the loop. When nil the file is closed at once.
	Retire func(f vfs.File)
	// Event gets lines for the log. Called on the loop. May be nil.
	Event func(Event)
	// Latency gets samples in microseconds. Called on the loop. May be nil.
	Latency func(name string, micros int64)
	// Micros reads a clock; it is called from any goroutine. When nil no samples
	// are taken.
	Micros func() int64
	// Alarm has Flush called after so many microseconds: a batch under Always then
	// waits a moment for the writers whose replies have just left. Called on the
	// loop; a later call replaces an earlier one. When nil nothing waits.
	Alarm func(micros int64)
	// Seconds is the Unix time, for SetTimestamps; nil when that is not used. Called on
	// the loop.
	Seconds func() int64
	// Failpoints may be nil. Points: aof-write, aof-written, aof-synced under
	// Always, aof-sync in front of the syncs of Everysec.
	Failpoints *failpoint.Set
}

// Log is the live append-only file. See the package for what it guarantees.
type Log struct {
	cfg    Config
	state  State
	policy Policy
	live   *live   // the file while On, else nil
	old    []*live // files given up that are still in use in the background
	now    int64   // milliseconds, from the last Flush or Cron

	gather   gather
	sums     Sums  // of what is appended to buf
	sumsAt   int64 // when the open block of sums began, milliseconds
	selected int   // database of the last SELECT in the stream, -1 = none
	open     bool  // buf ends with commands of a batch that is not sealed
	buf      []byte
	spare    []byte // an empty buffer to swap with, or nil
	scratch  []byte // holds the encoding of a command that is not kept

	seq  uint64 // last sealed batch
	done uint64 // last batch that reached its point
	// written is the last batch that lies in the file whole, and synced the last one
	// that a sync covers, unless the file is new and no sync has covered it yet.
	written, synced uint64
	fresh           bool
	// syncThrough: batches up to it were appended under Always and need a sync,
	// whatever the policy is by now.
	syncThrough uint64

	held    bool // between Hold and Switch or Resume
	heldOff int  // buf[:heldOff] was appended before Hold
	heldSeq uint64
	parting func(error) // of Part, until what was appended before it is durable
	before  int64       // bytes in the parts before the live file

	stamps  bool  // a note of the time goes before the first command of each second
	stamped int64 // the last one, Unix seconds

	childActive bool
	lastSync    int64 // when the last everysec sync started
	slowUntil   int64 // no direct writes before
	delayed     int64 // aof_delayed_fsync
	delayMark   int64 // when delayed was last counted
	base        int64 // size after the last rewrite or at start

	writeErr     error // the last write failed; buf is kept
	failedAt     int64 // when
	lastErrorLog int64
	errorLogged  bool  // lastErrorLog is valid
	syncErr      error // a sync of this file failed; never cleared by a later one
	fatal        error // an Exit event was given

	writer, syncer *runner // own goroutines, nil when the queues are configured
}

// New returns a Log that is Off.
func New(cfg Config) *Log {
	l := &Log{cfg: cfg, policy: cfg.Policy, selected: -1, sums: Sums{on: cfg.Checksums}}
	if l.cfg.WriteQueue == nil {
		l.writer = newRunner()
		l.cfg.WriteQueue = l.writer.submit
	}
	if l.cfg.SyncQueue == nil {
		l.syncer = newRunner()
		l.cfg.SyncQueue = l.syncer.submit
	}
	return l
}

// EachWorker runs fn on each of the Log's own goroutines, behind what they have to do,
// and waits: for what holds for a goroutine or for its thread. Called on the loop.
func (l *Log) EachWorker(fn func()) {
	var running sync.WaitGroup
	for _, r := range []*runner{l.writer, l.syncer} {
		if r != nil {
			running.Add(1)
			r.submit(func() { defer running.Done(); fn() })
		}
	}
	running.Wait()
}

// Open opens or creates the file at path for a Log and returns its size. The
// name of a new file is durable when it returns.
func Open(fsys vfs.FS, path string) (f vfs.File, size int64, err error) {
	_, statErr := fsys.Stat(path)
	f, err = fsys.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err != nil {
		return nil, 0, fmt.Errorf("aof: %w", err)
	}
	size, err = f.Size()
	if err == nil && statErr != nil {
		err = fsys.SyncDir(filepath.Dir(path))
	}
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, 0, fmt.Errorf("aof: %s: %w", path, err)
	}
	return f, size, nil
}

// Start makes the Log On with f, opened with O_APPEND and size bytes long. A
// size below zero asks the file. The error state of an earlier file is gone.
func (l *Log) Start(f vfs.File, size int64) error {
	if l.state == On {
		panic("BUG: aof: Start of a log that is on")
	}
	size, err := l.sizeOf(f, size)
	if err != nil {
		return err
	}
	l.state = On
	l.adopt(f, size, 0)
	l.done, l.written, l.synced, l.fresh = l.seq, l.seq, l.seq, false
	return nil
}

// AwaitRewrite makes a Log that is Off wait for Switch.
func (l *Log) AwaitRewrite() {
	if l.state != Off {
		panic("BUG: aof: AwaitRewrite of a log that is not off")
	}
	l.state = WaitRewrite
	l.clearErrors()
}

// AppendCommand encodes argv, behind a SELECT if db is not the one selected, and
// appends it to the open batch when the Log Keeps it. It returns the bytes
// for others that need them (the difference of a rewrite); they are valid until
// the next call of the Log and must not be changed. A negative db means any.
func (l *Log) AppendCommand(db int, argv [][]byte) []byte {
	keep := l.Keeps()
	dst := l.buf
	if keep {
		dst = l.sums.Begin(dst)
		if l.sums.Open() == 0 {
			l.sumsAt = l.now
		}
	} else if dst = l.scratch[:0]; cap(dst) > keepBuffer {
		dst = nil
	}
	start := len(dst)
	if l.stamps {
		dst = l.appendStamp(dst)
	}
	if db != l.selected && db >= 0 {
		dst = AppendSelect(dst, db)
		l.selected = db
	}
	dst = AppendCommand(dst, argv)
	if keep {
		l.buf = dst
		l.open = true
		l.sums.Add(dst[start:])
		l.gather.pending++
	} else {
		l.scratch = dst
	}
	return dst[start:]
}

// ForceSelect makes the next command start with a SELECT.
func (l *Log) ForceSelect() { l.selected = -1 }

// Seq is the batch that a reply to the commands appended so far must wait for:
// the reply may leave when Done() >= Seq().
func (l *Log) Seq() uint64 {
	if l.open {
		return l.seq + 1
	}
	return l.seq
}

// Done is the last batch that, like all before it, reached the point of its
// policy. It moves in Flush, and in functions given to Post.
func (l *Log) Done() uint64 { return l.done }

// Synced tells whether a sync covers the batch seq, a result of Seq, and all before
// it, whatever the policy: a power failure does not take them. Without a file nothing
// is covered, nor in one that a rewrite made before a sync of that.
func (l *Log) Synced(seq uint64) bool { return l.state == On && !l.fresh && l.synced >= seq }

// State returns the state.
func (l *Log) State() State { return l.state }

// Policy returns appendfsync.
func (l *Log) Policy() Policy { return l.policy }

// ErrNotClean is why SetPolicy refuses Always: what the file lacks after an error
// cannot be promised.
var ErrNotClean = errors.New("aof: the append-only file has an error; rewrite it first")

// SetPolicy changes appendfsync. Batches appended before keep the point they were
// promised. It refuses Always while the file has an error.
func (l *Log) SetPolicy(p Policy) error {
	if p == Always && l.Err() != nil {
		return ErrNotClean
	}
	l.seal()
	l.policy = p
	return nil
}

// SetNoSyncOnRewrite changes no-appendfsync-on-rewrite.
func (l *Log) SetNoSyncOnRewrite(on bool) { l.cfg.NoSyncOnRewrite = on }

// SetChecksums changes aof-checksum: from now on blocks of the file are covered, or not.
func (l *Log) SetChecksums(on bool) {
	if on == l.sums.On() {
		return
	}
	l.endBlock(true)
	l.sums = Sums{on: on}
}

// endBlock puts the note behind a block that is long or old enough, or behind any when
// forced. It belongs to the open batch.
func (l *Log) endBlock(force bool) {
	if l.sums.Open() > 0 && (force || l.sums.Full() || passed(l.now, l.sumsAt, sumEveryMillis)) {
		l.buf = l.sums.End(l.buf)
		l.open = true
	}
}

// SetChildActive says whether a child process is writing.
func (l *Log) SetChildActive(active bool) { l.childActive = active }

// Err is nil or why the Log cannot write: while it is not nil write commands are
// to be refused, with Strerror(err) in the text. A failed write is retried; a
// failed sync stays until the log gets another file (NeedsRewrite).
func (l *Log) Err() error {
	switch {
	case l.fatal != nil:
		return l.fatal
	case l.writeErr != nil:
		return l.writeErr
	}
	return l.syncErr
}

// NeedsRewrite says that a sync failed and only another file helps.
func (l *Log) NeedsRewrite() bool { return l.syncErr != nil }

// Size is the number of bytes in the file, and in the parts before it.
func (l *Log) Size() int64 {
	if l.live == nil {
		return 0
	}
	return l.before + l.live.size
}

// Base is the size after the last rewrite, or at start.
func (l *Log) Base() int64 { return l.base }

// SetBase sets what Base returns, in bytes.
func (l *Log) SetBase(size int64) { l.base = size }

// Buffered is the number of bytes not in the file yet.
func (l *Log) Buffered() int64 {
	n := int64(len(l.buf))
	if l.live != nil && l.live.write.busy {
		n += int64(len(l.live.write.buf))
	}
	return n
}

// BufferMemory is the memory that the buffers take, in bytes.
func (l *Log) BufferMemory() int64 {
	n := cap(l.buf) + cap(l.spare) + cap(l.scratch)
	if l.live != nil && l.live.write.busy {
		n += cap(l.live.write.buf)
	}
	return int64(n)
}

// PendingSync is the number of syncs in flight.
func (l *Log) PendingSync() int {
	n := 0
	for _, lv := range l.old {
		n += lv.syncs()
	}
	if l.live != nil {
		n += l.live.syncs()
	}
	return n
}

// Syncing is how long the sync in flight takes by now, microseconds; that of the
// longest when there are several, 0 for none. A write that goes before it counts.
func (l *Log) Syncing() (micros int64) {
	now := l.micros()
	for _, lv := range l.old {
		micros = max(micros, lv.syncing(now))
	}
	if l.live != nil {
		micros = max(micros, l.live.syncing(now))
	}
	return micros
}

// Unsynced is the number of bytes in the file that no sync has covered.
func (l *Log) Unsynced() int64 {
	if l.live == nil {
		return 0
	}
	return l.live.size - l.live.synced
}

// DelayedSyncs counts the times a sync kept batches from being written by the
// loop for two seconds (aof_delayed_fsync).
func (l *Log) DelayedSyncs() int64 { return l.delayed }

// ResetStats zeroes DelayedSyncs.
func (l *Log) ResetStats() { l.delayed = 0 }

// seal closes the open batch under the policy of now.
func (l *Log) seal() {
	if !l.open {
		return
	}
	l.open = false
	l.seq++
	if l.policy == Always {
		l.syncThrough = l.seq
	}
}

func (l *Log) advance(seq uint64) { l.done = max(l.done, seq) }

func (l *Log) event(level Level, format string, args ...any) {
	if l.cfg.Event != nil {
		l.cfg.Event(Event{Level: level, Text: fmt.Sprintf(format, args...)})
	}
}

func (l *Log) sample(name string, micros int64) {
	if l.cfg.Latency != nil {
		l.cfg.Latency(name, micros)
	}
}

func (l *Log) micros() int64 {
	if l.cfg.Micros == nil {
		return 0
	}
	return l.cfg.Micros()
}

// passed says whether ms milliseconds went by since then. A clock set back counts
// as passed: better early than never.
func passed(now, since, ms int64) bool { return now < since || now-since >= ms }
