package vfs_test

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
)

// both runs fn over the machine's file system and over Mem: they must agree.
func both(t *testing.T, fn func(t *testing.T, fsys vfs.FS, dir string)) {
	t.Helper()
	t.Run("os", func(t *testing.T) { fn(t, vfs.OS(), t.TempDir()) })
	t.Run("mem", func(t *testing.T) {
		m := vfs.NewMem()
		check.NoErr(t, m.MkdirAll("/data/x", 0o755))
		fn(t, m, "/data/x")
	})
}

func names(t *testing.T, fsys vfs.FS, dir string) []string {
	t.Helper()
	es, err := fsys.ReadDir(dir)
	check.NoErr(t, err)
	out := []string{}
	for _, e := range es {
		out = append(out, e.Name())
	}
	return out
}

func TestFileReadsWhatWasWritten(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS, dir string) {
		p := filepath.Join(dir, "a")
		f, err := fsys.OpenFile(p, os.O_RDWR|os.O_CREATE, 0o600)
		check.NoErr(t, err)
		_, err = f.Write([]byte("hello world"))
		check.NoErr(t, err)
		check.NoErr(t, f.Sync())
		at := make([]byte, 5)
		n, err := f.ReadAt(at, 6)
		check.NoErr(t, err)
		check.Eq(t, string(at[:n]), "world")
		_, err = f.ReadAt(at, 8)
		check.ErrIs(t, err, io.EOF)
		_, err = f.Seek(-5, io.SeekEnd)
		check.NoErr(t, err)
		rest, err := io.ReadAll(f)
		check.NoErr(t, err)
		check.Eq(t, string(rest), "world")
		check.NoErr(t, f.Truncate(3))
		size, err := f.Size()
		check.NoErr(t, err)
		check.Eq(t, size, int64(3))
		check.NoErr(t, f.Close())
		check.ErrIs(t, f.Close(), fs.ErrClosed)
		b, err := vfs.ReadFile(fsys, p)
		check.NoErr(t, err)
		check.Eq(t, string(b), "hel")
		st, err := fsys.Stat(p)
		check.NoErr(t, err)
		check.Eq(t, st.Size(), int64(3))
		check.Eq(t, st.Mode().Perm(), fs.FileMode(0o600))
	})
}

func TestOpenFlags(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS, dir string) {
		p := filepath.Join(dir, "a")
		_, err := fsys.OpenFile(p, os.O_RDONLY, 0)
		check.ErrIs(t, err, fs.ErrNotExist)
		check.NoErr(t, vfs.WriteFile(fsys, p, []byte("one"), 0o644))
		_, err = fsys.OpenFile(p, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		check.ErrIs(t, err, fs.ErrExist)
		f, err := fsys.OpenFile(p, os.O_WRONLY|os.O_APPEND, 0)
		check.NoErr(t, err)
		_, err = f.Write([]byte("two"))
		check.NoErr(t, err)
		_, err = f.Read(make([]byte, 1))
		check.ErrIs(t, err, unix.EBADF)
		check.NoErr(t, f.Close())
		f, err = fsys.OpenFile(p, os.O_RDONLY, 0)
		check.NoErr(t, err)
		_, err = f.Write([]byte("x"))
		check.ErrIs(t, err, unix.EBADF)
		check.NoErr(t, f.Close())
		b, _ := vfs.ReadFile(fsys, p)
		check.Eq(t, string(b), "onetwo")
		_, err = fsys.OpenFile(filepath.Join(dir, "no", "file"), os.O_CREATE|os.O_RDWR, 0o644)
		check.ErrIs(t, err, fs.ErrNotExist)
		_, err = fsys.OpenFile(dir, os.O_RDWR, 0)
		check.ErrIs(t, err, unix.EISDIR)
	})
}

