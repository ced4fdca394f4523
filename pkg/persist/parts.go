package persist

import (
	"encoding/binary"

	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// Large values go to the child in parts (keyspace.PartSink). A value is the bytes of
// its record, head and body; each part is some of the body, with the place that it
// has there. The child puts them in order without knowing what they mean.

// Begin tells the child that a value comes in parts: its head is the record up to
// the first part.
func (j *Job) Begin(l *keyspace.Large, e keyspace.Entry) {
	if j.complete {
		panic("BUG: persist: a value begins after the snapshot's end")
	}
	b := binary.LittleEndian.AppendUint64(j.scratch[:0], l.ID)
	b = rdb.AppendSelectDB(b, l.DB)
	rec := j.view.of(l.DB, e, j.opts.Attribute)
	j.sumLarge(l, rec, e)
	b = value.AppendHead(rdb.AppendRawHead(b, rec), e)
	j.out.frame(frameLarge, b)
	j.keep(b)
}

// Part sends one part.
func (j *Job) Part(l *keyspace.Large, p *keyspace.Part) {
	s := j.sender()
	head := binary.LittleEndian.AppendUint64(s.head[:0], l.ID)
	head = binary.LittleEndian.AppendUint32(head, p.Place.Section)
	head = binary.LittleEndian.AppendUint64(head, p.Place.Hi)
	s.head = binary.LittleEndian.AppendUint64(head, p.Place.Lo)
	s.emit = s.emitPart
	if p.Kind == keyspace.PartBytes {
		j.sumBytes(l, p)
		s.emit(p.Bytes)
		return
	}
	if err := j.writePart(l, p, &s.writer); err != nil {
		panic("BUG: persist: encoding into memory failed: " + err.Error())
	}
	s.flush()
}

// End says that the value's parts have all come.
func (j *Job) End(l *keyspace.Large) {
	delete(j.large, l.ID)
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
