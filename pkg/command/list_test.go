package command_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
)

const (
	noInteger = "-ERR value is not an integer or out of range"
	syntax    = "-ERR syntax error"
)

func TestListPushAndPop(t *testing.T) {
	runSpecs(t, []spec{
		{name: "lpush makes a list", line: "lpush l a b", reply: ":2", dirty: 2, logged: "=", events: "n:new:l l:lpush:l"},
		{name: "lpush adds at the head", setup: "lpush l a b", line: "lrange l 0 -1", reply: "*2 $1 b $1 a"},
		{name: "rpush adds at the tail", setup: "rpush l a b; rpush l c", line: "lrange l 0 -1", reply: "*3 $1 a $1 b $1 c"},
		{name: "push to a list", setup: "rpush l a", line: "rpush l b", reply: ":2", dirty: 1, logged: "=", events: "l:rpush:l"},
		{name: "push to a string", setup: "set l x", line: "lpush l a", reply: wrongType},
		{name: "lpushx without a list", line: "lpushx l a", reply: ":0"},
		{name: "rpushx without a list", line: "rpushx l a", reply: ":0"},
		{name: "lpushx", setup: "rpush l a", line: "lpushx l b c", reply: ":3", dirty: 2, logged: "=", events: "l:lpush:l"},
		{name: "rpushx", setup: "rpush l a; rpushx l b c", line: "lrange l 0 -1", reply: "*3 $1 a $1 b $1 c"},
		{name: "pushx to a string", setup: "set l x", line: "rpushx l a", reply: wrongType},

		{name: "lpop", setup: "rpush l a b", line: "lpop l", reply: "$1 a", dirty: 1, logged: "=", events: "l:lpop:l"},
		{name: "rpop of a number", setup: "rpush l a 17", line: "rpop l", reply: "$2 17", dirty: 1, logged: "=", events: "l:rpop:l"},
		{name: "the last element", setup: "rpush l a", line: "rpop l", reply: "$1 a", dirty: 1, logged: "=", events: "l:rpop:l g:del:l"},
		{name: "pop nothing", line: "lpop l", reply: "$-1"},
		{name: "pop a string", setup: "set l x", line: "rpop l", reply: wrongType},
		{name: "lpop with a count", setup: "rpush l a b c", line: "lpop l 2", reply: "*2 $1 a $1 b", dirty: 2, logged: "=", events: "l:lpop:l"},
		{name: "rpop with a count", setup: "rpush l a b c", line: "rpop l 2", reply: "*2 $1 c $1 b", dirty: 2, logged: "=", events: "l:rpop:l"},
		{name: "pop all", setup: "rpush l a b", line: "rpop l 9", reply: "*2 $1 b $1 a", dirty: 2, logged: "=", events: "l:rpop:l g:del:l"},
		{name: "pop none of a list", setup: "rpush l a", line: "lpop l 0", reply: "*0"},
		{name: "pop none of nothing", line: "lpop l 0", reply: "*-1"},
		{name: "pop some of nothing", line: "lpop l 5", reply: "*-1"},
		{name: "count below zero", setup: "rpush l a", line: "lpop l -1", reply: "-ERR value is out of range, must be positive"},
		{name: "count that is none", line: "lpop l x", reply: "-ERR value is out of range, must be positive"},
		{name: "count comes before the type", setup: "set l x", line: "lpop l x", reply: "-ERR value is out of range, must be positive"},
		{name: "too many words", line: "rpop l 1 2", reply: "-ERR wrong number of arguments for 'rpop' command"},
	})
}

