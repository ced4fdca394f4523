package keyspace_test

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

// scored is a member of the model.
type scored struct {
	member string
	score  float64
}

// zsetRig is a sorted set at one key, and the sorted slice it must agree with.
type zsetRig struct {
	t     testing.TB
	arena *mem.Arena
	ks    *keyspace.Keyspace
	db    *keyspace.DB
	rnd   *rand.Rand
	model []scored
	lex   bool // all scores are 0
	pool  int
}

var zkey = []byte("z")

func newZSetRig(t testing.TB, seed uint64) *zsetRig {
	a := newArena(t)
	ks := keyspace.New(keyspace.Config{Databases: 1, Arena: a})
	return &zsetRig{t: t, arena: a, ks: ks, db: ks.DB(0), rnd: rand.New(rand.NewPCG(seed, 3)), pool: 300}
}

func (r *zsetRig) find(m string) (int, bool) {
	i := slices.IndexFunc(r.model, func(s scored) bool { return s.member == m })
	return i, i >= 0
}

func (r *zsetRig) sort() {
	slices.SortFunc(r.model, func(a, b scored) int {
		return cmp.Or(cmp.Compare(a.score, b.score), strings.Compare(a.member, b.member))
	})
}

// zset is the set; it is made when it is not there.
func (r *zsetRig) zset() keyspace.SortedSet {
	e, ok := r.db.Write(zkey)
	if !ok {
		e = r.db.NewZSet(zkey, 1, 1)
	}
	return e.ZSet()
}

// settle deletes an empty set, as commands do.
func (r *zsetRig) settle() {
	if len(r.model) == 0 {
		r.db.Delete(zkey)
	}
}

func (r *zsetRig) member() string {
	n := r.rnd.IntN(r.pool)
	switch n % 7 {
	case 0:
		return fmt.Sprint(n - 100)
	case 1:
		return fmt.Sprintf("m%0*d", n%40, n)
	case 2:
		return string([]byte{byte(n), 0, byte(n / 2), 255})
	}
	return fmt.Sprintf("member:%d", n)
}

func (r *zsetRig) score() float64 {
	if r.lex {
		return 0
	}
	switch r.rnd.IntN(12) {
	case 0:
		return math.Inf(1 - 2*r.rnd.IntN(2))
	case 1:
		return math.Copysign(0, -1)
	case 2:
		return 0
	case 3, 4:
		return float64(r.rnd.IntN(40)-20) / 8
	case 5:
		return r.rnd.NormFloat64() * 1e300
	case 6:
		return math.Float64frombits(r.rnd.Uint64N(1 << 40)) // tiny
	}
	return float64(r.rnd.IntN(100) - 50)
}

func (r *zsetRig) put() {
	m, s, how := r.member(), r.score(), keyspace.ZAdd(0)
	if r.rnd.IntN(3) == 0 {
		how = keyspace.ZAdd(r.rnd.IntN(32))
	}
	i, there := r.find(m)
	want, done := s, keyspace.ZAdded
	switch {
	case !there && how&keyspace.ZXX != 0:
		want, done = 0, keyspace.ZNothing
	case !there:
	case how&keyspace.ZNX != 0:
		want, done = r.model[i].score, keyspace.ZNothing
	default:
		cur := r.model[i].score
		if how&keyspace.ZIncr != 0 {
			want += cur
		}
		switch {
		case math.IsNaN(want):
			want, done = cur, keyspace.ZNaN
		case how&keyspace.ZLT != 0 && want >= cur || how&keyspace.ZGT != 0 && want <= cur:
			want, done = cur, keyspace.ZNothing
		case want == cur:
			done = keyspace.ZSame
		default:
			done = keyspace.ZUpdated
		}
	}
	z := r.zset()
	got, did := z.Put([]byte(m), s, how)
	check.Eq(r.t, did, done)
	check.Eq(r.t, got, want)
	switch done {
	case keyspace.ZAdded:
		r.model = append(r.model, scored{m, want})
		r.sort()
	case keyspace.ZUpdated:
		r.model[i].score = want
		r.sort()
	}
	r.settle()
}

func (r *zsetRig) remove() {
	m := r.member()
	i, there := r.find(m)
	z := r.zset()
	check.Eq(r.t, z.Remove([]byte(m)), there)
	if there {
		r.model = slices.Delete(r.model, i, i+1)
	}
	r.settle()
}

