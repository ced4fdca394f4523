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
// is more goes to a file without a name, of which only an index is kept. One
// goroutine brings parts, another takes whole values.
type partStore struct {
	fsys vfs.FS
	name string

	open map[uint64]*largeValue // of the bringing goroutine
	buf  []byte                 // bytes of the file that were not written yet
	size int64                  // bytes of the file, those in buf included

	mu   sync.Mutex
	f    vfs.File // nil until the first byte
	left bool     // the name is still there: unlinking it failed
	done []*largeValue

	readErr error // why the file could not be read; of the taking goroutine
}

const (
	// partMemory is how much of a value is held in memory before it goes to the file.
	partMemory = 64 << 10
	// partBuffer is what one write to the file takes.
	partBuffer = 256 << 10
)

// largeValue is one value that comes, or has come, in parts.
type largeValue struct {
	head   []byte // the record up to the first part
	mem    []byte // the parts' bytes, while there are few
	inFile bool   // else in mem
	pieces []piece
}

// piece is a run of bytes that belong at one place.
type piece struct {
	section uint32
	hi, lo  uint64
	off     int64 // in the file, or in mem
	n       int64
}

func (p piece) compare(o piece) int {
	return cmp.Or(cmp.Compare(p.section, o.section), cmp.Compare(p.hi, o.hi), cmp.Compare(p.lo, o.lo))
}

func newPartStore(fsys vfs.FS, name string) *partStore {
	return &partStore{fsys: fsys, name: name, open: map[uint64]*largeValue{}}
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

// part takes a framePart. An error that is not errFrame is the file's.
func (s *partStore) part(payload []byte) error {
	f := fields{p: payload}
	v := s.open[f.u64()]
	p := piece{section: f.u32(), hi: f.u64(), lo: f.u64()}
	if f.bad || v == nil {
		return fmt.Errorf("%w: part of a value that has not begun, %d bytes", errFrame, len(payload))
	}
	if !v.inFile && len(v.mem)+len(f.p) > partMemory {
		if err := s.toFile(v); err != nil {
			return err
		}
	}
	p.off, p.n = int64(len(v.mem)), int64(len(f.p))
	if v.inFile {
		p.off = s.size
		if err := s.append(f.p); err != nil {
			return err
		}
	} else {
		v.mem = append(v.mem, f.p...)
	}
	if k := len(v.pieces) - 1; k >= 0 && v.pieces[k].compare(p) == 0 && v.pieces[k].off+v.pieces[k].n == p.off {
		v.pieces[k].n += p.n
	} else {
		v.pieces = append(v.pieces, p)
	}
	return nil
}

// toFile moves what v has in memory to the file.
func (s *partStore) toFile(v *largeValue) error {
	for i := range v.pieces {
		v.pieces[i].off += s.size
	}
	mem := v.mem
	v.mem, v.inFile = nil, true
	return s.append(mem)
}

func (s *partStore) append(b []byte) error {
	s.buf = append(s.buf, b...)
	s.size += int64(len(b))
	if len(s.buf) < partBuffer {
		return nil
	}
	return s.flush()
}

// flush writes the buffer out. The file is unlinked as soon as it is open: then it
// goes away with the process, however that ends.
func (s *partStore) flush() error {
	if len(s.buf) == 0 {
		return nil
	}
	if s.f == nil {
		f, err := s.fsys.OpenFile(s.name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return err
		}
		left := s.fsys.Remove(s.name) != nil
		s.mu.Lock()
		s.f, s.left = f, left
		s.mu.Unlock()
	}
	_, err := s.f.Write(s.buf)
	s.buf = s.buf[:0]
	return err
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
	if v.inFile {
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

// take gives a whole value, nil when none is ready.
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

// reader gives the record of a value: its head, then its parts in order.
func (s *partStore) reader(v *largeValue) io.Reader {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &valueReader{store: s, rest: v.head, value: v, file: s.f}
}

// close gives the file back. The bringing goroutine must have ended, or must get an
// error from its next write.
func (s *partStore) close() {
	s.mu.Lock()
	f, left := s.f, s.left
	s.mu.Unlock()
	if f != nil {
		_ = f.Close()
	}
	if left {
		_ = s.fsys.Remove(s.name)
	}
}

// valueReader reads a value's record.
type valueReader struct {
	store *partStore
	rest  []byte // of head or mem
	value *largeValue
	file  vfs.File
	next  int   // piece
	at    int64 // bytes of it that were read, when it is in the file
}

// Read implements io.Reader.
func (r *valueReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.next == len(r.value.pieces) {
			return 0, io.EOF
		}
		x := r.value.pieces[r.next]
		if !r.value.inFile {
			r.rest = r.value.mem[x.off : x.off+x.n]
			r.next++
			continue
		}
		n, err := r.file.ReadAt(p[:min(int64(len(p)), x.n-r.at)], x.off+r.at)
		if r.at += int64(n); r.at == x.n {
			r.next, r.at = r.next+1, 0
		}
		if n > 0 {
			return n, nil
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		r.store.readErr = err
		return 0, err
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}