func TestListRead(t *testing.T) {
	const five = "rpush l a b 3 d e"
	const lposList = "rpush l a b c 1 2 3 c c"
	runSpecs(t, []spec{
		{name: "llen", setup: five, line: "llen l", reply: ":5"},
		{name: "llen of nothing", line: "llen l", reply: ":0", events: "m:keymiss:l"},
		{name: "llen of a string", setup: "set l x", line: "llen l", reply: wrongType},
		{name: "lindex", setup: five, line: "lindex l 1", reply: "$1 b"},
		{name: "lindex of a number", setup: five, line: "lindex l 2", reply: "$1 3"},
		{name: "lindex from the end", setup: five, line: "lindex l -5", reply: "$1 a"},
		{name: "lindex outside", setup: five, line: "lindex l 5", reply: "$-1"},
		{name: "lindex outside from the end", setup: five, line: "lindex l -6", reply: "$-1"},
		{name: "lindex of nothing does not look at the index", line: "lindex l x", reply: "$-1", events: "m:keymiss:l"},
		{name: "lindex with no number", setup: five, line: "lindex l x", reply: noInteger},

		{name: "lrange", setup: five, line: "lrange l 1 2", reply: "*2 $1 b $1 3"},
		{name: "lrange from the end", setup: five, line: "lrange l -2 -1", reply: "*2 $1 d $1 e"},
		{name: "lrange beyond the end", setup: five, line: "lrange l 3 9", reply: "*2 $1 d $1 e"},
		{name: "lrange before the start", setup: five, line: "lrange l -9 0", reply: "*1 $1 a"},
		{name: "lrange turned round", setup: five, line: "lrange l 3 1", reply: "*0"},
		{name: "lrange outside", setup: five, line: "lrange l 5 9", reply: "*0"},
		{name: "lrange before all", setup: five, line: "lrange l 0 -9", reply: "*0"},
		{name: "lrange of the extremes", setup: "rpush l a", line: "lrange l -9223372036854775808 9223372036854775807", reply: "*1 $1 a"},
		{name: "lrange of nothing", line: "lrange l 0 -1", reply: "*0", events: "m:keymiss:l"},
		{name: "lrange looks at the numbers first", setup: "set l x", line: "lrange l 0 y", reply: noInteger},
		{name: "lrange of a string", setup: "set l x", line: "lrange l 0 1", reply: wrongType},

		{name: "lpos", setup: lposList, line: "lpos l c", reply: ":2"},
		{name: "lpos of a number", setup: lposList, line: "lpos l 3", reply: ":5"},
		{name: "lpos without a match", setup: lposList, line: "lpos l x", reply: "$-1"},
		{name: "lpos of nothing", line: "lpos l x", reply: "$-1", events: "m:keymiss:l"},
		{name: "lpos count of nothing", line: "lpos l x count 1", reply: "*0", events: "m:keymiss:l"},
		{name: "lpos rank", setup: lposList, line: "lpos l c rank 2", reply: ":6"},
		{name: "lpos rank too high", setup: lposList, line: "lpos l c rank 4", reply: "$-1"},
		{name: "lpos rank from the tail", setup: lposList, line: "lpos l c rank -1", reply: ":7"},
		{name: "lpos all", setup: lposList, line: "lpos l c count 0", reply: "*3 :2 :6 :7"},
		{name: "lpos some", setup: lposList, line: "lpos l c count 2", reply: "*2 :2 :6"},
		{name: "lpos some from the tail", setup: lposList, line: "lpos l c rank -2 count 5", reply: "*2 :6 :2"},
		{name: "lpos maxlen", setup: lposList, line: "lpos l c maxlen 2", reply: "$-1"},
		{name: "lpos maxlen and count", setup: lposList, line: "lpos l c count 0 maxlen 7", reply: "*2 :2 :6"},
		{name: "lpos rank 0", line: "lpos l c rank 0", reply: "-ERR RANK can't be zero: use 1 to start from the first match, " +
			"2 from the second ... or use negative to start from the end of the list"},
		{name: "lpos smallest rank", line: "lpos l c rank -9223372036854775808",
			reply: "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807"},
		{name: "lpos rank that is none", line: "lpos l c rank x", reply: noInteger},
		{name: "lpos count below zero", line: "lpos l c count -1", reply: "-ERR COUNT can't be negative"},
		{name: "lpos maxlen below zero", line: "lpos l c maxlen -1", reply: "-ERR MAXLEN can't be negative"},
		{name: "lpos option without a value", setup: lposList, line: "lpos l c rank", reply: syntax},
		{name: "lpos options come before the type", setup: "set l x", line: "lpos l c count x", reply: "-ERR COUNT can't be negative"},
		{name: "lpos of a string", setup: "set l x", line: "lpos l c", reply: wrongType},
	})
}

