package persist

import (
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// valueSender encodes values that are no strings on their way into the pipe.
type valueSender struct {
	buf    []byte // flushed before it is long
	writer rdb.Writer
	emit   func(b []byte) // where buf goes, one of:

	emitEntry func(b []byte) // the record stream
	emitPart  func(b []byte) // frames of the part that head names
	head      []byte
}

// flushAt is how much of a value is encoded before it goes into the outbox.
const flushAt = 32 << 10

// sender returns the job's value sender with nothing in its buffer.
func (j *Job) sender() *valueSender {
	s := &j.values
	if s.writer.Buf == nil {
		s.writer = rdb.Writer{Buf: &s.buf, Raw: true, Added: s.added, Long: s.long}
		s.emitEntry = func(b []byte) { j.out.stream(frameEntries, b) }
		s.emitPart = func(b []byte) { j.out.under(framePart, s.head, b) }
	}
	s.buf = s.buf[:0]
	return s
}

func (s *valueSender) added() error {
	if len(s.buf) >= flushAt {
		s.flush()
	}
	return nil
}

func (s *valueSender) flush() {
	s.emit(s.buf)
	s.buf = s.buf[:0]
}

// long sends a string without a copy of it.
func (s *valueSender) long(b []byte) error {
	s.flush()
	s.emit(b)
	return nil
}

// value encodes one key of the snapshot whose value is no string.
func (j *Job) value(db int, rec *rdb.Record, e keyspace.Entry) {
	if j.complete {
		panic("BUG: persist: an entry after the snapshot's end")
	}
	s := j.sender()
	s.emit = s.emitEntry
	if db != j.db {
		s.buf = rdb.AppendSelectDB(s.buf, db)
		j.db = db
	}
	s.buf = rdb.AppendRawHead(s.buf, rec)
	if err := j.visit(db, rec, e, &s.writer); err != nil {
		panic("BUG: persist: encoding into memory failed: " + err.Error())
	}
	s.flush()
}

// visit counts a key, and gives its value to w and to the sum.
func (j *Job) visit(db int, rec *rdb.Record, e keyspace.Entry, w rdb.Visitor) error {
	if !j.opts.Verify {
		j.sum.tally.key(db)
		return value.Visit(e, w)
	}
	j.sum.start(db, rec.Key, rec.Type, rec.ExpireAt)
	j.sum.Next = w
	err := value.Visit(e, &j.sum.Digester)
	j.sum.settle()
	return err
}
