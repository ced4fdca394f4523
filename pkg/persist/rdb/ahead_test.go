package rdb_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/pkg/ds"
	"redisd/pkg/persist/rdb"
)

// Whatever the bytes and whatever the handler: LoadAhead tells the handler what Load
// tells it, and returns what Load returns.

// witness is a handler that writes everything down, and refuses call number refuse.
type witness struct {
	teller
	calls, refuse int
	skip          int // every so many values are skipped, 0 = none
	level         rdb.Scrutiny
}

func (w *witness) say(format string, args ...any) error {
	if w.calls++; w.calls == w.refuse {
		return fmt.Errorf("no to call %d", w.calls)
	}
	return w.add(format, args...)
}

func (w *witness) Aux(k, v []byte) error          { return w.say("aux %q=%q", k, v) }
func (w *witness) SelectDB(n int) error           { return w.say("db %d", n) }
func (w *witness) ResizeDB(keys, ex uint64) error { return w.say("resize %d %d", keys, ex) }
func (w *witness) FunctionLib(code []byte) error  { return w.say("library %q", code) }
func (w *witness) ModuleAux(name string) error    { return w.say("module %s", name) }
func (w *witness) Record(r *rdb.Record) error     { return w.say("%s", line(r)) }

func (w *witness) Value(r *rdb.Record, src rdb.Source) error {
	if err := w.say("%s type %d", line(r), r.Type); err != nil {
		return err
	}
	if w.skip > 0 && w.calls%w.skip == 0 {
		return src.SkipValue(r.Type)
	}
	err := src.Visit(r.Type, piecewise{w, src}, w.level)
	if err := w.say("%s: %v", r.Key, err); err != nil {
		return err
	}
	if errors.Is(err, rdb.ErrEmptyKey) {
		return nil
	}
	return err
}

// piecewise is the visitor of a witness.
type piecewise struct {
	*witness
	src rdb.Source
}

func (p piecewise) Begin(t byte, n uint64) error {
	if err := p.say("begin, at most %d", p.src.AtMost(1<<40)); err != nil {
		return err
	}
	return p.teller.Begin(t, n)
}

func (p piecewise) Element(b []byte) error {
	if err := p.say("element"); err != nil {
		return err
	}
	return p.teller.Element(b)
}

func (p piecewise) Pair(f, v []byte) error {
	if err := p.say("pair"); err != nil {
		return rdb.Corrupt("a pair")
	}
	return p.teller.Pair(f, v)
}

func (p piecewise) Node(n ds.StreamNode) error {
	if err := p.say("node %+v", *n.Info); err != nil {
		return err
	}
	return p.teller.Node(n)
}

func (p piecewise) End() error {
	if err := p.say("end"); err != nil {
		return err
	}
	return p.teller.End()
}

// bare are the calls of a handler that takes strings only.
type bare struct{ rdb.Handler }

// seen is all that can be told of a load.
func seen(w *witness, res rdb.Result, err error) string {
	out := fmt.Sprintf("%s\n%+v\n%v", &w.s, res, err)
	var e *rdb.Error
	if errors.As(err, &e) {
		out += fmt.Sprintf("\noffset %d, key %q, type %d, of %v %v %v %v", e.Offset, e.Key, e.Type, errors.Is(e, rdb.ErrShortRead),
			errors.Is(e, rdb.ErrCorrupt), errors.Is(e, rdb.ErrUnsupported), errors.Is(e, rdb.ErrChecksum))
	}
	return out
}

// alike loads b both ways; make makes the handler around a witness. It returns the error.
func alike(t testing.TB, b []byte, opts rdb.Options, w witness, make func(*witness) rdb.Handler) error {
	t.Helper()
	if make == nil {
		make = func(w *witness) rdb.Handler { return w }
	}
	one, two := w, w
	res, err := rdb.Load(bytes.NewReader(b), opts, make(&one))
	want := seen(&one, res, err)
	res, err = rdb.LoadAhead(bytes.NewReader(b), opts, make(&two))
	got := seen(&two, res, err)
	if got != want {
		i := 0
		for i < min(len(got), len(want)) && got[i] == want[i] {
			i++
		}
		t.Fatalf("differ at %d\nahead: ...%s\nLoad:  ...%s", i, clip(got[max(0, i-100):]), clip(want[max(0, i-100):]))
	}
	return err
}

func clip(s string) string { return s[:min(len(s), 500)] }

