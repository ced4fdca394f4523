package ds_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
)

func TestStreamID(t *testing.T) {
	const most = math.MaxUint64
	tests := []struct {
		id, next, prev ds.StreamID
		last, first    bool
		text           string
	}{
		{id: ds.StreamID{}, next: ds.StreamID{Seq: 1}, prev: ds.MaxStreamID(), first: true, text: "0-0"},
		{id: ds.StreamID{Ms: 1}, next: ds.StreamID{Ms: 1, Seq: 1}, prev: ds.StreamID{Seq: most}, text: "1-0"},
		{id: ds.StreamID{Ms: 5, Seq: most}, next: ds.StreamID{Ms: 6}, prev: ds.StreamID{Ms: 5, Seq: most - 1}, text: "5-18446744073709551615"},
		{id: ds.MaxStreamID(), next: ds.StreamID{}, prev: ds.StreamID{Ms: most, Seq: most - 1}, last: true, text: "18446744073709551615-18446744073709551615"},
	}
	for _, tt := range tests {
		t.Run(tt.text, func(t *testing.T) {
			next, ok := tt.id.Next()
			check.Eq(t, next, tt.next)
			check.Eq(t, ok, !tt.last)
			prev, ok := tt.id.Prev()
			check.Eq(t, prev, tt.prev)
			check.Eq(t, ok, !tt.first)
			check.Eq(t, tt.id.String(), tt.text)
			check.Eq(t, tt.id.IsZero(), tt.first)
		})
	}
	a, b := ds.StreamID{Ms: 1, Seq: 9}, ds.StreamID{Ms: 2, Seq: 3}
	check.Eq(t, []int{a.Compare(b), b.Compare(a), a.Compare(a)}, []int{-1, 1, 0})
}

// nodeEntry is what the model knows of an entry.
type nodeEntry struct {
	id    ds.StreamID
	pairs string
	gone  bool
}

// nodeModel is a node beside what it must hold. buf is the node and room behind it, as a block would be.
type nodeModel struct {
	buf     []byte
	size    int
	master  ds.StreamID
	entries []nodeEntry
}

func (m *nodeModel) node() ds.StreamNode {
	return ds.StreamNode{LP: ds.Listpack(m.buf[:m.size]), Master: m.master}
}

// room makes the buffer exactly as long as a change needs it, so that a byte too many is seen.
func (m *nodeModel) room(more int) {
	m.buf = append(make([]byte, 0, m.size+more), m.buf[:m.size]...)[:m.size+max(more, 0)]
}

func (m *nodeModel) add(id ds.StreamID, pairs [][]byte) {
	if m.buf == nil {
		m.master = id
		m.buf = make([]byte, ds.StreamNodeSize(pairs))
		m.size = ds.PutStreamNode(m.buf, pairs)
	} else {
		more := m.node().AppendSize(id, pairs)
		m.room(more)
		m.size = m.node().Append(m.buf, id, pairs)
	}
	m.entries = append(m.entries, nodeEntry{id: id, pairs: join(pairs)})
}

func (m *nodeModel) delete(i int) {
	c := m.node().Begin()
	for range i + 1 {
		c.Next()
	}
	c.MarkDeleted()
	m.entries[i].gone = true
	live, deleted := m.node().Counts()
	m.room(m.node().CountsSize(live-1, deleted+1))
	m.size = m.node().SetCounts(m.buf, live-1, deleted+1)
}

func join(pairs [][]byte) string {
	var b strings.Builder
	for _, p := range pairs {
		fmt.Fprintf(&b, "%q ", p)
	}
	return b.String()
}

func entryOf(c *ds.StreamCursor) nodeEntry {
	var pairs [][]byte
	for range c.Fields {
		name, value := c.Field()
		pairs = append(pairs, name.Append(nil), value.Append(nil))
	}
	return nodeEntry{c.ID, join(pairs), c.Deleted}
}

