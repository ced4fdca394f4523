package persist

// save writes TempRDB. The parent renames it: then a FLUSHALL or a shutdown that
// comes between knows whether it has been renamed.
func (c *child) save() error {
	var err error
	name := TempRDB(c.opts.Dir, c.cfg.Pid)
	c.out, err = createOutput(c.cfg.FS, name, c.opts.SyncEvery)
	if err != nil {
		return c.complain(err, "Failed opening .rdb for saving")
	}
	c.verify(name)
	if err = c.snapshot(); err == nil {
		err = c.cfg.Fail.Hit("child-before-sync")
	}
	if err == nil {
		err = c.out.finish()
	}
	if err == nil {
		err = c.verified(name)
	}
	return c.complain(err, "Write error saving DB on disk")
}