func (r *zsetRig) look() {
	m := r.member()
	i, there := r.find(m)
	z := r.zset()
	s, ok := z.Score([]byte(m))
	check.Eq(r.t, ok, there)
	rank, ok := z.Rank([]byte(m))
	check.Eq(r.t, ok, there)
	if there {
		check.Eq(r.t, s, r.model[i].score)
		check.Eq(r.t, rank, i)
	}
	at := r.rnd.IntN(len(r.model) + 2)
	for _, reverse := range []bool{false, true} {
		c := z.At(at, reverse)
		for i := at; i < at+3; i++ {
			check.Eq(r.t, c.Valid(), i < len(r.model))
			if !c.Valid() {
				break
			}
			want := r.model[i]
			if reverse {
				want = r.model[len(r.model)-1-i]
			}
			check.Eq(r.t, string(c.Member()), want.member)
			check.Eq(r.t, c.Score(), want.score)
			c.Next()
		}
	}
	r.settle()
}

// ranks is what a range must give: where want is true for a row of members.
func (r *zsetRig) ranks(want func(s scored) bool) (from, n int) {
	from = slices.IndexFunc(r.model, want)
	if from < 0 {
		return 0, 0
	}
	for n = 0; from+n < len(r.model) && want(r.model[from+n]); n++ {
	}
	return from, n
}

func (r *zsetRig) scoreRange() {
	sr := keyspace.ScoreRange{Min: r.score(), Max: r.score(), MinEx: r.rnd.IntN(2) == 0, MaxEx: r.rnd.IntN(2) == 0}
	from, n := r.ranks(func(s scored) bool {
		return (s.score > sr.Min || !sr.MinEx && s.score == sr.Min) && (s.score < sr.Max || !sr.MaxEx && s.score == sr.Max)
	})
	z := r.zset()
	gotFrom, got := z.ScoreRanks(&sr)
	check.Eq(r.t, got, n)
	if n > 0 {
		check.Eq(r.t, gotFrom, from)
	}
	c := z.FromScore(sr.Min)
	first := slices.IndexFunc(r.model, func(s scored) bool { return s.score >= sr.Min })
	check.Eq(r.t, c.Valid(), first >= 0)
	if c.Valid() {
		check.Eq(r.t, string(c.Member()), r.model[first].member)
	}
	r.settle()
}

func (r *zsetRig) bound() keyspace.LexBound {
	switch r.rnd.IntN(8) {
	case 0:
		return keyspace.LexBound{Kind: keyspace.LexLowest, Ex: true}
	case 1:
		return keyspace.LexBound{Kind: keyspace.LexHighest, Ex: true}
	}
	return keyspace.LexBound{Text: []byte(r.member()), Ex: r.rnd.IntN(2) == 0}
}

func (r *zsetRig) lexRange() {
	lr := keyspace.LexRange{Min: r.bound(), Max: r.bound()}
	above := func(b keyspace.LexBound, m string) bool { // m comes after the bound
		c := strings.Compare(m, string(b.Text))
		return b.Kind == keyspace.LexLowest || b.Kind == keyspace.LexText && (c > 0 || c == 0 && !b.Ex)
	}
	below := func(b keyspace.LexBound, m string) bool {
		c := strings.Compare(m, string(b.Text))
		return b.Kind == keyspace.LexHighest || b.Kind == keyspace.LexText && (c < 0 || c == 0 && !b.Ex)
	}
	from, n := r.ranks(func(s scored) bool { return above(lr.Min, s.member) && below(lr.Max, s.member) })
	z := r.zset()
	for _, reverse := range []bool{false, true} {
		gotFrom, got := z.LexRanks(&lr, reverse)
		check.Eq(r.t, got, n)
		if n > 0 {
			check.Eq(r.t, gotFrom, from)
		}
	}
	r.settle()
}

func (r *zsetRig) removeRange() {
	from := r.rnd.IntN(len(r.model) + 1)
	n := min(r.rnd.IntN(1+len(r.model)/8), len(r.model)-from)
	z := r.zset()
	z.RemoveRange(from, n)
	r.model = slices.Delete(r.model, from, from+n)
	r.settle()
}

