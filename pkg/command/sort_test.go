package command_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
)

func TestSort(t *testing.T) {
	const list = "rpush l 3 1 10 2"
	const weights = "mset w:1 30 w:2 20 w:3 10 v:3 three v:1 one; hset h:1 f a; hset h:2 f b; hset h:10 f c"
	const notDouble = "-ERR One or more scores can't be converted into double"
	runSpecs(t, []spec{
		{"numbers", list, "sort l", "*4 $1 1 $1 2 $1 3 $2 10", 0, "", ""},
		{"desc", list, "sort l DESC", "*4 $2 10 $1 3 $1 2 $1 1", 0, "", ""},
		{"the last of asc and desc", list, "sort l desc ASC", "*4 $1 1 $1 2 $1 3 $2 10", 0, "", ""},
		{"alpha", list, "sort l alpha", "*4 $1 1 $2 10 $1 2 $1 3", 0, "", ""},
		{"limit", list, "sort l limit 1 2", "*2 $1 2 $1 3", 0, "", ""},
		{"limit beyond", list, "sort l limit 3 100", "*1 $2 10", 0, "", ""},
		{"limit behind", list, "sort l limit 4 1", "*0", 0, "", ""},
		{"limit negative", list, "sort l limit -5 -5", "*4 $1 1 $1 2 $1 3 $2 10", 0, "", ""},
		{"missing", "", "sort l get #", "*0", 0, "", "m:keymiss:l"},
		{"doubles", "rpush l 1.5 -inf 1e1 '' _2 0x4", "sort l", "*6 $4 -inf $0  $3 1.5 $2  2 $3 0x4 $3 1e1", 0, "", ""},
		{"no number", "rpush l 1 a", "sort l", notDouble, 0, "", ""},
		{"blank behind", "rpush l 1_", "sort l", notDouble, 0, "", ""},
		{"too large", "rpush l 1e400", "sort l", notDouble, 0, "", ""},
		{"nan", "rpush l nan", "sort l", notDouble, 0, "", ""},
		{"no number to store", "rpush l a; set d x", "sort l store d", notDouble, 0, "", ""},
		{"set", "sadd s 3 1 2", "sort s desc", "*3 $1 3 $1 2 $1 1", 0, "", ""},
		{"by", list + ";" + weights, "sort l by w:*", "*4 $2 10 $1 3 $1 2 $1 1", 0, "", "m:keymiss:w:10"},
		{"by alpha", list + ";" + weights, "sort l by v:* alpha", "*4 $2 10 $1 2 $1 1 $1 3", 0, "", "m:keymiss:v:10 m:keymiss:v:2"},
		{"by field", "rpush l 1 10 2;" + weights, "sort l by h:*->f alpha desc", "*3 $2 10 $1 2 $1 1", 0, "", ""},
		{"by of the wrong type", list + ";" + weights + "; del w:1; hset w:1 a b", "sort l by w:* limit 0 1", "*1 $1 1", 0, "", "m:keymiss:w:10"},
		{"by nothing", list, "sort l by nosort", "*4 $1 3 $1 1 $2 10 $1 2", 0, "", ""},
		{"by nothing, back", list, "sort l by nosort desc limit 1 2", "*2 $2 10 $1 1", 0, "", ""},
		{"by nothing, empty part", list, "sort l by nosort desc limit 4 2", "*0", 0, "", ""},
		{"get", list + ";" + weights, "sort l limit 1 2 get # get w:* get w:*->f", "*6 $1 2 $2 20 $-1 $1 3 $2 10 $-1", 0, "", ""},
		{"get without a star", list, "sort l limit 0 1 get w", "*1 $-1", 0, "", ""},
		{"get field", weights + "; rpush l 1", "sort l get h:*->f get h:*->g get h:*->", "*3 $1 a $-1 $-1", 0, "", "m:keymiss:h:1->"},
		{"store", list, "sort l store d", ":4", 4, "=", "n:new:d l:sortstore:d"},
		{"store over it", list, "sort l store l", ":4", 4, "=", "l:sortstore:l"},
		{"store twice", list, "sort l store a limit 0 1 store b", ":1", 1, "=", "n:new:b l:sortstore:b"},
		{"store nothing", "set d x", "sort l store d", ":0", 1, "=", "m:keymiss:l g:del:d"},
		{"store nothing over nothing", "", "sort l store d", ":0", 0, "", "m:keymiss:l"},
		{"other type", "set k x", "sort k", "-WRONGTYPE Operation against a key holding the wrong kind of value", 0, "", ""},
		{"bad limit", "", "sort l limit 0 x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"limit cut off", "", "sort l limit 0", "-ERR syntax error", 0, "", ""},
		{"bad option", "", "sort l foo", "-ERR syntax error", 0, "", ""},
	})
}

func TestSortReadOnly(t *testing.T) {
	s := newSession(t)
	s.run("rpush l 3 1 2")
	ro := func(more string) string {
		return s.exec(append([][]byte{[]byte("sort_ro"), []byte("l")}, words(more)...))
	}
	check.Eq(t, ro("desc limit 0 1 get #"), "*1 $1 3")
	check.Eq(t, ro("store d"), "-ERR syntax error")
}

func TestSortStoresWhatGetGives(t *testing.T) {
	s := newSession(t)
	s.run("rpush l 2 1")
	s.run("mset d one w:2 two")
	s.run("set w:1 1 ex 100")
	// d is read before it is overwritten, and what is missing is stored as nothing.
	s.run("rename d w:1")
	check.Eq(t, s.run("sort l get w:* get nope* get # store w:1"), ":6")
	check.Eq(t, s.run("lrange w:1 0 -1"), "*6 $3 one $0  $1 1 $3 two $0  $1 2")
	check.Eq(t, s.run("ttl w:1"), ":-1")
}

// What is stored must not depend on the order of a table.
func TestSortOfASetIsStoredInOrder(t *testing.T) {
	s := newSession(t)
	for i := range 200 {
		s.run(fmt.Sprintf("sadd s %d", i*7919%1000))
	}
	s.run("sort s by nosort store a")
	s.run("sort s alpha store b")
	s.run("sort s by nope* alpha store c")
	check.Eq(t, s.run("lrange a 0 -1"), s.run("lrange b 0 -1"))
	check.Eq(t, s.run("lrange c 0 -1"), s.run("lrange b 0 -1"))
}

func TestSortOfASortedSet(t *testing.T) {
	s := newSession(t)
	e := s.ctx.DB.NewZSet([]byte("z"), 3, 1)
	z := e.ZSet()
	for member, score := range map[string]float64{"1": 30, "2": 20, "3": 10} {
		z.Add([]byte(member), score)
	}
	check.Eq(t, s.run("sort z"), "*3 $1 1 $1 2 $1 3")
	check.Eq(t, s.run("sort z by nosort"), "*3 $1 3 $1 2 $1 1")
	check.Eq(t, s.run("sort z by nosort desc"), "*3 $1 1 $1 2 $1 3")
	check.Eq(t, s.run("sort z by nosort desc limit 1 1"), "*1 $1 2")
}

// A part of a sort is a part of the whole, however it is found, and equal elements
// keep their order.
func TestSortPartsAreWhatTheWholeHas(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	s := newSession(t)
	type element struct{ text, weight string }
	var all []element
	for i := range 500 {
		e := element{fmt.Sprint(i), fmt.Sprint(r.IntN(40))}
		all = append(all, e)
		s.run("rpush l " + e.text)
		s.run("set w:" + e.text + " " + e.weight)
	}
	slices.SortStableFunc(all, func(a, b element) int { return strings.Compare(a.weight, b.weight) })
	for range 50 {
		from, n := r.IntN(500), r.IntN(120)
		part := all[from:min(from+n, len(all))]
		want := fmt.Sprintf("*%d", len(part))
		for _, e := range part {
			want += fmt.Sprintf(" $%d %s", len(e.text), e.text)
		}
		check.Eq(t, s.run(fmt.Sprintf("sort l by w:* alpha limit %d %d", from, n)), want)
	}
}

func TestKeysOfSort(t *testing.T) {
	s := newSession(t)
	for line, want := range map[string]string{
		"sort a":                 "[{1 17}]",
		"sort a limit 1 store b": "[{1 17}]",
		"sort a by w store b limit 1 2 get g store c": "[{1 17} {12 36}]",
	} {
		argv := words(line)
		keys, ok := s.table.Lookup(argv[0]).KeysOf(argv)
		check.True(t, ok, "the keys are known")
		check.Eq(t, fmt.Sprint(keys), want)
	}
}
