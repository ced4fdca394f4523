package value_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// world is a keyspace and its arena.
type world struct {
	t     testing.TB
	arena *mem.Arena
	ks    *keyspace.Keyspace
	db    *keyspace.DB
}

func newWorld(t testing.TB) *world {
	arena, err := mem.New(mem.Config{Reserve: 1 << 32})
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, arena.Close()) })
	w := &world{t: t, arena: arena, ks: keyspace.New(keyspace.Config{Databases: 1, Arena: arena})}
	w.db = w.ks.DB(0)
	return w
}

// entry finds a key that must be there.
func (w *world) entry(key string) keyspace.Entry {
	w.t.Helper()
	e, ok := w.db.Peek([]byte(key))
	check.True(w.t, ok, key+" is there")
	return e
}

// empty deletes everything and sees to it that nothing stays in the arena.
func (w *world) empty() {
	w.t.Helper()
	w.ks.FlushAll(false)
	for w.ks.LazyFree() {
	}
	check.Eq(w.t, w.arena.Used(), 0)
}

// body is a value as a Writer writes it.
func body(e keyspace.Entry, compress bool) (t byte, b []byte) {
	_ = value.Visit(e, &rdb.Writer{Buf: &b, Compress: compress})
	return rdb.WrittenType(value.Type(e)), b
}

func (w *world) load(key string, t byte, b []byte, s rdb.Scrutiny) error {
	var d rdb.Decoder
	d.ResetBytes(b)
	return value.NewLoader(w.ks).Load(w.db, []byte(key), t, -1, &d, s)
}

// teller is a visitor that makes a text that is the same for the same value,
// whatever its encoding and the order of its elements.
type teller struct {
	kind  string
	lines []string
	list  bool // the order matters
}

func (v *teller) add(format string, args ...any) error {
	v.lines = append(v.lines, fmt.Sprintf(format, args...))
	return nil
}

func (v *teller) String() string {
	switch {
	case v.kind == "stream":
		return v.kind + "\n" + sortBlocks(v.lines, "group ", "consumer ")
	case !v.list:
		slices.Sort(v.lines)
	}
	return v.kind + "\n" + strings.Join(v.lines, "\n")
}

// sortBlocks joins lines whose order matters but for the order of blocks: one begins
// with a line that has the first prefix, and holds blocks of the other prefixes.
func sortBlocks(lines []string, prefixes ...string) string {
	if len(prefixes) == 0 {
		return strings.Join(lines, "\n")
	}
	begin := func(l string) bool { return strings.HasPrefix(l, prefixes[0]) }
	var blocks []string
	head := lines
	for i := slices.IndexFunc(lines, begin); i >= 0; {
		if len(blocks) == 0 {
			head = lines[:i]
		}
		end := slices.IndexFunc(lines[i+1:], begin)
		if end < 0 {
			end = len(lines) - i - 1
		}
		blocks = append(blocks, sortBlocks(lines[i:i+1+end], prefixes[1:]...))
		if i += 1 + end; i == len(lines) {
			break
		}
	}
	slices.Sort(blocks)
	return strings.Join(append(slices.Clone(head), blocks...), "\n")
}

func (v *teller) Begin(t byte, _ uint64) error {
	v.kind, _, _ = strings.Cut(rdb.TypeName(t), " ")
	v.list = v.kind == "list" || v.kind == "stream"
	return nil
}

func (v *teller) Element(b []byte) error           { return v.add("%q", b) }
func (v *teller) Pair(f, x []byte) error           { return v.add("%q: %q", f, x) }
func (v *teller) Member(m []byte, s float64) error { return v.add("%q scores %g", m, s) }
func (v *teller) End() error                       { return nil }

