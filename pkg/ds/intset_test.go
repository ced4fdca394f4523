package ds_test

import (
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

// intsRig is an intset and the sorted slice it must agree with.
type intsRig struct {
	t     testing.TB
	a     *mem.Arena
	s     ds.Ints
	model []int64
}

func newIntsRig(t testing.TB, first int64) *intsRig {
	a, err := mem.New(mem.Config{Reserve: 4 << 30})
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, a.Close()) })
	return &intsRig{t: t, a: a, s: ds.NewInts(a, first, 1)}
}

func (r *intsRig) add(n int64) {
	i, found := slices.BinarySearch(r.model, n)
	check.Eq(r.t, r.s.Add(n), !found)
	if !found {
		r.model = slices.Insert(r.model, i, n)
	}
}

func (r *intsRig) remove(n int64) {
	i, found := slices.BinarySearch(r.model, n)
	check.Eq(r.t, r.s.Remove(n), found)
	if found {
		r.model = slices.Delete(r.model, i, i+1)
	}
}

func (r *intsRig) agree() {
	r.t.Helper()
	v := r.s.View()
	check.Eq(r.t, v.Len(), len(r.model))
	if len(r.model) > 0 {
		check.NoErr(r.t, ds.CheckIntset(v))
	}
	for i, n := range r.model {
		check.Eq(r.t, v.At(i), n)
	}
}

func (r *intsRig) finish() {
	r.agree()
	r.s.Free()
	check.NoErr(r.t, r.a.CheckLeaks())
}

var intsetEdges = []int64{0, 1, -1, math.MaxInt16, math.MinInt16, math.MaxInt16 + 1, math.MinInt16 - 1,
	math.MaxInt32, math.MinInt32, math.MaxInt32 + 1, math.MinInt32 - 1, math.MaxInt64, math.MinInt64}

// The bytes are Redis's, which RDB files hold.
func TestIntsetBytes(t *testing.T) {
	tests := []struct {
		name string
		add  []int64
		want string
	}{
		{"two bytes", []int64{5, -3, 1000}, "0200000003000000fdff0500e803"},
		{"wider at the end", []int64{5, 100_000}, "040000000200000005000000a0860100"},
		{"wider at the start", []int64{5, -100_000}, "0400000002000000" + "6079feff" + "05000000"},
		{"eight bytes", []int64{-1, 1 << 40}, "0800000002000000ffffffffffffffff0000000000010000"},
		{"eight bytes, negative", []int64{1, -1 << 40}, "08000000020000000000000000ffffff0100000000000000"},
		{"wide from the start", []int64{1 << 40}, "08000000010000000000000000010000"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := newIntsRig(t, tt.add[0])
			for _, n := range tt.add {
				r.add(n)
			}
			check.Eq(t, hex.EncodeToString(r.s.View()), tt.want)
			r.finish()
		})
	}
}

func TestIntsetFind(t *testing.T) {
	r := newIntsRig(t, 2)
	for n := int64(2); n <= 200; n += 2 {
		r.add(n)
	}
	v := r.s.View()
	for n := int64(0); n <= 202; n++ {
		i, found := v.Find(n)
		want, there := slices.BinarySearch(r.model, n)
		check.Eq(t, i, want)
		check.Eq(t, found, there)
	}
	r.finish()
}

func TestIntsetAgainstModel(t *testing.T) {
	for _, span := range []int64{40, 3000, math.MaxInt32, math.MaxInt64} {
		r := newIntsRig(t, 1)
		rnd := seeded(uint64(span))
		for i := range 30_000 {
			n := rnd.Int64N(span) - span/2
			switch k := rnd.IntN(100); {
			case k < 3 && span > 3000:
				n = intsetEdges[rnd.IntN(len(intsetEdges))]
				r.add(n)
			case k < 50:
				r.add(n)
			case k < 90 && len(r.model) > 0 && len(r.model) > 500+k*10:
				r.remove(r.model[rnd.IntN(len(r.model))])
			case k < 97:
				r.remove(n)
			case k < 98:
				take := func(n int64) bool { return n%7 == 0 }
				r.s.Sweep(take)
				r.model = slices.DeleteFunc(r.model, take)
			case len(r.model) > 0:
				j := rnd.IntN(len(r.model))
				r.s.RemoveAt(j)
				r.model = slices.Delete(r.model, j, j+1)
			}
			if i%97 == 0 || i < 300 {
				r.agree()
			}
		}
		for len(r.model) > 0 {
			r.remove(r.model[rnd.IntN(len(r.model))])
		}
		check.True(t, r.a.Used() <= 16, "the block shrank with it")
		r.finish()
	}
}

func TestCheckIntset(t *testing.T) {
	tests := []struct {
		name, bytes, want string
	}{
		{"fine", "0200000002000000" + "0100" + "0200", ""},
		{"no header", "02000000", "shorter"},
		{"width 3", "0300000001000000010000", "width 3"},
		{"width 0", "0000000001000000", "width 0"},
		{"too short", "0200000002000000" + "0100", "2 numbers of 2 bytes in 10 bytes"},
		{"too long", "0200000001000000" + "0100" + "0200", "1 numbers of 2 bytes in 12 bytes"},
		{"a huge count", "08000000ffffffff" + "0100000000000000", "4294967295 numbers"},
		{"empty", "0200000000000000", "empty"},
		{"twice", "0200000002000000" + "0100" + "0100", "number 1"},
		{"out of order", "0200000003000000" + "0100" + "0300" + "ffff", "number 2"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b, err := hex.DecodeString(tt.bytes)
			check.NoErr(t, err)
			if tt.want == "" {
				check.NoErr(t, ds.CheckIntset(b))
			} else {
				check.ErrContains(t, ds.CheckIntset(b), tt.want)
			}
		})
	}
}

func TestIntsetAllocatesNothing(t *testing.T) {
	r := newIntsRig(t, 1)
	n := int64(0)
	check.Eq(t, testing.AllocsPerRun(500, func() {
		s := ds.Ints{Arena: r.a, Ref: r.s.Ref}
		n++
		s.Add(n * 1000)
		s.Add(-n)
		s.View().Find(n)
		s.Remove(-n)
		r.s = s
	}), 0)
	r.s.Free()
}

func FuzzIntset(f *testing.F) {
	f.Add([]byte("\x02\x00\x00\x00\x02\x00\x00\x00\x01\x00\x02\x00"))
	f.Add([]byte("\x04\x00\x00\x00\x01\x00\x00\x00\x01\x00\x00\x80"))
	f.Add([]byte("\x08\x00\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		// Foreign bytes: what the check lets through can be read and changed.
		if ds.CheckIntset(b) == nil {
			r := newIntsRig(t, 0)
			r.s.Free()
			r.s = ds.Ints{Arena: r.a, Ref: r.a.Alloc(mem.Value, len(b))}
			copy(r.a.Bytes(r.s.Ref, len(b)), b)
			v := ds.Intset(b)
			for i := range v.Len() {
				r.model = append(r.model, v.At(i))
			}
			r.agree()
			for _, n := range intsetEdges {
				r.add(n)
			}
			r.finish()
		}
		// A list of operations.
		r := newIntsRig(t, 0)
		for i := 0; i+2 < min(len(b), 900); i += 3 {
			n := int64(int8(b[i+1])) << (b[i+2] % 57)
			if b[i]%3 == 0 {
				r.remove(n)
			} else {
				r.add(n)
			}
		}
		r.finish()
	})
}
