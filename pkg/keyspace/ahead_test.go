package keyspace_test

import (
	"fmt"
	"math/rand"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

// TestLookingAheadChangesNothing: whatever requests are announced, of keys that are
// there, gone, of other types or about to move in a rehash, the keyspace is what it was.
func TestLookingAheadChangesNothing(t *testing.T) {
	const keys, members = 40_000, 10_000
	ks := keyspace.New(keyspace.Config{Databases: 2, Arena: newArena(t)})
	db := ks.DB(0)
	for i := range keys {
		db.SetString(fmt.Appendf(nil, "key:%d", i), []byte(strings.Repeat("v", i%100)), -1)
	}
	hash, set, zset := db.NewHash([]byte("hash")).Hash(), db.NewSet([]byte("set"), []byte("m"), members).Set(), db.NewZSet([]byte("zset"), members, 8).ZSet()
	for i := range members {
		m := fmt.Appendf(nil, "m%d", i)
		hash.Set(m, m)
		set.Add(m)
		zset.Add(m, float64(i))
	}
	small := db.NewHash([]byte("small")).Hash()
	small.Set([]byte("f"), []byte("v"))
	list := db.NewList([]byte("list")).List()
	list.PushTail([]byte("v"))
	for i := 0; i < keys; i += 3 {
		db.Delete(fmt.Appendf(nil, "key:%d", i)) // a bucket's tags may lead to what is gone
	}
	tables := func() string { keys, expires := db.Tables(); return fmt.Sprint(keys, expires) }
	digest, before := ks.Digest(), tables()

	r := rand.New(rand.NewSource(1))
	names := []string{"hash", "set", "zset", "small", "list", "none"}
	word := func() []byte { return fmt.Appendf(nil, "m%d", r.Intn(2*members)) }
	var a keyspace.Ahead
	for range 2_000 {
		a.Begin(ks.DB(r.Intn(2)))
		for more := true; more; {
			words := [][]byte{[]byte("COMMAND"), fmt.Appendf(nil, "key:%d", r.Intn(2*keys)), word(), word()}
			if r.Intn(2) == 0 {
				words[1] = []byte(names[r.Intn(len(names))])
			}
			more = a.Add(words[:1+r.Intn(4)])
			if r.Intn(30) == 0 {
				break
			}
		}
		a.Warm()
	}
	check.Eq(t, tables(), before)
	check.Eq(t, ks.Digest(), digest)
}

// TestLookingAheadEnds: it wants no more than it has room for, and nothing where the
// tables are small.
func TestLookingAheadEnds(t *testing.T) {
	ks := keyspace.New(keyspace.Config{Databases: 1, Arena: newArena(t)})
	db := ks.DB(0)
	announce := func(words ...string) (n int) {
		var a keyspace.Ahead
		a.Begin(db)
		var b [][]byte
		for _, w := range words {
			b = append(b, []byte(w))
		}
		for n = 1; a.Add(b); n++ {
		}
		a.Warm()
		return n
	}
	check.Eq(t, announce("GET", "key"), 1)
	set := db.NewSet([]byte("set"), []byte("m"), 10_000).Set()
	for i := range 10_000 {
		set.Add(fmt.Appendf(nil, "m%d", i))
	}
	check.Eq(t, announce("SADD", "set", "m"), 16)
	check.Eq(t, announce("SCARD", "set"), 1)
	check.Eq(t, announce("SADD", "other", "m"), 1)
	for i := range 40_000 {
		db.SetString(fmt.Appendf(nil, "key:%d", i), nil, -1)
	}
	check.Eq(t, announce("GET", "key"), 16)
}
