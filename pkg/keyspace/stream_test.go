package keyspace_test

import (
	"cmp"
	"fmt"
	"maps"
	"math/rand/v2"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
)

// streamEntry is what the model knows of an entry.
type streamEntry struct {
	id    keyspace.StreamID
	pairs string
}

type pendingModel struct {
	consumer string
	time     int64
	count    uint64
}

type groupModel struct {
	last      keyspace.StreamID
	pending   map[keyspace.StreamID]pendingModel
	consumers map[string][2]int64 // seen, active
}

// streamWorld is a stream beside the model it must agree with.
type streamWorld struct {
	t     testing.TB
	rnd   *rand.Rand
	arena *mem.Arena
	ks    *keyspace.Keyspace
	db    *keyspace.DB
	s     keyspace.StreamValue

	entries    []streamEntry
	last       keyspace.StreamID
	maxDeleted keyspace.StreamID
	added      uint64
	groups     map[string]*groupModel
	now        int64
}

var streamKey = []byte("stream")

func newStreamWorld(t testing.TB, seed uint64) *streamWorld {
	w := &streamWorld{t: t, rnd: rand.New(rand.NewPCG(seed, 3)), arena: newArena(t), groups: map[string]*groupModel{}, now: 1000}
	w.ks = keyspace.New(keyspace.Config{Databases: 2, Arena: w.arena})
	w.db = w.ks.DB(0)
	w.ks.Limits = keyspace.DefaultLimits()
	w.s = w.db.NewStream(streamKey).Stream()
	return w
}

func (w *streamWorld) pairs() [][]byte {
	texts := []string{"", "v", "123", "-70000", strings.Repeat("x", 70), strings.Repeat("y", 300), "9223372036854775807"}
	pairs := [][]byte{[]byte("field"), []byte(texts[w.rnd.IntN(len(texts))])}
	for w.rnd.IntN(4) == 0 {
		pairs = append(pairs, []byte(texts[w.rnd.IntN(3)]), []byte(texts[w.rnd.IntN(len(texts))]))
	}
	if w.rnd.IntN(500) == 0 {
		pairs[1] = []byte(strings.Repeat("z", 20_000))
	}
	return pairs
}

func textOfPairs(pairs [][]byte) string {
	var b strings.Builder
	for _, p := range pairs {
		b.WriteString(strconv.Quote(string(p)))
	}
	return b.String()
}

// some is an id near those that are there.
func (w *streamWorld) some() keyspace.StreamID {
	if len(w.entries) == 0 || w.rnd.IntN(10) == 0 {
		return keyspace.StreamID{Ms: w.rnd.Uint64N(w.last.Ms + 2), Seq: w.rnd.Uint64N(3)}
	}
	id := w.entries[w.rnd.IntN(len(w.entries))].id
	switch w.rnd.IntN(6) {
	case 0:
		id, _ = id.Next()
	case 1:
		id, _ = id.Prev()
	}
	return id
}

func (w *streamWorld) append() {
	id := w.last
	switch w.rnd.IntN(8) {
	case 0:
		id.Ms += 1 + w.rnd.Uint64N(1000)
		id.Seq = w.rnd.Uint64N(3)
	case 1:
		id.Ms, id.Seq = id.Ms+1, w.rnd.Uint64() // the differences of what follows wrap
	}
	id, _ = id.Next()
	pairs := w.pairs()
	w.s.Append(id, pairs)
	w.entries = append(w.entries, streamEntry{id, textOfPairs(pairs)})
	w.last = id
	w.added++
}

func (w *streamWorld) delete() {
	id := w.some()
	i, found := w.find(id)
	check.Eq(w.t, w.s.Has(id), found)
	check.Eq(w.t, w.s.Delete(id), found)
	if found {
		w.entries = slices.Delete(w.entries, i, i+1)
		if w.maxDeleted.Less(id) {
			w.maxDeleted = id
		}
	}
}

func (w *streamWorld) find(id keyspace.StreamID) (int, bool) {
	return slices.BinarySearchFunc(w.entries, id, func(e streamEntry, id keyspace.StreamID) int { return e.id.Compare(id) })
}

