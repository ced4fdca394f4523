package persist

import (
	"encoding/binary"
	"fmt"
	"io"

	"redisd/pkg/persist/rdb"
)

// readBase reads the snapshot in the file and gives what it holds.
func (v *verifier) readBase() (*tally, error) {
	found := &tally{}
	sum := summer{tally: found}
	if v.commands {
		sum.Unpacked = true
		r := commandReader{in: scanner{r: v}, sum: sum, db: -1}
		return found, r.run()
	}
	d := rdb.NewDecoder(v)
	h := rdbTally{sum: sum}
	if _, err := d.Load(rdb.Options{}, &h); err != nil {
		return nil, err
	}
	// Nothing may lie between the snapshot's end and what follows.
	var b [1]byte
	if n, err := d.Read(b[:]); n > 0 {
		return nil, v.wrong("there is more at offset %d, behind the end of the snapshot", d.Offset())
	} else if err != io.EOF {
		return nil, err
	}
	// The bytes are those over which the checksum was reckoned when they were written: it
	// need not be reckoned again to be compared.
	v.mu.Lock()
	want := v.crc
	v.mu.Unlock()
	if got := binary.LittleEndian.Uint64(v.tail[:]); got != want {
		return nil, v.wrong("its checksum is %016x, that of what was written is %016x", got, want)
	}
	return found, nil
}

// readDiff reads the commands that follow the snapshot.
func (v *verifier) readDiff() error {
	s := scanner{r: v, off: v.at}
	for {
		done, err := s.skipCommand()
		if done || err != nil {
			return err
		}
	}
}

// rdbTally is an rdb.Handler that sums up what it gets.
type rdbTally struct {
	sum summer
	db  int
}

func (h *rdbTally) Aux(_, _ []byte) error      { return nil }
func (h *rdbTally) SelectDB(n int) error       { h.db = n; return nil }
func (h *rdbTally) ResizeDB(_, _ uint64) error { return nil }

// FunctionLib implements rdb.FunctionHandler: libraries come with the options, and the
// bytes tell whether they were written.
func (h *rdbTally) FunctionLib(_ []byte) error { return nil }

func (h *rdbTally) Record(rec *rdb.Record) error {
	if h.db >= maxDatabases {
		return fmt.Errorf("database %d out of range", h.db)
	}
	h.sum.record(h.db, rec)
	return nil
}

func (h *rdbTally) Value(rec *rdb.Record, d rdb.Source) error {
	if h.db >= maxDatabases {
		return fmt.Errorf("database %d out of range", h.db)
	}
	h.sum.start(h.db, rec.Key, rec.Type, rec.ExpireAt)
	if err := d.Visit(rec.Type, &h.sum.Digester, rdb.Structure); err != nil {
		return err
	}
	h.sum.settle()
	return nil
}

// scanner takes commands apart that lie in a stream. Slices are good until the next
// command.
type scanner struct {
	r    io.Reader
	buf  []byte
	pos  int   // of what comes next
	keep int   // where the command in hand begins: what lies behind must stay
	off  int64 // of buf's first byte in the file
	eof  bool

	args []span
}

// span is where an argument lies in buf, from keep on.
type span struct{ from, to int }

// scanBuffer is how much a scanner reads at once.
const scanBuffer = 256 << 10

// more reads further bytes; io.ErrUnexpectedEOF at the end of the stream.
func (s *scanner) more() error {
	if s.eof {
		return io.ErrUnexpectedEOF
	}
	if s.keep > 0 {
		n := copy(s.buf, s.buf[s.keep:])
		s.buf, s.pos, s.off, s.keep = s.buf[:n], s.pos-s.keep, s.off+int64(s.keep), 0
	}
	if len(s.buf) == cap(s.buf) {
		grown := make([]byte, len(s.buf), max(scanBuffer, 2*cap(s.buf)))
		copy(grown, s.buf)
		s.buf = grown
	}
	n, err := s.r.Read(s.buf[len(s.buf):cap(s.buf)])
	s.buf = s.buf[:len(s.buf)+n]
	if err == io.EOF {
		s.eof = true
		if n == 0 {
			err = io.ErrUnexpectedEOF
		} else {
			err = nil
		}
	}
	return err
}

// offset is the place of the next byte in the file.
func (s *scanner) offset() int64 { return s.off + int64(s.pos) }

func (s *scanner) bad(what string) error {
	return fmt.Errorf("%s at offset %d, where a command should be", what, s.offset())
}

// header reads "*n\r\n" or "$n\r\n".
func (s *scanner) header(mark byte) (int, error) {
	if b := s.buf[s.pos:]; len(b) > 12 && b[0] == mark {
		n, i := 0, 1
		for ; i < 11 && b[i]-'0' <= 9; i++ {
			n = n*10 + int(b[i]-'0')
		}
		if i > 1 && b[i] == '\r' && b[i+1] == '\n' {
			s.pos += i + 2
			return n, nil
		}
	}
	return s.slowHeader(mark)
}

