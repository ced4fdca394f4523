package server

import (
	"fmt"
	"path/filepath"

	"golang.org/x/sys/unix"

	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist"
	"redisd/pkg/proc"
)

// Roles of the child processes, as cmd dispatches them.
const (
	RoleSave    = "redis-rdb-bgsave"
	RoleRewrite = "redis-aof-rewrite"
)

// background is the one background job: the snapshot, the child that writes it,
// and the two pipes between them and the loop. It exists while a child lives.
type background struct {
	srv *Server

	child     *proc.Child
	job       *persist.Job        // of save or rewrite; nil when no child lives
	save      *persist.SaveJob    // one of the two is set
	rewrite   *persist.RewriteJob // ...
	snap      *keyspace.Snapshot  // nil when all was sent, or given up
	out       int                 // pipe to the child, -1 when closed
	in        int                 // pipe from the child, -1 when closed
	trace     int                 // pipe from its standard error, -1 when closed
	group     *proc.Cgroup        // its control group, nil for none
	noFence   bool                // a fence has ended a child
	parked    bool                // out is not watched: nothing to send
	alarm     *event.Alarm        // ends a rest
	resting   bool                // parked for a moment, because commands run
	restedAt  int64               // nanoseconds, when the last slice with a rest ended
	lastSlice int64               // nanoseconds that it took
	turnsSeen int64               // nanoseconds that turns of the loop had taken by then
	busyAt    int64               // nanoseconds, when a slice last saw that commands had run
	pumpSeen  uint64              // commands that had run by then

	plan        rewritePlan    // of the rewrite
	rewriteDone rewriteHandler // the handler at work, after the child
	saveDone    *persist.SaveDone

	// killed says that the daemon itself stopped the child.
	killed bool
	// stopped is why the daemon stopped the job, "" if it did not.
	stopped string
	// givenUp says that this was because of its memory.
	givenUp bool
	// abandoned is why the daemon gave the child up, "" if it did not.
	abandoned string
	watch     childWatch
	sent      uint64 // bytes given to the pipe
	snapEnd   uint64 // of these, up to the end of the snapshot; 0 before it is known

	jobs     jobStatus
	history  childHistory
	budget   budget
	pace     pace
	schedule schedule
	snapStat snapshotFigures
}

// snapshotFigures are what INFO tells of the snapshot in progress, or the last one.
type snapshotFigures struct {
	keyspace.SnapshotStats
	longestSlice int64 // nanoseconds
	peak         int64 // bytes that waited for the pipe
}

func newBackground(s *Server) (*background, error) {
	b := &background{srv: s, out: -1, in: -1, trace: -1, budget: budget{srv: s}, pace: pace{srv: s}}
	b.jobs = newJobStatus()
	var err error
	b.alarm, err = event.NewAlarm(s.loop, b.rested)
	return b, err
}

// active tells whether a child lives or its done handler is still at work.
func (b *background) active() bool { return b.job != nil }

func (b *background) saving() bool    { return b.save != nil }
func (b *background) rewriting() bool { return b.rewrite != nil }