func (w *streamWorld) trim() {
	o := keyspace.StreamTrim{ByID: w.rnd.IntN(2) == 0, Approx: w.rnd.IntN(3) == 0, MinID: w.some()}
	o.MaxLen = uint64(max(0, len(w.entries)-w.rnd.IntN(150)))
	want := max(0, len(w.entries)-int(o.MaxLen))
	if o.ByID {
		want, _ = w.find(o.MinID)
		if want > 300 && w.rnd.IntN(20) > 0 {
			return // streams that stay short are less of a test
		}
	}
	if o.Approx {
		o.Limit = uint64(w.rnd.IntN(300))
	}
	got := int(w.s.Trim(o))
	if o.Approx {
		check.True(w.t, got <= want && (o.Limit == 0 || got <= int(o.Limit)), "not more than what may go")
	} else {
		check.Eq(w.t, got, want)
	}
	w.entries = slices.Delete(w.entries, 0, got)
}

// setID moves the last id, back to the last entry at most, so that deleted entries may be behind it.
func (w *streamWorld) setID() {
	id := keyspace.StreamID{}
	if len(w.entries) > 0 {
		id = w.entries[len(w.entries)-1].id
	}
	id.Ms += w.rnd.Uint64N(3)
	w.s.SetID(id)
	w.last = id
}

func (w *streamWorld) rangeOf() {
	start, end := w.some(), w.some()
	from, _ := w.find(start)
	to, found := w.find(end)
	if found {
		to++
	}
	want := w.entries[from:max(from, to)]
	r := w.s.Range(start, end, false)
	for i := range min(len(want), 200) {
		check.True(w.t, r.Next(), "there is a next entry")
		w.same(&r, want[i])
	}
	if len(want) <= 200 {
		check.Eq(w.t, r.Next(), false)
	}
	r = w.s.Range(start, end, true)
	for i := range min(len(want), 200) {
		check.True(w.t, r.Next(), "there is an entry before")
		w.same(&r, want[len(want)-1-i])
	}
	if len(want) <= 200 {
		check.Eq(w.t, r.Next(), false)
	}
}

func (w *streamWorld) same(r *keyspace.StreamRange, want streamEntry) {
	w.t.Helper()
	check.Eq(w.t, r.ID(), want.id)
	if w.rnd.IntN(2) == 0 {
		return // what is not read must not be in the way
	}
	var pairs [][]byte
	for range r.Fields() {
		name, value := r.Field()
		pairs = append(pairs, name.Append(nil), value.Append(nil))
	}
	check.Eq(w.t, textOfPairs(pairs), want.pairs)
}

var groupNames = []string{"", "a", "b", "group", "group2"}

func (w *streamWorld) group() {
	name := groupNames[w.rnd.IntN(len(groupNames))]
	m := w.groups[name]
	g, found := w.s.Group([]byte(name))
	check.Eq(w.t, found, m != nil)
	switch {
	case m == nil:
		id := w.some()
		g, created := w.s.CreateGroup([]byte(name), id, -1)
		check.True(w.t, created, "the group is new")
		check.Eq(w.t, string(g.Name()), name)
		w.groups[name] = &groupModel{id, map[keyspace.StreamID]pendingModel{}, map[string][2]int64{}}
	case w.rnd.IntN(300) == 0:
		check.Eq(w.t, w.s.DestroyGroup([]byte(name)), true)
		check.Eq(w.t, w.s.DestroyGroup([]byte(name)), false)
		delete(w.groups, name)
	default:
		w.inGroup(g, m)
	}
}

func (w *streamWorld) inGroup(g keyspace.Group, m *groupModel) {
	w.now++
	name := "consumer" + strconv.Itoa(w.rnd.IntN(12))
	id := w.some()
	p, pending := m.pending[id]
	switch w.rnd.IntN(10) {
	case 0, 1, 2, 3:
		c, created := g.CreateConsumer([]byte(name), w.now)
		if _, there := m.consumers[name]; !there {
			check.True(w.t, created, "the consumer is new")
			m.consumers[name] = [2]int64{w.now, -1}
		}
		c.SetActive(w.now)
		m.consumers[name] = [2]int64{m.consumers[name][0], w.now}
		g.Assign(id, c, w.now, p.count+1)
		m.pending[id] = pendingModel{name, w.now, p.count + 1}
	case 4, 5:
		check.Eq(w.t, g.Ack(id), pending)
		delete(m.pending, id)
	case 6:
		if pending {
			h, ok := g.Pending(id)
			check.True(w.t, ok && string(h.Consumer().Name()) == p.consumer, "it is the consumer's")
			g.Redelivered(id, h, w.now)
			m.pending[id] = pendingModel{p.consumer, w.now, p.count + 1}
		}
	case 7:
		moved := w.s.Advance(g, id)
		check.Eq(w.t, moved, m.last.Less(id))
		if moved {
			m.last = id
		}
	case 8:
		if w.rnd.IntN(10) > 0 {
			return
		}
		want := 0
		for id, p := range m.pending {
			if p.consumer == name {
				want++
				delete(m.pending, id)
			}
		}
		_, there := m.consumers[name]
		n, found := g.DeleteConsumer([]byte(name))
		check.Eq(w.t, n, want)
		check.Eq(w.t, found, there)
		delete(m.consumers, name)
	case 9:
		g.SetLastID(id)
		m.last = id
	}
}

