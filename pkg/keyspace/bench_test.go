package keyspace_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

func TestNoAllocations(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	db := w.ks.DB(0)
	w.burst(3000)
	for w.ks.RehashStep(true) {
	}
	key, other, missing := []byte("burst:17"), []byte("burst:18"), []byte("missing")
	short, long, huge := []byte("value"), []byte(strings.Repeat("x", 400)), []byte(strings.Repeat("x", 3000))
	var scratch [24]byte
	n := int64(0)
	tests := []struct {
		name string
		run  func()
	}{
		{"read", func() { e, _ := db.Read(key); e.Value(&scratch) }},
		{"miss", func() { db.Read(missing) }},
		{"set, same size", func() { db.SetString(key, short, -1) }},
		{"set, another size", func() { n++; db.SetString(key, [][]byte{short, long, huge}[n%3], -1) }},
		{"set with expiry", func() { n++; db.SetString(key, short, 1<<50+n) }},
		{"set, keep the expiry", func() { db.SetKeepTTL(key, long) }},
		{"set a number", func() { n++; db.SetInt(key, n) }},
		{"store a number", func() {
			if e, ok := db.Write(key); ok && e.Encoding() == keyspace.Int {
				e.StoreInt(n)
			}
		}},
		{"append", func() { db.SetString(key, short, -1); db.Mutable(key, 20) }},
		{"delete and set", func() { db.Delete(key); db.SetString(key, short, -1) }},
		{"expire and persist", func() { db.SetExpire(key, 1<<50); db.Persist(key) }},
		{"rename", func() { db.Rename(key, other); db.Rename(other, key) }},
		{"copy", func() { db.Copy(key, db, other) }},
		{"random key", func() { db.RandomKey() }},
		{"idle maintenance", func() { w.ks.RehashStep(true); w.ks.LazyFree() }},
		{"active expiry", func() { w.ks.ActiveExpire(false, 1, 10, func() int64 { return 0 }) }},
	}
	for _, lfu := range []bool{false, true} {
		w.ks.SetAccessPolicy(lfu, 1, 10)
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, lfu %v", tt.name, lfu), func(t *testing.T) {
				check.Eq(t, testing.AllocsPerRun(200, tt.run), 0)
			})
		}
	}
	check.NoErr(t, w.ks.Verify())
}

// counter is the cheapest sink: what it costs is the walk.
type counter struct {
	n, bytes int
	scratch  [24]byte
}

func (c *counter) Entry(_ int, e keyspace.Entry) {
	c.n++
	c.bytes += len(e.Key()) + len(e.Value(&c.scratch))
}

// copier copies what it gets into a buffer, as a serializing sink does.
type copier struct {
	buf     []byte
	scratch [24]byte
}

func (c *copier) Entry(_ int, e keyspace.Entry) {
	if len(c.buf) > 64<<10 {
		c.buf = c.buf[:0]
	}
	c.buf = append(c.buf, byte(e.Type()), byte(len(e.Key())))
	c.buf = append(c.buf, e.Key()...)
	c.buf = append(c.buf, e.Value(&c.scratch)...)
}

func TestPumpDoesNotAllocate(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.burst(20_000)
	snap := w.ks.Cut(&counter{})
	check.Eq(t, testing.AllocsPerRun(100, func() { snap.Pump(16) }), 0)
	key := make([]byte, 0, 16)
	n := 0
	check.Eq(t, testing.AllocsPerRun(100, func() {
		n++
		key = fmt.Appendf(key[:0], "burst:%d", 10_000+n)
		w.ks.DB(0).Write(key)
	}) < 2, true) // Appendf boxes n
	snap.Abort()
}

const benchKeys = 1 << 20

type bench struct {
	ks    *keyspace.Keyspace
	db    *keyspace.DB
	arena *mem.Arena
	value []byte
	key   [16]byte
	next  uint64
}

// at writes key i; one buffer, so that the keys themselves cost no cache misses.
func (b *bench) at(i int) []byte {
	copy(b.key[:], "key:000000000000")
	for n := 15; i > 0; n-- {
		b.key[n] = '0' + byte(i%10)
		i /= 10
	}
	return b.key[:]
}

