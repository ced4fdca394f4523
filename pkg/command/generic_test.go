package command_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
)

func TestKeys(t *testing.T) {
	runSpecs(t, []spec{
		{"del", "mset a 1 b 2", "del a x b a", ":2", 2, "=", "g:del:a g:del:b"},
		{"del nothing", "", "del a", ":0", 0, "", ""},
		{"unlink", "mset a 1 b 2", "unlink a b", ":2", 2, "=", "g:del:a g:del:b"},
		{"exists", "set a 1", "exists a x a", ":2", 0, "", "m:keymiss:x"},
		{"touch", "set a 1", "touch a x a", ":2", 0, "", "m:keymiss:x"},
		{"type", "set a 1", "type a", "+string", 0, "", ""},
		{"type of nothing", "", "type a", "+none", 0, "", "m:keymiss:a"},
		{"randomkey", "set a 1", "randomkey", "$1 a", 0, "", ""},
		{"randomkey of none", "", "randomkey", "$-1", 0, "", ""},
		{"dbsize", "mset a 1 b 2", "dbsize", ":2", 0, "", ""},
		{"keys", "mset ab 1 cd 2", "keys a*", "*1 $2 ab", 0, "", ""},
		{"keys all, the empty one too", "set '' 1", "keys *", "*1 $0 ", 0, "", ""},
		{"keys none", "mset ab 1 cd 2", "keys x", "*0", 0, "", ""},
		{"swapdb", "set a 1", "swapdb 0 1", "+OK", 1, "=", ""},
		{"swapdb with itself", "set a 1", "swapdb 3 3", "+OK", 1, "=", ""},
		{"swapdb first", "", "swapdb x y", "-ERR invalid first DB index", 0, "", ""},
		{"swapdb second", "", "swapdb 0 2147483648", "-ERR invalid second DB index", 0, "", ""},
		{"swapdb range", "", "swapdb 0 16", "-ERR DB index is out of range", 0, "", ""},
	})
}

