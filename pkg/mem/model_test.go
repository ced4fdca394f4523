package mem_test

import (
	"bytes"
	"encoding/binary"
	"math/rand"
	"testing"

	"pgregory.net/rapid"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

// zeros is what AllocZero is compared with.
var zeros = make([]byte, 6<<20)

// block is what the model knows of a live block.
type block struct {
	p    mem.Purpose
	r    mem.Ref
	n    int
	seed byte
}

// model runs operations on an arena and remembers what must be in each block.
type model struct {
	t      testing.TB
	a      *mem.Arena
	blocks []block
	used   [mem.Purposes]uint64
	next   byte
	later  []func() // what the background has been handed and not yet done
}

// newModel makes an arena; one with later true runs its background work only when the model says so.
func newModel(t testing.TB, cfg mem.Config, later bool) *model {
	t.Helper()
	m := &model{t: t}
	if later {
		cfg.Background = func(work, done func()) {
			m.later = append(m.later, func() { work(); done() })
		}
	}
	a, err := mem.New(cfg)
	check.NoErr(t, err)
	m.a = a
	return m
}

// fill writes a pattern to the places of a block that would show an overlap: its ends and the ends of its pages.
func (m *model) fill(b block) {
	p := m.a.Bytes(b.r, b.n)
	if b.n <= 8192 {
		for i := range p {
			p[i] = b.seed + byte(i)
		}
		return
	}
	for _, i := range probes(b.n) {
		p[i] = b.seed + byte(i)
	}
}

// probes are the offsets that fill and verify look at in a large block.
func probes(n int) []int {
	at := []int{0, 1, 7, 8, n - 1, n - 2, n - 8, n / 2}
	step := max(4096, n/64&^4095)
	for i := step; i < n; i += step {
		at = append(at, i-1, i)
	}
	return at
}

func (m *model) verify(b block, n int) {
	m.t.Helper()
	p := m.a.Bytes(b.r, n)
	at := probes(b.n)
	if b.n <= 8192 {
		at = at[:0]
		for i := range p {
			at = append(at, i)
		}
	}
	for _, i := range at {
		if i < n && p[i] != b.seed+byte(i) {
			m.t.Fatalf("block %#x of %d (%v): byte %d is %#x, want %#x", b.r, b.n, b.p, i, p[i], b.seed+byte(i))
		}
	}
}

func (m *model) alloc(p mem.Purpose, n int, zero bool) {
	m.t.Helper()
	b := block{p: p, n: n, seed: m.next}
	m.next += 13
	if zero {
		b.r = m.a.AllocZero(p, n)
		if got := m.a.Bytes(b.r, n); !bytes.Equal(got, zeros[:n]) {
			m.t.Fatalf("AllocZero(%d) is not zero: % x", n, bytes.Trim(got, "\x00"))
		}
	} else {
		b.r = m.a.Alloc(p, n)
	}
	if b.r == 0 || b.r&7 != 0 || b.r >= 1<<43 {
		m.t.Fatalf("Alloc(%d) = %#x", n, b.r)
	}
	check.Eq(m.t, m.a.Usable(b.r), m.a.Fit(n))
	m.used[p] += uint64(m.a.Usable(b.r))
	m.fill(b)
	m.blocks = append(m.blocks, b)
}

func (m *model) free(i int) {
	m.t.Helper()
	b := m.blocks[i]
	m.verify(b, b.n)
	m.used[b.p] -= uint64(m.a.Usable(b.r))
	m.a.Free(b.p, b.r)
	m.blocks[i] = m.blocks[len(m.blocks)-1]
	m.blocks = m.blocks[:len(m.blocks)-1]
}

func (m *model) resize(i, n int) {
	m.t.Helper()
	b := &m.blocks[i]
	m.verify(*b, b.n)
	m.used[b.p] -= uint64(m.a.Usable(b.r))
	b.r = m.a.Resize(b.p, b.r, b.n, n)
	m.used[b.p] += uint64(m.a.Usable(b.r))
	check.True(m.t, m.a.Usable(b.r) >= n, "Usable after Resize")
	m.verify(*b, min(b.n, n))
	b.n = n
	m.fill(*b)
}

// background does what was handed to it.
func (m *model) background() {
	for len(m.later) > 0 {
		fn := m.later[0]
		m.later = m.later[1:]
		fn()
	}
}

func (m *model) counts() {
	m.t.Helper()
	sum := uint64(0)
	for p := range mem.Purposes {
		check.Eq(m.t, m.a.UsedBy(p), m.used[p])
		sum += m.used[p]
	}
	check.Eq(m.t, m.a.Used(), sum)
}

// end frees everything and checks that nothing is left.
func (m *model) end() {
	m.t.Helper()
	for len(m.blocks) > 0 {
		m.free(len(m.blocks) - 1)
	}
	m.background()
	m.counts()
	check.Eq(m.t, m.a.Used(), 0)
	check.NoErr(m.t, m.a.Verify())
	check.NoErr(m.t, m.a.CheckLeaks())
	m.a.Trim()
	m.background()
	check.NoErr(m.t, m.a.Verify())
	check.Eq(m.t, m.a.Mapped(), 0)
	check.Eq(m.t, m.a.Resident(), 0)
	check.NoErr(m.t, m.a.Close())
}

// sizeFor turns two numbers into a block size: mostly small, some of each larger sort.
func sizeFor(sort, n uint32) int {
	switch sort % 64 {
	case 0:
		return int(n % (6 << 20))
	case 1, 2:
		return int(n % (1<<20 + 1))
	case 3, 4, 5, 6, 7:
		return int(n % (64 << 10))
	case 8, 9, 10, 11, 12, 13, 14, 15, 16, 17:
		return int(n % 8192)
	}
	return int(n % 300)
}

// The operations of the model.
const (
	opAlloc = iota
	opZero
	opFree
	opResize
	opGrow // Resize to an eighth more, as an append does
	opTrim
	opBackground
)

type op struct {
	kind  int
	n     int
	which int // the block, or for an alloc its purpose
}

// opFor makes an operation of four numbers.
func opFor(kind, sort, n, which uint32) op {
	kinds := [...]int{
		opAlloc, opAlloc, opAlloc, opAlloc, opAlloc, opZero, opZero, opResize, opGrow,
		opFree, opFree, opFree, opFree, opFree, opFree,
	}
	o := op{kinds[kind%uint32(len(kinds))], sizeFor(sort, n), int(which >> 1)}
	switch kind % 256 {
	case 254:
		o.kind = opBackground
	case 255:
		o.kind = opTrim
	}
	return o
}

// step does one operation.
func (m *model) step(o op) {
	m.t.Helper()
	switch o.kind {
	case opBackground:
		m.background()
		return
	case opTrim:
		m.a.Trim()
		return
	}
	if len(m.blocks) == 0 || o.kind == opAlloc || o.kind == opZero {
		m.alloc(mem.Purpose(o.which%int(mem.Purposes)), o.n, o.kind == opZero)
		return
	}
	i := o.which % len(m.blocks)
	switch o.kind {
	case opFree:
		m.free(i)
	case opResize:
		m.resize(i, o.n)
	case opGrow:
		m.resize(i, min(m.blocks[i].n*9/8+1, 12<<20))
	}
}

func TestModelRandom(t *testing.T) {
	ops := 50_000
	if testing.Short() {
		ops = 10_000
	}
	for _, tc := range []struct {
		name  string
		cfg   mem.Config
		later bool
	}{
		{"small pages", mem.Config{Reserve: 8 << 30}, false},
		{"huge pages, background", mem.Config{HugePages: true}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			m := newModel(t, tc.cfg, tc.later)
			rnd := rand.New(rand.NewSource(7))
			for i := range ops {
				// A tide: what a random walk alone would not do, fill and drain.
				o := opFor(rnd.Uint32(), rnd.Uint32(), rnd.Uint32(), rnd.Uint32())
				if tide := i / 5000 % 2; tide == 1 && o.kind == opAlloc {
					o.kind = opFree
				}
				m.step(o)
				if i%2000 == 0 {
					m.background()
					m.counts()
					check.NoErr(t, m.a.Verify())
				}
			}
			m.end()
		})
	}
}

