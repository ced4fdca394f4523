package command_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
)

func TestSetCommands(t *testing.T) {
	const two = "sadd s 1 2"
	runSpecs(t, []spec{
		{"sadd, new", "", "sadd s a b a", ":2", 2, "=", "n:new:s s:sadd:s"},
		{"sadd, there", "sadd s a", "sadd s a", ":0", 0, "", ""},
		{"sadd, wrong type", "set s x", "sadd s a", wrongType, 0, "", ""},
		{"srem", two, "srem s 1 x", ":1", 1, "=", "s:srem:s"},
		{"srem, the last", two, "srem s 1 2 3", ":2", 2, "=", "s:srem:s g:del:s"},
		{"srem, nothing", two, "srem s x", ":0", 0, "", ""},
		{"smove", "sadd s a b;sadd d c", "smove s d a", ":1", 2, "=", "s:srem:s s:sadd:d"},
		{"smove, the last to a new one", "sadd s a", "smove s d a", ":1", 2, "=", "s:srem:s g:del:s n:new:d s:sadd:d"},
		{"smove, there already", "sadd s a b;sadd d a", "smove s d a", ":1", 1, "=", "s:srem:s"},
		{"smove, no member", "sadd s a;sadd d b", "smove s d x", ":0", 0, "", ""},
		{"smove, no source", "set d x", "smove s d x", ":0", 0, "", ""},
		{"smove, destination of another type", "sadd s a;set d x", "smove s d x", wrongType, 0, "", ""},
		{"smove, to itself", "sadd s a", "smove s s a", ":1", 0, "", ""},
		{"sismember", two, "sismember s 2", ":1", 0, "", ""},
		{"sismember, not", two, "sismember s x", ":0", 0, "", ""},
		{"smismember", two, "smismember s 2 x 1", "*3 :1 :0 :1", 0, "", ""},
		{"smismember, no key", "", "smismember s 2 x", "*2 :0 :0", 0, "", "m:keymiss:s"},
		{"scard", two, "scard s", ":2", 0, "", ""},
		{"smembers", "sadd s 5 3 4", "smembers s", "*3 $1 3 $1 4 $1 5", 0, "", ""},
		{"smembers, no key", "", "smembers s", "*0", 0, "", "m:keymiss:s"},
		{"spop", "sadd s a", "spop s", "$1 a", 1, "SREM s a", "s:spop:s g:del:s"},
		{"spop, no key", "", "spop s", "$-1", 0, "", ""},
		{"spop, all", "sadd s 1 2", "spop s 2", "*2 $1 1 $1 2", 2, "DEL s", "s:spop:s g:del:s"},
		{"spop, more than all", "sadd s 1 2", "spop s 9", "*2 $1 1 $1 2", 2, "DEL s", "s:spop:s g:del:s"},
		{"spop, none", two, "spop s 0", "*0", 0, "", ""},
		{"spop, count of no key", "", "spop s 1", "*0", 0, "", ""},
		{"spop, negative", two, "spop s -1", "-ERR value is out of range, must be positive", 0, "", ""},
		{"spop, no number", two, "spop s x", "-ERR value is out of range, must be positive", 0, "", ""},
		{"spop, too many words", two, "spop s 1 1", "-ERR syntax error", 0, "", ""},
		{"srandmember", "sadd s a", "srandmember s", "$1 a", 0, "", ""},
		{"srandmember, no key", "", "srandmember s", "$-1", 0, "", "m:keymiss:s"},
		{"srandmember, count", two, "srandmember s 9", "*2 $1 1 $1 2", 0, "", ""},
		{"srandmember, repeated", "sadd s a", "srandmember s -2", "*2 $1 a $1 a", 0, "", ""},
		{"srandmember, count of no key", "", "srandmember s 1", "*0", 0, "", "m:keymiss:s"},
		{"srandmember, no number", two, "srandmember s x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"sscan", two, "sscan s 0 match 2", "*2 $1 0 *1 $1 2", 0, "", ""},
		{"sscan, type", two, "sscan s 0 type set", "-ERR syntax error", 0, "", ""},
	})
}

func TestSetOperations(t *testing.T) {
	const three = "sadd a 1 2 3 4;sadd b 2 3 x;sadd c 3 4 5"
	runSpecs(t, []spec{
		{"sinter", three, "sinter a b c", "*1 $1 3", 0, "", ""},
		{"sinter, a missing one", three, "sinter a nope", "*0", 0, "", "m:keymiss:nope"},
		{"sinter, wrong type behind a missing one", "set str x", "sinter nope str", wrongType, 0, "", "m:keymiss:nope"},
		{"sinter, twice the same", three, "sinter b b", "*3 $1 2 $1 3 $1 x", 0, "", ""},
		{"sintercard", three, "sintercard 2 a b", ":2", 0, "", ""},
		{"sintercard, limit", three, "sintercard 2 a b limit 1", ":1", 0, "", ""},
		{"sintercard, no limit", three, "sintercard 2 a b limit 0", ":2", 0, "", ""},
		{"sintercard, limit twice", three, "sintercard 2 a b limit 1 limit 9", ":2", 0, "", ""},
		{"sintercard, 0 keys", "", "sintercard 0 a", "-ERR numkeys should be greater than 0", 0, "", ""},
		{"sintercard, no number", "", "sintercard x a", "-ERR numkeys should be greater than 0", 0, "", ""},
		{"sintercard, too many keys", "", "sintercard 3 a b", "-ERR Number of keys can't be greater than number of args", 0, "", ""},
		{"sintercard, negative limit", "", "sintercard 1 a limit -1", "-ERR LIMIT can't be negative", 0, "", ""},
		{"sintercard, half a limit", "", "sintercard 1 a limit", "-ERR syntax error", 0, "", ""},
		{"sintercard, another word", "", "sintercard 1 a b", "-ERR syntax error", 0, "", ""},
		{"sinterstore", three, "sinterstore d a b", ":2", 1, "=", "n:new:d s:sinterstore:d"},
		{"sinterstore, over another type", three + ";set d x", "sinterstore d a b", ":2", 1, "=", "s:sinterstore:d"},
		{"sinterstore, empty", three + ";set d x", "sinterstore d a nope", ":0", 1, "=", "m:keymiss:nope g:del:d"},
		{"sinterstore, empty to nothing", "sadd a 1;sadd b 2", "sinterstore d a b", ":0", 0, "", ""},
		{"sinterstore, into a source", three, "sinterstore a a c", ":2", 1, "=", "s:sinterstore:a"},
		{"sunion", three, "sunion a c", "*5 $1 1 $1 2 $1 3 $1 4 $1 5", 0, "", ""},
		{"sunion, of nothing", "", "sunion a b", "*0", 0, "", "m:keymiss:a m:keymiss:b"},
		{"sunionstore", three, "sunionstore d a b c", ":6", 1, "=", "n:new:d s:sunionstore:d"},
		{"sunionstore, of nothing", "sadd d 1", "sunionstore d nope", ":0", 1, "=", "m:keymiss:nope g:del:d"},
		{"sdiff", three, "sdiff a c", "*2 $1 1 $1 2", 0, "", ""},
		{"sdiff, the same", three, "sdiff a b a", "*0", 0, "", ""},
		{"sdiff, no first", three, "sdiff nope a", "*0", 0, "", "m:keymiss:nope"},
		{"sdiff, missing others", "sadd a 1", "sdiff a x y", "*1 $1 1", 0, "", "m:keymiss:x m:keymiss:y"},
		{"sdiffstore", three, "sdiffstore d a b", ":2", 1, "=", "n:new:d s:sdiffstore:d"},
		{"sdiffstore, empty", three + ";sadd d 1", "sdiffstore d a a", ":0", 1, "=", "g:del:d"},
		{"sdiffstore, wrong type", "sadd a 1;set b x", "sdiffstore d a b", wrongType, 0, "", ""},
	})
}

func TestSetRepliesOfRESP3(t *testing.T) {
	s := newSession(t)
	s.ctx.Out.Proto = 3
	s.run("sadd s 1 2")
	check.Eq(t, s.run("smembers s"), "~2 $1 1 $1 2")
	check.Eq(t, s.run("smembers nope"), "~0")
	check.Eq(t, s.run("sinter s s"), "~2 $1 1 $1 2")
	check.Eq(t, s.run("sunion s nope"), "~2 $1 1 $1 2")
	check.Eq(t, s.run("sdiff s nope"), "~2 $1 1 $1 2")
	check.Eq(t, s.run("srandmember s 2"), "*2 $1 1 $1 2")
	check.Eq(t, s.run("srandmember nope"), "_")
	check.Eq(t, s.run("spop nope 2"), "~0")
	check.Eq(t, s.run("spop s 2"), "~2 $1 1 $1 2")
}

// When a set changes its encoding, as in Redis 7.2.
func TestSetEncodings(t *testing.T) {
	long := strings.Repeat("x", 65)
	tests := []struct{ name, lines, want string }{
		{"numbers", "sadd k 1 2 3", "intset"},
		{"text", "sadd k a", "listpack"},
		{"text of 64", "sadd k " + long[1:], "listpack"},
		{"text of 65", "sadd k " + long, "hashtable"},
		{"text to numbers", "sadd k 1 2 3;sadd k a", "listpack"},
		{"long text to numbers", "sadd k 1 2 3;sadd k " + long, "hashtable"},
		{"numbers, then without the text", "sadd k 1 a;srem k a", "listpack"},
		{"512 numbers", members("k", "", 512), "intset"},
		{"513 numbers", members("k", "", 513), "hashtable"},
		{"one after 512 numbers", members("k", "", 512) + ";sadd k 9999", "hashtable"},
		{"text to 127 numbers", members("k", "", 127) + ";sadd k a", "listpack"},
		{"text to 128 numbers", members("k", "", 128) + ";sadd k a", "hashtable"},
		{"128 words", members("k", "m", 128), "listpack"},
		{"129 words", members("k", "m", 129), "hashtable"},
		{"one after 128 words", members("k", "m", 128) + ";sadd k more", "hashtable"},
		{"union of numbers", "sadd a 1 2;sadd b 3;sunionstore k a b", "intset"},
		{"union of text", "sadd a 1 2;sadd b x;sunionstore k a b", "listpack"},
		{"large union", members("a", "x", 100) + ";" + members("b", "y", 100) + ";sunionstore k a b", "hashtable"},
		{"numbers left of a union", members("a", "x", 200) + ";sadd a 5 6 7;" + members("b", "x", 200) + ";sdiffstore k a b", "intset"},
		{"numbers common to text", "sadd a 1 2 x;sadd b 1 2 y z;sinterstore k a b", "intset"},
		{"text in common", "sadd a 1 2 x;sadd b 1 x y z;sinterstore k a b", "listpack"},
		{"smove to a new one", "sadd a 1 2;smove a k 1", "intset"},
		{"spop leaves it", members("k", "m", 129) + ";spop k 120", "hashtable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t)
			for line := range strings.SplitSeq(tt.lines, ";") {
				s.run(line)
			}
			check.Eq(t, s.run("object encoding k"), fmt.Sprintf("$%d %s", len(tt.want), tt.want))
		})
	}
}

