package persist

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"redisd/internal/vfs"
)

// partStore holds large values while their parts arrive: the parts of several come
// between one another and in any order. A value's first bytes stay in memory; what
// is more goes to files without a name, of which only an index is kept. There are
// several of them, so that disk space is given back while values are written, and not
// at the end only: else a dataset of large values would lie on the disk twice. One
// goroutine brings parts, another takes whole values.
type partStore struct {
	fsys vfs.FS
	name string

	open map[uint64]*largeValue // of the bringing goroutine
	cur  *segment               // that is written, nil before the first; of the bringing goroutine too
	buf  []byte                 // bytes of cur that were not written yet

	mu       sync.Mutex
	segments map[*segment]int // open ones: how many values, and cur, need them
	done     []*largeValue
	closed   bool // nothing may be opened any more

	readErr error // why a file could not be read; of the taking goroutine
}

const (
	// partMemory is how much of a value is held in memory before it goes to a file.
	partMemory = 64 << 10
	// partBuffer is what one write to a file takes.
	partBuffer = 256 << 10
	// partSegment is how long a file gets before the next one is begun.
	partSegment = 64 << 20
)

// segment is one file. It has its name for an instant only.
type segment struct {
	f    vfs.File
	size int64 // what is still in the store's buffer included; of the bringing goroutine
}

// largeValue is one value that comes, or has come, in parts.
type largeValue struct {
	head   []byte // the record up to the first part
	mem    []byte // the parts' bytes, while there are few
	pieces []piece
	files  []*segment // that hold the bytes, none while mem does
}

// piece is a run of bytes that belong at one place.
type piece struct {
	section uint32
	hi, lo  uint64
	file    *segment // nil: in mem
	off     int64
	n       int64
}

func (p piece) compare(o piece) int {
	return cmp.Or(cmp.Compare(p.section, o.section), cmp.Compare(p.hi, o.hi), cmp.Compare(p.lo, o.lo))
}

// behind tells whether p lies directly behind o.
func (p piece) behind(o piece) bool { return p.file == o.file && p.off == o.off+o.n }

func newPartStore(fsys vfs.FS, name string) *partStore {
	return &partStore{fsys: fsys, name: name, open: map[uint64]*largeValue{}, segments: map[*segment]int{}}
}

// begin takes a frameLarge.
func (s *partStore) begin(payload []byte) error {
	f := fields{p: payload}
	id := f.u64()
	if f.bad || s.open[id] != nil {
		return fmt.Errorf("%w: value %d begins in %d bytes", errFrame, id, len(payload))
	}
	s.open[id] = &largeValue{head: slices.Clone(f.p)}
	return nil
}

// part takes a framePart. An error that is not errFrame is a file's.
func (s *partStore) part(payload []byte) error {
	f := fields{p: payload}
	v := s.open[f.u64()]
	p := piece{section: f.u32(), hi: f.u64(), lo: f.u64()}
	if f.bad || v == nil {
		return fmt.Errorf("%w: part of a value that has not begun, %d bytes", errFrame, len(payload))
	}
	if len(f.p) == 0 {
		return nil
	}
	if v.files == nil && len(v.mem)+len(f.p) > partMemory {
		if err := s.toFile(v); err != nil {
			return err
		}
	}
	p.off, p.n = int64(len(v.mem)), int64(len(f.p))
	if v.files == nil {
		v.mem = append(v.mem, f.p...)
	} else {
		var err error
		if p.file, p.off, err = s.append(v, f.p); err != nil {
			return err
		}
	}
	if k := len(v.pieces) - 1; k >= 0 && v.pieces[k].compare(p) == 0 && p.behind(v.pieces[k]) {
		v.pieces[k].n += p.n
	} else {
		v.pieces = append(v.pieces, p)
	}
	return nil
}

// toFile moves what v has in memory to a file.
func (s *partStore) toFile(v *largeValue) error {
	file, off, err := s.append(v, v.mem)
	for i := range v.pieces {
		v.pieces[i].file = file
		v.pieces[i].off += off
	}
	v.mem = nil
	return err
}

