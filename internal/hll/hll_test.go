package hll_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"redisd/internal/check"
	"redisd/internal/hll"
)

const longest = 3000

// empty is a value without elements, with room for any.
func empty() []byte {
	b := make([]byte, hll.EmptyLen, 20_000)
	hll.PutEmpty(b)
	return b
}

// raise is what a command does to raise a register; it fails on corrupt values.
func raise(t testing.TB, b []byte, at *hll.Cursor, index int, run uint8) []byte {
	t.Helper()
	if hll.IsDense(b) {
		hll.DenseSet(b, index, run)
		return b
	}
	e, o := hll.Locate(b, at, index, run, longest)
	switch o {
	case hll.Same:
		return b
	case hll.Changes:
		n := len(b)
		b = b[:n+max(e.Growth(), 0)]
		return b[:e.Apply(b, n)]
	case hll.Dense:
		var u hll.Union
		check.True(t, u.Merge(b), "the runs are whole")
		dense := make([]byte, hll.DenseLen)
		u.Promote(dense, b)
		hll.DenseSet(dense, index, run)
		return dense
	}
	t.Fatal("corrupted")
	return nil
}

func registers(t testing.TB, b []byte) [hll.Registers]uint8 {
	var u hll.Union
	check.True(t, u.Merge(b), "the runs are whole")
	return u
}

func runs(t testing.TB, b []byte) string {
	text, ok := hll.AppendRuns(nil, b)
	check.True(t, ok, "the last run is whole")
	return string(text)
}

func TestRunsSplitAndJoin(t *testing.T) {
	type set struct {
		index int
		run   uint8
	}
	tests := []struct {
		name string
		sets []set
		want string
	}{
		{"empty", nil, "Z:16384"},
		{"first", []set{{0, 5}}, "v:5,1 Z:16383"},
		{"last", []set{{16383, 5}}, "Z:16383 v:5,1"},
		{"middle", []set{{100, 5}}, "Z:100 v:5,1 Z:16283"},
		{"short zeros", []set{{64, 1}, {0, 1}}, "v:1,1 z:63 v:1,1 Z:16319"},
		{"neighbours of a value join", []set{{0, 5}, {1, 5}, {2, 5}, {3, 5}}, "v:5,4 Z:16380"},
		{"five do not", []set{{0, 5}, {1, 5}, {2, 5}, {3, 5}, {4, 5}}, "v:5,4 v:5,1 Z:16379"},
		{"a gap closes", []set{{0, 5}, {2, 5}, {1, 5}}, "v:5,3 Z:16381"},
		{"others stay apart", []set{{0, 5}, {1, 6}}, "v:5,1 v:6,1 Z:16382"},
		{"a run of values is split", []set{{0, 2}, {1, 2}, {2, 2}, {1, 9}}, "v:2,1 v:9,1 v:2,1 Z:16381"},
		{"lower changes nothing", []set{{0, 5}, {0, 4}}, "v:5,1 Z:16383"},
		{"the highest of a sparse value", []set{{7, 32}}, "z:7 v:32,1 Z:16376"},
		{"zeros of one", []set{{0, 3}, {2, 3}, {1, 4}}, "v:3,1 v:4,1 v:3,1 Z:16381"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := empty()
			for _, s := range tt.sets {
				b = raise(t, b, new(hll.Cursor), s.index, s.run)
			}
			check.Eq(t, runs(t, b), tt.want)
			_, fresh := hll.Cached(b)
			check.Eq(t, fresh, tt.sets == nil)
		})
	}
}

func TestBecomesDense(t *testing.T) {
	b := raise(t, raise(t, empty(), new(hll.Cursor), 9, 32), new(hll.Cursor), 8, 33)
	check.True(t, hll.IsDense(b) && hll.IsValue(b), "a run of 33 needs the dense form")
	check.Eq(t, hll.DenseGet(b, 8), uint8(33))
	check.Eq(t, hll.DenseGet(b, 9), uint8(32))
	n := 0
	for b = empty(); !hll.IsDense(b); n++ {
		check.True(t, len(b) <= longest, "sparse values stay below the limit")
		b = raise(t, b, new(hll.Cursor), n*5%hll.Registers, uint8(n%7+1))
	}
	check.True(t, n > 1000, "sparse values go a long way")
}

// TestAgainstModel raises random registers and compares all of them with an array.
func TestAgainstModel(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for round := range 60 {
		b := empty()
		var model [hll.Registers]uint8
		near := []int{40, 300, hll.Registers}[round%3]
		for range 1700 {
			index, run := r.IntN(near), uint8(1+r.IntN([]int{2, 4, 32}[r.IntN(3)]))
			b = raise(t, b, new(hll.Cursor), index, run)
			model[index] = max(model[index], run)
		}
		check.True(t, registers(t, b) == model, "registers are those of the model")
		var u hll.Union = model
		n, ok := hll.Count(b)
		check.True(t, ok, "the runs are whole")
		check.Eq(t, n, u.Count())
		dense := make([]byte, hll.DenseLen)
		u.Promote(dense, b)
		check.True(t, registers(t, dense) == model, "the dense form holds the same")
		n, _ = hll.Count(dense)
		check.Eq(t, n, u.Count())
		for i, run := range model {
			if hll.DenseGet(dense, i) != run {
				t.Fatalf("register %d is %d", i, hll.DenseGet(dense, i))
			}
		}
	}
}