// agree compares all of it.
func (w *streamWorld) agree(s keyspace.StreamValue) {
	w.t.Helper()
	check.NoErr(w.t, s.Check())
	check.Eq(w.t, s.Len(), uint64(len(w.entries)))
	check.Eq(w.t, s.LastID(), w.last)
	check.Eq(w.t, s.MaxDeletedID(), w.maxDeleted)
	check.Eq(w.t, s.Added(), w.added)
	first := keyspace.StreamID{}
	if len(w.entries) > 0 {
		first = w.entries[0].id
	}
	check.Eq(w.t, s.FirstID(), first)
	r := s.Range(keyspace.StreamID{}, ds.MaxStreamID(), false)
	for i := range w.entries {
		check.True(w.t, r.Next(), "there is a next entry")
		w.same(&r, w.entries[i])
	}
	check.Eq(w.t, r.Next(), false)
	check.Eq(w.t, s.Groups(), len(w.groups))
	names := slices.Sorted(maps.Keys(w.groups))
	s.EachGroup(func(g keyspace.Group) bool {
		check.Eq(w.t, string(g.Name()), names[0])
		w.agreeGroup(g, w.groups[names[0]])
		names = names[1:]
		return true
	})
}

func (w *streamWorld) agreeGroup(g keyspace.Group, m *groupModel) {
	w.t.Helper()
	check.Eq(w.t, g.LastID(), m.last)
	check.Eq(w.t, g.PendingLen(), len(m.pending))
	check.Eq(w.t, g.Consumers(), len(m.consumers))
	names := slices.Sorted(maps.Keys(m.consumers))
	g.EachConsumer(func(c keyspace.Consumer) bool {
		check.Eq(w.t, string(c.Name()), names[0])
		check.Eq(w.t, [2]int64{c.Seen(), c.Active()}, m.consumers[names[0]])
		names = names[1:]
		for p := c.PendingFrom(keyspace.StreamID{}); p.Valid(); p.Next() {
			check.Eq(w.t, m.pending[p.ID()].consumer, string(c.Name()))
		}
		return true
	})
	ids := slices.SortedFunc(maps.Keys(m.pending), keyspace.StreamID.Compare)
	for p := g.PendingFrom(keyspace.StreamID{}); p.Valid(); p.Next() {
		want := m.pending[ids[0]]
		check.Eq(w.t, p.ID(), ids[0])
		check.Eq(w.t, pendingModel{string(p.Pending().Consumer().Name()), p.Pending().Time(), p.Pending().Count()}, want)
		ids = ids[1:]
	}
}

// measured looks that the bytes of the values are all that the arena counts, but for the tables.
func (w *streamWorld) measured() {
	w.t.Helper()
	const slot = 8
	sum := 0
	for i := range w.ks.Databases() {
		main, expires := w.ks.DB(i).TableBytes()
		sum += int(main + expires)
		w.ks.DB(i).Each(func(e keyspace.Entry) { sum += e.MemUsage() - slot })
	}
	check.Eq(w.t, int(w.arena.Used()), sum)
}

// copied looks that a copy is equal, that it is whole when the original is gone, and that what was loaded from the parts
// of one is equal too.
func (w *streamWorld) copied() {
	w.t.Helper()
	copyKey, loadKey := []byte("copy"), []byte("loaded")
	check.True(w.t, w.db.Copy(streamKey, w.ks.DB(1), copyKey), "there is something to copy")
	e, _ := w.ks.DB(1).Peek(copyKey)
	w.agree(e.Stream())
	loaded := w.ks.DB(1).NewStream(loadKey).Stream()
	check.NoErr(w.t, reload(e.Stream(), loaded))
	w.agree(loaded)
	w.measured()
	w.ks.DB(1).Delete(copyKey)
	w.ks.DB(1).Delete(loadKey)
	w.measured()
}

