package ds_test

import (
	"fmt"
	"hash/maphash"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

func TestKeyRoundTrip(t *testing.T) {
	r := newRig(t)
	for _, n := range []int{0, 1, 127, 128, 252, 253, 254, 255, 256, 300, 65535, 65536, 1 << 20} {
		key := []byte(strings.Repeat("k", n))
		want := 1 + n
		if n >= 254 {
			want = 5 + n
		}
		check.Eq(t, ds.KeySize(n), want)
		e := r.entry(key)
		check.EqBytes(t, r.key(e), key)
		r.put(string(key))
		_, ok := r.find(string(key))
		check.True(t, ok, "a key of that length is found")
		r.arena.Free(mem.Entry, e)
	}
	r.agree()
	r.drain()
}

func TestEmptyDict(t *testing.T) {
	r := newRig(t)
	_, ok := r.find("nobody")
	check.True(t, !ok, "nothing is found")
	_, ok = r.d.Random()
	check.True(t, !ok, "nothing is drawn")
	check.Eq(t, r.d.Scan(0, func(mem.Ref) { t.Fatal("an entry") }), 0)
	check.Eq(t, r.d.Scan(7, func(mem.Ref) { t.Fatal("an entry") }), 0)
	r.d.Each(func(mem.Ref) { t.Fatal("an entry") })
	r.d.ShrinkIfSparse()
	check.True(t, !r.d.Step(10), "nothing to rehash")
	check.Eq(t, r.d.MemUsage(), 0)
	check.NoErr(t, r.d.Check())
	r.drain()
}

// op does one random change; weights lean towards growth or decline by phase.
func (r *rig) op(kind, pick int, key string) {
	r.reopen()
	switch {
	case kind < 45:
		r.put(key)
	case kind < 80:
		r.del(key)
	case kind < 90:
		_, ok := r.find(key)
		_, want := r.model[key]
		check.Eq(r.t, ok, want)
	case kind < 93:
		r.d.Step(1 + pick%3)
	case kind < 95:
		r.d.ShrinkIfSparse()
	case kind < 96:
		r.d.Resize(uint64(pick % 2000))
	case kind < 98:
		e, ok := r.d.Random()
		check.Eq(r.t, ok, len(r.model) > 0)
		if ok {
			check.Eq(r.t, r.model[string(r.key(e))], e)
		}
	default:
		r.policy.Avoid = !r.policy.Avoid
	}
}

func TestDictAgainstModel(t *testing.T) {
	tests := []struct {
		name  string
		pool  int // keys to choose from
		ops   int
		every int // operations between two full checks
	}{
		{"few keys, checked after each operation", 60, 30_000, 1},
		{"some keys", 700, 50_000, 11},
		{"many keys", 20_000, 100_000, 1999},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for seed := uint64(1); seed <= 2; seed++ {
				t.Logf("seed %d", seed)
				r := newRig(t)
				rnd := seeded(seed)
				for i := range tt.ops {
					kind := rnd.IntN(100)
					switch phase := i * 8 / tt.ops; { // every other eighth only grows, or only declines
					case phase%4 == 1 && kind >= 45 && kind < 80:
						kind = 0
					case phase%4 == 3 && kind < 45:
						kind = 45
					}
					key := randomKey(rnd, tt.pool)
					if kind >= 45 && kind < 80 && len(r.keys) > 0 {
						key = r.keys[rnd.IntN(len(r.keys))]
					}
					r.op(kind, rnd.IntN(1<<20), key)
					if i%tt.every == 0 {
						r.agree()
					}
				}
				r.policy.Avoid = false
				for len(r.keys) > 0 {
					check.True(t, r.del(r.keys[0]), "a key of the model is there")
				}
				for r.d.Step(100) {
				}
				r.d.ShrinkIfSparse()
				check.Eq(t, r.d.MemUsage(), 0)
				check.Eq(t, r.arena.Used(), 0)
				check.NoErr(t, r.arena.CheckLeaks())
			}
		})
	}
}

func FuzzDict(f *testing.F) {
	f.Add([]byte("\x00\x01\x00\x02\x00\x03\x30\x01\x50\x02"))
	f.Add([]byte(strings.Repeat("\x00a\x05b\x10c\x60\x09\x00d", 30)))
	f.Add([]byte("\x63\x00" + strings.Repeat("\x01\xfe\x02\xff\x03\x10\x04\x20\x05\x30", 40) + "\x63\x01\x5c\x02"))
	f.Fuzz(func(t *testing.T, ops []byte) {
		r := newRig(t)
		for i := 0; i+1 < min(len(ops), 4000); i += 2 {
			r.op(int(ops[i]%100), int(ops[i+1]), fmt.Sprintf("%d", int(ops[i+1])*(1+int(ops[i])%3)))
			if i%32 == 0 {
				r.agree()
			}
		}
		r.agree()
		r.drain()
	})
}

