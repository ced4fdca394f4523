package keyspace

import (
	"slices"

	"redisd/pkg/mem"
)

// Large values in a snapshot.
//
// A value that is too big for one slice is opened when its bucket is sent: the sink
// learns that it begins, and its parts follow, by the pump, or by the barrier just
// before a part changes. Structures announce a change of one of their parts before it
// happens (ds.DictType.Barrier, ds.QuicklistType.Barrier, beforeStreamNode), so a
// write into a value that is half sent sends what it is about to change and no more.
// What is overwritten, deleted or flushed before it was sent belongs to the snapshot
// from then on, which frees it at its end.

// Place orders the parts of a value: by Section, then Hi, then Lo, then as they came.
type Place struct {
	Section uint32
	Hi, Lo  uint64
}

// Element is one element of a set, hash or sorted set. The bytes are arena memory.
type Element struct {
	Member []byte  // set, sorted set: member; hash: field
	Value  []byte  // hash
	Score  float64 // sorted set
}

// PartKind says which fields of a Part are set.
type PartKind uint8

// The kinds of parts.
const (
	PartBytes      PartKind = iota // a piece of a string, or of a compact collection's blob: Bytes
	PartElements                   // elements of a hash table: Elements
	PartListNode                   // a node of a list: Bytes, a listpack, or with Plain one element
	PartStreamNode                 // a node of a stream: ID, Bytes (a listpack)
	PartStream                     // what there is of a stream beside its entries: Stream
	PartGroup                      // a group: Group
	PartPending                    // a pending entry of a group: ID, Time, Count
	PartConsumers                  // the number of a group's consumers: Group
	PartConsumer                   // a consumer: Consumer
	PartPendingID                  // a pending entry in its consumer's list: ID
)

// Part is a piece of a large value as it was at the cut. What it refers to is good
// until the sink's call returns.
type Part struct {
	Kind     PartKind
	Plain    bool
	Place    Place
	Bytes    []byte
	Elements []Element
	ID       StreamID
	Time     int64  // Unix milliseconds of the last delivery
	Count    uint64 // deliveries
	Stream   StreamValue
	Group    Group
	Consumer Consumer
}

// Large is a value of the cut that goes out in parts.
type Large struct {
	ID   uint64 // unlike that of any other large value of the snapshot; from 1
	DB   int    // number of its database at the cut
	Type Type

	value  value
	keys   [2]mem.Ref // what open finds it by
	parts  parts
	bytes  int  // of arena memory, when it was opened
	orphan bool // nothing in the keyspace leads to it any more: the snapshot frees it
}

// parts is what of a large value has not been sent.
type parts interface {
	// pump sends further parts, about n elements worth, and tells whether all is sent.
	pump(s *Snapshot, l *Large, n int) bool
}

// parting says where a value counts as large, and how much a part carries. It is
// changed by tests only.
type parting struct {
	elements int // more of them go in parts
	bytes    int // and so does what is bigger
	piece    int // bytes of a string in one part
}

// defaultParting lets go in one piece what takes about a hundred microseconds.
func defaultParting() parting { return parting{elements: 1000, bytes: 256 << 10, piece: 64 << 10} }

// pieceWorth is what a piece or a node counts against the pump's budget of entries.
const pieceWorth = 16

// isLarge tells whether e goes out in parts.
func (ks *Keyspace) isLarge(e Entry) bool {
	if !e.outside() {
		return false
	}
	switch v := e.value(); v.enc {
	case Hashtable, Skiplist:
		return ks.largeDict(v)
	case Quicklist:
		return ks.largeList(v)
	case StreamTree:
		return ks.largeStream(v)
	}
	return e.outsideLen() > ks.parting.bytes
}

// partsOf makes what sends the parts of e.
func (ks *Keyspace) partsOf(l *Large, e Entry) parts {
	switch l.value.enc {
	case Hashtable, Skiplist:
		return ks.newDictParts(l)
	case Quicklist:
		return ks.newListParts(l)
	case StreamTree:
		return ks.newStreamParts(l)
	}
	return newBytesParts(e.outsideLen(), ks.parting.piece)
}

// sendEntry gives an entry of the cut to the sink, or opens it.
func (s *Snapshot) sendEntry(db int, e Entry) {
	if s.partSink == nil || !s.ks.isLarge(e) {
		s.sink.Entry(db, e)
		return
	}
	s.nextID++
	l := &Large{ID: s.nextID, DB: db, Type: e.Type(), value: e.value()}
	l.keys[0] = l.value.ref
	l.parts, l.bytes = s.ks.partsOf(l, e), s.ks.valueBytes(e)
	for _, r := range l.keys {
		if r != 0 {
			s.open[r] = l
		}
	}
	s.queue = append(s.queue, l)
	s.stats.Large++
	s.ks.watchParts(true)
	s.partSink.Begin(l, e)
	if p, ok := l.parts.(*streamParts); ok {
		p.begin(s, l)
	}
}