func TestListEdit(t *testing.T) {
	const abc, outside = "rpush l a b c", "-ERR index out of range"
	runSpecs(t, []spec{
		{name: "lset", setup: abc, line: "lset l 1 x", reply: "+OK", dirty: 1, logged: "=", events: "l:lset:l"},
		{name: "lset from the end", setup: abc + "; lset l -1 x", line: "lrange l 0 -1", reply: "*3 $1 a $1 b $1 x"},
		{name: "lset outside", setup: abc, line: "lset l 3 x", reply: outside},
		{name: "lset outside from the end", setup: abc, line: "lset l -4 x", reply: outside},
		{name: "lset of nothing", line: "lset l x y", reply: "-ERR no such key"},
		{name: "lset of a string", setup: "set l x", line: "lset l x y", reply: wrongType},
		{name: "lset with no number", setup: abc, line: "lset l x y", reply: noInteger},

		{name: "ltrim", setup: "rpush l a b c d", line: "ltrim l 1 2", reply: "+OK", dirty: 2, logged: "=", events: "l:ltrim:l"},
		{name: "ltrim keeps", setup: "rpush l a b c d; ltrim l 1 -2", line: "lrange l 0 -1", reply: "*2 $1 b $1 c"},
		{name: "ltrim of nothing to do", setup: abc, line: "ltrim l 0 -1", reply: "+OK", events: "l:ltrim:l"},
		{name: "ltrim to nothing", setup: abc, line: "ltrim l 5 1", reply: "+OK", dirty: 3, logged: "=", events: "l:ltrim:l g:del:l"},
		{name: "ltrim without a list", line: "ltrim l 0 1", reply: "+OK"},
		{name: "ltrim looks at the numbers first", setup: "set l x", line: "ltrim l x 1", reply: noInteger},

		{name: "lrem all", setup: "rpush l a b a c a", line: "lrem l 0 a", reply: ":3", dirty: 3, logged: "=", events: "l:lrem:l"},
		{name: "lrem from the head", setup: "rpush l a b a c a; lrem l 2 a", line: "lrange l 0 -1", reply: "*3 $1 b $1 c $1 a"},
		{name: "lrem from the tail", setup: "rpush l a b a c a; lrem l -2 a", line: "lrange l 0 -1", reply: "*3 $1 a $1 b $1 c"},
		{name: "lrem of the extreme", setup: "rpush l 7 b 7", line: "lrem l -9223372036854775808 7", reply: ":2", dirty: 2, logged: "=",
			events: "l:lrem:l"},
		{name: "lrem of what is not there", setup: abc, line: "lrem l 0 x", reply: ":0"},
		{name: "lrem to nothing", setup: "rpush l a a", line: "lrem l 0 a", reply: ":2", dirty: 2, logged: "=", events: "l:lrem:l g:del:l"},
		{name: "lrem without a list", line: "lrem l 0 a", reply: ":0"},
		{name: "lrem looks at the number first", setup: "set l x", line: "lrem l y a", reply: noInteger},

		{name: "linsert before", setup: abc + "; linsert l before b x", line: "lrange l 0 -1", reply: "*4 $1 a $1 x $1 b $1 c"},
		{name: "linsert after", setup: abc + "; linsert l AFTER c x", line: "lrange l 0 -1", reply: "*4 $1 a $1 b $1 c $1 x"},
		{name: "linsert", setup: abc, line: "linsert l before a x", reply: ":4", dirty: 1, logged: "=", events: "l:linsert:l"},
		{name: "linsert without a pivot", setup: abc, line: "linsert l before x y", reply: ":-1"},
		{name: "linsert without a list", line: "linsert l after x y", reply: ":0"},
		{name: "linsert looks at the word first", setup: "set l x", line: "linsert l at x y", reply: syntax},
		{name: "linsert into a string", setup: "set l x", line: "linsert l after x y", reply: wrongType},
	})
}

