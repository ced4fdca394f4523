package vfs

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Mem is an FS in memory that remembers, beside what a running program sees,
// what the disk would hold after a power failure. Paths are cleaned and used
// as they are: relative ones stay relative to nowhere.
type Mem struct {
	mu      sync.Mutex
	files   map[string]*memNode // what a program sees: cleaned path -> file
	dirs    map[string]bool     // directories that exist; created ones count as durable
	locks   map[string]bool     // names locked by Lock
	free    int64               // bytes that may still be written, -1 = no limit
	durable map[string]*memNode // names that survive a power failure
	pending []nameOp            // changes of names since, oldest first
	changes time.Time           // counts changes of data, in seconds: the time of files
}

// nameOp is one change of a directory that is not durable yet.
type nameOp struct {
	create, remove string   // either may be ""; a rename has both
	node           *memNode // what create names
}

// touches says whether the change is made durable by a sync of dir.
func (o nameOp) touches(dir string) bool {
	return (o.create != "" && filepath.Dir(o.create) == dir) ||
		(o.remove != "" && filepath.Dir(o.remove) == dir)
}

func (o nameOp) apply(names map[string]*memNode) {
	if o.remove != "" {
		delete(names, o.remove)
	}
	if o.create != "" {
		names[o.create] = o.node
	}
}

// memNode is a file: it outlives its name while it is open.
type memNode struct {
	data   []byte      // what a program reads
	synced []byte      // what is on the disk for certain
	dirty  []dataOp    // changes since, oldest first
	mode   fs.FileMode // permission bits
	mtime  time.Time   // of the last change, by Mem.changes
}

// dataOp is one write at off, or a truncate to off when data is nil.
type dataOp struct {
	off  int64
	data []byte
}

func (o dataOp) apply(b []byte) []byte {
	if o.data == nil {
		if o.off <= int64(len(b)) {
			return b[:o.off:o.off]
		}
		return append(b, make([]byte, o.off-int64(len(b)))...)
	}
	if end := o.off + int64(len(o.data)); end > int64(len(b)) {
		b = append(b, make([]byte, end-int64(len(b)))...)
	}
	copy(b[o.off:], o.data)
	return b
}

// NewMem returns an empty file system with the directories "." and "/".
func NewMem() *Mem {
	return &Mem{
		files:   map[string]*memNode{},
		dirs:    map[string]bool{".": true, "/": true},
		locks:   map[string]bool{},
		free:    -1,
		durable: map[string]*memNode{},
	}
}

// SetFree limits the bytes that writes may still add; a write beyond it is
// short and fails with ENOSPC. A negative n removes the limit.
func (m *Mem) SetFree(n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.free = n
}

// OpenFile opens or creates a file as os.OpenFile does.
func (m *Mem) OpenFile(name string, flag int, perm os.FileMode) (File, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Clean(name)
	n := m.files[path]
	switch {
	case m.dirs[path]:
		return nil, pathErr("open", name, unix.EISDIR)
	case n == nil && flag&os.O_CREATE == 0:
		return nil, pathErr("open", name, unix.ENOENT)
	case n == nil && !m.dirs[filepath.Dir(path)]:
		return nil, pathErr("open", name, unix.ENOENT)
	case n != nil && flag&(os.O_CREATE|os.O_EXCL) == os.O_CREATE|os.O_EXCL:
		return nil, pathErr("open", name, unix.EEXIST)
	}
	if n == nil {
		m.changes = m.changes.Add(time.Second)
		n = &memNode{mode: perm.Perm(), mtime: m.changes}
		m.change(nameOp{create: path, node: n})
	}
	if flag&os.O_TRUNC != 0 && len(n.data) > 0 {
		n.do(m, dataOp{off: 0})
	}
	return &memFile{fs: m, node: n, name: name, flag: flag}, nil
}

// change does o now and remembers it until the directory is synced.
func (m *Mem) change(o nameOp) {
	o.apply(m.files)
	m.pending = append(m.pending, o)
}

// Rename replaces newName.
func (m *Mem) Rename(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to := filepath.Clean(oldName), filepath.Clean(newName)
	n := m.files[from]
	errno := unix.Errno(0)
	switch {
	case n == nil || !m.dirs[filepath.Dir(to)]:
		errno = unix.ENOENT
	case m.dirs[to]:
		errno = unix.EISDIR
	}
	if errno != 0 {
		return &os.LinkError{Op: "rename", Old: oldName, New: newName, Err: errno}
	}
	if from != to {
		m.change(nameOp{create: to, remove: from, node: n})
	}
	return nil
}

