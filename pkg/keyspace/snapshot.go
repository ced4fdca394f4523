package keyspace

import (
	"redisd/internal/clock"
	"redisd/pkg/mem"
)

// Sink takes the entries of a snapshot, each once, as they were at the cut. db is
// the database's number at the cut; e is good until Entry returns.
type Sink interface {
	Entry(db int, e Entry)
}

// PartSink is a Sink that takes large values in parts: begun, in parts, ended. Parts
// of several values, and whole entries, come between one another. What is handed
// over is good until the call returns. A Sink that is none gets every value whole.
type PartSink interface {
	Sink
	// Begin announces that the entry's value comes in parts; e is as at the cut.
	Begin(l *Large, e Entry)
	// Part is a part of a value that has begun.
	Part(l *Large, p *Part)
	// End says that all parts of the value have come.
	End(l *Large)
}

// SnapshotStats tells how a snapshot goes.
type SnapshotStats struct {
	Total    uint64 // keys at the cut
	Done     uint64 // keys given to the sink
	Barriers uint64 // buckets and parts that were sent because they were about to change
	Large    uint64 // values that went in parts
	Parts    uint64 // parts given to the sink
	// LongestBarrier is the longest time that a change had to wait for the barrier,
	// nanoseconds.
	LongestBarrier int64
}

// segment is one database at the cut.
type segment struct {
	coverage
	db int
}

// Snapshot is the walk over the dataset as it was at the cut.
type Snapshot struct {
	ks       *Keyspace
	sink     Sink
	segs     []*segment
	cur      int
	stats    SnapshotStats
	watch    clock.Stopwatch
	partSink PartSink // sink, when it takes parts

	nextID uint64             // of large values
	open   map[mem.Ref]*Large // by their root or block
	queue  []*Large           // the same, in the order in which they were opened
	piece  Part               // used again for each
	kept   int64              // bytes of open values that the keyspace has given up
}

// Cut starts a snapshot of all databases as they are now. It costs a bit a
// bucket. There is one snapshot at a time; end it with Abort, or by pumping
// until done.
func (ks *Keyspace) Cut(sink Sink) *Snapshot {
	if ks.snap != nil {
		panic("BUG: keyspace: a snapshot is active already")
	}
	ks.cuts++
	ks.lists.Cut = ks.cuts
	s := &Snapshot{ks: ks, sink: sink, open: map[mem.Ref]*Large{}, watch: clock.NewStopwatch()}
	s.partSink, _ = sink.(PartSink)
	for i, db := range ks.dbs {
		if db.dict.Len() == 0 {
			continue
		}
		seg := &segment{coverage: newCoverage(db.dict), db: i}
		db.dict.SetBarrier(func(gen, bucket uint64) {
			if seg.claim(gen, bucket) {
				s.late(func() { s.send(seg, gen, bucket) })
			}
		})
		s.segs = append(s.segs, seg)
		s.stats.Total += db.dict.Len()
	}
	ks.snap = s
	return s
}

// Snapshot is the one in progress, or nil.
func (ks *Keyspace) Snapshot() *Snapshot { return ks.snap }

// Stats tells how far the snapshot is.
func (s *Snapshot) Stats() SnapshotStats { return s.stats }

// Kept is the arena memory of values that were deleted or overwritten while they were
// half sent, and that only the snapshot still holds: bytes, as they were when the first
// part went.
func (s *Snapshot) Kept() int64 { return s.kept }

// send gives the entries of a bucket that was claimed to the sink.
func (s *Snapshot) send(g *segment, gen, i uint64) {
	db := s.ks.dbs[g.db]
	g.dict.EachIn(gen, i, func(r mem.Ref) {
		s.stats.Done++
		s.sendEntry(g.db, db.view(r))
	})
}

// Pump sends buckets in order until about n entries went to the sink, and tells
// whether the snapshot is complete. It looks at a bounded number of empty
// buckets a call too.
func (s *Snapshot) Pump(n int) bool {
	if len(s.queue) > 0 {
		// Values that have begun come first: each takes memory and disk until its end.
		s.pumpLarge(n)
		return false
	}
	until := s.stats.Done + uint64(n)
	for looks := 64 * n; s.cur < len(s.segs) || len(s.queue) > 0; looks-- {
		if s.stats.Done >= until || looks <= 0 || len(s.queue) > 0 {
			return false
		}
		g := s.segs[s.cur]
		if !s.pumpOne(g) {
			g.dict.SetBarrier(nil)
			s.cur++
		}
	}
	if s.segs != nil && s.stats.Done != s.stats.Total {
		panic("BUG: keyspace: the snapshot has not sent each key of the cut once")
	}
	s.finish()
	return true
}

// pumpOne looks at the next bucket of g, if there is one, and sends it unless it is.
func (s *Snapshot) pumpOne(g *segment) bool {
	gen, i, more := g.advance()
	if more && g.claim(gen, i) {
		s.send(g, gen, i)
	}
	return more
}

// Abort ends the snapshot without sending the rest.
func (s *Snapshot) Abort() { s.finish() }

func (s *Snapshot) finish() {
	for _, g := range s.segs {
		g.dict.SetBarrier(nil)
	}
	for _, l := range s.queue {
		s.drop(l)
	}
	s.segs, s.cur, s.queue = nil, 0, nil
	if s.ks.snap == s {
		s.ks.snap = nil
	}
}
