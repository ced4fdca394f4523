package command_test

import (
	"bytes"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
)

func TestXAdd(t *testing.T) {
	const id = "1700000000000-0" // of an entry that is added at the time of the tests
	runSpecs(t, []spec{
		{name: "new stream", line: "XADD s * f v", reply: "$15 " + id, dirty: 1, logged: "XADD s " + id + " f v", events: "n:new:s t:xadd:s"},
		{name: "given id", line: "XADD s 1-1 f v", reply: "$3 1-1", dirty: 1, logged: "=", events: "n:new:s t:xadd:s"},
		{name: "given milliseconds", setup: "XADD s 5-0 f v", line: "XADD s 7 f v", reply: "$3 7-0", dirty: 1, logged: "=", events: "t:xadd:s"},
		{name: "given milliseconds, next number", setup: "XADD s 5-3 f v", line: "XADD s 5-* f v", reply: "$3 5-4", dirty: 1, logged: "XADD s 5-4 f v", events: "t:xadd:s"},
		{name: "first number of the first millisecond", line: "XADD s 0-* f v", reply: "$3 0-1", dirty: 1, logged: "XADD s 0-1 f v", events: "n:new:s t:xadd:s"},
		{name: "clock behind the last id", setup: "XADD s 1800000000000-5 f v", line: "XADD s * f v", reply: "$15 1800000000000-6", dirty: 1, logged: "XADD s 1800000000000-6 f v", events: "t:xadd:s"},
		{name: "id not above the last", setup: "XADD s 5-0 f v", line: "XADD s 5-0 f v", reply: "-ERR The ID specified in XADD is equal or smaller than the target stream top item"},
		{name: "numbers used up", setup: "XADD s 5-18446744073709551615 f v", line: "XADD s 5-* f v", reply: "-ERR The ID specified in XADD is equal or smaller than the target stream top item"},
		{name: "ids used up", setup: "XADD s 18446744073709551615-18446744073709551615 f v", line: "XADD s * f v", reply: "-ERR The stream has exhausted the last possible ID, unable to add more items"},
		{name: "0-0", line: "XADD s 0-0 f v", reply: "-ERR The ID specified in XADD must be greater than 0-0"},
		{name: "no id", line: "XADD s x f v", reply: "-ERR Invalid stream ID specified as stream command argument"},
		{name: "minus is no id", line: "XADD s - f v", reply: "-ERR Invalid stream ID specified as stream command argument"},
		{name: "value missing", line: "XADD s * f v g", reply: "-ERR wrong number of arguments for 'xadd' command"},
		{name: "only options", line: "XADD s NOMKSTREAM MAXLEN 5", reply: "-ERR wrong number of arguments for 'xadd' command"},
		{name: "no stream and none to make", line: "XADD s NOMKSTREAM * f v", reply: "$-1"},
		{name: "wrong type", setup: "SET s x", line: "XADD s * f v", reply: "-" + command.ErrWrongType},
		{name: "exact length", setup: "XADD s 1-1 f v;XADD s 1-2 f v", line: "XADD s MAXLEN 2 1-3 f v", reply: "$3 1-3", dirty: 1, logged: "=", events: "t:xadd:s t:xtrim:s"},
		{name: "approximate length that removes nothing", setup: "XADD s 1-1 f v;XADD s 1-2 f v", line: "XADD s maxlen ~ 2 LIMIT 50 1-3 f v", reply: "$3 1-3", dirty: 1, logged: "XADD s maxlen = 3 LIMIT 50 1-3 f v", events: "t:xadd:s"},
		{name: "approximate id", setup: "XADD s 1-1 f v", line: "XADD s MINID ~ 9 * f v", reply: "$15 " + id, dirty: 1, logged: "XADD s MINID = 1-1 " + id + " f v", events: "t:xadd:s"},
		{name: "two trimmings", line: "XADD s MAXLEN 5 MINID 3 * f v", reply: "-ERR syntax error, MAXLEN and MINID options at the same time are not compatible"},
		{name: "limit without trimming", line: "XADD s LIMIT 5 * f v", reply: "-ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"},
		{name: "limit of exact trimming", line: "XADD s MAXLEN 5 LIMIT 5 * f v", reply: "-ERR syntax error, LIMIT cannot be used without the special ~ option"},
		{name: "negative length", line: "XADD s MAXLEN -1 * f v", reply: "-ERR The MAXLEN argument must be >= 0."},
		{name: "negative limit", line: "XADD s MAXLEN ~ 5 LIMIT -1 * f v", reply: "-ERR The LIMIT argument must be >= 0."},
	})
}