func TestExpire(t *testing.T) {
	const bad = "-ERR invalid expire time in '%s' command"
	const clash = "-ERR NX and XX, GT or LT options at the same time are not compatible"
	runSpecs(t, []spec{
		{"expire", "set k v", "expire k 10", ":1", 1, "PEXPIREAT k 1700000010000", "g:expire:k"},
		{"pexpire", "set k v", "pexpire k 10", ":1", 1, "PEXPIREAT k 1700000000010", "g:expire:k"},
		{"expireat", "set k v", "expireat k 1800000000", ":1", 1, "PEXPIREAT k 1800000000000", "g:expire:k"},
		{"pexpireat as it is", "set k v", "pexpireat k 1800000000000", ":1", 1, "=", "g:expire:k"},
		{"missing", "", "expire k 10", ":0", 0, "", ""},
		{"missing, past", "", "expire k -1", ":0", 0, "", ""},
		{"zero", "set k v", "expire k 0", ":1", 1, "DEL k", "g:del:k"},
		{"past", "set k v", "pexpireat k 1699999999999", ":1", 1, "DEL k", "g:del:k"},
		{"negative time", "set k v", "expireat k -5", ":1", 1, "DEL k", "g:del:k"},
		{"no number", "", "expire k x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"overflow of seconds", "", "expire k 9223372036854776", fmt.Sprintf(bad, "expire"), 0, "", ""},
		{"underflow of seconds", "", "expireat k -9223372036854776", fmt.Sprintf(bad, "expireat"), 0, "", ""},
		{"overflow of the sum", "", "pexpire k 9223372036854775807", fmt.Sprintf(bad, "pexpire"), 0, "", ""},
		{"nx", "set k v", "expire k 10 nx", ":1", 1, "PEXPIREAT k 1700000010000 nx", "g:expire:k"},
		{"nx refused", "set k v ex 5", "expire k 10 NX", ":0", 0, "", ""},
		{"xx", "set k v ex 5", "expire k 10 XX", ":1", 1, "PEXPIREAT k 1700000010000 XX", "g:expire:k"},
		{"xx refused", "set k v", "expire k 10 XX", ":0", 0, "", ""},
		{"gt", "set k v ex 5", "expire k 10 GT", ":1", 1, "PEXPIREAT k 1700000010000 GT", "g:expire:k"},
		{"gt equal", "set k v ex 5", "expire k 5 GT", ":0", 0, "", ""},
		{"gt without expiry", "set k v", "expire k 10 GT", ":0", 0, "", ""},
		{"lt", "set k v ex 5", "expire k 4 LT", ":1", 1, "PEXPIREAT k 1700000004000 LT", "g:expire:k"},
		{"lt equal", "set k v ex 5", "expire k 5 LT", ":0", 0, "", ""},
		{"lt without expiry", "set k v", "expire k 10 LT", ":1", 1, "PEXPIREAT k 1700000010000 LT", "g:expire:k"},
		{"lt and xx without expiry", "set k v", "expire k 10 XX LT", ":0", 0, "", ""},
		{"lt, past", "set k v ex 5", "expire k -1 LT", ":1", 1, "DEL k", "g:del:k"},
		{"nx and xx", "set k v", "expire k 10 NX XX", clash, 0, "", ""},
		{"nx and gt", "set k v", "expire k x GT NX", clash, 0, "", ""},
		{"gt and lt", "", "expire k 1 GT LT", "-ERR GT and LT options at the same time are not compatible", 0, "", ""},
		{"bad option", "", "expire k x foo", "-ERR Unsupported option foo", 0, "", ""},
		{"persist", "set k v ex 5", "persist k", ":1", 1, "=", "g:persist:k"},
		{"persist nothing", "set k v", "persist k", ":0", 0, "", ""},
		{"persist missing", "", "persist k", ":0", 0, "", ""},
	})
}

func TestTTL(t *testing.T) {
	const setup = "set k v pxat 1700000010499"
	runSpecs(t, []spec{
		{"ttl", setup, "ttl k", ":10", 0, "", ""},
		{"ttl rounds", "set k v pxat 1700000010500", "ttl k", ":11", 0, "", ""},
		{"pttl", setup, "pttl k", ":10499", 0, "", ""},
		{"expiretime", setup, "expiretime k", ":1700000010", 0, "", ""},
		{"pexpiretime", setup, "pexpiretime k", ":1700000010499", 0, "", ""},
		{"the last time", "set k v pxat 9223372036854775807", "expiretime k", ":9223372036854776", 0, "", ""},
		{"for ever", "set k v", "ttl k", ":-1", 0, "", ""},
		{"missing", "", "pttl k", ":-2", 0, "", "m:keymiss:k"},
	})
}

func TestPastExpiry(t *testing.T) {
	s := newSession(t)
	s.ctx.LazyExpire = true
	s.run("mset a 1 b 2")
	s.run("expire a -1")
	check.Eq(t, s.logged(), "UNLINK a")
	s.run("getex b pxat 1")
	check.Eq(t, s.logged(), "UNLINK b")

	s.ctx.Replaying = true
	s.ctx.KS.SetExpiry(keyspace.ExpiryIgnored)
	s.run("mset a 1 b 2 c 3")
	for _, line := range []string{"pexpireat a 5", "pexpireat b -1", "getex c pxat 7"} {
		s.run(line)
	}
	check.Eq(t, s.run("restore d 9 HELLO absttl"), "+OK")
	check.Eq(t, s.run("dbsize"), ":4")
	for line, want := range map[string]string{
		"pexpiretime a": ":5", "pexpiretime b": ":0", "pexpiretime c": ":7", "pexpiretime d": ":9",
	} {
		check.Eq(t, s.run(line), want)
	}

	s.ctx.Replaying = false
	s.ctx.KS.SetExpiry(keyspace.ExpiryDeletes)
	check.Eq(t, s.run("exists a b c d"), ":0")
}

func TestRename(t *testing.T) {
	const same = "-ERR source and destination objects are the same"
	runSpecs(t, []spec{
		{"rename", "set a 1", "rename a b", "+OK", 1, "=", "n:new:b g:rename_from:a g:rename_to:b"},
		{"rename over", "mset a 1 b 2", "rename a b", "+OK", 1, "=", "n:new:b g:rename_from:a g:rename_to:b"},
		{"rename nothing", "", "rename a b", "-ERR no such key", 0, "", ""},
		{"rename to itself", "set a 1", "rename a a", "+OK", 0, "", ""},
		{"rename nothing to itself", "", "rename a a", "-ERR no such key", 0, "", ""},
		{"renamenx", "set a 1", "renamenx a b", ":1", 1, "=", "n:new:b g:rename_from:a g:rename_to:b"},
		{"renamenx refused", "mset a 1 b 2", "renamenx a b", ":0", 0, "", ""},
		{"renamenx to itself", "set a 1", "renamenx a a", ":0", 0, "", ""},
		{"renamenx nothing", "set b 1", "renamenx a b", "-ERR no such key", 0, "", ""},
		{"move", "set a 1", "move a 3", ":1", 1, "=", "n:new:a@3 g:move_from:a g:move_to:a@3"},
		{"move nothing", "", "move a 3", ":0", 0, "", ""},
		{"move over", "set a 1; copy a a db 3", "move a 3", ":0", 0, "", ""},
		{"move to the same", "set a 1", "move a 0", same, 0, "", ""},
		{"move beyond", "", "move a 16", "-ERR DB index is out of range", 0, "", ""},
		{"move to no number", "", "move a x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"move far", "", "move a 2147483648",
			"-ERR value is out of range, value must between -2147483648 and 2147483647", 0, "", ""},
		{"copy", "set a 1", "copy a b", ":1", 1, "=", "n:new:b g:copy_to:b"},
		{"copy nothing", "", "copy a b", ":0", 0, "", "m:keymiss:a"},
		{"copy refused", "mset a 1 b 2", "copy a b", ":0", 0, "", ""},
		{"copy over", "mset a 1 b 2", "copy a b replace", ":1", 1, "=", "n:new:b g:copy_to:b"},
		{"copy to a database", "set a 1", "copy a a DB 2", ":1", 1, "=", "n:new:a@2 g:copy_to:a@2"},
		{"copy to itself", "", "copy a a", same, 0, "", ""},
		{"copy beyond", "", "copy a b db 16", "-ERR DB index is out of range", 0, "", ""},
		{"copy without a number", "", "copy a b db", "-ERR syntax error", 0, "", ""},
		{"copy bad option", "", "copy a b foo", "-ERR syntax error", 0, "", ""},
	})
}

func TestMovedValuesKeepTheirExpiry(t *testing.T) {
	for _, line := range []string{"rename a k", "copy a k", "copy a k replace", "swapdb 0 0; rename a k", "copy a k db 0"} {
		s := newSession(t)
		s.run("set a v pxat 1800000000000")
		for l := range strings.SplitSeq(line, ";") {
			s.run(l)
		}
		check.Eq(t, s.run("pexpiretime k"), ":1800000000000")
		check.Eq(t, s.run("get k"), "$1 v")
	}
}

func TestObject(t *testing.T) {
	const note = " Please note that when switching between policies at runtime LRU and LFU data will take some time to adjust."
	runSpecs(t, []spec{
		{"encoding", "set k v", "object encoding k", "$6 embstr", 0, "", ""},
		{"missing", "", "object encoding k", "$-1", 0, "", ""},
		{"refcount", "set k v", "object refcount k", ":1", 0, "", ""},
		{"refcount of a shared integer", "set k 9999", "object refcount k", ":2147483647", 0, "", ""},
		{"refcount of an integer", "set k 10000", "object refcount k", ":1", 0, "", ""},
		{"idletime", "set k v", "object idletime k", ":0", 0, "", ""},
		{"freq", "set k v", "object freq k",
			"-ERR An LFU maxmemory policy is not selected, access frequency not tracked." + note, 0, "", ""},
		{"freq of nothing", "", "object freq k", "$-1", 0, "", ""},
	})
	s := newSession(t)
	s.ctx.KS.SetAccessPolicy(true, 1, 10)
	s.run("set k v")
	check.Eq(t, s.run("object freq k"), ":5")
	check.Eq(t, s.run("object idletime k"),
		"-ERR An LFU maxmemory policy is selected, idle time not tracked."+note)
}

func TestAccessTimes(t *testing.T) {
	s := newSession(t)
	s.run("set k v")
	s.ctx.KS.SetNow(now + 60_000)
	for _, line := range []string{"ttl k", "exists k", "type k", "object encoding k", "scan 0"} {
		s.run(line)
		check.Eq(t, s.run("object idletime k"), ":60")
	}
	s.ctx.KS.SetQuiet(true)
	for _, line := range []string{"get k", "append k w", "set k v", "expire k 1000", "persist k", "set k 1", "incr k"} {
		s.run(line)
		check.Eq(t, line+s.run("object idletime k"), line+":60")
	}
	s.ctx.KS.SetQuiet(false)
	s.run("get k")
	check.Eq(t, s.run("object idletime k"), ":0")
	s.ctx.KS.SetNow(now + 120_000)
	s.run("touch k")
	check.Eq(t, s.run("object idletime k"), ":0")
}

func TestHelp(t *testing.T) {
	s := newSession(t)
	lines := strings.Split(s.run("object help"), " +")
	check.Eq(t, lines[0], "*15")
	check.Eq(t, lines[1], "OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:")
	check.Eq(t, lines[2], "ENCODING <key>")
	check.Eq(t, lines[4], "    associated with a <key>.")
	check.Eq(t, strings.Join(lines[len(lines)-2:], "|"), "HELP|    Print this help.")
}

// scanAll iterates to the end and gives the keys in order.
func scanAll(t *testing.T, s *session, options string) []string {
	t.Helper()
	var found []string
	for cursor := "0"; ; {
		fields := strings.Fields(s.run("scan " + cursor + " " + options))
		check.Eq(t, fields[0], "*2")
		for i := 5; i < len(fields); i += 2 {
			found = append(found, fields[i])
		}
		if cursor = fields[2]; cursor == "0" {
			slices.Sort(found)
			return slices.Compact(found)
		}
	}
}

func TestScan(t *testing.T) {
	s := newSession(t)
	for i := range 1000 {
		s.run(fmt.Sprintf("set key:%d v", i))
	}
	s.run("pexpireat key:1 1700000000001")
	s.ctx.KS.SetNow(now + 2)
	check.Eq(t, len(scanAll(t, s, "")), 999)
	check.Eq(t, s.run("dbsize"), ":999")
	check.Eq(t, len(scanAll(t, s, "count 1")), 999)
	check.Eq(t, len(scanAll(t, s, "count 100000")), 999)
	check.Eq(t, strings.Join(scanAll(t, s, "match key:10? count 50"), " "),
		"key:100 key:101 key:102 key:103 key:104 key:105 key:106 key:107 key:108 key:109")
	check.Eq(t, len(scanAll(t, s, "type STRING")), 999)
	check.Eq(t, len(scanAll(t, s, "type hash")), 0)
	first := strings.Fields(s.run("scan 0 count 1"))
	check.True(t, len(first) < 5+2*30, "COUNT 1 does not come near the end")
}

func TestScanArguments(t *testing.T) {
	const bad, syntax = "-ERR invalid cursor", "-ERR syntax error"
	for line, want := range map[string]string{
		"scan x": bad, "scan 1x": bad, "scan _1": bad, "scan 18446744073709551616": bad, "scan +": bad,
		"scan 0 count": syntax, "scan 0 foo 1": syntax, "scan 0 count 0": syntax, "scan 0 count -1": syntax,
		"scan 0 count x": "-ERR value is not an integer or out of range",
	} {
		check.Eq(t, newSession(t).run(line), want)
	}
	for _, line := range []string{"scan 0", "scan ''", "scan +0", "scan 000", "scan -0", "scan 0 count 9223372036854775807"} {
		check.Eq(t, newSession(t).run(line), "*2 $1 0 *0")
	}
}

// dumpOfHello is what DUMP gives for hello, and Redis 7.0 too.
const dumpOfHello = "\x00\x05hello\x0a\x00cr\xdfve4 \x0a"

func TestDumpRestore(t *testing.T) {
	const badPayload = "-ERR DUMP payload version or checksum are wrong"
	runSpecs(t, []spec{
		{"dump", "set k hello", "dump k", "$17 " + dumpOfHello, 0, "", ""},
		{"dump nothing", "", "dump k", "$-1", 0, "", "m:keymiss:k"},
		{"restore", "", "restore k 0 HELLO", "+OK", 1, "=", "n:new:k g:restore:k"},
		{"busy", "set k 1", "restore k x HELLO", "-BUSYKEY Target key name already exists.", 0, "", ""},
		{"replace", "set k 1", "restore k 0 HELLO replace", "+OK", 1, "=", "n:new:k g:restore:k"},
		{"expiry", "", "restore k 10 HELLO", "+OK", 1,
			"RESTORE k 1700000000010 " + dumpOfHello + " ABSTTL", "n:new:k g:restore:k"},
		{"absolute expiry", "", "restore k 1800000000000 HELLO absttl", "+OK", 1, "=", "n:new:k g:restore:k"},
		{"past expiry", "", "restore k 5 HELLO absttl", "+OK", 0, "", ""},
		{"past expiry over a key", "set k 1", "restore k 5 HELLO absttl replace", "+OK", 1, "DEL k", "g:del:k"},
		{"negative expiry", "", "restore k -1 x", "-ERR Invalid TTL value, must be >= 0", 0, "", ""},
		{"expiry is no number", "", "restore k x x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"bad checksum", "", "restore k 0 12345678901", badPayload, 0, "", ""},
		{"short payload", "", "restore k 0 x", badPayload, 0, "", ""},
		{"idle", "", "restore k 0 HELLO idletime 100", "+OK", 1, "=", "n:new:k g:restore:k"},
		{"idle negative", "", "restore k 0 x idletime -1", "-ERR Invalid IDLETIME value, must be >= 0", 0, "", ""},
		{"frequency too high", "", "restore k 0 x freq 256", "-ERR Invalid FREQ value, must be >= 0 and <= 255", 0, "", ""},
		{"idle and frequency", "", "restore k 0 x idletime 1 freq 1", "-ERR syntax error", 0, "", ""},
		{"bad option", "", "restore k 0 x foo", "-ERR syntax error", 0, "", ""},
	})
	s := newSession(t)
	s.run("restore k 0 HELLO idletime 100")
	check.Eq(t, s.run("object idletime k"), ":100")
	check.Eq(t, s.run("get k"), "$5 hello")
	s.ctx.KS.SetAccessPolicy(true, 1, 10)
	s.run("restore k 0 HELLO freq 200 replace")
	check.Eq(t, s.run("object freq k"), ":200")
}

func TestDumpRoundTrip(t *testing.T) {
	s := newSession(t)
	for _, value := range []string{"", "12", "-5", "9223372036854775807", strings.Repeat("ab", 5000), strings.Repeat("x", 21)} {
		s.exec([][]byte{[]byte("set"), []byte("a"), []byte(value)})
		s.ctx.Out.Reset()
		s.exec([][]byte{[]byte("dump"), []byte("a")})
		reply := string(s.ctx.Out.Buf)
		payload := reply[strings.IndexByte(reply, '\n')+1 : len(reply)-2]
		check.Eq(t, s.exec([][]byte{[]byte("restore"), []byte("b"), []byte("0"), []byte(payload), []byte("replace")}), "+OK")
		s.exec([][]byte{[]byte("get"), []byte("b")})
		check.Eq(t, string(s.ctx.Out.Buf), fmt.Sprintf("$%d\r\n%s\r\n", len(value), value))
		check.Eq(t, s.run("object encoding b"), s.run("object encoding a"))
	}
}

func TestExpiredKeysAreGone(t *testing.T) {
	tests := []struct{ line, reply string }{
		{"get k", "$-1"}, {"exists k", ":0"}, {"del k", ":0"}, {"ttl k", ":-2"}, {"expire k 10", ":0"}, {"persist k", ":0"},
		{"incr k", ":1"}, {"append k x", ":1"}, {"setnx k x", ":1"}, {"set k x xx", "$-1"}, {"rename k j", "-ERR no such key"},
		{"move k 1", ":0"}, {"copy k j", ":0"}, {"type k", "+none"}, {"object encoding k", "$-1"}, {"randomkey", "$-1"},
		{"keys *", "*0"}, {"dump k", "$-1"}, {"setrange k 0 ''", ":0"}, {"getdel k", "$-1"}, {"set k x keepttl", "+OK"},
		{"msetnx k 1", ":1"}, {"restore k 0 HELLO", "+OK"},
	}
	for _, tt := range tests {
		t.Run(tt.line, func(t *testing.T) {
			s := newSession(t)
			s.run("set k 7 px 1")
			s.ctx.KS.SetNow(now + 2)
			check.Eq(t, s.run(tt.line), tt.reply)
			if s.run("exists k") == ":1" {
				check.Eq(t, s.run("ttl k"), ":-1")
			}
		})
	}
}

func TestTableIsWhole(t *testing.T) {
	table := command.NewTable(command.Families()...)
	for _, s := range table.All() {
		if s.Summary == "" || s.Since == "" || s.Complexity == "" || s.Group == "" || s.Arity == 0 {
			t.Errorf("%s: a field is missing", s.FullName)
		}
		if (s.Handler == nil) != (s.Sub != nil) {
			t.Errorf("%s: a handler or subcommands, not both or neither", s.FullName)
		}
	}
	check.True(t, table.Lookup([]byte("GeTeX")) != nil, "names fold")
}
