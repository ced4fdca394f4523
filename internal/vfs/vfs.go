package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// ErrLocked is what Lock's error wraps when another process holds the lock.
var ErrLocked = errors.New("vfs: locked by another process")

// File is an open file.
type File interface {
	io.Reader
	io.Writer
	io.ReaderAt
	io.Seeker
	io.Closer

	// Sync makes the file's data and size durable (fdatasync). An error is
	// final: the kernel may have dropped the dirty pages, so a second Sync
	// that succeeds proves nothing.
	Sync() error
	// Truncate sets the size in bytes; the offset stays.
	Truncate(size int64) error
	// Size returns the current size in bytes.
	Size() (int64, error)
	// Name returns the path given to OpenFile.
	Name() string
	// Fd returns the descriptor, -1 when the file is not the system's.
	Fd() int
}

// FS is a file system. Every method may be called from any goroutine.
type FS interface {
	// OpenFile opens name with os.O_* flags.
	OpenFile(name string, flag int, perm os.FileMode) (File, error)
	// Rename replaces newName by oldName atomically. It is durable only after
	// SyncDir of the directory.
	Rename(oldName, newName string) error
	// Link gives the file oldName the further name newName, which must not exist.
	// Not every file system can.
	Link(oldName, newName string) error
	// Remove unlinks a file or an empty directory.
	Remove(name string) error
	// Stat describes name.
	Stat(name string) (fs.FileInfo, error)
	// ReadDir lists dir sorted by name.
	ReadDir(dir string) ([]fs.DirEntry, error)
	// MkdirAll creates dir and its parents.
	MkdirAll(dir string, perm os.FileMode) error
	// SyncDir makes the names in dir durable: creations, renames, removals.
	SyncDir(dir string) error
	// Lock creates name if needed and takes an exclusive lock on it without
	// waiting. The lock ends with Close or with the process. The error wraps
	// ErrLocked when somebody else holds it.
	Lock(name string) (io.Closer, error)
	// Free returns the bytes that an unprivileged process can still write in
	// dir.
	Free(dir string) (uint64, error)
}

// ReadFile reads all of name.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.OpenFile(name, os.O_RDONLY, 0)
	if err != nil {
		return nil, err
	}
	b, err := io.ReadAll(f)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return b, err
}

// WriteNew makes name, which must not exist, and syncs b in it.
func WriteNew(fsys FS, name string, b []byte, perm os.FileMode) error {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	if _, err = f.Write(b); err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// WriteFile creates or empties name and writes b, without a sync.
func WriteFile(fsys FS, name string, b []byte, perm os.FileMode) error {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// Imitate gives dst the owner, group and mode of src, where both are files of the
// system: a copy that takes the place of a file must be open to whom that was.
func Imitate(dst, src File) error {
	if dst.Fd() < 0 || src.Fd() < 0 {
		return nil
	}
	var st unix.Stat_t
	err := unix.Fstat(src.Fd(), &st)
	if err == nil {
		err = unix.Fchown(dst.Fd(), int(st.Uid), int(st.Gid))
	}
	if err == nil {
		err = unix.Fchmod(dst.Fd(), st.Mode&0o7777)
	}
	if err != nil {
		return &fs.PathError{Op: "chown", Path: dst.Name(), Err: err}
	}
	return nil
}