// TestXAddReplayed is that the log's word is taken as it stands: what it limits was limited when it was written.
func TestXAddReplayed(t *testing.T) {
	s := newSession(t)
	s.ctx.Replaying = true
	check.Eq(t, s.run("XADD s MAXLEN = 1 LIMIT 7 1-1 f v"), "$3 1-1")
	check.Eq(t, s.run("XADD s MAXLEN = 1 LIMIT 7 1-2 f v"), "$3 1-2")
	check.Eq(t, s.run("XLEN s"), ":1")
}

// fill gives a stream s of n entries i-0, setup for rows.
func fill(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("XADD s " + string(s10(i+1)) + "-0 f v;")
	}
	return b.String()
}

func s10(n int) []byte {
	if n < 10 {
		return []byte{byte('0' + n)}
	}
	return append(s10(n/10), byte('0'+n%10))
}

func TestXTrimAndXDel(t *testing.T) {
	runSpecs(t, []spec{
		{name: "by length", setup: fill(5), line: "XTRIM s MAXLEN 2", reply: ":3", dirty: 3, logged: "=", events: "t:xtrim:s"},
		{name: "nothing to trim", setup: fill(5), line: "XTRIM s MAXLEN 9", reply: ":0"},
		{name: "by id", setup: fill(5), line: "XTRIM s MINID = 4", reply: ":3", dirty: 3, logged: "=", events: "t:xtrim:s"},
		{name: "whole nodes", setup: fill(250), line: "XTRIM s MAXLEN ~ 60", reply: ":100", dirty: 100, logged: "XTRIM s MAXLEN = 150", events: "t:xtrim:s"},
		{name: "whole nodes by id", setup: fill(250), line: "XTRIM s MINID ~ 230", reply: ":200", dirty: 200, logged: "XTRIM s MINID = 201-0", events: "t:xtrim:s"},
		{name: "less than a node", setup: fill(150), line: "XTRIM s MAXLEN ~ 60", reply: ":0"},
		{name: "limit", setup: fill(350), line: "XTRIM s MAXLEN ~ 0 LIMIT 150", reply: ":100", dirty: 100, logged: "XTRIM s MAXLEN = 250 LIMIT 150", events: "t:xtrim:s"},
		{name: "no stream", line: "XTRIM s MAXLEN 0", reply: ":0"},
		{name: "no strategy", line: "XTRIM s LIMIT 0", reply: "-ERR syntax error, XTRIM must be called with a trimming strategy"},
		{name: "unknown option", line: "XTRIM s FOO 1", reply: "-ERR syntax error"},
		{name: "delete", setup: fill(3), line: "XDEL s 2 9 3-0", reply: ":2", dirty: 2, logged: "=", events: "t:xdel:s"},
		{name: "delete nothing", setup: fill(3), line: "XDEL s 9", reply: ":0"},
		{name: "an empty stream stays", setup: "XADD s 1-1 f v;XDEL s 1-1", line: "XLEN s", reply: ":0"},
		{name: "all or nothing", setup: fill(3), line: "XDEL s 1 x", reply: "-ERR Invalid stream ID specified as stream command argument"},
		{name: "delete from no stream", line: "XDEL s x", reply: ":0"},
	})
}

