package keyspace_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

// evictAll evicts until nothing may go and gives the keys in that order.
func evictAll(ev *keyspace.Evictor) []string {
	var keys []string
	for {
		db, key, ok := ev.Evict()
		if !ok {
			return keys
		}
		keys = append(keys, fmt.Sprintf("%d:%s", db, key))
	}
}

// Few keys, many samples: the pool sees all of them, and the order is exact.
func TestEvictionOrder(t *testing.T) {
	tests := []struct {
		name     string
		by       keyspace.EvictBy
		volatile bool
		want     []string
	}{
		{"allkeys-lru", keyspace.EvictOldest, false, []string{"0:idle", "0:busy", "0:soon", "1:late"}},
		{"volatile-lru", keyspace.EvictOldest, true, []string{"0:soon", "1:late"}},
		{"allkeys-lfu", keyspace.EvictRarest, false, []string{"0:idle", "0:soon", "1:late", "0:busy"}},
		{"volatile-lfu", keyspace.EvictRarest, true, []string{"0:soon", "1:late"}},
		{"volatile-ttl", keyspace.EvictShortLived, true, []string{"0:soon", "1:late"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1, 2, 10)
			w.ks.SetAccessPolicy(tt.by == keyspace.EvictRarest, 1, 1)
			far := w.now + 1e9
			w.ks.DB(0).SetString([]byte("idle"), []byte("v"), -1)
			w.after(300_000) // five minutes: a counter is down to nothing
			w.ks.DB(0).SetString([]byte("busy"), []byte("v"), -1)
			for range 1000 {
				w.ks.DB(0).Read([]byte("busy"))
			}
			w.after(60_000)
			w.ks.DB(0).SetString([]byte("soon"), []byte("v"), far)
			if tt.by == keyspace.EvictRarest {
				e, _ := w.ks.DB(0).Peek([]byte("soon"))
				e.SetFreq(4)
			}
			w.after(60_000)
			w.ks.DB(1).SetString([]byte("late"), []byte("v"), far+1)
			ev := w.ks.NewEvictor()
			ev.SetPolicy(tt.by, tt.volatile, 100)
			check.Eq(t, fmt.Sprint(evictAll(ev)), fmt.Sprint(tt.want))
			check.Eq(t, w.ks.Stats.Evicted, uint64(len(tt.want)))
			check.NoErr(t, w.ks.Verify())
		})
	}
}

func TestEvictAny(t *testing.T) {
	for _, volatile := range []bool{false, true} {
		t.Run(fmt.Sprintf("volatile %v", volatile), func(t *testing.T) {
			w := newWorld(t, 1, 3, 10)
			for i := range 100 {
				at := int64(-1)
				if i%2 == 0 {
					at = w.now + 1e9
				}
				for _, db := range []int{0, 2} {
					w.ks.DB(db).SetString(fmt.Appendf(nil, "k%d", i), []byte("v"), at)
				}
			}
			ev := w.ks.NewEvictor()
			ev.SetPolicy(keyspace.EvictAny, volatile, 5)
			for range 20 {
				_, _, ok := ev.Evict()
				check.True(t, ok, "a key may go")
			}
			check.Eq(t, w.ks.DB(0).Len(), 90) // both databases lose as many
			check.Eq(t, w.ks.DB(2).Len(), 90)
			left := 0
			if volatile {
				left = 100
			}
			evictAll(ev)
			check.Eq(t, w.ks.DB(0).Len()+w.ks.DB(2).Len(), left)
			check.Eq(t, w.ks.DB(0).Volatile(), 0)
			check.NoErr(t, w.ks.Verify())
		})
	}
}

// What the pool remembers may change before it goes.
func TestEvictionPoolIsStale(t *testing.T) {
	tests := []struct {
		name   string
		change func(db *keyspace.DB)
		want   string
	}{
		{"deleted", func(db *keyspace.DB) { db.Delete([]byte("b")) }, "[0:c]"},
		{"without an expiry", func(db *keyspace.DB) { db.Persist([]byte("b")) }, "[0:c]"},
		{"expired", func(db *keyspace.DB) { db.SetExpire([]byte("b"), 1) }, "[0:c 0:b]"}, // that was an access,
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1, 1, 10)
			db := w.ks.DB(0)
			for _, k := range []string{"a", "b", "c"} {
				db.SetString([]byte(k), []byte("v"), w.now+1e9)
				w.after(10_000)
			}
			ev := w.ks.NewEvictor()
			ev.SetPolicy(keyspace.EvictOldest, true, 100)
			_, key, _ := ev.Evict()
			check.Eq(t, string(key), "a")
			tt.change(db)
			check.Eq(t, fmt.Sprint(evictAll(ev)), tt.want)
			check.Eq(t, w.ks.Stats.Expired, 0)
			check.NoErr(t, w.ks.Verify())
		})
	}
}

