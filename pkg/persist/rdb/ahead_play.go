package rdb

import (
	"encoding/binary"
	"errors"
	"math"

	"redisd/internal/ahead"
	"redisd/pkg/ds"
)

// player tells a handler what a taper wrote down. It is the Source of the value in hand.
type player struct {
	opts Options
	h    Handler
	pipe *ahead.Pipe[told]
	b    *told
	next int // event in b
	warm int // keys of b that were met

	rec     Record
	key     []byte // of a value whose events may go on in another batch
	open    bool   // the value in hand was not taken to its end
	most    uint64 // elements that the value can have
	records int64
	end     int64 // offset behind the event in hand
	scratch struct {
		node     ds.StreamNodeInfo
		info     StreamInfo
		group    StreamGroup
		pending  StreamPending
		consumer StreamConsumer
	}
}

func (p *player) run() error {
	for {
		e := p.event()
		switch e.kind {
		case evFail:
			return p.b.err
		case evDone:
			p.progress()
			return nil
		case evString, evKey:
			if err := p.record(e); err != nil {
				return err
			}
			p.records++
		default:
			if err := p.step(e); err != nil {
				return p.refused(e, err)
			}
		}
	}
}

// event is the next event. The last one ends the file.
func (p *player) event() *event {
	for p.b == nil || p.next == len(p.b.events) {
		if p.b != nil {
			p.b.reset()
			p.progress()
		}
		p.b, p.next, p.warm = p.pipe.Next(p.progress), 0, 0
	}
	e := &p.b.events[p.next]
	p.next++
	p.end = e.end
	return e
}

func (p *player) progress() {
	if p.opts.Progress != nil {
		p.opts.Progress(p.end)
	}
}

// texts are the two texts of e, good until the next event.
func (p *player) texts(e *event) (first, second []byte) {
	first, second = p.b.data[e.from:e.mid:e.mid], p.b.data[e.mid:e.to:e.to]
	if e.big&1 != 0 {
		first = p.b.big[0]
	}
	if e.big&2 != 0 {
		second = p.b.big[1]
	}
	return first, second
}

// step gives the handler what is not about a key.
func (p *player) step(e *event) error {
	first, second := p.texts(e)
	switch e.kind {
	case evAux:
		return p.h.Aux(first, second)
	case evDB:
		p.rec.DB = int(e.n)
		return p.h.SelectDB(int(e.n))
	case evSizes:
		return p.h.ResizeDB(e.n, e.m)
	case evLibrary:
		return offerLibrary(p.h, p.opts, first)
	case evModuleAux:
		return offerModuleAux(p.h, p.opts, string(first))
	}
	panic("BUG: rdb: an event outside of a value")
}

// record gives the handler a key.
func (p *player) record(e *event) error {
	if p.opts.Warm != nil && p.warm%warmKeys == 0 && p.warm < len(p.b.hashes) {
		p.opts.Warm(p.b.hashes[p.warm:min(p.warm+warmKeys, len(p.b.hashes))])
	}
	p.warm++
	rec := &p.rec
	*rec = Record{DB: rec.DB, Type: e.typ, ExpireAt: -1, Idle: -1, Freq: -1}
	if e.n > 0 {
		a := &p.b.attrs[e.n-1]
		rec.ExpireAt, rec.Idle, rec.Freq = a.ExpireAt, a.Idle, a.Freq
	}
	first, second := p.texts(e)
	if e.kind == evString {
		rec.Key, rec.Str = first, second
		if err := p.h.Record(rec); err != nil {
			return p.refused(e, err)
		}
		return nil
	}
	p.key = append(p.key[:0], first...)
	rec.Key, p.open = p.key, true
	at := *e // the batch may be gone when the value is taken
	h, ok := p.h.(ValueHandler)
	if !ok {
		return p.refused(&at, noValues(e.typ, rec.Key, e.at))
	}
	if err := h.Value(rec, p); err != nil {
		return p.refused(&at, err)
	}
	if p.open {
		return p.SkipValue(rec.Type)
	}
	return nil
}

