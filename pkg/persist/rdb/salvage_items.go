package rdb

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// The items of an RDB as a Salvage takes them, one after the other.

// next takes a key with its attributes, or something else.
func (s *Salvage) next(done *bool) error {
	d := s.d
	s.unit, s.inKey = d.Offset(), false
	s.reading = fmt.Sprintf("the start of a key of database %d", s.db().number)
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
			s.enter(n)
		}
	case OpResizeDB:
		s.reading = fmt.Sprintf("how many keys database %d has", s.db().number)
		var keys uint64
		if keys, _, err = d.readResize(); err == nil {
			s.db().said, s.db().claimed = keys, true
		}
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
	s.reading = fmt.Sprintf("the name of a key (%s) of database %d", CheckTypeName(t), s.db().number)
	if err := d.readKey(); err != nil {
		return err
	}
	d.unpin()
	d.cur.valType = int(t)
	value := d.Offset()
	if s.db().claimed && s.db().keys == s.db().said && s.full == nil {
		s.full = new(found)
		*s.full = s.found
		s.full.at = s.unit
		s.full.keep, s.full.dbs = slices.Clone(s.keep), slices.Clone(s.dbs)
	}
	s.db().keys++
	s.inKey = true
	name := fmt.Sprintf("key '%s' (%s) of database %d", printable(d.cur.key), CheckTypeName(t), s.db().number)
	s.reading = "the value of " + name
	s.name = append(AppendLen(s.name[:0], uint64(s.db().number)), d.cur.key...)
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
	if s.probe {
		return s.d.fail(s.unit, ErrCorrupt, reason)
	}
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
