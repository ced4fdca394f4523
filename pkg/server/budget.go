package server

import (
	"fmt"

	"redisd/pkg/config"
)

// The memory budget of a background job: what the daemon holds for it beside the data.
// Above half of it the clients that write wait a moment before each write, for a few
// seconds in all, so that the child can catch up; reads go on. Above all of it the job
// is given up.

const (
	// slowestWrite and slowWrites bound how long a write is held back, and how long a
	// job may hold writes back in all, milliseconds.
	slowestWrite = 20
	slowWrites   = 5000
	// oneBlock is kept free below the limit: what one more command may add.
	oneBlock = 256 << 10
)

// budget is what a job has used of its memory. The loop owns it.
type budget struct {
	srv *Server

	peak    int64     // bytes that the job in progress, or the last one, has held
	left    int64     // milliseconds for which writes may still be held back
	waiting []*client // with a write that is held back
	timing  bool      // a timer brings them back
	slowed  int64     // writes that were held back, of all jobs
	slowMs  int64     // time for which some were, of all jobs
	giveUps int64     // jobs given up
	reason  string    // of the last one given up, "" when there was none
}

// begin starts the account of a job.
func (u *budget) begin() { u.peak, u.left = 0, slowWrites }

// extra is the memory that the daemon holds for the job in progress, bytes.
func (b *background) extra() int64 {
	n := int64(0)
	switch {
	case b.rewrite != nil:
		n = b.rewrite.Memory()
	case b.job != nil:
		n = b.job.Memory()
	}
	if b.snap != nil {
		n += b.snap.Kept()
	}
	return n
}

// check gives the job up when it holds too much, and gives the share of its memory that
// is used above the soft half, from 0 to 1.
func (u *budget) check() (share float64) {
	b := u.srv.background
	n := b.extra()
	u.peak = max(u.peak, n)
	limit := u.srv.cfg.Int(config.SnapshotMaxExtraMemory)
	switch {
	case limit == 0 || n <= limit/2:
		return 0
	case n > limit-min(limit/8, oneBlock):
		b.giveUpJob(fmt.Sprintf("it holds %d bytes of memory in the daemon, snapshot-max-extra-memory is %d", n, limit))
		return 0
	}
	return float64(n-limit/2) / float64(limit-limit/2)
}

// holds tells whether a command of c waits for a moment, because a job is behind. It is
// asked while there is a job, before each command.
func (u *budget) holds(c *client, argv [][]byte) bool {
	share := u.check()
	if share == 0 || u.left <= 0 || c.has(flagReplay) {
		return false
	}
	if c.has(flagPaced) {
		c.set(flagPaced, false) // it has waited
		return false
	}
	s := u.srv
	spec := s.table.Resolve(argv)
	if spec == nil || !c.changes(spec) || s.exec.refused(c, spec, argv) != "" {
		return false
	}
	c.set(flagBlocked, true)
	u.waiting = append(u.waiting, c)
	u.slowed++
	if !u.timing {
		u.timing = true
		ms, start := 1+int64(share*(slowestWrite-1)), s.loop.MonoMillis()
		s.loop.After(ms, func() int64 {
			took := s.loop.MonoMillis() - start
			u.timing = false
			u.left -= took
			u.slowMs += took
			u.release()
			return -1
		})
	}
	return true
}

// release lets those that wait go on.
func (u *budget) release() {
	waiting := u.waiting
	u.waiting = nil
	for _, c := range waiting {
		if c.fd >= 0 {
			c.set(flagBlocked, false)
			c.set(flagPaced, true)
			u.srv.resume(c)
		}
	}
}

// giveUpJob ends the job in progress for a reason that lies in the daemon and not in the
// disk: it has not failed, so writes are not refused, but it has not worked either, and
// automatic jobs wait. A child that does not follow is killed by the watchdog.
func (b *background) giveUpJob(reason string) {
	s := b.srv
	switch {
	case b.child != nil && !b.killed && b.abandoned == "":
		b.kill(reason)
	case b.rewriteDone != nil && b.stopped == "" && !b.rewriteDone.Cancel():
		b.stopped = reason
		s.journal.diff = nil
		b.rewrite.Discard()
		b.schedule.rewrite = b.schedule.rewrite || s.journal.waitsForRewrite()
	default:
		return // it ends already, or has the new file in place
	}
	b.givenUp = true
	b.budget.giveUps++
	b.budget.reason = b.kind() + ": " + reason
	wait := b.jobs.backoff.failed(s.stats.nowSec)
	s.log.Warnf("Background %s is given up: %s. The next automatic job waits for %d seconds.", b.kind(), reason, wait)
}

func (s *Server) infoBudget(w *infoWriter) {
	b := s.background
	u := &b.budget
	w.int("snapshot_extra_bytes", b.extra())
	w.int("snapshot_extra_peak", u.peak)
	w.int("snapshot_slowed_writes", u.slowed)
	w.int("snapshot_slowed_msec", u.slowMs)
	w.int("snapshot_giveups", u.giveUps)
	w.text("snapshot_last_giveup_reason", u.reason)
}