// A table that must not be resized grows chains; deleting from any place of them
// keeps them dense and gives the children back.
func TestLongChains(t *testing.T) {
	for seed := uint64(1); seed <= 20; seed++ {
		r := newRig(t)
		rnd := seeded(seed)
		r.policy.Avoid = true
		for i := range 40 {
			r.put(fmt.Sprint("key:", i))
			r.agree()
		}
		st := r.d.Stats()[0]
		check.Eq(t, st.Buckets, 1)
		check.Eq(t, st.Children, 4) // 9 entries lead on, the last holds what is left
		for len(r.keys) > 0 {
			r.del(r.keys[rnd.IntN(len(r.keys))])
			r.agree()
			if n := len(r.keys); n <= 10 && n > 0 {
				check.True(t, r.d.Stats()[0].Children <= 1, "children go")
			}
		}
		check.Eq(t, r.d.Stats()[0].Children, 0)
		check.Eq(t, r.arena.UsedBy(mem.Table), 64)
		r.drain()
	}
}

func TestGrowth(t *testing.T) {
	r := newRig(t)
	for i := range 8 {
		r.put(fmt.Sprint(i))
	}
	check.Eq(t, r.d.Stats()[0].Size, 8)
	check.True(t, !r.d.Rehashing(), "full, not over")
	r.put("one more")
	check.True(t, r.d.Rehashing(), "grows")
	check.Eq(t, r.d.Stats()[1].Size, 16)
	check.True(t, !r.d.Step(100), "the rehash ends")
	check.Eq(t, r.d.Stats()[0].Size, 16)
	r.agree()
	r.drain()
}

func TestAvoidForcesGrowthAboveFive(t *testing.T) {
	r := newRig(t)
	for i := range 65 {
		r.put(fmt.Sprint(i))
	}
	for r.d.Step(100) {
	}
	check.Eq(t, r.d.Stats()[0].Size, 128)
	r.policy.Avoid = true
	n := 65
	for ; n <= 640; n++ {
		r.put(fmt.Sprint(n))
		check.True(t, !r.d.Rehashing(), "no growth at up to five times its size")
	}
	r.put(fmt.Sprint(n))
	check.True(t, r.d.Rehashing(), "more than five times too full: it must grow")
	check.Eq(t, r.d.Stats()[1].Size, 1024)
	r.agree()
	for i := range 20 { // 16 buckets: each lookup moves one, although Avoid holds
		r.find(fmt.Sprint(i))
	}
	check.True(t, !r.d.Rehashing(), "the forced rehash goes to its end")
	r.agree()
	r.drain()
}

func TestAvoidPausesRehash(t *testing.T) {
	r := newRig(t)
	for i := range 129 {
		r.put(fmt.Sprint(i))
	}
	check.True(t, r.d.Rehashing(), "it grows")
	r.policy.Avoid = true
	before := r.d.Stats()
	check.True(t, !func() bool { r.d.Step(100); return r.d.Stats() != before }(), "nothing moves")
	r.find("1")
	check.Eq(t, r.d.Stats(), before)
	// The new table takes what comes; when it is five times too full itself, the
	// old one must be emptied so that growth can follow.
	n := 129
	for ; r.d.Stats()[1].Used <= 5*256; n++ {
		r.put(fmt.Sprint(n))
	}
	for range 30 {
		r.find("1")
	}
	check.True(t, !r.d.Rehashing(), "goes on when the new table is too full as well")
	r.agree()
	r.drain()
}

func TestAvoidDoesNotShrink(t *testing.T) {
	r := newRig(t)
	for i := range 1000 {
		r.put(fmt.Sprint(i))
	}
	for r.d.Step(100) {
	}
	for len(r.keys) > 5 {
		r.del(r.keys[0])
	}
	r.policy.Avoid = true
	r.d.ShrinkIfSparse()
	check.True(t, !r.d.Rehashing(), "no shrink while a child works")
	r.policy.Avoid = false
	r.d.ShrinkIfSparse()
	check.True(t, r.d.Rehashing(), "shrinks afterwards")
	for r.d.Step(100) {
	}
	check.Eq(t, r.d.Stats()[0].Size, 8)
	r.agree()
	r.drain()
}