// agree compares the node with the model, in both directions.
func (m *nodeModel) agree(t testing.TB) {
	t.Helper()
	check.Eq(t, m.size, len(m.buf))
	n := m.node()
	info, err := ds.InspectStreamNode(m.master, n.LP)
	check.NoErr(t, err)
	live, deleted := n.Counts()
	check.Eq(t, [2]int{info.Live, info.Deleted}, [2]int{live, deleted})
	c := n.Begin()
	for i, want := range m.entries {
		check.True(t, c.Next(), "there is a next entry")
		if i%3 > 0 { // of some entries the fields are not read
			check.Eq(t, entryOf(&c), want)
		}
	}
	check.Eq(t, c.Next(), false)
	c = n.End()
	for i := len(m.entries) - 1; i >= 0; i-- {
		check.True(t, c.Prev(), "there is an entry before")
		if i%2 > 0 {
			check.Eq(t, entryOf(&c), m.entries[i])
		}
	}
	check.Eq(t, c.Prev(), false)
}

var nodeTexts = []string{"", "a", "field", "123", "-1", "127", "128", "4095", "70000", "-9223372036854775808", "007", strings.Repeat("x", 63),
	strings.Repeat("y", 64), strings.Repeat("z", 130), strings.Repeat("w", 5000)}

func randomPairs(rnd *rand.Rand) [][]byte {
	var pairs [][]byte
	for range 1 + rnd.IntN(3) {
		pairs = append(pairs, []byte("f"+nodeTexts[rnd.IntN(3)]), []byte(nodeTexts[rnd.IntN(len(nodeTexts))]))
	}
	return pairs
}

func TestStreamNodeAgreesWithModel(t *testing.T) {
	rnd := rand.New(rand.NewPCG(7, 1))
	for range 30 {
		var m nodeModel
		id := ds.StreamID{Ms: rnd.Uint64() >> rnd.IntN(64), Seq: rnd.Uint64()}
		for range 1 + rnd.IntN(300) {
			if rnd.IntN(3) > 0 || len(m.entries) == 0 {
				m.add(id, randomPairs(rnd))
				for range 1 + rnd.IntN(3) {
					id, _ = id.Next()
				}
				if rnd.IntN(20) == 0 {
					id = ds.StreamID{Ms: id.Ms + rnd.Uint64()>>40, Seq: rnd.Uint64()}
				}
			} else if i := rnd.IntN(len(m.entries)); !m.entries[i].gone {
				m.delete(i)
			}
		}
		m.agree(t)
	}
}

// TestStreamEntryBound is that the quick bound holds for the entries that are largest for their texts.
func TestStreamEntryBound(t *testing.T) {
	rnd := rand.New(rand.NewPCG(8, 1))
	for range 2000 {
		var m nodeModel
		m.add(ds.StreamID{}, randomPairs(rnd))
		pairs := randomPairs(rnd)
		size := m.node().AppendSize(ds.MaxStreamID(), pairs)
		check.True(t, size <= ds.StreamEntryBound(pairs), "the bound holds")
	}
}

func lpOf(vals ...string) []byte {
	var args [][]byte
	for _, v := range vals {
		args = append(args, []byte(v))
	}
	return ds.AppendLP(nil, args...)
}

