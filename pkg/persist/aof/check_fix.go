package aof

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"redisd/internal/vfs"
)

// The repair of redis-check-aof --fix: into a new file, and the old one is kept.

// repair cuts damage off, and puts what is whole of a damaged RDB in front in its place,
// if that is wanted.
func (c *checker) repair(f vfs.File, w *walker) (verdict, error) {
	c.tellLater(w)
	if len(c.later) > 0 && !c.fixAny {
		return 0, c.fail("Failed to truncate AOF %s because it is not the last file\n", w.name)
	}
	done, what := checkedTruncated, "truncate"
	if w.head == nil {
		c.printf("This will shrink the AOF %s from %d bytes, with %d bytes, to %d bytes\n", w.name, w.size, w.size-w.good, w.good)
	} else {
		done, what = checkedRepaired, "repair"
		c.printf("This will replace the AOF %s, %d bytes, by one of %d bytes: %s and %d bytes of commands\n",
			w.name, w.size, w.head.Size()+w.good-w.tail, count(int(w.head.Keys()), "key"), w.good-w.tail)
	}
	c.printf("Continue? [y/N]: ")
	var answer [1]byte
	if n, _ := c.env.In.Read(answer[:]); n == 0 || answer[0]|0x20 != 'y' {
		return 0, c.fail("Aborting...\n")
	}
	// The rest of the line is not the answer to the next question.
	for answer[0] != '\n' {
		if n, _ := c.env.In.Read(answer[:]); n == 0 {
			break
		}
	}
	if err := c.replace(f, w, w.good); err != nil {
		return 0, c.fail("Failed to %s AOF %s: %v\n", what, w.name, err)
	}
	return done, nil
}

// tellLater says what becomes of the files behind one that loses something.
func (c *checker) tellLater(w *walker) {
	if len(c.later) == 0 {
		return
	}
	names := make([]string, 0, len(c.later))
	for _, p := range c.later {
		names = append(names, p.Name)
	}
	if !c.fixAny {
		c.printf("Whole: the files behind it: %s. The --fix-any option cuts %s all the same\n", strings.Join(names, ", "), w.name)
		return
	}
	c.printf("Whole: the files behind it stay in the set: %s. A start applies their commands to data without what %s loses\n",
		strings.Join(names, ", "), w.name)
}

// replace puts the file up to offset end in its place as a new file, and keeps the old
// one under another name.
func (c *checker) replace(f vfs.File, w *walker, end int64) error {
	unlock, err := c.lock(filepath.Dir(w.path))
	if err != nil {
		return err
	}
	defer unlock()
	kept, err := vfs.ReplaceKeeping(c.env.FS, f, w.path, func(out vfs.File) error {
		if w.head != nil {
			if err := w.head.Write(out); err != nil {
				return err
			}
		}
		_, err := io.Copy(out, io.NewSectionReader(f, w.tail, end-w.tail))
		return err
	})
	if kept != "" {
		c.kept = append(c.kept, fmt.Sprintf("Kept: %s as it was is %s\n", w.path, kept))
	}
	return err
}

// lock refuses to replace a file that a running daemon appends to: what it acknowledges
// from then on would go to the old file. The data directory is that of the file, or the
// one above in the multipart layout; a copy elsewhere has no lock.
func (c *checker) lock(dir string) (unlock func(), err error) {
	var held []io.Closer
	unlock = func() {
		for _, l := range held {
			_ = l.Close() // it ends with the process anyhow
		}
	}
	for _, d := range []string{dir, filepath.Join(dir, "..")} {
		name := filepath.Join(d, LockName)
		if _, err := c.env.FS.Stat(name); err != nil {
			continue
		}
		l, err := c.env.FS.Lock(name)
		switch {
		case errors.Is(err, vfs.ErrLocked):
			unlock()
			return nil, fmt.Errorf("a server is running in the directory %s: stop it first", d)
		case err == nil:
			held = append(held, l)
		}
	}
	return unlock, nil
}
