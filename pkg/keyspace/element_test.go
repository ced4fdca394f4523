package keyspace_test

import (
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

// elements is a keyspace of hashes and sets beside the model it must agree with:
// a key's fields and values, or its members, whose value is "-".
type elements struct {
	t     testing.TB
	rnd   *rand.Rand
	arena *mem.Arena
	ks    *keyspace.Keyspace
	db    *keyspace.DB
	model map[string]map[string]string
	sets  map[string]bool
	keys  int // how many there are to choose from
	pool  int // fields and members to choose from
}

func newElements(t testing.TB, seed uint64) *elements {
	x := &elements{
		t: t, rnd: rand.New(rand.NewPCG(seed, 3)), arena: newArena(t),
		model: map[string]map[string]string{}, sets: map[string]bool{}, keys: 6, pool: 60,
	}
	x.ks = keyspace.New(keyspace.Config{Databases: 1, Arena: x.arena})
	x.ks.SetNow(1_700_000_000_000)
	x.db = x.ks.DB(0)
	x.ks.Limits.HashEntries, x.ks.Limits.HashValue = 12, 30
	x.ks.Limits.SetIntset, x.ks.Limits.SetEntries, x.ks.Limits.SetValue = 14, 10, 30
	return x
}

// word is a field, value or member: a number of any width, or text of any length.
func (x *elements) word() string {
	n := x.rnd.IntN(x.pool)
	switch n % 5 {
	case 0, 1:
		return strconv.Itoa(n)
	case 2:
		return strconv.FormatInt(int64(uint64(n)*0x9e3779b97f4a7c15)>>(n%60), 10)
	case 3:
		return fmt.Sprintf("%0*d", []int{2, 12, 29, 30, 31, 80, 253, 254, 300}[n%9], n)
	}
	return fmt.Sprint("w", n)
}

func (x *elements) value() string {
	w := x.word()
	for x.rnd.IntN(4) == 0 {
		w += x.word()
	}
	return w
}

// key is one of a set or hash, as kind says; the first letter tells them apart.
func (x *elements) key(kind string) string { return kind + strconv.Itoa(x.rnd.IntN(x.keys)) }

func (x *elements) has(m map[string]string, w string) bool { _, ok := m[w]; return ok }

func (x *elements) hset(key, field, value string) {
	e, ok := x.db.Write([]byte(key))
	if !ok {
		e = x.db.NewHash([]byte(key))
		x.model[key] = map[string]string{}
	}
	h := e.Hash()
	if x.rnd.IntN(2) == 0 {
		h.Prepare([][]byte{[]byte(field), []byte(value)})
	}
	check.Eq(x.t, h.Set([]byte(field), []byte(value)), !x.has(x.model[key], field))
	x.model[key][field] = value
	check.Eq(x.t, h.Len(), len(x.model[key]))
}

func (x *elements) hdel(key, field string) {
	e, ok := x.db.Write([]byte(key))
	check.Eq(x.t, ok, x.model[key] != nil)
	if !ok {
		return
	}
	h := e.Hash()
	check.Eq(x.t, h.Delete([]byte(field)), x.has(x.model[key], field))
	x.lost(key, field)
}

func (x *elements) sadd(key, member string, expect int) {
	e, ok := x.db.Write([]byte(key))
	if !ok {
		e = x.db.NewSet([]byte(key), []byte(member), expect)
		x.model[key] = map[string]string{}
	}
	s := e.Set()
	if ok {
		s.Expect(expect)
	}
	check.Eq(x.t, s.Add([]byte(member)), !x.has(x.model[key], member))
	x.model[key][member] = "-"
	check.Eq(x.t, s.Len(), len(x.model[key]))
}

func (x *elements) srem(key, member string) {
	e, ok := x.db.Write([]byte(key))
	check.Eq(x.t, ok, x.model[key] != nil)
	if !ok {
		return
	}
	s := e.Set()
	check.Eq(x.t, s.Remove([]byte(member)), x.has(x.model[key], member))
	x.lost(key, member)
}

func (x *elements) pop(key string, n int) {
	e, ok := x.db.Write([]byte(key))
	if !ok {
		return
	}
	s := e.Set()
	var gone []string
	take := func(m []byte) {
		check.True(x.t, x.has(x.model[key], string(m)), "a member was popped")
		gone = append(gone, string(m))
	}
	if n < 0 {
		n = 1
		s.Pop(take)
	} else {
		n %= len(x.model[key])
		s.PopSome(n, take)
	}
	check.Eq(x.t, len(gone), n)
	x.lost(key, gone...)
}

// lost takes elements out of the model, and deletes a key that has none left.
func (x *elements) lost(key string, words ...string) {
	for _, w := range words {
		delete(x.model[key], w)
	}
	if len(x.model[key]) == 0 {
		check.True(x.t, x.db.Delete([]byte(key)), "the key is there")
		delete(x.model, key)
	}
}

// read looks at one key in every way there is.
func (x *elements) read(key string) {
	e, ok := x.db.Read([]byte(key))
	check.Eq(x.t, ok, x.model[key] != nil)
	if !ok {
		return
	}
	m, w := x.model[key], x.word()
	n := x.rnd.IntN(len(m) + 1)
	drawn := map[string]string{}
	draws := 0
	got := map[string]string{}
	if e.Type() == keyspace.Hash {
		h := e.Hash()
		v, found := h.Get([]byte(w))
		check.Eq(x.t, found, x.has(m, w))
		check.Eq(x.t, string(v), m[w])
		check.Eq(x.t, h.Has([]byte(w)), found)
		f, v := h.Random()
		check.Eq(x.t, m[string(f)], string(v))
		h.Sample(n, func(f, v []byte) { drawn[string(f)] = string(v) })
		h.Draw(n, func(f, v []byte) bool { draws++; check.Eq(x.t, m[string(f)], string(v)); return true })
		for c, first := uint64(0), true; first || c != 0; first = false {
			c = h.Scan(c, func(f, v []byte) { got[string(f)] = string(v) })
		}
	} else {
		s := e.Set()
		check.Eq(x.t, s.Has([]byte(w)), x.has(m, w))
		check.True(x.t, x.has(m, string(s.Random())), "a member")
		s.Sample(n, func(w []byte) { drawn[string(w)] = "-" })
		s.Draw(n, func(w []byte) bool { draws++; return x.has(m, string(w)) })
		for c, first := uint64(0), true; first || c != 0; first = false {
			c = s.Scan(c, func(w []byte) { got[string(w)] = "-" })
		}
	}
	check.Eq(x.t, len(drawn), n)
	check.Eq(x.t, draws, n)
	check.True(x.t, maps.Equal(got, m), "a scan gives all of it")
	for w, v := range drawn {
		check.True(x.t, x.has(m, w) && m[w] == v, "an element of the key")
	}
}

// contents is what an entry holds.
func contents(e keyspace.Entry) map[string]string {
	m := map[string]string{}
	if e.Type() == keyspace.Hash {
		h := e.Hash()
		h.Each(func(f, v []byte) bool { m[string(f)] = string(v); return true })
	} else {
		s := e.Set()
		s.Each(func(w []byte) bool { m[string(w)] = "-"; return true })
	}
	return m
}

func (x *elements) agree() {
	x.t.Helper()
	check.NoErr(x.t, x.ks.Verify())
	check.Eq(x.t, x.db.Len(), len(x.model))
	for key, want := range x.model {
		e, ok := x.db.Peek([]byte(key))
		check.True(x.t, ok, "the key is there")
		if got := contents(e); !maps.Equal(got, want) {
			x.t.Fatalf("%s: %v, want %v", key, got, want)
		}
	}
}

// op does one random change.
func (x *elements) op() {
	h, s := x.key("h"), x.key("s")
	switch k := x.rnd.IntN(100); {
	case k < 25:
		x.hset(h, x.word(), x.value())
	case k < 38:
		x.hdel(h, x.word())
	case k < 63:
		x.sadd(s, x.word(), 1+x.rnd.IntN(2)*x.rnd.IntN(16))
	case k < 74:
		x.srem(s, x.word())
	case k < 78:
		x.pop(s, x.rnd.IntN(40)-20)
	case k < 90:
		x.read([]string{h, s}[k%2])
	case k < 97:
		x.keyOp([]string{h, s}[k%2])
	default:
		x.ks.AvoidResize(x.rnd.IntN(2) == 0)
		x.ks.RehashStep(true)
	}
}

// keyOp does what concerns a whole key.
func (x *elements) keyOp(key string) {
	to := x.key(key[:1])
	m := x.model[key]
	switch k := x.rnd.IntN(12); {
	case k < 2:
		check.Eq(x.t, x.db.Delete([]byte(key)), m != nil)
		delete(x.model, key)
	case k < 4:
		check.Eq(x.t, x.db.Unlink([]byte(key)), m != nil)
		delete(x.model, key)
	case k < 6 && key != to:
		check.Eq(x.t, x.db.Rename([]byte(key), []byte(to)), m != nil)
		if m != nil {
			x.model[to] = m
			delete(x.model, key)
		}
	case k < 8 && key != to:
		check.Eq(x.t, x.db.Copy([]byte(key), x.db, []byte(to)), m != nil)
		if m != nil {
			x.model[to] = maps.Clone(m)
		}
	case k == 8:
		x.db.SetExpire([]byte(key), 1<<50)
	case k == 9:
		x.db.Persist([]byte(key))
	case k == 10 && x.rnd.IntN(20) == 0:
		x.db.Flush(true)
		clear(x.model)
	default:
		x.ks.LazyFree()
	}
}

func (x *elements) finish() {
	x.t.Helper()
	x.agree()
	x.db.Flush(false)
	for x.ks.LazyFree() {
	}
	check.NoErr(x.t, x.arena.CheckLeaks())
}

func TestHashesAndSetsAgainstModel(t *testing.T) {
	tests := []struct {
		name        string
		keys, pool  int
		ops, checks int
	}{
		{"small ones", 6, 20, 60_000, 13},
		{"around the limits", 6, 60, 60_000, 29},
		{"large ones", 3, 5000, 100_000, 5000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 2; seed++ {
				x := newElements(t, seed)
				x.keys, x.pool = tt.keys, tt.pool
				for i := range tt.ops {
					x.op()
					if i%tt.checks == 0 {
						x.agree()
					}
				}
				x.finish()
			}
		})
	}
}