func TestInspectStreamNode(t *testing.T) {
	tests := []struct {
		name string
		blob []byte
		err  string // "" for a good node
	}{
		{"one entry", lpOf("1", "0", "1", "f", "0", "2", "0", "0", "v", "4"), ""},
		{"own fields", lpOf("1", "0", "1", "f", "0", "0", "0", "0", "1", "g", "v", "6"), ""},
		{"one live and one deleted", lpOf("1", "1", "1", "f", "0", "3", "0", "0", "v", "4", "2", "0", "1", "v", "4"), ""},
		{"a deleted id may be out of order", lpOf("1", "1", "1", "f", "0", "3", "9", "0", "v", "4", "2", "0", "1", "v", "4"), ""},
		{"nothing", lpOf(), "no count"},
		{"only a count", lpOf("1"), "no deleted"},
		{"count is text", lpOf("x", "0", "1", "f", "0"), "count is no number"},
		{"fields missing", lpOf("1", "0", "9", "f", "0"), "elements too few"},
		{"negative fields", lpOf("1", "0", "-1", "0"), "-1 fields"},
		{"many fields", lpOf("1", "0", "9223372036854775807", "f", "0"), "elements too few"},
		{"no end of the master entry", lpOf("1", "0", "1", "f", "7"), "ends in 7"},
		{"too few entries", lpOf("2", "0", "1", "f", "0", "2", "0", "0", "v", "4"), "counts say"},
		{"a deleted one too many", lpOf("0", "1", "1", "f", "0", "2", "0", "0", "v", "4"), "counts say"},
		{"unknown flag", lpOf("1", "0", "1", "f", "0", "6", "0", "0", "v", "4"), "flags in code 0x6"},
		{"flags are text", lpOf("1", "0", "1", "f", "0", "x", "0", "0", "v", "4"), "flags in code"},
		{"count of elements", lpOf("1", "0", "1", "f", "0", "2", "0", "0", "v", "5"), "an entry of 4 elements says 5"},
		{"value missing", lpOf("1", "0", "1", "f", "0", "2", "0", "0"), "elements too few"},
		{"count of own fields", lpOf("1", "0", "1", "f", "0", "0", "0", "0", "5000000000000000000", "v"), "elements too few"},
		{"ids descend", lpOf("2", "0", "1", "f", "0", "2", "0", "1", "v", "4", "2", "0", "0", "v", "4"), "out of order"},
		{"id twice", lpOf("2", "0", "1", "f", "0", "2", "0", "1", "v", "4", "2", "0", "1", "v", "4"), "out of order"},
		{"id before the master id", lpOf("1", "0", "1", "f", "0", "2", "-1", "0", "v", "4"), "out of order"},
		{"no listpack", []byte("123456789"), "bad listpack"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ds.InspectStreamNode(ds.StreamID{Ms: 5, Seq: 5}, tt.blob)
			if tt.err == "" {
				check.NoErr(t, err)
			} else {
				check.ErrContains(t, err, tt.err)
			}
		})
	}
}

// elements makes a listpack in which each byte is an element: it brings the fuzzer past the form of listpacks.
func elements(b []byte) []byte {
	var l ds.LPBuilder
	for _, c := range b {
		if c >= 0xf0 {
			l.Add([]byte(nodeTexts[c&7]))
		} else {
			l.AddInt(int64(int8(c)))
		}
	}
	return l.Blob()
}

// FuzzCheckStreamNode: what passes can be walked in both directions with the same outcome, be deleted from and appended
// to, and passes afterwards.
func FuzzCheckStreamNode(f *testing.F) {
	f.Add(lpOf("1", "0", "1", "f", "0", "2", "0", "0", "v", "4"), true)
	f.Add(lpOf("1", "1", "1", "f", "0", "3", "0", "0", "v", "4", "0", "0", "1", "2", "f", "v", "g", "w", "8"), true)
	f.Add(lpOf("0", "0", "0", "0"), true)
	f.Add([]byte{1, 0, 1, 0xf2, 0, 2, 0, 0, 0xf1, 4}, false)
	f.Add([]byte{1, 1, 2, 0xf2, 9, 0, 2, 0, 0, 0xf1, 7, 5, 1, 5, 0xff, 1, 0xf4, 0xf5, 6}, false)
	f.Fuzz(func(t *testing.T, b []byte, raw bool) {
		if !raw {
			b = elements(b)
		}
		if ds.CheckStreamNode(b) != nil {
			return
		}
		m := nodeModel{buf: append([]byte(nil), b...), size: len(b)}
		c := m.node().Begin()
		for c.Next() {
			m.entries = append(m.entries, entryOf(&c))
		}
		c = m.node().End()
		for i := len(m.entries) - 1; i >= 0; i-- {
			check.True(t, c.Prev(), "there is an entry before")
			check.Eq(t, entryOf(&c), m.entries[i])
		}
		check.Eq(t, c.Prev(), false)
		for i := range m.entries {
			if !m.entries[i].gone {
				m.delete(i)
			}
		}
		check.NoErr(t, ds.CheckStreamNode(m.buf[:m.size]))
		m.add(ds.MaxStreamID(), [][]byte{[]byte("f"), []byte("1")})
		check.NoErr(t, ds.CheckStreamNode(m.buf[:m.size]))
	})
}
