package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// Replacing a file so that nothing of the old one is lost: the new one is whole on the
// disk, and the old one has a further name, before the name changes hands.

// manyBeside is how many names are tried.
const manyBeside = 1000

// CreateBeside creates a file that was not there before, under name or name with a
// number behind it, and returns the name.
func CreateBeside(fsys FS, name string) (File, string, error) {
	free := name
	for i := 1; ; i++ {
		f, err := fsys.OpenFile(free, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil || !errors.Is(err, os.ErrExist) || i > manyBeside {
			return f, free, err
		}
		free = fmt.Sprintf("%s.%d", name, i)
	}
}

// Fill lets write fill f, which CreateBeside made, then syncs and closes it and syncs its
// folder. After an error f is removed.
func Fill(fsys FS, f File, write func(File) error) error {
	err := write(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(f.Name()))
	}
	if err != nil {
		_ = fsys.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}

// Copying makes what Fill takes of a reader.
func Copying(r io.Reader) func(File) error {
	return func(f File) error {
		_, err := io.Copy(f, r)
		return err
	}
}

// ReplaceKeeping puts a new file in the place of old, which is open at path: what write
// writes, with old's owner and mode. old was examined when it had size bytes: if it has
// more or fewer now, or path is another file, nothing is replaced and the error wraps
// ErrChanged. old is kept beside, as path.broken or with a number behind that; kept is
// that name, "" if there is none. At every moment path is one of the two, whole. With an
// error and a name old has the name, but perhaps not yet durably, and may still be path.
func ReplaceKeeping(fsys FS, old File, path string, size int64, write func(File) error) (kept string, err error) {
	name, err := copyBeside(fsys, old, path+".fixed", write)
	if err != nil {
		return "", err
	}
	err = unchanged(fsys, old, path, size)
	if err == nil {
		kept, err = keep(fsys, old, path)
	}
	if err == nil {
		err = fsys.Rename(name, path)
	}
	if err != nil {
		_ = fsys.Remove(name) // the first error is the one to tell
		return kept, err
	}
	return kept, fsys.SyncDir(filepath.Dir(path))
}

// ErrChanged is what ReplaceKeeping's error wraps when what it got is no longer the
// content of the file.
var ErrChanged = errors.New("the file changed since it was examined")

// unchanged insists that path is f still, of size bytes.
func unchanged(fsys FS, f File, path string, size int64) error {
	now, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer now.Close() // read only
	same, err := sameFile(f, now)
	if err != nil {
		return err
	}
	if !same {
		return fmt.Errorf("%w: another one has its name", ErrChanged)
	}
	n, err := now.Size()
	if err == nil && n != size {
		err = fmt.Errorf("%w: it had %d bytes and has %d", ErrChanged, size, n)
	}
	return err
}

// sameFile says whether a and b are open on the same file.
func sameFile(a, b File) (bool, error) {
	if a.Fd() < 0 || b.Fd() < 0 {
		return inMemory(a) != nil && inMemory(a) == inMemory(b), nil
	}
	var st [2]unix.Stat_t
	for i, f := range []File{a, b} {
		if err := unix.Fstat(f.Fd(), &st[i]); err != nil {
			return false, &fs.PathError{Op: "stat", Path: f.Name(), Err: err}
		}
	}
	return st[0].Dev == st[1].Dev && st[0].Ino == st[1].Ino, nil
}

// inMemory is the file of a Mem that f is open on, nil if it is none.
func inMemory(f File) *memNode {
	switch f := f.(type) {
	case *faultFile:
		return inMemory(f.File)
	case *memFile:
		return f.node
	}
	return nil
}

// LockName is the file in a data directory that a running daemon holds a lock on.
const LockName = "redisd.lock"

// LockDirs takes the locks of data directories, which keeps daemons from running there. A
// directory without a lock file is none.
func LockDirs(fsys FS, dirs ...string) (unlock func(), err error) {
	held := map[string]io.Closer{}
	unlock = func() {
		for _, l := range held {
			_ = l.Close() // it ends with the process anyhow
		}
	}
	for _, dir := range dirs {
		name := filepath.Join(dir, LockName)
		if held[name] != nil {
			continue
		}
		_, err := fsys.Stat(name)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
			continue
		}
		if err == nil {
			held[name], err = fsys.Lock(name)
		}
		if err != nil {
			delete(held, name)
			unlock()
			return nil, fmt.Errorf("Cannot lock the directory %s, is a server running there? %w", dir, err)
		}
	}
	return unlock, nil
}

// copyBeside makes a whole new file that belongs to whom old belongs.
func copyBeside(fsys FS, old File, name string, write func(File) error) (string, error) {
	f, name, err := CreateBeside(fsys, name)
	if err != nil {
		return "", err
	}
	err = Fill(fsys, f, func(f File) error {
		if err := Imitate(f, old); err != nil {
			return err
		}
		return write(f)
	})
	if err != nil {
		return "", err
	}
	return name, nil
}

// keep gives the file at path a further name, or copies it where there are no links.
func keep(fsys FS, f File, path string) (name string, err error) {
	name = path + ".broken"
	for i := 1; i < manyBeside; i++ {
		if err = fsys.Link(path, name); err == nil {
			return name, fsys.SyncDir(filepath.Dir(path))
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		name = fmt.Sprintf("%s.broken.%d", path, i)
	}
	size, err := f.Size()
	if err != nil {
		return "", err
	}
	return copyBeside(fsys, f, path+".broken", Copying(io.NewSectionReader(f, 0, size)))
}