func TestXRange(t *testing.T) {
	one := func(id string) string { return "*2 $3 " + id + " *2 $1 f $1 v" }
	setup := "XADD s 1-1 f v;XADD s 1-2 f v;XADD s 2-0 f v"
	runSpecs(t, []spec{
		{name: "all", setup: setup, line: "XRANGE s - +", reply: "*3 " + one("1-1") + " " + one("1-2") + " " + one("2-0")},
		{name: "backwards", setup: setup, line: "XREVRANGE s + - COUNT 2", reply: "*2 " + one("2-0") + " " + one("1-2")},
		{name: "a whole millisecond", setup: setup, line: "XRANGE s 1 1", reply: "*2 " + one("1-1") + " " + one("1-2")},
		{name: "without the ends", setup: setup, line: "XRANGE s (1-1 (2-0", reply: "*1 " + one("1-2")},
		{name: "nothing in it", setup: setup, line: "XRANGE s 5 +", reply: "*0"},
		{name: "numbers stay what they were", setup: "XADD s 1-1 007 -12 5 5", line: "XRANGE s - +", reply: "*1 *2 $3 1-1 *4 $3 007 $3 -12 $1 5 $1 5"},
		{name: "count 0", setup: setup, line: "XRANGE s - + COUNT 0", reply: "*-1"},
		{name: "no stream", line: "XRANGE s - +", reply: "*0", events: "m:keymiss:s"},
		{name: "behind the last id", setup: setup, line: "XRANGE s (18446744073709551615-18446744073709551615 +", reply: "-ERR invalid start ID for the interval"},
		{name: "before the first id", setup: setup, line: "XRANGE s - (0-0", reply: "-ERR invalid end ID for the interval"},
		{name: "open and special", setup: setup, line: "XRANGE s (- +", reply: "-ERR Invalid stream ID specified as stream command argument"},
		{name: "unknown option", setup: setup, line: "XRANGE s - + FOO 1", reply: "-ERR syntax error"},
	})
}

func TestXRead(t *testing.T) {
	setup := "XADD s 1-1 f v;XADD s 1-2 f v;XADD r 3-0 f v"
	runSpecs(t, []spec{
		{name: "behind an id", setup: setup, line: "XREAD STREAMS s r 1-1 9", reply: "*1 *2 $1 s *1 *2 $3 1-2 *2 $1 f $1 v"},
		{name: "two streams", setup: setup, line: "XREAD COUNT 1 STREAMS s r 0 0",
			reply: "*2 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v *2 $1 r *1 *2 $3 3-0 *2 $1 f $1 v"},
		{name: "nothing new", setup: setup, line: "XREAD STREAMS s $", reply: "*-1"},
		{name: "unbalanced", setup: setup, line: "XREAD STREAMS s r 0", reply: "-ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified."},
		{name: "no streams", setup: setup, line: "XREAD COUNT 1 BLOCK 0", reply: "-ERR syntax error"},
		{name: "group", line: "XREAD GROUP g c STREAMS s 0", reply: "-ERR The GROUP option is only supported by XREADGROUP. You called XREAD instead."},
		{name: "new entries of no group", line: "XREAD STREAMS s >", reply: "-ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> <consumer> option.", events: "m:keymiss:s"},
		{name: "negative timeout", line: "XREAD BLOCK -1 STREAMS s $", reply: "-ERR timeout is negative"},
	})
}

// TestXReadWaits is that $ is the last id of when the command came, and what it waits for.
func TestXReadWaits(t *testing.T) {
	s := newSession(t)
	s.run("XADD s 1-1 f v")
	argv := words("XREAD BLOCK 500 STREAMS s none $ $")
	check.Eq(t, s.exec(argv), "")
	w, waits := s.ctx.Fx.Waits()
	check.True(t, waits, "it waits")
	check.Eq(t, string(argv[6])+" "+string(argv[7]), "1-1 0-0")
	check.Eq(t, w.TimeoutMs, 500)
	check.Eq(t, w.Want, keyspace.Stream)
	check.Eq(t, w.OrGone, false)
	for i, word := range argv {
		argv[i] = bytes.Clone(word) // as the server does: the effects are gone with the next command
	}
	s.run("XADD s 1-2 f v")
	check.Eq(t, s.exec(argv), "*1 *2 $1 s *1 *2 $3 1-2 *2 $1 f $1 v")

	s.ctx.NoBlock = true
	check.Eq(t, s.run("XREAD BLOCK 500 STREAMS s $"), "*-1")
}

