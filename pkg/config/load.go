package config

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"strings"

	"redisd/internal/vfs"
)

// This file loads the sources: file, standard input, arguments; and loads them
// again for Reload. The redis.conf reader is in conf.go, the TOML one in toml.go.

const (
	stdinName    = "standard input"
	argsName     = "command line"
	includeDepth = 16 // files within files; more is taken for a circle
)

// Source is where a configuration comes from, in the order in which it is read.
type Source struct {
	FS      vfs.FS
	File    string    // path, absolute so that Rewrite finds it after a change of folder; empty for none
	Stdin   io.Reader // nil for none; redis.conf lines
	Options string    // lines made of the arguments: CommandLine.Options
	Sockets int       // listening sockets that the service manager handed over
}

// Load reads the sources over the defaults. What comes later wins, save points
// add up. The error is an *Error.
func Load(src Source) (*Config, error) {
	c := New()
	c.source = src
	if src.Stdin != nil {
		text, err := io.ReadAll(src.Stdin)
		if err != nil {
			return nil, &Error{File: stdinName, Reason: err.Error()}
		}
		c.stdin = string(text)
	}
	l := loader{c: c, fs: src.FS, includes: true}
	if err := l.all(); err != nil {
		return nil, err
	}
	if err := c.validate(src.Sockets); err != nil {
		return nil, err
	}
	c.loaded = c.vals
	return c, nil
}

// loader reads sources into a Config.
type loader struct {
	c        *Config
	fs       vfs.FS
	includes bool // false when Rewrite checks its result: includes stay unread
	depth    int
	saved    bool // a save point was read: the default ones are gone
	moved    bool // dir was read: relative includes start there, as after Redis's chdir
}

// all reads the three sources. Line numbers of standard input and arguments go on
// from the file's, as if all were one text, because redis-server prints them so.
func (l *loader) all() error {
	src := l.c.source
	base := 0
	if src.File != "" {
		text, err := vfs.ReadFile(l.fs, src.File)
		if err != nil {
			return &Error{File: src.File, Reason: cannotOpen(src.File, err)}
		}
		if err := l.text(src.File, string(text)); err != nil {
			return err
		}
		if !isTOML(src.File) {
			base = strings.Count(string(text), "\n")
		}
	}
	if err := l.conf(stdinName, l.c.stdin, base); err != nil {
		return err
	}
	base += strings.Count(l.c.stdin, "\n") + 1
	return l.conf(argsName, src.Options, base)
}

func isTOML(path string) bool { return strings.EqualFold(filepath.Ext(path), ".toml") }

// text reads a file's text by the format that its name tells.
func (l *loader) text(path, text string) error {
	if isTOML(path) {
		return l.toml(path, text)
	}
	return l.conf(path, text, 0)
}

// cannotOpen is Redis's line, with the C library's words for the usual errors.
func cannotOpen(path string, err error) string {
	why := err.Error()
	var pe *fs.PathError
	switch {
	case errors.Is(err, fs.ErrNotExist):
		why = "No such file or directory"
	case errors.Is(err, fs.ErrPermission):
		why = "Permission denied"
	case errors.As(err, &pe):
		why = pe.Err.Error()
	}
	return fmt.Sprintf("Fatal error, can't open config file '%s': %s", path, why)
}

// set gives the arguments of one directive to it. The error is the reason.
func (l *loader) set(d *Directive, args []string, at origin) error {
	old := l.c.vals[d.ID]
	if d.Kind == KindSavePoints && !l.saved {
		l.saved = true
		old = value{}
	}
	v, err := d.parse(args, old)
	if err != nil {
		return err
	}
	l.moved = l.moved || d.ID == Dir
	l.c.vals[d.ID] = v
	l.c.origin[d.ID] = at
	return nil
}

// keep stores a line of a KindLines.
func (l *loader) keep(id ID, args []string, at origin) {
	old, _ := l.c.vals[id].x.([]Line)
	lines := append(old[:len(old):len(old)], Line{Args: args, File: at.file, Line: at.line, Text: at.text})
	l.c.vals[id] = value{x: lines}
}

