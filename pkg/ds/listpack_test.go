package ds_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

func newArena(t testing.TB) *mem.Arena {
	t.Helper()
	a, err := mem.New(mem.Config{Reserve: 256 << 20})
	check.NoErr(t, err)
	t.Cleanup(func() {
		check.NoErr(t, a.CheckLeaks())
		check.NoErr(t, a.Close())
	})
	return a
}

// lpElements is the content of a listpack, read forwards; it must be the same read backwards.
func lpElements(t testing.TB, l ds.Listpack) []string {
	t.Helper()
	var got, back []string
	for off := l.First(); off >= 0; off = l.Next(off) {
		e := l.Get(off)
		got = append(got, string(e.Append(nil)))
		check.Eq(t, e.Len(), len(got[len(got)-1]))
	}
	for off := l.Last(); off >= 0; off = l.Prev(off) {
		back = append(back, string(l.Get(off).Bytes(new([24]byte))))
	}
	slices.Reverse(back)
	check.Eq(t, back, got)
	check.Eq(t, l.Count(), len(got))
	return got
}

// The bytes are those that redis-server 7.0.15 stores.
func TestListpackIsRedissFormat(t *testing.T) {
	tests := []struct {
		name, elem, want string
	}{
		{"empty string", "", "8001"},
		{"short string", "abc", "8361626304"},
		{"smallest number", "0", "0001"},
		{"largest of 7 bits", "127", "7f01"},
		{"13 bits", "128", "c08002"},
		{"13 bits, negative", "-1", "dfff02"},
		{"largest of 13 bits", "4095", "cfff02"},
		{"smallest of 13 bits", "-4096", "d00002"},
		{"16 bits", "4096", "f1001003"},
		{"16 bits, negative", "-32768", "f1008003"},
		{"24 bits", "32768", "f200800004"},
		{"24 bits, negative", "-8388608", "f200008004"},
		{"32 bits", "8388608", "f30000800005"},
		{"32 bits, negative", "-2147483648", "f30000008005"},
		{"64 bits", "2147483648", "f4000000800000000009"},
		{"smallest number of all", "-9223372036854775808", "f4000000000000008009"},
		{"beyond 64 bits", "9223372036854775808", "93" + hex.EncodeToString([]byte("9223372036854775808")) + "14"},
		{"no canonical number", "007", "8330303704"},
		{"63 bytes", strings.Repeat("x", 63), "bf" + strings.Repeat("78", 63) + "40"},
		{"64 bytes", strings.Repeat("x", 64), "e040" + strings.Repeat("78", 64) + "42"},
		{"length of two bytes", strings.Repeat("x", 126), "e07e" + strings.Repeat("78", 126) + "0180"},
		{"4095 bytes", strings.Repeat("x", 4095), "efff" + strings.Repeat("78", 4095) + "2081"},
		{"4096 bytes", strings.Repeat("x", 4096), "f000100000" + strings.Repeat("78", 4096) + "2085"},
		{"length of three bytes", strings.Repeat("x", 16383-5), "f0fa3f0000" + strings.Repeat("78", 16383-5) + "00ffff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body, err := hex.DecodeString(tt.want)
			check.NoErr(t, err)
			n := 7 + len(body)
			want := slices.Concat([]byte{byte(n), byte(n >> 8), 0, 0, 1, 0}, body, []byte{0xff})
			check.EqBytes(t, ds.AppendLP(nil, []byte(tt.elem)), want)
			check.EqBytes(t, ds.AppendLP([]byte("x"), []byte(tt.elem))[1:], want)
			check.Eq(t, ds.LPSize([]byte(tt.elem)), len(body))
			check.NoErr(t, ds.CheckListpack(want))

			p := ds.NewPack(newArena(t), 0)
			defer p.Free()
			p.Append([]byte(tt.elem))
			check.EqBytes(t, p.View(), want)
			l := p.View()
			e := l.Get(l.First())
			check.Eq(t, string(e.Append(nil)), tt.elem)
			check.True(t, e.Equal([]byte(tt.elem)) && !e.Equal([]byte("other")), "Equal compares the bytes")
			check.Eq(t, l.Find(l.First(), []byte(tt.elem), 0), l.First())
			check.Eq(t, l.Find(l.First(), []byte("other"), 0), -1)
			if n, err := strconv.ParseInt(tt.elem, 10, 64); err == nil && e.IsInt {
				p.ReplaceInt(l.First(), n)
				check.EqBytes(t, p.View(), want)
				check.Eq(t, ds.LPSizeInt(n), len(body))
			}
		})
	}
}