func TestListMove(t *testing.T) {
	const two = "rpush a 1 2 3; rpush b x"
	runSpecs(t, []spec{
		{name: "lmove", setup: two, line: "lmove a b left right", reply: "$1 1", dirty: 1, logged: "=", events: "l:rpush:b l:lpop:a"},
		{name: "lmove the other way", setup: two + "; lmove a b right left", line: "lrange b 0 -1", reply: "*2 $1 3 $1 x"},
		{name: "lmove makes a list", setup: "rpush a 1 2", line: "lmove a b left left", reply: "$1 1", dirty: 1, logged: "=",
			events: "n:new:b l:lpush:b l:lpop:a"},
		{name: "lmove of the last element", setup: "rpush a 1", line: "lmove a b right left", reply: "$1 1", dirty: 1, logged: "=",
			events: "n:new:b l:lpush:b l:rpop:a g:del:a"},
		{name: "lmove round", setup: two + "; lmove a a left right", line: "lrange a 0 -1", reply: "*3 $1 2 $1 3 $1 1"},
		{name: "lmove round one element", setup: "rpush a 1", line: "lmove a a right left", reply: "$1 1", dirty: 1, logged: "=",
			events: "l:lpush:a l:rpop:a"},
		{name: "lmove of nothing", setup: "rpush b x", line: "lmove a b left right", reply: "$-1"},
		{name: "lmove of nothing does not look at the other key", setup: "set b x", line: "lmove a b left right", reply: "$-1"},
		{name: "lmove from a string", setup: "set a x", line: "lmove a b left right", reply: wrongType},
		{name: "lmove to a string", setup: "rpush a 1; set b x", line: "lmove a b left right", reply: wrongType},
		{name: "lmove without an end", setup: "set a x", line: "lmove a b left up", reply: syntax},
		{name: "rpoplpush", setup: two, line: "rpoplpush a b", reply: "$1 3", dirty: 1, logged: "=", events: "l:lpush:b l:rpop:a"},
		{name: "rpoplpush of nothing", line: "rpoplpush a b", reply: "$-1"},

		{name: "blmove is logged as lmove", setup: two, line: "blmove a b LEFT right 0", reply: "$1 1", dirty: 1,
			logged: "LMOVE a b LEFT right", events: "l:rpush:b l:lpop:a"},
		{name: "brpoplpush is logged as rpoplpush", setup: two, line: "brpoplpush a b 0", reply: "$1 3", dirty: 1,
			logged: "RPOPLPUSH a b", events: "l:lpush:b l:rpop:a"},
		{name: "blmove to a string", setup: "rpush a 1; set b x", line: "blmove a b left right 0", reply: wrongType},
		{name: "blmove looks at the ends first", line: "blmove a b left up x", reply: syntax},
		{name: "blmove with a wrong timeout", line: "blmove a b left left x", reply: "-ERR timeout is not a float or out of range"},
		{name: "brpoplpush with a wrong timeout", line: "brpoplpush a b -1", reply: "-ERR timeout is negative"},
	})
}

func TestListPopOfSeveral(t *testing.T) {
	const two = "rpush a 1 2 3; rpush b x"
	runSpecs(t, []spec{
		{name: "blpop is logged as lpop", setup: two, line: "blpop none a b 0", reply: "*2 $1 a $1 1", dirty: 1, logged: "LPOP a",
			events: "l:lpop:a"},
		{name: "brpop is logged as rpop", setup: two, line: "brpop b a 0", reply: "*2 $1 b $1 x", dirty: 1, logged: "RPOP b",
			events: "l:rpop:b g:del:b"},
		{name: "blpop of a string", setup: two + "; set s x", line: "blpop s a 0", reply: wrongType},
		{name: "blpop with a wrong timeout", setup: "set s x", line: "blpop s x", reply: "-ERR timeout is not a float or out of range"},

		{name: "lmpop", setup: two, line: "lmpop 2 none a left", reply: "*2 $1 a *1 $1 1", dirty: 1, logged: "LPOP a 1", events: "l:lpop:a"},
		{name: "lmpop with a count", setup: two, line: "lmpop 1 a RIGHT count 2", reply: "*2 $1 a *2 $1 3 $1 2", dirty: 2,
			logged: "RPOP a 2", events: "l:rpop:a"},
		{name: "lmpop of all", setup: two, line: "lmpop 1 a left COUNT 10", reply: "*2 $1 a *3 $1 1 $1 2 $1 3", dirty: 3,
			logged: "LPOP a 3", events: "l:lpop:a g:del:a"},
		{name: "lmpop of nothing", line: "lmpop 1 a left", reply: "*-1"},
		{name: "lmpop of a string", setup: "set s x", line: "lmpop 2 none s left", reply: wrongType},
		{name: "lmpop of no keys", line: "lmpop 0 a left", reply: "-ERR numkeys should be greater than 0"},
		{name: "lmpop of too many keys", line: "lmpop 9223372036854775807 a left", reply: syntax},
		{name: "lmpop without an end", line: "lmpop 2 a left", reply: syntax},
		{name: "lmpop of count 0", line: "lmpop 1 a left count 0", reply: "-ERR count should be greater than 0"},
		{name: "lmpop count without a number", line: "lmpop 1 a left count", reply: syntax},
		{name: "lmpop count twice", line: "lmpop 1 a left count 1 count 2", reply: syntax},
		{name: "blmpop", setup: two, line: "blmpop 0 2 none a left count 2", reply: "*2 $1 a *2 $1 1 $1 2", dirty: 2, logged: "LPOP a 2",
			events: "l:lpop:a"},
		{name: "blmpop looks at the timeout last", line: "blmpop x 0 a left", reply: "-ERR numkeys should be greater than 0"},
		{name: "blmpop with a wrong timeout", line: "blmpop x 1 a left", reply: "-ERR timeout is not a float or out of range"},
	})
}