// reload builds a stream from the parts of another one, as an RDB file would.
func reload(from, to keyspace.StreamValue) (err error) {
	keep := func(e error) bool {
		err = cmp.Or(err, e)
		return err == nil
	}
	from.EachNode(func(master keyspace.StreamID, lp []byte) bool { return keep(to.LoadNode(master, lp)) })
	keep(to.LoadFigures(keyspace.StreamFigures{Length: from.Len(), Last: from.LastID(), MaxDeleted: from.MaxDeletedID(), Added: from.Added()}))
	from.EachGroup(func(g keyspace.Group) bool {
		d, e := to.LoadGroup(g.Name(), g.LastID(), g.EntriesRead())
		keep(e)
		for p := g.PendingFrom(keyspace.StreamID{}); p.Valid(); p.Next() {
			keep(d.LoadPending(p.ID(), p.Pending().Time(), p.Pending().Count()))
		}
		g.EachConsumer(func(c keyspace.Consumer) bool {
			dc, e := d.LoadConsumer(c.Name(), c.Seen(), c.Active())
			keep(e)
			for p := c.PendingFrom(keyspace.StreamID{}); p.Valid(); p.Next() {
				keep(d.LoadOwner(dc, p.ID()))
			}
			return true
		})
		return keep(d.LoadEnd())
	})
	return err
}

func (w *streamWorld) step() {
	switch n := w.rnd.IntN(100); {
	case n < 40:
		w.append()
	case n < 58:
		w.delete()
	case n < 60:
		w.trim()
	case n < 61:
		w.setID()
	case n < 66:
		w.rangeOf()
	default:
		w.group()
	}
}

func TestStreamAgreesWithModel(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for seed := range uint64(4) {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			w := newStreamWorld(t, seed)
			w.ks.Limits.StreamNodeBytes = []int{4096, 300, 0, 20_000}[seed]
			w.ks.Limits.StreamNodeEntries = []int{100, 5, 300, 0}[seed]
			for i := range 25_000 {
				w.step()
				if i%500 == 0 {
					check.NoErr(t, w.s.Check())
				}
				if i%5000 == 4999 {
					w.agree(w.s)
					w.measured()
					w.copied()
				}
			}
			w.finish()
		})
	}
}

// finish deletes the stream, at once or in slices, and looks that nothing is left.
func (w *streamWorld) finish() {
	w.ks.FlushAll(w.rnd.IntN(2) == 0)
	for w.ks.LazyFree() {
	}
	check.NoErr(w.t, w.arena.CheckLeaks())
}

// TestStreamNodeLimits is that nodes are cut where Redis cuts them: by bytes before the entry, and by entries.
func TestStreamNodeLimits(t *testing.T) {
	tests := []struct {
		name           string
		bytes, entries int
		value          int // bytes of a value
		want           int // nodes for 1000 entries
	}{
		{"by entries", 4096, 100, 3, 10},
		{"by bytes", 4096, 100, 100, 28},
		{"no limit of entries", 4096, 0, 3, 4},
		{"no limit of bytes", 0, 100, 1000, 10},
		{"no limit", 0, 0, 100, 1},
		{"an entry is larger than a node", 64, 100, 100, 1000},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := newStreamWorld(t, 1)
			w.ks.Limits.StreamNodeBytes, w.ks.Limits.StreamNodeEntries = tt.bytes, tt.entries
			for i := range 1000 {
				w.s.Append(keyspace.StreamID{Ms: uint64(i + 1)}, [][]byte{[]byte("f"), []byte(strings.Repeat("x", tt.value))})
			}
			check.Eq(t, w.s.Nodes(), tt.want)
			check.NoErr(t, w.s.Check())
			w.finish()
		})
	}
}

// TestStreamIsFreedInSlices is that a slice frees about what it is told to.
func TestStreamIsFreedInSlices(t *testing.T) {
	w := newStreamWorld(t, 1)
	for range 20_000 {
		w.append()
	}
	g, _ := w.s.CreateGroup([]byte("g"), keyspace.StreamID{}, 0)
	for i := range 20_000 {
		c, _ := g.CreateConsumer([]byte(strconv.Itoa(i%3000)), 1)
		g.Assign(w.entries[i].id, c, 1, 1)
	}
	check.NoErr(t, w.s.Check())
	w.measured()
	check.Eq(t, w.ks.FlushAll(true), 1)
	slices := 0
	for w.ks.LazyFree() {
		slices++
	}
	check.True(t, slices > 5, "it took several slices")
	check.NoErr(t, w.arena.CheckLeaks())
}
