package rdb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
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
	db     dbCount       // the database in hand
	last   string        // the last key kept, for people
	starts [recent]int64 // of the items that were read last, a ring
	items  int

	first *damage  // what is wrong first, nil if nothing is
	lost  []string // shown
	more  int      // not shown
	odd   []string // counts that do not fit

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

// next takes a key with its attributes, or something else.
func (s *Salvage) next(done *bool) error {
	d := s.d
	s.unit, s.inKey = d.Offset(), false
	s.reading = fmt.Sprintf("the start of a key of database %d", s.db.number)
	if s.databases == 0 {
		s.reading = "what comes before the keys"
	}
	d.startRecord(&s.rec)
	for {
		at := d.Offset()
		op, err := d.readByte()
		if err != nil {
			return err
		}
		handled, err := d.attribute(op, &s.rec)
		switch {
		case err != nil:
			return err
		case handled:
			continue
		case KnownType(op):
			return s.key(op, done)
		case at > s.unit:
			s.leave(span{s.unit, at}, damage{s.unit, at, "an expiry, idle time or frequency without a key", s.reading}, "")
			s.unit = at
		}
		return s.item(op, done)
	}
}

// item takes what is no key.
func (s *Salvage) item(op byte, done *bool) (err error) {
	d := s.d
	switch op {
	case OpSelectDB:
		s.reading = "the number of a database"
		var n int
		if n, err = d.readDB(); err == nil {
			s.enough()
			s.db = dbCount{number: n}
			s.databases, s.highest = s.databases+1, max(s.highest, n)
		}
	case OpResizeDB:
		s.reading = fmt.Sprintf("how many keys database %d has", s.db.number)
		s.db.said, _, err = d.readResize()
		s.db.claimed = err == nil
	case OpAux:
		s.reading = "an information field"
		for range 2 {
			if err == nil {
				_, err = d.readString(&d.val)
			}
		}
	case OpModuleAux:
		s.reading = "data of a module"
		err = s.moduleAux()
	case OpFunction, OpFunction2:
		s.reading = "a library of functions"
		err = s.library(op)
	case OpEOF:
		s.reading = "the end"
		*done = true
		return s.trailer()
	default:
		err = d.corrupt(fmt.Sprintf("Invalid object type: %d", op))
	}
	if err == nil {
		s.take()
	}
	return err
}

func (s *Salvage) moduleAux() error {
	at := s.d.Offset()
	if err := s.module(at); err != nil {
		return err
	}
	name, err := s.d.readModuleAuxHead()
	if err == nil {
		err = s.d.walker().moduleParts(name)
	}
	return err
}

// module looks at the ID of a module at offset at: nine characters and a version fill
// more than 32 bits, so a smaller one is a sign that something else stands here.
func (s *Salvage) module(at int64) error {
	var first [1]byte
	if _, err := s.f.ReadAt(first[:], at); err != nil && err != io.EOF {
		return err
	}
	if first[0] != len64 {
		return s.d.corrupt("not the ID of a module")
	}
	return nil
}

func (s *Salvage) library(op byte) error {
	at := s.d.Offset()
	code, err := s.d.readFunction(op)
	switch {
	case err != nil:
		return err
	case !bytes.HasPrefix(code, []byte("#!")):
		s.leave(span{s.unit, s.d.Offset()}, damage{s.unit, at, "it does not begin as one does", s.reading}, "a library of functions")
		s.unit = s.d.Offset()
		return nil
	}
	s.libraries++
	return nil
}

// key takes a key and its value of type t.
func (s *Salvage) key(t byte, done *bool) error {
	d := s.d
	s.reading = fmt.Sprintf("the name of a key (%s) of database %d", CheckTypeName(t), s.db.number)
	if err := d.readKey(); err != nil {
		return err
	}
	d.unpin()
	d.cur.valType = int(t)
	value := d.Offset()
	if s.db.claimed && s.db.keys == s.db.said && s.full == nil {
		s.full = new(found)
		*s.full = s.found
		s.full.at, s.full.keep = s.unit, append([]span(nil), s.keep...)
	}
	s.db.keys++
	s.inKey = true
	name := fmt.Sprintf("key '%s' (%s) of database %d", printable(d.cur.key), CheckTypeName(t), s.db.number)
	s.reading = "the value of " + name
	s.name = append(AppendLen(s.name[:0], uint64(s.db.number)), d.cur.key...)
	err := s.judge(t, value)
	var e *Error
	switch {
	case err == nil && s.seen.add(s.name):
		s.keys++
		s.last, s.newest = name, max(s.newest, t)
		d.cur = cursor{valType: -1}
		s.take()
		*done = s.probe && s.keys == provingKeys
		return nil
	case err == nil:
		return s.second(name)
	case !errors.As(err, &e) || !damaged(e):
		return err
	}
	return s.without(t, value, name, e)
}

