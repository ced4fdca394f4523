package keyspace_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

// The same proof for collections: what the sink got, in parts or whole, is each
// value as it was at the cut.

// garden is a keyspace of a few collections, which random operations change.
type garden struct {
	t   testing.TB
	rnd *rand.Rand
	a   *mem.Arena
	ks  *keyspace.Keyspace
}

func newGarden(t testing.TB, seed uint64) *garden {
	g := &garden{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), a: newArena(t)}
	g.ks = keyspace.New(keyspace.Config{Databases: 2, Arena: g.a})
	g.ks.SetNow(1_700_000_000_000)
	// Small limits, so that a few hundred elements are a large value.
	g.ks.SetPartingElements(20)
	g.ks.SetParting(400, 60)
	l := &g.ks.Limits
	l.ListSize, l.ListCompress = 5, g.rnd.IntN(3)
	l.ZSetEntries, l.HashEntries, l.SetEntries, l.SetIntset = 8, 8, 8, 8
	return g
}

func (g *garden) key() []byte { return fmt.Appendf(nil, "key:%d", g.rnd.IntN(6)) }

func (g *garden) word(n int) []byte {
	w := fmt.Appendf(nil, "w%d", g.rnd.IntN(n))
	if g.rnd.IntN(30) == 0 {
		w = append(w, strings.Repeat("-", g.rnd.IntN(300))...)
	}
	return w
}

// crops are the kinds of collections: each makes one, changes one, and tells what is
// in it.
type crop struct {
	t      keyspace.Type
	plant  func(g *garden, db *keyspace.DB, key []byte)
	change func(g *garden, e keyspace.Entry) (empty bool)
	dump   func(e keyspace.Entry) []string
}

var crops = []crop{
	{keyspace.ZSet, func(g *garden, db *keyspace.DB, key []byte) {
		z := db.NewZSet(key, 0, 5).ZSet()
		z.Add(g.word(10), 1)
	}, func(g *garden, e keyspace.Entry) bool {
		z := e.ZSet()
		switch g.rnd.IntN(8) {
		case 0:
			for z.Len() > 0 && g.rnd.IntN(4) > 0 {
				z.RemoveRange(g.rnd.IntN(z.Len()), 1)
			}
		case 1:
			z.Remove(g.word(300))
		default:
			for range g.rnd.IntN(8) {
				z.Add(g.word(300), float64(g.rnd.IntN(50)))
			}
		}
		return z.Len() == 0
	}, func(e keyspace.Entry) (out []string) {
		z := e.ZSet()
		z.Each(func(m []byte, score float64) bool {
			out = append(out, fmt.Sprintf("%s=%g", m, score))
			return true
		})
		return out
	}},
	{keyspace.Hash, func(g *garden, db *keyspace.DB, key []byte) {
		h := db.NewHash(key).Hash()
		h.Set(g.word(10), g.word(10))
	}, func(g *garden, e keyspace.Entry) bool {
		h := e.Hash()
		for range g.rnd.IntN(8) {
			if g.rnd.IntN(3) == 0 {
				h.Delete(g.word(300))
			} else {
				h.Set(g.word(300), g.word(1000))
			}
		}
		for g.rnd.IntN(12) == 0 && h.Len() > 0 {
			f, _ := h.Random()
			h.Delete(slices.Clone(f))
		}
		return h.Len() == 0
	}, func(e keyspace.Entry) (out []string) {
		h := e.Hash()
		h.Each(func(f, v []byte) bool {
			out = append(out, fmt.Sprintf("%s=%s", f, v))
			return true
		})
		return out
	}},
	{keyspace.Set, func(g *garden, db *keyspace.DB, key []byte) {
		m := g.word(10)
		s := db.NewSet(key, m, 1).Set()
		s.Add(m)
	}, func(g *garden, e keyspace.Entry) bool {
		s := e.Set()
		for range g.rnd.IntN(8) {
			switch g.rnd.IntN(6) {
			case 0:
				s.Remove(g.word(300))
			case 1:
				if s.Len() > 0 {
					s.Pop(func([]byte) {})
				}
			default:
				s.Add(g.word(300))
			}
		}
		if n := s.Len(); n > 0 && g.rnd.IntN(12) == 0 {
			s.PopSome(g.rnd.IntN(n), func([]byte) {})
		}
		return s.Len() == 0
	}, func(e keyspace.Entry) (out []string) {
		s := e.Set()
		s.Each(func(m []byte) bool {
			out = append(out, string(m))
			return true
		})
		return out
	}},
	{keyspace.List, func(g *garden, db *keyspace.DB, key []byte) {
		l := db.NewList(key).List()
		l.PushTail(g.word(10))
	}, func(g *garden, e keyspace.Entry) bool {
		l := e.List()
		for range g.rnd.IntN(8) {
			n := l.Len()
			if n == 0 {
				break
			}
			switch g.rnd.IntN(10) {
			case 0:
				l.Drop(g.rnd.IntN(2) == 0, 1)
			case 1:
				l.Set(g.rnd.IntN(n), g.word(300))
			case 2:
				l.Insert(g.word(300), g.word(300), g.rnd.IntN(2) == 0)
			case 3:
				l.Remove(g.word(300), 1+g.rnd.IntN(3), g.rnd.IntN(2) == 0)
			case 4:
				from := g.rnd.IntN(n)
				l.DeleteRange(from, min(n-from, g.rnd.IntN(3)*g.rnd.IntN(n)/4))
			default:
				l.Push(g.rnd.IntN(2) == 0, g.word(300), g.word(300))
			}
		}
		return l.Len() == 0
	}, func(e keyspace.Entry) (out []string) {
		l := e.List()
		l.Each(func(v []byte) bool {
			out = append(out, string(v))
			return true
		})
		return out
	}},
	{keyspace.Stream, func(g *garden, db *keyspace.DB, key []byte) { db.NewStream(key) }, changeStream, dumpStream},
}