func TestXReadGroupWaits(t *testing.T) {
	s := newSession(t)
	s.run("XGROUP CREATE s g $ MKSTREAM")
	check.Eq(t, s.run("XREADGROUP GROUP g c BLOCK 0 STREAMS s >"), "")
	w, waits := s.ctx.Fx.Waits()
	check.True(t, waits && w.OrGone, "it waits, and for the group's end too")
	check.Eq(t, s.logged(), "XGROUP CREATECONSUMER s g c")
	check.Eq(t, s.run("XREADGROUP GROUP g c BLOCK 0 STREAMS s 0"), "*1 *2 $1 s *0")
	s.run("XGROUP DESTROY s g")
	check.Eq(t, s.run("XREADGROUP GROUP g c BLOCK 0 STREAMS s >"), "-NOGROUP No such key 's' or consumer group 'g' in XREADGROUP with GROUP option")
}

func TestXReadGroup(t *testing.T) {
	const claim = " TIME 1700000000000 RETRYCOUNT 1 FORCE JUSTID LASTID "
	setup := "XADD s 1-1 f v;XADD s 1-2 f v;XGROUP CREATE s g 0;XGROUP CREATECONSUMER s g c"
	runSpecs(t, []spec{
		{name: "new entries", setup: setup, line: "XREADGROUP GROUP g c COUNT 1 STREAMS s >", reply: "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v", dirty: 1,
			logged: "XCLAIM s g c 0 1-1" + claim + "1-1; XGROUP SETID s g 1-1 ENTRIESREAD 1"},
		{name: "new consumer", setup: setup, line: "XREADGROUP GROUP g d COUNT 1 STREAMS s >", reply: "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 f $1 v", dirty: 2,
			logged: "XGROUP CREATECONSUMER s g d; XCLAIM s g d 0 1-1" + claim + "1-1; XGROUP SETID s g 1-1 ENTRIESREAD 1",
			events: "t:xgroup-createconsumer:s"},
		{name: "without pending", setup: setup, line: "XREADGROUP GROUP g c NOACK STREAMS s >",
			reply: "*1 *2 $1 s *2 *2 $3 1-1 *2 $1 f $1 v *2 $3 1-2 *2 $1 f $1 v", dirty: 1, logged: "XGROUP SETID s g 1-2 ENTRIESREAD 2"},
		{name: "history", setup: setup + ";XREADGROUP GROUP g c STREAMS s >;XDEL s 1-2", line: "XREADGROUP GROUP g c STREAMS s 0",
			reply: "*1 *2 $1 s *2 *2 $3 1-1 *2 $1 f $1 v *2 $3 1-2 *-1", dirty: 1},
		{name: "nothing new, new consumer", setup: setup + ";XREADGROUP GROUP g c STREAMS s >", line: "XREADGROUP GROUP g d STREAMS s >", reply: "*-1", dirty: 1,
			logged: "XGROUP CREATECONSUMER s g d", events: "t:xgroup-createconsumer:s"},
		{name: "no group", setup: setup, line: "XREADGROUP GROUP x c STREAMS s >", reply: "-NOGROUP No such key 's' or consumer group 'x' in XREADGROUP with GROUP option"},
		{name: "$", setup: setup, line: "XREADGROUP GROUP g c STREAMS s $", reply: "-ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would just return an empty result set."},
		{name: "no GROUP", setup: setup, line: "XREADGROUP COUNT 5 NOACK STREAMS s >", reply: "-ERR Missing GROUP option for XREADGROUP"},
	})
}

