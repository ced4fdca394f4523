package lzf_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/lzf"
)

func TestCompressRoundTrip(t *testing.T) {
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		src := repetitive(rnd, rnd.IntN(12000))
		roundTrip(t, src)
	}
	for _, n := range []int{0, 1, 3, 4, 5, 256, 257, 4096, 4097, 70000, 300000} {
		roundTrip(t, bytes.Repeat([]byte("a"), n))
		roundTrip(t, noise(rnd, n))
		roundTrip(t, repetitive(rnd, n))
	}
}

func roundTrip(t testing.TB, src []byte) {
	t.Helper()
	packed := make([]byte, len(src)+len(src)/16+64)
	n := lzf.Compress(packed, src)
	if n == 0 {
		check.True(t, len(src) <= 3, "Compress must succeed when there is room")
		return
	}
	got := make([]byte, len(src))
	check.NoErr(t, lzf.Decompress(got, packed[:n]))
	check.EqBytes(t, got, src)
	check.True(t, len(src) <= n*lzf.MaxRatio, "MaxRatio must hold")

	// Exactly enough room works, one byte less is refused, neither writes behind.
	tight := make([]byte, n+1)
	tight[n] = 0xAA
	check.Eq(t, lzf.Compress(tight[:n:n], src), n)
	check.Eq(t, tight[n], 0xAA)
	check.Eq(t, lzf.Compress(tight[:n-1:n-1], src), 0)
}

// noise has nothing to pack.
func noise(rnd *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(rnd.Uint32())
	}
	return b
}

// repetitive has copies of all lengths and distances in it.
func repetitive(rnd *rand.Rand, n int) []byte {
	var b []byte
	for len(b) < n {
		if len(b) == 0 || rnd.IntN(3) == 0 {
			b = append(b, noise(rnd, 1+rnd.IntN(40))...)
			continue
		}
		from := rnd.IntN(len(b))
		size := min(1+rnd.IntN(400), len(b)-from)
		b = append(b, b[from:from+size]...)
	}
	return b[:n]
}

func TestCompressPacksWell(t *testing.T) {
	tests := []struct {
		name string
		src  string
		most int
	}{
		{"one byte many times", strings.Repeat("x", 1000), 20},
		{"json", strings.Repeat(`{"id":17,"name":"someone","mail":"a@b.c"},`, 100), 200},
		{"counter text", numbers(500), 2100},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			n := lzf.Compress(make([]byte, len(tt.src)), []byte(tt.src))
			check.True(t, n > 0 && n <= tt.most, fmt.Sprintf("%d bytes packed to %d, want at most %d", len(tt.src), n, tt.most))
		})
	}
}

func numbers(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "key:%d ", i)
	}
	return b.String()
}

func TestDecompress(t *testing.T) {
	tests := []struct {
		name string
		in   string
		want string // "" = corrupt
		size int
	}{
		{"literal", "\x02abc", "abc", 3},
		{"short copy", "\x00a\x20\x00", "aaaa", 4},
		{"overlapping copy of two", "\x01ab\x40\x01", "ababab", 6},
		{"long copy", "\x00a\xe0\x00\x00", strings.Repeat("a", 10), 10},
		{"longest copy", "\x00a\xe0\xff\x00", strings.Repeat("a", 265), 265},
		{"nothing", "", "", 1},
		{"literal cut", "\x02ab", "", 3},
		{"literal too long", "\x02abc", "", 2},
		{"result too short", "\x02abc", "", 4},
		{"copy without offset", "\x00a\x20", "", 4},
		{"long copy without length", "\x00a\xe0", "", 10},
		{"long copy without offset", "\x00a\xe0\x00", "", 10},
		{"copy from before the start", "\x00a\x20\x01", "", 4},
		{"copy behind the end", "\x00a\x20\x00", "", 3},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := make([]byte, tt.size)
			err := lzf.Decompress(got, []byte(tt.in))
			if tt.want == "" {
				check.ErrIs(t, err, lzf.ErrCorrupt)
				return
			}
			check.NoErr(t, err)
			check.Eq(t, string(got), tt.want)
		})
	}
	check.NoErr(t, lzf.Decompress(nil, nil))
}

func TestNoAllocation(t *testing.T) {
	src := []byte(numbers(2000))
	packed, out := make([]byte, len(src)), make([]byte, len(src))
	n := 0
	check.Eq(t, testing.AllocsPerRun(20, func() { n = lzf.Compress(packed, src) }), 0)
	check.Eq(t, testing.AllocsPerRun(20, func() { _ = lzf.Decompress(out, packed[:n]) }), 0)
}

func FuzzCompress(f *testing.F) {
	rnd := rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 5, 300, 5000} {
		f.Add(repetitive(rnd, n))
	}
	f.Fuzz(func(t *testing.T, src []byte) { roundTrip(t, src) })
}

func FuzzDecompress(f *testing.F) {
	f.Add([]byte("\x00a\xe0\xff\x00"), 265)
	f.Add([]byte("\x02abc"), 3)
	f.Fuzz(func(t *testing.T, in []byte, size int) {
		if size < 0 || size > 1<<16 {
			return
		}
		room := make([]byte, size+8)
		_ = lzf.Decompress(room[:size:size], in)
		check.EqBytes(t, room[size:], make([]byte, 8))
	})
}

func BenchmarkCompress(b *testing.B) {
	rnd := rand.New(rand.NewPCG(7, 8))
	for _, bb := range []struct {
		name string
		src  []byte
	}{
		{"text 64", []byte(numbers(6))},
		{"text 1K", []byte(numbers(100))},
		{"text 64K", []byte(numbers(6000))},
		{"noise 64K", noise(rnd, 64<<10)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			dst := make([]byte, len(bb.src)+len(bb.src)/16+64)
			b.SetBytes(int64(len(bb.src)))
			n := 0
			for b.Loop() {
				n = lzf.Compress(dst, bb.src)
			}
			b.ReportMetric(float64(len(bb.src))/float64(max(n, 1)), "ratio")
		})
	}
}

func BenchmarkDecompress(b *testing.B) {
	src := []byte(numbers(6000))
	packed := make([]byte, len(src))
	packed = packed[:lzf.Compress(packed, src)]
	out := make([]byte, len(src))
	b.SetBytes(int64(len(src)))
	for b.Loop() {
		check.NoErr(b, lzf.Decompress(out, packed))
	}
}
