package digest_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/ds"
	"redisd/pkg/persist/digest"
	"redisd/pkg/persist/rdb"
)

// The hash is part of no file, but daemon and child must agree on it, and every length
// takes another way through it.
func TestBytesSeesEveryBitAndLength(t *testing.T) {
	seen := map[uint64]string{}
	add := func(b []byte, what string) {
		h := digest.Bytes(7, b)
		if other, twice := seen[h]; twice {
			t.Fatalf("%s has the hash of %s", what, other)
		}
		seen[h] = what
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for n := range 150 {
		b := make([]byte, n)
		add(bytes.Clone(b), fmt.Sprint(n, " zeros"))
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		if n > 0 {
			add(b, fmt.Sprint(n, " bytes"))
		}
		for bit := range 8 * n {
			b[bit/8] ^= 1 << (bit % 8)
			if n > 4 { // below, two flips may meet
				add(b, fmt.Sprint(n, " bytes, bit ", bit))
			}
			b[bit/8] ^= 1 << (bit % 8)
		}
	}
	check.True(t, digest.Bytes(7, []byte("a")) != digest.Bytes(8, []byte("a")), "the seed counts")
}

// key sums up one key whose value visit gives.
func key(unpacked bool, name string, t byte, expire int64, visit func(d *digest.Digester)) uint64 {
	d := digest.Digester{Unpacked: unpacked}
	d.Start([]byte(name), t, expire)
	if visit != nil {
		visit(&d)
	}
	return d.Sum()
}

func elements(t byte, words ...string) func(d *digest.Digester) {
	return func(d *digest.Digester) {
		_ = d.Begin(t, uint64(len(words)))
		for _, w := range words {
			_ = d.Element([]byte(w))
		}
		_ = d.End()
	}
}

func pack(t byte, words ...string) func(d *digest.Digester) {
	return func(d *digest.Digester) {
		var b ds.LPBuilder
		for _, w := range words {
			b.Add([]byte(w))
		}
		_ = d.Begin(t, 1)
		_ = d.Pack(b.Blob())
		_ = d.End()
	}
}

// Each of these differs from all the others, in both ways of counting.
func TestSumsDiffer(t *testing.T) {
	for _, unpacked := range []bool{false, true} {
		seen := map[uint64]string{}
		add := func(what string, sum uint64) {
			if other, twice := seen[sum]; twice {
				t.Fatalf("%s is like %s", what, other)
			}
			seen[sum] = what
		}
		str := func(s string) func(*digest.Digester) {
			return func(d *digest.Digester) { d.String([]byte(s)) }
		}
		add("string", key(unpacked, "k", rdb.TypeString, -1, str("v")))
		add("other value", key(unpacked, "k", rdb.TypeString, -1, str("w")))
		add("other key", key(unpacked, "j", rdb.TypeString, -1, str("v")))
		add("expiry", key(unpacked, "k", rdb.TypeString, 5, str("v")))
		add("other expiry", key(unpacked, "k", rdb.TypeString, 6, str("v")))
		add("swapped", key(unpacked, "v", rdb.TypeString, -1, str("k")))
		add("list", key(unpacked, "k", rdb.TypeList, -1, elements(rdb.TypeList, "v")))
		add("set", key(unpacked, "k", rdb.TypeSet, -1, elements(rdb.TypeSet, "v")))
		add("twice", key(unpacked, "k", rdb.TypeSet, -1, elements(rdb.TypeSet, "v", "v")))
		add("thrice", key(unpacked, "k", rdb.TypeSet, -1, elements(rdb.TypeSet, "v", "v", "v")))
		add("hash", key(unpacked, "k", rdb.TypeHash, -1, func(d *digest.Digester) { _ = d.Pair([]byte("a"), []byte("b")) }))
		add("hash swapped", key(unpacked, "k", rdb.TypeHash, -1, func(d *digest.Digester) { _ = d.Pair([]byte("b"), []byte("a")) }))
		add("score", key(unpacked, "k", rdb.TypeZset2, -1, func(d *digest.Digester) { _ = d.Member([]byte("a"), 1) }))
		add("other score", key(unpacked, "k", rdb.TypeZset2, -1, func(d *digest.Digester) { _ = d.Member([]byte("a"), -1) }))
		add("owned", key(unpacked, "k", rdb.TypeStreamListpacks2, -1, func(d *digest.Digester) { _ = d.Owned(ds.StreamID{Ms: 1, Seq: 2}) }))
		add("other ID", key(unpacked, "k", rdb.TypeStreamListpacks2, -1, func(d *digest.Digester) { _ = d.Owned(ds.StreamID{Ms: 2, Seq: 1}) }))
	}
}

func TestOrderMattersInListsOnly(t *testing.T) {
	sum := func(unpacked bool, typ byte, words ...string) uint64 {
		return key(unpacked, "k", typ, -1, elements(typ, words...))
	}
	check.Eq(t, sum(true, rdb.TypeSet, "a", "b"), sum(true, rdb.TypeSet, "b", "a"))
	check.Eq(t, sum(false, rdb.TypeSet, "a", "b"), sum(false, rdb.TypeSet, "b", "a"))
	check.True(t, sum(true, rdb.TypeList, "a", "b") != sum(true, rdb.TypeList, "b", "a"), "a list has an order")
}

// Unpacked, a packed form counts as its elements; packed, as its bytes, but for a set's.
func TestPackedFormsCountAsTheirElements(t *testing.T) {
	k := func(unpacked bool, visit func(d *digest.Digester)) uint64 {
		return key(unpacked, "k", rdb.TypeSet, -1, visit)
	}
	for _, unpacked := range []bool{false, true} {
		check.Eq(t, k(unpacked, pack(rdb.TypeSetListpack, "a", "17")), k(unpacked, elements(rdb.TypeSet, "17", "a")))
	}
	check.Eq(t, k(true, pack(rdb.TypeListQuicklist2, "a", "17")), k(true, elements(rdb.TypeList, "a", "17")))
	check.Eq(t, k(true, pack(rdb.TypeHashListpack, "a", "17")), k(true, func(d *digest.Digester) { _ = d.Pair([]byte("a"), []byte("17")) }))
	check.Eq(t, k(true, pack(rdb.TypeZsetListpack, "a", "17")), k(true, func(d *digest.Digester) { _ = d.Member([]byte("a"), 17) }))
	check.True(t, k(false, pack(rdb.TypeHashListpack, "a", "17")) != k(false, pack(rdb.TypeHashListpack, "17", "a")), "the bytes of a pack have an order")
}

// A long string and a packed value have the same sum in pieces, in any order.
func TestPiecesAddUp(t *testing.T) {
	b := make([]byte, 3*digest.Piece+100)
	for i := range b {
		b[i] = byte(i * i >> 7)
	}
	for _, typ := range []byte{rdb.TypeString, rdb.TypeHashListpack} {
		whole := digest.Digester{}
		whole.Start([]byte("k"), typ, 9)
		if typ == rdb.TypeString {
			whole.String(b)
		} else {
			_ = whole.Begin(typ, 1)
			_ = whole.Pack(b)
		}
		d := digest.Digester{}
		d.Start([]byte("k"), typ, 9)
		k, sum := d.Key(), d.Sum()
		for _, i := range []int{3, 0, 2, 1} {
			d.Resume(k, typ)
			d.Piece(uint64(i*digest.Piece), b[i*digest.Piece:min(len(b), (i+1)*digest.Piece)])
			sum += d.Sum()
		}
		check.Eq(t, sum, whole.Sum())
	}
}

// BenchmarkKey is what a daemon pays for each string key of 16 bytes with 100.
func BenchmarkKey(b *testing.B) {
	name, val := []byte("key:000000000001"), bytes.Repeat([]byte("x"), 100)
	var d digest.Digester
	b.ReportAllocs()
	for b.Loop() {
		d.Start(name, rdb.TypeString, -1)
		d.String(val)
	}
}

func BenchmarkBytes(b *testing.B) {
	p := make([]byte, 256<<10)
	b.SetBytes(int64(len(p)))
	for b.Loop() {
		digest.Bytes(1, p)
	}
}