// slowHeader is header where the buffer may end, or something is wrong.
func (s *scanner) slowHeader(mark byte) (int, error) {
	for n, i := 0, s.pos; ; i++ {
		for i >= len(s.buf) {
			kept := s.keep
			if err := s.more(); err != nil {
				return 0, s.cut(err)
			}
			i -= kept
		}
		switch c := s.buf[i]; {
		case i == s.pos:
			if c != mark {
				return 0, s.bad(fmt.Sprintf("byte 0x%02x", c))
			}
		case c >= '0' && c <= '9' && i-s.pos < 12:
			n = n*10 + int(c-'0')
		case c == '\r' && i > s.pos+1:
			s.pos = i + 1
			return n, s.newline(s.pos - 1)
		default:
			return 0, s.bad("a bad length")
		}
	}
}

// newline takes the '\n' behind the '\r' that was taken.
func (s *scanner) newline(int) error {
	if s.pos == len(s.buf) {
		if err := s.more(); err != nil {
			return s.cut(err)
		}
	}
	if s.buf[s.pos] != '\n' {
		return s.bad("no line end")
	}
	s.pos++
	return nil
}

// cut is the error at a stream that ends inside of a command.
func (s *scanner) cut(err error) error {
	if err == io.ErrUnexpectedEOF {
		return s.bad("the end")
	}
	return err
}

// begin stands before the next command, past annotations; done at the stream's end.
func (s *scanner) begin() (done bool, err error) {
	for {
		s.keep = s.pos
		if s.pos == len(s.buf) {
			if cap(s.buf) > keepSize {
				s.off, s.pos, s.keep, s.buf = s.off+int64(s.pos), 0, 0, nil
			}
			err := s.more()
			if err == io.ErrUnexpectedEOF {
				return true, nil
			}
			if err != nil {
				return false, err
			}
		}
		if s.buf[s.pos] != '#' {
			return false, nil
		}
		for s.buf[s.pos] != '\n' {
			if s.pos++; s.pos == len(s.buf) {
				if err := s.more(); err != nil {
					return false, s.cut(err)
				}
			}
		}
		s.pos++
	}
}

// next takes the next command; nil at the end of the stream.
func (s *scanner) next() ([]span, error) {
	done, err := s.begin()
	if done || err != nil {
		return nil, err
	}
	n, err := s.header('*')
	s.args = s.args[:0]
	for ; n > 0 && err == nil; n-- {
		var l int
		if l, err = s.header('$'); err != nil {
			break
		}
		for len(s.buf)-s.pos < l+2 && err == nil {
			err = s.more()
		}
		if err != nil {
			return nil, s.cut(err)
		}
		s.args = append(s.args, span{s.pos - s.keep, s.pos - s.keep + l})
		s.pos += l
		if s.buf[s.pos] != '\r' || s.buf[s.pos+1] != '\n' {
			return nil, s.bad("no line end")
		}
		s.pos += 2
	}
	if err == nil && len(s.args) == 0 {
		err = s.bad("a command of no words")
	}
	return s.args, err
}

// arg is an argument of the command in hand.
func (s *scanner) arg(i int) []byte {
	return s.buf[s.keep+s.args[i].from : s.keep+s.args[i].to]
}

// skipCommand is next for a command that nobody looks at: however long its words are,
// they are not held in memory.
func (s *scanner) skipCommand() (done bool, err error) {
	if done, err = s.begin(); done || err != nil {
		return done, err
	}
	n, err := s.header('*')
	if err == nil && n == 0 {
		err = s.bad("a command of no words")
	}
	for ; n > 0 && err == nil; n-- {
		var l int
		if l, err = s.header('$'); err == nil {
			err = s.skip(l)
		}
	}
	return false, err
}

// skip jumps over a word and the line end behind it.
func (s *scanner) skip(n int) error {
	for len(s.buf)-s.pos < n {
		n -= len(s.buf) - s.pos
		s.pos = len(s.buf)
		s.keep = s.pos
		if err := s.more(); err != nil {
			return s.cut(err)
		}
	}
	s.pos += n
	s.keep = s.pos
	for i := range "\r\n" {
		if s.pos == len(s.buf) {
			if err := s.more(); err != nil {
				return s.cut(err)
			}
		}
		if s.buf[s.pos] != "\r\n"[i] {
			return s.bad("no line end")
		}
		s.pos++
	}
	return nil
}

var (
	_ rdb.Handler         = (*rdbTally)(nil)
	_ rdb.ValueHandler    = (*rdbTally)(nil)
	_ rdb.FunctionHandler = (*rdbTally)(nil)
)
