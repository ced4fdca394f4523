package aof

import (
	"errors"
	"fmt"
	"io"

	"redisd/internal/num"
)

// The reader of the file's format: one command or note at a time, arguments as
// slices of the buffer. It knows three ends: at a boundary, inside an item (the file
// was cut off), and at bytes that no file of ours has (it was damaged).

const (
	scanBuffer = 1 << 20
	// Buffers that a huge command made grow beyond this are given back.
	keepScan = 16 << 20
	// What Redis reads at most of a header and of a note, without the end.
	maxHeader = 125
	maxNote   = 1021
	// No more arguments than this are believed; Redis's clients may send 1M.
	maxArgs = 1 << 30
)

// errCut: the input ends inside an item.
var errCut = errors.New("unexpected end of file")

// errStopped: scanner.turn had no buffer to go on with.
var errStopped = errors.New("nobody reads any more")

// formatError says what is wrong with the bytes at an offset.
type formatError struct {
	offset int64
	what   string
}

func (e *formatError) Error() string { return e.what }

// span is an argument as a range of scanner.buf, relative to scanner.pos.
type span struct{ from, to int }

// scanner reads items from r. Offsets count from the offset given to reset.
type scanner struct {
	r    io.Reader
	buf  []byte
	pos  int   // start of the item in hand
	end  int   // end of the valid bytes
	base int64 // offset of buf[0]
	size int64 // offset of the end of the input when known, else -1
	eof  bool

	sums   verifier
	summed int  // buf[:summed] was given to sums
	sumEnd bool // the last item was a checksum, and right
	blind  bool // checksums are notes like others

	spans []span
	args  [][]byte // of the last command, slices of buf

	// turn, if not nil, is called instead of moving rest to the start of buf, and gives
	// another buffer that starts with it: what was read so far stays valid.
	turn func(rest []byte) []byte
	room int // size of the first buffer, 0 = scanBuffer
}

func (s *scanner) reset(r io.Reader, offset, size int64) {
	*s = scanner{r: r, buf: s.buf, base: offset, size: size, spans: s.spans, args: s.args, turn: s.turn, room: s.room}
	if s.buf == nil {
		n := int64(scanBuffer)
		if s.room > 0 {
			n = int64(s.room)
		}
		if size >= 0 { // one more, so that the end of a small file shows at once
			n = min(n, max(size-offset, 0)+1)
		}
		s.buf = make([]byte, n)
	}
}

// offset is where the next item starts.
func (s *scanner) offset() int64 { return s.base + int64(s.pos) }

// next reads an item. args is nil for a note; both are nil at the end (io.EOF).
// They are valid until the next call.
func (s *scanner) next() (args [][]byte, note []byte, err error) {
	s.sumEnd = false
	if err := s.need(1); err != nil {
		if err == errCut {
			err = io.EOF
		}
		return nil, nil, err
	}
	switch s.buf[s.pos] {
	case '*':
		args, err = s.command()
		return args, nil, err
	case '#':
		to, after, err := s.line(0, maxNote)
		if err != nil {
			return nil, nil, err
		}
		note = s.buf[s.pos : s.pos+to]
		if !s.blind {
			err = s.checksum(note, after)
		}
		s.pos += after
		return nil, note, err
	}
	return nil, nil, s.bad(0, "expected '*', got %q", s.buf[s.pos])
}

// checksum takes a note whose line is after bytes long.
func (s *scanner) checksum(note []byte, after int) (err error) {
	s.sums.add(s.buf[s.summed:s.pos])
	s.summed = s.pos
	if s.sumEnd, err = s.sums.note(note, s.offset()); s.sumEnd {
		s.summed += after
	}
	return err
}

// command reads "*argc" and the arguments.
func (s *scanner) command() ([][]byte, error) {
	argc, at, err := s.header(0, '*')
	if err != nil {
		return nil, err
	}
	if argc < 1 || argc > maxArgs {
		return nil, s.bad(0, "invalid number of arguments %d", argc)
	}
	s.spans = s.spans[:0]
	for range argc {
		n, data, err := s.header(at, '$')
		if err != nil {
			return nil, err
		}
		if s.size >= 0 && n > s.size-s.base-int64(s.pos)-int64(data)-2 {
			return nil, errCut // nothing is allocated for a length that lies
		}
		to := data + int(n)
		if err := s.need(to + 2); err != nil {
			return nil, err
		}
		if tail := s.buf[s.pos+to:]; tail[0] != '\r' || tail[1] != '\n' {
			return nil, s.bad(to, "expected CRLF behind an argument of %d bytes, got %q", n, tail[:2])
		}
		s.spans = append(s.spans, span{data, to})
		at = to + 2
	}
	s.args = s.args[:0]
	for _, sp := range s.spans {
		s.args = append(s.args, s.buf[s.pos+sp.from:s.pos+sp.to:s.pos+sp.to])
	}
	s.pos += at
	return s.args, nil
}