// many is a file that fills many batches: values of all forms and strings, under
// different keys.
func many(rounds int) []byte {
	var bodies [][]byte
	for _, name := range []string{"list-linked", "zset-v1", "hash-zipmap", "list-ziplist", "zset-ziplist", "hash-ziplist", "quicklist", "stream"} {
		bodies = append(bodies, legacyFiles()[name])
	}
	b := rdb.AppendAux(rdb.AppendHeader(nil), "redis-ver", "7.2.4")
	copy(b, "REDIS0011")
	b = rdb.AppendResizeDB(rdb.AppendSelectDB(b, 0), 1000, 2)
	for i := range rounds {
		for j, f := range bodies {
			typ, body := alone(f)
			b = append(b, typ)
			b = rdb.AppendRawString(b, fmt.Appendf(nil, "key %d of kind %d", i, j))
			b = append(b, body...)
		}
		for _, items := range []string{newerItems()["stream-v3"], newerItems()["set-listpack"]} {
			b = append(b, items...)
		}
		b = append(b, "\x02\x05empty\x00"...)
		for _, r := range sampleRecords() {
			r.Key = fmt.Appendf(nil, "%s %d", r.Key, i)
			b = rdb.AppendRecord(b, &r, true)
		}
		if i%7 == 0 {
			b = rdb.AppendSelectDB(b, i%9)
		}
	}
	return rdb.AppendEOF(b, crc64.Update(0, b))
}

func TestAheadIsLoad(t *testing.T) {
	files := legacyFiles()
	for name, items := range newerItems() {
		files[name] = file(11, items)
	}
	files["sample"], files["many"] = sample(), many(60)
	files["functions"] = file(10, "\xf5\x05#!lua")
	files["module data"] = file(10, moduleAux)
	for name, b := range files {
		t.Run(name, func(t *testing.T) {
			for _, level := range []rdb.Scrutiny{rdb.Structure, rdb.Packs, rdb.Everything} {
				for _, opts := range []rdb.Options{{}, {Checksum: true, Size: int64(len(b))}, {IgnoreFunctions: true, IgnoreModuleAux: true}} {
					opts.Scrutiny = level
					_ = alike(t, b, opts, witness{level: level}, nil)
					_ = alike(t, b, opts, witness{level: level, skip: 3}, nil)
					_ = alike(t, b, opts, witness{}, func(w *witness) rdb.Handler { return bare{w} })
				}
			}
		})
	}
}

// TestAheadOfDamage cuts files off and changes bytes in them, everywhere or by chance.
func TestAheadOfDamage(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	small, large := many(1), many(60)
	for i := range small {
		if testing.Short() && i%9 != 0 {
			continue
		}
		check.True(t, alike(t, small[:i], rdb.Options{Size: int64(i)}, witness{}, nil) != nil, "cut off")
		b := bytes.Clone(small)
		b[i] ^= byte(1 + rnd.IntN(255))
		_ = alike(t, b, rdb.Options{Checksum: true, Scrutiny: rdb.Packs}, witness{level: rdb.Packs}, nil)
	}
	for range 20 {
		i := rnd.IntN(len(large))
		check.True(t, alike(t, large[:i], rdb.Options{}, witness{}, nil) != nil, "cut off")
		b := bytes.Clone(large)
		b[i] ^= byte(1 + rnd.IntN(255))
		check.True(t, alike(t, b, rdb.Options{Checksum: true}, witness{}, nil) != nil, "damage")
	}
}

// TestAheadRefused lets the handler, or the visitor, refuse each call in turn: of a small
// file, and around the places where one batch ends and another begins in a large one.
func TestAheadRefused(t *testing.T) {
	small, large := many(1), many(60)
	refused := func(b []byte, n int) bool {
		return alike(t, b, rdb.Options{}, witness{refuse: n}, nil) != nil
	}
	n := 1
	for refused(small, n) {
		n++
	}
	check.True(t, n > 50, "all calls of the file")
	var all witness
	_, err := rdb.Load(bytes.NewReader(large), rdb.Options{}, &all)
	check.NoErr(t, err)
	check.True(t, all.calls > 3000, fmt.Sprint("more than a few batches: ", all.calls))
	for n := 1; n <= all.calls; n++ {
		if n > 1024-20 && n < 1024+10 || n%149 == 0 || n > all.calls-10 {
			check.True(t, refused(large, n), fmt.Sprint("refused: ", n))
		}
	}
	check.True(t, !refused(large, all.calls+1), "no such call")
}

// TestAheadBigTexts takes texts that are too big to be copied: one at a time.
func TestAheadBigTexts(t *testing.T) {
	big := strings.Repeat("0123456789abcdef", 80_000)
	b := rdb.AppendHeader(nil)
	str := func(s string) { b = rdb.AppendRawString(b, []byte(s)) }
	for i := range 2 {
		b = append(b, rdb.TypeString)
		str("first")
		str(big[i:])
		b = append(b, rdb.TypeString)
		str(big[:1100<<10])
		str("small")
		b = append(b, rdb.TypeHash)
		str("hash")
		b = append(b, 2)
		str(big[:1100<<10+i])
		str(big[:1200<<10])
		str("field")
		str("value")
		b = append(b, rdb.TypeSet)
		str(big)
		b = append(b, 2)
		str("a")
		str(big[i:])
		b = append(b, rdb.TypeString)
		str("packed")
		b = rdb.AppendString(b, []byte(strings.Repeat("x", 1200<<10)), true)
	}
	b = rdb.AppendEOF(b, crc64.Update(0, b))
	check.NoErr(t, alike(t, b, rdb.Options{Checksum: true, Size: int64(len(b))}, witness{}, nil))
}

