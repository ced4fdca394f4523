package server

import (
	"redisd/pkg/command"
	"redisd/pkg/persist"
	"redisd/pkg/proc"
)

// childHistorySize is how many children are remembered.
const childHistorySize = 32

// childRecord is what is remembered of one child.
type childRecord struct {
	kind    string // "save" or "rewrite"
	pid     int    // 0 when it could not be started
	started int64  // Unix milliseconds
	begun   int64  // the same moment in milliseconds of the monotonic time
	ended   bool   // the rest below holds

	cutMicros      int64  // the loop was held up for the start and the cut
	snapshotMillis int64  // from the cut until all was in the pipe, -1 when that was not reached
	totalMillis    int64  // until the done handler was through
	keys           uint64 // written
	bytes          uint64 // size of the file, as the child told last
	pendingPeak    int64  // bytes of snapshot and difference that waited in the daemon, at most
	barriers       uint64 // entries sent because they were about to change
	barrierMicros  int64  // the longest of these
	sliceMicros    int64  // longest turn of the pump
	child          diskWork
	daemon         diskWork // of the handler, and of the increment at the cut
	handlerMicros  int64    // the done handler's time
	maxRSS         int64    // bytes, the most memory that the child had
	cpuMicros      int64    // processor time of the child
	exit           string   // "exit 0", "signal 9 SIGKILL"
	result         childResult
	reason         string // of a failure, or why it was stopped or given up
}

// diskWork is what making files durable took, microseconds.
type diskWork struct {
	syncs, syncMicros, renameMicros uint64
	manifestMicros                  uint64 // manifests, with their own syncs and renames
}

// step adds a step of a job in the daemon, by its name.
func (w *diskWork) step(name string, micros uint64) {
	switch name {
	case "sync", "syncdir":
		w.syncs++
		w.syncMicros += micros
	case "rename", "rename-incr":
		w.renameMicros += micros
	case "prepare", "commit", "manifest", "collect", stepRoll:
		w.manifestMicros += micros
	}
}

// stepRoll is the step in which the next increment is made.
const stepRoll = "roll"

// childResult is what became of a job.
type childResult uint8

const (
	childRuns childResult = iota
	childOK
	childStopped // on purpose: no failure
	childGivenUp // because of what it took of the daemon's memory
	childFailed
)

func (r childResult) String() string {
	return [...]string{"running", "ok", "stopped", "given up", "failed"}[r]
}

// childHistory is the last children, and counts of all. The loop owns it.
type childHistory struct {
	ring   [childHistorySize]childRecord
	begun  uint64 // all there were; the last one is ring[(begun-1)%size]
	counts [childFailed + 1]int64
	failed childRecord // the last one that failed; kind "" before the first
}

// begin enters a child and gives its record, which is good until the next begin.
func (h *childHistory) begin(kind string, nowMillis, mono int64) *childRecord {
	r := &h.ring[h.begun%childHistorySize]
	h.begun++
	*r = childRecord{kind: kind, started: nowMillis, begun: mono, snapshotMillis: -1}
	return r
}

// last is the record of the latest child; there must have been one.
func (h *childHistory) last() *childRecord {
	if h.begun == 0 {
		panic("BUG: no child in the history")
	}
	return &h.ring[(h.begun-1)%childHistorySize]
}

// end closes the latest record; mono is the monotonic time in milliseconds.
func (h *childHistory) end(result childResult, reason string, mono int64) {
	r := h.last()
	if r.ended {
		panic("BUG: a child ended twice")
	}
	r.ended, r.result, r.reason = true, result, reason
	r.totalMillis = mono - r.begun
	h.counts[result]++
	if result == childFailed {
		h.failed = *r
	}
}

// each calls f with every record that is kept, the latest first.
func (h *childHistory) each(f func(r *childRecord)) {
	for i := range min(h.begun, childHistorySize) {
		f(&h.ring[(h.begun-1-i)%childHistorySize])
	}
}

