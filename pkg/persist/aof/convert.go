package aof

import (
	"path/filepath"

	"redisd/internal/vfs"
)

// A conversion makes one complete file, the result of a rewrite that collected what
// was written meanwhile, the log of the other layout (or of another directory). Until
// Commit the former log counts, whatever else lies there; from then on the new one.
//
// Into one file: the manifest is first made to say that the file beside it is void.
// Then the file gets its name. Commit renames the manifest away: without one, the file
// counts, for Redis as well.
//
// Into parts: the file becomes the base, an empty increment is made, and Commit puts
// the manifest in force that lists both.

// Conversion is one. Its methods block on the disk, except for those of which it is
// said, and are called one at a time.
type Conversion struct {
	set   *Set
	next  *Manifest // to be put in force at Commit; nil into one file
	incr  vfs.File  // the increment, open
	marks bool      // into one file, with a set in force
	void  *Manifest // the set's manifest with the mark
	moved bool      // the rewritten file has its name
}

// IntoFile plans a conversion into the file of set's directory. Called by the owner of set.
func IntoFile(set *Set) *Conversion {
	return &Conversion{set: set, marks: set.m.Listed()}
}

// IntoParts plans a conversion into set. rdb says that the rewritten file starts with
// an RDB; with incr false there is no increment, since the log is off. Called by the
// owner of set.
func IntoParts(set *Set, rdb, incr bool) *Conversion {
	c := &Conversion{set: set, next: set.NextBase(rdb, 0, incr)}
	return c
}

// Parts says whether the result is a set. Any goroutine.
func (c *Conversion) Parts() bool { return c.next != nil }

// Simple says that a rename alone makes the file the live one. Any goroutine.
func (c *Conversion) Simple() bool { return c.next == nil && !c.marks }

// Place gives the rewritten file its name.
func (c *Conversion) Place(file string) error {
	target := c.set.FilePath()
	if c.next != nil {
		target = c.set.Path(c.next.Base.Name)
	}
	err := c.set.fs.Rename(file, target)
	c.moved = err == nil
	return err
}

// Prepare does what comes before Place.
func (c *Conversion) Prepare() error {
	switch {
	case c.next != nil:
		return c.prepareParts()
	case c.marks:
		m := c.set.m.Clone()
		m.FileVoid = true
		inForce, err := c.set.Write(m)
		if inForce {
			c.void = m
		}
		return err
	}
	return nil
}

func (c *Conversion) prepareParts() error {
	if err := c.set.MakeFolder(); err != nil {
		return err
	}
	if !c.set.m.Listed() {
		if err := c.set.sweepOld(); err != nil {
			return err
		}
		if err := c.set.MakeFolder(); err != nil {
			return err
		}
	}
	if err := c.set.VoidFile(c.next); err != nil {
		return err
	}
	name := c.next.Last()
	if name == "" {
		return nil
	}
	f, err := c.set.Create(name)
	c.incr = f
	return err
}

// Commit makes the converted log count. done tells whether it does: then an error says
// only that a power failure may bring back the former one.
func (c *Conversion) Commit() (done bool, err error) {
	if c.next != nil {
		return c.set.Write(c.next)
	}
	// The file's own name first.
	if err := c.set.fs.SyncDir(c.set.root); err != nil {
		return false, err
	}
	if err := c.set.fs.Rename(c.set.ManifestPath(), c.set.oldManifest()); err != nil {
		return false, err
	}
	return true, c.set.fs.SyncDir(c.set.folder)
}

// Incr gives away the increment that the log goes on in, open and empty; nil when
// there is none.
func (c *Conversion) Incr() vfs.File {
	f := c.incr
	c.incr = nil
	return f
}

// Adopt tells the set what is in force now. Called by the owner of set, after Commit
// or Undo.
func (c *Conversion) Adopt(committed bool) {
	switch {
	case committed && c.next != nil:
		c.set.m = c.next
	case committed:
		c.set.m = &Manifest{}
	case c.void != nil:
		c.set.m = c.void
	}
}

// Undo removes what has come into being when there was no Commit.
func (c *Conversion) Undo() {
	if f := c.Incr(); f != nil {
		_ = f.Close()
	}
	if c.next == nil {
		if c.moved { // what was there before may be somebody's
			_ = removeMissing(c.set.fs, c.set.FilePath())
		}
		return
	}
	_ = c.set.Remove(c.next.Base.Name)
	if name := c.next.Last(); name != "" {
		_ = c.set.Remove(name)
	}
}

// Clean removes the former log when the new one counts. keep leaves former parts
// (aof-disable-auto-gc). Call Adopt again afterwards.
func (c *Conversion) Clean(keep bool) (err error) {
	if c.next != nil {
		c.next, err = c.set.Collect(c.next, keep)
		return err
	}
	if keep {
		return nil
	}
	return c.set.sweepOld()
}

// Collect removes what m, the manifest in force, lists as superfluous, and writes the
// manifest without it, which it returns; m when nothing has changed. It blocks.
func (s *Set) Collect(m *Manifest, keep bool) (*Manifest, error) {
	names, rest := m.Garbage()
	if keep || rest == m {
		return m, nil
	}
	if err := s.Remove(names...); err != nil {
		return m, err
	}
	if m.FileVoid {
		// Gone for good before the manifest forgets that it does not count.
		if err := removeMissing(s.fs, s.FilePath()); err != nil {
			return m, err
		}
		if err := s.fs.SyncDir(s.root); err != nil {
			return m, err
		}
	}
	if inForce, err := s.Write(rest); err != nil {
		if inForce {
			return rest, err
		}
		return m, err
	}
	return rest, nil
}

func removeMissing(fsys vfs.FS, path string) error {
	if err := fsys.Remove(filepath.Clean(path)); err != nil && !missing(err) {
		return err
	}
	return nil
}
