package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"redisd/internal/vfs"
)

// This file is CONFIG REWRITE: it makes the new text (rewrite_conf.go,
// rewrite_toml.go), checks that it means what the daemon has, and replaces the
// file.

// Rewrite writes values that differ from the file back into it. Directives that
// have their default and are not in the file stay out of it. ErrNoFile when there
// is none.
func (c *Config) Rewrite() error { return c.rewrite(false) }

// RewriteAll is Rewrite with every directive written, defaults and hidden ones
// included; for DEBUG CONFIG-REWRITE-FORCE-ALL.
func (c *Config) RewriteAll() error { return c.rewrite(true) }

func (c *Config) rewrite(all bool) error {
	path, fsys := c.source.File, c.source.FS
	if path == "" {
		return ErrNoFile
	}
	c.users = nil
	if c.Users != nil {
		var err error
		if c.users, err = c.Users(); err != nil {
			return err
		}
	}
	old, err := vfs.ReadFile(fsys, path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("config: rewrite: %w", err)
	}
	text := c.rewriteConf
	if isTOML(path) {
		text = c.rewriteTOML
	}
	next, err := text(string(old), all)
	if err != nil {
		return err
	}
	if err := c.verify(path, next); err != nil {
		return err
	}
	if next != string(old) {
		if err := replaceFile(fsys, path, next); err != nil {
			return fmt.Errorf("config: rewrite: %w", err)
		}
	}
	c.loaded = c.vals
	return nil
}

// scratch loads text over the defaults without its includes.
func (c *Config) scratch(path, text string) (*Config, error) {
	s := New()
	l := loader{c: s, fs: c.source.FS}
	if err := l.text(path, text); err != nil {
		return nil, err
	}
	return s, nil
}

// verify makes sure that text gives the values that the daemon has.
func (c *Config) verify(path, text string) error {
	s, err := c.scratch(path, text)
	if err != nil {
		return err
	}
	for i := range c.index.rows {
		d := &c.index.rows[i]
		if !d.Is(FileOnly) && !d.equal(s.vals[i], c.vals[i]) {
			return &Error{File: path, Reason: "this value of " + d.Name + " cannot be written so that it is read back the same"}
		}
	}
	if c.Users != nil {
		return verifyUsers(path, s.Lines(User), c.users)
	}
	return nil
}

// replaceFile gives path the content text: a file beside it is written, synced
// and renamed. Where the folder or the mount does not let that happen, the file
// is written in place.
func replaceFile(fsys vfs.FS, path, text string) error {
	perm := os.FileMode(0o640) // it may hold passwords
	if fi, err := fsys.Stat(path); err == nil {
		perm = fi.Mode().Perm()
	}
	tmp := path + ".rewrite"
	_ = fsys.Remove(tmp) // left by a crash, usually absent
	err := vfs.WriteNew(fsys, tmp, []byte(text), perm)
	if err == nil {
		if err = fsys.Rename(tmp, path); err == nil {
			return fsys.SyncDir(filepath.Dir(path))
		}
	}
	_ = fsys.Remove(tmp)
	for _, e := range []error{syscall.EBUSY, syscall.EXDEV, syscall.EACCES, syscall.EPERM, syscall.EROFS} {
		if errors.Is(err, e) {
			return writeInPlace(fsys, path, text)
		}
	}
	return err
}

// writeInPlace overwrites path in one write. A text shorter than the old one is
// filled up with a comment before the file is cut, so that a crash between the
// two leaves no half line of the old text.
func writeInPlace(fsys vfs.FS, path, text string) error {
	f, err := fsys.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	size, err := f.Size()
	if err == nil {
		fill := max(0, int(size)-len(text))
		_, err = f.Write([]byte(text + strings.Repeat("#", fill)))
	}
	for _, step := range []func() error{f.Sync, func() error { return f.Truncate(int64(len(text))) }, f.Sync} {
		if err == nil {
			err = step()
		}
	}
	return errors.Join(err, f.Close())
}
