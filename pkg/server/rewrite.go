package server

import (
	"redisd/internal/vfs"
	"redisd/pkg/config"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
	"redisd/pkg/proc"
)

// Rewrites: how one goes depends on where the log is and where it shall be.
//
//	into a file      the child gets the difference, the handler appends the residual
//	into parts, from parts that are sound: the log goes on in another increment at the
//	                 cut, and the child's file is a snapshot only
//	into parts, otherwise: as into a file; its result becomes the base
//	into parts, log off or waiting: a snapshot only; a waiting log gathers

// rewriteHandler is the handler of a rewrite's end, of either layout.
type rewriteHandler interface {
	doneHandler
	Cancel() (tooLate bool)
	Update(state aof.State, always bool)
}

// rewritePlan is how a rewrite goes.
type rewritePlan struct {
	into     aof.Layout
	set      *aof.Set // of the directory in which it began
	snapshot bool     // the child gets no difference
	rolls    bool     // at the cut the log goes on in another increment
	gathers  bool     // the log collects in a temporary increment
	preamble bool

	rolling bool       // not there yet
	err     error      // why the rewrite has failed, whatever the child says
	exited  *proc.Exit // the child ended while rolling
}

func (s *Server) planRewrite() rewritePlan {
	j := s.journal
	p := rewritePlan{into: s.wantedLayout(), set: j.parts, preamble: s.cfg.Bool(config.AOFUseRDBPreamble)}
	if p.into == aof.FileLayout {
		return p
	}
	switch {
	case !j.on():
		p.snapshot, p.gathers = true, j.waitsForRewrite()
	case j.live == j.parts && j.log.Err() == nil && !j.log.Held():
		p.snapshot, p.rolls = true, true
	}
	return p
}

// startRewrite starts a BGREWRITEAOF; the caller made sure that no child lives.
func (b *background) startRewrite() error {
	s := b.srv
	b.schedule.rewrite, b.schedule.asked = false, false
	if err := b.preflight(persist.RoleAOF); err != nil {
		b.rewriteFailed(err.Error())
		s.log.Warnf("Can't rewrite append only file in background: %s", err)
		return err
	}
	p := s.planRewrite()
	opts := b.options(persist.RoleAOF)
	opts.SnapshotOnly = p.snapshot
	var incr vfs.File
	var err error
	if p.gathers {
		if incr, err = s.createTempIncr(p.set); err != nil {
			b.rewriteFailed(err.Error())
			s.log.Warnf("Can't open the append-only file %s: %s", p.set.TempIncr(), aof.Strerror(err))
			return err
		}
	}
	wantDiff := !p.snapshot && !s.journal.off()
	b.rewrite = persist.NewRewriteJob(opts, wantDiff)
	b.job = &b.rewrite.Job
	if err := b.start(RoleRewrite, config.AOFRewriteCPUList); err != nil {
		b.job, b.rewrite = nil, nil
		if incr != nil {
			_ = incr.Close()
			_ = p.set.Remove(p.set.TempIncr())
		}
		b.rewriteFailed("fork: " + err.Error())
		s.log.Warnf("Can't rewrite append only file in background: fork: %s", err)
		return err
	}
	b.plan = p
	b.jobs.rewriteStarted = s.stats.nowSec
	switch {
	case wantDiff:
		s.journal.log.ForceSelect()
		s.journal.diff = b.feed
	case p.gathers:
		s.journal.log.Gather(incr)
		s.log.Noticef("Creating AOF incr file %s on background rewrite", p.set.TempIncr())
	case p.rolls:
		b.startRoll()
	}
	s.log.Noticef("Background append only file rewriting started by pid %d", b.child.Pid)
	return nil
}

// createTempIncr makes the increment that a waiting log gathers in.
func (s *Server) createTempIncr(set *aof.Set) (vfs.File, error) {
	if err := set.MakeFolder(); err != nil {
		return nil, err
	}
	return set.Create(set.TempIncr())
}

// startRoll lets the log go on in another increment, from this moment on, which is
// that of the cut. Until the manifest lists it, what is appended waits in memory, and
// the replies of writers wait with it.
func (b *background) startRoll() {
	s := b.srv
	b.plan.rolling = true
	s.journal.log.Part(func(err error) {
		if err != nil {
			b.rollFailed(err)
			return
		}
		step := persist.NewStartIncr(b.plan.set, s.opt.Failpoints)
		s.bio.Submit(persistQueue, func() {
			start := s.exec.watch.Micros()
			step.Run()
			took := s.exec.watch.Micros() - start
			s.loop.Post(func() {
				b.history.last().daemon.step(stepRoll, uint64(took))
				b.rolled(step)
			})
		})
	})
}

func (b *background) rolled(step *persist.StartIncr) {
	s := b.srv
	f, name, notDurable, err := step.Finish()
	if f == nil {
		s.log.Warnf("Can't go on in the append-only file %s: %s", name, aof.Strerror(err))
		b.rollFailed(err)
		return
	}
	if notDurable {
		s.log.Warnf("Fail to fsync AOF directory %s: %s.", b.plan.set.Folder(), aof.Strerror(err))
	}
	b.mustBeDurable(notDurable)
	s.journal.log.Roll(f)
	if notDurable {
		// A power failure may bring a manifest back that does not list the increment.
		s.journal.log.Distrust(err)
	}
	s.log.Noticef("Creating AOF incr file %s on background rewrite", name)
	b.rollOver()
}