// A search from where the last one ended gives the same bytes as one from the start.
func TestCursorChangesNothing(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	for range 200 {
		a := empty()
		for range r.IntN(300) {
			a = raise(t, a, new(hll.Cursor), r.IntN(600), uint8(1+r.IntN(3)))
		}
		b := append(empty()[:0], a...)
		var at hll.Cursor
		for index := r.IntN(4); index < 600; index += r.IntN(3) {
			run := uint8(1 + r.IntN(4))
			a = raise(t, a, new(hll.Cursor), index, run)
			b = raise(t, b, &at, index, run)
			if !bytes.Equal(a, b) {
				t.Fatalf("register %d to %d\n%s\n%s", index, run, runs(t, a), runs(t, b))
			}
		}
	}
}

func TestPlaces(t *testing.T) {
	// Registers that Redis gives to these elements (PFADD, then PFDEBUG GETREG).
	tests := []struct {
		element string
		index   int
		run     uint8
	}{
		{"", 5938, 2},
		{"a", 12711, 2},
		{"ab", 719, 1},
		{"abc", 9474, 1},
		{"abcdefg", 5634, 2},
		{"abcdefgh", 1383, 1},
		{"abcdefghi", 6903, 1},
		{"The quick brown fox jumps over the lazy dog", 6862, 4},
		{"12345", 14704, 1},
		{"0", 13225, 4},
		{"\xff\x00\x80", 913, 1},
	}
	for _, tt := range tests {
		index, run := hll.Place([]byte(tt.element))
		check.Eq(t, index, tt.index)
		check.Eq(t, run, tt.run)
	}
}

func TestCachedCount(t *testing.T) {
	b := empty()
	n, ok := hll.Cached(b)
	check.Eq(t, n, 0)
	check.True(t, ok, "an empty value knows its count")
	hll.SetCached(b, 1<<40)
	n, ok = hll.Cached(b)
	check.Eq(t, n, 1<<40)
	check.True(t, ok, "a count that was set")
	hll.Invalidate(b)
	_, ok = hll.Cached(b)
	check.True(t, !ok, "a count that is out of date")
}

func TestSelfTest(t *testing.T) {
	check.NoErr(t, hll.SelfTest(rand.New(rand.NewPCG(1, 2)), longest))
}

func TestCorruptValues(t *testing.T) {
	head := string(empty()[:hll.HeaderLen])
	tests := []struct {
		name, runs string
	}{
		{"no runs", ""},
		{"too few registers", "\x7f\xfe"},
		{"too many registers", "\x7f\xff\x00"},
		{"a value beyond", "\x7f\xff\x80"},
		{"zeros beyond", "\x7f\xfe\x01"},
		{"cut off", "\x7f"},
		{"cut off with nothing missing but a zero byte", "\x7f\xfe\x40"},
		{"more than 4 GB of registers", string(bytes.Repeat([]byte("\x7f\xff"), 1<<18+1)) + "\xff"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			b := []byte(head + tt.runs)
			check.True(t, hll.IsValue(b), "the header is good")
			_, ok := hll.Count(b)
			check.True(t, !ok, "Count refuses it")
			check.True(t, !new(hll.Union).Merge(b), "Merge refuses it")
		})
	}
	for _, b := range []string{"", "HYLL", "HYLL\x00", "HYLL\x01\x00\x00", "hyll" + head[4:], "HYLL\x02" + head[5:], "HYLL\x00" + head[5:]} {
		check.True(t, !hll.IsValue([]byte(b)), fmt.Sprintf("%q is no value", b))
	}
}

// FuzzCorrupt lets every function loose on foreign bytes.
func FuzzCorrupt(f *testing.F) {
	f.Add([]byte("\x7f\xff"), uint16(5), uint8(3))
	f.Add([]byte("\x40\x10\x85\x85\x3f\x7f\xae"), uint16(18), uint8(9))
	f.Fuzz(func(t *testing.T, runs []byte, index uint16, run uint8) {
		b := append(empty()[:hll.HeaderLen], runs...)
		i, r := int(index%hll.Registers), run%51+1
		before := bytes.Clone(b)
		var u hll.Union
		whole := u.Merge(b)
		n, ok := hll.Count(b)
		check.Eq(t, ok, whole)
		hll.AppendRuns(nil, b)
		e, o := hll.Locate(b, new(hll.Cursor), i, r, longest)
		check.EqBytes(t, b, before)
		if o == hll.Corrupted {
			check.True(t, !whole, "whole runs have all registers")
		}
		if whole {
			check.Eq(t, n, u.Count())
		}
		if o != hll.Changes {
			return
		}
		n2 := len(b)
		b = append(b, 0xee, 0xee, 0xee)[:n2+max(e.Growth(), 0)]
		b = b[:e.Apply(b, n2)]
		if whole {
			u[i] = max(u[i], r)
			check.True(t, registers(t, b) == u, "only the register is higher")
		}
	})
}

func BenchmarkSparseLocate(b *testing.B) {
	v := empty()
	for i := 0; len(v) < 2900; i++ {
		index, run := hll.Place([]byte(fmt.Sprint(i)))
		v = raise(b, v, new(hll.Cursor), index, run)
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		hll.Locate(v, new(hll.Cursor), i*7919%hll.Registers, 1, longest)
	}
}

func BenchmarkCountDense(b *testing.B) {
	v := make([]byte, hll.DenseLen)
	var u hll.Union
	for i := range 100_000 {
		index, run := hll.Place([]byte(fmt.Sprint(i)))
		u[index] = max(u[index], run)
	}
	u.Promote(v, empty())
	b.Run("count", func(b *testing.B) {
		for b.Loop() {
			hll.Count(v)
		}
	})
	b.Run("merge", func(b *testing.B) {
		for b.Loop() {
			u.Merge(v)
		}
	})
	b.Run("union", func(b *testing.B) {
		for b.Loop() {
			u.Count()
		}
	})
}