// What finds nothing to give waits for lists at its keys, and changes nothing.
func TestListsWaitedFor(t *testing.T) {
	tests := []struct {
		line, keys string
		ms         int64
		null       string
	}{
		{"blpop a b 1.5", "a b", 1500, "*-1"},
		{"brpop a 0", "a", 0, "*-1"},
		{"blmove a b left right 0.1", "a", 100, "$-1"},
		{"brpoplpush a b 2", "a", 2000, "$-1"},
		{"blmpop 1 2 a b left count 5", "a b", 1000, "*-1"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			s := newSession(t)
			check.Eq(t, s.run(tt.line), "")
			w, waits := s.ctx.Fx.Waits()
			check.True(t, waits, "it waits")
			var keys []string
			for _, k := range w.Keys {
				keys = append(keys, string(k))
			}
			check.Eq(t, strings.Join(keys, " "), tt.keys)
			check.Eq(t, w.Want, keyspace.List)
			check.Eq(t, w.TimeoutMs, tt.ms)
			check.Eq(t, s.logged()+s.events(), "")
			s.ctx.NoBlock = true
			check.Eq(t, s.run(tt.line), tt.null)
		})
	}
}

// A value that is moved must survive that its list changes under it.
func TestListMoveOfAllKinds(t *testing.T) {
	for _, v := range []string{"", "17", "abc", strings.Repeat("x", 100), strings.Repeat("y", 9000)} {
		s := newSession(t)
		s.exec([][]byte{[]byte("rpush"), []byte("a"), []byte(v), []byte("other")})
		for _, line := range []string{"lmove a a left right", "rpoplpush a b", "lmove b b left left", "lmove b c right left"} {
			reply := s.run(line)
			check.True(t, strings.HasSuffix(reply, " "+v), "the reply is the value")
		}
		check.Eq(t, s.run("llen a"), ":1")
		check.Eq(t, s.run("exists b"), ":0")
	}
}

// The encodings of a list reply alike, and every one gives its memory back.
func TestListEncodingsReplyAlike(t *testing.T) {
	lines := []string{
		"rpush l 1 two 3 four 5 six 7 eight 9 ten", "linsert l after 5 x", "linsert l before 1 y", "lset l 3 abc", "lset l -2 12345",
		"lrem l 1 six", "lpush l a b c", "lrange l 0 -1", "lpos l eight", "lindex l 7", "ltrim l 1 -2", "lpop l 2", "rpop l", "lrange l 1 4",
		"lmove l l left right", "lrange l 0 -1", "lpop l 100",
	}
	var want string
	for _, limit := range []struct{ size, depth, plain int }{{-2, 0, 0}, {1, 0, 0}, {2, 1, 0}, {3, 0, 4}, {0, 1, 1}} {
		s := newSession(t)
		s.ctx.KS.Limits.ListSize, s.ctx.KS.Limits.ListCompress = limit.size, limit.depth
		s.ctx.KS.SetListPlain(limit.plain)
		var got []string
		for _, l := range lines {
			got = append(got, s.run(l))
		}
		if want == "" {
			want = strings.Join(got, "\n")
		}
		check.Eq(t, strings.Join(got, "\n"), want)
		check.Eq(t, s.run("exists l"), ":0")
	}
}