// draw is the next of a sequence that visits the keys in no order.
func (b *bench) draw() []byte {
	b.next = b.next*6364136223846793005 + 1442695040888963407
	return b.at(int(b.next >> 44 & (benchKeys - 1)))
}

// newBench holds n keys of 16 bytes with values of 64.
func newBench(tb testing.TB, n int) *bench {
	a, err := mem.New(mem.Config{Reserve: 8 << 30, HugePages: true})
	check.NoErr(tb, err)
	tb.Cleanup(func() { check.NoErr(tb, a.Close()) })
	b := &bench{ks: keyspace.New(keyspace.Config{Databases: 1, Arena: a}), arena: a}
	b.db, b.value = b.ks.DB(0), []byte(strings.Repeat("v", 64))
	b.ks.SetNow(1_700_000_000_000)
	for i := range n {
		b.db.SetString(b.at(i), b.value, -1)
	}
	for b.ks.RehashStep(true) {
	}
	return b
}

func (b *bench) bytesAKey() (used, mapped float64) {
	n := float64(b.db.Len())
	return float64(b.arena.Used()) / n, float64(b.arena.Mapped()) / n
}

// The promise of 115 bytes for 16 + 64 holds with room for what the daemon needs
// besides.
func TestBytesAKey(t *testing.T) {
	for _, n := range []int{100_000, 1_000_000} {
		if n > 500_000 && testing.Short() {
			continue
		}
		used, mapped := newBench(t, n).bytesAKey()
		t.Logf("%d keys: %.1f bytes used, %.1f mapped a key", n, used, mapped)
		check.True(t, used < 108 && (n < 500_000 || mapped < 105), fmt.Sprintf("%d keys: %.1f, %.1f", n, used, mapped))
	}
}

func start(b *testing.B) *bench {
	x := newBench(b, benchKeys)
	used, mapped := x.bytesAKey()
	b.ReportAllocs()
	b.Cleanup(func() {
		b.ReportMetric(used, "usedB/key")
		b.ReportMetric(mapped, "mappedB/key")
	})
	return x
}

func BenchmarkRead1M(b *testing.B) {
	x := start(b)
	var scratch [24]byte
	n := 0
	for b.Loop() {
		e, ok := x.db.Read(x.draw())
		if !ok {
			b.Fatal("missing")
		}
		n += int(e.Value(&scratch)[3])
	}
}

func BenchmarkSetString1M(b *testing.B) {
	x := start(b)
	for b.Loop() {
		x.db.SetString(x.draw(), x.value, -1)
	}
}

func BenchmarkDeleteSet1M(b *testing.B) {
	x := start(b)
	for b.Loop() {
		key := x.draw()
		x.db.Delete(key)
		x.db.SetString(key, x.value, -1)
	}
}

func BenchmarkLoad1M(b *testing.B) {
	for b.Loop() {
		x := newBench(b, benchKeys)
		x.ks.FlushAll(false)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/key")
}

func benchPump(b *testing.B, sink keyspace.Sink) {
	x := start(b)
	for b.Loop() {
		for s := x.ks.Cut(sink); !s.Pump(16); {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/key")
}

func BenchmarkPumpCount1M(b *testing.B) { benchPump(b, &counter{}) }

func BenchmarkPumpCopy1M(b *testing.B) { benchPump(b, &copier{}) }

func BenchmarkCut1M(b *testing.B) {
	x := start(b)
	for b.Loop() {
		x.ks.Cut(&counter{}).Abort()
	}
}

// Appending byte by byte to a long string moves it seldom and wastes little.
func TestAppendsToALongString(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	db, key := w.ks.DB(0), []byte("k")
	db.SetString(key, []byte(strings.Repeat("x", 50_000)), -1)
	for n := 50_000; n < 3<<20; n += 1000 {
		b := db.Mutable(key, n)
		b[n-1] = 'y'
		if used := w.arena.UsedBy(mem.Value); used > uint64(n)+8192 {
			t.Fatalf("%d bytes take %d", n, used)
		}
	}
	w.finish()
}

func BenchmarkAppendToLong(b *testing.B) {
	w := newWorld(b, 1, 1, 10)
	db, key := w.ks.DB(0), []byte("k")
	n := 0
	for b.Loop() {
		if n += 100; n > 64<<20 {
			db.Delete(key)
			n = 100
		}
		db.Mutable(key, n)
	}
}