// second leaves a key out that is there already, or ends the reading: it can be a sign
// that the form broke before.
func (s *Salvage) second(name string) error {
	const reason = "the key is there already"
	if proved, err := s.proves(s.d.Offset()); err != nil || !proved {
		return cmp.Or(err, s.d.fail(s.unit, ErrCorrupt, reason))
	}
	s.leave(span{s.unit, s.d.Offset()}, damage{s.unit, s.unit, reason, "the second " + name}, "the second "+name)
	return nil
}

func (s *Salvage) judge(t byte, value int64) error {
	if t == TypeModule2 {
		if err := s.module(value); err != nil {
			return err
		}
	}
	return s.d.judgeAny(t)
}

// without leaves a key out whose value of type t at offset value is damaged, if its end
// is known.
func (s *Salvage) without(t byte, value int64, name string, e *Error) error {
	end := s.d.Offset()
	if !errors.Is(e.Err, ErrEmptyKey) {
		skipper := NewDecoder(io.NewSectionReader(s.f, value, s.size-value))
		skipper.SetSize(s.size - value)
		if err := skipper.SkipValue(t); err != nil {
			var short *Error
			if errors.As(err, &short) && damaged(short) {
				return e // no end can be found
			}
			return err
		}
		end = value + skipper.Offset()
	}
	if s.probe {
		return e
	}
	switch proved, err := s.proves(end); {
	case err != nil:
		return err
	case !proved:
		return e
	}
	s.leave(span{s.unit, end}, damage{s.unit, e.Offset, e.Reason, "the value of " + name}, name)
	s.start(end)
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
		e = &Error{Offset: s.unit, Reason: fmt.Sprintf("more keys than the %d that the file gives for it, and a broken form behind", s.db.said)}
		s.reading = fmt.Sprintf("database %d", s.db.number)
	}
	if s.inKey {
		s.db.keys--
	}
	s.fault(damage{s.unit, e.Offset, e.Reason, s.reading})
	s.stop = s.unit
}

// enough compares the number of keys of the database that ends.
func (s *Salvage) enough() {
	if s.db.claimed && s.db.keys != s.db.said && len(s.odd) < shownLost {
		s.odd = append(s.odd, fmt.Sprintf("the file gives %d keys for database %d, and there are %d", s.db.said, s.db.number, s.db.keys))
	}
	s.full = nil
}

// trailer takes what follows the end mark.
func (s *Salvage) trailer() error {
	at := s.unit
	state := ChecksumNone
	if s.version >= 5 {
		var err error
		state, err = s.d.readTrailer(!s.jumped && !s.probe)
		if err != nil && !errors.Is(err, ErrChecksum) {
			return err
		}
	}
	end := s.d.Offset()
	follows, err := s.follows(end)
	switch {
	case err != nil:
		return err
	case !follows && state != ChecksumOK:
		return s.d.fail(at, ErrCorrupt, fmt.Sprintf("an end mark, but %d bytes follow it that do not belong behind one", s.size-end))
	case state == ChecksumNone && s.version >= 5 && !s.jumped && !s.probe:
		s.fault(damage{end - 8, end - 8, "RDB CRC error", "the checksum of everything before it: some byte there is damaged, and nothing else shows which"})
	}
	s.enough()
	s.ended, s.stop, s.end = true, at, end
	return nil
}

// follows says whether what is at offset at can come behind an RDB.
func (s *Salvage) follows(at int64) (bool, error) {
	if at == s.size || !s.opts.Embedded {
		return at == s.size, nil
	}
	var next [1]byte
	if _, err := s.f.ReadAt(next[:], at); err != nil && err != io.EOF {
		return false, err
	}
	return next[0] == '*' || next[0] == '#', nil
}
