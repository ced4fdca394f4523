package command_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"redisd/internal/check"
)

const wrongType = "-WRONGTYPE Operation against a key holding the wrong kind of value"

func TestHashCommands(t *testing.T) {
	const two = "hset h a 1 b 2"
	runSpecs(t, []spec{
		{"hset, new", "", "hset h a 1 b 2 a 3", ":2", 3, "=", "n:new:h h:hset:h"},
		{"hset, there", two, "hset h a 5", ":0", 1, "=", "h:hset:h"},
		{"hset, half a pair", "", "hset h a 1 b", "-ERR wrong number of arguments for 'hset' command", 0, "", ""},
		{"hset, half a pair on another type", "set h x", "hset h a 1 b", "-ERR wrong number of arguments for 'hset' command", 0, "", ""},
		{"hset, wrong type", "set h x", "hset h a 1", wrongType, 0, "", ""},
		{"hmset", "", "hmset h a 1", "+OK", 1, "=", "n:new:h h:hset:h"},
		{"hmset, half a pair", "", "hmset h a 1 b", "-ERR wrong number of arguments for 'hmset' command", 0, "", ""},
		{"hsetnx, new", "", "hsetnx h a 1", ":1", 1, "=", "n:new:h h:hset:h"},
		{"hsetnx, there", two, "hsetnx h a 9", ":0", 0, "", ""},
		{"hget", two, "hget h b", "$1 2", 0, "", ""},
		{"hget, no field", two, "hget h c", "$-1", 0, "", ""},
		{"hget, no key", "", "hget h a", "$-1", 0, "", "m:keymiss:h"},
		{"hget, wrong type", "set h x", "hget h a", wrongType, 0, "", ""},
		{"hmget", two, "hmget h a x b", "*3 $1 1 $-1 $1 2", 0, "", ""},
		{"hmget, no key", "", "hmget h a b", "*2 $-1 $-1", 0, "", "m:keymiss:h"},
		{"hmget, wrong type", "set h x", "hmget h a", wrongType, 0, "", ""},
		{"hdel", two, "hdel h a x", ":1", 1, "=", "h:hdel:h"},
		{"hdel, the last", two, "hdel h a b c", ":2", 2, "=", "h:hdel:h g:del:h"},
		{"hdel, nothing", two, "hdel h x", ":0", 0, "", ""},
		{"hdel, no key", "", "hdel h x", ":0", 0, "", ""},
		{"hlen", two, "hlen h", ":2", 0, "", ""},
		{"hlen, no key", "", "hlen h", ":0", 0, "", "m:keymiss:h"},
		{"hstrlen", "hset h a 12345 b abc", "hstrlen h a", ":5", 0, "", ""},
		{"hstrlen, no field", two, "hstrlen h x", ":0", 0, "", ""},
		{"hexists", two, "hexists h a", ":1", 0, "", ""},
		{"hexists, not", two, "hexists h x", ":0", 0, "", ""},
		{"hkeys", two, "hkeys h", "*2 $1 a $1 b", 0, "", ""},
		{"hvals", two, "hvals h", "*2 $1 1 $1 2", 0, "", ""},
		{"hvals, no key", "", "hvals h", "*0", 0, "", "m:keymiss:h"},
		{"hgetall", two, "hgetall h", "*4 $1 a $1 1 $1 b $1 2", 0, "", ""},
		{"hgetall, no key", "", "hgetall h", "*0", 0, "", "m:keymiss:h"},
		{"hincrby", two, "hincrby h b 40", ":42", 1, "=", "h:hincrby:h"},
		{"hincrby, new", "", "hincrby h a -3", ":-3", 1, "=", "n:new:h h:hincrby:h"},
		{"hincrby, no number given", "set h x", "hincrby h a x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"hincrby, no number there", "hset h a x", "hincrby h a 1", "-ERR hash value is not an integer", 0, "", ""},
		{"hincrby, too much", "hset h a 9223372036854775807", "hincrby h a 1", "-ERR increment or decrement would overflow", 0, "", ""},
		{"hincrby, too little", "hset h a -2", "hincrby h a -9223372036854775808", "-ERR increment or decrement would overflow", 0, "", ""},
		{"hincrbyfloat", "hset h a 10.5", "hincrbyfloat h a 0.1", "$4 10.6", 1, "HSET h a 10.6", "h:hincrbyfloat:h"},
		{"hincrbyfloat, new", "", "hincrbyfloat h a 5", "$1 5", 1, "HSET h a 5", "n:new:h h:hincrbyfloat:h"},
		{"hincrbyfloat, no number given", "", "hincrbyfloat h a x", "-ERR value is not a valid float", 0, "", ""},
		{"hincrbyfloat, infinity", "", "hincrbyfloat h a inf", "-ERR value is NaN or Infinity", 0, "", ""},
		{"hincrbyfloat, no number there", "hset h a x", "hincrbyfloat h a 1", "-ERR hash value is not a float", 0, "", ""},
		{"hscan", two, "hscan h 0", "*2 $1 0 *4 $1 a $1 1 $1 b $1 2", 0, "", ""},
		{"hscan, match", two, "hscan h 0 match b", "*2 $1 0 *2 $1 b $1 2", 0, "", ""},
		{"hscan, no key", "", "hscan h 0 count x", "*2 $1 0 *0", 0, "", "m:keymiss:h"},
		{"hscan, bad cursor", "set h x", "hscan h x", "-ERR invalid cursor", 0, "", ""},
		{"hscan, wrong type", "set h x", "hscan h 0", wrongType, 0, "", ""},
		{"hscan, type", two, "hscan h 0 type hash", "-ERR syntax error", 0, "", ""},
		{"hscan, count 0", two, "hscan h 0 count 0", "-ERR syntax error", 0, "", ""},
		{"hrandfield", "hset h a 1", "hrandfield h", "$1 a", 0, "", ""},
		{"hrandfield, no key", "", "hrandfield h", "$-1", 0, "", "m:keymiss:h"},
		{"hrandfield, more than there are", two, "hrandfield h 5 withvalues", "*4 $1 a $1 1 $1 b $1 2", 0, "", ""},
		{"hrandfield, none", two, "hrandfield h 0", "*0", 0, "", ""},
		{"hrandfield, repeated", "hset h a 1", "hrandfield h -3 withvalues", "*6 $1 a $1 1 $1 a $1 1 $1 a $1 1", 0, "", ""},
		{"hrandfield, bad word", two, "hrandfield h 1 x", "-ERR syntax error", 0, "", ""},
		{"hrandfield, no number", two, "hrandfield h x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"hrandfield, least number", two, "hrandfield h -9223372036854775808",
			"-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807", 0, "", ""},
		{"hrandfield, too many with values", two, "hrandfield h 9223372036854775807 withvalues", "-ERR value is out of range", 0, "", ""},
	})
}

func TestHashRepliesOfRESP3(t *testing.T) {
	s := newSession(t)
	s.ctx.Out.Proto = 3
	s.run("hset h a 1")
	check.Eq(t, s.run("hgetall h"), "%1 $1 a $1 1")
	check.Eq(t, s.run("hgetall nope"), "%0")
	check.Eq(t, s.run("hkeys h"), "*1 $1 a")
	check.Eq(t, s.run("hget h x"), "_")
	check.Eq(t, s.run("hrandfield h 1 withvalues"), "*1 *2 $1 a $1 1")
	check.Eq(t, s.run("hrandfield h -2"), "*2 $1 a $1 a")
}

// When a hash leaves the compact encoding, and that it does not come back.
func TestHashEncodings(t *testing.T) {
	long := strings.Repeat("x", 65)
	tests := []struct{ name, lines, want string }{
		{"few and short", "hset h a 1", "listpack"},
		{"a value of 64", "hset h a " + long[1:], "listpack"},
		{"a value of 65", "hset h a " + long, "hashtable"},
		{"a field of 65", "hset h " + long + " 1", "hashtable"},
		{"a long value of two", "hset h a 1 b " + long, "hashtable"},
		{"a later long value", "hset h a 1;hset h a " + long, "hashtable"},
		{"hsetnx of a long value", "hsetnx h a " + long, "hashtable"},
		{"512 fields", manyPairs(512), "listpack"},
		{"513 fields", manyPairs(513), "hashtable"},
		{"513 fields, then 1", manyPairs(513) + ";" + delPairs(512), "hashtable"},
		{"one after 512", manyPairs(512) + ";hset h more 1", "hashtable"},
		{"one of them after 512", manyPairs(512) + ";hset h f7 1", "listpack"},
		{"one after 512 by hincrby", manyPairs(512) + ";hincrby h more 1", "hashtable"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t)
			for line := range strings.SplitSeq(tt.lines, ";") {
				s.run(line)
			}
			check.Eq(t, s.run("object encoding h"), fmt.Sprintf("$%d %s", len(tt.want), tt.want))
		})
	}
}

