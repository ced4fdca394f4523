package persist

import (
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// Job is the parent's side of one child: what goes into its pipe and what came
// out of the other. It is a keyspace.PartSink. A SaveJob or a RewriteJob holds one.
type Job struct {
	opts     Options
	pid      int
	out      outbox
	in       controlReader
	db       int    // database of the record stream, -1 before the first
	sum      summer // what was sent, with its tally
	complete bool   // the snapshot's end is in the pipe
	progress Progress
	report   *Report
	pulse    Pulse
	fence    string
	head     []byte // start of a record that does not fit in a block
	view     entryView
	scratch  []byte // heads of frames
	values   valueSender
	large    map[uint64]largeSum // values that go in parts, by their number
}

func newJob(opts Options) Job {
	j := Job{opts: opts, out: newOutbox(), db: -1}
	j.sum.tally = &tally{}
	j.sum.tally.at(len(opts.Databases))
	j.out.frame(frameHeader, opts.append(nil))
	return j
}

// Role says what the child writes.
func (j *Job) Role() Role { return j.opts.Role }

// Dir is the folder of the files: that of the job, even when CONFIG SET dir has
// chosen another since.
func (j *Job) Dir() string { return j.opts.Dir }

// SetPid tells the child's process id, which is part of the names of its files.
func (j *Job) SetPid(pid int) { j.pid = pid }

// Pid is the child's process id, 0 before SetPid.
func (j *Job) Pid() int { return j.pid }

// Entry encodes an entry of the snapshot, for keyspace.Cut.
func (j *Job) Entry(db int, e keyspace.Entry) {
	rec := j.view.of(db, e, j.opts.Attribute)
	if rec.Type == rdb.TypeString {
		j.Record(db, rec)
		return
	}
	j.value(db, rec, e)
}

// recordHead bounds what surrounds the strings of a record: SELECTDB, expiry,
// idle, frequency, type and two lengths.
const recordHead = 10 + 9 + 10 + 2 + 1 + 9 + 9

// Record encodes one key of the snapshot whose value is a string. Nothing of rec is
// kept.
func (j *Job) Record(db int, rec *rdb.Record) {
	if j.complete {
		panic("BUG: persist: an entry after the snapshot's end")
	}
	if j.opts.Verify {
		j.sum.record(db, rec)
	} else {
		j.sum.tally.key(db)
	}
	n := recordHead + len(rec.Key) + len(rec.Str)
	if n > blockSize-frameHead {
		j.bigRecord(db, rec)
		return
	}
	b := j.out.begin(frameEntries, n)
	if db != j.db {
		b = rdb.AppendSelectDB(b, db)
		j.db = db
	}
	j.out.q.grow(rdb.AppendRawRecord(b, rec))
}

// bigRecord sends a record in pieces without putting it together first: the
// value may have half a gigabyte.
func (j *Job) bigRecord(db int, rec *rdb.Record) {
	h := j.head[:0]
	if db != j.db {
		h = rdb.AppendSelectDB(h, db)
		j.db = db
	}
	h = rdb.AppendRawHead(h, rec)
	j.out.stream(frameEntries, h)
	h = rdb.AppendLen(h[:0], uint64(len(rec.Str)))
	j.out.stream(frameEntries, h)
	j.out.stream(frameEntries, rec.Str)
	j.head = h
}

// SnapshotDone puts the end of the snapshot into the pipe: the keyspace has
// given every entry.
func (j *Job) SnapshotDone() {
	if j.complete {
		panic("BUG: persist: the snapshot ended twice")
	}
	j.complete = true
	j.out.frame(frameSnapshotEnd, j.sum.tally.appendEnd(nil))
	j.head, j.scratch, j.values, j.large = nil, nil, valueSender{}, nil
}

// Pending is the number of bytes that the pipe has not taken.
func (j *Job) Pending() int64 { return j.out.q.size }

// Peak is the largest Pending so far.
func (j *Job) Peak() int64 { return j.out.q.peak }

// Memory is the bytes that the job holds: what waits for the pipe, in whole blocks.
func (j *Job) Memory() int64 { return j.out.q.memory() }

// NextChunk returns bytes for the pipe, nil when there are none. They stay
// valid until Consumed; entries and differences may be added before it.
func (j *Job) NextChunk() []byte {
	b := j.out.next()
	if len(b) == 0 {
		return nil
	}
	return b
}

// Consumed says that the pipe took the first n bytes of the last NextChunk.
func (j *Job) Consumed(n int) { j.out.q.drop(n) }

// Progress is the last progress that the child told.
func (j *Job) Progress() Progress { return j.progress }

// Report is what the child said at its end, nil if nothing.
func (j *Job) Report() *Report { return j.report }

// Pulse is the child's last sign of life.
func (j *Job) Pulse() Pulse { return j.pulse }

// Fence is what the child told of its limits, "" before it did.
func (j *Job) Fence() string { return j.fence }

// Discard drops what is waiting for the pipe: the child is gone or will be
// killed. The snapshot itself is the keyspace's to abort.
func (j *Job) Discard() { j.out.clear() }

// SaveJob is a save in a child: BGSAVE, a save point, a full synchronization.
type SaveJob struct{ Job }

// NewSaveJob makes a job that has the header in its pipe.
func NewSaveJob(opts Options) *SaveJob {
	opts.Role = RoleRDB
	return &SaveJob{Job: newJob(opts)}
}

// Control takes bytes that came from the child and returns what they say. An
// error means that the child does not speak our language; kill it.
func (j *SaveJob) Control(p []byte) ([]Event, error) {
	return j.control(p)
}

// RewriteJob is a rewrite of the append-only file in a child. Its rewrite buffer
// is the queue for the pipe until the child asks for the end of the difference,
// and the residual from then on.
type RewriteJob struct {
	Job
	wantDiff  bool
	stopped   bool // the stop frame is in the pipe
	frozen    bool // the done handler has taken the last of the residual
	residual  blocks
	diffBytes uint64 // all that was fed
}

// NewRewriteJob makes a job that has the header in its pipe. wantDiff is false
// for a one-shot rewrite with the append-only file off: then Feed does nothing.
func NewRewriteJob(opts Options, wantDiff bool) *RewriteJob {
	opts.Role = RoleAOF
	return &RewriteJob{Job: newJob(opts), wantDiff: wantDiff}
}

// Feed takes the bytes of commands that were executed after the cut, as they go
// to the append-only file: whole commands, a transaction whole. The first of them
// must select its database.
func (j *RewriteJob) Feed(p []byte) {
	if !j.wantDiff || j.frozen {
		return
	}
	j.diffBytes += uint64(len(p))
	if j.stopped {
		j.residual.write(p)
		return
	}
	j.out.stream(frameDiff, p)
}

// Control takes bytes that came from the child and returns what they say. A
// request to stop the difference is answered at once: what was fed so far is in
// the pipe before the answer, what follows is the residual.
func (j *RewriteJob) Control(p []byte) ([]Event, error) {
	events, err := j.control(p)
	for _, e := range events {
		if e.Kind == EventStopRequest && !j.stopped {
			j.stopped = true
			j.out.frame(frameStopDiff, nil)
		}
	}
	return events, err
}

// Stopped says whether the child has asked for the end of the difference.
func (j *RewriteJob) Stopped() bool { return j.stopped }

// ResidualBytes is the size of the difference that the child will not get.
func (j *RewriteJob) ResidualBytes() int64 { return j.residual.size }

// BufferBytes is the memory that the difference takes in the parent
// (aof_rewrite_buffer_length), snapshot bytes that wait for the pipe included.
func (j *RewriteJob) BufferBytes() int64 { return j.residual.size + j.out.q.size }

// Memory is the bytes that the job holds: what waits for the pipe, and the residual.
func (j *RewriteJob) Memory() int64 { return j.Job.Memory() + j.residual.memory() }

// DiffBytes is the number of bytes fed since the cut.
func (j *RewriteJob) DiffBytes() uint64 { return j.diffBytes }

// Discard drops what is waiting for the pipe and the residual.
func (j *RewriteJob) Discard() {
	j.Job.Discard()
	j.residual.clear()
}
