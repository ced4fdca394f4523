package persist

import (
	"errors"
	"path/filepath"

	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// The multi-part layout: the log went on in another increment at the cut, so the
// child's file, a snapshot and nothing else, becomes the base as it is. There is no
// difference and no residual.

// StartIncr is the step between the cut and the log going on in the next increment of
// set: it makes the file and puts the manifest that lists it in force. The log has come
// to its Part before. Run it in the background, then call Finish on the loop.
type StartIncr struct {
	set  *aof.Set
	fail *failpoint.Set
	next *aof.Manifest
	name string

	file    vfs.File
	inForce bool
	err     error
}

// NewStartIncr plans it. Called by the owner of set.
func NewStartIncr(set *aof.Set, fail *failpoint.Set) *StartIncr {
	s := &StartIncr{set: set, fail: fail}
	s.next, s.name = set.NextIncr()
	return s
}

// Run blocks on the disk.
func (s *StartIncr) Run() {
	if s.err = s.run(); s.err == nil || s.inForce {
		return
	}
	if s.file != nil {
		_ = s.file.Close()
		s.file = nil
		_ = s.set.Remove(s.name)
	}
}

func (s *StartIncr) run() (err error) {
	if err = s.fail.Hit("incr-create"); err != nil {
		return err
	}
	if err = s.set.MakeFolder(); err != nil { // somebody may have taken it away
		return err
	}
	if s.file, err = s.set.Create(s.name); err != nil {
		return err
	}
	if err = s.fail.Hit("incr-manifest"); err != nil {
		return err
	}
	if s.inForce, err = s.set.Write(s.next); err == nil {
		err = s.fail.Hit("incr-listed")
	}
	return err
}

// Finish returns the increment, open and empty, with its name; nil and the error when
// there is none and everything is as it was. notDurable says that a power failure may
// bring back the former manifest: under always nothing may be acknowledged.
func (s *StartIncr) Finish() (f vfs.File, name string, notDurable bool, err error) {
	if !s.inForce {
		return nil, s.name, false, s.err
	}
	s.set.Adopt(s.next)
	return s.file, s.name, s.err != nil, s.err
}

// PartsConfig is what PartsDone needs beside DoneConfig, whose Name and Always it does
// not use.
type PartsConfig struct {
	DoneConfig
	Set *aof.Set
	// Rolled: the log has gone on in the last increment at the cut.
	Rolled bool
	// Gathered: the log waits for this rewrite, and collects in Set.TempIncr what was
	// executed after the cut.
	Gathered bool
	// Preamble: the child's file starts with an RDB.
	Preamble bool
	// Err, not nil, is why the rewrite has failed whatever the child says: the next
	// increment could not be made, or what was gathered is not whole.
	Err error
}

// PartsDone handles the end of a rewrite in the multi-part layout. Drive it with Next
// until StepEnd. What a restart finds is what the manifest in force lists, at every
// moment.
type PartsDone struct {
	handler
	cfgParts PartsConfig
	next     func(err error) Step
	manifest *aof.Manifest

	base, incr string // names that no manifest lists yet; "" when there is none
	committed  bool
	canceled   bool
}

// PartsDone starts the handler of the child's end. Before, give all that the child has
// written to Control.
func (j *RewriteJob) PartsDone(exit Exit, cfg PartsConfig) *PartsDone {
	d := &PartsDone{handler: newHandler(&j.Job, cfg.DoneConfig), cfgParts: cfg}
	err := j.outcome(exit, j.complete)
	j.Discard()
	d.next = func(error) Step { return d.begin(exit, err) }
	return d
}

// Next takes the result of the last step and returns the next one.
func (d *PartsDone) Next(err error) Step { return d.next(err) }

// Cancel makes the handler clean up instead of going on, unless the manifest may be in
// force already: then it returns true and must be driven to its end.
func (d *PartsDone) Cancel() (tooLate bool) {
	d.canceled = true
	return d.committed
}

// Update does nothing: what the setting appendonly means for the log is seen to by the
// log, and every part is synced.
func (d *PartsDone) Update(aof.State, bool) {}

func (d *PartsDone) begin(exit Exit, err error) Step {
	switch {
	case d.cfgParts.Err != nil:
		d.log('#', "Background AOF rewrite terminated with error")
		return d.giveUp(d.cfgParts.Err, "The append only file could not go on in another part")
	case exit.Signal != 0 || exit.Stopped():
		d.out.Stopped = exit.Stopped()
		d.log('#', "Background AOF rewrite terminated by signal %d", exit.signal())
		return d.giveUp(err, "")
	case err != nil:
		d.log('#', "Background AOF rewrite terminated with error")
		return d.giveUp(err, "")
	}
	d.log('*', "Background AOF rewrite terminated with success")
	keep := 0
	if d.cfgParts.Rolled {
		keep = 1
	}
	d.manifest = d.cfgParts.Set.NextBase(d.cfgParts.Preamble, keep, d.cfgParts.Gathered)
	return d.placeBase()
}

// then makes a background step, followed by fn on success and by a clean-up with a
// log line on failure.
func (d *PartsDone) then(name, event, complaint string, run func() error, fn func() Step) Step {
	d.next = func(err error) Step {
		switch {
		case err != nil:
			return d.giveUp(err, complaint)
		case d.canceled:
			return d.giveUp(errCancelled, "")
		}
		return fn()
	}
	return d.run(name, event, run)
}

// placeBase gives the child's file, which is synced, the name of the next base.
func (d *PartsDone) placeBase() Step {
	set, temp, name := d.cfgParts.Set, TempRewriteDone(d.dir, d.pid), d.manifest.Base.Name
	d.base = name
	return d.then("rename", "aof-rename", "Error trying to rename the temporary AOF base file", func() error {
		if err := set.MakeFolder(); err != nil {
			return err
		}
		info, err := d.cfg.FS.Stat(temp)
		if err != nil {
			return err
		}
		d.out.Size = info.Size()
		if err := set.VoidFile(d.manifest); err != nil {
			return err
		}
		if err := d.unbroken(temp); err != nil {
			return err
		}
		return d.cfg.FS.Rename(temp, set.Path(name))
	}, func() Step {
		d.log('*', "Successfully renamed the temporary AOF base file %s into %s", filepath.Base(temp), name)
		if d.cfgParts.Gathered {
			return d.placeIncr()
		}
		return d.commit()
	})
}

// placeIncr gives the increment that was gathered its name.
func (d *PartsDone) placeIncr() Step {
	set, name := d.cfgParts.Set, d.manifest.Last()
	d.incr = name
	return d.then("rename-incr", "aof-rename", "Error trying to rename the temporary AOF incr file", func() error {
		return d.cfg.FS.Rename(set.Path(set.TempIncr()), set.Path(name))
	}, func() Step {
		d.log('*', "Successfully renamed the temporary AOF incr file %s into %s", set.TempIncr(), name)
		return d.commit()
	})
}

// commit puts the manifest in force. From here on there is no way back.
func (d *PartsDone) commit() Step {
	inForce := false
	d.committed = true
	d.next = func(err error) Step {
		d.committed = inForce
		if !inForce {
			return d.giveUp(err, "Error trying to write the AOF manifest")
		}
		if err != nil {
			d.log('#', "Error syncing the folder of the AOF manifest: %s", reason(err))
			d.failed(err)
			d.out.DirNotSynced = true
		}
		d.out.OK, d.base, d.incr = true, "", ""
		d.cfgParts.Set.Adopt(d.manifest)
		return d.turnOn()
	}
	return d.run("manifest", "", func() (err error) {
		if inForce, err = d.cfgParts.Set.Write(d.manifest); err == nil {
			err = d.cfg.Fail.Hit("rewrite-listed")
		}
		return err
	})
}

// turnOn tells the server: the log that waited is on, and sizes are new.
func (d *PartsDone) turnOn() Step {
	d.out.TurnOn = d.cfgParts.Gathered
	d.next = func(error) Step { return d.collect() }
	return Step{Kind: StepTurnOn, Name: "turn-on", Size: d.out.Size}
}

// collect removes what the rewrite has made superfluous. An error has no consequences:
// the next rewrite, or start, tries again.
func (d *PartsDone) collect() Step {
	if !d.out.DirNotSynced {
		d.log('*', "Background AOF rewrite finished successfully")
	}
	names, rest := d.manifest.Garbage()
	if d.cfg.Keep || rest == d.manifest || d.out.DirNotSynced {
		return d.finish()
	}
	for _, n := range names {
		d.log('*', "Removing the history file %s in the background", n)
	}
	left := d.manifest
	d.next = func(err error) Step {
		if err != nil {
			d.log('#', "Removing history files: %s", reason(err))
		}
		d.cfgParts.Set.Adopt(left)
		return d.finish()
	}
	return d.run("collect", "", func() (err error) {
		left, err = d.cfgParts.Set.Collect(d.manifest, false)
		return err
	})
}

func (d *PartsDone) finish() Step {
	end := d.end()
	d.log('-', "Background AOF rewrite signal handler took %dus", d.out.Micros)
	return end
}

// giveUp is the one way out before the manifest is in force: status, log line, files
// that nothing lists removed, what was gathered dropped, the log as it was.
func (d *PartsDone) giveUp(err error, complaint string) Step {
	d.complain(err, complaint)
	d.out.Stopped = d.out.Stopped || errors.Is(err, errCancelled)
	d.failed(err)
	set, names := d.cfgParts.Set, []string{}
	for _, n := range []string{d.base, d.incr} {
		if n != "" {
			names = append(names, n)
		}
	}
	clean := func(error) Step {
		st := d.remove()
		run := st.Run
		st.Run = func() error {
			_ = set.Remove(names...)
			return run()
		}
		d.next = func(error) Step { return d.finish() }
		return st
	}
	if !d.cfgParts.Gathered {
		return clean(nil)
	}
	d.out.Reschedule = d.cfg.State == aof.WaitRewrite && !errors.Is(err, errCancelled)
	names = append(names, set.TempIncr())
	d.log('*', "Removing the temp incr aof file %s in the background", set.TempIncr())
	d.next = clean
	return Step{Kind: StepUngather, Name: "ungather"}
}
