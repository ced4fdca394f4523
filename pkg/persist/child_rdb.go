package persist

// save writes TempRDB. The parent renames it: then a FLUSHALL or a shutdown that
// comes between knows whether it has been renamed.
func (c *child) save() error {
	var err error
	c.out, err = createOutput(c.cfg.FS, TempRDB(c.opts.Dir, c.cfg.Pid), c.opts.SyncEvery)
	if err != nil {
		return c.complain(err, "Failed opening .rdb for saving")
	}
	if err = c.snapshot(); err == nil {
		err = c.calledOff()
	}
	if err == nil {
		err = c.cfg.Fail.Hit("child-before-sync")
	}
	if err == nil {
		err = c.out.finish()
	}
	return c.complain(err, "Write error saving DB on disk")
}

// calledOff says whether an abort frame has come behind the snapshot. A stream
// that merely ended there does not matter: the snapshot is whole.
func (c *child) calledOff() error {
	select {
	case <-c.in.done:
		if c.in.err == errAborted {
			return errAborted
		}
	default:
	}
	return nil
}