// start spawns the child for b.job, cuts the snapshot and joins both by the
// pipes. When it fails nothing is left behind.
func (b *background) start(role string, cpus config.ID) (err error) {
	s := b.srv
	begin := s.exec.watch.Micros()
	record := b.history.begin(b.kind(), s.loop.NowMillis(), s.loop.MonoMillis())
	defer func() {
		if err != nil {
			b.history.end(childFailed, err.Error(), s.loop.MonoMillis())
		}
	}()
	dataR, dataW, err := proc.Pipe(proc.NonblockWrite)
	if err != nil {
		return fmt.Errorf("opening the snapshot pipe: %w", err)
	}
	reportR, reportW, err := proc.Pipe(proc.NonblockRead)
	if err != nil {
		closeAll(dataR, dataW)
		return fmt.Errorf("opening the report pipe: %w", err)
	}
	// Neither end blocks: a child that crashes must not hang in telling so.
	traceR, traceW, err := proc.Pipe(proc.NonblockRead | proc.NonblockWrite)
	if err != nil {
		closeAll(dataR, dataW, reportR, reportW)
		return fmt.Errorf("opening the pipe for errors: %w", err)
	}
	// A larger pipe means fewer turns a snapshot; the kernel may refuse.
	_, _ = proc.SetPipeSize(dataW, pipeSize)
	child, err := proc.Start(b.childSpec(role, cpus, []int{dataR, reportW}, traceW))
	closeAll(dataR, reportW, traceW)
	s.stats.forks++
	if err != nil {
		closeAll(dataW, reportR, traceR)
		return err
	}
	s.stats.forkMicros = child.StartMicros
	s.latency.add("fork", child.StartMicros*1000)
	b.child, b.out, b.in, b.trace = child, dataW, reportR, traceR
	b.jobs.fence = ""
	b.makeGroup()
	b.killed, b.parked, b.resting, b.givenUp, b.abandoned, b.stopped = false, false, false, false, "", ""
	b.watch, b.sent, b.snapEnd = childWatch{last: s.loop.MonoMillis()}, 0, 0
	b.budget.begin()
	b.jobs.files.cut = s.arena.Used()
	b.pace.begin(s.exec.watch.Nanos())
	b.job.SetPid(child.Pid)
	s.children.Add(child.Pid, role, b.onExit)
	s.ks.AvoidResize(true)
	s.journal.log.SetChildActive(true)
	b.snap = s.ks.Cut(b.job)
	b.snapStat = snapshotFigures{SnapshotStats: b.snap.Stats()}
	record.pid, record.cutMicros = child.Pid, s.exec.watch.Micros()-begin
	b.watchPipes()
	return nil
}

// childNice is added to a child's nice value: it needs a processor as much as the
// loop and its clients do, and it can wait.
const childNice = 10

// pipeSize is the largest pipe that needs no privilege (fs.pipe-max-size).
const pipeSize = 1 << 20

func closeAll(fds ...int) {
	for _, fd := range fds {
		event.Close(fd)
	}
}

func (b *background) watchPipes() {
	loop := b.srv.loop
	if err := loop.Watch(b.out, event.Writable, event.HandlerFunc(func(event.Events) { b.pump() })); err != nil {
		b.giveUp("watching the snapshot pipe", err)
	}
	if err := loop.Watch(b.in, event.Readable, event.HandlerFunc(func(event.Events) { b.listen() })); err != nil {
		b.giveUp("watching the report pipe", err)
	}
}

// The pump's share of the loop. Nobody else there, it works in slices that are short
// enough for a command that arrives meanwhile. While commands run it rests after each
// slice, for half of the time that took, and for three times as long when the loop had
// little sleep: clients on the same machine need the processor as much.
const (
	pumpSlice = 400_000   // nanoseconds
	busyFor   = 5_000_000 // nanoseconds after a command during which there is more to come
	pumpBatch = 16        // entries between two looks at the clock
	sendAt    = 128 << 10 // bytes worth a write(2)
)

// pump moves the snapshot on: entries into the job's buffer, the buffer into the
// pipe, until the slice is over, the pipe is full or all is sent.
func (b *background) pump() {
	s := b.srv
	start := s.exec.watch.Nanos()
	if s.stats.commands != b.pumpSeen {
		b.pumpSeen, b.busyAt = s.stats.commands, start
	}
	for b.fill(start+pumpSlice) && b.send() && s.exec.watch.Nanos()-start < pumpSlice {
	}
	end := s.exec.watch.Nanos()
	b.snapStat.longestSlice = max(b.snapStat.longestSlice, end-start)
	b.figures()
	switch {
	case b.out < 0 || b.parked:
	case b.snap == nil && b.job.Pending() == 0:
		b.park(true)
	case b.job.Pending() == 0 && b.pace.wait(end) > 0:
		b.restFor(b.pace.wait(end))
	case start-b.busyAt < busyFor:
		b.rest(start, end)
	}
}

