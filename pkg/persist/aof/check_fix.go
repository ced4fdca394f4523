package aof

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"redisd/internal/vfs"
	"redisd/pkg/persist/rdb"
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
			w.name, w.size, w.head.Size()+w.good-w.tail, rdb.Plural(w.head.Keys(), "key"), w.good-w.tail)
	}
	if !c.ask.Continue() {
		return 0, c.fail("Aborting...\n")
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
	kept, err := vfs.ReplaceKeeping(c.env.FS, f, w.path, w.size, func(out vfs.File) error {
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

// checkLocked is check where files get replaced, from before the first is read: what a
// running daemon acknowledged after that would go to an old file, or be cut off.
func (c *checker) checkLocked(path string) error {
	dirs, err := c.dataDirs(path)
	if err != nil {
		return err
	}
	unlock, err := vfs.LockDirs(c.env.FS, dirs...)
	if err != nil {
		return err
	}
	defer unlock()
	return c.check(path)
}

// manifestSuffix ends the name of every manifest.
const manifestSuffix = ".manifest"

// dataDirs are the directories whose daemon may use the file: its own, and the one above
// if the file lies in the folder of a set.
func (c *checker) dataDirs(path string) ([]string, error) {
	dir := filepath.Dir(path)
	entries, err := c.env.FS.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, syscall.ENOTDIR) {
		return nil, err
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return strings.HasSuffix(e.Name(), manifestSuffix) }) {
		return []string{dir, filepath.Join(dir, "..")}, nil
	}
	return []string{dir}, nil
}
