package persist

import (
	"errors"
	"path/filepath"
	"sync"
)

var (
	errIncomplete = errors.New("persist: the child reports success without having been told the end")
	errCancelled  = errors.New("persist: cancelled")
)

// SaveDone handles the end of a save: it renames the child's file to the live
// name and makes that durable, or cleans up. Drive it with Next until StepEnd.
type SaveDone struct {
	handler
	next func(err error) Step

	mu        sync.Mutex // held while the rename runs
	renamed   bool
	cancelled bool
}

// Done starts the handler of the child's end. Before, give all that the child
// has written to Control. The job must not be used for anything else afterwards.
func (j *SaveJob) Done(exit Exit, cfg DoneConfig) *SaveDone {
	d := &SaveDone{handler: newHandler(&j.Job, cfg)}
	err := j.outcome(exit, j.complete)
	j.Discard()
	d.next = func(error) Step { return d.begin(exit, err) }
	return d
}

// Next takes the result of the last step and returns the next one.
func (d *SaveDone) Next(err error) Step { return d.next(err) }

// Cancel makes the handler not rename, if it has not yet: the dataset that was
// saved is gone (FLUSHALL) or the server ends. It returns true when the live
// file is the new one already. It may be called from the loop at any time and
// waits for a rename that is going on.
func (d *SaveDone) Cancel() (tooLate bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.cancelled = true
	return d.renamed
}

func (d *SaveDone) begin(exit Exit, err error) Step {
	switch {
	case exit.Signal != 0 || exit.Stopped():
		d.out.Stopped = exit.Stopped()
		d.log('#', "Background saving terminated by signal %d", exit.signal())
		return d.giveUp(err)
	case err != nil:
		d.log('#', "Background saving error")
		return d.giveUp(err)
	}
	d.next = d.afterRename
	return d.run("rename", "", d.rename)
}

// rename runs in the background.
func (d *SaveDone) rename() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.cancelled {
		return errCancelled
	}
	temp := TempRDB(d.dir, d.pid)
	if err := d.unbroken(temp); err != nil {
		return err
	}
	err := d.cfg.FS.Rename(temp, d.live())
	d.renamed = err == nil
	return err
}

func (d *SaveDone) afterRename(err error) Step {
	if err != nil {
		if errors.Is(err, errCancelled) {
			d.out.Stopped = true
		} else {
			d.complain(err, "Error moving temp DB file on the final destination")
		}
		return d.giveUp(err)
	}
	d.out.OK = true
	d.next = d.afterDirSync
	return d.run("syncdir", "", func() error {
		return d.cfg.FS.SyncDir(filepath.Dir(d.live()))
	})
}

func (d *SaveDone) afterDirSync(err error) Step {
	if err != nil {
		d.log('#', "Error syncing the folder of the RDB file %s: %s", d.cfg.Name, reason(err))
		d.failed(err)
		d.out.OK, d.out.DirNotSynced = true, true
		return d.end()
	}
	d.log('*', "DB saved on disk")
	d.log('*', "Background saving terminated with success")
	return d.end()
}

func (d *SaveDone) giveUp(err error) Step {
	d.failed(err)
	d.next = func(error) Step { return d.end() }
	return d.remove()
}

// signal is the number shown for a child that was ended by one; a child that
// handled SIGUSR1 by exiting counts as ended by it, as in Redis.
func (e Exit) signal() int {
	if e.Signal == 0 {
		return 10
	}
	return e.Signal
}

// outcome is how the child ended: an error too when it says that it is done and was
// not told the end.
func (j *Job) outcome(exit Exit, told bool) error {
	err := exitError(exit, j.report)
	if err == nil && !told {
		err = errIncomplete
	}
	return err
}

// exitError is the error that an exit stands for, nil for a clean one.
func exitError(exit Exit, r *Report) error {
	switch {
	case exit.Signal != 0:
		return &ChildError{Exit: exit}
	case exit.Code != ExitDone:
		e := &ChildError{Exit: exit}
		if r != nil {
			e.Text, e.Unverified = r.Text, r.Unverified
		}
		return e
	}
	return nil
}