// rest parks the pipe for a moment after a slice.
func (b *background) rest(start, end int64) {
	turns := int64(b.srv.stats.turnNanos)
	nanos := (end - start) / 2
	if 4*(turns-b.turnsSeen-b.lastSlice) > 3*(start-b.restedAt) {
		nanos = 3 * (end - start) // three quarters of the time since the last slice went into turns
	}
	b.turnsSeen, b.restedAt, b.lastSlice = turns, end, end-start
	b.restFor(nanos)
}

func (b *background) restFor(nanos int64) {
	if err := b.alarm.Set(nanos); err != nil {
		return // then it goes on at once
	}
	b.park(true)
	b.resting = true
}

// rested is called by the alarm.
func (b *background) rested() {
	b.resting = false
	if b.job != nil {
		b.wake()
	}
}

// wake watches a parked pipe again, unless the pump rests.
func (b *background) wake() {
	if b.parked && !b.resting && b.out >= 0 {
		b.park(false)
	}
}

// fill serializes entries until a write is worth it or the time is up. It tells
// whether there is something to send.
func (b *background) fill(deadline int64) bool {
	for b.snap != nil && b.job.Pending() < sendAt && b.pace.wait(b.srv.exec.watch.Nanos()) == 0 {
		if b.snap.Pump(pumpBatch) {
			b.figures()
			b.snap = nil
			b.job.SnapshotDone()
			b.snapEnd = b.sent + uint64(b.job.Pending())
			break
		}
		if b.srv.exec.watch.Nanos() > deadline {
			break
		}
	}
	return b.job.Pending() > 0
}

// send writes one chunk; false when the pipe is full or broken.
func (b *background) send() bool {
	if b.out < 0 {
		return false
	}
	chunk := b.job.NextChunk()
	n, errno := event.Write(b.out, chunk)
	switch errno {
	case 0:
		b.job.Consumed(n)
		before := b.sent
		b.sent += uint64(n)
		b.pace.sent(n)
		if b.snapEnd > before && b.snapEnd <= b.sent {
			r := b.history.last()
			r.snapshotMillis = b.srv.loop.MonoMillis() - r.begun
		}
		return true
	case unix.EAGAIN, unix.EINTR:
		return false
	}
	// The child is gone: its exit status tells why. Until it is reaped nothing
	// more is collected for it.
	b.stopSending()
	return false
}

// stopSending gives up the snapshot and closes the pipe; the child sees the end
// of it and cleans up, if it is still there.
func (b *background) stopSending() {
	if b.snap != nil {
		b.snap.Abort()
		b.snap = nil
	}
	b.closeOut()
	b.srv.journal.diff = nil
	if b.rewrite != nil {
		b.rewrite.Discard()
	} else if b.job != nil {
		b.job.Discard()
	}
}

func (b *background) closeOut() {
	if b.out >= 0 {
		b.srv.loop.Unwatch(b.out)
		event.Close(b.out)
		b.out = -1
	}
}

func (b *background) closeIn() {
	if b.in >= 0 {
		b.srv.loop.Unwatch(b.in)
		event.Close(b.in)
		b.in = -1
	}
}

// park stops watching a pipe that nothing waits for; a difference wakes it.
func (b *background) park(on bool) {
	ev := event.Writable
	if on {
		ev = 0
	}
	b.parked = on
	if err := b.srv.loop.Modify(b.out, ev); err != nil {
		b.giveUp("watching the snapshot pipe", err)
	}
}

// feed takes the bytes of a logged command for the rewrite's difference.
func (b *background) feed(frame []byte) {
	b.rewrite.Feed(frame)
	b.budget.check()
	if b.job.Pending() > 0 {
		b.wake()
	}
}

func (b *background) figures() {
	b.snapStat.peak = max(b.snapStat.peak, b.job.Peak())
	if b.snap != nil {
		b.snapStat.SnapshotStats = b.snap.Stats()
	}
}

