package aof

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"

	"redisd/internal/vfs"
	"redisd/pkg/persist/rdb"
)

// redis-check-aof: the same words, the same exit status. It goes by what the loader
// accepts, so that a file it calls valid does start a server, and one that
// it has fixed too.

// CheckEnv is what Check needs besides its arguments.
type CheckEnv struct {
	FS  vfs.FS
	In  io.Reader // the answer to "Continue?"
	Out io.Writer
	// NowMillis is the Unix time by which keys of a preamble count as expired.
	NowMillis int64
}

// Check is the program redis-check-aof. args are those of the command line, the
// program's name first. It returns the exit status.
func Check(env CheckEnv, args []string) int {
	c := &checker{env: env, line: 1, ask: rdb.Question{In: env.In, Out: env.Out}}
	path, cuts := "", false
	convert, ok := ConvertOptions{}, false
	if len(args) > 1 {
		convert, ok = parseConvert(args[1:])
	}
	switch {
	case ok:
	case len(args) == 2:
		path = args[1]
	case len(args) == 3 && (args[1] == "--fix" || args[1] == "--fix-any"):
		path, cuts, c.fix, c.fixAny = args[2], true, true, args[1] == "--fix-any"
	case len(args) == 4 && args[1] == "--truncate-to-timestamp":
		ts, err := strconv.ParseInt(args[2], 10, 64)
		if err != nil {
			c.printf("Invalid timestamp, aborting...\n")
			return 1
		}
		path, cuts, c.toTime = args[3], true, ts
	default:
		name := "redis-check-aof"
		if len(args) > 0 {
			name = args[0]
		}
		c.printf("Usage: %s [--fix|--truncate-to-timestamp $timestamp] <file.manifest|file.aof>\n", name)
		if len(args) > 1 && args[1] == "--convert-to" {
			c.printf("       %s %s\n", name, usageConvert)
		}
		return 1
	}
	run := func() error { return c.check(path) }
	switch {
	case cuts:
		run = func() error { return c.checkLocked(path) }
	case ok:
		run = func() error { return c.convert(convert) }
	}
	err := run()
	for _, line := range c.kept {
		c.printf("%s", line)
	}
	if err != nil {
		if err != errReported {
			c.printf("%v\n", err)
		}
		return 1
	}
	return 0
}

// errReported: what is wrong has been printed.
var errReported = fmt.Errorf("aof: reported")

// checker is one run of Check.
type checker struct {
	env    CheckEnv
	ask    rdb.Question
	fix    bool
	fixAny bool  // also files that others follow
	toTime int64 // 0 = not asked for

	line  int64    // lines of commands read, from 1; Redis does not start anew for each file of a set
	kept  []string // lines about files that were kept
	fault string   // the first thing wrong in the file in hand, as "0xoffset: text"
	later []Part   // files of the set behind the one in hand
}

// verdict is what became of one file.
type verdict uint8

const (
	checkedOK verdict = iota
	checkedEmpty
	checkedTruncated
	checkedToTime
	checkedRepaired
)

func (c *checker) printf(format string, args ...any) { fmt.Fprintf(c.env.Out, format, args...) }

// fail prints and returns errReported.
func (c *checker) fail(format string, args ...any) error {
	c.printf(format, args...)
	return errReported
}

func (c *checker) check(path string) error {
	manifest, preamble, err := c.kind(path)
	if err != nil {
		return err
	}
	if manifest {
		return c.checkSet(path)
	}
	c.printf("Start checking Old-Style AOF\n")
	v, err := c.checkFile(path, path, preamble)
	if err != nil {
		return err
	}
	c.report(v, "AOF", path)
	return nil
}

func (c *checker) report(v verdict, kind, name string) {
	switch v {
	case checkedOK:
		c.printf("%s %s is valid\n", kind, name)
	case checkedEmpty:
		c.printf("%s %s is empty\n", kind, name)
	case checkedTruncated:
		c.printf("Successfully truncated AOF %s\n", name)
	case checkedRepaired:
		c.printf("Successfully repaired AOF %s\n", name)
	case checkedToTime:
		c.printf("Successfully truncated AOF %s to timestamp %d\n", name, c.toTime)
	}
}