func TestListpackBuilder(t *testing.T) {
	var b ds.LPBuilder
	check.Eq(t, len(lpElements(t, b.Blob())), 0)
	for range 2 {
		b.Reset()
		b.Add([]byte("a"))
		b.AddInt(-5)
		check.Eq(t, lpElements(t, b.Blob()), []string{"a", "-5"})
		b.AddUint(1<<64 - 1)
		check.Eq(t, b.Count(), 3)
		check.Eq(t, lpElements(t, b.Blob()), []string{"a", "-5", "18446744073709551615"})
		check.NoErr(t, ds.CheckListpack(b.Blob()))
	}
}

func TestListpackFindSkips(t *testing.T) {
	l := ds.Listpack(ds.AppendLP(nil, []byte("f1"), []byte("f2"), []byte("f2"), []byte("v"), []byte("7"), []byte("f2")))
	check.Eq(t, l.Find(l.First(), []byte("f2"), 0), l.Seek(1))
	check.Eq(t, l.Find(l.First(), []byte("f2"), 1), l.Seek(2))
	check.Eq(t, l.Find(l.First(), []byte("7"), 1), l.Seek(4))
	check.Eq(t, l.Find(l.First(), []byte("v"), 1), -1)
	check.Eq(t, l.Find(l.Seek(2), []byte("f2"), 2), l.Seek(2))
	check.Eq(t, l.Find(l.Seek(3), []byte("f2"), 1), l.Seek(5))
	check.Eq(t, l.Find(-1, []byte("f2"), 0), -1)
}

// Beyond 65534 the header does not know the number of elements.
func TestListpackOfManyElements(t *testing.T) {
	p := ds.NewPack(newArena(t), 0)
	defer p.Free()
	for i := range 70000 {
		p.AppendInt(int64(i % 100))
	}
	check.Eq(t, p.View().Count(), 70000)
	check.NoErr(t, ds.CheckListpack(p.View()))
	for _, i := range []int{0, 1, 35000, 69999, -1, -2, -70000} {
		e := p.View().Get(p.View().Seek(i))
		check.Eq(t, e.Int, int64((i+70000)%70000%100))
	}
	check.Eq(t, p.View().Seek(70000), -1)
	check.Eq(t, p.View().Seek(-70001), -1)
	check.Eq(t, p.Delete(p.View().Seek(1), 69998), p.View().Seek(1))
	check.Eq(t, lpElements(t, p.View()), []string{"0", "99"})
	check.NoErr(t, ds.CheckListpack(p.View()))
}

// lpRandomElement has any of the codes, often a length or number at a border.
func lpRandomElement(rnd *rand.Rand) []byte {
	switch rnd.IntN(4) {
	case 0:
		return strconv.AppendInt(nil, int64(rnd.Uint64())>>rnd.IntN(64), 10)
	case 1:
		return strconv.AppendInt(nil, int64(1)<<rnd.IntN(63)*int64(1-2*rnd.IntN(2))-int64(rnd.IntN(2)), 10)
	}
	n := [...]int{0, 1, 3, 20, 62, 63, 64, 125, 126, 127, 128}[rnd.IntN(11)]
	if rnd.IntN(60) == 0 {
		n = [...]int{4095, 4096, 16376, 16377, 16378, 16379}[rnd.IntN(6)]
	}
	return bytes.Repeat([]byte{byte('a' + rnd.IntN(26))}, n)
}

func TestListpackAgainstModel(t *testing.T) {
	const ops, checkEvery = 100_000, 500
	rnd := seeded(1)
	p := ds.NewPack(newArena(t), 0)
	defer p.Free()
	var model []string
	target := 0
	for op := range ops {
		if op%2000 == 0 {
			target = rnd.IntN(120)
		}
		v := lpRandomElement(rnd)
		i := rnd.IntN(len(model) + 1)
		grow := rnd.IntN(len(model)+target+1) < target
		switch {
		case grow && i == len(model):
			check.Eq(t, p.Append(v), p.View().Seek(-1))
			model = append(model, string(v))
		case grow && i == 0:
			p.Prepend(v)
			model = slices.Insert(model, 0, string(v))
		case grow:
			p.Insert(p.View().Seek(i), v)
			model = slices.Insert(model, i, string(v))
		case i == len(model):
		case rnd.IntN(3) == 0:
			p.Replace(p.View().Seek(i), v)
			model[i] = string(v)
		default:
			n := 1 + rnd.IntN(3)
			end := min(i+n, len(model))
			next := p.Delete(p.View().Seek(i), n)
			model = slices.Delete(model, i, end)
			check.Eq(t, next, p.View().Seek(i))
		}
		if i < len(model) {
			l, want := p.View(), model[i]
			check.Eq(t, string(l.Get(l.Seek(i-len(model))).Append(nil)), want)
			check.Eq(t, l.Find(l.First(), []byte(want), 0), l.Seek(slices.Index(model, want)))
		}
		if op%checkEvery == 0 {
			check.NoErr(t, ds.CheckListpack(p.View()))
			check.Eq(t, strings.Join(lpElements(t, p.View()), " "), strings.Join(model, " "))
		}
	}
}

