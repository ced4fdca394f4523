package command_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/hll"
	"redisd/pkg/mem"
)

const (
	notHLL     = "-WRONGTYPE Key is not a valid HyperLogLog string value."
	corruptHLL = "-INVALIDOBJ Corrupted HLL object detected"
)

func TestHyperLogLog(t *testing.T) {
	runSpecs(t, []spec{
		{"pfadd new", "", "pfadd k a b c", ":1", 4, "=", "n:new:k $:pfadd:k"},
		{"pfadd nothing new", "", "pfadd k", ":1", 1, "=", "n:new:k $:pfadd:k"},
		{"pfadd again", "pfadd k a b", "pfadd k b a", ":0", 0, "", ""},
		{"pfadd nothing", "pfadd k a b", "pfadd k", ":0", 0, "", ""},
		{"pfadd to a string", "set k x", "pfadd k a", notHLL, 0, "", ""},
		{"pfadd to a number", "set k 123456789012345678", "pfadd k a", notHLL, 0, "", ""},
		{"pfcount", "pfadd k a b c", "pfcount k", ":3", 1, "=", ""},
		{"pfcount again", "pfadd k a b c; pfcount k", "pfcount k", ":3", 0, "", ""},
		{"pfcount missing", "", "pfcount k", ":0", 0, "", "m:keymiss:k"},
		{"pfcount several", "pfadd k a b c; pfadd j c d", "pfcount k nope j", ":4", 0, "", "m:keymiss:nope"},
		{"pfcount of a string", "set k x", "pfcount k", notHLL, 0, "", ""},
		{"pfmerge", "pfadd k a b c; pfadd j c d", "pfmerge d k j", "+OK", 1, "=", "m:keymiss:d n:new:d $:pfadd:d"},
		{"pfmerge of nothing", "", "pfmerge d k", "+OK", 1, "=", "m:keymiss:d m:keymiss:k n:new:d $:pfadd:d"},
		{"pfmerge of a string", "pfadd k a; set j x", "pfmerge d k j", notHLL, 0, "", "m:keymiss:d"},
		{"pfdebug decode", "pfadd k a", "pfdebug DECODE k", "$20 Z:12711 v:2,1 Z:3672", 0, "", ""},
		{"pfdebug encoding", "pfadd k a", "pfdebug encoding k", "+sparse", 0, "", ""},
		{"pfdebug todense", "pfadd k a", "pfdebug todense k", ":1", 1, "=", ""},
		{"pfdebug todense again", "pfadd k a; pfdebug todense k", "pfdebug todense k", ":0", 0, "", ""},
		{"pfdebug decode dense", "pfadd k a; pfdebug todense k", "pfdebug decode k", "-ERR HLL encoding is not sparse", 0, "", ""},
		{"pfdebug missing", "", "pfdebug x k", "-ERR The specified key does not exist", 0, "", ""},
		{"pfdebug other", "pfadd k a", "pfdebug x k", "-ERR Unknown PFDEBUG subcommand 'x'", 0, "", ""},
		{"pfselftest", "", "pfselftest", "+OK", 0, "", ""},
	})
}

func TestHyperLogLogGrowsIntoTheDenseForm(t *testing.T) {
	s := newSession(t)
	s.run("pfadd k x")
	s.run("pexpireat k 1800000000000")
	for i := 0; s.run("pfdebug encoding k") == "+sparse"; i++ {
		check.True(t, i < 5000, "the limit holds")
		s.run(fmt.Sprintf("pfadd k %d %dx", i, i))
		if i == 500 {
			check.Eq(t, s.run("object encoding k"), "$3 raw")
		}
	}
	check.Eq(t, s.run("strlen k"), fmt.Sprintf(":%d", hll.DenseLen))
	check.Eq(t, s.run("pexpiretime k"), ":1800000000000")
	before := s.run("pfcount k")
	s.run("pfadd other y")
	s.run("pfmerge other k")
	check.Eq(t, s.run("pfdebug encoding other"), "+dense")
	s.run("pfmerge k")
	check.Eq(t, s.run("pfcount k"), before)
	check.Eq(t, strings.Count(s.run("pfdebug getreg k"), ":"), hll.Registers)
	s.run("del k other")
	check.Eq(t, s.arena.UsedBy(mem.Value)+s.arena.UsedBy(mem.Scratch), uint64(0))
}

// A merge of sparse values ends as adding one by one does, the limit included.
func TestMergeOfSparseValues(t *testing.T) {
	s := newSession(t)
	for i := range 300 {
		s.run(fmt.Sprintf("pfadd a %d", i))
		s.run(fmt.Sprintf("pfadd b %dx", i))
	}
	s.run("pfmerge m a b")
	check.Eq(t, s.run("pfdebug encoding m"), "+sparse")
	check.Eq(t, s.run("pfcount m"), s.run("pfcount a b"))
	s.ctx.KS.Limits.HLLSparse = 1000
	s.run("pfmerge n a b")
	check.Eq(t, s.run("pfdebug encoding n"), "+dense")
	check.Eq(t, s.run("pfcount n"), s.run("pfcount m"))
}

func TestCorruptHyperLogLogs(t *testing.T) {
	value := func(runs string) []byte {
		b := make([]byte, hll.EmptyLen)
		hll.PutEmpty(b)
		hll.Invalidate(b)
		return append(b[:hll.HeaderLen], runs...)
	}
	s := newSession(t)
	s.exec([][]byte{[]byte("set"), []byte("short"), value("\x40\x05")})
	s.exec([][]byte{[]byte("set"), []byte("long"), value("\x7f\xff\x00")})
	s.exec([][]byte{[]byte("set"), []byte("cut"), value("\x43\xff\x7f")})
	for _, key := range []string{"short", "long", "cut"} {
		for _, line := range []string{"pfcount KEY", "pfcount KEY KEY", "pfmerge d KEY", "pfmerge KEY x", "pfdebug todense KEY", "pfdebug getreg KEY"} {
			check.Eq(t, s.run(strings.ReplaceAll(line, "KEY", key)), corruptHLL)
			check.Eq(t, s.ctx.Fx.Dirty, int64(0))
		}
	}
	check.Eq(t, s.run("pfdebug decode cut"), corruptHLL)
	check.Eq(t, s.run("pfadd short a"), corruptHLL)
	check.Eq(t, s.logged(), "")
	// The first element has a register in cut, the second has none.
	check.Eq(t, s.run("pfadd cut "+elementBelow(1024)+" "+elementBelow(1024)+"z"), corruptHLL)
	check.Eq(t, s.logged(), "=")
}

// elementBelow is an element whose register is below n, and which is not once it has
// a z behind it.
func elementBelow(n int) string {
	for i := 0; ; i++ {
		text := fmt.Sprint(i)
		first, _ := hll.Place([]byte(text))
		second, _ := hll.Place([]byte(text + "z"))
		if first < n && second >= n {
			return text
		}
	}
}

func TestHyperLogLogAllocatesNothing(t *testing.T) {
	noAllocations(t, "pfadd k a b c", "pfcount k", "pfadd k a; pfadd j b; pfcount k j", "pfdebug todense k; pfadd k d e f", "del n; pfadd n a b")
}

func BenchmarkPFAdd(b *testing.B) {
	s := newSession(b)
	argv := words("pfadd k 0000000000")
	for i := 0; b.Loop(); i++ {
		copy(argv[2], fmt.Sprintf("%010d", i*7919%1000000))
		runHot(s, argv)
	}
}
