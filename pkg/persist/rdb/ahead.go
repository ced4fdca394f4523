package rdb

import (
	"encoding/binary"
	"errors"
	"io"
	"math"

	"redisd/internal/ahead"
	"redisd/pkg/ds"
)

// Decoding on another goroutine than the one that takes the keys. That one runs the
// decoder with a Handler and Visitor, taper, that writes down what it is told, with
// copies of all texts, in batches of events; player reads the events and tells the real
// handler the same. So there is one reading of the format, and its errors and offsets
// are the same both ways.

const (
	aheadBatches = 4
	// A batch is handed over when it holds this much.
	batchBytes  = 64 << 10
	batchEvents = 1024
	// A text of more than this is not copied but given away, and everything is worked off
	// before the next one is read: there is one of them.
	bigText = 1 << 20

	warmKeys = 16
)

// errNobody ends the decoding when nobody takes the keys any more.
var errNobody = errors.New("rdb: nobody takes the keys")

type eventKind uint8

const (
	evFail  eventKind = iota // err ends the file
	evDone                   // the end of the file
	evAux                    // first and second: key and value
	evDB                     // n
	evSizes                  // n and m
	evLibrary
	evModuleAux
	evString // a key, first, with its value, second
	evKey    // a key of another type; what follows is its value, up to evEnd or evEmpty
	evEmpty  // err says that the value holds nothing
	evBegin  // kind, n, and m: the most there can be
	evElement
	evPair
	evMember // n: the score's bits
	evPack
	evEnd
	evNode // first: the node, n and m: the ID, second: the numbers
	evInfo // second: the numbers; so it is with what follows
	evGroup
	evPending
	evConsumers // n
	evConsumer
	evOwned
)

// event is one call of a Handler or Visitor. Its texts are data[from:mid] and
// data[mid:to] of the batch, or the batch's big ones.
type event struct {
	kind          eventKind
	typ           byte
	big           uint8 // bit 0: the first text is a big one, bit 1: the second
	from, mid, to uint32
	at, end       int64 // offsets: of what an error is about, and behind what was read
	n, m          uint64
}

// told is a batch of events.
type told struct {
	events []event
	data   []byte
	attrs  []Record  // expiry, idle time and frequency of the keys that have some; event.n is index+1
	hashes []uint64  // of the keys, as Options.Hash gives them
	big    [2][]byte // texts of the last event
	err    error     // of the last event
	end    int64     // offset reached
}

// reset makes the batch ready to be filled again. The player does that: memory that a
// huge value took is not to wait for its turn.
func (b *told) reset() {
	b.events, b.data, b.attrs, b.hashes, b.err = b.events[:0], b.data[:0], b.attrs[:0], b.hashes[:0], nil
	b.big = [2][]byte{}
}

// taper is the decoding goroutine.
type taper struct {
	l   loader
	out *ahead.Producer[told]
	b   *told
}

var (
	_ ValueHandler     = (*taper)(nil)
	_ FunctionHandler  = (*taper)(nil)
	_ ModuleAuxHandler = (*taper)(nil)
	_ Visitor          = (*taper)(nil)
)

// LoadAhead is Load that decodes on another goroutine, which is done when it returns; h
// is called on the caller's. r must not be used meanwhile. What a value's Source looks for is
// Options.Scrutiny, whether the handler takes the value or skips it. Options.Progress is called
// after every 64 KB or so, and every ten milliseconds while there is nothing to do but wait for r.
func LoadAhead(r io.Reader, opts Options, h Handler) (Result, error) {
	room := make([]*told, aheadBatches)
	for i := range room {
		room[i] = new(told)
	}
	t := &taper{l: loader{d: NewDecoder(r), opts: opts}}
	t.l.h = t
	pipe := ahead.Start(room, t.run)
	defer pipe.Stop()
	p := player{opts: opts, h: h, pipe: pipe}
	err := p.run()
	pipe.Stop()
	res := t.l.res
	res.Records = p.records
	if err != nil {
		res.Consumed, res.Checksum = p.end, ChecksumNone
	}
	return res, err
}

func (t *taper) run(p *ahead.Producer[told]) {
	t.out = p
	d := t.l.d
	if t.l.opts.Size > 0 {
		d.size = t.l.opts.Size
	}
	d.startSum(d.pos)
	err := t.l.run()
	t.l.res.Consumed = d.Offset()
	e := event{kind: evDone, end: d.Offset()}
	if err != nil {
		e.kind = evFail
	}
	if errors.Is(err, errNobody) || t.room() != nil {
		return
	}
	t.b.err = err
	t.b.events = append(t.b.events, e)
	t.b.end = e.end
}

// room makes t.b a batch with room for an event.
func (t *taper) room() error {
	if t.b != nil && (len(t.b.data) >= batchBytes || len(t.b.events) >= batchEvents) {
		t.out.Give()
		t.b = nil
	}
	if t.b == nil {
		b, ok := t.out.Batch()
		if !ok {
			return errNobody
		}
		t.b = b
	}
	return nil
}

// put writes an event down.
func (t *taper) put(e event, first, second []byte) error {
	if err := t.room(); err != nil {
		return err
	}
	d, b := t.l.d, t.b
	e.end = d.Offset()
	if e.at == 0 {
		e.at = e.end
	}
	var spare []byte // what the decoder gets back
	for i, text := range [...]*[]byte{&first, &second} {
		if len(*text) > bigText {
			b.big[i], spare = t.keep(*text, spare)
			e.big |= 1 << i
			*text = nil
		}
	}
	e.from = uint32(len(b.data))
	b.data = append(b.data, first...)
	e.mid = uint32(len(b.data))
	b.data = append(b.data, second...)
	e.to = uint32(len(b.data))
	b.events = append(b.events, e)
	b.end = e.end
	if e.big == 0 {
		return nil
	}
	t.b = nil
	if !t.out.GiveAndWait() {
		return errNobody
	}
	if spare != nil {
		d.val = spare
	}
	return nil
}

