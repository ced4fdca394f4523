package vfs

import (
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// uncachedWindow is what one read takes.
	uncachedWindow = 1 << 20
	// uncachedAlign is the alignment that O_DIRECT wants of offsets, lengths and memory:
	// 4096 does for every block device.
	uncachedAlign = 4096
)

// Uncached reads a file that was written and synced a moment ago from the disk, and
// not from the pages that the write has left in memory: with O_DIRECT, or where the
// file system refuses that, after asking the kernel to drop the pages (which it may
// decline). It belongs to one goroutine.
type Uncached struct {
	f      File
	direct bool
	buf    []byte // page-aligned memory
	off    int64  // of buf's first byte, aligned
	n      int    // bytes of buf that are good
}

// OpenUncached opens name for reading. Close it.
func OpenUncached(fsys FS, name string) (*Uncached, error) {
	u := &Uncached{direct: true}
	f, err := fsys.OpenFile(name, os.O_RDONLY|unix.O_DIRECT, 0)
	if errors.Is(err, unix.EINVAL) {
		u.direct = false
		f, err = fsys.OpenFile(name, os.O_RDONLY, 0)
	}
	if err != nil {
		return nil, err
	}
	u.f = f
	if u.buf, err = unix.Mmap(-1, 0, uncachedWindow, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("vfs: memory for reading %s back: %w", name, err)
	}
	return u, nil
}

// Bytes returns the n bytes at off, at most 512 KB, good until the next call. More may
// be read ahead, up to the offset ready. A file that ends earlier gives
// io.ErrUnexpectedEOF.
func (u *Uncached) Bytes(off int64, n int, ready int64) ([]byte, error) {
	if n > uncachedWindow/2 {
		panic("BUG: vfs: more bytes at once than an Uncached reads")
	}
	if off < u.off || off+int64(n) > u.off+int64(u.n) {
		if err := u.fill(off, max(ready, off+int64(n))); err != nil {
			return nil, err
		}
		if off+int64(n) > u.off+int64(u.n) {
			return nil, io.ErrUnexpectedEOF
		}
	}
	return u.buf[off-u.off:][:n], nil
}

// fill reads a window that begins at or before off and does not reach beyond ready's
// block.
func (u *Uncached) fill(off, ready int64) error {
	start := off &^ (uncachedAlign - 1)
	keep := 0
	if start >= u.off && start < u.off+int64(u.n) {
		// What is there is not read again, but for the last block when it was not whole.
		from := int(start - u.off)
		keep = copy(u.buf, u.buf[from:u.n]) &^ (uncachedAlign - 1)
	}
	u.off, u.n = start, keep
	end := min((ready-start+uncachedAlign-1)&^(uncachedAlign-1), uncachedWindow)
	if !u.direct && u.f.Fd() >= 0 {
		// An error only means that the page cache is read.
		_ = unix.Fadvise(u.f.Fd(), start+int64(keep), end-int64(keep), unix.FADV_DONTNEED)
	}
	for int64(u.n) < end {
		got, err := u.f.ReadAt(u.buf[u.n:end], u.off+int64(u.n))
		u.n += got
		switch {
		case err == io.EOF:
			return nil
		case err != nil && u.direct && errors.Is(err, unix.EINVAL):
			return u.undirect(off, ready)
		case err != nil:
			return err
		case u.n%uncachedAlign != 0:
			return nil // the end of the file, as O_DIRECT tells it
		}
	}
	u.n = int(min(int64(u.n), max(0, ready-u.off))) // what lies behind may still change
	return nil
}

// undirect goes on without O_DIRECT, on a file system that takes it at the open and
// refuses it at the read.
func (u *Uncached) undirect(off, ready int64) error {
	if u.f.Fd() >= 0 {
		if _, err := unix.FcntlInt(uintptr(u.f.Fd()), unix.F_SETFL, 0); err != nil {
			return fmt.Errorf("vfs: reading %s back: %w", u.f.Name(), err)
		}
	}
	u.direct, u.n = false, 0
	return u.fill(off, ready)
}

// Direct tells whether the page cache is passed by for certain.
func (u *Uncached) Direct() bool { return u.direct && u.f.Fd() >= 0 }

// Forget has the next Bytes read from the disk whatever was read before.
func (u *Uncached) Forget() { u.n = 0 }

// Size is the file's size now.
func (u *Uncached) Size() (int64, error) { return u.f.Size() }

// Close gives the file and the memory back. The bytes handed out are gone.
func (u *Uncached) Close() error {
	err := unix.Munmap(u.buf)
	u.buf, u.n = nil, 0
	if cerr := u.f.Close(); cerr != nil {
		err = cerr
	}
	return err
}
