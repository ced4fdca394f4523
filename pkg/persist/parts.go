package persist

import (
	"encoding/binary"
	"math"

	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
)

// Large values go to the child in parts (keyspace.PartSink). A value is the bytes of
// its record, head and body; each part is some of the body, with the place that it
// has there. The child puts them in order without knowing what they mean.

// partHead is what a part's frame has before its bytes: value, section, place.
const partHead = 8 + 4 + 8 + 8

// Begin tells the child that a value comes in parts: its head is the record up to
// the first part.
func (j *Job) Begin(l *keyspace.Large, e keyspace.Entry) {
	if j.complete {
		panic("BUG: persist: a value begins after the snapshot's end")
	}
	j.count(l.DB)
	b := binary.LittleEndian.AppendUint64(j.scratch[:0], l.ID)
	b = rdb.AppendSelectDB(b, l.DB)
	t, n := partType(e)
	rec := rdb.Record{Key: e.Key(), Type: t, ExpireAt: e.ExpireAt(), Idle: -1, Freq: -1}
	attributes(&rec, e, j.opts.Attribute)
	b = rdb.AppendLen(appendPrefix(b, &rec), n)
	j.out.frame(frameLarge, b)
	j.keep(b)
}

// partType is the type byte of a large value, and the length that its body begins
// with: bytes of what is one string, else elements or nodes.
func partType(e keyspace.Entry) (t byte, n uint64) {
	if e.Type() == keyspace.String {
		return rdb.TypeString, uint64(e.StrLen())
	}
	panic("BUG: persist: no parts of values of type " + e.Type().String())
}

// Part sends one part.
func (j *Job) Part(l *keyspace.Large, p *keyspace.Part) {
	switch p.Kind {
	case keyspace.PartBytes:
		j.emit(l, p, p.Bytes)
	case keyspace.PartElements:
		b := j.body[:0]
		for i := range p.Elements {
			b = appendElement(b, l.Type, &p.Elements[i])
		}
		j.emit(l, p, b)
		if cap(b) <= blockSize {
			j.body = b
		}
	case keyspace.PartListNode:
		container := uint64(rdb.ListPacked)
		if p.Plain {
			container = rdb.ListPlain
		}
		head := rdb.AppendLen(rdb.AppendLen(j.body[:0], container), uint64(len(p.Bytes)))
		j.emit(l, p, head)
		j.emit(l, p, p.Bytes)
	default:
		panic("BUG: persist: a part of a kind that nobody knows")
	}
}

func appendElement(b []byte, t keyspace.Type, e *keyspace.Element) []byte {
	b = rdb.AppendRawString(b, e.Member)
	switch t {
	case keyspace.Hash:
		b = rdb.AppendRawString(b, e.Value)
	case keyspace.ZSet:
		b = binary.LittleEndian.AppendUint64(b, math.Float64bits(e.Score))
	}
	return b
}

// emit sends bytes of a part, in as many frames as they take. Frames of one place
// keep their order.
func (j *Job) emit(l *keyspace.Large, p *keyspace.Part, body []byte) {
	head := binary.LittleEndian.AppendUint64(j.scratch[:0], l.ID)
	head = binary.LittleEndian.AppendUint32(head, p.Place.Section)
	head = binary.LittleEndian.AppendUint64(head, p.Place.Hi)
	head = binary.LittleEndian.AppendUint64(head, p.Place.Lo)
	j.keep(head)
	for len(body) > 0 {
		n := min(len(body), blockSize)
		j.out.frame(framePart, head, body[:n])
		body = body[n:]
	}
}

// End says that the value's parts have all come.
func (j *Job) End(l *keyspace.Large) {
	b := binary.LittleEndian.AppendUint64(j.scratch[:0], l.ID)
	j.out.frame(frameLargeEnd, b)
	j.keep(b)
}

// keep holds on to a buffer for the next frame's head, unless a key made it big.
func (j *Job) keep(b []byte) {
	if cap(b) <= 4<<10 {
		j.scratch = b
	}
}
