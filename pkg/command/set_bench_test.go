package command_test

import (
	"testing"
)

// filled is a session with a hash and a set of n elements, and a word that changes.
func filled(b *testing.B, n int) (*session, [][]byte) {
	s := newSession(b)
	name := []byte("element:00000000")
	add, set := [][]byte{[]byte("sadd"), []byte("s"), name}, [][]byte{[]byte("hset"), []byte("h"), name, []byte("value")}
	for i := range n {
		number(name, i)
		runHot(s, add)
		runHot(s, set)
	}
	return s, [][]byte{nil, nil, name}
}

func number(name []byte, i int) {
	for at := len(name) - 1; at > len(name)-9; at-- {
		name[at] = '0' + byte(i%10)
		i /= 10
	}
}

// benchElements runs a command on elements in no order; the words of line after the
// key are followed by the element.
func benchElements(b *testing.B, n, of int, words ...string) {
	s, argv := filled(b, n)
	argv[0], argv[1] = []byte(words[0]), []byte(words[1])
	for _, w := range words[2:] {
		argv = append(argv, []byte(w))
	}
	next := uint64(1)
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		next = next*6364136223846793005 + 1442695040888963407
		number(argv[2], int(next>>33)%of)
		runHot(s, argv)
	}
}

const bigTable = 1 << 20

func BenchmarkHGet1M(b *testing.B)      { benchElements(b, bigTable, bigTable, "hget", "h") }
func BenchmarkHSet1M(b *testing.B)      { benchElements(b, bigTable, bigTable, "hset", "h", "other") }
func BenchmarkHSetNew(b *testing.B)     { benchElements(b, 1000, 1<<30, "hset", "h", "other") }
func BenchmarkSAddNew(b *testing.B)     { benchElements(b, 1000, 1<<30, "sadd", "s") }
func BenchmarkSIsMember1M(b *testing.B) { benchElements(b, bigTable, bigTable, "sismember", "s") }

func BenchmarkSPop1M(b *testing.B) {
	s, _ := filled(b, bigTable)
	argv := words("spop s")
	b.ReportAllocs()
	b.ResetTimer()
	for range min(b.N, bigTable) {
		runHot(s, argv)
	}
}

func BenchmarkSRandMember1M(b *testing.B) {
	s, _ := filled(b, bigTable)
	argv := words("srandmember s")
	b.ResetTimer()
	for range b.N {
		runHot(s, argv)
	}
}

func BenchmarkHGetAll50(b *testing.B) {
	s := newSession(b)
	s.run(manyPairs(50))
	argv := words("hgetall h")
	b.ReportAllocs()
	for b.Loop() {
		runHot(s, argv)
	}
}

func BenchmarkHGetAll600(b *testing.B) {
	s := newSession(b)
	s.run(manyPairs(600))
	argv := words("hgetall h")
	b.ReportAllocs()
	for b.Loop() {
		runHot(s, argv)
	}
}
