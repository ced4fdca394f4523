package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

type osFS struct{}

// OS returns the machine's file system.
func OS() FS { return osFS{} }

type osFile struct {
	*os.File
	fd int // kept because os.File.Fd would be a method call that may change the mode
}

func (osFS) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	f, err := os.OpenFile(name, flag, perm)
	if err != nil {
		return nil, err
	}
	return osFile{File: f, fd: int(f.Fd())}, nil
}

// Sync is fdatasync and not fsync: the modification time need not be durable,
// and without it an append that fits into allocated blocks saves a journal
// commit. The size is covered by fdatasync.
func (f osFile) Sync() error {
	for {
		err := unix.Fdatasync(f.fd)
		if err == nil {
			return nil
		}
		if err != unix.EINTR {
			return &fs.PathError{Op: "fdatasync", Path: f.Name(), Err: err}
		}
	}
}

func (f osFile) Size() (int64, error) {
	st, err := f.Stat()
	if err != nil {
		return 0, err
	}
	return st.Size(), nil
}

func (f osFile) Fd() int { return f.fd }

func (osFS) Rename(oldName, newName string) error        { return os.Rename(oldName, newName) }
func (osFS) Link(oldName, newName string) error          { return os.Link(oldName, newName) }
func (osFS) Remove(name string) error                    { return os.Remove(name) }
func (osFS) Stat(name string) (fs.FileInfo, error)       { return os.Stat(name) }
func (osFS) ReadDir(dir string) ([]fs.DirEntry, error)   { return os.ReadDir(dir) }
func (osFS) MkdirAll(dir string, perm os.FileMode) error { return os.MkdirAll(dir, perm) }

func (osFS) SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if cerr := d.Close(); err == nil {
		err = cerr
	}
	// Some network file systems refuse fsync of a directory with EINVAL; they
	// make renames durable by themselves and there is nothing else to call.
	if errors.Is(err, unix.EINVAL) {
		return nil
	}
	return err
}

func (osFS) Lock(name string) (io.Closer, error) {
	// Opened for writing, to know that it can be.
	w, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	// What is open for writing keeps the file system from being mounted read only.
	f, err := os.Open(name)
	if err != nil {
		_ = w.Close()
		return nil, err
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err == unix.EBADF { // NFS locks only what is open for writing
		f, w = w, f
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	}
	_ = w.Close()
	if err == nil {
		return f, nil
	}
	_ = f.Close()
	if errors.Is(err, unix.EWOULDBLOCK) {
		err = ErrLocked
	}
	return nil, &fs.PathError{Op: "flock", Path: name, Err: err}
}

func (osFS) Free(dir string) (uint64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return 0, &fs.PathError{Op: "statfs", Path: dir, Err: err}
	}
	return st.Bavail * uint64(st.Bsize), nil
}
