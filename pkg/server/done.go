package server

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"redisd/pkg/bio"
	"redisd/pkg/config"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
	"redisd/pkg/proc"
)

// persistQueue is the background queue of the done handlers: their steps must not
// wait behind a slow close.
const persistQueue bio.Kind = "persist"

// doneHandler is what the handlers of persist have in common: a sequence of steps,
// some for the background, some for the loop.
type doneHandler interface {
	Next(err error) persist.Step
	Lines() []persist.Line
	Outcome() persist.Outcome
}

// drive runs a handler from step to step until its end, then calls finish.
func (b *background) drive(h doneHandler, err error, finish func(persist.Outcome)) {
	for {
		st := h.Next(err)
		for _, l := range h.Lines() {
			b.srv.line(l)
		}
		err = nil
		switch st.Kind {
		case persist.StepEnd:
			finish(h.Outcome())
			return
		case persist.StepRun:
			b.inBackground(st, func(err error) { b.drive(h, err, finish) })
			return
		case persist.StepFreeze:
			b.srv.journal.log.Hold()
			b.srv.journal.diff = nil
		case persist.StepThaw:
			b.srv.journal.log.Resume()
		case persist.StepSwitch:
			b.switchLog(st, h.Outcome())
		case persist.StepTurnOn:
			b.turnedOn(st, h.Outcome())
		case persist.StepUngather:
			if b.srv.journal.log.Gathered() {
				b.srv.journal.log.Ungather()
			}
		}
	}
}

// inBackground runs a step away from the loop and goes on with its result.
func (b *background) inBackground(st persist.Step, then func(error)) {
	s := b.srv
	watch := s.exec.watch
	s.bio.Submit(persistQueue, func() {
		start := watch.Nanos()
		err := st.Run()
		took := watch.Nanos() - start
		s.loop.Post(func() {
			b.history.last().daemon.step(st.Name, uint64(took/1000))
			if st.Event != "" {
				s.latency.add(st.Event, took)
			}
			then(err)
		})
	})
}

// switchLog lets the log go on in the rewritten file. The rename is done: when
// that fails, or when under always the new name may not survive a power failure,
// nothing can be acknowledged any more, so the daemon ends.
func (b *background) switchLog(st persist.Step, out persist.Outcome) {
	s := b.srv
	log := s.journal.log
	b.mustBeDurable(out.DirNotSynced)
	if err := log.Switch(st.File, st.Size, st.Durable); err != nil {
		s.log.Warnf("Can't go on in the rewritten AOF: %s. Exiting...", aof.Strerror(err))
		os.Exit(1)
	}
	if out.DirNotSynced {
		// A power failure may bring the old file back, without what is logged from now on.
		log.Distrust(out.Err)
	}
	log.SetBefore(st.Before)
	log.SetBase(log.Size())
	s.journal.live = nil
	if b.plan.into == aof.PartsLayout {
		s.journal.live = b.plan.set
	}
}

// mustBeDurable ends the daemon when, under always, the names of the log's files may
// not survive a power failure: nothing can be acknowledged any more.
func (b *background) mustBeDurable(notDurable bool) {
	if notDurable && b.srv.journal.log.Policy() == aof.Always {
		b.srv.log.Warnf("Can't make the rewritten AOF durable and the AOF fsync policy is 'always'. Exiting...")
		os.Exit(1)
	}
}

// exitOf is how a child ended, as persist wants to know it. A child that the daemon
// stopped counts as stopped however it ended: it may have just finished, or have
// seen the end of its pipe before the signal.
func (b *background) exitOf(e proc.Exit) persist.Exit {
	switch {
	case b.killed && (e.Signal == 0 || b.watch.killed):
		return persist.Exit{Signal: int(unix.SIGUSR1)}
	case b.abandoned != "" && (e.OK() || e.Stopped()):
		// It has failed all the same: what it was still to be told has been dropped.
		return persist.Exit{Signal: int(unix.SIGKILL)}
	}
	return persist.Exit{Code: e.Code, Signal: int(e.Signal)}
}

func (b *background) rewriteOver(out persist.Outcome) {
	s := b.srv
	s.journal.diff = nil
	b.jobs.verified.note(out.Err, b.job.Report())
	b.rewriteDone, b.plan = nil, rewritePlan{}
	b.jobs.rewriteSeconds = max(0, s.stats.nowSec-b.jobs.rewriteStarted)
	switch {
	case out.OK && !out.StatusErr:
		b.jobs.backoff.passed()
		b.jobs.rewriteOK, b.jobs.rewriteError, b.jobs.rewriteFailures = true, "", 0
		b.jobs.rewrites++
		b.jobs.files.finished(persist.RoleAOF, uint64(out.Size))
	case out.StatusErr:
		b.rewriteFailed(b.failure(out.Err))
	}
	b.closeRecord(out)
	if out.Reschedule {
		b.schedule.rewrite = true
	}
	b.over()
	s.log.Tracef("Rewrite-done handler: %d us, residual %d bytes", out.Micros, out.ResidualBytes)
}