func (r *zsetRig) scan() {
	z := r.zset()
	seen := map[string]float64{}
	for cursor := uint64(0); ; {
		cursor = z.Scan(cursor, func(m []byte, s float64) { seen[string(m)] = s })
		if cursor == 0 {
			break
		}
	}
	check.Eq(r.t, len(seen), len(r.model))
	for _, s := range r.model {
		check.Eq(r.t, seen[s.member], s.score)
	}
	r.settle()
}

// agree compares everything.
func (r *zsetRig) agree() {
	r.t.Helper()
	e, ok := r.db.Peek(zkey)
	check.Eq(r.t, ok, len(r.model) > 0)
	if !ok {
		check.Eq(r.t, r.arena.UsedBy(mem.Value), 0)
		check.Eq(r.t, r.arena.UsedBy(mem.Node), 0)
		return
	}
	r.same(e)
}

func (r *zsetRig) same(e keyspace.Entry) {
	r.t.Helper()
	z := e.ZSet()
	check.NoErr(r.t, z.Check())
	check.Eq(r.t, z.Len(), len(r.model))
	i := 0
	z.Each(func(m []byte, s float64) bool {
		check.Eq(r.t, string(m), r.model[i].member)
		check.Eq(r.t, s, r.model[i].score)
		i++
		return true
	})
	check.Eq(r.t, i, len(r.model))
}

func (r *zsetRig) op() {
	switch k := r.rnd.IntN(100); {
	case k < 50:
		r.put()
	case k < 72:
		r.remove()
	case k < 84:
		r.look()
	case k < 90 && !r.lex:
		r.scoreRange()
	case k < 96 && r.lex:
		r.lexRange()
	case k < 97:
		r.scan()
	case k < 98:
		r.removeRange()
	}
}

func (r *zsetRig) free() {
	r.t.Helper()
	r.db.Delete(zkey)
	r.db.Flush(false)
	check.NoErr(r.t, r.arena.CheckLeaks())
}

func TestZSetAgainstModel(t *testing.T) {
	tests := []struct {
		name    string
		lex     bool
		pool    int
		entries int // zset-max-listpack-entries
		ops     int
		every   int
	}{
		{"listpack", false, 60, 1000, 30_000, 23},
		{"listpack of one score", true, 60, 1000, 30_000, 23},
		{"skiplist", false, 60, 0, 30_000, 23},
		{"skiplist of one score", true, 200, 0, 30_000, 97},
		{"both", false, 300, 100, 100_000, 397},
		{"large", false, 3000, 128, 100_000, 2999},
		{"large of one score", true, 3000, 128, 30_000, 2999},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Log("seed 1")
			r := newZSetRig(t, 1)
			r.lex, r.pool, r.ks.Limits.ZSetEntries = tt.lex, tt.pool, tt.entries
			for i := range tt.ops {
				r.op()
				if i%tt.every == 0 {
					r.agree()
				}
			}
			r.agree()
			r.free()
		})
	}
}

func (r *zsetRig) fill(n int) {
	z := r.zset()
	for i := range n {
		s := scored{fmt.Sprintf("member:%d", i), float64(i * 7 % n)}
		check.True(r.t, z.Add([]byte(s.member), s.score), "a new member")
		r.model = append(r.model, s)
	}
	r.sort()
}

func TestZSetEncodings(t *testing.T) {
	r := newZSetRig(t, 1)
	encoding := func(key string) string {
		e, _ := r.db.Peek([]byte(key))
		return e.Encoding().String()
	}
	r.fill(128)
	check.Eq(t, encoding("z"), "listpack")
	z := r.zset()
	z.Add([]byte("one more"), 1)
	check.Eq(t, encoding("z"), "skiplist")

	z = r.db.NewZSet([]byte("long"), 1, 64).ZSet()
	z.Add(bytes.Repeat([]byte("x"), 64), 1)
	check.Eq(t, encoding("long"), "listpack")
	z.Add(bytes.Repeat([]byte("x"), 65), 1)
	check.Eq(t, encoding("long"), "skiplist")

	r.db.NewZSet([]byte("many"), 129, 1)
	check.Eq(t, encoding("many"), "skiplist")
	r.db.NewZSet([]byte("longer"), 1, 65)
	check.Eq(t, encoding("longer"), "skiplist")
	r.db.Flush(false)
	r.model = nil
	r.free()
}