// kind looks at what path starts with.
func (c *checker) kind(path string) (manifest, preamble bool, err error) {
	f, err := c.env.FS.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return false, false, c.fail("Cannot open file %s: %s\n", path, Strerror(err))
	}
	defer f.Close() // read only
	r := bufio.NewReaderSize(f, 4096)
	if head, _ := r.Peek(64); len(head) >= 8 && rdb.Resembles(head) {
		return false, true, nil
	}
	manifest, err = isManifest(r)
	if err != nil {
		return false, false, c.fail("Cannot read file: %s\n", path)
	}
	return manifest, false, nil
}

func (c *checker) checkSet(path string) error {
	c.printf("Start checking Multi Part AOF\n")
	m, err := ReadManifest(c.env.FS, path)
	if err != nil {
		return c.manifestError(err)
	}
	parts := m.Parts()
	for i, p := range parts {
		file := filepath.Dir(path) + "/" + p.Name // as the tool shows it
		c.later = parts[i+1:]
		kind, preamble := "INCR AOF", false
		if m.Base != nil && i == 0 {
			kind = "BASE AOF"
			if _, preamble, err = c.kind(file); err != nil {
				return err
			}
			format := "RESP"
			if preamble {
				format = "RDB"
			}
			c.printf("Start to check BASE AOF (%s format).\n", format)
		} else if i == len(parts)-len(m.Incr) {
			c.printf("Start to check INCR files.\n")
		}
		v, err := c.checkFile(p.Name, file, preamble)
		if err != nil {
			return err
		}
		c.report(v, kind, p.Name)
	}
	c.printf("All AOF files and manifest are valid\n")
	return nil
}

func (c *checker) manifestError(err error) error {
	var le *LoadError
	var me *ManifestError
	switch {
	case errors.As(err, &me):
		c.printf("*** FATAL AOF MANIFEST FILE ERROR ***\n")
		if me.Text != "" {
			c.printf("Reading the manifest file, at line %d\n>>> '%s'\n", me.Line, me.Text)
		}
		return c.fail("%s\n", me.What)
	case errors.As(err, &le):
		return c.fail("%s\n", le.Text)
	}
	return err
}

// checkFile checks one file and, if asked to, cuts it.
func (c *checker) checkFile(name, path string, preamble bool) (verdict, error) {
	c.fault = ""
	f, err := c.env.FS.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return 0, c.fail("Cannot open file %s: %s, aborting...\n", path, Strerror(err))
	}
	defer f.Close() // read only
	size, err := f.Size()
	if err != nil {
		return 0, c.fail("Cannot stat file: %s, aborting...\n", name)
	}
	if size == 0 {
		return checkedEmpty, nil
	}
	w := &walker{c: c, size: size, name: name, path: path}
	if preamble {
		if err = c.preamble(f, w); err != nil {
			return 0, err
		}
	}
	if _, err := f.Seek(w.at, io.SeekStart); err != nil {
		return 0, c.fail("Failed to fseek in AOF %s: %s", name, Strerror(err))
	}
	w.in = bufio.NewReaderSize(f, scanBuffer)
	if err := w.walk(); err != nil {
		return 0, err
	}
	if w.cutAt >= 0 {
		if err := c.replace(f, w, w.cutAt); err != nil {
			return 0, c.fail("Failed to truncate AOF %s to timestamp %d: %v\n", path, c.toTime, err)
		}
		return checkedToTime, nil
	}
	return c.conclude(f, w)
}

// conclude prints the analysis and cuts the end off if that was asked for.
func (c *checker) conclude(f vfs.File, w *walker) (verdict, error) {
	if c.fault != "" {
		c.printf("%s\n", c.fault)
	}
	diff := w.size - w.good
	if diff == 0 && c.toTime != 0 {
		c.printf("Truncate nothing in AOF %s to timestamp %d\n", w.name, c.toTime)
		return checkedOK, nil
	}
	c.printf("AOF analyzed: filename=%s, size=%d, ok_up_to=%d, ok_up_to_line=%d, diff=%d\n", w.name, w.size, w.good, c.line, diff)
	if diff != 0 {
		s := &survey{f: f, from: w.good, size: w.size}
		if err := s.look(); err != nil {
			return 0, c.fail("Failed to read from AOF %s: %s\n", w.name, Strerror(err))
		}
		c.printf("%s", s)
	}
	switch {
	case diff == 0 && w.head == nil:
		return checkedOK, nil
	case !c.fix:
		return 0, c.fail("AOF %s is not valid. Use the --fix option to try fixing it.\n", w.name)
	}
	return c.repair(f, w)
}
