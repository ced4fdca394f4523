package server

import (
	"fmt"

	"golang.org/x/sys/unix"

	"redisd/pkg/config"
	"redisd/pkg/persist"
	"redisd/pkg/proc"
)

// The watchdog of children. A child that stands still (stopped, stuck in a call, in a
// loop) is told to end, killed after a grace, and its job has failed; the next
// automatic one waits. What counts is that it gets on, not that it is there: see
// docs/process-model.md.

const (
	// stopGraceMs is how long a child may take to follow SIGUSR1. Its handler does
	// nothing but exit.
	stopGraceMs = 2000
	// longestTickMs is what one look can add to the time without progress. Between two
	// looks lies a beat; when it was more, the loop itself stood still (a long
	// command, a suspended machine), heard nothing, and must not blame the child.
	longestTickMs = 1000
	// slowestSync is the speed of the slowest disk, bytes a millisecond, on which a
	// sync is given its time when the kernel does not tell how far it is.
	slowestSync = 1 << 20 / 1000
	// firstBackoff and longestBackoff are the seconds that automatic jobs wait after a
	// child was given up: they double from one to the other.
	firstBackoff, longestBackoff = 60, 3600
)

// childSign is what the daemon sees of a child at one moment.
type childSign struct {
	taken     uint64 // bytes that it has taken from its pipe
	receiving bool   // the snapshot is not over: taking is progress
	owes      bool   // there is something that it has to do
	pulse     persist.Pulse
}

// childOrder is what the watchdog wants done.
type childOrder uint8

const (
	orderNone childOrder = iota
	orderStop            // SIGUSR1: it stands still
	orderKill            // SIGKILL: it has not followed
)

// childWatch judges one child. Times are milliseconds; it reads no clock.
type childWatch struct {
	last    int64  // time of the last look
	idle    int64  // without progress
	silent  int64  // without a pulse
	cpu     uint64 // of the child at its last progress, microseconds
	sign    childSign
	told    bool  // it was told to stop
	toldFor int64 // so long ago
	killed  bool
}

// pass lets time pass, for tests; the next look judges.
func (w *childWatch) pass(millis int64) {
	w.idle += millis
	w.silent += millis
	w.toldFor += millis
}

// tick looks at the child. limit is child-timeout, 0 for no watch: then only a child
// that was told to stop is looked after.
func (w *childWatch) tick(now, limit int64, s childSign) childOrder {
	step := min(max(0, now-w.last), longestTickMs)
	w.last = now
	if w.told {
		w.toldFor += step
		if w.toldFor > stopGraceMs && !w.killed {
			w.killed = true
			return orderKill
		}
		return orderNone
	}
	w.idle += step
	w.silent += step
	if s.pulse.Seq != w.sign.pulse.Seq {
		w.silent = 0
	}
	if w.progress(s) {
		w.idle, w.cpu = 0, s.pulse.CPUMicros
	}
	w.sign = s
	if limit == 0 || w.idle <= limit || w.inSync(limit) || w.computes(limit) {
		return orderNone
	}
	w.stop()
	return orderStop
}

// stop says that the child has been told to stop.
func (w *childWatch) stop() {
	if !w.told {
		w.told, w.toldFor = true, 0
	}
}

// progress tells whether the child has got on since the last look, or had no reason to.
func (w *childWatch) progress(s childSign) bool {
	before := w.sign
	switch {
	case !s.owes:
		return true
	case s.pulse.Work != before.pulse.Work:
		return true
	case s.receiving && s.taken != before.taken:
		return true
	}
	// Less of the file in hand is off the disk than before.
	return s.pulse.Left < before.pulse.Left
}

// inSync tells whether the child is in a sync that may still be going on: it gives
// signs of life, and a slow disk would take that long.
func (w *childWatch) inSync(limit int64) bool {
	p := w.sign.pulse
	return p.Phase == persist.PhaseSync && w.silent <= limit && w.idle <= limit+int64(p.Syncing/slowestSync)
}