func manyPairs(n int) string {
	var b strings.Builder
	b.WriteString("hset h")
	for i := range n {
		fmt.Fprintf(&b, " f%d v%d", i, i)
	}
	return b.String()
}

func delPairs(n int) string {
	var b strings.Builder
	b.WriteString("hdel h")
	for i := range n {
		fmt.Fprintf(&b, " f%d", i)
	}
	return b.String()
}

// An iteration gives all that was there from its begin to its end, while the table
// grows, shrinks and moves under it.
func TestHScanWhileTheTableIsResized(t *testing.T) {
	for _, kind := range []string{"hash", "set"} {
		for _, stable := range []int{600, 3000} {
			s := newSession(t)
			add, remove, scan := "hset k %s x", "hdel k %s", "hscan k %s count 7"
			if kind == "set" {
				add, remove, scan = "sadd k %s", "srem k %s", "sscan k %s count 7"
			}
			for i := range stable {
				s.run(fmt.Sprintf(add, fmt.Sprint("stay:", i)))
			}
			seen := map[string]bool{}
			cursor, passing := "0", 0
			for turn := 0; turn == 0 || cursor != "0"; turn++ {
				words := strings.Fields(s.run(fmt.Sprintf(scan, cursor)))
				cursor = words[2]
				for _, w := range words[3:] {
					seen[w] = true
				}
				for range 40 { // others come at first, and then go
					if turn < 30 {
						s.run(fmt.Sprintf(add, fmt.Sprint("pass:", passing)))
						passing++
					} else if passing > 0 {
						passing--
						s.run(fmt.Sprintf(remove, fmt.Sprint("pass:", passing)))
					}
				}
			}
			for i := range stable {
				check.True(t, seen[fmt.Sprint("stay:", i)], fmt.Sprintf("%s: %d of %d was seen", kind, i, stable))
			}
		}
	}
}