// Of keys of all ages those that go are old ones mostly, and more samples make it
// better.
func TestEvictionIsNearLRU(t *testing.T) {
	const keys, out = 10_000, 5_000
	wrong := func(samples int) int {
		w := newWorld(t, 1, 1, 10)
		for i := range keys {
			w.ks.DB(0).SetString(fmt.Appendf(nil, "k%d", i), []byte("v"), -1)
			w.after(1000)
		}
		ev := w.ks.NewEvictor()
		ev.SetPolicy(keyspace.EvictOldest, false, samples)
		young := 0
		for range out {
			_, key, _ := ev.Evict()
			n := 0
			fmt.Sscanf(string(key), "k%d", &n)
			if n >= out {
				young++
			}
		}
		return young
	}
	five, ten := wrong(5), wrong(10)
	t.Logf("of %d evicted keys, %d are from the younger half with 5 samples, %d with 10", out, five, ten)
	check.True(t, five < out/5, "five samples: mostly old ones")
	check.True(t, ten < five, "ten samples are better")
}

// A counter goes down with time: who was busy long ago goes before who is now.
func TestEvictionForgetsOldHits(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.ks.SetAccessPolicy(true, 1, 1)
	db := w.ks.DB(0)
	for _, k := range []string{"was", "is"} {
		db.SetString([]byte(k), []byte("v"), -1)
		e, _ := db.Peek([]byte(k))
		e.SetFreq(100)
	}
	e, _ := db.Peek([]byte("is"))
	e.SetFreq(50)
	ev := w.ks.NewEvictor()
	ev.SetPolicy(keyspace.EvictRarest, false, 100)
	w.after(90 * 60_000)
	e, _ = db.Peek([]byte("is"))
	e.SetFreq(50)
	check.Eq(t, fmt.Sprint(evictAll(ev)), "[0:was 0:is]")
}

// A big value is freed in slices.
func TestEvictedBigValuesWait(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	db := w.ks.DB(0)
	h := db.NewHash([]byte("h")).Hash()
	for i := range 100_000 {
		h.Set(fmt.Appendf(nil, "f%d", i), []byte("v"))
	}
	used := w.arena.Used()
	_, _, ok := w.ks.NewEvictor().Evict()
	check.True(t, ok, "it went")
	check.True(t, w.arena.Used() > used/2, "most of it is still there")
	for w.ks.LazyWaits() {
		w.ks.LazyFree()
	}
	check.True(t, w.arena.Used() < used/10, "it is freed")
	check.NoErr(t, w.ks.Verify())
}

// A snapshot has every key of the cut, the evicted ones too.
func TestSnapshotIsTheCutUnderEviction(t *testing.T) {
	for seed := range uint64(20) {
		w := newWorld(t, seed, 2, 500)
		for i := range 500 {
			size := 10
			if i%50 == 0 {
				size = 300 << 10 // goes out in parts
			}
			db, key := i%2, fmt.Sprintf("k%d", i)
			text := fmt.Sprintf("%0*d", size, w.rnd.Int64())
			w.ks.DB(db).SetString([]byte(key), []byte(text), -1)
			w.dbs[db][key] = kept{text, -1, encodingOf(text)}
		}
		sink := newCapture(t, 2)
		snap := w.ks.Cut(sink)
		ev := w.ks.NewEvictor()
		ev.SetPolicy([]keyspace.EvictBy{keyspace.EvictOldest, keyspace.EvictAny}[seed%2], false, 5)
		for n := 0; !snap.Pump(1 + int(seed)); n++ {
			ev.Evict()
		}
		sink.equals(w.dbs)
		for w.ks.LazyWaits() {
			w.ks.LazyFree()
		}
		check.Eq(t, w.ks.Leaving(), 0)
		check.NoErr(t, w.ks.Verify())
	}
}