// rollFailed lets the log go on in the increment that it has, and gives the rewrite up.
func (b *background) rollFailed(err error) {
	b.srv.journal.log.Resume()
	b.plan.err = err
	if b.child != nil {
		b.kill(err.Error())
	}
	b.rollOver()
}

func (b *background) rollOver() {
	b.plan.rolling = false
	if e := b.plan.exited; e != nil {
		b.plan.exited = nil
		b.rewriteExited(*e)
	}
}

// awaitPart waits until a log that is about to go on in another increment has done so,
// or not.
func (s *Server) awaitPart() {
	for s.background.plan.rolling {
		s.bio.Drain(persistQueue)
		s.loop.RunPosted()
	}
}

// rewriteExited starts the rewrite-done handler.
func (b *background) rewriteExited(e proc.Exit) {
	s, p := b.srv, &b.plan
	if p.rolling {
		p.exited = &e
		return
	}
	cfg := persist.DoneConfig{
		FS: s.opt.FS, Clock: s.opt.Clock, Fail: s.opt.Failpoints, Name: s.aofPath(),
		State: s.journal.log.State(), Always: s.journal.log.Policy() == aof.Always,
		Keep: s.cfg.Bool(config.AOFDisableAutoGC),
	}
	switch {
	case p.snapshot:
		if p.gathers && p.err == nil && s.journal.log.Gathered() {
			p.err = s.journal.log.Err()
		}
		b.rewriteDone = b.rewrite.PartsDone(b.exitOf(e), persist.PartsConfig{
			DoneConfig: cfg, Set: p.set, Rolled: p.rolls, Gathered: p.gathers, Preamble: p.preamble, Err: p.err,
		})
	default:
		cfg.Into = aof.IntoFile(p.set)
		if p.into == aof.PartsLayout {
			cfg.Into = aof.IntoParts(p.set, p.preamble, cfg.State != aof.Off)
		}
		b.rewriteDone = b.rewrite.Done(b.exitOf(e), cfg)
	}
	b.drive(b.rewriteDone, nil, b.rewriteOver)
}

// turnedOn takes the result of a rewrite into parts: the base has st.Size bytes, and the
// live increment goes behind it.
func (b *background) turnedOn(st persist.Step, out persist.Outcome) {
	s := b.srv
	log := s.journal.log
	b.mustBeDurable(out.DirNotSynced && (log.Gathered() || s.journal.on()))
	if log.Gathered() {
		log.TurnOn()
		s.journal.live = b.plan.set
		if out.DirNotSynced {
			// A power failure may bring a manifest back that does not list the increment.
			// (One that the log rolled into is listed before and after.)
			log.Distrust(out.Err)
		}
	}
	if s.journal.on() {
		log.SetBefore(st.Size)
		log.SetBase(log.Size())
	}
}

// rewriteFailed counts a failure.
func (b *background) rewriteFailed(reason string) {
	b.jobs.rewriteOK, b.jobs.rewriteError = false, reason
	b.jobs.rewriteFailures++
}

// rewriteLimited tells whether an automatic rewrite that is due has to wait: after
// three failures in a row 1, 2, 4... minutes, at most an hour, as in Redis 7. The wait
// begins when one is due.
func (b *background) rewriteLimited() bool {
	const free, longest = 3, 60
	j, now := &b.jobs, b.srv.stats.nowSec
	switch {
	case j.rewriteFailures < free:
		j.retryMinutes, j.retry = 0, rest{}
		return false
	case j.retry.seconds == 0:
		j.retryMinutes = min(longest, max(1, 2*j.retryMinutes))
		j.retry.begin(now, 60*j.retryMinutes)
		b.srv.log.Warnf("Background AOF rewrite has repeatedly failed and triggered the limit, will retry in %d minutes", j.retryMinutes)
		return true
	case j.retry.left(now) > 0:
		return true
	}
	j.retry = rest{}
	return false
}

// rewriteDue tells whether the log has grown by auto-aof-rewrite-percentage since
// the last rewrite.
func (b *background) rewriteDue() (growth int64, due bool) {
	s := b.srv
	percent := s.cfg.Int(config.AutoAOFRewritePercentage)
	size := s.journal.log.Size()
	if !s.journal.on() || percent == 0 || size <= s.cfg.Int(config.AutoAOFRewriteMinSize) {
		return 0, false
	}
	base := max(1, s.journal.log.Base())
	growth = size*100/base - 100
	return growth, growth >= percent
}

// scheduleRewrite has a rewrite that somebody asked for start when the child in
// progress has ended: the rest after failures is for automatic ones.
func (b *background) scheduleRewrite() {
	b.schedule.rewrite, b.schedule.asked = true, true
	b.jobs.rewriteFailures = 0
}