// Link gives a file a further name.
func (m *Mem) Link(oldName, newName string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	from, to := filepath.Clean(oldName), filepath.Clean(newName)
	n := m.files[from]
	errno := unix.Errno(0)
	switch {
	case n == nil || !m.dirs[filepath.Dir(to)]:
		errno = unix.ENOENT
	case m.files[to] != nil || m.dirs[to]:
		errno = unix.EEXIST
	}
	if errno != 0 {
		return &os.LinkError{Op: "link", Old: oldName, New: newName, Err: errno}
	}
	m.change(nameOp{create: to, node: n})
	return nil
}

// Remove unlinks a file or removes an empty directory.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Clean(name)
	if m.files[path] != nil {
		m.change(nameOp{remove: path})
		return nil
	}
	if !m.dirs[path] {
		return pathErr("remove", name, unix.ENOENT)
	}
	if len(m.list(path)) > 0 {
		return pathErr("remove", name, unix.ENOTEMPTY)
	}
	delete(m.dirs, path)
	return nil
}

// Stat describes a file or directory.
func (m *Mem) Stat(name string) (fs.FileInfo, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Clean(name)
	if n := m.files[path]; n != nil {
		return n.info(filepath.Base(path)), nil
	}
	if m.dirs[path] {
		return memInfo{name: filepath.Base(path), mode: fs.ModeDir | 0o755}, nil
	}
	return nil, pathErr("stat", name, unix.ENOENT)
}

// ReadDir lists dir sorted by name.
func (m *Mem) ReadDir(dir string) ([]fs.DirEntry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Clean(dir)
	if !m.dirs[path] {
		return nil, pathErr("open", dir, unix.ENOENT)
	}
	return m.list(path), nil
}

func (m *Mem) list(dir string) []fs.DirEntry {
	var out []fs.DirEntry
	for p, n := range m.files {
		if filepath.Dir(p) == dir {
			out = append(out, fs.FileInfoToDirEntry(n.info(filepath.Base(p))))
		}
	}
	for p := range m.dirs {
		if p != dir && filepath.Dir(p) == dir {
			out = append(out, fs.FileInfoToDirEntry(memInfo{name: filepath.Base(p), mode: fs.ModeDir | 0o755}))
		}
	}
	sort.Slice(out, func(i, j int) bool { return out[i].Name() < out[j].Name() })
	return out
}

// MkdirAll creates dir and its parents; they are durable at once, because
// redisd creates directories only when it is set up.
func (m *Mem) MkdirAll(dir string, _ os.FileMode) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for p := filepath.Clean(dir); !m.dirs[p]; p = filepath.Dir(p) {
		if m.files[p] != nil {
			return pathErr("mkdir", dir, unix.ENOTDIR)
		}
		m.dirs[p] = true
	}
	return nil
}

// SyncDir makes every change of a name in dir durable, in its order.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Clean(dir)
	if !m.dirs[path] {
		return pathErr("open", dir, unix.ENOENT)
	}
	rest := m.pending[:0]
	for _, o := range m.pending {
		if o.touches(path) {
			o.apply(m.durable)
		} else {
			rest = append(rest, o)
		}
	}
	m.pending = rest
	return nil
}

// Lock takes name until the returned closer is closed.
func (m *Mem) Lock(name string) (io.Closer, error) {
	f, err := m.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	path := filepath.Clean(name)
	if m.locks[path] {
		return nil, &fs.PathError{Op: "flock", Path: name, Err: ErrLocked}
	}
	m.locks[path] = true
	return memLock{m, path, f}, nil
}

type memLock struct {
	fs   *Mem
	path string
	file File
}

func (l memLock) Close() error {
	l.fs.mu.Lock()
	delete(l.fs.locks, l.path)
	l.fs.mu.Unlock()
	return l.file.Close()
}

// Free returns the limit set by SetFree, or 1 TB.
func (m *Mem) Free(string) (uint64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.free < 0 {
		return 1 << 40, nil
	}
	return uint64(m.free), nil
}

// String lists the files with their sizes, for the message of a failed test.
func (m *Mem) String() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var names []string
	for p, n := range m.files {
		names = append(names, fmt.Sprintf("%s(%d, %d synced)", p, len(n.data), len(n.synced)))
	}
	sort.Strings(names)
	return fmt.Sprint(names)
}

func pathErr(op, name string, errno unix.Errno) error {
	return &fs.PathError{Op: op, Path: name, Err: errno}
}