// gather is a sink that keeps what hashes and sets it gets, in one piece or in parts.
type gather struct {
	t     testing.TB
	got   map[string]map[string]string
	open  map[uint64]string
	parts int
}

func (g *gather) Entry(_ int, e keyspace.Entry) { g.add(string(e.Key()), contents(e)) }

func (g *gather) add(key string, m map[string]string) {
	check.True(g.t, g.got[key] == nil, "a key comes once")
	g.got[key] = m
}

func (g *gather) Begin(l *keyspace.Large, e keyspace.Entry) {
	g.open[l.ID] = string(e.Key())
	g.add(string(e.Key()), map[string]string{})
}

func (g *gather) Part(l *keyspace.Large, p *keyspace.Part) {
	g.parts++
	m := g.got[g.open[l.ID]]
	for _, e := range p.Elements {
		_, twice := m[string(e.Member)]
		check.True(g.t, !twice, "an element comes once")
		m[string(e.Member)] = string(e.Value)
		if l.Type == keyspace.Set {
			m[string(e.Member)] = "-"
		}
	}
}

func (g *gather) End(l *keyspace.Large) { delete(g.open, l.ID) }

// What a snapshot gets of hashes and sets is what they were at the cut, whatever
// happens to them meanwhile: also when they go out in parts.
func TestSnapshotOfHashesAndSets(t *testing.T) {
	parts := 0
	for seed := uint64(1); seed <= 60; seed++ {
		x := newElements(t, seed)
		x.keys, x.pool = 1+x.rnd.IntN(8), []int{30, 300, 3000}[seed%3]
		x.ks.SetLargeElements(20)
		for range x.rnd.IntN(2000) {
			x.op()
		}
		for range x.rnd.IntN(3000) {
			x.hset(x.key("h"), x.word(), x.value())
			x.sadd(x.key("s"), x.word(), 1)
		}
		want := map[string]map[string]string{}
		for key, m := range x.model {
			want[key] = maps.Clone(m)
		}
		g := &gather{t: t, got: map[string]map[string]string{}, open: map[uint64]string{}}
		snap := x.ks.Cut(g)
		for done := false; !done; {
			for range x.rnd.IntN(40) {
				x.op()
			}
			done = snap.Pump(1 + x.rnd.IntN(8))
			if x.rnd.IntN(10) == 0 {
				check.NoErr(t, x.ks.Verify())
			}
		}
		check.Eq(t, len(g.open), 0)
		check.Eq(t, slices.Sorted(maps.Keys(g.got)), slices.Sorted(maps.Keys(want)))
		for key, m := range want {
			check.True(t, maps.Equal(g.got[key], m), "the value is that of the cut: "+key)
		}
		parts += g.parts
		x.finish()
	}
	check.True(t, parts > 1000, fmt.Sprint(parts, " parts"))
}