// What has shrunk gives its room back, and what grows does not move each time.
func TestPackKeepsToItsSize(t *testing.T) {
	a := newArena(t)
	p := ds.NewPack(a, 0)
	defer p.Free()
	moves, ref := 0, p.Ref
	for range 4000 {
		p.Append([]byte("0123456789"))
		if p.Ref != ref {
			moves, ref = moves+1, p.Ref
		}
	}
	check.True(t, moves < 90, fmt.Sprintf("48000 bytes in %d moves", moves))
	check.True(t, a.Used() < 48100*9/8+4096, "at most an eighth is slack")
	p.Delete(p.View().Seek(10), 4000)
	check.True(t, a.Used() < 200, fmt.Sprintf("%d bytes for 10 elements", a.Used()))
}

func TestListpackAllocatesNothing(t *testing.T) {
	p := ds.NewPack(newArena(t), 4096)
	defer p.Free()
	val := []byte("some value")
	check.Eq(t, testing.AllocsPerRun(100, func() {
		p.Append(val)
		p.AppendInt(1 << 40)
		l := p.View()
		l.Find(l.First(), val, 0)
		p.Delete(l.Find(l.First(), []byte("1099511627776"), 0), 1)
		p.Delete(p.View().First(), 1)
	}), 0)
}

func TestCheckListpack(t *testing.T) {
	good := ds.AppendLP(nil, []byte("abc"), []byte("5"), bytes.Repeat([]byte("y"), 100))
	edit := func(at int, b ...byte) []byte {
		bad := slices.Clone(good)
		copy(bad[at:], b)
		return bad
	}
	tests := []struct {
		name string
		blob []byte
		want string
	}{
		{"nothing", nil, "0 bytes"},
		{"too short", good[:6], "6 bytes"},
		{"cut off", good[:20], "header says 117 bytes, it has 20"},
		{"no end mark", edit(len(good)-1, 0), "no end mark"},
		{"too few elements", edit(4, 4), "header says 4 elements, it has 3"},
		{"too many elements", edit(4, 2), "header says 2 elements, it has 3"},
		{"unused code", edit(6, 0xf5), "code 0xf5 at 6"},
		{"end mark inside", edit(6, 0xff), "code 0xff at 6"},
		{"length behind", edit(10, 3), "length behind the element at 6"},
		{"length with a bit too much", edit(10, 0x84), "length behind the element at 6"},
		{"string beyond the end", edit(6, 0xbf, 0, 0, 0, 0), "length behind"},
		{"long string beyond the end", edit(6, 0xf0, 0xff, 0xff, 0xff, 0xff), "element at 6 has 4294967305 bytes"},
		{"head cut off", []byte{8, 0, 0, 0, 1, 0, 0xf0, 0xff}, "element at 6 is cut off"},
	}
	check.NoErr(t, ds.CheckListpack(good))
	check.NoErr(t, ds.CheckListpack(edit(4, 0xff, 0xff)))
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := ds.CheckListpack(tt.blob)
			check.ErrIs(t, err, ds.ErrListpack)
			check.ErrContains(t, err, tt.want)
		})
	}
}

// FuzzCheckListpack: what passes the check can be read and changed whatever it is.
func FuzzCheckListpack(f *testing.F) {
	f.Add(ds.AppendLP(nil))
	f.Add(ds.AppendLP(nil, []byte("abc"), []byte("-70000"), []byte("1"), bytes.Repeat([]byte("z"), 5000)))
	f.Add([]byte{8, 0, 0, 0, 1, 0, 0xf0, 0xff})
	f.Add([]byte{15, 0, 0, 0, 255, 255, 0x81, '7', 2, 7, 1, 0xf2, 1, 2, 0xff})
	f.Fuzz(func(t *testing.T, blob []byte) {
		if ds.CheckListpack(blob) != nil {
			return
		}
		before := lpElements(t, blob)
		p := ds.NewPackOf(newArena(t), blob)
		defer p.Free()
		for i, v := range before {
			at := p.View().Find(p.View().First(), []byte(v), 0)
			check.True(t, at >= 0 && at <= p.View().Seek(i), "every element is found")
		}
		p.Append([]byte("tail"))
		p.Prepend([]byte("head"))
		p.Replace(p.View().Seek(len(before)/2), []byte("12"))
		check.NoErr(t, ds.CheckListpack(p.View()))
		check.Eq(t, len(lpElements(t, p.View())), len(before)+2)
		check.Eq(t, p.Delete(p.View().First(), len(before)+2), -1)
		check.Eq(t, len(p.View()), 7)
		check.NoErr(t, ds.CheckListpack(p.View()))
	})
}