// header reads a line of sign and number at pos+at; after is where the next byte is.
func (s *scanner) header(at int, sign byte) (n int64, after int, err error) {
	if err := s.need(at + 1); err != nil {
		return 0, 0, err
	}
	b := s.buf[s.pos+at : s.end]
	if b[0] != sign {
		return 0, 0, s.bad(at, "expected '%c', got %q", sign, b[0])
	}
	// The usual case: the line is in the buffer and the number is short.
	for i := 1; i < len(b)-1 && i < 10; i++ {
		if b[i]-'0' <= 9 {
			n = n*10 + int64(b[i]-'0')
			continue
		}
		if i > 1 && b[i] == '\r' && b[i+1] == '\n' {
			return n, at + i + 2, nil
		}
		break
	}
	to, after, err := s.line(at, maxHeader)
	if err != nil {
		return 0, 0, err
	}
	digits := s.buf[s.pos+at+1 : s.pos+to]
	for len(digits) > 1 && digits[0] == '0' { // harmless, and Redis takes it
		digits = digits[1:]
	}
	u, ok := num.ParseUint(digits)
	if !ok || u > 1<<62 {
		return 0, 0, s.bad(at, "invalid number in %q", s.buf[s.pos+at:s.pos+to])
	}
	return int64(u), after, nil
}

// line finds the CRLF of the line at pos+at: its text ends before to, the next line
// starts at after.
func (s *scanner) line(at, limit int) (to, after int, err error) {
	for i := at; ; i++ {
		if i-at > limit+1 {
			return 0, 0, s.bad(at, "line of more than %d bytes", limit)
		}
		if err := s.need(i + 1); err != nil {
			return 0, 0, err
		}
		if s.buf[s.pos+i] != '\n' {
			continue
		}
		if i == at || s.buf[s.pos+i-1] != '\r' {
			return 0, 0, s.bad(i, "line feed without carriage return")
		}
		return i - 1, i + 1, nil
	}
}

// need makes n bytes lie at buf[pos:].
func (s *scanner) need(n int) error {
	if s.end-s.pos >= n {
		return nil
	}
	return s.fill(n)
}

func (s *scanner) fill(n int) error {
	if s.pos > 0 && !s.slide() {
		return errStopped
	}
	if len(s.buf) > keepScan && s.end <= scanBuffer && n <= scanBuffer {
		s.buf = append(make([]byte, 0, scanBuffer), s.buf[:s.end]...)[:scanBuffer]
	}
	for idle := 0; s.end < n; {
		if s.eof {
			return errCut
		}
		if s.end == len(s.buf) {
			// Twice what has arrived, not what a length promises.
			s.buf = append(s.buf, make([]byte, min(len(s.buf), max(n-len(s.buf), scanBuffer)))...)
		}
		m, err := s.r.Read(s.buf[s.end:])
		s.end += m
		switch {
		case err == io.EOF:
			s.eof = true
		case err != nil:
			return err
		case m > 0:
			idle = 0
		default:
			if idle++; idle == 100 {
				return io.ErrNoProgress
			}
		}
	}
	return nil
}

// slide drops what was taken from the buffer; false when turn has no other one.
func (s *scanner) slide() bool {
	s.sums.add(s.buf[s.summed:s.pos])
	s.summed = 0
	rest := s.buf[s.pos:s.end]
	if s.turn == nil {
		copy(s.buf, rest)
	} else if s.buf = s.turn(rest); s.buf == nil {
		return false
	}
	s.base += int64(s.pos)
	s.end -= s.pos
	s.pos = 0
	return true
}

// bad is damage at pos+at.
func (s *scanner) bad(at int, format string, args ...any) error {
	return &formatError{s.offset() + int64(at), fmt.Sprintf(format, args...)}
}
