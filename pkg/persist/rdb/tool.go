package rdb

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"redisd/internal/vfs"
)

// The program redis-check-rdb: the same words and exit status, and what Redis's lacks:
// it tells what is lost, and --fix writes what is whole into a new file.

// ToolEnv is what Tool needs besides its arguments.
type ToolEnv struct {
	FS       vfs.FS
	In       io.Reader // the answer to "Continue?"
	Out, Err io.Writer
	// NowMillis is the Unix time by which keys count as expired.
	NowMillis int64
}

// Tool is the program. args are those of the command line, the program's name first. It
// returns the exit status.
func Tool(env ToolEnv, args []string) int {
	t := &repairer{env: env}
	if len(args) == 3 && args[1] == "--fix" {
		t.fix, args = true, []string{args[0], args[2]}
	}
	if len(args) != 2 {
		fmt.Fprintf(env.Err, "Usage: %s [--fix] <rdb-file-name>\n", args[0])
		return 1
	}
	t.path = args[1]
	if t.fix {
		// Before the file is read: a running server may replace it after that.
		unlock, err := vfs.LockDirs(env.FS, filepath.Dir(t.path))
		if err != nil {
			fmt.Fprintf(env.Err, "%v\n", err)
			return 1
		}
		defer unlock()
	}
	f, err := env.FS.OpenFile(t.path, os.O_RDONLY, 0)
	if err != nil {
		fmt.Fprintf(env.Err, "Cannot open file %s: %v\n", t.path, cause(err))
		return 1
	}
	defer f.Close() // read only
	if err := t.run(f); err != nil {
		fmt.Fprintf(env.Out, "%v\n", err)
		return 1
	}
	return 0
}

// Question is what a tool asks before it replaces a file, perhaps of several.
type Question struct {
	In  io.Reader
	Out io.Writer

	rest bool // of the line with the last answer some may be left
}

// Continue asks and says whether the answer is yes.
func (q *Question) Continue() bool {
	fmt.Fprint(q.Out, "Continue? [y/N]: ")
	var b [1]byte
	next := func() bool {
		n, _ := q.In.Read(b[:])
		return n > 0
	}
	// The rest of a line is not the answer to the next question. It is read when that is
	// asked and not before: who asks nothing more need not wait for it.
	for q.rest && next() {
		q.rest = b[0] != '\n'
	}
	if q.rest || !next() {
		return false
	}
	q.rest = b[0] != '\n'
	return b[0]|0x20 == 'y'
}

// repairer is one run of Tool.
type repairer struct {
	env  ToolEnv
	path string
	fix  bool
}

func (t *repairer) printf(format string, args ...any) { fmt.Fprintf(t.env.Out, format, args...) }

func (t *repairer) run(f vfs.File) error {
	size, err := f.Size()
	if err != nil {
		return fmt.Errorf("Cannot stat file %s: %v", t.path, cause(err))
	}
	d := NewDecoder(f)
	d.SetSize(size)
	if CheckDecoder(d, t.env.Out, CheckOptions{Name: t.path, NowMillis: t.env.NowMillis}) {
		if end := d.Offset(); end != size {
			t.printf("Damage: %d bytes follow the end of the RDB, from offset %d on, and a start does not read them\n", size-end, end)
		}
		return nil
	}
	s, err := NewSalvage(f, size, SalvageOptions{})
	switch {
	case errors.Is(err, ErrSignature) || errors.Is(err, ErrVersion) || errors.Is(err, ErrShortRead):
		return fmt.Errorf("Damage: first bad offset 0 (0x0), in the header\nRDB %s is not one that can be read: there is nothing to repair.", t.path)
	case err != nil:
		return fmt.Errorf("Failed to read from RDB %s: %v", t.path, cause(err))
	}
	t.printf("%s", s)
	switch {
	case s.Sound():
		return fmt.Errorf("RDB %s changed while it was read", t.path)
	case !t.fix:
		return fmt.Errorf("RDB %s is not valid. Use the --fix option to try fixing it.", t.path)
	}
	return t.repair(f, size, s)
}

// repair writes what is whole into a new file, if that is wanted.
func (t *repairer) repair(f vfs.File, size int64, s *Salvage) error {
	t.printf("This will replace the RDB %s, %d bytes, by one of %d bytes with %s\n", t.path, size, s.Size(), Plural(s.Keys(), "key"))
	ask := Question{In: t.env.In, Out: t.env.Out}
	if !ask.Continue() {
		return errors.New("Aborting...")
	}
	kept, err := vfs.ReplaceKeeping(t.env.FS, f, t.path, size, s.Write)
	if kept != "" {
		t.printf("Kept: %s as it was is %s\n", t.path, kept)
	}
	if err != nil {
		return fmt.Errorf("Failed to repair RDB %s: %v", t.path, err)
	}
	t.printf("Successfully repaired RDB %s\n", t.path)
	return nil
}

// Write writes an RDB of what is whole into f, which is empty, and reads it back.
func (s *Salvage) Write(f vfs.File) error {
	n, err := s.WriteTo(f)
	if err != nil {
		return err
	}
	back, err := NewSalvage(f, n, SalvageOptions{})
	switch {
	case err != nil:
		return fmt.Errorf("reading it back: %w", err)
	case !back.Sound() || back.Keys() != s.Keys():
		return errors.New("reading it back: it is not what was written")
	}
	return nil
}

// cause is the bare error of a call of the system.
func cause(err error) error {
	var errno syscall.Errno
	if errors.As(err, &errno) {
		return errno
	}
	if errors.Is(err, fs.ErrNotExist) {
		return fs.ErrNotExist
	}
	return err
}