func TestXGroup(t *testing.T) {
	noKey := "-ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM option to create an empty stream automatically."
	setup := "XADD s 1-1 f v;XGROUP CREATE s g $"
	runSpecs(t, []spec{
		{name: "create", setup: "XADD s 1-1 f v", line: "XGROUP CREATE s g $", reply: "+OK", dirty: 1, logged: "=", events: "t:xgroup-create:s"},
		{name: "create with the stream", line: "XGROUP CREATE s g $ MKSTREAM ENTRIESREAD 5", reply: "+OK", dirty: 1, logged: "=", events: "n:new:s t:xgroup-create:s"},
		{name: "create twice", setup: setup, line: "XGROUP CREATE s g 0", reply: "-BUSYGROUP Consumer Group name already exists"},
		{name: "create without a key", line: "XGROUP CREATE s g $", reply: noKey},
		{name: "create with a bad count", line: "XGROUP CREATE s g $ ENTRIESREAD -2", reply: "-ERR value for ENTRIESREAD must be positive or -1"},
		{name: "unknown option", setup: setup, line: "XGROUP CREATE s h $ FOO", reply: "-ERR unknown subcommand or wrong number of arguments for 'CREATE'. Try XGROUP HELP."},
		{name: "set id", setup: setup, line: "XGROUP SETID s g 0 ENTRIESREAD 1", reply: "+OK", dirty: 1, logged: "=", events: "t:xgroup-setid:s"},
		{name: "set id to the end", setup: setup, line: "XGROUP SETID s g +", reply: "+OK", dirty: 1, logged: "=", events: "t:xgroup-setid:s"},
		{name: "set id of no group", setup: setup, line: "XGROUP SETID s h 0", reply: "-NOGROUP No such consumer group 'h' for key name 's'"},
		{name: "destroy", setup: setup, line: "XGROUP DESTROY s g", reply: ":1", dirty: 1, logged: "=", events: "t:xgroup-destroy:s"},
		{name: "destroy nothing", setup: setup, line: "XGROUP DESTROY s h", reply: ":0"},
		{name: "consumer", setup: setup, line: "XGROUP CREATECONSUMER s g c", reply: ":1", dirty: 1, logged: "=", events: "t:xgroup-createconsumer:s"},
		{name: "consumer twice", setup: setup + ";XGROUP CREATECONSUMER s g c", line: "XGROUP CREATECONSUMER s g c", reply: ":0"},
		{name: "delete consumer", setup: setup + ";XADD s 2-0 f v;XREADGROUP GROUP g c STREAMS s >", line: "XGROUP DELCONSUMER s g c", reply: ":1", dirty: 1, logged: "=", events: "t:xgroup-delconsumer:s"},
		{name: "delete no consumer", setup: setup, line: "XGROUP DELCONSUMER s g c", reply: ":0"},
	})
}

func TestXPendingAndXAck(t *testing.T) {
	setup := "XADD s 1-1 f v;XADD s 1-2 f v;XADD s 1-3 f v;XGROUP CREATE s g 0;XREADGROUP GROUP g c COUNT 2 STREAMS s >;XREADGROUP GROUP g d STREAMS s >"
	entry := func(id, consumer string) string { return "*4 $3 " + id + " $1 " + consumer + " :0 :1" }
	runSpecs(t, []spec{
		{name: "summary", setup: setup, line: "XPENDING s g", reply: "*4 :3 $3 1-1 $3 1-3 *2 *2 $1 c $1 2 *2 $1 d $1 1"},
		{name: "summary of nothing", setup: "XGROUP CREATE s g 0 MKSTREAM", line: "XPENDING s g", reply: "*4 :0 $-1 $-1 *-1"},
		{name: "range", setup: setup, line: "XPENDING s g (1-1 + 10", reply: "*2 " + entry("1-2", "c") + " " + entry("1-3", "d")},
		{name: "of a consumer", setup: setup, line: "XPENDING s g - + 10 c", reply: "*2 " + entry("1-1", "c") + " " + entry("1-2", "c")},
		{name: "of no consumer", setup: setup, line: "XPENDING s g - + 10 x", reply: "*0"},
		{name: "idle for long", setup: setup, line: "XPENDING s g IDLE 1 - + 10", reply: "*0"},
		{name: "idle without a range", setup: setup, line: "XPENDING s g IDLE 1 - +", reply: "-ERR syntax error"},
		{name: "too few arguments", setup: setup, line: "XPENDING s g -", reply: "-ERR syntax error"},
		{name: "no group", setup: setup, line: "XPENDING s x", reply: "-NOGROUP No such key 's' or consumer group 'x'"},
		{name: "acknowledge", setup: setup, line: "XACK s g 1-1 1-1 1-3 9", reply: ":2", dirty: 2, logged: "="},
		{name: "acknowledge nothing", setup: setup, line: "XACK s g 9", reply: ":0"},
		{name: "acknowledge in no group", setup: setup, line: "XACK s x nonsense", reply: ":0"},
		{name: "acknowledge nonsense", setup: setup, line: "XACK s g 1-1 nonsense", reply: "-ERR Invalid stream ID specified as stream command argument"},
	})
}