// The listpack is Redis's, byte by byte.
func TestZSetListpackBytes(t *testing.T) {
	r := newZSetRig(t, 1)
	z := r.zset()
	z.Add([]byte("b"), 1.5)
	z.Add([]byte("7"), -3)
	z.Add([]byte("inf"), math.Inf(1))
	z.Add([]byte("zero"), math.Copysign(0, -1))
	e, _ := r.db.Peek(zkey)
	check.EqBytes(t, e.Blob(), []byte("\x26\x00\x00\x00\x08\x00"+
		"\x07\x01\xdf\xfd\x02"+
		"\x84zero\x05\x00\x01"+
		"\x81b\x02\x831.5\x04"+
		"\x83inf\x04\x83inf\x04"+
		"\xff"))
	r.free()
}

func TestZSetCopyAndFree(t *testing.T) {
	for _, n := range []int{1, 100, 3000} {
		r := newZSetRig(t, 1)
		r.fill(n)
		check.True(t, r.db.Copy(zkey, r.db, []byte("copy")), "the key is there")
		e, _ := r.db.Peek([]byte("copy"))
		r.same(e)
		check.True(t, e.MemUsage() > 8*n, "a size in the right order")
		check.True(t, r.db.Unlink([]byte("copy")), "the key is there")
		for r.ks.LazyFree() {
		}
		r.agree()
		r.free()
	}
}

func TestZTemp(t *testing.T) {
	for _, n := range []int{1, 100, 3000} {
		r := newZSetRig(t, 1)
		r.db.SetString(zkey, []byte("what was there goes"), 5)
		tmp := r.ks.NewZTemp(n)
		for i := range n {
			s, created := tmp.Slot(fmt.Appendf(nil, "m%d", i*7%n/2))
			check.Eq(t, created, *s == 0)
			*s++
		}
		check.True(t, tmp.Remove([]byte("m0")) == (n > 0), "removed")
		check.True(t, !tmp.Remove([]byte("m0")), "it is gone")
		p, _ := tmp.Slot([]byte("last"))
		*p = 77
		for i := 1; i < (n+1)/2; i++ {
			score := 2.0
			if 2*i+1 == n {
				score = 1
			}
			r.model = append(r.model, scored{fmt.Sprintf("m%d", i), score})
		}
		r.model = append(r.model, scored{"last", 77})
		r.sort()
		check.Eq(t, tmp.Finish().Len(), len(r.model))
		e := r.db.StoreZSet(zkey, &tmp)
		check.Eq(t, e.ExpireAt(), -1)
		r.agree()
		r.free()

		tmp = r.ks.NewZTemp(n)
		tmp.Slot(zkey)
		tmp.Finish()
		tmp.Free()
		check.NoErr(t, r.arena.CheckLeaks())
	}
}

func TestZSetMakesNoGarbage(t *testing.T) {
	for _, n := range []int{100, 5000} {
		r := newZSetRig(t, 1)
		r.fill(n)
		member := []byte("member:7")
		i := 0.0
		got := testing.AllocsPerRun(1000, func() {
			i++
			e, _ := r.db.Write(zkey)
			z := e.ZSet()
			z.Put(member, i, 0)
			z.Put(member, 0.5, keyspace.ZIncr)
			z.Rank(member)
			z.ScoreRanks(&keyspace.ScoreRange{Min: 3, Max: 9})
			for c := z.At(5, true); c.Valid() && i > 0; c.Next() {
				if len(c.Member()) == 0 || c.Score() < 3 {
					break
				}
			}
			z.Remove(member)
			z.Add(member, i)
		})
		check.Eq(t, got, 0)
		r.free()
	}
}

func FuzzZSet(f *testing.F) {
	f.Add(uint64(1), uint16(300), uint8(10), false)
	f.Add(uint64(2), uint16(500), uint8(0), true)
	f.Add(uint64(3), uint16(900), uint8(200), false)
	f.Fuzz(func(t *testing.T, seed uint64, ops uint16, entries uint8, lex bool) {
		r := newZSetRig(t, seed)
		r.lex, r.pool, r.ks.Limits.ZSetEntries = lex, 1+int(ops%250), int(entries)
		for i := range int(ops % 2000) {
			r.op()
			if i%100 == 0 {
				r.agree()
			}
		}
		r.agree()
		r.free()
	})
}
