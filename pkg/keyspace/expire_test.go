package keyspace_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

// ticker is a clock that moves by the same step each time it is asked.
type ticker struct{ now, step int64 }

func (c *ticker) micros() int64 {
	c.now += c.step
	return c.now
}

// mixed is a database with n keys that have expired, n that will, n that never do.
func mixed(t testing.TB, n int) *world {
	w := newWorld(t, 1, 2, 10)
	for i := range n {
		for name, at := range map[string]int64{"dead": w.now + 1, "later": w.now + 100_000, "never": -1} {
			w.ks.DB(0).SetString(fmt.Appendf(nil, "%s:%d", name, i), []byte("v"), at)
		}
	}
	w.after(2)
	return w
}

func (w *world) taken() int {
	n := 0
	w.ks.TakeExpired(func(int, []byte) { n++ })
	return n
}

func TestActiveExpireFindsTheDead(t *testing.T) {
	w := mixed(t, 2000)
	clock := ticker{step: 10}
	for range 400 {
		w.ks.ActiveExpire(false, 1, 10, clock.micros)
	}
	gone := w.taken()
	// What is left may be the tenth of a sample that is tolerated.
	check.True(t, gone > 1500 && gone <= 2000, fmt.Sprintf("%d of 2000 expired", gone))
	check.Eq(t, w.ks.DB(0).Len(), 6000-gone)
	check.Eq(t, w.ks.DB(0).Volatile(), 4000-gone)
	check.Eq(t, w.ks.Stats.Expired, uint64(gone))
	check.True(t, w.ks.Stats.ExpireCycleUsec > 0, "time is counted")
	ttl := w.ks.DB(0).AvgTTL()
	check.True(t, ttl > 90_000 && ttl < 101_000, fmt.Sprint("average time to live ", ttl))
	check.NoErr(t, w.ks.Verify())
}

func TestActiveExpireStopsInTime(t *testing.T) {
	w := mixed(t, 3000)
	clock := ticker{step: 30_000} // one look at the clock takes longer than a slice
	w.ks.ActiveExpire(false, 1, 10, clock.micros)
	check.Eq(t, w.ks.Stats.ExpireTimeCap, 1)
	gone := w.taken()
	check.True(t, gone > 0 && gone < 200, fmt.Sprintf("%d keys in one sample", gone))
}

// A quarter of a period of cron is not taken at once, but evenly over the period.
func TestSlowCycleGoesInSlices(t *testing.T) {
	w := mixed(t, 30_000)
	clock := ticker{now: 1_000_000, step: 50}
	began, worked, slices := clock.now, int64(0), 0
	for wait := int64(0); wait >= 0; {
		from := clock.now
		wait = w.ks.ActiveExpire(slices > 0, 1, 10, clock.micros)
		took := clock.now - from
		check.True(t, took <= 1200, fmt.Sprintf("a slice of %d microseconds", took))
		worked, slices = worked+took, slices+1
		clock.now += max(wait, 0)
	}
	check.True(t, slices >= 30, fmt.Sprintf("%d slices", slices))
	check.True(t, clock.now-began > 70_000, fmt.Sprintf("over after %d microseconds", clock.now-began))
	check.True(t, worked < 60_000, fmt.Sprintf("%d microseconds of work", worked))
	gone := w.taken()
	check.True(t, gone > 1000 && gone < 30_000, fmt.Sprintf("%d keys", gone))
}

func TestFastCycleHasItsRate(t *testing.T) {
	w := mixed(t, 3000)
	clock := ticker{now: 10_000_000, step: 100}
	w.ks.ActiveExpire(true, 1, 10, clock.micros)
	check.Eq(t, w.taken(), 0) // nothing told yet that there is much to do
	clock.step = 30_000
	w.ks.ActiveExpire(false, 1, 10, clock.micros) // out of time
	w.taken()
	clock.step = 100
	w.ks.ActiveExpire(true, 1, 10, clock.micros)
	first := w.taken()
	check.True(t, first > 0, "the fast cycle goes on where the slow one ran out of time")
	check.True(t, first < 1500, "for a millisecond")
	w.ks.ActiveExpire(true, 1, 10, clock.micros)
	check.Eq(t, w.taken(), 0) // too soon
}

