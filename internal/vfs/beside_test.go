package vfs_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
)

// TestReplaceKeeping replaces a file whose examination is over, whatever happened since.
func TestReplaceKeeping(t *testing.T) {
	nothing := func(vfs.FS, string) error { return nil }
	fails := func(kinds ...vfs.OpKind) func() vfs.Injector {
		return func() vfs.Injector { return vfs.Kinds(vfs.Always(unix.EIO), kinds...) }
	}
	second := func(kind vfs.OpKind) func() vfs.Injector {
		return func() vfs.Injector { return vfs.Kinds(vfs.OnIndex(1, unix.EIO), kind) }
	}
	tests := []struct {
		name      string
		meanwhile func(fsys vfs.FS, p string) error
		inj       func() vfs.Injector
		err       error
		holds     string
		kept      bool
	}{
		{"nothing", nothing, nil, nil, "new", true},
		{"replaced", func(fsys vfs.FS, p string) error {
			return errors.Join(vfs.WriteFile(fsys, p+".x", []byte("old"), 0o644), fsys.Rename(p+".x", p))
		}, nil, vfs.ErrChanged, "old", false},
		{"grown", func(fsys vfs.FS, p string) error {
			return vfs.WriteFile(fsys, p, []byte("older"), 0o644)
		}, nil, vfs.ErrChanged, "older", false},
		{"rename fails", nothing, fails(vfs.OpRename), unix.EIO, "old", true},
		{"rename fails, no links", nothing, fails(vfs.OpLink, vfs.OpRename), unix.EIO, "old", true},
		{"sync of the name fails", nothing, second(vfs.OpSyncDir), unix.EIO, "old", true},
		{"copy fails", nothing, func() vfs.Injector {
			return vfs.Any(fails(vfs.OpLink)(), second(vfs.OpWrite)())
		}, unix.EIO, "old", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			both(t, func(t *testing.T, fsys vfs.FS, dir string) {
				p := filepath.Join(dir, "a")
				check.NoErr(t, vfs.WriteFile(fsys, p, []byte("old"), 0o644))
				through := fsys
				if tt.inj != nil {
					through = vfs.NewFault(fsys, tt.inj())
				}
				old, err := through.OpenFile(p, os.O_RDONLY, 0)
				check.NoErr(t, err)
				defer old.Close() // read only
				check.NoErr(t, tt.meanwhile(fsys, p))
				kept, err := vfs.ReplaceKeeping(through, old, p, 3, vfs.Copying(strings.NewReader("new")))
				if tt.err == nil {
					check.NoErr(t, err)
				} else {
					check.ErrIs(t, err, tt.err)
				}
				text, err := vfs.ReadFile(fsys, p)
				check.NoErr(t, err)
				check.Eq(t, string(text), tt.holds)
				want, name := []string{"a"}, ""
				if tt.kept {
					want, name = []string{"a", "a.broken"}, p+".broken"
					text, err := vfs.ReadFile(fsys, name)
					check.NoErr(t, err)
					check.Eq(t, string(text), "old")
				}
				check.Eq(t, kept, name)
				check.Eq(t, names(t, fsys, dir), want)
			})
		})
	}
}

func TestLockDirs(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS, dir string) {
		unlock, err := vfs.LockDirs(fsys, dir, filepath.Join(dir, "none"))
		check.NoErr(t, err)
		unlock()
		check.Eq(t, names(t, fsys, dir), []string{}) // no data directory, and it does not become one
		l, err := fsys.Lock(filepath.Join(dir, vfs.LockName))
		check.NoErr(t, err)
		_, err = vfs.LockDirs(fsys, dir)
		check.ErrIs(t, err, vfs.ErrLocked)
		check.NoErr(t, l.Close())
		unlock, err = vfs.LockDirs(fsys, dir, dir)
		check.NoErr(t, err)
		_, err = vfs.LockDirs(fsys, dir)
		check.ErrIs(t, err, vfs.ErrLocked)
		unlock()
		_, err = vfs.LockDirs(vfs.NewFault(fsys, vfs.Kinds(vfs.Always(unix.EACCES), vfs.OpLock)), dir)
		check.ErrIs(t, err, unix.EACCES)
	})
}