func members(key, prefix string, n int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sadd %s", key)
	for i := range n {
		fmt.Fprintf(&b, " %s%d", prefix, i)
	}
	return b.String()
}

// SPOP with a count takes different members out, says which in reply and log, and
// leaves the others, in every encoding and for any share of the set.
func TestSPopCount(t *testing.T) {
	for _, kind := range []string{"", "m"} {
		for _, size := range []int{2, 100, 300, 2000} {
			for _, n := range []int{1, size / 10, size / 2, size - 1} {
				if n == 0 {
					continue
				}
				s := newSession(t)
				s.run(members("s", kind, size))
				words := strings.Fields(s.run(fmt.Sprint("spop s ", n)))
				check.Eq(t, words[0], fmt.Sprint("*", n))
				check.Eq(t, s.ctx.Fx.Dirty, int64(n))
				check.Eq(t, s.events(), "s:spop:s")
				var popped, logged []string
				for i := 2; i < len(words); i += 2 {
					popped = append(popped, words[i])
				}
				for i := range s.ctx.Fx.Replacements() {
					cmd := s.ctx.Fx.Replacement(i)
					check.Eq(t, string(cmd[0])+" "+string(cmd[1]), "SREM s")
					check.True(t, len(cmd) <= 1026, "a command has at most 1024 members")
					for _, m := range cmd[2:] {
						logged = append(logged, string(m))
					}
				}
				check.Eq(t, logged, popped)
				slices.Sort(popped)
				check.Eq(t, len(slices.Compact(popped)), n)
				check.Eq(t, s.run("scard s"), fmt.Sprint(":", size-n))
				for _, m := range popped {
					check.Eq(t, s.run("sismember s "+m), ":0")
				}
			}
		}
	}
}