func changeStream(g *garden, e keyspace.Entry) bool {
	s := e.Stream()
	for range g.rnd.IntN(8) {
		id := keyspace.StreamID{Ms: uint64(g.rnd.IntN(1 + int(s.LastID().Ms)))}
		name := []byte{byte('a' + g.rnd.IntN(3))}
		group, ok := s.Group(name)
		switch k := g.rnd.IntN(20); {
		case k < 9:
			s.Append(keyspace.StreamID{Ms: s.LastID().Ms + 1}, [][]byte{[]byte("f"), g.word(1000)})
		case k == 9:
			s.Delete(id)
		case k == 10 && g.rnd.IntN(4) == 0:
			s.Trim(keyspace.StreamTrim{MaxLen: uint64(g.rnd.IntN(1 + int(s.Len())))})
		case k == 11:
			s.CreateGroup(name, id, 0)
		case k == 12 && ok && g.rnd.IntN(5) == 0:
			s.DestroyGroup(name)
		case k == 13 && ok && g.rnd.IntN(3) == 0:
			group.DeleteConsumer([]byte("x"))
		case k == 14 && ok:
			group.Ack(id)
		case ok:
			c, _ := group.CreateConsumer([]byte{byte('x' + g.rnd.IntN(2))}, 5)
			group.Assign(id, c, int64(g.rnd.IntN(1000)), uint64(g.rnd.IntN(9)))
		}
	}
	return false
}

func dumpStream(e keyspace.Entry) (out []string) {
	s := e.Stream()
	s.EachNode(func(id keyspace.StreamID, lp []byte) bool {
		out = append(out, nodeWord(id, lp))
		return true
	})
	out = append(out, figuresWord(s))
	s.EachGroup(func(g keyspace.Group) bool {
		out = append(out, groupWord(g))
		for c := g.PendingFrom(keyspace.StreamID{}); c.Valid(); c.Next() {
			out = append(out, pendingWord(c.ID(), c.Pending().Time(), c.Pending().Count()))
		}
		out = append(out, fmt.Sprint("consumers ", g.Consumers()))
		g.EachConsumer(func(o keyspace.Consumer) bool {
			out = append(out, consumerWord(o))
			for c := o.PendingFrom(keyspace.StreamID{}); c.Valid(); c.Next() {
				out = append(out, fmt.Sprint("owns ", c.ID()))
			}
			return true
		})
		return true
	})
	return out
}

func nodeWord(id keyspace.StreamID, lp []byte) string { return fmt.Sprintf("node %v %x", id, lp) }

func figuresWord(s keyspace.StreamValue) string {
	return fmt.Sprint("figures ", s.Len(), s.LastID(), s.FirstID(), s.MaxDeletedID(), s.Added(), s.Groups())
}

func groupWord(g keyspace.Group) string {
	return fmt.Sprintf("group %s %v %d %d", g.Name(), g.LastID(), g.EntriesRead(), g.PendingLen())
}

func pendingWord(id keyspace.StreamID, time int64, count uint64) string {
	return fmt.Sprint("pending ", id, time, count)
}

func consumerWord(c keyspace.Consumer) string {
	return fmt.Sprintf("consumer %s %d %d %d", c.Name(), c.Seen(), c.Active(), c.PendingLen())
}

func (g *garden) crop(e keyspace.Entry) *crop {
	i := slices.IndexFunc(crops, func(c crop) bool { return c.t == e.Type() })
	return &crops[i]
}