// pumpLarge sends parts of the value that was opened first.
func (s *Snapshot) pumpLarge(n int) {
	if l := s.queue[0]; l.parts.pump(s, l, n) {
		s.end(0)
	}
}

// end says that all parts of the i-th open value have gone.
func (s *Snapshot) end(i int) {
	l := s.queue[i]
	s.partSink.End(l)
	s.queue = slices.Delete(s.queue, i, i+1)
	s.drop(l)
}

// drop forgets an open value; one that was handed over is freed in slices.
func (s *Snapshot) drop(l *Large) {
	for _, r := range l.keys {
		delete(s.open, r)
	}
	if l.orphan {
		s.kept -= int64(l.bytes)
		s.ks.lazy = append(s.ks.lazy, detached{value: l.value})
	}
	if len(s.open) == 0 {
		s.ks.watchParts(false)
	}
}

// keep takes over a value that is to be freed while parts of it are still to be
// sent, and tells whether it did.
func (s *Snapshot) keep(v value) bool {
	l := s.open[v.ref]
	if l == nil {
		return false
	}
	if !l.orphan {
		l.orphan = true
		s.kept += int64(l.bytes)
	}
	return true
}

// part gives one part to the sink.
func (s *Snapshot) part(l *Large, p *Part) {
	s.stats.Parts++
	s.partSink.Part(l, p)
}

// late is part for one that the barrier asks for; it keeps the longest time that
// such a change had to wait.
func (s *Snapshot) late(send func()) {
	start := s.watch.Nanos()
	s.stats.Barriers++
	send()
	s.stats.LongestBarrier = max(s.stats.LongestBarrier, s.watch.Nanos()-start)
}

// bytesParts sends a string, or a compact collection's blob, in pieces.
type bytesParts struct {
	size  int      // bytes at the cut
	piece int      // bytes of a piece
	count int      // pieces
	next  int      // piece that the pump comes to
	sent  []uint64 // a bit a piece
}

func newBytesParts(size, piece int) *bytesParts {
	count := (size + piece - 1) / piece
	return &bytesParts{size: size, piece: piece, count: count, sent: make([]uint64, (count+63)/64)}
}

func (b *bytesParts) pump(s *Snapshot, l *Large, n int) bool {
	for ; n > 0 && b.next < b.count; b.next++ {
		if b.send(s, l, b.next) {
			n -= pieceWorth
		}
	}
	return b.next == b.count
}

// send gives piece i to the sink unless it went already. The block may be longer
// than it was at the cut.
func (b *bytesParts) send(s *Snapshot, l *Large, i int) bool {
	if b.sent[i/64]&(1<<(i%64)) != 0 {
		return false
	}
	b.sent[i/64] |= 1 << (i % 64)
	from := i * b.piece
	n := min(b.piece, b.size-from)
	s.piece = Part{Kind: PartBytes, Place: Place{Hi: uint64(from)}, Bytes: s.ks.arena.Bytes(l.value.ref+mem.Ref(from), n)}
	s.part(l, &s.piece)
	return true
}

// beforeBytes sends what of the block r is about to change: the bytes [from, to).
func (ks *Keyspace) beforeBytes(r mem.Ref, from, to int) {
	if ks.snap == nil {
		return
	}
	l := ks.snap.open[r]
	if l == nil {
		return
	}
	b := l.parts.(*bytesParts)
	to = min(to, b.size)
	if from >= to {
		return
	}
	ks.snap.late(func() {
		for i := from / b.piece; i <= (to-1)/b.piece; i++ {
			b.send(ks.snap, l, i)
		}
	})
}

// beforeBlob sends all that is left of a compact collection that is about to change:
// its elements move with every change. There is little to it unless the limits of
// compact encodings are far above what they are meant for.
func (ks *Keyspace) beforeBlob(r mem.Ref) {
	s := ks.snap
	l := s.open[r]
	if l == nil {
		return
	}
	s.late(func() {
		for !l.parts.pump(s, l, 1<<20) {
		}
	})
	s.end(slices.Index(s.queue, l))
}

// movedBytes tells that a block has moved with its bytes.
func (ks *Keyspace) movedBytes(from, to mem.Ref) {
	if ks.snap == nil || from == to {
		return
	}
	if l := ks.snap.open[from]; l != nil {
		delete(ks.snap.open, from)
		ks.snap.open[to] = l
		l.value.ref, l.keys[0] = to, to
	}
}

// watchParts turns the barriers of collections' parts on and off: they cost a
// lookup a change, and are on only while a large value is half sent.
func (ks *Keyspace) watchParts(on bool) {
	ks.elements.Barrier, ks.scored.Barrier, ks.lists.Barrier = nil, nil, nil
	if on {
		ks.elements.Barrier, ks.scored.Barrier, ks.lists.Barrier = ks.beforeBucket, ks.beforeBucket, ks.beforeListNode
	}
}