// zeros is an endless string of zero bytes.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// TestAheadBoundsMemory loads values of more than what may be held at a time: strings
// of 64 MB, and a set of a million elements.
func TestAheadBoundsMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("half a gigabyte of values")
	}
	const size = 64 << 20
	var parts []io.Reader
	add := func(b []byte) { parts = append(parts, bytes.NewReader(b)) }
	total := int64(9)
	add([]byte("REDIS0010"))
	for range 6 {
		add([]byte{rdb.TypeString, 1, 'k', 0x80, size >> 24, 0, 0, 0})
		parts = append(parts, io.LimitReader(zeros{}, size))
		total += size + 8
	}
	set := rdb.AppendRawString([]byte{rdb.TypeSet}, []byte("set"))
	set = append(set, 0x80, 0, 15, 66, 64) // 1,000,000
	for i := range 1_000_000 {
		set = rdb.AppendRawString(set, fmt.Appendf(nil, "element %d", i))
	}
	add(set)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := rdb.LoadAhead(io.MultiReader(parts...), rdb.Options{Size: total + int64(len(set))}, thrifty{})
	check.ErrIs(t, err, rdb.ErrShortRead)
	runtime.ReadMemStats(&after)
	used := after.TotalAlloc - before.TotalAlloc
	check.True(t, used < 6*size+60<<20, fmt.Sprintf("%d MB allocated in all", used>>20))
}

// thrifty keeps nothing.
type thrifty struct{ silent }

func (thrifty) Value(r *rdb.Record, src rdb.Source) error { return src.SkipValue(r.Type) }

// TestAheadLeavesNoGoroutine: whatever the end, the decoding one is gone.
func TestAheadLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	b := many(100)
	for n := range 40 {
		_, _ = rdb.LoadAhead(bytes.NewReader(b), rdb.Options{}, &witness{refuse: n * 50})
		_, _ = rdb.LoadAhead(bytes.NewReader(b[:n*100]), rdb.Options{}, &witness{})
		check.Panics(t, func() {
			_, _ = rdb.LoadAhead(bytes.NewReader(b), rdb.Options{}, panics{n: n * 10})
		})
	}
	for runtime.NumGoroutine() > before { // the last ones are on their last instructions
		runtime.Gosched()
	}
}

// panics is a handler that panics at a key, as one whose memory is used up.
type panics struct {
	silent
	n int
}

func (p panics) Record(r *rdb.Record) error {
	if strings.HasSuffix(string(r.Key), fmt.Sprint(" ", p.n%100)) {
		panic("no room")
	}
	return nil
}

func (p panics) Value(r *rdb.Record, src rdb.Source) error { return src.SkipValue(r.Type) }

// TestAheadWarms gives Warm the hashes of the keys that come next.
func TestAheadWarms(t *testing.T) {
	w := &warmed{t: t}
	_, err := rdb.LoadAhead(bytes.NewReader(many(200)), rdb.Options{
		Hash: func(key []byte) uint64 { return crc64.Update(0, key) },
		Warm: func(h []uint64) { w.hashes = append(w.hashes, h...) },
	}, w)
	check.NoErr(t, err)
	check.Eq(t, len(w.hashes), 0)
}

type warmed struct {
	silent
	t      *testing.T
	hashes []uint64
}

func (w *warmed) Record(r *rdb.Record) error {
	check.True(w.t, len(w.hashes) > 0 && w.hashes[0] == crc64.Update(0, r.Key), "warm before it comes")
	w.hashes = w.hashes[1:]
	return nil
}

func (w *warmed) Value(r *rdb.Record, src rdb.Source) error {
	check.NoErr(w.t, w.Record(r))
	return src.SkipValue(r.Type)
}

// FuzzAhead: the same for any bytes.
func FuzzAhead(f *testing.F) {
	seeds(f)
	f.Add(many(1))
	f.Fuzz(func(t *testing.T, in []byte) {
		_ = alike(t, in, rdb.Options{Checksum: true, Scrutiny: rdb.Packs}, witness{level: rdb.Packs}, nil)
	})
}

func BenchmarkLoadAhead(b *testing.B) {
	in := rdb.AppendHeader(nil)
	for i := range 200_000 {
		r := record(fmt.Sprintf("key:%012d", i), fmt.Sprintf("value:%058d", i))
		in = rdb.AppendRecord(in, &r, true)
	}
	in = rdb.AppendEOF(in, crc64.Update(0, in))
	for _, c := range []struct {
		name string
		load func(io.Reader, rdb.Options, rdb.Handler) (rdb.Result, error)
	}{{"here", rdb.Load}, {"ahead", rdb.LoadAhead}} {
		b.Run(c.name, func(b *testing.B) {
			b.SetBytes(int64(len(in)))
			for range b.N {
				_, err := c.load(bytes.NewReader(in), rdb.Options{Checksum: true}, silent{})
				check.NoErr(b, err)
			}
		})
	}
}
