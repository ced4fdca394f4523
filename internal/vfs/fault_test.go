package vfs_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
)

// replace is a small crash-safe replacement of a file: what a sweep is run over.
func replace(fsys vfs.FS, data string) (err error) {
	f, err := fsys.OpenFile("tmp", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = fsys.Remove("tmp")
		}
	}()
	if _, err = f.Write([]byte(data)); err != nil {
		_ = f.Close()
		return err
	}
	if err = f.Sync(); err != nil {
		_ = f.Close()
		return err
	}
	if err = f.Close(); err != nil {
		return err
	}
	if err = fsys.Rename("tmp", "live"); err != nil {
		return err
	}
	return fsys.SyncDir(".")
}

func TestSweepFailsEveryOperationOnce(t *testing.T) {
	var failed []vfs.OpKind
	for i := int64(0); ; i++ {
		m := vfs.NewMem()
		put(t, m, "live", "old", true)
		check.NoErr(t, m.SyncDir("."))
		var kind vfs.OpKind
		inner := vfs.OnIndex(i, unix.EIO)
		err := replace(vfs.NewFault(m, vfs.Func("spy", func(op vfs.Op) error {
			err := inner.Check(op)
			if err != nil {
				kind = op.Kind
			}
			return err
		})), "new")
		if err == nil {
			check.Eq(t, i, int64(6))
			break
		}
		check.ErrIs(t, err, unix.EIO)
		failed = append(failed, kind)
		want := "old"
		if kind == vfs.OpSyncDir {
			want = "new"
		}
		check.Eq(t, content(t, m, "live"), want)
	}
	check.Eq(t, failed, []vfs.OpKind{vfs.OpCreate, vfs.OpWrite, vfs.OpSync, vfs.OpClose, vfs.OpRename, vfs.OpSyncDir})
}

func TestInjectorsCompose(t *testing.T) {
	tests := []struct {
		name string
		inj  vfs.Injector
		text string
		want error
	}{
		{"other path", vfs.PathMatch("*.aof", vfs.Always(unix.EIO)), `PathMatch("*.aof", Always(input/output error))`, nil},
		{"this path", vfs.PathMatch("tm*", vfs.Always(unix.EIO)), `PathMatch("tm*", Always(input/output error))`, unix.EIO},
		{"new name of rename", vfs.PathMatch("live", vfs.Renames(vfs.Always(unix.EXDEV))), `PathMatch("live", rename(Always(invalid cross-device link)))`, unix.EXDEV},
		{"second write never comes", vfs.Writes(vfs.OnIndex(1, unix.ENOSPC)), "write(OnIndex(1, no space left on device))", nil},
		{"first sync", vfs.Syncs(vfs.OnIndex(0, unix.EIO)), "sync|syncdir(OnIndex(0, input/output error))", unix.EIO},
		{"any", vfs.Any(vfs.Reads(vfs.Always(unix.EPERM)), vfs.Opens(vfs.From(0, unix.EMFILE))), "Any(read(Always(operation not permitted)), open|create(From(0, too many open files)))", unix.EMFILE},
		{"count", &vfs.Ops{}, "Ops", nil},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			check.Eq(t, tc.inj.String(), tc.text)
			err := replace(vfs.NewFault(vfs.NewMem(), tc.inj), "new")
			if tc.want == nil {
				check.NoErr(t, err)
			} else {
				check.ErrIs(t, err, tc.want)
			}
		})
	}
}

func TestInjectedErrorsLookLikeTheSystems(t *testing.T) {
	m := vfs.NewMem()
	f := vfs.NewFault(m, vfs.Always(unix.EACCES))
	_, err := f.OpenFile("a", os.O_RDONLY, 0)
	check.True(t, errors.Is(err, fs.ErrPermission), "EACCES is ErrPermission")
	var pe *fs.PathError
	check.True(t, errors.As(err, &pe) && pe.Path == "a" && pe.Op == "open", "with operation and path")
	var le *os.LinkError
	check.True(t, errors.As(f.Rename("a", "b"), &le) && le.Old == "a" && le.New == "b", "a rename has both names")
	for _, err := range []error{f.Remove("a"), f.SyncDir("."), f.MkdirAll("d", 0o755), second(f.Stat("a")),
		second(f.ReadDir(".")), second(f.Lock("l")), second(f.Free("."))} {
		check.ErrIs(t, err, unix.EACCES)
	}
}

func second[T any](_ T, err error) error { return err }

func TestShortWriteWritesItsPart(t *testing.T) {
	m := vfs.NewMem()
	ops := &vfs.Ops{}
	f, err := vfs.NewFault(m, vfs.Any(ops, vfs.Writes(vfs.OnIndex(0, vfs.ShortWrite(3, unix.ENOSPC))))).
		OpenFile("a", os.O_RDWR|os.O_CREATE, 0o644)
	check.NoErr(t, err)
	n, err := f.Write([]byte("123456"))
	check.Eq(t, n, 3)
	check.ErrIs(t, err, unix.ENOSPC)
	n, err = f.Write([]byte("456"))
	check.Eq(t, n, 3)
	check.NoErr(t, err)
	check.NoErr(t, f.Close())
	check.Eq(t, content(t, m, "a"), "123456")
	check.Eq(t, ops.Count(), int64(4))
}

func TestFailingCloseStillCloses(t *testing.T) {
	m := vfs.NewMem()
	f, err := vfs.NewFault(m, vfs.Kinds(vfs.OnIndex(0, unix.EIO), vfs.OpClose, vfs.OpSeek)).
		OpenFile("a", os.O_RDWR|os.O_CREATE, 0o644)
	check.NoErr(t, err)
	check.ErrIs(t, f.Close(), unix.EIO)
	check.ErrIs(t, f.Close(), fs.ErrClosed)
}
