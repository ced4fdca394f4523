package keyspace_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

func (w *world) after(ms int64) {
	w.now += ms
	w.ks.SetNow(w.now)
}

func (w *world) peek(key string) keyspace.Entry {
	w.t.Helper()
	e, ok := w.ks.DB(0).Peek([]byte(key))
	check.True(w.t, ok, key+" is there")
	return e
}

func TestIdleTime(t *testing.T) {
	key := []byte("k")
	tests := []struct {
		name string
		run  func(db *keyspace.DB)
		want int64
	}{
		{"peek leaves it", func(db *keyspace.DB) { db.Peek(key) }, 10},
		{"a quiet read leaves it", func(db *keyspace.DB) { db.ReadQuietly(key) }, 10},
		{"scan leaves it", func(db *keyspace.DB) { db.Scan(0, func(keyspace.Entry) {}) }, 10},
		{"read", func(db *keyspace.DB) { db.Read(key) }, 0},
		{"write", func(db *keyspace.DB) { db.Write(key) }, 0},
		{"set in place", func(db *keyspace.DB) { db.SetString(key, []byte("w"), -1) }, 0},
		{"set to another size", func(db *keyspace.DB) { db.SetString(key, []byte(strings.Repeat("w", 300)), -1) }, 0},
		{"set a number", func(db *keyspace.DB) { db.SetInt(key, 1) }, 0},
		{"set raw", func(db *keyspace.DB) { db.SetRaw(key, []byte("w")) }, 0},
		{"append", func(db *keyspace.DB) { db.Mutable(key, 2000) }, 0},
		{"expire", func(db *keyspace.DB) { db.SetExpire(key, 1<<50) }, 0},
		{"rename", func(db *keyspace.DB) { db.Rename(key, []byte("other")); db.Rename([]byte("other"), key) }, 0},
		{"copied from an idle one", func(db *keyspace.DB) { db.Copy(key, db, []byte("new")); db.Rename([]byte("new"), key) }, 0},
		{"given", func(db *keyspace.DB) { e, _ := db.Peek(key); e.SetIdle(500) }, 500},
		{"given more than the clock holds", func(db *keyspace.DB) { e, _ := db.Peek(key); e.SetIdle(1 << 40) }, 1<<24 - 1},
		{"given less than nothing", func(db *keyspace.DB) { e, _ := db.Peek(key); e.SetIdle(-5) }, 0},
		{"a counter where none is kept", func(db *keyspace.DB) { e, _ := db.Peek(key); e.SetFreq(200) }, 10},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, 1, 1, 10)
			w.ks.DB(0).SetString(key, []byte("v"), -1)
			check.Eq(t, w.peek("k").IdleSeconds(), 0)
			w.after(10_999)
			check.Eq(t, w.peek("k").IdleSeconds(), 10)
			tt.run(w.ks.DB(0))
			check.Eq(t, w.peek("k").IdleSeconds(), tt.want)
			check.NoErr(t, w.ks.Verify())
		})
	}
}

// The clock has 24 bits of seconds: 194 days.
func TestIdleTimeAcrossTheWrap(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.now = (1<<24 - 3) * 1000
	w.after(0)
	w.ks.DB(0).SetString([]byte("k"), []byte("v"), -1)
	w.after(10_000)
	check.Eq(t, w.peek("k").IdleSeconds(), 10)
}

func TestFrequency(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.ks.SetAccessPolicy(true, 1, 0)
	check.True(t, w.ks.LFU(), "counts")
	db, key := w.ks.DB(0), []byte("k")
	db.SetString(key, []byte("v"), -1)
	check.Eq(t, w.peek("k").Freq(), 5)
	for range 10 { // with factor 0 each access counts
		db.Read(key)
	}
	check.Eq(t, w.peek("k").Freq(), 15)
	db.SetString(key, []byte(strings.Repeat("x", 5000)), -1) // overwriting keeps the count
	check.Eq(t, w.peek("k").Freq(), 16)
	w.after(3 * 60_000)
	check.Eq(t, w.peek("k").Freq(), 13)
	check.Eq(t, w.peek("k").Freq(), 13)
	db.Read(key)
	check.Eq(t, w.peek("k").Freq(), 14)
	w.after(1000 * 60_000)
	check.Eq(t, w.peek("k").Freq(), 0)
	for range 300 {
		db.Read(key)
	}
	check.Eq(t, w.peek("k").Freq(), 255)
	w.peek("k").SetFreq(77)
	w.peek("k").SetIdle(9)
	check.Eq(t, w.peek("k").Freq(), 77)
	w.ks.SetAccessPolicy(true, 0, 10)
	w.after(1000 * 60_000)
	check.Eq(t, w.peek("k").Freq(), 77)
	db.Rename(key, []byte("other"))
	check.True(t, w.peek("other").Freq() >= 77, "a renamed key keeps its count")
	db.Copy([]byte("other"), db, []byte("copy"))
	check.Eq(t, w.peek("copy").Freq(), 5)
	db.Copy([]byte("copy"), db, []byte("other"))
	check.Eq(t, w.peek("other").Freq(), 5)
	w.finish()
}

// With the default factor of 10 Redis documents: 100 hits give about 10, 1000
// hits 18, 100 thousand 142.
func TestFrequencyGrowsLikeALogarithm(t *testing.T) {
	w := newWorld(t, 1, 1, 200)
	w.ks.SetAccessPolicy(true, 1, 10)
	db := w.ks.DB(0)
	for _, tt := range []struct{ hits, low, high int }{{100, 8, 12}, {1000, 15, 21}} {
		sum := 0
		for i := range 100 {
			key := fmt.Appendf(nil, "%d:%d", tt.hits, i)
			db.SetString(key, []byte("v"), -1)
			for range tt.hits {
				db.Read(key)
			}
			sum += int(w.peek(string(key)).Freq())
		}
		check.True(t, sum/100 >= tt.low && sum/100 <= tt.high, fmt.Sprintf("%d hits give %d", tt.hits, sum/100))
	}
}

func TestMemUsage(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	db := w.ks.DB(0)
	for _, n := range []int{0, 10, 64, 500, 1024, 1025, 5000, 100_000} {
		before := w.arena.Used()
		db.SetString([]byte("0123456789abcdef"), []byte(strings.Repeat("x", n)), -1)
		e := w.peek("0123456789abcdef")
		used := int(w.arena.Used() - before)
		if n == 0 {
			used -= 64 // the table's first bucket
		}
		check.Eq(t, e.MemUsage(), used+8)
		check.True(t, e.MemUsage() >= 16+n && e.MemUsage() <= 16+n+n/7+60, fmt.Sprint(n, " bytes take ", e.MemUsage()))
		check.Eq(t, e.Outside(), n > 1024)
		db.Delete([]byte("0123456789abcdef"))
	}
	db.SetString([]byte("v"), []byte("x"), 1<<50)
	db.SetString([]byte("p"), []byte("x"), -1)
	check.True(t, w.peek("v").MemUsage() > w.peek("p").MemUsage(), "an expiry costs its place in a second table")
	main, expires := db.TableBytes()
	check.Eq(t, main, 64)
	check.Eq(t, expires, 64)
}

func TestNames(t *testing.T) {
	for n, name := range []string{"string", "list", "set", "zset", "hash", "module", "stream"} {
		check.Eq(t, keyspace.Type(n).String(), name)
		got, ok := keyspace.TypeByName(name)
		check.True(t, ok, name)
		check.Eq(t, got, keyspace.Type(n))
	}
	_, ok := keyspace.TypeByName("blob")
	check.True(t, !ok, "no such type")
}