// listen takes what the child reports.
func (b *background) listen() {
	var buf [4096]byte
	for b.in >= 0 {
		n, errno := event.Read(b.in, buf[:])
		switch {
		case errno == unix.EINTR:
			continue
		case errno == unix.EAGAIN:
			return
		case n <= 0:
			b.closeIn()
			return
		}
		if err := b.control(buf[:n]); err != nil {
			b.giveUp("reading the child's report", err)
			return
		}
	}
}

func (b *background) control(p []byte) error {
	var events []persist.Event
	var err error
	if b.rewrite != nil {
		events, err = b.rewrite.Control(p)
	} else if b.save != nil {
		events, err = b.save.Control(p)
	}
	for _, e := range events {
		switch e.Kind {
		case persist.EventStopRequest:
			b.srv.line(e.Line)
			if b.job.Pending() > 0 {
				b.wake()
			}
		case persist.EventNote:
			b.srv.line(e.Line)
		case persist.EventPulse:
			b.jobs.fence = b.job.Fence()
		}
	}
	return err
}

// giveUp ends a child that cannot be worked with.
func (b *background) giveUp(what string, err error) {
	if b.child == nil {
		return // what a dead child has left in its pipe
	}
	b.srv.log.Warnf("Background child %d: %s: %s", b.child.Pid, what, err)
	if b.abandoned == "" {
		b.abandoned = what + ": " + err.Error()
	}
	b.stopSending()
	_ = b.srv.children.Kill(b.child.Pid, unix.SIGKILL)
}

// onExit runs when the child was reaped: the pipes are drained and closed, then
// the job's done handler decides what became of it.
func (b *background) onExit(e proc.Exit) {
	s := b.srv
	b.listen()
	b.closeIn()
	if b.snap != nil {
		b.figures()
		b.snap.Abort()
		b.snap = nil
	}
	b.closeOut()
	b.child = nil
	b.heard(e)
	b.removeGroup()
	b.jobs.lastExit = e.String()
	b.history.last().observe(b.job, &b.snapStat)
	b.history.last().exited(e)
	s.journal.log.SetChildActive(false)
	if b.rewrite != nil {
		b.rewriteExited(e)
	} else {
		b.saveExited(e)
	}
}

// over forgets the job: another child may start, tables may be resized again
// (updateDictResizePolicy).
func (b *background) over() {
	b.job, b.save, b.rewrite = nil, nil, nil
	b.srv.ks.AvoidResize(false)
}

// kind is that of the job, for people.
func (b *background) kind() string {
	if b.rewrite != nil {
		return "rewrite"
	}
	return "save"
}

// cronChildren reaps and starts what is due, once a beat and on SIGCHLD.
func (s *Server) cronChildren() {
	if s.load.active {
		return
	}
	for _, e := range s.children.Reap() {
		if !proc.IsInit() {
			s.log.Warnf("Warning, detected child with unmatched pid: %d", e.Pid)
		}
	}
	s.background.watchChild()
	s.background.startDue()
}

// line writes one line of a job's to the log.
func (s *Server) line(l persist.Line) {
	switch l.Level {
	case '#':
		s.log.Warnf("%s", l.Text)
	case '*':
		s.log.Noticef("%s", l.Text)
	case '-':
		s.log.Verbosef("%s", l.Text)
	default:
		s.log.Tracef("%s", l.Text)
	}
}

// titleAddress is what the titles of the processes end in: "*:6379".
func (s *Server) titleAddress() string {
	if len(s.listeners) > 0 && s.listeners[0].addr.Network == event.Unix {
		return s.listeners[0].addr.Path
	}
	host := "*"
	if words := s.cfg.List(config.Bind); len(words) > 0 && words[0] != "*" && words[0] != "" {
		host = words[0]
	}
	return fmt.Sprintf("%s:%d", host, s.port())
}

// absDir is the working directory, which dir chose, as an absolute path.
func (s *Server) absDir() string {
	dir, err := filepath.Abs(".")
	if err != nil {
		return s.cfg.String(config.Dir)
	}
	return dir
}