// A table that may not take more memory becomes overfull, up to a bound, and grows as soon
// as it may.
func TestGrowsWhenThereIsRoom(t *testing.T) {
	r := newRig(t)
	var asked []uint64
	room := false
	r.policy.Room = func(bytes uint64) bool { asked = append(asked, bytes); return room }
	fill := func(n int) {
		for i := len(r.keys); i < n; i++ {
			r.put(fmt.Sprint(i))
			for r.d.Step(100) {
			}
		}
	}
	fill(800) // 156 per cent of a table for 512
	check.Eq(t, r.d.Stats()[0].Size, 512)
	check.Eq(t, asked[len(asked)-1], 128*64)
	fill(830) // 162 per cent: nobody is asked any more
	check.Eq(t, r.d.Stats()[0].Size, 1024)
	fill(1100)
	check.Eq(t, r.d.Stats()[0].Size, 1024)
	room = true
	r.put("one more")
	check.True(t, r.d.Rehashing(), "it did not grow when there was room")
	for r.d.Step(100) {
	}
	r.agree()
	r.drain()
}

func TestShrinkThreshold(t *testing.T) {
	r := newRig(t)
	for i := range 1024 {
		r.put(fmt.Sprint(i))
	}
	for r.d.Step(1000) {
	}
	check.Eq(t, r.d.Stats()[0].Size, 1024)
	for len(r.keys) > 103 { // 10.05 per cent
		r.del(r.keys[0])
	}
	r.d.ShrinkIfSparse()
	check.True(t, !r.d.Rehashing(), "a tenth is not sparse")
	r.del(r.keys[0])
	r.d.ShrinkIfSparse()
	check.True(t, r.d.Rehashing(), "below a tenth is")
	r.drain()
}

func TestReserve(t *testing.T) {
	r := newRig(t)
	r.d.Resize(1000)
	check.Eq(t, r.d.Stats()[0].Size, 1024)
	check.True(t, !r.d.Rehashing(), "an empty dict needs no rehash")
	r.d.Resize(5000)
	check.Eq(t, r.d.Stats()[0].Size, 8192)
	check.True(t, !r.d.Rehashing(), "neither does one that has an empty table")
	r.put("a")
	r.d.Resize(0)
	check.True(t, r.d.Rehashing(), "smaller, but never below what it holds")
	for r.d.Step(100) {
	}
	check.Eq(t, r.d.Stats()[0].Size, 8)
	r.agree()
	r.del("a")
	r.d.Resize(0)
	check.Eq(t, r.arena.Used(), 0)
}

func TestDrainDuringRehash(t *testing.T) {
	for _, n := range []int{1, 8, 9, 129, 140, 1000, 1100} {
		for _, avoid := range []bool{false, true} {
			r := newRig(t)
			r.policy.Avoid = avoid
			for i := range n {
				r.put(fmt.Sprint(i))
			}
			freed, told := 0, map[[2]uint64]bool{}
			r.d.SetBarrier(func(gen, i uint64) { told[[2]uint64{gen, i}] = true })
			pos, done := uint64(0), false
			for !done {
				before := r.d.Len()
				pos, done = r.d.Drain(pos, 3, func(e mem.Ref) {
					freed++
					r.arena.Free(mem.Entry, e)
				})
				check.True(t, done || r.d.Len() <= before, "it gets less")
			}
			check.Eq(t, freed, n)
			check.True(t, len(told) > 0, "the barrier was told")
			check.Eq(t, r.arena.Used(), 0)
			check.NoErr(t, r.arena.CheckLeaks())
		}
	}
}

func TestReplaceAndDelete(t *testing.T) {
	r := newRig(t)
	for i := range 500 {
		key := []byte(fmt.Sprint("k", i))
		e := r.entry(key)
		h := r.d.Hash(key)
		r.d.Insert(h, e)
		other := r.entry(key)
		r.d.Replace(h, e, other)
		r.arena.Free(mem.Entry, e)
		got, ok := r.d.Find(h, key)
		check.True(t, ok, "found")
		check.Eq(t, got, other)
		if i%3 == 0 {
			r.d.Delete(h, other)
			r.arena.Free(mem.Entry, other)
		}
	}
	check.NoErr(t, r.d.Check())
	r.drain()
}

func TestTwoDictsShareASeed(t *testing.T) {
	r := newRig(t)
	seed := maphash.MakeSeed()
	a := ds.NewDict(r.arena, seed, keyOff, &r.policy)
	b := ds.NewDict(r.arena, seed, keyOff, &r.policy)
	check.Eq(t, a.Hash([]byte("key")), b.Hash([]byte("key")))
}
