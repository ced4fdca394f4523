package keyspace_test

import (
	"fmt"
	"maps"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

// capture is a sink that keeps what it gets, and fails on a key that comes twice.
type capture struct {
	t   testing.TB
	dbs []map[string]kept
	n   uint64

	begun map[uint64]*arriving // large values whose end has not come
	large uint64               // large values that came whole
}

// arriving is a value that comes in parts.
type arriving struct {
	db   int
	key  string
	kept kept
	size int
	buf  []byte // the bytes that came, at their places
	got  int
}

func newCapture(t testing.TB, dbs int) *capture {
	c := &capture{t: t, begun: map[uint64]*arriving{}}
	for range dbs {
		c.dbs = append(c.dbs, map[string]kept{})
	}
	return c
}

func (c *capture) Entry(db int, e keyspace.Entry) {
	key := string(e.Key())
	if _, twice := c.dbs[db][key]; twice {
		c.t.Fatalf("db %d: key %q comes twice", db, key)
	}
	c.dbs[db][key] = kept{textOf(e), e.ExpireAt(), e.Encoding().String()}
	c.n++
}

func (c *capture) Begin(l *keyspace.Large, e keyspace.Entry) {
	a := &arriving{db: l.DB, key: string(e.Key()), kept: kept{"", e.ExpireAt(), e.Encoding().String()}, size: e.StrLen()}
	if _, twice := c.dbs[l.DB][a.key]; twice || c.begun[l.ID] != nil {
		c.t.Fatalf("db %d: key %q begins twice", l.DB, a.key)
	}
	a.buf = make([]byte, a.size)
	c.begun[l.ID] = a
	c.n++
}

func (c *capture) Part(l *keyspace.Large, p *keyspace.Part) {
	a := c.begun[l.ID]
	if a == nil {
		c.t.Fatalf("a part of value %d, which is not open", l.ID)
	}
	a.got += copy(a.buf[p.Place.Hi:], p.Bytes)
}

func (c *capture) End(l *keyspace.Large) {
	a := c.begun[l.ID]
	if a == nil || a.got != a.size {
		c.t.Fatalf("value %d ends with %+v", l.ID, a)
	}
	delete(c.begun, l.ID)
	a.kept.text = string(a.buf)
	c.dbs[a.db][a.key] = a.kept
	c.large++
}

// equals stops the test unless the sink got exactly want.
func (c *capture) equals(want []map[string]kept) {
	c.t.Helper()
	for i := range want {
		if maps.Equal(c.dbs[i], want[i]) {
			continue
		}
		for k, v := range want[i] {
			got, ok := c.dbs[i][k]
			if !ok {
				c.t.Fatalf("db %d: key %q of the cut did not come", i, k)
			}
			if got != v {
				c.t.Fatalf("db %d: key %q came as %.60q, expires %d, %s; at the cut it was %.60q, expires %d, %s",
					i, k, got.text, got.at, got.enc, v.text, v.at, v.enc)
			}
		}
		for k := range c.dbs[i] {
			if _, ok := want[i][k]; !ok {
				c.t.Fatalf("db %d: key %q came and was not there at the cut", i, k)
			}
		}
	}
}

// rebuild makes a second keyspace of what the sink got.
func (c *capture) rebuild() *keyspace.Keyspace {
	ks := keyspace.New(keyspace.Config{Databases: len(c.dbs), Arena: newArena(c.t)})
	ks.SetExpiry(keyspace.ExpiryIgnored)
	for i, keys := range c.dbs {
		for k, v := range keys {
			ks.DB(i).SetString([]byte(k), []byte(v.text), v.at)
		}
	}
	return ks
}

// course is how one seed's snapshot goes.
type course struct {
	pool   int
	before int // operations before the cut
	during int // operations between two slices of the pump, at most
	slice  int // entries a slice, at most
	avoid  bool
	abort  bool
	burst  int // keys that are added at once somewhere on the way: forced growth
	flush  bool
	digest bool
}

func (w *world) course() course {
	c := course{
		pool:   []int{1, 10, 60, 400, 3000}[w.rnd.IntN(5)],
		before: []int{0, 5, 100, 1500, 4000}[w.rnd.IntN(5)],
		during: []int{1, 5, 30, 150}[w.rnd.IntN(4)],
		slice:  []int{1, 3, 20}[w.rnd.IntN(3)],
		avoid:  w.rnd.IntN(3) > 0,
		abort:  w.rnd.IntN(6) == 0,
		flush:  w.rnd.IntN(3) == 0,
		digest: w.rnd.IntN(2) == 0,
	}
	if w.rnd.IntN(4) == 0 {
		c.burst = 500 + w.rnd.IntN(2500)
	}
	return c
}

// run does one cut, pumps it to its end among random operations, and compares.
func (w *world) run(c course) {
	w.t.Helper()
	w.pool = c.pool
	for range c.before {
		w.step(ops)
	}
	// Part of the cuts find a rehash on its way in one table or both.
	w.ks.RehashStep(w.rnd.IntN(2) == 0)
	w.ks.AvoidResize(c.avoid)
	want, digest := w.copy(), keyspace.Digest{}
	if c.digest {
		digest = w.ks.Digest()
	}
	sink := newCapture(w.t, len(w.dbs))
	snap := w.ks.Cut(sink)
	total := uint64(0)
	for _, m := range want {
		total += uint64(len(m))
	}
	check.Eq(w.t, snap.Stats().Total, total)
	check.Eq(w.t, w.ks.Snapshot(), snap)
	for slices := 0; ; slices++ {
		for range w.rnd.IntN(c.during + 1) {
			w.step(ops)
		}
		if c.flush && w.rnd.IntN(12) == 0 {
			w.step(rare)
		}
		if c.burst > 0 && w.rnd.IntN(5) == 0 {
			w.burst(c.burst)
			c.burst = 0
		}
		if c.abort && slices == 6 {
			snap.Abort()
			break
		}
		if snap.Pump(1 + w.rnd.IntN(c.slice)) {
			sink.equals(want)
			check.Eq(w.t, snap.Stats().Done, total)
			check.True(w.t, snap.Pump(1), "done stays done")
			break
		}
		check.Eq(w.t, snap.Stats().Done, sink.n)
	}
	check.True(w.t, w.ks.Snapshot() == nil, "no snapshot is left")
	n := sink.n
	for range 50 {
		w.step(ops)
	}
	check.Eq(w.t, sink.n, n) // the sink gets nothing after the end
	if c.digest && !c.abort {
		check.Eq(w.t, sink.rebuild().Digest(), digest)
	}
	w.ks.AvoidResize(false)
	w.agree()
}

func (w *world) burst(n int) {
	for i := range n {
		k := fmt.Sprint("burst:", i)
		w.ks.DB(0).SetString([]byte(k), []byte("b"), -1)
		w.dbs[0][k] = kept{"b", -1, "embstr"}
	}
}

// The sink gets the dataset of the cut, each key once, whatever happens on the
// way. This is the proof that no change gets around the barrier.
func TestSnapshotIsTheCut(t *testing.T) {
	seeds := 250
	if testing.Short() {
		seeds = 120
	}
	for seed := range seeds {
		w := newWorld(t, uint64(seed), 1+seed%3, 100)
		w.large = seed%10 == 0
		if seed%2 == 1 {
			w.ks.SetParting(1030, 97) // then most strings outside of their entries go in parts
		}
		for range 3 {
			w.run(w.course())
		}
		w.finish()
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func TestSnapshotOfNothing(t *testing.T) {
	w := newWorld(t, 1, 2, 10)
	sink := newCapture(t, 2)
	snap := w.ks.Cut(sink)
	w.ks.DB(0).SetString([]byte("new"), []byte("v"), -1)
	check.True(t, snap.Pump(10), "nothing to send")
	check.Eq(t, sink.n, 0)
	check.True(t, w.ks.Snapshot() == nil, "over")
}

// A snapshot keeps the numbers that databases had at its cut, and keys that come
// later are not in it.
func TestSnapshotKeepsDatabaseNumbers(t *testing.T) {
	w := newWorld(t, 1, 3, 10)
	w.ks.DB(0).SetString([]byte("zero"), []byte("v"), -1)
	w.ks.DB(1).SetString([]byte("one"), []byte("v"), -1)
	sink := newCapture(t, 3)
	snap := w.ks.Cut(sink)
	w.ks.SwapDB(0, 1)
	w.ks.SwapDB(1, 2)
	w.ks.DB(0).SetString([]byte("later"), []byte("v"), -1)
	w.ks.FlushAll(false)
	w.ks.DB(0).SetString([]byte("zero"), []byte("other"), -1)
	for !snap.Pump(1) {
	}
	sink.equals([]map[string]kept{{"zero": {"v", -1, "embstr"}}, {"one": {"v", -1, "embstr"}}, {}})
}

// What was flushed waits for the snapshot: it must not be pushed at the pipe as
// fast as memory can be freed, and it must not be freed unsent.
func TestFlushedTablesWaitForTheSnapshot(t *testing.T) {
	for _, async := range []bool{false, true} {
		w := newWorld(t, 1, 1, 10)
		w.burst(5000)
		want := w.copy()
		sink := newCapture(t, 1)
		snap := w.ks.Cut(sink)
		check.Eq(t, w.ks.FlushAll(async), 5000)
		check.Eq(t, w.ks.DB(0).Len(), 0)
		for w.ks.LazyFree() {
		}
		check.Eq(t, sink.n, 0)
		check.Eq(t, w.ks.LazyPending(), 5000)
		for !snap.Pump(100) {
			check.Eq(t, w.ks.LazyPending(), 5000)
		}
		sink.equals(want)
		for w.ks.LazyFree() {
		}
		check.Eq(t, w.ks.LazyPending(), 0)
		check.Eq(t, w.arena.Used(), 0)
	}
}

func TestAbortLetsFlushedTablesGo(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.burst(1000)
	sink := newCapture(t, 1)
	snap := w.ks.Cut(sink)
	w.ks.FlushAll(false)
	snap.Pump(10)
	snap.Abort()
	for w.ks.LazyFree() {
	}
	check.Eq(t, w.arena.Used(), 0)
	snap.Abort() // twice does no harm
	w.burst(10)
	w.ks.Cut(newCapture(t, 1)).Abort()
}

// A slice is bounded even where there is almost nothing to send.
func TestPumpOfASparseTableComesBack(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.ks.DB(0).Reserve(1<<20, 0)
	w.burst(3)
	sink := newCapture(t, 1)
	snap := w.ks.Cut(sink)
	calls := 1
	for !snap.Pump(16) {
		calls++
	}
	check.Eq(t, sink.n, 3)
	check.True(t, calls > 50, fmt.Sprintf("131072 buckets in %d slices", calls))
}

func TestBarrierCountsBuckets(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.burst(100)
	sink := newCapture(t, 1)
	snap := w.ks.Cut(sink)
	check.Eq(t, snap.Stats().Barriers, 0)
	w.ks.DB(0).Read([]byte("burst:7"))
	check.Eq(t, snap.Stats().Barriers, 0)
	w.ks.DB(0).Write([]byte("burst:7"))
	check.Eq(t, snap.Stats().Barriers, 1)
	w.ks.DB(0).Delete([]byte("burst:7"))
	check.Eq(t, snap.Stats().Barriers, 1) // its bucket is sent already
	_, ok := sink.dbs[0]["burst:7"]
	check.True(t, ok, "sent before the write")
	snap.Abort()
}

// A table of the cut may be gone before the pump gets to it: a rehash ended, or
// everything in it was deleted and cron gave it back.
func TestSnapshotOutlivesItsTables(t *testing.T) {
	tests := []struct {
		name string
		keys int
		run  func(w *world)
	}{
		{"a rehash from one table", 1000, func(w *world) { w.burst(8193) }},
		{"a rehash of both tables", 8193, func(w *world) {}},
		{"two rehashes", 8193, func(w *world) { w.burst(40_000) }},
		{"deleted and given back", 1000, func(w *world) {
			for i := range 1000 {
				w.ks.DB(0).Delete(fmt.Appendf(nil, "burst:%d", i))
			}
		}},
		{"shrunk", 1000, func(w *world) {
			for i := range 990 {
				w.ks.DB(0).Delete(fmt.Appendf(nil, "burst:%d", i))
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1, 1, 10)
			w.ks.DB(0).Reserve(8192, 0) // so that some buckets are empty: these pass no barrier
			w.burst(tt.keys)
			want := w.copy()
			sink := newCapture(t, 1)
			snap := w.ks.Cut(sink)
			check.True(t, !snap.Pump(10), "only begun")
			tt.run(w)
			for w.ks.RehashStep(true) {
			}
			check.True(t, !w.ks.DB(0).Rehashing(), "the old table is gone")
			for !snap.Pump(10) {
			}
			sink.equals(want)
			w.finish()
		})
	}
}