// unfair is chi-square over its degrees of freedom, in standard deviations.
func unfair(count map[string]int, elements int) float64 {
	total := 0
	for _, n := range count {
		total += n
	}
	each := float64(total) / float64(elements)
	chi := float64(elements-len(count)) * each
	for _, n := range count {
		chi += (float64(n) - each) * (float64(n) - each) / each
	}
	df := float64(elements - 1)
	return (chi - df) / math.Sqrt(2*df)
}

// What is taken by chance is spread evenly in each encoding and for each way to ask.
func TestRandomElementsAreFair(t *testing.T) {
	tests := []struct {
		name, add string
		n         int
		line      string
		step      int // words of a reply that an element takes
	}{
		{"listpack, one", "hset k f%d x", 60, "hrandfield k 1", 2},
		{"listpack, repeated", "hset k f%d x", 60, "hrandfield k -10", 2},
		{"listpack, repeated often", "hset k f%d x", 60, "hrandfield k -50", 2},
		{"listpack, different", "hset k f%d x", 60, "hrandfield k 20", 2},
		{"hash table, repeated", "hset k f%d x", 700, "hrandfield k -50", 2},
		{"hash table, few different", "hset k f%d x", 700, "hrandfield k 50", 2},
		{"hash table, most", "hset k f%d x", 700, "hrandfield k 600", 2},
		{"intset, repeated", "sadd k %d", 100, "srandmember k -10", 2},
		{"intset, different", "sadd k %d", 100, "srandmember k 30", 2},
		{"set listpack, repeated", "sadd k m%d", 100, "srandmember k -60", 2},
		{"set listpack, different", "sadd k m%d", 100, "srandmember k 60", 2},
		{"set table, repeated", "sadd k m%d", 600, "srandmember k -60", 2},
		{"set table, few different", "sadd k m%d", 600, "srandmember k 60", 2},
		{"set table, most", "sadd k m%d", 600, "srandmember k 500", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSession(t)
			for i := range tt.n {
				s.run(fmt.Sprintf(tt.add, i))
			}
			count := map[string]int{}
			for total := 0; total < 200*tt.n; {
				words := strings.Fields(s.run(tt.line))
				for i := tt.step; i < len(words); i += tt.step {
					count[words[i]]++
					total++
				}
			}
			check.Eq(t, len(count), tt.n)
			if u := unfair(count, tt.n); u > 7 {
				t.Errorf("%.1f standard deviations from even", u)
			}
		})
	}
}