// len is the number of records that are kept.
func (h *childHistory) len() int { return int(min(h.begun, childHistorySize)) }

// observe takes over what the job knows, while it is there.
func (r *childRecord) observe(j *persist.Job, f *snapshotFigures) {
	p := j.Pulse()
	r.keys, r.bytes = j.Progress().Keys, j.Progress().Bytes
	r.pendingPeak = max(f.peak, j.Peak())
	r.barriers, r.barrierMicros, r.sliceMicros = f.Barriers, f.LongestBarrier/1000, f.longestSlice/1000
	r.child = diskWork{syncs: p.Syncs, syncMicros: p.SyncMicros, renameMicros: p.RenameMicros}
}

// exited takes over how the process ended.
func (r *childRecord) exited(e proc.Exit) {
	r.exit = e.String()
	r.maxRSS = e.Rusage.Maxrss * 1024
	r.cpuMicros = e.Rusage.Utime.Nano()/1000 + e.Rusage.Stime.Nano()/1000
}

// reply writes the record as a map.
func (r *childRecord) reply(c *command.Ctx) {
	type field struct {
		name  string
		value int64
	}
	numbers := [...]field{
		{"pid", int64(r.pid)}, {"start-time-ms", r.started}, {"cut-usec", r.cutMicros}, {"snapshot-ms", r.snapshotMillis},
		{"total-ms", r.totalMillis}, {"keys", int64(r.keys)}, {"bytes", int64(r.bytes)}, {"pending-peak", r.pendingPeak},
		{"barriers", int64(r.barriers)}, {"longest-barrier-usec", r.barrierMicros}, {"longest-slice-usec", r.sliceMicros},
		{"syncs", int64(r.child.syncs + r.daemon.syncs)}, {"sync-usec", int64(r.child.syncMicros + r.daemon.syncMicros)},
		{"rename-usec", int64(r.child.renameMicros + r.daemon.renameMicros)}, {"manifest-usec", int64(r.daemon.manifestMicros)},
		{"handler-usec", r.handlerMicros}, {"max-rss", r.maxRSS}, {"cpu-usec", r.cpuMicros},
	}
	c.Out.Map(len(numbers) + 4)
	text := func(name, value string) { c.Out.BulkString(name); c.Out.BulkString(value) }
	text("kind", r.kind)
	text("result", r.result.String())
	text("exit", r.exit)
	text("reason", r.reason)
	for _, f := range numbers {
		c.Out.BulkString(f.name)
		c.Out.Int(f.value)
	}
}

// debugChildren is DEBUG CHILDREN.
func (s *Server) debugChildren(c *command.Ctx) {
	h := &s.background.history
	s.background.observe()
	c.Out.Array(h.len())
	h.each(func(r *childRecord) { r.reply(c) })
}

// observe brings the record of the child in progress up to date.
func (b *background) observe() {
	if b.job == nil {
		return
	}
	b.figures()
	r := b.history.last()
	r.observe(b.job, &b.snapStat)
	r.totalMillis = b.srv.loop.MonoMillis() - r.begun
}

// infoChildren are the fields of INFO about children that were.
func (s *Server) infoChildren(w *infoWriter) {
	b := s.background
	h := &b.history
	idle := int64(0)
	if b.child != nil {
		idle = b.watch.idle
	}
	w.text("child_phase", b.phase().String())
	w.int("child_idle_ms", idle)
	w.text("child_fence", b.fenceText())
	w.uint("child_jobs", h.begun)
	w.int("child_jobs_failed", h.counts[childFailed])
	w.int("child_jobs_stopped", h.counts[childStopped])
	w.int("child_timeouts", b.jobs.timeouts)
	w.int("child_backoff_sec", b.jobs.backoff.rest.left(s.stats.nowSec))
	w.text("child_last_failure_kind", h.failed.kind)
	w.int("child_last_failure_time", h.failed.started/1000)
	w.text("child_last_failure_reason", h.failed.reason)
}
