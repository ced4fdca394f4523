package persist

import (
	"io"
	"os"
	"sync"

	"redisd/internal/vfs"
)

// spool keeps the difference in a file without a name until it is wanted. One
// goroutine appends, another one takes.
type spool struct {
	fsys vfs.FS
	name string
	f    vfs.File // nil until the first byte; set by the appending goroutine under mu
	left bool     // the name is still there: unlinking it failed

	mu     sync.Mutex
	size   int64 // bytes appended
	taken  int64 // bytes taken, of the taking goroutine
	closed bool  // nothing may be opened any more
}

// append adds p to the end.
func (s *spool) append(p []byte) error {
	if s.f == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	n, err := s.f.Write(p)
	s.mu.Lock()
	s.size += int64(n)
	s.mu.Unlock()
	return err
}

// open creates the file and unlinks it: then it goes away with the process,
// however that ends.
func (s *spool) open() error {
	f, err := s.fsys.OpenFile(s.name, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	left := s.fsys.Remove(s.name) != nil
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		_ = f.Close()
		return errGivenUp
	}
	s.f, s.left = f, left
	return nil
}

// waiting is the number of bytes appended and not taken.
func (s *spool) waiting() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size - s.taken
}

// moveTo gives everything appended so far to o, and no more, however fast the
// other side appends.
func (s *spool) moveTo(o *output) error {
	s.mu.Lock()
	f, end := s.f, s.size
	s.mu.Unlock()
	for s.taken < end {
		if err := o.flush(); err != nil {
			return err
		}
		n := int(min(end-s.taken, flushSize))
		o.buf = o.buf[:n]
		if m, err := f.ReadAt(o.buf, s.taken); m < n {
			o.buf = o.buf[:0]
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return err
		}
		s.mu.Lock()
		s.taken += int64(n)
		s.mu.Unlock()
	}
	return o.flush()
}

// close gives the file back. The appending goroutine must have ended, or must
// get an error from its next append.
func (s *spool) close() {
	s.mu.Lock()
	f, left := s.f, s.left
	s.closed = true
	s.mu.Unlock()
	if f != nil {
		_ = f.Close()
	}
	if left {
		_ = s.fsys.Remove(s.name)
	}
}
