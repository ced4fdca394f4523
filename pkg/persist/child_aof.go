package persist

import "fmt"

const (
	// smallDiff is how little of the difference may be left before the child
	// asks for its end: what arises while this much is copied and synced is
	// the parent's residual.
	smallDiff = 1 << 20
	// catchUps bounds the rounds when the writers are faster than the disk.
	catchUps = 8
)

// rewrite writes TempRewrite, puts the difference behind it, and renames it to
// TempRewriteDone when it is complete.
func (c *child) rewrite() error {
	name := TempRewrite(c.opts.Dir, c.cfg.Pid)
	var err error
	c.out, err = createOutput(c.cfg.FS, name, c.opts.SyncEvery)
	if err != nil {
		return c.complain(err, "Opening the temp file for AOF rewrite in rewriteAppendOnlyFile()")
	}
	c.verify(name)
	if err = c.snapshot(); err == nil {
		err = c.rest()
	}
	if err == nil {
		err = c.verified(name)
	}
	if err != nil {
		return c.complain(err, "Write error writing append only file on disk")
	}
	if err = c.cfg.Fail.Hit("child-before-rename"); err == nil {
		err = c.cfg.FS.Rename(name, TempRewriteDone(c.opts.Dir, c.cfg.Pid))
	}
	if err != nil {
		return c.complain(err, "Error moving temp append only file on the final destination")
	}
	c.note('*', "SYNC append only file rewrite performed")
	return nil
}

// rest is what comes behind the snapshot: the difference, or nothing.
func (c *child) rest() error {
	if !c.opts.SnapshotOnly {
		return c.difference()
	}
	c.out.endBlock(true)
	err := c.cfg.Fail.Hit("child-before-sync")
	if err == nil {
		err = c.out.finish()
	}
	if err != nil {
		return err
	}
	select {
	case <-c.in.done: // the parent is gone, and nobody will ever want the file
		return c.in.err
	default:
		return nil
	}
}

// difference appends what was written since the cut. It catches up and syncs
// while differences still come in, so that little is left to copy and to sync
// after the parent has stopped: that time is what bounds the residual.
func (c *child) difference() error {
	c.out.beginBlocks()
	if c.out.verify != nil && c.out.written >= c.out.verify.ahead {
		// Before the parent is asked to stop: what it keeps from then on is little.
		if err := c.out.sync(); err != nil {
			return err
		}
		if err := c.out.verify.waitBase(); err != nil {
			return err
		}
	}
	for round := 0; round < catchUps && c.spool.waiting() > smallDiff; round++ {
		if err := c.spool.moveTo(c.out); err != nil {
			return err
		}
	}
	if err := c.out.flush(); err != nil {
		return err
	}
	if err := c.out.sync(); err != nil {
		return err
	}
	if err := c.spool.moveTo(c.out); err != nil {
		return err
	}
	if err := c.cfg.Fail.Hit("child-before-stop"); err != nil {
		return err
	}
	_ = c.send(frameStopRequest, nil)
	<-c.in.done
	if c.in.err != nil {
		return c.in.err
	}
	c.note('*', "Parent agreed to stop sending diffs. Finalizing AOF...")
	if err := c.spool.moveTo(c.out); err != nil {
		return err
	}
	c.diff = uint64(c.spool.size)
	c.note('*', "Concatenating %s MB of AOF diff received from parent.", megabytes(int64(c.diff)))
	c.out.endBlock(true)
	if err := c.cfg.Fail.Hit("child-before-sync"); err != nil {
		return err
	}
	return c.out.finish()
}

func megabytes(n int64) string { return fmt.Sprintf("%.2f", float64(n)/(1<<20)) }