func TestXClaim(t *testing.T) {
	setup := "XADD s 1-1 f v;XADD s 1-2 f v;XGROUP CREATE s g 0;XREADGROUP GROUP g c COUNT 1 STREAMS s >;XGROUP CREATECONSUMER s g d"
	claim := func(consumer, id, count, last string) string {
		return "XCLAIM s g " + consumer + " 0 " + id + " TIME 1700000000000 RETRYCOUNT " + count + " FORCE JUSTID LASTID " + last
	}
	runSpecs(t, []spec{
		{name: "claim", setup: setup, line: "XCLAIM s g d 0 1-1", reply: "*1 *2 $3 1-1 *2 $1 f $1 v", dirty: 1, logged: claim("d", "1-1", "2", "1-1")},
		{name: "only ids", setup: setup, line: "XCLAIM s g d 0 1-1 JUSTID", reply: "*1 $3 1-1", dirty: 1, logged: claim("d", "1-1", "1", "1-1")},
		{name: "not idle for long", setup: setup, line: "XCLAIM s g d 1 1-1", reply: "*0"},
		{name: "not pending", setup: setup, line: "XCLAIM s g d 0 1-2", reply: "*0"},
		{name: "by force", setup: setup, line: "XCLAIM s g d 0 1-2 FORCE RETRYCOUNT 7 LASTID 1-2", reply: "*1 *2 $3 1-2 *2 $1 f $1 v", dirty: 1, logged: claim("d", "1-2", "7", "1-2")},
		{name: "deleted", setup: setup + ";XDEL s 1-1", line: "XCLAIM s g d 0 1-1", reply: "*0", dirty: 1, logged: claim("c", "1-1", "1", "1-1")},
		{name: "only the last id", setup: setup, line: "XCLAIM s g d 0 9 LASTID 1-2", reply: "*0", dirty: 1, logged: "XGROUP SETID s g 1-2 ENTRIESREAD 1"},
		{name: "new consumer", setup: setup, line: "XCLAIM s g e 0 9", reply: "*0", dirty: 1, logged: "XGROUP CREATECONSUMER s g e", events: "t:xgroup-createconsumer:s"},
		{name: "unknown option", setup: setup, line: "XCLAIM s g d 0 1-1 FOO", reply: "-ERR Unrecognized XCLAIM option 'FOO'"},
		{name: "no time", setup: setup, line: "XCLAIM s g d 0 1-1 IDLE x", reply: "-ERR Invalid IDLE option argument for XCLAIM"},
		{name: "no idle time", setup: setup, line: "XCLAIM s g d x 1-1", reply: "-ERR Invalid min-idle-time argument for XCLAIM"},
		{name: "no group", setup: setup, line: "XCLAIM s x d 0 1-1", reply: "-NOGROUP No such key 's' or consumer group 'x'"},
		{name: "automatic", setup: setup, line: "XAUTOCLAIM s g d 0 -", reply: "*3 $3 0-0 *1 *2 $3 1-1 *2 $1 f $1 v *0", dirty: 1, logged: claim("d", "1-1", "2", "1-1")},
		{name: "automatic goes on", setup: setup + ";XREADGROUP GROUP g c STREAMS s >", line: "XAUTOCLAIM s g d 0 0 COUNT 1 JUSTID", reply: "*3 $3 1-2 *1 $3 1-1 *0", dirty: 1, logged: claim("d", "1-1", "1", "1-2")},
		{name: "automatic, deleted", setup: setup + ";XDEL s 1-1", line: "XAUTOCLAIM s g d 0 0", reply: "*3 $3 0-0 *0 *1 $3 1-1", dirty: 1, logged: claim("c", "1-1", "1", "1-1")},
		{name: "automatic, no count", setup: setup, line: "XAUTOCLAIM s g d 0 0 COUNT 0", reply: "-ERR COUNT must be > 0"},
	})
}

