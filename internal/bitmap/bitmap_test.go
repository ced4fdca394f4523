package bitmap_test

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"redisd/internal/bitmap"
	"redisd/internal/check"
)

// bit is bit i of b, 0 behind its end.
func bit(b []byte, i int) int {
	if i>>3 >= len(b) {
		return 0
	}
	return int(b[i>>3]>>(7-i&7)) & 1
}

// sample makes strings with long runs of equal bits, at every alignment.
func sample(r *rand.Rand) []byte {
	b := make([]byte, r.IntN(200))
	fill := []byte{0, 0xff, 0x55}[r.IntN(3)]
	for i := range b {
		b[i] = fill
		if r.IntN(20) == 0 {
			b[i] = byte(r.Uint32())
		}
	}
	return b[min(r.IntN(9), len(b)):]
}

func seeded(t *testing.T) *rand.Rand {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

func TestCountAndFindAreWhatBitsSay(t *testing.T) {
	r := seeded(t)
	for range 5_000 {
		b := sample(r)
		from, to := 0, 0
		if len(b) > 0 {
			from, to = r.IntN(len(b)*8), r.IntN(len(b)*8+1)
		}
		count, one, zero, total := 0, -1, -1, 0
		for i := range len(b) * 8 {
			total += bit(b, i)
			if i < from || i >= to {
				continue
			}
			count += bit(b, i)
			if bit(b, i) == 1 && one < 0 {
				one = i
			}
			if bit(b, i) == 0 && zero < 0 {
				zero = i
			}
		}
		check.Eq(t, bitmap.Count(b), total)
		check.Eq(t, bitmap.CountRange(b, from, to), count)
		check.Eq(t, bitmap.Find(b, true, from, to), one)
		check.Eq(t, bitmap.Find(b, false, from, to), zero)
	}
}

func TestCombineIsWhatBytesSay(t *testing.T) {
	r := seeded(t)
	ops := map[bitmap.Op]func(a, b byte) byte{
		bitmap.And: func(a, b byte) byte { return a & b },
		bitmap.Or:  func(a, b byte) byte { return a | b },
		bitmap.Xor: func(a, b byte) byte { return a ^ b },
	}
	at := func(b []byte, i int) byte {
		if i < len(b) {
			return b[i]
		}
		return 0
	}
	for range 2_000 {
		var srcs [][]byte
		longest := 0
		for range 1 + r.IntN(5) {
			srcs = append(srcs, sample(r))
			longest = max(longest, len(srcs[len(srcs)-1]))
		}
		if r.IntN(20) == 0 { // more than one block
			srcs[0] = bytes.Repeat([]byte{1, 2, 3, 4, 5, 6, 7}, 2000)
			longest = len(srcs[0])
		}
		for op, one := range ops {
			want := make([]byte, longest)
			for i := range want {
				want[i] = at(srcs[0], i)
				for _, s := range srcs[1:] {
					want[i] = one(want[i], at(s, i))
				}
			}
			got := bytes.Repeat([]byte{0xee}, longest) // what was there does not matter
			bitmap.Combine(got, op, srcs)
			check.EqBytes(t, got, want)
		}
		got := make([]byte, len(srcs[0]))
		bitmap.Combine(got, bitmap.Not, srcs[:1])
		for i, x := range srcs[0] {
			if got[i] != ^x {
				t.Fatalf("byte %d of NOT is %x", i, got[i])
			}
		}
	}
}

func TestFieldsAreWhatBitsSay(t *testing.T) {
	r := seeded(t)
	for range 3_000 {
		b := sample(r)
		f := bitmap.Field{Signed: r.IntN(2) == 0}
		f.Bits = 1 + r.IntN(63)
		if f.Signed && r.IntN(8) == 0 {
			f.Bits = 64
		}
		at := r.IntN(len(b)*8 + 100)
		var raw uint64
		for i := range f.Bits {
			raw = raw<<1 | uint64(bit(b, at+i))
		}
		want := int64(raw)
		if f.Signed && f.Bits < 64 && raw>>(f.Bits-1) == 1 {
			want = int64(raw) - 1<<f.Bits
		}
		check.Eq(t, f.Get(b, at), want)
		if at+f.Bits > len(b)*8 {
			continue
		}
		v := int64(r.Uint64())
		before := bytes.Clone(b)
		f.Set(b, at, v)
		for i := range len(b) * 8 {
			want := bit(before, i)
			if i >= at && i < at+f.Bits {
				want = int(v>>(f.Bits-1-(i-at))) & 1
			}
			if bit(b, i) != want {
				t.Fatalf("%+v at %d: bit %d is %d", f, at, i, bit(b, i))
			}
		}
	}
}

func TestOverflow(t *testing.T) {
	const least, most = math.MinInt64, math.MaxInt64
	u, i := false, true
	tests := []struct {
		signed         bool
		bits           int
		v, by          int64
		wrap, saturate int64
		fits           bool
	}{
		{u, 8, 255, 0, 255, 255, true},
		{u, 8, 255, 1, 0, 255, false},
		{u, 8, 0, -1, 255, 0, false},
		{u, 8, 10, -20, 246, 0, false},
		{u, 1, 1, 1, 0, 1, false},
		{u, 63, most, 1, 0, most, false},
		{u, 63, most, most, most - 1, most, false},
		{u, 63, 0, least, 0, 0, false},
		{u, 63, most, least + 1, 0, 0, true},
		{i, 8, 127, 1, -128, 127, false},
		{i, 8, -128, -1, 127, -128, false},
		{i, 8, -128, 127, -1, -1, true},
		{i, 1, 0, 1, -1, 0, false},
		{i, 1, -1, 1, 0, 0, true},
		{i, 1, -1, -1, 0, -1, false},
		{i, 64, most, 1, least, most, false},
		{i, 64, most, most, -2, most, false},
		{i, 64, least, -1, most, least, false},
		{i, 64, least, least, 0, least, false},
		{i, 64, -1, least, most, least, false},
		{i, 64, 0, least, least, least, true},
		{i, 64, least, most, -1, -1, true},
		{i, 63, 1<<62 - 1, most, 1<<62 - 2, 1<<62 - 1, false},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%v%d %d%+d", tt.signed, tt.bits, tt.v, tt.by), func(t *testing.T) {
			f := bitmap.Field{Signed: tt.signed, Bits: tt.bits}
			n, ok := f.Add(tt.v, tt.by, bitmap.Wrap)
			check.Eq(t, n, tt.wrap)
			check.Eq(t, ok, true)
			n, ok = f.Add(tt.v, tt.by, bitmap.Saturate)
			check.Eq(t, n, tt.saturate)
			check.Eq(t, ok, true)
			_, ok = f.Add(tt.v, tt.by, bitmap.Fail)
			check.Eq(t, ok, tt.fits)
		})
	}
}