// rapidTB lets the helpers fail a rapid check, so that rapid sees it and shrinks.
type rapidTB struct {
	testing.TB
	draw *rapid.T
}

func (t rapidTB) Helper()                   { t.draw.Helper() }
func (t rapidTB) Fatalf(f string, v ...any) { t.draw.Fatalf(f, v...) }
func (t rapidTB) Fatal(v ...any)            { t.draw.Fatal(v...) }

func TestModelRapid(t *testing.T) {
	ops := rapid.Custom(func(t *rapid.T) op {
		return op{
			kind: rapid.SampledFrom([]int{opAlloc, opAlloc, opAlloc, opZero, opFree, opFree, opResize, opGrow, opTrim, opBackground}).Draw(t, "kind"),
			n: rapid.OneOf(rapid.IntRange(0, 200), rapid.IntRange(0, 8<<10), rapid.IntRange(4<<10, 40<<10),
				rapid.IntRange(30<<10, 2<<20), rapid.IntRange(1<<20, 5<<20)).Draw(t, "n"),
			which: rapid.IntRange(0, 1<<20).Draw(t, "which"),
		}
	})
	rapid.Check(t, func(draw *rapid.T) {
		rt := rapidTB{TB: t, draw: draw}
		// Left alone, rapid draws lists of five or so: too short to fill a span.
		length := rapid.SampledFrom([]int{4, 40, 400, 1500}).Draw(draw, "length")
		m := newModel(rt, mem.Config{Reserve: 4 << 30, HugePages: rapid.Bool().Draw(draw, "huge")}, rapid.Bool().Draw(draw, "later"))
		for _, o := range rapid.SliceOfN(ops, length/2, length).Draw(draw, "ops") {
			m.step(o)
			if mem.Invariants && len(m.later) == 0 {
				check.NoErr(rt, m.a.Verify())
			}
		}
		m.background()
		m.counts()
		check.NoErr(rt, m.a.Verify())
		m.end()
	})
}

func FuzzArena(f *testing.F) {
	f.Add([]byte("0123456789abcdef0123456789abcdef"), false)
	seed := make([]byte, 2000)
	rand.New(rand.NewSource(3)).Read(seed)
	f.Add(seed, true)
	f.Fuzz(func(t *testing.T, ops []byte, huge bool) {
		m := newModel(t, mem.Config{Reserve: 1 << 30, HugePages: huge}, huge)
		for i := 0; len(ops) >= 8 && i < 2000; i++ {
			v := binary.LittleEndian.Uint64(ops)
			ops = ops[8:]
			m.step(opFor(uint32(v), uint32(v>>8), uint32(v>>16)*2654435761, uint32(v>>40)))
		}
		m.background()
		check.NoErr(t, m.a.Verify())
		m.end()
	})
}