// keep takes a big text away from the decoder, without a copy when it is the decoder's
// scratch memory, which then is spare when the text has been worked off.
func (t *taper) keep(text, spare []byte) (kept, stillSpare []byte) {
	if val := t.l.d.val; len(val) > 0 && &val[0] == &text[0] {
		t.l.d.val = nil
		return text, val[:0]
	}
	return append([]byte(nil), text...), spare
}

func (t *taper) Aux(key, value []byte) error {
	return t.put(event{kind: evAux, at: t.l.at}, key, value)
}

func (t *taper) SelectDB(n int) error {
	return t.put(event{kind: evDB, at: t.l.at, n: uint64(n)}, nil, nil)
}

func (t *taper) ResizeDB(keys, expires uint64) error {
	return t.put(event{kind: evSizes, at: t.l.at, n: keys, m: expires}, nil, nil)
}

func (t *taper) FunctionLib(code []byte) error {
	return t.put(event{kind: evLibrary, at: t.l.at}, code, nil)
}

func (t *taper) ModuleAux(name string) error {
	return t.put(event{kind: evModuleAux, at: t.l.at}, []byte(name), nil)
}

func (t *taper) Record(rec *Record) error { return t.key(evString, rec, rec.Str) }

func (t *taper) Value(rec *Record, v Source) error {
	if err := t.key(evKey, rec, nil); err != nil {
		return err
	}
	err := v.Visit(rec.Type, t, t.l.opts.Scrutiny)
	if !errors.Is(err, ErrEmptyKey) {
		return err
	}
	if err := t.put(event{kind: evEmpty}, nil, nil); err != nil {
		return err
	}
	// The error stands in its batch alone: there are few of these.
	t.b.err = err
	t.out.Give()
	t.b = nil
	return nil
}

func (t *taper) key(kind eventKind, rec *Record, value []byte) error {
	if err := t.room(); err != nil {
		return err
	}
	e := event{kind: kind, typ: rec.Type, at: t.l.at}
	if rec.ExpireAt != -1 || rec.Idle != -1 || rec.Freq != -1 {
		t.b.attrs = append(t.b.attrs, Record{ExpireAt: rec.ExpireAt, Idle: rec.Idle, Freq: rec.Freq})
		e.n = uint64(len(t.b.attrs))
	}
	if t.l.opts.Hash != nil {
		t.b.hashes = append(t.b.hashes, t.l.opts.Hash(rec.Key))
	}
	return t.put(e, rec.Key, value)
}

func (t *taper) Begin(typ byte, n uint64) error {
	return t.put(event{kind: evBegin, typ: typ, n: n, m: uint64(t.l.d.AtMost(math.MaxInt64))}, nil, nil)
}

func (t *taper) Element(b []byte) error { return t.put(event{kind: evElement}, b, nil) }

func (t *taper) Pair(field, value []byte) error { return t.put(event{kind: evPair}, field, value) }

func (t *taper) Member(member []byte, score float64) error {
	return t.put(event{kind: evMember, n: math.Float64bits(score)}, member, nil)
}

func (t *taper) Pack(b []byte) error { return t.put(event{kind: evPack}, b, nil) }

func (t *taper) End() error { return t.put(event{kind: evEnd}, nil, nil) }

func (t *taper) Node(n ds.StreamNode) error {
	var b [6 * 8]byte
	i := n.Info
	return t.put(event{kind: evNode, n: n.Master.Ms, m: n.Master.Seq}, n.LP,
		numbers(b[:0], uint64(i.Live), uint64(i.Deleted), i.First.Ms, i.First.Seq, i.Last.Ms, i.Last.Seq))
}

func (t *taper) Info(s *StreamInfo) error {
	var b [9 * 8]byte
	return t.put(event{kind: evInfo}, nil, numbers(b[:0], s.Length, s.First.Ms, s.First.Seq, s.Last.Ms, s.Last.Seq,
		s.MaxDeleted.Ms, s.MaxDeleted.Seq, s.Added, s.Groups))
}

func (t *taper) Group(g *StreamGroup) error {
	var b [5 * 8]byte
	old := uint64(0)
	if g.Old {
		old = 1
	}
	return t.put(event{kind: evGroup}, g.Name, numbers(b[:0], g.Last.Ms, g.Last.Seq, uint64(g.Read), old, g.Pending))
}

func (t *taper) Pending(p *StreamPending) error {
	var b [4 * 8]byte
	return t.put(event{kind: evPending}, nil, numbers(b[:0], p.ID.Ms, p.ID.Seq, uint64(p.Time), p.Count))
}

func (t *taper) Consumers(n uint64) error { return t.put(event{kind: evConsumers, n: n}, nil, nil) }

func (t *taper) Consumer(c *StreamConsumer) error {
	var b [3 * 8]byte
	return t.put(event{kind: evConsumer}, c.Name, numbers(b[:0], uint64(c.Seen), uint64(c.Active), c.Owned))
}

func (t *taper) Owned(id ds.StreamID) error {
	return t.put(event{kind: evOwned, n: id.Ms, m: id.Seq}, nil, nil)
}

func numbers(dst []byte, n ...uint64) []byte {
	for _, v := range n {
		dst = binary.LittleEndian.AppendUint64(dst, v)
	}
	return dst
}