func TestFit(t *testing.T) {
	tests := []struct {
		signed         bool
		bits           int
		v              int64
		wrap, saturate int64
		fits           bool
	}{
		{false, 8, 255, 255, 255, true},
		{false, 8, 256, 0, 255, false},
		{false, 8, -1, 255, 255, false}, // beyond the largest, not below the least
		{false, 63, -1, math.MaxInt64, math.MaxInt64, false},
		{true, 8, 128, -128, 127, false},
		{true, 8, -129, 127, -128, false},
		{true, 8, -128, -128, -128, true},
		{true, 8, 127 - math.MaxInt64, -128, -128, false},
		{true, 8, 126 - math.MaxInt64, 127, 127, false}, // too far below
		{true, 64, math.MinInt64, math.MinInt64, math.MinInt64, true},
	}
	for _, tt := range tests {
		f := bitmap.Field{Signed: tt.signed, Bits: tt.bits}
		n, _ := f.Fit(tt.v, bitmap.Wrap)
		check.Eq(t, n, tt.wrap)
		n, _ = f.Fit(tt.v, bitmap.Saturate)
		check.Eq(t, n, tt.saturate)
		_, ok := f.Fit(tt.v, bitmap.Fail)
		check.Eq(t, ok, tt.fits)
	}
}

func BenchmarkCount(b *testing.B) { bench(b, func(x, _ []byte) { bitmap.Count(x) }) }
func BenchmarkFind(b *testing.B)  { bench(b, func(x, _ []byte) { bitmap.Find(x, true, 0, len(x)*8) }) }
func BenchmarkCombine(b *testing.B) {
	bench(b, func(x, y []byte) { bitmap.Combine(x, bitmap.And, [][]byte{y, y, y}) })
}

func bench(b *testing.B, run func(x, y []byte)) {
	x, y := make([]byte, 1<<20), make([]byte, 1<<20)
	b.SetBytes(1 << 20)
	for b.Loop() {
		run(x, y)
	}
}
