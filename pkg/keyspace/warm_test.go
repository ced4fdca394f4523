package keyspace_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
)

// TestReserveMeansNoRehash: a database whose size was told in advance does not move its
// keys while they come.
func TestReserveMeansNoRehash(t *testing.T) {
	w := newWorld(t, 1, 1, 100)
	db := w.ks.DB(0)
	const n = 20_000
	db.Reserve(n, n/2)
	main, expires := db.TableBytes()
	for i := range n {
		at := int64(-1)
		if i%2 == 0 {
			at = 1 << 50
		}
		db.SetString(fmt.Appendf(nil, "key %d", i), []byte("value"), at)
		if db.Rehashing() {
			t.Fatalf("a rehash at key %d", i)
		}
	}
	after, afterExpires := db.TableBytes()
	// Buckets that are full have children; the tables themselves stay.
	check.True(t, after < 2*main && afterExpires < 2*expires, "the tables of the beginning")
	check.Eq(t, db.Len(), n)
}

// TestWarmChangesNothing: of an empty database, of keys that are there and that are not,
// in the middle of a rehash.
func TestWarmChangesNothing(t *testing.T) {
	w := newWorld(t, 1, 1, 100)
	db := w.ks.DB(0)
	hash := w.ks.Hasher()
	var hashes []uint64
	for i := range 3000 {
		hashes = append(hashes, hash(fmt.Appendf(nil, "key %d", i)))
	}
	db.Warm(nil)
	db.Warm(hashes)
	rehashing := 0
	for i := range 2000 {
		db.SetString(fmt.Appendf(nil, "key %d", i), []byte("value"), -1)
		if db.Rehashing() {
			rehashing++
			db.Warm(hashes[max(0, i-5):])
		}
	}
	check.True(t, rehashing > 0, "a rehash was met")
	db.Warm(hashes)
	check.Eq(t, db.Len(), 2000)
	for i := range 3000 {
		_, there := db.Peek(fmt.Appendf(nil, "key %d", i))
		check.Eq(t, there, i < 2000)
	}
}
