package rdb

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

// What can be read of a damaged RDB, and a new one made of it: the bytes of what is
// whole, under a checksum that is right. Nothing is guessed. A key whose value is
// damaged is left out, and the reading goes on behind it, if the value's end is known and
// what follows proves it to be the end. Where the form itself is broken no end is known,
// and everything from there on is lost.

// SalvageOptions for NewSalvage.
type SalvageOptions struct {
	// Embedded: commands of an AOF may follow the RDB.
	Embedded bool
}

const (
	// provingKeys is how many whole keys in a row, or the end mark where the file ends,
	// prove that a place is the start of a key.
	provingKeys = 4
	// recent is how many items may have been read behind the end of an RDB before what
	// is read there is no item.
	recent = 64
	// Redis takes 16 databases where nobody says otherwise.
	usualDatabases = 16
)

// Salvage is what NewSalvage found. It keeps no keys, only where they are.
type Salvage struct {
	f    io.ReaderAt
	size int64
	opts SalvageOptions
	d    *Decoder
	// probe: this only looks whether keys begin at a place.
	probe bool

	version int
	found
	full *found // as it was when the database in hand had all the keys it should

	rec     Record // the key in hand, only its attributes
	unit    int64  // offset where its attributes begin
	seen    fingerprints
	name    []byte // of the key in hand with its database
	reading string // what is being read
	inKey   bool   // that is a key, and it is counted
	jumped  bool   // the decoder is behind something that was left out
	stop    int64  // offset from which on nothing could be read
	ended   bool   // the end mark was found
	end     int64  // offset behind the RDB, if ended
}

// found is what was found so far.
type found struct {
	at     int64         // offset
	keep   []span        // in order, whole items
	newest byte          // value type that was kept
	dbs    []dbCount     // in the order of their first keys
	cur    int           // which of them is in hand
	last   string        // the last key kept, for people
	starts [recent]int64 // of the items that were read last, a ring
	items  int

	first *damage  // what is wrong first, nil if nothing is
	lost  []string // shown
	more  int      // not shown

	keys, libraries    int64
	databases, highest int
}

// span is a range of offsets.
type span struct{ from, to int64 }

// dbCount is how many keys of a database there are and are said to be.
type dbCount struct {
	number  int
	claimed bool
	said    uint64
	keys    uint64
}

// damage is one thing wrong.
type damage struct {
	from   int64 // where what could not be read begins
	at     int64 // where that was noticed
	reason string
	where  string // what was being read
}

// shownLost is how many losses are named one by one.
const shownLost = 20

// Resembles says whether a file that starts with head is an RDB, or was one before its
// header was damaged.
func Resembles(head []byte) bool {
	return bytes.HasPrefix(head, []byte("REDIS")) || headless(head)
}

// headless says whether behind nine bytes comes what every RDB since version 7 begins with.
func headless(head []byte) bool {
	first := AppendRawString([]byte{OpAux}, []byte("redis-ver"))
	return len(head) >= 9+len(first) && bytes.Equal(head[9:9+len(first)], first)
}

// NewSalvage reads the RDB at the start of f, a file of size bytes. An error is one of
// the reading, ErrSignature or ErrVersion when it is no RDB or a newer one.
func NewSalvage(f io.ReaderAt, size int64, opts SalvageOptions) (*Salvage, error) {
	s := &Salvage{f: f, size: size, opts: opts}
	s.start(0)
	err := s.head()
	if err == nil {
		err = s.read()
	}
	if err != nil {
		return nil, err
	}
	s.seen = fingerprints{} // the largest part by far
	return s, nil
}

// start makes the decoder stand at an offset.
func (s *Salvage) start(at int64) {
	r := io.NewSectionReader(s.f, at, s.size-at)
	if s.d == nil {
		s.d = NewDecoder(r)
	} else {
		s.d.Reset(r)
	}
	s.d.base, s.d.size = at, s.size
	if at == 0 {
		s.d.startSum(0)
	}
}

