package vfs

import (
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// memFile is an open file of Mem; its offset is its own, its node is shared.
type memFile struct {
	fs     *Mem
	node   *memNode
	name   string
	flag   int
	off    int64
	closed bool
}

// do applies o to what a program sees and remembers it until the next sync.
func (n *memNode) do(m *Mem, o dataOp) {
	n.data = o.apply(n.data)
	n.dirty = append(n.dirty, o)
	m.changes = m.changes.Add(time.Second)
	n.mtime = m.changes
}

func (n *memNode) info(name string) memInfo {
	return memInfo{name: name, size: int64(len(n.data)), mode: n.mode, mtime: n.mtime}
}

func (f *memFile) check(op string, mode int) error {
	if f.closed {
		return &fs.PathError{Op: op, Path: f.name, Err: fs.ErrClosed}
	}
	acc := f.flag & (os.O_RDONLY | os.O_WRONLY | os.O_RDWR)
	if mode >= 0 && acc != os.O_RDWR && acc != mode {
		return pathErr(op, f.name, unix.EBADF)
	}
	return nil
}

func (f *memFile) Read(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	n, err := f.readAt(p, f.off)
	f.off += int64(n)
	if n > 0 {
		err = nil
	}
	return n, err
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	return f.readAt(p, off)
}

func (f *memFile) readAt(p []byte, off int64) (int, error) {
	if err := f.check("read", os.O_RDONLY); err != nil {
		return 0, err
	}
	if len(p) == 0 {
		return 0, nil
	}
	if off >= int64(len(f.node.data)) {
		return 0, io.EOF
	}
	n := copy(p, f.node.data[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) Write(p []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.check("write", os.O_WRONLY); err != nil {
		return 0, err
	}
	if f.flag&os.O_APPEND != 0 {
		f.off = int64(len(f.node.data))
	}
	var err error
	grow := f.off + int64(len(p)) - int64(len(f.node.data))
	if f.fs.free >= 0 && grow > f.fs.free {
		p = p[:int64(len(p))-(grow-f.fs.free)]
		grow = f.fs.free
		err = pathErr("write", f.name, unix.ENOSPC)
	}
	if len(p) == 0 {
		return 0, err
	}
	if f.fs.free >= 0 && grow > 0 {
		f.fs.free -= grow
	}
	f.node.do(f.fs, dataOp{off: f.off, data: slices.Clone(p)})
	f.off += int64(len(p))
	return len(p), err
}

func (f *memFile) Seek(offset int64, whence int) (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.check("seek", -1); err != nil {
		return 0, err
	}
	switch whence {
	case io.SeekCurrent:
		offset += f.off
	case io.SeekEnd:
		offset += int64(len(f.node.data))
	}
	if offset < 0 {
		return 0, pathErr("seek", f.name, unix.EINVAL)
	}
	f.off = offset
	return offset, nil
}

func (f *memFile) Close() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.check("close", -1); err != nil {
		return err
	}
	f.closed = true
	return nil
}

func (f *memFile) Sync() error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.check("fdatasync", -1); err != nil {
		return err
	}
	n := f.node
	for _, o := range n.dirty {
		n.synced = o.apply(n.synced)
	}
	n.dirty = nil
	return nil
}

func (f *memFile) Truncate(size int64) error {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.check("truncate", os.O_WRONLY); err != nil {
		return err
	}
	if size < 0 {
		return pathErr("truncate", f.name, unix.EINVAL)
	}
	f.node.do(f.fs, dataOp{off: size})
	return nil
}

func (f *memFile) Size() (int64, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	if err := f.check("stat", -1); err != nil {
		return 0, err
	}
	return int64(len(f.node.data)), nil
}

func (f *memFile) Name() string { return f.name }

func (f *memFile) Fd() int { return -1 }

type memInfo struct {
	name  string
	size  int64
	mode  fs.FileMode
	mtime time.Time
}

func (i memInfo) Name() string       { return i.name }
func (i memInfo) Size() int64        { return i.size }
func (i memInfo) Mode() fs.FileMode  { return i.mode }
func (i memInfo) ModTime() time.Time { return i.mtime }
func (i memInfo) IsDir() bool        { return i.mode.IsDir() }
func (i memInfo) Sys() any           { return nil }