func TestRenameRemoveList(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS, dir string) {
		a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
		check.NoErr(t, vfs.WriteFile(fsys, a, []byte("A"), 0o644))
		check.NoErr(t, vfs.WriteFile(fsys, b, []byte("B"), 0o644))
		old, err := fsys.OpenFile(b, os.O_RDONLY, 0)
		check.NoErr(t, err)
		check.NoErr(t, fsys.Rename(a, b))
		check.NoErr(t, fsys.SyncDir(dir))
		check.Eq(t, names(t, fsys, dir), []string{"b"})
		got, _ := vfs.ReadFile(fsys, b)
		check.Eq(t, string(got), "A")
		still, err := io.ReadAll(old)
		check.NoErr(t, err)
		check.Eq(t, string(still), "B")
		check.NoErr(t, old.Close())
		check.ErrIs(t, fsys.Rename(a, b), fs.ErrNotExist)
		check.ErrIs(t, fsys.Remove(a), fs.ErrNotExist)
		sub := filepath.Join(dir, "sub")
		check.NoErr(t, fsys.MkdirAll(sub, 0o755))
		check.NoErr(t, vfs.WriteFile(fsys, filepath.Join(sub, "x"), nil, 0o644))
		check.ErrIs(t, fsys.Remove(sub), unix.ENOTEMPTY)
		check.Eq(t, names(t, fsys, dir), []string{"b", "sub"})
		check.NoErr(t, fsys.Remove(filepath.Join(sub, "x")))
		check.NoErr(t, fsys.Remove(sub))
		check.ErrIs(t, fsys.SyncDir(sub), fs.ErrNotExist)
		free, err := fsys.Free(dir)
		check.NoErr(t, err)
		check.True(t, free > 0, "there is room")
	})
}

func TestLockIsExclusiveUntilClosed(t *testing.T) {
	both(t, func(t *testing.T, fsys vfs.FS, dir string) {
		p := filepath.Join(dir, "redisd.lock")
		l, err := fsys.Lock(p)
		check.NoErr(t, err)
		_, err = fsys.Lock(p)
		check.ErrIs(t, err, vfs.ErrLocked)
		check.NoErr(t, l.Close())
		l, err = fsys.Lock(p)
		check.NoErr(t, err)
		check.NoErr(t, l.Close())
	})
}

func TestMemRunsOutOfSpace(t *testing.T) {
	m := vfs.NewMem()
	m.SetFree(5)
	f, err := m.OpenFile("a", os.O_WRONLY|os.O_CREATE, 0o644)
	check.NoErr(t, err)
	n, err := f.Write([]byte("12345678"))
	check.Eq(t, n, 5)
	check.ErrIs(t, err, unix.ENOSPC)
	_, err = f.Write([]byte("x"))
	check.ErrIs(t, err, unix.ENOSPC)
	free, err := m.Free(".")
	check.NoErr(t, err)
	check.Eq(t, free, uint64(0))
	m.SetFree(-1)
	_, err = f.Write([]byte("678"))
	check.NoErr(t, err)
	b, _ := vfs.ReadFile(m, "a")
	check.Eq(t, string(b), "12345678")
}

func TestOSSyncOfBadDescriptorFails(t *testing.T) {
	f, err := vfs.OS().OpenFile(filepath.Join(t.TempDir(), "a"), os.O_RDWR|os.O_CREATE, 0o644)
	check.NoErr(t, err)
	check.True(t, f.Fd() > 2, "an OS file has a descriptor")
	check.NoErr(t, f.Close())
	var pe *fs.PathError
	check.True(t, errors.As(f.Sync(), &pe), "a failed sync is a *fs.PathError")
}

func TestLinkIsASecondName(t *testing.T) {
	for name, fsys := range map[string]vfs.FS{"memory": vfs.NewMem(), "system": vfs.OS()} {
		t.Run(name, func(t *testing.T) {
			dir := "."
			if name == "system" {
				dir = t.TempDir()
			}
			a, b := filepath.Join(dir, "a"), filepath.Join(dir, "b")
			check.NoErr(t, vfs.WriteFile(fsys, a, []byte("old"), 0o644))
			check.NoErr(t, fsys.Link(a, b))
			check.ErrIs(t, fsys.Link(a, b), fs.ErrExist)
			check.ErrIs(t, fsys.Link(filepath.Join(dir, "none"), a), fs.ErrNotExist)
			check.NoErr(t, vfs.WriteFile(fsys, filepath.Join(dir, "c"), []byte("new"), 0o644))
			check.NoErr(t, fsys.Rename(filepath.Join(dir, "c"), a))
			got, err := vfs.ReadFile(fsys, b)
			check.NoErr(t, err)
			check.Eq(t, string(got), "old")
		})
	}
}