// append puts bytes of v behind those that are in the file, and tells where.
func (s *partStore) append(v *largeValue, b []byte) (file *segment, off int64, err error) {
	if s.cur == nil || s.cur.size >= partSegment {
		if err := s.next(); err != nil {
			return nil, 0, err
		}
	}
	if !slices.Contains(v.files, s.cur) {
		v.files = append(v.files, s.cur)
		s.mu.Lock()
		s.segments[s.cur]++
		s.mu.Unlock()
	}
	off = s.cur.size
	s.buf = append(s.buf, b...)
	s.cur.size += int64(len(b))
	if len(s.buf) >= partBuffer {
		err = s.flush()
	}
	return s.cur, off, err
}

// next begins another file. It is unlinked as soon as it is open: then it goes away
// with the process, however that ends, and the name is free.
func (s *partStore) next() error {
	if s.cur != nil {
		if err := s.flush(); err != nil {
			return err
		}
		s.unneed(s.cur)
		s.cur = nil
	}
	f, err := s.fsys.OpenFile(s.name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	if err := s.fsys.Remove(s.name); err != nil {
		_ = f.Close()
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = f.Close()
		return errGivenUp
	}
	s.cur = &segment{f: f}
	s.segments[s.cur] = 1
	return nil
}

// flush writes the buffer out.
func (s *partStore) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	_, err := s.cur.f.Write(s.buf)
	s.buf = s.buf[:0]
	return err
}

// unneed closes a file that nobody needs any more, which gives its space back.
func (s *partStore) unneed(file *segment) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.segments[file]--; s.segments[file] == 0 {
		delete(s.segments, file)
		_ = file.f.Close() // it was for reading
	}
}

// end takes a frameLargeEnd: the value is ready to be taken.
func (s *partStore) end(payload []byte) error {
	f := fields{p: payload}
	id := f.u64()
	v := s.open[id]
	if f.bad || v == nil {
		return fmt.Errorf("%w: end of value %d, which has not begun", errFrame, id)
	}
	delete(s.open, id)
	slices.SortStableFunc(v.pieces, piece.compare)
	if slices.Contains(v.files, s.cur) {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.mu.Lock()
	s.done = append(s.done, v)
	s.mu.Unlock()
	return nil
}

// finish says that the snapshot has ended: nothing may be half there.
func (s *partStore) finish() error {
	if len(s.open) > 0 {
		return fmt.Errorf("%w: %d values have not ended", errFrame, len(s.open))
	}
	return nil
}

// take gives a whole value, nil when none is ready. It goes back with release.
func (s *partStore) take() *largeValue {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.done) == 0 {
		return nil
	}
	v := s.done[0]
	s.done = s.done[1:]
	return v
}

// release says that a value was written.
func (s *partStore) release(v *largeValue) {
	for _, file := range v.files {
		s.unneed(file)
	}
}

// reader gives the record of a value: its head, then its parts in order.
func (s *partStore) reader(v *largeValue) io.Reader {
	return &valueReader{store: s, rest: v.head, value: v}
}

// close gives all files back. The bringing goroutine must have ended, or must get an
// error from its next write.
func (s *partStore) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for file := range s.segments {
		_ = file.f.Close()
	}
	clear(s.segments)
	s.closed = true
}

// valueReader reads a value's record.
type valueReader struct {
	store *partStore
	rest  []byte // of head or mem
	value *largeValue
	next  int   // piece
	at    int64 // bytes of it that were read, when it is in a file
}

// Read implements io.Reader.
func (r *valueReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.next == len(r.value.pieces) {
			return 0, io.EOF
		}
		x := r.value.pieces[r.next]
		if x.file != nil {
			return r.readFile(p)
		}
		r.rest = r.value.mem[x.off : x.off+x.n]
		r.next++
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// readFile fills p with one read as far as pieces lie behind one another, as those do
// that came in order.
func (r *valueReader) readFile(p []byte) (int, error) {
	list := r.value.pieces
	first, at := list[r.next], r.at
	n := int64(0)
	for {
		more := min(int64(len(p))-n, list[r.next].n-r.at)
		n += more
		if r.at += more; r.at < list[r.next].n {
			break
		}
		r.next, r.at = r.next+1, 0
		if n == int64(len(p)) || r.next == len(list) || !list[r.next].behind(list[r.next-1]) {
			break
		}
	}
	got, err := first.file.f.ReadAt(p[:n], first.off+at)
	if got == int(n) {
		return got, nil
	}
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	r.store.readErr = err
	return got, err
}
