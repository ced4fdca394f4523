package persist

import (
	"errors"
	"os"
	"path/filepath"

	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

const (
	// smallResidual is how much may be left for the round in which writers
	// wait: a write into the page cache of well under a millisecond.
	smallResidual = 256 << 10
	// freshMicros is how old data may be that is in the new file unsynced when
	// the switch comes, under everysec and no. It stays below the second that
	// everysec promises.
	freshMicros = 500_000
	// rounds bounds how often the handler runs after the writers before it
	// makes them wait.
	rounds = 8
)

// RewriteDone handles the end of a rewrite: the nine steps from the exit status
// to the closing of the old file. What may block is handed out as StepRun, and
// writes go on meanwhile; they are collected by the job's Feed and appended in
// rounds. Drive it with Next until StepEnd.
type RewriteDone struct {
	handler
	job  *RewriteJob
	next func(err error) Step

	sums      aof.Sums // makes the checksums of what is appended to file
	file      vfs.File // the new file, nil when not open
	old       vfs.File // the old file, to be closed at the end
	size      int64    // bytes in file
	tail      []chunk  // of these, appended and not read back, when that is asked for
	round     int      // rounds of append and sync so far
	takenAt   int64    // microseconds: everything fed before is in file and synced
	appended  int64    // microseconds: when the part being appended was taken
	synced    bool     // all of file is on the disk
	dirSynced bool     // and its live name
	frozenAt  int64    // microseconds: when the freeze began
	frozen    bool     // between StepFreeze and StepSwitch or StepThaw
	renamed   bool     // what makes the new file the live one was handed out
	canceled  bool
}

// Done starts the handler of the child's end. Before, give all that the child
// has written to Control. Feed goes on being called for every command until
// StepEnd; it knows when it need not take any more.
func (j *RewriteJob) Done(exit Exit, cfg DoneConfig) *RewriteDone {
	d := &RewriteDone{handler: newHandler(&j.Job, cfg), job: j}
	if !j.wantDiff {
		// It lacks what was written since the cut: no log can go on in it.
		d.cfg.State = aof.Off
	}
	if j.opts.Blocks {
		d.sums = aof.NewSums()
	}
	err := j.outcome(exit, j.stopped)
	d.next = func(error) Step { return d.begin(exit, err) }
	return d
}

// Next takes the result of the last step and returns the next one.
func (d *RewriteDone) Next(err error) Step { return d.next(err) }

// Update tells that appendonly or appendfsync was changed while the handler
// runs. It holds from the next step on. Off stays: a log that was off for a
// moment has executed commands that nobody fed, and needs another rewrite.
// Always, once told, stays: there may be batches that were promised it.
func (d *RewriteDone) Update(state aof.State, always bool) {
	if d.cfg.State != aof.Off {
		d.cfg.State = state
	}
	d.cfg.Always = always || d.cfg.Always
}

// Cancel makes the handler clean up instead of going on, unless the rename has
// been handed out already: then it returns true and must be driven to its end.
func (d *RewriteDone) Cancel() (tooLate bool) {
	d.canceled = true
	return d.renamed
}

// then makes a background step, followed by fn on success and by a clean-up with
// a log line on failure.
func (d *RewriteDone) then(name, event, complaint string, run func() error, fn func() Step) Step {
	d.next = func(err error) Step {
		if err != nil {
			return d.fail(err, complaint)
		}
		if d.canceled && !d.renamed {
			return d.fail(errCancelled, "")
		}
		return fn()
	}
	return d.run(name, event, run)
}

// begin is step 1: the exit status.
func (d *RewriteDone) begin(exit Exit, err error) Step {
	switch {
	case exit.Signal != 0 || exit.Stopped():
		d.out.Stopped = exit.Stopped()
		d.log('#', "Background AOF rewrite terminated by signal %d", exit.signal())
		return d.fail(err, "")
	case err != nil:
		d.log('#', "Background AOF rewrite terminated with error")
		return d.fail(err, "")
	}
	d.log('*', "Background AOF rewrite terminated with success")
	return d.open()
}

// open is step 2.
func (d *RewriteDone) open() Step {
	return d.then("open", "", "Unable to open the temporary AOF produced by the child", func() error {
		temp := TempRewriteDone(d.dir, d.pid)
		f, err := d.cfg.FS.OpenFile(temp, os.O_WRONLY|os.O_APPEND, 0)
		if err != nil {
			return err
		}
		d.file = f
		if err := d.unbroken(temp); err != nil {
			return err
		}
		d.size, err = f.Size()
		return err
	}, d.prepare)
}

// prepare makes what a conversion into another layout needs beside the file.
func (d *RewriteDone) prepare() Step {
	if d.simple() {
		return d.afterPrepare()
	}
	return d.then("prepare", "", "Error preparing the other layout of the append only file", d.cfg.Into.Prepare, d.afterPrepare)
}

func (d *RewriteDone) afterPrepare() Step {
	if d.cfg.State == aof.Off {
		return d.openOld()
	}
	return d.append(d.afterAppend)
}

// simple says that the rename alone makes the new file the live one.
func (d *RewriteDone) simple() bool { return d.cfg.Into == nil || d.cfg.Into.Simple() }

// parts says that the new file becomes the base of a set.
func (d *RewriteDone) parts() bool { return d.cfg.Into != nil && d.cfg.Into.Parts() }

// append is step 3: what was fed since the child stopped goes behind its file.
// Commands that come in meanwhile are for the next round.
func (d *RewriteDone) append(fn func() Step) Step {
	parts := d.job.residual.take()
	d.synced = d.synced && len(parts) == 0
	d.appended = d.cfg.Clock.Mono().Microseconds()
	return d.then("append", "aof-rewrite-diff-write", "Error trying to flush the parent diff to the rewritten AOF", func() error {
		if len(parts) == 0 {
			return nil
		}
		if err := d.unbroken(TempRewriteDone(d.dir, d.pid)); err != nil {
			return err
		}
		for _, p := range d.covered(parts) {
			off := d.size
			n, err := d.file.Write(p)
			d.size += int64(n)
			d.out.ResidualBytes += int64(n)
			if err != nil {
				return err
			}
			if d.sealed() {
				d.tail = appendChunks(d.tail, off, p)
			}
		}
		return d.reseal()
	}, fn)
}

// covered puts checksums around what is appended, if the file has any.
func (d *RewriteDone) covered(parts [][]byte) [][]byte {
	if !d.sums.On() || len(parts) == 0 {
		return parts
	}
	all := [][]byte{d.sums.Begin(nil)}
	for _, p := range parts {
		d.sums.Add(p)
		all = append(all, p)
	}
	return append(all, d.sums.End(nil))
}

// afterAppend syncs, in the first rounds, while writers still run.
func (d *RewriteDone) afterAppend() Step {
	d.round++
	if d.round < rounds && d.job.residual.size > smallResidual {
		return d.append(d.afterAppend)
	}
	return d.sync(d.afterSync)
}

// sync is step 5, first part.
func (d *RewriteDone) sync(fn func() Step) Step {
	return d.then("sync", "aof-rewrite-done-fsync", "Error trying to fsync the parent diff to the rewritten AOF", func() error {
		return d.file.Sync()
	}, func() Step {
		d.takenAt, d.synced = d.appended, true
		return d.readBack(fn)
	})
}

// sealed says that the child has verified the file, and that what is appended is to be.
func (d *RewriteDone) sealed() bool { return d.seal.modified != 0 }

// reseal seals the file anew after what the handler itself has written.
func (d *RewriteDone) reseal() (err error) {
	if d.sealed() {
		d.seal, err = sealOf(d.cfg.FS, TempRewriteDone(d.dir, d.pid))
	}
	return err
}

// readBack verifies what was appended and synced.
func (d *RewriteDone) readBack(fn func() Step) Step {
	if len(d.tail) == 0 {
		return fn()
	}
	return d.then("verify", "", "", func() error {
		temp := TempRewriteDone(d.dir, d.pid)
		if d.seal.size != d.size {
			return differs(temp, "it has %d bytes, %d were written", d.seal.size, d.size)
		}
		if err := d.unbroken(temp); err != nil {
			return err
		}
		tail := d.tail
		d.tail = nil
		return readBack(d.cfg.FS, temp, tail, d.size)
	}, fn)
}

// afterSync decides whether what has come in during the sync is little enough,
// in bytes and in time, to let the writers wait for it.
func (d *RewriteDone) afterSync() Step {
	if d.round < rounds && (d.job.residual.size > smallResidual || d.stale()) {
		return d.append(d.afterAppend)
	}
	if d.cfg.State == aof.Off {
		return d.append(d.finalSync)
	}
	d.next = func(error) Step {
		d.frozen, d.job.frozen = true, true
		d.frozenAt = d.cfg.Clock.Mono().Microseconds()
		return d.append(d.finalSync)
	}
	return Step{Kind: StepFreeze, Name: "freeze"}
}

// stale says whether the file lacks a sync of data older than freshMicros.
func (d *RewriteDone) stale() bool { return d.cfg.Clock.Mono().Microseconds()-d.takenAt > freshMicros }

// finalSync makes durable what the policy wants durable: everything under
// always; else what is old enough that the old file may have it on disk. A part that
// is not the last one is always synced: the loader insists that it is whole. So is what
// has to be read back.
func (d *RewriteDone) finalSync() Step {
	if d.cfg.Always || d.stale() || d.parts() || len(d.tail) > 0 {
		return d.sync(d.openOld)
	}
	return d.openOld()
}

// openOld is step 4: when the log is off, nobody has the old file open, and the
// rename would free it. With a descriptor the close does that.
func (d *RewriteDone) openOld() Step {
	if d.cfg.State != aof.Off {
		return d.rename()
	}
	return d.then("open-old", "", "", func() error {
		f, err := d.cfg.FS.OpenFile(d.live(), os.O_RDONLY, 0)
		if err == nil {
			d.old = f
		}
		return nil // without it the unlink only comes earlier
	}, func() Step { return d.sync(d.rename) })
}

// rename is step 5, second part. From here on there is no way back, and a
// handler that was cancelled goes on. Except when a conversion is to be committed.
func (d *RewriteDone) rename() Step {
	d.renamed = d.simple()
	d.next = func(err error) Step {
		if err != nil {
			d.renamed = false
			return d.fail(err, "Error trying to rename the temporary AOF file")
		}
		if !d.simple() {
			return d.commit()
		}
		d.out.OK, d.out.Size = true, d.size
		return d.syncDir()
	}
	temp := TempRewriteDone(d.dir, d.pid)
	return d.run("rename", "aof-rename", func() error {
		if err := d.unbroken(temp); err != nil {
			return err
		}
		if d.simple() {
			return d.cfg.FS.Rename(temp, d.live())
		}
		return d.cfg.Into.Place(temp)
	})
}

// commit makes the converted log the live one, and syncs the folder.
func (d *RewriteDone) commit() Step {
	if d.canceled {
		return d.fail(errCancelled, "")
	}
	done := false
	d.renamed = true
	d.next = func(err error) Step {
		if !done {
			d.renamed = false
			return d.fail(err, "Error trying to switch to the other layout of the append only file")
		}
		d.cfg.Into.Adopt(true)
		d.out.OK, d.out.Size = true, d.size
		return d.dirIsSynced(err)
	}
	return d.run("commit", "", func() (err error) {
		if done, err = d.cfg.Into.Commit(); err == nil {
			err = d.cfg.Fail.Hit("rewrite-committed")
		}
		return err
	})
}

// syncDir is step 5, third part. An error does not undo the rename: the new
// file is the live one in any case.
func (d *RewriteDone) syncDir() Step {
	d.next = d.dirIsSynced
	return d.run("syncdir", "", func() error {
		return d.cfg.FS.SyncDir(filepath.Dir(d.live()))
	})
}

func (d *RewriteDone) dirIsSynced(err error) Step {
	if err != nil {
		d.log('#', "Error syncing the folder of the AOF file %s: %s", d.cfg.Name, reason(err))
		d.failed(err)
		d.out.OK, d.out.DirNotSynced = true, true
	}
	d.dirSynced = err == nil
	return d.swap(d.closeOld)
}

// swap is steps 6 to 8: the log goes on in the new file, which the server
// learns with its size.
func (d *RewriteDone) swap(fn func() Step) Step {
	if d.file == nil {
		return fn()
	}
	if d.cfg.State == aof.Off {
		return d.leaveFile(fn)
	}
	d.out.TurnOn = d.cfg.State == aof.WaitRewrite
	st := Step{
		Kind: StepSwitch, Name: "switch", File: d.file, Size: d.size,
		Durable: d.synced && d.dirSynced,
	}
	if d.parts() {
		// The file is the base, and stays as it is.
		d.old = d.file
		st.File, st.Size, st.Before = d.cfg.Into.Incr(), 0, d.size
	}
	d.file = nil
	d.unfreeze()
	d.next = func(error) Step { return fn() }
	return st
}

// leaveFile closes the new file, because the log is off. If it was turned off
// after the freeze, that has to end too.
func (d *RewriteDone) leaveFile(fn func() Step) Step {
	f := d.file
	d.file = nil
	closeNew := func(error) Step {
		d.next = func(error) Step { return fn() }
		return d.run("close-new", "", func() error {
			if d.parts() {
				if incr := d.cfg.Into.Incr(); incr != nil {
					_ = incr.Close() // empty
				}
			}
			return f.Close()
		})
	}
	if !d.frozen {
		return closeNew(nil)
	}
	d.next = closeNew
	return d.thaw()
}

func (d *RewriteDone) thaw() Step {
	d.unfreeze()
	return Step{Kind: StepThaw, Name: "thaw"}
}

func (d *RewriteDone) unfreeze() {
	if d.frozen {
		d.frozen = false
		d.out.HeldMicros = d.cfg.Clock.Mono().Microseconds() - d.frozenAt
	}
}

// closeOld is step 9: the last reference to the old file goes, and with it its
// blocks, which may take long. A log that is on does this itself after Switch.
func (d *RewriteDone) closeOld() Step {
	old := d.old
	d.old = nil
	d.log('*', "Residual parent diff successfully flushed to the rewritten AOF (%s MB)", megabytes(d.out.ResidualBytes))
	if !d.out.DirNotSynced {
		d.log('*', "Background AOF rewrite finished successfully")
	}
	d.next = func(error) Step { return d.clean() }
	if old == nil {
		return d.clean()
	}
	return d.run("close-old", "", func() error {
		_ = old.Close() // an error of a file that is gone has no meaning
		return nil
	})
}

// clean removes the log of the former layout. An error has no consequences: the next
// rewrite, or start, tries again.
func (d *RewriteDone) clean() Step {
	if d.cfg.Into == nil || d.out.DirNotSynced {
		return d.finish()
	}
	into, keep := d.cfg.Into, d.cfg.Keep
	d.next = func(err error) Step {
		if err != nil {
			d.log('#', "Removing the former append only file: %s", reason(err))
		}
		into.Adopt(true)
		return d.finish()
	}
	return d.run("clean", "", func() error { return into.Clean(keep) })
}

func (d *RewriteDone) finish() Step {
	d.job.Discard()
	end := d.end()
	d.log('-', "Background AOF rewrite signal handler took %dus", d.out.Micros)
	return end
}

// fail is the one way out before the rename: status, log line, temporary files
// removed, descriptors closed, the log as it was.
func (d *RewriteDone) fail(err error, complaint string) Step {
	d.complain(err, complaint)
	d.out.Stopped = d.out.Stopped || errors.Is(err, errCancelled)
	d.failed(err)
	d.out.Reschedule = d.cfg.State == aof.WaitRewrite && !errors.Is(err, errCancelled)
	d.next = func(error) Step {
		clean := d.remove(d.file, d.old)
		d.file, d.old = nil, nil
		d.next = func(error) Step { return d.finish() }
		if d.cfg.Into == nil {
			return clean
		}
		run := clean.Run
		clean.Run = func() error {
			d.cfg.Into.Undo()
			return run()
		}
		d.next = func(error) Step {
			d.cfg.Into.Adopt(false)
			return d.finish()
		}
		return clean
	}
	if d.frozen {
		return d.thaw()
	}
	return d.next(nil)
}