func (v *teller) Pack(b []byte) error {
	if ds.CheckIntset(b) == nil && ds.CheckListpack(b) != nil {
		for i := range ds.Intset(b).Len() {
			_ = v.add("%q", fmt.Sprint(ds.Intset(b).At(i)))
		}
		return nil
	}
	l := ds.Listpack(b)
	for off := l.First(); off >= 0; off = l.Next(off) {
		e := l.Get(off).Append(nil)
		switch v.kind {
		case "hash":
			off = l.Next(off)
			_ = v.Pair(e, l.Get(off).Append(nil))
		case "zset":
			off = l.Next(off)
			var score float64
			_, _ = fmt.Sscan(string(l.Get(off).Append(nil)), &score)
			_ = v.Member(e, score)
		default:
			_ = v.Element(e)
		}
	}
	return nil
}

func (v *teller) Node(n ds.StreamNode) error {
	for c := n.Begin(); c.Next(); {
		if c.Deleted {
			continue
		}
		line := c.ID.String()
		for range c.Fields {
			f, x := c.Field()
			line += fmt.Sprintf(" %q: %q", f.Append(nil), x.Append(nil))
		}
		_ = v.add("%s", line)
	}
	return nil
}

func (v *teller) Info(s *rdb.StreamInfo) error       { return v.add("info %+v", *s) }
func (v *teller) Pending(p *rdb.StreamPending) error { return v.add("pending %+v", *p) }
func (v *teller) Consumers(n uint64) error           { return v.add("%d consumers", n) }
func (v *teller) Owned(id ds.StreamID) error         { return v.add("owns %v", id) }

func (v *teller) Group(g *rdb.StreamGroup) error {
	return v.add("group %q last %v read %d pending %d", g.Name, g.Last, g.Read, g.Pending)
}

func (v *teller) Consumer(c *rdb.StreamConsumer) error {
	return v.add("consumer %q seen %d owns %d", c.Name, c.Seen, c.Owned)
}

func tellEntry(e keyspace.Entry) string {
	var v teller
	_ = value.Visit(e, &v)
	return v.String()
}

func tellBytes(t testing.TB, typ byte, b []byte) string {
	t.Helper()
	var d rdb.Decoder
	d.ResetBytes(b)
	var v teller
	check.NoErr(t, d.Visit(typ, &v, rdb.Everything))
	check.Eq(t, d.Offset(), int64(len(b)))
	return v.String()
}

// fill makes a key of every type and encoding; the names say which.
func (w *world) fill() {
	db := w.db
	long := strings.Repeat("long ", 100)
	texts := func(n int) (all [][]byte) {
		for i := range n {
			switch i % 4 {
			case 0:
				all = append(all, fmt.Appendf(nil, "%d", i*i*i-1000))
			case 1:
				all = append(all, fmt.Appendf(nil, "text %d", i))
			case 2:
				all = append(all, fmt.Appendf(nil, "\x00\xff%d", i))
			default:
				all = append(all, []byte(long[:i%len(long)]+fmt.Sprint(i)))
			}
		}
		return all
	}
	db.SetString([]byte("string int"), []byte("-12345"), -1)
	db.SetString([]byte("string embstr"), []byte("text"), -1)
	db.SetString([]byte("string raw"), []byte(long), -1)
	db.SetString([]byte("string empty"), nil, -1)
	for name, n := range map[string]int{"listpack": 5, "quicklist": 3000} {
		l := db.NewList([]byte("list " + name)).List()
		l.Push(true, texts(n)...)
	}
	l := db.NewList([]byte("list plain")).List()
	l.Push(true, []byte("first"), bytes.Repeat([]byte("large "), 20_000), []byte("last"))
	for name, n := range map[string]int{"listpack": 5, "hashtable": 1500} {
		s := db.NewSet([]byte("set "+name), []byte("x"), n).Set()
		h := db.NewHash([]byte("hash " + name)).Hash()
		all := texts(n)
		for i, m := range all {
			s.Add(m)
			h.Set(m, all[n-1-i])
			if i == 0 && n > 5 {
				h.Set([]byte("long"), []byte(long))
			}
		}
	}
	ints := db.NewSet([]byte("set intset"), []byte("1"), 1).Set()
	for i := range 300 {
		ints.Add(fmt.Appendf(nil, "%d", i*i*1000-5))
	}
	for name, n := range map[string]int{"listpack": 5, "skiplist": 1500} {
		z := db.NewZSet([]byte("zset "+name), n, 5).ZSet()
		for i, m := range texts(n) {
			z.Add(m, float64(i*7%100)+float64(i%3)/8)
		}
		z.Add([]byte("top"), 1/zero)
		z.Add([]byte("bottom"), -1/zero)
	}
	w.streams()
}

