package keyspace_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

// kept is what the model knows of a key. Values are replaced, never changed, so
// that a copy of the map is a copy of the model.
type kept struct {
	text string
	at   int64
	enc  string
}

// world is a keyspace beside the model it must agree with, and random operations
// on both.
type world struct {
	t     testing.TB
	rnd   *rand.Rand
	arena *mem.Arena
	ks    *keyspace.Keyspace
	now   int64
	mode  keyspace.Expiry
	dbs   []map[string]kept // expired keys that are still there included
	gone  []string          // expected to be reported as expired by this operation
	loose bool              // this operation may expire keys of its own choice
	pool  int               // number of keys there are
	large bool              // values above 2 KB happen
	micro int64
}

func newArena(t testing.TB) *mem.Arena {
	t.Helper()
	a, err := mem.New(mem.Config{Reserve: 8 << 30})
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, a.Close()) })
	return a
}

func newWorld(t testing.TB, seed uint64, dbs, pool int) *world {
	t.Helper()
	w := &world{t: t, rnd: rand.New(rand.NewPCG(seed, 2)), arena: newArena(t), now: 1_700_000_000_000, pool: pool, large: true}
	w.ks = keyspace.New(keyspace.Config{Databases: dbs, Arena: w.arena})
	w.ks.SetNow(w.now)
	for range dbs {
		w.dbs = append(w.dbs, map[string]kept{})
	}
	return w
}

func encodingOf(val string) string {
	if n, err := strconv.ParseInt(val, 10, 64); err == nil && strconv.FormatInt(n, 10) == val {
		return "int"
	}
	return textEncoding(val)
}

func textEncoding(val string) string {
	if len(val) <= 44 {
		return "embstr"
	}
	return "raw"
}

// find is a lookup in the model, with what it does to an expired key.
func (w *world) find(db int, key string) (kept, bool) {
	v, ok := w.dbs[db][key]
	if !ok || !w.expired(v) {
		return v, ok
	}
	if w.mode == keyspace.ExpiryDeletes {
		delete(w.dbs[db], key)
		w.gone = append(w.gone, fmt.Sprintf("%d %q", db, key))
	}
	return kept{}, false
}

func (w *world) expired(v kept) bool {
	return v.at >= 0 && w.mode != keyspace.ExpiryIgnored && v.at < w.now
}

func (w *world) key() string {
	n := w.rnd.IntN(w.pool)
	length := []int{0, 3, 8, 16, 16, 30, 253, 254, 255, 300}[n%10]
	k := strconv.Itoa(n)
	if length <= len(k) {
		return k
	}
	return k + string(bytes.Repeat([]byte{'k'}, length-len(k)))
}

// present is a key that is there, if one is found quickly.
func (w *world) present(db int) string {
	if len(w.dbs[db]) > 0 && w.rnd.IntN(4) > 0 {
		for range 20 {
			if k := w.key(); w.dbs[db][k] != (kept{}) {
				return k
			}
		}
	}
	return w.key()
}

var sizes = []int{0, 1, 2, 7, 20, 43, 44, 45, 64, 64, 100, 252, 253, 254, 255, 500, 1023, 1024, 1025, 1500, 2000}

func (w *world) value() string {
	switch w.rnd.IntN(6) {
	case 0:
		return strconv.FormatInt(int64(w.rnd.Uint64())>>w.rnd.IntN(64), 10)
	case 1:
		return []string{"0", "-1", "007", "+5", "9223372036854775807", "-9223372036854775808", "9223372036854775808", " 1", "1 ", "1.5"}[w.rnd.IntN(10)]
	}
	n := sizes[w.rnd.IntN(len(sizes))]
	if w.large && w.rnd.IntN(60) == 0 {
		n = []int{5000, 33_000, 70_000, 1_200_000}[w.rnd.IntN(4)>>w.rnd.IntN(3)]
	}
	b := bytes.Repeat([]byte{byte('a' + w.rnd.IntN(26))}, n)
	if n > 0 {
		b[w.rnd.IntN(n)] = byte(w.rnd.IntN(256))
	}
	return string(b)
}

func (w *world) expiry() int64 {
	switch w.rnd.IntN(6) {
	case 0, 1:
		return -1
	case 2:
		return w.now - int64(w.rnd.IntN(1000)) - 1
	default:
		return w.now + int64(w.rnd.IntN(5000))
	}
}

// same stops the test unless e is what the model says.
func (w *world) same(e keyspace.Entry, ok bool, v kept, want bool) {
	w.t.Helper()
	check.Eq(w.t, ok, want)
	if !ok {
		return
	}
	check.Eq(w.t, textOf(e), v.text)
	check.Eq(w.t, e.StrLen(), len(v.text))
	check.Eq(w.t, e.ExpireAt(), v.at)
	check.Eq(w.t, e.Encoding().String(), v.enc)
	check.Eq(w.t, e.Type(), keyspace.String)
}

func textOf(e keyspace.Entry) string {
	var scratch [24]byte
	return string(e.Value(&scratch))
}

// settle compares the keys that were reported as expired with the model's.
func (w *world) settle() {
	w.t.Helper()
	var got []string
	w.ks.TakeExpired(func(db int, key []byte) {
		if w.loose {
			v, ok := w.dbs[db][string(key)]
			check.True(w.t, ok && w.expired(v), "only expired keys expire")
			delete(w.dbs[db], string(key))
			return
		}
		got = append(got, fmt.Sprintf("%d %q", db, key))
	})
	check.Eq(w.t, fmt.Sprint(got), fmt.Sprint(w.gone))
	w.gone, w.loose = w.gone[:0], false
}

// agree compares everything.
func (w *world) agree() {
	w.t.Helper()
	check.NoErr(w.t, w.ks.Verify())
	for i, want := range w.dbs {
		db := w.ks.DB(i)
		check.Eq(w.t, db.Len(), len(want))
		volatile := 0
		for _, v := range want {
			if v.at >= 0 {
				volatile++
			}
		}
		check.Eq(w.t, db.Volatile(), volatile)
		db.Each(func(e keyspace.Entry) {
			v, ok := want[string(e.Key())]
			w.same(e, true, v, ok)
		})
	}
}

func (w *world) copy() []map[string]kept {
	var c []map[string]kept
	for _, m := range w.dbs {
		c = append(c, maps.Clone(m))
	}
	return c
}

// finish empties everything and looks that no memory is left.
func (w *world) finish() {
	w.t.Helper()
	w.ks.FlushAll(w.rnd.IntN(2) == 0)
	for w.ks.LazyFree() {
	}
	check.Eq(w.t, w.ks.LazyPending(), 0)
	check.NoErr(w.t, w.arena.CheckLeaks())
	check.Eq(w.t, w.arena.Used(), 0)
}

type op struct {
	name   string
	weight int
	run    func(w *world, i int, db *keyspace.DB)
}

// pick chooses an operation by weight.
func pick(rnd *rand.Rand, ops []op) op {
	total := 0
	for _, o := range ops {
		total += o.weight
	}
	n := rnd.IntN(total)
	at := slices.IndexFunc(ops, func(o op) bool { n -= o.weight; return n < 0 })
	return ops[at]
}

// step does one random operation on both sides.
func (w *world) step(ops []op) {
	w.t.Helper()
	o := pick(w.rnd, ops)
	i := w.rnd.IntN(len(w.dbs))
	if w.rnd.IntN(2) == 0 {
		i = 0
	}
	o.run(w, i, w.ks.DB(i))
	w.settle()
}