// computes tells whether the child is at something long between two steps that count,
// as the compression of a huge string, and lacks the processor: then it is judged by
// the processor time that it got. What hangs in a call gets next to none.
func (w *childWatch) computes(limit int64) bool {
	p := w.sign.pulse
	got := int64(p.CPUMicros-w.cpu) / 1000
	return p.Phase == persist.PhaseWork && w.silent <= limit && got >= w.idle/100 && got <= limit
}

// sign is what is to be seen of the child now.
func (b *background) sign() childSign {
	s := childSign{pulse: b.job.Pulse(), receiving: b.snap != nil, owes: true}
	if b.out < 0 {
		return s
	}
	unread, err := proc.PipeUnread(b.out)
	if err != nil {
		return s // then by its work alone
	}
	s.taken = b.sent - uint64(unread)
	s.receiving = s.receiving || s.taken < b.snapEnd
	// With an empty pipe and more to come it is the daemon's turn.
	s.owes = unread > 0 || b.snap == nil && b.job.Pending() == 0
	return s
}

// watchChild looks after the child, in every beat.
func (b *background) watchChild() {
	if b.child == nil {
		return
	}
	b.pace.look(b.srv.exec.watch.Nanos())
	limit := 1000 * b.srv.cfg.Int(config.ChildTimeout)
	switch b.watch.tick(b.srv.loop.MonoMillis(), limit, b.sign()) {
	case orderStop:
		b.jobs.timeouts++
		p := b.job.Pulse()
		b.abandonChild(fmt.Sprintf("no progress for %d seconds (phase %s, %d keys, %d bytes)", b.watch.idle/1000, p.Phase,
			b.job.Progress().Keys, b.job.Progress().Bytes))
	case orderKill:
		b.srv.log.Warnf("Background child %d has not ended %d ms after SIGUSR1. Killing it.", b.child.Pid, b.watch.toldFor)
		b.signal(unix.SIGKILL)
	}
}

// abandonChild gives up the child that lives: it is told to stop, and killed when it
// does not follow. Its job has failed, for this reason, however it ends; automatic
// jobs wait for a while.
func (b *background) abandonChild(reason string) {
	if b.child == nil || b.killed || b.abandoned != "" {
		return
	}
	b.abandoned = reason
	wait := b.jobs.backoff.failed(b.srv.stats.nowSec)
	b.srv.log.Warnf("Background child %d is given up: %s. The next automatic job waits for %d seconds.", b.child.Pid, reason, wait)
	b.stopSending()
	b.watch.stop()
	b.signal(unix.SIGUSR1)
}

// signal sends a signal to the child that lives.
func (b *background) signal(sig unix.Signal) {
	if err := b.srv.children.Kill(b.child.Pid, sig); err != nil {
		b.srv.log.Warnf("Sending a signal to the child: %s", err)
	}
}

// backoff makes automatic jobs wait after a child was given up. What made it hang, a
// disk as a rule, is there for the other kind of job too, so both share one.
type backoff struct {
	failures int // in a row
	rest     rest
}

// failed counts a failure and gives the seconds to wait.
func (f *backoff) failed(now int64) int64 {
	wait := min(longestBackoff, int64(firstBackoff)<<min(f.failures, 10))
	f.failures++
	f.rest.begin(now, wait)
	return wait
}

// passed is called when a job went well, or somebody asks for one.
func (f *backoff) passed() { *f = backoff{} }

// rest is a time in which something is not tried again. It goes by the date, which may
// be set: forward, and it is over; back, and it begins anew.
type rest struct {
	since   int64 // Unix seconds
	seconds int64 // 0 for none
}

func (r *rest) begin(now, seconds int64) { r.since, r.seconds = now, seconds }

// left is the number of seconds that are left of it, 0 when it is over.
func (r *rest) left(now int64) int64 {
	r.since = min(r.since, now)
	return max(0, r.since+r.seconds-now)
}