// dump is all there is to know of an entry, elements in order where they have one.
func dump(e keyspace.Entry) string {
	if e.Type() == keyspace.String {
		return fmt.Sprintf("string %d %q", e.ExpireAt(), textOf(e))
	}
	i := slices.IndexFunc(crops, func(c crop) bool { return c.t == e.Type() })
	return describe(e.Type(), e.ExpireAt(), crops[i].dump(e))
}

func describe(t keyspace.Type, at int64, elements []string) string {
	if t != keyspace.List && t != keyspace.Stream {
		slices.Sort(elements)
	}
	return fmt.Sprintf("%s %d %q", t, at, elements)
}

// tend does one random operation.
func (g *garden) tend() {
	db := g.ks.DB(g.rnd.IntN(2))
	key := g.key()
	e, ok := db.Write(key)
	switch k := g.rnd.IntN(40); {
	case !ok && k < 30:
		if g.rnd.IntN(6) == 0 {
			db.SetString(key, []byte(strings.Repeat("x", g.rnd.IntN(2000))), -1)
			return
		}
		c := crops[g.rnd.IntN(len(crops))]
		c.plant(g, db, key)
		for range g.rnd.IntN(60) {
			e, _ := db.Write(key)
			if c.change(g, e) {
				db.Delete(key)
				return
			}
		}
	case !ok:
	case k < 30:
		if e.Type() != keyspace.String && g.crop(e).change(g, e) {
			db.Delete(key)
		}
	case k < 31:
		db.Delete(key)
	case k < 32:
		db.Unlink(key)
	case k < 33:
		db.SetString(key, []byte("overwritten"), -1)
	case k < 34:
		if to := g.key(); string(to) != string(key) {
			db.Rename(key, to)
		}
	case k < 35:
		db.Move(key, g.ks.DB(1-db.Index()))
	case k < 36:
		if to := g.key(); string(to) != string(key) {
			db.Copy(key, db, to)
		}
	case k < 37:
		db.SetExpire(key, g.ks.Now()+int64(1000+g.rnd.IntN(1000)))
	case k < 38:
		g.ks.LazyFree()
	case g.rnd.IntN(20) == 0:
		g.ks.SwapDB(0, 1)
	case g.rnd.IntN(20) == 0:
		db.Flush(g.rnd.IntN(2) == 0)
	}
}

func (g *garden) picture() map[string]string {
	out := map[string]string{}
	for i := range 2 {
		g.ks.DB(i).Each(func(e keyspace.Entry) { out[fmt.Sprintf("%d/%s", i, e.Key())] = dump(e) })
	}
	return out
}

// barn is the sink: it puts large values together as the child does.
type barn struct {
	t     testing.TB
	got   map[string]string
	begun map[uint64]*sheaf
	large int
}

type sheaf struct {
	key   string
	at    int64
	t     keyspace.Type
	parts []stalk
}

type stalk struct {
	place keyspace.Place
	words []string
}

func (b *barn) put(key, text string) {
	if _, twice := b.got[key]; twice {
		b.t.Fatalf("%s comes twice", key)
	}
	b.got[key] = text
}

func (b *barn) Entry(db int, e keyspace.Entry) { b.put(fmt.Sprintf("%d/%s", db, e.Key()), dump(e)) }

func (b *barn) Begin(l *keyspace.Large, e keyspace.Entry) {
	b.begun[l.ID] = &sheaf{key: fmt.Sprintf("%d/%s", l.DB, e.Key()), at: e.ExpireAt(), t: e.Type()}
	b.large++
}

func (b *barn) Part(l *keyspace.Large, p *keyspace.Part) {
	s := b.begun[l.ID]
	var words []string
	switch p.Kind {
	case keyspace.PartBytes:
		words = []string{string(p.Bytes)}
	case keyspace.PartElements:
		for _, e := range p.Elements {
			switch l.Type {
			case keyspace.Hash:
				words = append(words, fmt.Sprintf("%s=%s", e.Member, e.Value))
			case keyspace.ZSet:
				words = append(words, fmt.Sprintf("%s=%g", e.Member, e.Score))
			default:
				words = append(words, string(e.Member))
			}
		}
	default:
		words = partWords(p)
	}
	s.parts = append(s.parts, stalk{p.Place, words})
}

func (b *barn) End(l *keyspace.Large) {
	s := b.begun[l.ID]
	delete(b.begun, l.ID)
	slices.SortStableFunc(s.parts, func(a, b stalk) int { return comparePlaces(a.place, b.place) })
	var words []string
	for _, p := range s.parts {
		words = append(words, p.words...)
	}
	if s.t == keyspace.String {
		b.put(s.key, fmt.Sprintf("string %d %q", s.at, strings.Join(words, "")))
		return
	}
	b.put(s.key, describe(s.t, s.at, words))
}