// refused is the error for what the handler returned about e.
func (p *player) refused(e *event, err error) error {
	var known *Error
	if errors.As(err, &known) {
		return err
	}
	out := &Error{Offset: e.at, Type: -1, Reason: err.Error(), Err: err}
	if e.kind == evKey || e.kind == evString {
		out.Type, out.Key = int(e.typ), append([]byte{}, p.rec.Key...)
	}
	return out
}

// AtMost implements Source.
func (p *player) AtMost(n uint64) int { return int(min(n, p.most)) }

// SkipValue implements Source.
func (p *player) SkipValue(byte) error {
	for {
		if over, err := p.over(p.event()); over {
			if errors.Is(err, ErrEmptyKey) {
				return nil
			}
			return err
		}
	}
}

// Visit implements Source.
func (p *player) Visit(t byte, v Visitor, s Scrutiny) error {
	if s > p.opts.Scrutiny {
		panic("BUG: rdb: more is asked of a value than Options.Scrutiny")
	}
	for {
		e := p.event()
		over, failed := p.over(e)
		if failed != nil {
			return failed
		}
		if err := p.tell(e, v); err != nil {
			var known *Error
			if errors.As(err, &known) {
				return err
			}
			return &Error{Offset: e.at, Key: append([]byte{}, p.rec.Key...), Type: int(t), Reason: err.Error(), Err: err}
		}
		if over {
			return nil
		}
	}
}

// over tells whether e is the last event of the value in hand, and what is wrong with
// that.
func (p *player) over(e *event) (bool, error) {
	switch e.kind {
	case evFail:
		p.next-- // it is the last of the file too
		p.open = false
		return true, p.b.err
	case evEmpty:
		p.open = false
		return true, p.b.err
	case evEnd:
		p.open = false
		return true, nil
	}
	return false, nil
}

// tell gives v one event.
func (p *player) tell(e *event, v Visitor) error {
	first, second := p.texts(e)
	switch e.kind {
	case evBegin:
		p.most = e.m
		return v.Begin(e.typ, e.n)
	case evElement:
		return v.Element(first)
	case evPair:
		return v.Pair(first, second)
	case evMember:
		return v.Member(first, math.Float64frombits(e.n))
	case evPack:
		return v.Pack(first)
	case evEnd:
		return v.End()
	case evConsumers:
		return v.Consumers(e.n)
	case evOwned:
		return v.Owned(ds.StreamID{Ms: e.n, Seq: e.m})
	}
	return p.tellStream(e, v, first, second)
}

// tellStream is tell for events with numbers.
func (p *player) tellStream(e *event, v Visitor, name, b []byte) error {
	n := func() (n uint64) {
		n, b = binary.LittleEndian.Uint64(b), b[8:]
		return n
	}
	id := func() ds.StreamID {
		ms := n()
		return ds.StreamID{Ms: ms, Seq: n()}
	}
	s := &p.scratch
	switch e.kind {
	case evNode:
		s.node.Live, s.node.Deleted, s.node.First, s.node.Last = int(n()), int(n()), id(), id()
		return v.Node(ds.StreamNode{Master: ds.StreamID{Ms: e.n, Seq: e.m}, LP: name, Info: &s.node})
	case evInfo:
		s.info.Length, s.info.First, s.info.Last, s.info.MaxDeleted = n(), id(), id(), id()
		s.info.Added, s.info.Groups = n(), n()
		return v.Info(&s.info)
	case evGroup:
		s.group.Name, s.group.Last = name, id()
		s.group.Read, s.group.Old = int64(n()), n() == 1
		s.group.Pending = n()
		return v.Group(&s.group)
	case evPending:
		s.pending.ID, s.pending.Time, s.pending.Count = id(), int64(n()), n()
		return v.Pending(&s.pending)
	case evConsumer:
		s.consumer.Name, s.consumer.Seen, s.consumer.Active = name, int64(n()), int64(n())
		s.consumer.Owned = n()
		return v.Consumer(&s.consumer)
	}
	panic("BUG: rdb: an event inside of a value")
}
