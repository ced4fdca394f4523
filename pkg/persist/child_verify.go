package persist

import "redisd/internal/vfs"

// verify has the file read back while it is written, if that is asked for.
func (c *child) verify(name string) {
	if c.opts.Verify {
		c.out.verify = newVerifier(c.cfg.FS, name, &c.opts)
	}
}

// verified waits for the end of that. The file was synced.
func (c *child) verified(name string) error {
	if err := c.damage(name); err != nil {
		return err
	}
	return c.out.verified()
}

// damage does to the file what a bad disk does, when a test asks for it: the failpoints
// child-flip and child-cut, with any error, change one byte in the middle or lose the
// second half. It comes between the last sync and the verification.
func (c *child) damage(name string) error {
	flip, cut := c.cfg.Fail.Hit("child-flip") != nil, c.cfg.Fail.Hit("child-cut") != nil
	if !flip && !cut {
		return nil
	}
	d := vfs.Damage{Off: c.out.written / 2, Flip: 0x10, Cut: cut}
	return d.Apply(c.cfg.FS, name)
}