var zero = 0.0

func (w *world) streams() {
	w.db.NewStream([]byte("stream empty")).Stream().SetID(ds.StreamID{Ms: 7, Seq: 1})
	for name, n := range map[string]int{"small": 3, "large": 1200} {
		s := w.db.NewStream([]byte("stream " + name)).Stream()
		for i := range n {
			fields := [][]byte{[]byte("field"), fmt.Appendf(nil, "value %d", i)}
			if i%10 == 9 {
				fields = append(fields, []byte("other"), []byte("1"))
			}
			s.Append(ds.StreamID{Ms: uint64(1000 + i/3), Seq: uint64(i % 3)}, fields)
		}
		g, _ := s.CreateGroup([]byte("group"), ds.StreamID{Ms: 1001, Seq: 1}, 2)
		_, _ = s.CreateGroup([]byte("idle group"), ds.StreamID{}, keyspace.UnknownRead)
		a, _ := g.CreateConsumer([]byte("alice"), 5000)
		b, _ := g.CreateConsumer([]byte("bob"), 6000)
		_, _ = g.CreateConsumer([]byte("nobody"), 7000)
		for i := range n / 2 {
			to := a
			if i%3 == 0 {
				to = b
			}
			g.Assign(ds.StreamID{Ms: uint64(1000 + i/3), Seq: uint64(i % 3)}, to, int64(8000+i), uint64(1+i%4))
		}
	}
}

// keys are the names of all keys.
func (w *world) keys() (all []string) {
	w.db.Each(func(e keyspace.Entry) { all = append(all, string(e.Key())) })
	slices.Sort(all)
	return all
}

// What is written is loaded as the same value in the same encoding.
func TestRoundTrip(t *testing.T) {
	from, to := newWorld(t), newWorld(t)
	from.fill()
	for _, key := range from.keys() {
		for _, compress := range []bool{false, true} {
			t.Run(fmt.Sprint(key, " ", compress), func(t *testing.T) {
				e := from.entry(key)
				typ, b := body(e, compress)
				check.Eq(t, tellBytes(t, typ, b), tellEntry(e))
				check.NoErr(t, to.load(key, typ, b, rdb.Structure))
				got := to.entry(key)
				check.Eq(t, tellEntry(got), tellEntry(e))
				check.Eq(t, got.Encoding().String(), e.Encoding().String())
				check.Eq(t, got.ExpireAt(), -1)
				// Loaded once more, it replaces what is there.
				check.NoErr(t, to.load(key, typ, b, rdb.Packs))
				check.Eq(t, tellEntry(to.entry(key)), tellEntry(e))
				_, again := body(to.entry(key), compress)
				if e.Encoding() != keyspace.Hashtable {
					check.EqBytes(t, again, b) // all others have an order
				}
			})
		}
	}
	check.Eq(t, len(to.keys()), 17)
	from.empty()
	to.empty()
}

func TestLoadSetsTheExpiry(t *testing.T) {
	w := newWorld(t)
	w.fill()
	for _, key := range w.keys() {
		typ, b := body(w.entry(key), true)
		var d rdb.Decoder
		d.ResetBytes(b)
		check.NoErr(t, value.NewLoader(w.ks).Load(w.db, []byte("copy"), typ, 1<<40, &d, rdb.Structure))
		check.Eq(t, w.entry("copy").ExpireAt(), 1<<40)
		check.Eq(t, tellEntry(w.entry("copy")), tellEntry(w.entry(key)))
	}
	check.Eq(t, w.db.Volatile(), 1)
	w.empty()
}