func comparePlaces(a, b keyspace.Place) int {
	switch {
	case a.Section != b.Section:
		return int(a.Section) - int(b.Section)
	case a.Hi != b.Hi:
		if a.Hi < b.Hi {
			return -1
		}
		return 1
	case a.Lo < b.Lo:
		return -1
	case a.Lo > b.Lo:
		return 1
	}
	return 0
}

// partWords reads a node of a list or a stream.
func partWords(p *keyspace.Part) []string {
	switch p.Kind {
	case keyspace.PartListNode:
		return nodeElements(p)
	case keyspace.PartStreamNode:
		return []string{nodeWord(p.ID, p.Bytes)}
	case keyspace.PartStream:
		return []string{figuresWord(p.Stream)}
	case keyspace.PartGroup:
		return []string{groupWord(p.Group)}
	case keyspace.PartPending:
		return []string{pendingWord(p.ID, p.Time, p.Count)}
	case keyspace.PartConsumers:
		return []string{fmt.Sprint("consumers ", p.Group.Consumers())}
	case keyspace.PartConsumer:
		return []string{consumerWord(p.Consumer)}
	case keyspace.PartPendingID:
		return []string{fmt.Sprint("owns ", p.ID)}
	}
	panic(fmt.Sprintf("BUG: part of kind %d", p.Kind))
}

func nodeElements(p *keyspace.Part) (out []string) {
	if p.Plain {
		return []string{string(p.Bytes)}
	}
	var scratch [24]byte
	l := ds.Listpack(p.Bytes)
	for off := l.First(); off >= 0; off = l.Next(off) {
		out = append(out, string(l.Get(off).Bytes(&scratch)))
	}
	return out
}

func TestSnapshotOfCollectionsIsTheCut(t *testing.T) {
	seeds := 300
	if testing.Short() {
		seeds = 100
	}
	large := 0
	for seed := range seeds {
		g := newGarden(t, uint64(seed))
		for range 3 {
			for range g.rnd.IntN(150) {
				g.tend()
			}
			g.ks.AvoidResize(g.rnd.IntN(3) > 0)
			b := &barn{t: t, got: map[string]string{}, begun: map[uint64]*sheaf{}}
			want := g.picture()
			snap := g.ks.Cut(b)
			abort := g.rnd.IntN(6) == 0
			for n := 0; !snap.Pump(1 + g.rnd.IntN(4)); n++ {
				for range g.rnd.IntN(4) {
					g.tend()
				}
				if abort && n == 5 {
					snap.Abort()
					break
				}
			}
			if !abort && !maps.Equal(b.got, want) {
				for k := range want {
					if b.got[k] != want[k] {
						t.Fatalf("seed %d: %s came as\n%.400s\nand was at the cut\n%.400s", seed, k, b.got[k], want[k])
					}
				}
				t.Fatalf("seed %d: %d keys came, %d were there", seed, len(b.got), len(want))
			}
			large += b.large
			g.ks.AvoidResize(false)
		}
		g.ks.FlushAll(false)
		for g.ks.LazyFree() {
		}
		check.NoErr(t, g.a.CheckLeaks())
	}
	check.True(t, large > seeds, fmt.Sprintf("%d values went in parts", large))
}

// What is deleted while it is half sent belongs to the snapshot, which tells how much
// that is, until it has sent the rest.
func TestSnapshotTellsWhatItKeeps(t *testing.T) {
	g := newGarden(t, 1)
	db := g.ks.DB(0)
	h := db.NewHash([]byte("big")).Hash()
	for i := range 500 {
		h.Set(fmt.Append(nil, "field ", i), []byte("value"))
	}
	snap := g.ks.Cut(discardParts{})
	for snap.Stats().Parts == 0 {
		check.True(t, !snap.Pump(1), "more to come")
	}
	check.Eq(t, snap.Kept(), int64(0))
	db.Delete([]byte("big"))
	check.True(t, snap.Kept() > 500*len64("field"), fmt.Sprint(snap.Kept()))
	for !snap.Pump(100) {
	}
	check.Eq(t, snap.Kept(), int64(0))
	for g.ks.LazyFree() {
	}
}

func len64(s string) int64 { return int64(len(s)) }

// discardParts is a sink that takes everything.
type discardParts struct{}

func (discardParts) Entry(int, keyspace.Entry)             {}
func (discardParts) Begin(*keyspace.Large, keyspace.Entry) {}
func (discardParts) Part(*keyspace.Large, *keyspace.Part)  {}
func (discardParts) End(*keyspace.Large)                   {}