func TestActiveExpireKeepsItsHandsOff(t *testing.T) {
	for _, mode := range []keyspace.Expiry{keyspace.ExpiryHides, keyspace.ExpiryIgnored} {
		w := mixed(t, 100)
		w.ks.SetExpiry(mode)
		clock := ticker{step: 1}
		w.ks.ActiveExpire(false, 10, 10, clock.micros)
		check.Eq(t, w.ks.DB(0).Len(), 300)
		_, ok := w.ks.DB(0).Read([]byte("dead:1"))
		check.Eq(t, ok, mode == keyspace.ExpiryIgnored)
		check.Eq(t, w.ks.DB(0).Len(), 300)
	}
}

func TestExpiredExactlyAfterItsTime(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.ks.DB(0).SetString([]byte("k"), []byte("v"), w.now+5)
	w.after(5)
	_, ok := w.ks.DB(0).Read([]byte("k"))
	check.True(t, ok, "alive in its last millisecond")
	w.after(1)
	_, ok = w.ks.DB(0).Read([]byte("k"))
	check.True(t, !ok, "dead after it")
	check.Eq(t, w.ks.DB(0).Len(), 0)
}

// Keys come in the order in which they expired, each with its database.
func TestTakeExpired(t *testing.T) {
	w := newWorld(t, 1, 3, 10)
	for i := range 3 {
		w.ks.DB(i).SetString([]byte("k"), []byte("v"), w.now)
	}
	w.ks.DB(1).SetString(nil, []byte("v"), w.now)
	w.after(1)
	w.ks.DB(2).Read([]byte("k"))
	w.ks.DB(1).Read(nil)
	w.ks.DB(0).Write([]byte("k"))
	w.ks.DB(1).SetString([]byte("k"), []byte("w"), -1)
	var got []string
	w.ks.TakeExpired(func(db int, key []byte) { got = append(got, fmt.Sprintf("%d:%s", db, key)) })
	check.Eq(t, fmt.Sprint(got), "[2:k 1: 0:k 1:k]")
	check.Eq(t, w.taken(), 0)
}

func TestRandomKeyAmongExpired(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	db := w.ks.DB(0)
	for i := range 500 {
		db.SetString(fmt.Appendf(nil, "dead:%d", i), []byte("v"), w.now)
	}
	w.after(1)
	w.ks.SetExpiry(keyspace.ExpiryHides)
	_, ok := db.RandomKey()
	check.True(t, ok, "a hidden key is better than none, or than a search without end")
	check.Eq(t, db.Len(), 500)
	w.ks.SetExpiry(keyspace.ExpiryDeletes)
	db.SetString([]byte("alive"), []byte("v"), -1)
	key, ok := db.RandomKey()
	check.True(t, ok, "there is one")
	check.Eq(t, string(key), "alive")
	db.Delete([]byte("alive"))
	_, ok = db.RandomKey()
	check.True(t, !ok, "nothing lives")
	check.Eq(t, db.Len(), 0)
	check.Eq(t, w.taken(), 500)
}

// Tables that deletions left empty go with a flush, although it removes no key.
func TestFlushGivesEmptyTablesBack(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.burst(5000)
	for i := range 5000 {
		w.ks.DB(0).Delete(fmt.Appendf(nil, "burst:%d", i))
	}
	check.True(t, w.arena.Used() > 4096, "empty tables are left")
	check.Eq(t, w.ks.FlushAll(false), 0)
	check.Eq(t, w.arena.Used(), 0)
}

func TestReserveIsAHint(t *testing.T) {
	w := newWorld(t, 1, 1, 10)
	w.ks.DB(0).Reserve(1<<60, 1<<60) // out of a damaged file
	w.ks.DB(0).SetString([]byte("k"), []byte("v"), -1)
	check.True(t, w.arena.Used() <= 5<<30, "bounded")
	for w.ks.RehashStep(true) {
	}
	check.True(t, w.arena.Used() < 1000, fmt.Sprint("shrinks to ", w.arena.Used()))
	w.finish()
}
