package value_test

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// gatherer is a sink that puts the parts of large values in the order of their
// places, which is all that the child does.
type gatherer struct {
	t     testing.TB
	large map[uint64]*gathered
	ended []*gathered
	whole int
}

type gathered struct {
	key  string
	typ  byte
	head []byte
	want string // what the value was at the cut
	list []placed
}

type placed struct {
	place keyspace.Place
	b     []byte
}

func (g *gatherer) Entry(int, keyspace.Entry) { g.whole++ }

func (g *gatherer) Begin(l *keyspace.Large, e keyspace.Entry) {
	g.large[l.ID] = &gathered{
		key: string(e.Key()), typ: value.Type(e), head: value.AppendHead(nil, e), want: tellEntry(e),
	}
}

func (g *gatherer) Part(l *keyspace.Large, p *keyspace.Part) {
	var b []byte
	if p.Kind == keyspace.PartBytes {
		b = bytes.Clone(p.Bytes)
	} else {
		check.NoErr(g.t, value.WritePart(l.Type, p, &rdb.Writer{Buf: &b, Raw: true}))
	}
	v := g.large[l.ID]
	v.list = append(v.list, placed{p.Place, b})
}

func (g *gatherer) End(l *keyspace.Large) {
	g.ended = append(g.ended, g.large[l.ID])
	delete(g.large, l.ID)
}

func (v *gathered) bytes() []byte {
	slices.SortStableFunc(v.list, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.place.Section, b.place.Section), cmp.Compare(a.place.Hi, b.place.Hi), cmp.Compare(a.place.Lo, b.place.Lo))
	})
	out := bytes.Clone(v.head)
	for _, p := range v.list {
		out = append(out, p.b...)
	}
	return out
}

// The parts of a large value in the order of their places are its encoding, as it
// was at the cut, although it changes or goes while they are sent.
func TestPartsAreTheValue(t *testing.T) {
	for _, change := range []bool{false, true} {
		w := newWorld(t)
		w.ks.Limits.SetEntries, w.ks.Limits.SetIntset, w.ks.Limits.HashEntries = 1<<20, 1<<20, 1<<20
		w.fill()
		w.db.SetString([]byte("string large"), bytes.Repeat([]byte("0123456789"), 50_000), -1)
		w.packs()
		w.ks.Limits = keyspace.DefaultLimits()
		hash := w.db.NewHash([]byte("hash table")).Hash()
		set := w.db.NewSet([]byte("set table"), []byte("x"), 5000).Set()
		for i := range 5000 {
			hash.Set(fmt.Appendf(nil, "field %d", i), fmt.Appendf(nil, "value %d", i))
			set.Add(fmt.Appendf(nil, "member %d", i))
		}
		g := &gatherer{t: t, large: map[uint64]*gathered{}}
		snap := w.ks.Cut(g)
		for round := 0; !snap.Pump(50); round++ {
			if change {
				w.change(round)
			}
		}
		check.Eq(t, len(g.large), 0)
		names := []string{}
		for _, v := range g.ended {
			names = append(names, v.key)
			check.True(t, tellBytes(t, v.typ, v.bytes()) == v.want, v.key+" is as it was at the cut")
		}
		slices.Sort(names)
		check.Eq(t, fmt.Sprint(names), "[hash hashtable hash pack hash table list quicklist set hashtable set pack set table stream large string large zset skiplist]")
		w.empty()
	}
}

// packs makes compact values that are too big for one piece.
func (w *world) packs() {
	s := w.db.NewSet([]byte("set pack"), []byte("x"), 1).Set()
	h := w.db.NewHash([]byte("hash pack")).Hash()
	for i := range 40 {
		m := append(bytes.Repeat([]byte{'a' + byte(i%26)}, 8000), fmt.Sprint(i)...)
		w.ks.Limits.SetValue, w.ks.Limits.HashValue = 1<<20, 1<<20
		s.Add(m)
		h.Set(m, []byte("x"))
	}
}

// change does something to every value.
func (w *world) change(round int) {
	n := fmt.Appendf(nil, "%d", round)
	do := func(key string, fn func(e keyspace.Entry)) {
		if e, ok := w.db.Write([]byte(key)); ok {
			fn(e)
		}
	}
	do("hash table", func(e keyspace.Entry) {
		h := e.Hash()
		h.Set(fmt.Appendf(nil, "field %d", round*7%5000), n)
		h.Delete(fmt.Appendf(nil, "field %d", round*11%5000))
		h.Set(n, n)
	})
	do("set table", func(e keyspace.Entry) {
		s := e.Set()
		s.Remove(fmt.Appendf(nil, "member %d", round*13%5000))
		s.Add(n)
	})
	do("zset skiplist", func(e keyspace.Entry) {
		z := e.ZSet()
		z.Add(fmt.Appendf(nil, "text %d", round*4+1), float64(round))
		z.RemoveRange(0, 1)
	})
	do("list quicklist", func(e keyspace.Entry) {
		l := e.List()
		l.PushHead(n)
		l.PushTail(n)
		l.Set(l.Len()/2, n)
		l.DeleteRange(l.Len()/3, 2)
	})
	do("stream large", func(e keyspace.Entry) {
		s := e.Stream()
		id, _ := s.LastID().Next()
		s.Append(id, [][]byte{n, n})
		if g, ok := s.Group([]byte("group")); ok {
			c := g.PendingFrom(keyspace.StreamID{})
			g.Ack(c.ID())
			g.SetLastID(id)
		}
	})
	if round == 3 {
		w.db.Unlink([]byte("hash pack"))
		w.db.SetString([]byte("set pack"), []byte("overwritten"), -1)
		w.db.Delete([]byte("list plain"))
	}
	if round == 20 {
		w.db.Unlink([]byte("stream large"))
		w.db.Unlink([]byte("hash table"))
	}
}