func TestXSetIDAndXInfo(t *testing.T) {
	setup := "XADD s 1-1 f v;XADD s 1-2 f v;XDEL s 1-1;XGROUP CREATE s g 0;XREADGROUP GROUP g c STREAMS s >"
	figures := "$6 length :1 $15 radix-tree-keys :1 $16 radix-tree-nodes :2 $17 last-generated-id $3 1-2 $20 max-deleted-entry-id $3 1-1 " +
		"$13 entries-added :2 $23 recorded-first-entry-id $3 1-2 "
	runSpecs(t, []spec{
		{name: "set id", setup: setup, line: "XSETID s 5 ENTRIESADDED 9 MAXDELETEDID 3", reply: "+OK", dirty: 1, logged: "=", events: "t:xsetid:s"},
		{name: "below the top", setup: setup, line: "XSETID s 1", reply: "-ERR The ID specified in XSETID is smaller than the target stream top item"},
		{name: "too few added", setup: setup, line: "XSETID s 5 ENTRIESADDED 0", reply: "-ERR The entries_added specified in XSETID is smaller than the target stream length"},
		{name: "deleted above", setup: setup, line: "XSETID s 5 MAXDELETEDID 6", reply: "-ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id"},
		{name: "no stream", line: "XSETID s 5", reply: "-ERR no such key"},
		{name: "info", setup: setup, line: "XINFO STREAM s", reply: "*20 " + figures + "$6 groups :1 $11 first-entry *2 $3 1-2 *2 $1 f $1 v $10 last-entry *2 $3 1-2 *2 $1 f $1 v"},
		{name: "info of nothing", line: "XINFO STREAM s", reply: "-ERR no such key", events: "m:keymiss:s"},
		{name: "full", setup: setup, line: "XINFO STREAM s FULL", reply: "*18 " + figures + "$7 entries *1 *2 $3 1-2 *2 $1 f $1 v $6 groups *1 *14 $4 name $1 g " +
			"$17 last-delivered-id $3 1-2 $12 entries-read :2 $3 lag :0 $9 pel-count :1 $7 pending *1 *4 $3 1-2 $1 c :1700000000000 :1 " +
			"$9 consumers *1 *10 $4 name $1 c $9 seen-time :1700000000000 $11 active-time :1700000000000 $9 pel-count :1 $7 pending *1 *3 $3 1-2 :1700000000000 :1"},
		{name: "groups", setup: setup, line: "XINFO GROUPS s", reply: "*1 *12 $4 name $1 g $9 consumers :1 $7 pending :1 $17 last-delivered-id $3 1-2 $12 entries-read :2 $3 lag :0"},
		{name: "consumers", setup: setup + ";XGROUP CREATECONSUMER s g d", line: "XINFO CONSUMERS s g",
			reply: "*2 *8 $4 name $1 c $7 pending :1 $4 idle :0 $8 inactive :0 *8 $4 name $1 d $7 pending :0 $4 idle :0 $8 inactive :-1"},
		{name: "unknown option", setup: setup, line: "XINFO STREAM s FOO", reply: "-ERR unknown subcommand or wrong number of arguments for 'STREAM'. Try XINFO HELP."},
	})
}

// TestStreamTimes is that a consumer is seen whenever it tries, and active when it gets something.
func TestStreamTimes(t *testing.T) {
	s := newSession(t)
	s.run("XGROUP CREATE s g 0 MKSTREAM")
	steps := []struct {
		at   int64
		line string
		want string // idle and inactive of the consumer, 100 ms later
	}{
		{0, "XREADGROUP GROUP g c STREAMS s >", ":100 $8 inactive :-1"},
		{1000, "XADD s 1-1 f v", ":1100 $8 inactive :-1"},
		{2000, "XREADGROUP GROUP g c STREAMS s >", ":100 $8 inactive :100"},
		{3000, "XREADGROUP GROUP g c STREAMS s >", ":100 $8 inactive :1100"},
		{4000, "XCLAIM s g c 0 1-1", ":100 $8 inactive :100"},
		{5000, "XAUTOCLAIM s g c 90000 0", ":100 $8 inactive :1100"},
	}
	for _, step := range steps {
		s.ctx.KS.SetNow(now + step.at)
		s.run(step.line)
		s.ctx.KS.SetNow(now + step.at + 100)
		check.Contains(t, s.run("XINFO CONSUMERS s g"), "$4 idle "+step.want)
	}
}