// A value finds its encoding by the limits there are when it is loaded.
func TestLoadFollowsTheLimits(t *testing.T) {
	tests := []struct {
		key   string
		limit func(l *keyspace.Limits)
		want  string
	}{
		{"set intset", func(l *keyspace.Limits) { l.SetIntset, l.SetEntries = 10, 10 }, "hashtable"},
		{"set intset", func(l *keyspace.Limits) { l.SetIntset = 300 }, "intset"},
		{"set listpack", func(l *keyspace.Limits) { l.SetEntries = 4 }, "hashtable"},
		{"set listpack", func(l *keyspace.Limits) { l.SetValue = 4 }, "hashtable"}, // its file has members one by one
		{"set hashtable", func(l *keyspace.Limits) { l.SetEntries, l.SetValue = 2000, 1000 }, "listpack"},
		{"hash listpack", func(l *keyspace.Limits) { l.HashEntries = 4 }, "hashtable"},
		{"hash listpack", func(l *keyspace.Limits) { l.HashValue = 1 }, "listpack"}, // only the number is looked at
		{"hash hashtable", func(l *keyspace.Limits) { l.HashEntries, l.HashValue = 2000, 1000 }, "listpack"},
		{"zset listpack", func(l *keyspace.Limits) { l.ZSetEntries = 4 }, "skiplist"},
		{"zset listpack", func(l *keyspace.Limits) { l.ZSetValue = 1 }, "listpack"},
		{"zset skiplist", func(l *keyspace.Limits) { l.ZSetEntries, l.ZSetValue = 2000, 1000 }, "listpack"},
		{"list listpack", func(l *keyspace.Limits) { l.ListSize = 2 }, "quicklist"},
		{"list quicklist", func(l *keyspace.Limits) { l.ListSize = -5 }, "quicklist"}, // nodes stay as they lie
	}
	from, to := newWorld(t), newWorld(t)
	from.fill()
	for i, tt := range tests {
		to.ks.Limits = keyspace.DefaultLimits()
		tt.limit(&to.ks.Limits)
		key := fmt.Sprint(i)
		typ, b := body(from.entry(tt.key), true)
		check.NoErr(t, to.load(key, typ, b, rdb.Structure))
		check.Eq(t, fmt.Sprint(i, " ", tt.key, " ", to.entry(key).Encoding()), fmt.Sprint(i, " ", tt.key, " ", tt.want))
		check.Eq(t, tellEntry(to.entry(key)), tellEntry(from.entry(tt.key)))
	}
	to.empty()
}

