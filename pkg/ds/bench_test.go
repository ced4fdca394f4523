package ds_test

import (
	"fmt"
	"hash/maphash"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/mem"
)

func TestNoAllocations(t *testing.T) {
	r := newRig(t)
	keys := make([][]byte, 3000)
	for i := range keys {
		keys[i] = fmt.Appendf(nil, "key:%d", i)
	}
	refs := make([]mem.Ref, len(keys))
	for i, key := range keys {
		refs[i] = r.entry(key)
	}
	i, seen := 0, 0
	count := func(mem.Ref) { seen++ }
	tests := []struct {
		name string
		run  func()
	}{
		{"find", func() { r.d.Find(r.d.Hash(keys[i]), keys[i]) }},
		{"delete and insert", func() {
			h := r.d.Hash(keys[i])
			e, ok := r.d.Find(h, keys[i])
			check.True(t, ok, "found")
			r.d.Delete(h, e)
			r.d.Insert(h, e)
		}},
		{"random", func() { r.d.Random() }},
		{"scan", func() { r.d.Scan(uint64(i), count) }},
		{"rehash step", func() { r.d.Step(1) }},
	}
	for _, rehashing := range []bool{false, true} {
		for n, key := range keys {
			r.d.Insert(r.d.Hash(key), refs[n])
		}
		for r.d.Step(100) {
		}
		if rehashing {
			r.d.Resize(1 << 16)
		}
		for _, tt := range tests {
			t.Run(fmt.Sprintf("%s, rehashing %v", tt.name, rehashing), func(t *testing.T) {
				check.Eq(t, testing.AllocsPerRun(300, func() { tt.run(); i = (i + 7) % len(keys) }), 0)
			})
		}
		for pos, done := uint64(0), false; !done; {
			pos, done = r.d.Drain(pos, 100, func(mem.Ref) {})
		}
	}
}

const benchKeys = 1 << 20

// keyring writes key n of the benchmark, from one buffer: keys in an array of
// their own would be cache misses that no server has.
type keyring struct {
	buf  [16]byte
	next uint64
}

func (k *keyring) at(n int) []byte {
	copy(k.buf[:], "key:000000000000")
	for i := 15; n > 0; i-- {
		k.buf[i] = '0' + byte(n%10)
		n /= 10
	}
	return k.buf[:]
}

// draw is the next of a sequence that visits all keys in no order.
func (k *keyring) draw() []byte {
	k.next = (k.next*6364136223846793005 + 1442695040888963407)
	return k.at(int(k.next >> 44 & (benchKeys - 1)))
}

func benchRig(b *testing.B) (*rig, *keyring) {
	a, err := mem.New(mem.Config{Reserve: 4 << 30, HugePages: true})
	check.NoErr(b, err)
	b.Cleanup(func() { check.NoErr(b, a.Close()) })
	r := &rig{t: b, arena: a}
	r.d = ds.NewDict(a, maphash.MakeSeed(), keyOff, &r.policy)
	r.d.Resize(benchKeys)
	k := &keyring{}
	for i := range benchKeys {
		key := k.at(i)
		r.d.Insert(r.d.Hash(key), r.entry(key))
	}
	b.ReportAllocs()
	return r, k
}

func BenchmarkFindHit1M(b *testing.B) {
	r, k := benchRig(b)
	for b.Loop() {
		key := k.draw()
		if _, ok := r.d.Find(r.d.Hash(key), key); !ok {
			b.Fatal("missing")
		}
	}
}

func BenchmarkFindMiss1M(b *testing.B) {
	r, k := benchRig(b)
	for b.Loop() {
		key := k.draw()
		key[0] = 'K'
		r.d.Find(r.d.Hash(key), key)
	}
}

func BenchmarkDeleteInsert1M(b *testing.B) {
	r, k := benchRig(b)
	for b.Loop() {
		key := k.draw()
		h := r.d.Hash(key)
		e, _ := r.d.Find(h, key)
		r.d.Delete(h, e)
		r.d.Insert(h, e)
	}
}

func BenchmarkRehash1M(b *testing.B) {
	r, _ := benchRig(b)
	for b.Loop() {
		r.d.Resize(benchKeys * 2)
		for r.d.Step(100) {
		}
		r.d.Resize(0)
		for r.d.Step(100) {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/2/benchKeys, "ns/key")
}

func BenchmarkEach1M(b *testing.B) {
	r, _ := benchRig(b)
	sum := 0
	for b.Loop() {
		r.d.Each(func(e mem.Ref) { sum += int(r.key(e)[3]) })
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchKeys, "ns/key")
}

func BenchmarkRandom1M(b *testing.B) {
	r, _ := benchRig(b)
	for b.Loop() {
		r.d.Random()
	}
}