// include reads the files of a path or pattern.
func (l *loader) include(pattern string, at origin) error {
	fail := func(reason string) error {
		return &Error{File: at.file, Line: at.line, Text: at.text, Reason: reason}
	}
	if !l.includes {
		return nil
	}
	if l.depth++; l.depth > includeDepth {
		return fail("include is nested too deeply; does a file include itself?")
	}
	defer func() { l.depth-- }()
	if l.moved && !filepath.IsAbs(pattern) {
		pattern = filepath.Join(l.c.String(Dir), pattern)
	}
	paths := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		var err error
		if paths, err = expand(l.fs, pattern); err != nil {
			return fail(err.Error())
		}
	}
	for _, p := range paths {
		text, err := vfs.ReadFile(l.fs, p)
		if err != nil {
			return fail(cannotOpen(p, err))
		}
		if err := l.text(p, string(text)); err != nil {
			return err
		}
	}
	return nil
}

// expand returns the files that match a shell pattern, sorted; names that begin
// with a dot are matched only by a pattern that does.
func expand(fsys vfs.FS, pattern string) ([]string, error) {
	if _, err := filepath.Match(pattern, ""); err != nil {
		return nil, fmt.Errorf("include: %w", err)
	}
	paths := []string{""}
	if filepath.IsAbs(pattern) {
		paths[0] = "/"
	}
	for part := range strings.SplitSeq(strings.Trim(pattern, "/"), "/") {
		var next []string
		for _, dir := range paths {
			if !strings.ContainsAny(part, `*?[\`) {
				if p := filepath.Join(dir, part); exists(fsys, p) {
					next = append(next, p)
				}
				continue
			}
			next = append(next, matches(fsys, dir, part)...)
		}
		paths = next
	}
	return paths, nil
}

func exists(fsys vfs.FS, path string) bool {
	_, err := fsys.Stat(path)
	return err == nil
}

// matches lists the entries of dir. A folder that cannot be read has none, as for
// a shell.
func matches(fsys vfs.FS, dir, part string) []string {
	if dir == "" {
		dir = "."
	}
	entries, err := fsys.ReadDir(dir)
	if err != nil {
		return nil
	}
	var paths []string
	for _, e := range entries {
		hidden := strings.HasPrefix(e.Name(), ".") && !strings.HasPrefix(part, ".")
		if ok, err := filepath.Match(part, e.Name()); ok && err == nil && !hidden {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// Reloaded is what Reload found changed in the sources.
type Reloaded struct {
	Applied []string // names of directives that were set
	Ignored []string // names of those that a restart would apply
}

// Reload reads the sources again and sets the directives that differ from what
// the sources held last time, so values of CONFIG SET stay unless the file changed
// them too. Only what can change at run time is set, and as in Set all of it or
// nothing. A mistake in the sources is an *Error, a refusal a *SetError.
func (c *Config) Reload() (Reloaded, error) {
	fresh := New()
	fresh.source, fresh.stdin = c.source, c.stdin
	l := loader{c: fresh, fs: c.source.FS, includes: true}
	if err := l.all(); err != nil {
		return Reloaded{}, err
	}
	if err := fresh.validate(c.source.Sockets); err != nil {
		return Reloaded{}, err
	}
	var r Reloaded
	var changes []change
	next := fresh.vals
	for i := range c.index.rows {
		d := &c.index.rows[i]
		switch {
		case d.Is(FileOnly) || d.equal(c.loaded[i], fresh.vals[i]):
		case d.Is(Immutable):
			r.Ignored = append(r.Ignored, d.Name)
			next[i] = c.loaded[i]
		default:
			r.Applied = append(r.Applied, d.Name)
			changes = append(changes, change{id: d.ID, name: d.Name, new: fresh.vals[i]})
		}
	}
	if err := c.apply(changes); err != nil {
		return Reloaded{}, err
	}
	for _, ch := range changes {
		c.origin[ch.id] = fresh.origin[ch.id]
	}
	c.loaded = next
	return r, nil
}