// Both ways to a difference, and unions and intersections of every pair of encodings,
// give what a map gives.
func TestSetOperationsAgainstModel(t *testing.T) {
	s := newSession(t)
	sizes := []int{1, 30, 120, 700}
	keys := map[string]map[string]bool{}
	for i, kind := range []string{"", "m", "mix"} {
		for _, size := range sizes {
			key := fmt.Sprintf("k%d:%d", i, size)
			keys[key] = map[string]bool{}
			line := "sadd " + key
			for j := range size {
				m := fmt.Sprint(kind, j*3%997)
				if kind == "mix" && j%2 == 0 {
					m = fmt.Sprint(j * 2 % 997)
				}
				keys[key][m] = true
				line += " " + m
			}
			s.run(line)
		}
	}
	for a, as := range keys {
		for b, bs := range keys {
			inter, union, diff := []string{}, []string{}, []string{}
			for m := range as {
				union = append(union, m)
				if bs[m] {
					inter = append(inter, m)
				} else {
					diff = append(diff, m)
				}
			}
			for m := range bs {
				if !as[m] {
					union = append(union, m)
				}
			}
			for op, want := range map[string][]string{"sinter": inter, "sunion": union, "sdiff": diff} {
				slices.Sort(want)
				check.Eq(t, s.sorted(fmt.Sprint(op, " ", a, " ", b)), want)
				check.Eq(t, s.run(fmt.Sprint(op, "store d ", a, " ", b, " ", b)), fmt.Sprint(":", len(want)))
				check.Eq(t, s.sorted("smembers d"), want)
			}
		}
	}
	s.ctx.KS.FlushAll(false)
	check.NoErr(t, s.arena.CheckLeaks())
}

// sorted runs a command and sorts the bulk strings of its reply.
func (s *session) sorted(line string) []string {
	words := strings.Fields(s.run(line))
	list := []string{}
	for i := 2; i < len(words); i += 2 {
		list = append(list, words[i])
	}
	slices.Sort(list)
	return list
}