// read goes on to the end, or to where nothing more can be read.
func (s *Salvage) read() error {
	for done := false; !done; {
		err := s.next(&done)
		var e *Error
		switch {
		case err == nil:
		case errors.As(err, &e) && damaged(e):
			s.broken(e)
			return nil
		default:
			return err
		}
	}
	return nil
}

// proves says whether keys, or the end mark, begin at an offset.
func (s *Salvage) proves(at int64) (bool, error) {
	p := &Salvage{f: s.f, size: s.size, opts: s.opts, version: s.version, probe: true}
	p.start(at)
	err := p.read()
	return p.first == nil, err
}

// damaged tells damage of the contents from a failure to read them.
func damaged(e *Error) bool {
	for _, kind := range []error{ErrShortRead, ErrCorrupt, ErrChecksum, ErrEmptyKey, ErrUnsupported} {
		if errors.Is(e.Err, kind) {
			return true
		}
	}
	return false
}

// head takes the header. One that is damaged is replaced where no doubt is left that it
// was one.
func (s *Salvage) head() error {
	start := make([]byte, min(s.size, 64))
	if _, err := s.f.ReadAt(start, 0); err != nil && err != io.EOF {
		return err
	}
	var err error
	s.version, err = s.d.readHeader()
	switch {
	case err == nil:
		return nil
	case !errors.Is(err, ErrSignature) && !errors.Is(err, ErrVersion) || s.version > MaxVersion || !headless(start):
		return err
	}
	var e *Error
	if errors.As(err, &e) {
		s.fault(damage{at: 0, reason: e.Reason, where: "the header"})
		s.loss("the header, 9 bytes, which gets replaced")
	}
	s.version, s.jumped = Version, true
	return nil
}

// take keeps the item that has just been read.
func (s *Salvage) take() {
	to := s.d.Offset()
	s.starts[s.items%recent] = s.unit
	s.items++
	if last := len(s.keep) - 1; last >= 0 && s.keep[last].to == s.unit {
		s.keep[last].to = to
	} else if to > s.unit {
		s.keep = append(s.keep, span{s.unit, to})
	}
}

// leave leaves a range out.
func (s *Salvage) leave(r span, why damage, name string) {
	s.fault(why)
	s.jumped = true
	if name != "" {
		name += ", "
	}
	s.loss(fmt.Sprintf("%s%d bytes from offset %d on: %s", name, r.to-r.from, r.from, why.reason))
}

func (s *Salvage) loss(text string) {
	if len(s.lost) == shownLost {
		s.more++
		return
	}
	s.lost = append(s.lost, text)
}

func (s *Salvage) fault(why damage) {
	if s.first == nil {
		s.first = &why
	}
}

// broken ends the reading at what has no end.
func (s *Salvage) broken(e *Error) {
	if s.full != nil && !s.probe {
		// The form broke before, unnoticed: what came too much is no key.
		s.found = *s.full
		s.unit, s.inKey = s.at, false
		e = &Error{Offset: s.unit, Reason: fmt.Sprintf("more keys than the %d that the file gives for it, and a broken form behind", s.db().said)}
		s.reading = fmt.Sprintf("database %d", s.db().number)
	}
	if s.inKey {
		s.db().keys--
	}
	s.fault(damage{s.unit, e.Offset, e.Reason, s.reading})
	s.stop = s.unit
}

// db is what is known of the database in hand.
func (s *Salvage) db() *dbCount {
	if len(s.dbs) == 0 {
		s.dbs = append(s.dbs, dbCount{})
	}
	return &s.dbs[s.cur]
}

// enter goes on with database n, which may have been in hand before.
func (s *Salvage) enter(n int) {
	s.databases, s.highest = s.databases+1, max(s.highest, n)
	s.cur = slices.IndexFunc(s.dbs, func(c dbCount) bool { return c.number == n })
	if s.cur < 0 {
		s.dbs = append(s.dbs, dbCount{number: n})
		s.cur = len(s.dbs) - 1
	}
}