// What is refused leaves no key and no memory behind.
func TestLoadRefuses(t *testing.T) {
	w := newWorld(t)
	tests := []struct {
		name string
		typ  byte
		body string
		text string
	}{
		{"set with a double", rdb.TypeSet, "\x03\x01a\x01b\x01a", "Duplicate set members detected"},
		{"intset with a double", rdb.TypeSet, "\x03\xc0\x01\xc0\x02\xc0\x01", "Duplicate set members detected"},
		{"hash with a double", rdb.TypeHash, "\x02\x01a\x01b\x01a\x01c", "Duplicate hash fields detected"},
		{"zset with a double", rdb.TypeZset, "\x02\x01a\x011\x01a\x012", "Duplicate zset fields detected"},
		{"hash that claims much", rdb.TypeHash, "\x81\x00\x00\x00\x00\x7f\xff\xff\xff\x01a\x01b", "Unexpected EOF"},
		{"set that claims much", rdb.TypeSet, "\x81\x00\x00\x00\x00\x7f\xff\xff\xff\x01a\x01b", "Unexpected EOF"},
		{"zset that claims much", rdb.TypeZset, "\x81\x00\x00\x00\x00\x7f\xff\xff\xff\x01a\x011", "Unexpected EOF"},
		{"list that is cut", rdb.TypeListQuicklist2, "\x02\x01\x05hello\x01\x05hel", "Unexpected EOF"},
		{"empty list", rdb.TypeListQuicklist2, "\x00", "Empty key"},
		{"pending twice", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x01" + "\x01g\x00\x00\x02" + pel + pel + "\x00", "pending twice"},
		{"pending of nobody", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x01" + "\x01g\x00\x00\x01" + pel + "\x00", "no consumer"},
		{"group twice", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x02" + "\x01g\x00\x00\x00\x00" + "\x01g\x00\x00\x00\x00", "twice"},
		{"stream that is cut", rdb.TypeStreamListpacks, "\x00\x00\x01\x01\x02" + "\x01g\x00\x00\x00\x00", "Unexpected EOF"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w.db.SetString([]byte("key"), []byte("old"), -1)
			check.ErrContains(t, w.load("key", tt.typ, []byte(tt.body), rdb.Structure), tt.text)
			check.Eq(t, w.db.Len(), 0)
			w.empty()
		})
	}
}

const pel = "\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x01" + "\x01\x02\x03\x04\x05\x06\x00\x00" + "\x01"

// A visitor that has enough ends the visit.
func TestVisitEndsWithTheFirstError(t *testing.T) {
	w := newWorld(t)
	w.fill()
	for _, key := range w.keys() {
		for after := range 4 {
			v := &tired{left: after}
			err := value.Visit(w.entry(key), v)
			if v.left >= 0 {
				check.NoErr(t, err) // it has fewer pieces
				continue
			}
			check.Eq(t, err, errTired)
			check.Eq(t, v.left, -1)
		}
	}
	w.empty()
}

// A zipmap is of a time with other limits: there the lengths count too.
func TestLoadZipmap(t *testing.T) {
	w := newWorld(t)
	zipmap := "\x02\x01a\x02\x00xy\x02bb\x01\x00z\xff"
	b := rdb.AppendRawString(nil, []byte(zipmap))
	check.NoErr(t, w.load("key", rdb.TypeHashZipmap, b, rdb.Structure))
	check.Eq(t, w.entry("key").Encoding(), keyspace.Listpack)
	check.Eq(t, tellEntry(w.entry("key")), "hash\n\"a\": \"xy\"\n\"bb\": \"z\"")
	w.ks.Limits.HashValue = 1
	check.NoErr(t, w.load("key", rdb.TypeHashZipmap, b, rdb.Structure))
	check.Eq(t, w.entry("key").Encoding(), keyspace.Hashtable)
	w.empty()
}

// TestLoadKeepsMinusZero: a score of minus zero stays one in a set that is a table in
// the end, wherever the member that makes it one comes, and becomes zero in a listpack,
// as ZADD makes it.
func TestLoadKeepsMinusZero(t *testing.T) {
	long := strings.Repeat("long", 100)
	minus := math.Copysign(0, -1)
	for _, tc := range []struct {
		name    string
		members []string
		enc     keyspace.Encoding
		minus   bool
	}{
		{"short ones", []string{"a", "b"}, keyspace.Listpack, false},
		{"a long one after it", []string{"a", long}, keyspace.Skiplist, true},
		{"a long one before it", []string{long, "a"}, keyspace.Skiplist, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			b := rdb.AppendLen(nil, uint64(len(tc.members)))
			for _, m := range tc.members {
				b = rdb.AppendString(b, []byte(m), false)
				b = binary.LittleEndian.AppendUint64(b, math.Float64bits(minus))
			}
			check.NoErr(t, w.load("key", rdb.TypeZset2, b, rdb.Everything))
			z := w.entry("key").ZSet()
			check.Eq(t, w.entry("key").Encoding(), tc.enc)
			score, ok := z.Score([]byte("a"))
			check.True(t, ok, "the member is there")
			check.Eq(t, math.Signbit(score), tc.minus)
			check.NoErr(t, z.Check())
			w.empty()
		})
	}
}