// saveExited starts the save-done handler.
func (b *background) saveExited(e proc.Exit) {
	s := b.srv
	h := b.save.Done(b.exitOf(e), persist.DoneConfig{
		FS: s.opt.FS, Clock: s.opt.Clock, Fail: s.opt.Failpoints, Name: s.cfg.String(config.DBFilename),
	})
	b.saveDone = h
	b.drive(h, nil, b.saveOver)
}

func (b *background) saveOver(out persist.Outcome) {
	s := b.srv
	b.saveDone = nil
	b.jobs.verified.note(out.Err, b.job.Report())
	s.saves.lastSeconds = max(0, s.stats.nowSec-s.saves.started)
	s.saves.started = -1
	if r := b.job.Report(); out.OK && r != nil {
		b.jobs.files.finished(persist.RoleRDB, r.Bytes)
	}
	if out.OK {
		s.saves.saved(s.stats.nowSec, s.saves.dirtyBefore)
		b.jobs.saveError = ""
		b.jobs.backoff.passed()
	}
	if out.StatusErr {
		s.saves.ok = false
		b.jobs.saveError = b.failure(out.Err)
	}
	b.closeRecord(out)
	b.over()
}

// failure is why a job failed, for INFO.
func (b *background) failure(err error) string {
	if b.abandoned != "" {
		return b.abandoned
	}
	return fmt.Sprint(err)
}

// closeRecord ends the job's entry in the history.
func (b *background) closeRecord(out persist.Outcome) {
	r := b.history.last()
	r.handlerMicros = out.Micros
	if report := b.job.Report(); report != nil {
		r.bytes = report.Bytes
	}
	if out.Size > 0 {
		r.bytes = uint64(out.Size)
	}
	result, reason := childOK, ""
	switch {
	case out.StatusErr:
		result, reason = childFailed, b.failure(out.Err)
	case !out.OK:
		result, reason = childStopped, b.stopped
		switch {
		case b.givenUp:
			result = childGivenUp
		case reason == "":
			reason = "a signal from outside"
		}
	}
	b.history.end(result, reason, b.srv.loop.MonoMillis())
}

// killSave stops a running BGSAVE: what it would write is not wanted any more, for
// the reason.
func (b *background) killSave(reason string) {
	if !b.saving() {
		return
	}
	if b.saveDone != nil {
		b.stopped = reason
		b.saveDone.Cancel()
		return
	}
	b.srv.log.Noticef("There is a child saving an .rdb. Killing it!")
	b.kill(reason)
}

// killRewrite stops a running rewrite, with a line that says so. A handler that is past
// the rename goes on.
func (b *background) killRewrite(line, reason string) {
	if !b.rewriting() {
		return
	}
	b.srv.log.Warnf("%s", line)
	b.schedule.rewrite = false
	if b.rewriteDone != nil {
		b.stopped = reason
		b.rewriteDone.Cancel()
		return
	}
	b.kill(reason)
}

// kill has the child that lives stop, which is no failure.
func (b *background) kill(reason string) {
	b.killed, b.stopped = true, reason
	b.stopSending()
	b.watch.stop()
	b.signal(unix.SIGUSR1)
}

// stopAndWait ends the job in progress before the process ends: the child is
// stopped and reaped, and the handler runs to its end, which removes the files.
func (b *background) stopAndWait() {
	if b.child != nil {
		if _, err := b.srv.children.Stop(b.child.Pid, childGraceMs); err != nil {
			b.srv.log.Warnf("Waiting for the child: %s", err)
		}
	}
	for b.active() {
		b.srv.bio.Drain(persistQueue)
		b.srv.loop.RunPosted()
	}
}

// childGraceMs is how long a child may take to follow SIGUSR1 at shutdown.
const childGraceMs = 1000

// saveNow writes the RDB while everybody waits: SAVE, FLUSHALL, SHUTDOWN.
func (s *Server) saveNow() error {
	err := s.writeNow(persist.RoleRDB, s.cfg.String(config.DBFilename))
	if err != nil {
		// rdb_last_bgsave_status stays: it is about BGSAVE, and whoever asked for
		// this save hears of the error.
		s.background.jobs.saveError = err.Error()
		s.background.jobs.verified.note(err, nil)
		return err
	}
	s.background.jobs.saveError = ""
	s.saves.saved(s.stats.nowSec, s.saves.dirty)
	return nil
}

// keysPerSign is how often a save that everybody waits for tells the service
// manager that it goes on.
const keysPerSign = 1 << 16

// writeNow writes a file of the dataset in the process itself.
func (s *Server) writeNow(role persist.Role, name string) error {
	f := persist.NewFileSave(s.background.options(role), persist.SaveConfig{
		FS: s.opt.FS, Pid: os.Getpid(), Name: name, Fail: s.opt.Failpoints,
	})
	for i := range s.ks.Databases() {
		if f.Err() != nil {
			break
		}
		s.ks.DB(i).Each(func(e keyspace.Entry) {
			f.Entry(i, e)
			if f.Keys()%keysPerSign == 0 {
				s.notifyManager(fmt.Sprintf("STATUS=Saving: %d keys written\nEXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1\n", f.Keys()))
			}
		})
	}
	line, err := f.Finish()
	s.line(line)
	return err
}
