package persist

import (
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// The sums of values that go to the child in parts: each part is added as it goes.

// largeSum is what is known of such a value.
type largeSum struct {
	key  uint64 // for digest.Resume
	t    byte   // type
	done bool   // the sum is complete: parts add nothing
}

// sumLarge begins the sum of a value. The listpack of a set is summed up at once: its
// pieces would not tell the members.
func (j *Job) sumLarge(l *keyspace.Large, rec *rdb.Record, e keyspace.Entry) {
	if !j.opts.Verify {
		j.sum.tally.key(l.DB)
		return
	}
	j.sum.start(l.DB, rec.Key, rec.Type, rec.ExpireAt)
	x := largeSum{key: j.sum.Key(), t: rec.Type, done: rec.Type == rdb.TypeSetListpack}
	if x.done {
		j.sum.Next = nil
		_ = value.Visit(e, &j.sum.Digester) // it returns no error by itself
	}
	j.sum.settle()
	if j.large == nil {
		j.large = map[uint64]largeSum{}
	}
	j.large[l.ID] = x
}

// sumBytes adds a piece of a string or of a packed value.
func (j *Job) sumBytes(l *keyspace.Large, p *keyspace.Part) {
	if !j.opts.Verify {
		return
	}
	if x := j.large[l.ID]; !x.done {
		j.sum.db = l.DB
		j.sum.Resume(x.key, x.t)
		j.sum.Piece(p.Place.Hi, p.Bytes)
		j.sum.settle()
	}
}

// writePart gives a part to w and to the sum.
func (j *Job) writePart(l *keyspace.Large, p *keyspace.Part, w *rdb.Writer) error {
	if !j.opts.Verify {
		return value.WritePart(l.Type, p, w)
	}
	x := j.large[l.ID]
	j.sum.db = l.DB
	j.sum.Resume(x.key, x.t)
	j.sum.Next = w
	err := value.WritePart(l.Type, p, &j.sum.Digester)
	j.sum.settle()
	return err
}