func TestStreamsAllocateNothing(t *testing.T) {
	s := newSession(t)
	s.run("XGROUP CREATE s g $ MKSTREAM")
	s.run("XADD r 1-1 f v g 12")
	for _, line := range []string{"XADD s * f v", "XADD s MAXLEN ~ 300 * f v g 12", "XADD s MAXLEN 200 * f v", "XRANGE r - +",
		"XREAD STREAMS r 0", "XREADGROUP GROUP g c NOACK STREAMS s >", "XLEN s", "XDEL r 5-5", "XACK s g 1-1", "XPENDING s g"} {
		t.Run(line, func(t *testing.T) {
			argv := words(line)
			runHot(s, argv)
			if n := testing.AllocsPerRun(500, func() { runHot(s, argv) }); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func TestRESP3Streams(t *testing.T) {
	s := newSession(t)
	s.ctx.Out.Proto = 3
	s.run("XADD s 1-1 f v")
	s.run("XGROUP CREATE s g 0")
	check.Eq(t, s.run("XREAD STREAMS s none 0 0"), "%1 $1 s *1 *2 $3 1-1 *2 $1 f $1 v")
	check.Eq(t, s.run("XREADGROUP GROUP g c STREAMS s >"), "%1 $1 s *1 *2 $3 1-1 *2 $1 f $1 v")
	check.Eq(t, s.run("XREAD STREAMS s $"), "_")
	check.Contains(t, s.run("XINFO GROUPS s"), "*1 %6 $4 name")
}

// TestStreamLogRebuilds is that what the log gets of random commands makes the same stream again, groups and all.
func TestStreamLogRebuilds(t *testing.T) {
	s, replica := newSession(t), newSession(t)
	replica.ctx.Replaying, replica.ctx.NoBlock = true, true
	lines := []string{
		"XGROUP CREATE s g 0 MKSTREAM", "XADD s * f v g 5", "XADD s * f v", "XADD s MAXLEN ~ 1 * x y", "XADD s 1700000000000-* f w",
		"XREADGROUP GROUP g c COUNT 2 STREAMS s >", "XREADGROUP GROUP g d NOACK COUNT 1 STREAMS s >", "XDEL s 1700000000000-1",
		"XADD s * f v", "XADD s * f v", "XREADGROUP GROUP g e STREAMS s >", "XAUTOCLAIM s g d 0 - COUNT 2", "XCLAIM s g f 0 1700000000000-3 JUSTID",
		"XACK s g 1700000000000-4", "XTRIM s MAXLEN 2", "XGROUP DELCONSUMER s g e", "XREADGROUP GROUP g c STREAMS s 0", "XADD s MINID ~ 5 * f v",
		"XCLAIM s g f 0 1700000000000-9 LASTID 1700000000000-5", "XREADGROUP GROUP g z STREAMS s >", "XREADGROUP GROUP g z STREAMS s >",
	}
	for _, line := range lines {
		s.run(line)
		fx := &s.ctx.Fx
		switch {
		case s.logged() == "":
		case s.logged() == "=":
			replica.run(line)
		default:
			for i := range fx.Replacements() {
				replica.exec(fx.Replacement(i))
			}
		}
	}
	// What a consumer reads again is not logged, and counts as one delivery more.
	full := func(s *session) string { return s.run("XINFO STREAM s FULL COUNT 0") }
	check.Eq(t, strings.ReplaceAll(full(replica), " :2", " :1"), strings.ReplaceAll(full(s), " :2", " :1"))
}
