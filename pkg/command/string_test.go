package command_test

import (
	"testing"

	"redisd/internal/check"
	"redisd/pkg/mem"
)

func TestStringReads(t *testing.T) {
	runSpecs(t, []spec{
		{"get", "set k v", "get k", "$1 v", 0, "", ""},
		{"get int", "set k 12", "get k", "$2 12", 0, "", ""},
		{"get missing", "", "get k", "$-1", 0, "", "m:keymiss:k"},
		{"mget", "mset a 1 b x", "mget a nope b a", "*4 $1 1 $-1 $1 x $1 1", 0, "", "m:keymiss:nope"},
		{"strlen", "set k hello", "strlen k", ":5", 0, "", ""},
		{"strlen int", "set k -120", "strlen k", ":4", 0, "", ""},
		{"strlen missing", "", "strlen k", ":0", 0, "", "m:keymiss:k"},
		{"getdel", "set k v", "getdel k", "$1 v", 1, "DEL k", "g:del:k"},
		{"getdel missing", "", "getdel k", "$-1", 0, "", "m:keymiss:k"},
	})
}

func TestGetEx(t *testing.T) {
	runSpecs(t, []spec{
		{"plain", "set k v", "getex k", "$1 v", 0, "", ""},
		{"ex", "set k v", "getex k EX 10", "$1 v", 1, "PEXPIREAT k 1700000010000", "g:expire:k"},
		{"px", "set k v", "getex k px 10", "$1 v", 1, "PEXPIREAT k 1700000000010", "g:expire:k"},
		{"exat", "set k v", "getex k exat 1800000000", "$1 v", 1, "PEXPIREAT k 1800000000000", "g:expire:k"},
		{"pxat in the past", "set k v", "getex k pxat 1", "$1 v", 1, "DEL k", "g:del:k"},
		{"persist", "set k v ex 5", "getex k PERSIST", "$1 v", 1, "PERSIST k", "g:persist:k"},
		{"persist twice", "set k v ex 5", "getex k persist persist", "$1 v", 1, "PERSIST k", "g:persist:k"},
		{"persist without expiry", "set k v", "getex k persist", "$1 v", 0, "", ""},
		{"persist and ex", "set k v", "getex k persist ex 1", "-ERR syntax error", 0, "", ""},
		{"ex and px", "set k v", "getex k ex 1 px 1", "-ERR syntax error", 0, "", ""},
		{"no option of set", "set k v", "getex k keepttl", "-ERR syntax error", 0, "", ""},
		{"zero", "set k v", "getex k ex 0", "-ERR invalid expire time in 'getex' command", 0, "", ""},
		{"no number", "set k v", "getex k ex x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"missing key hides a bad time", "", "getex k ex x", "$-1", 0, "", "m:keymiss:k"},
		{"missing key does not hide bad syntax", "", "getex k foo", "-ERR syntax error", 0, "", ""},
	})
}

func TestSet(t *testing.T) {
	const badTime = "-ERR invalid expire time in 'set' command"
	runSpecs(t, []spec{
		{"new", "", "set k v", "+OK", 1, "=", "n:new:k $:set:k"},
		{"overwrite", "set k 1", "set k v", "+OK", 1, "=", "$:set:k"},
		{"ex", "", "set k v EX 10", "+OK", 1, "SET k v PXAT 1700000010000", "n:new:k $:set:k g:expire:k"},
		{"px", "", "set k v px 10", "+OK", 1, "SET k v PXAT 1700000000010", "n:new:k $:set:k g:expire:k"},
		{"exat", "", "set k v exat 1800000000", "+OK", 1, "SET k v PXAT 1800000000000", "n:new:k $:set:k g:expire:k"},
		{"pxat as it is", "", "set k v pxat 1800000000000", "+OK", 1, "=", "n:new:k $:set:k g:expire:k"},
		{"nx", "", "set k v nx", "+OK", 1, "=", "n:new:k $:set:k"},
		{"nx refused", "set k 1", "set k v nx", "$-1", 0, "", ""},
		{"xx", "set k 1", "set k v xx", "+OK", 1, "=", "$:set:k"},
		{"xx refused", "", "set k v xx", "$-1", 0, "", ""},
		{"nx and xx", "", "set k v nx xx", "-ERR syntax error", 0, "", ""},
		{"get", "set k old", "set k v get", "$3 old", 1, "SET k v", "$:set:k"},
		{"get of nothing", "", "set k v get", "$-1", 1, "SET k v", "m:keymiss:k n:new:k $:set:k"},
		{"get and nx, refused", "set k old", "set k v nx get", "$3 old", 0, "", ""},
		{"get and nx, done", "", "set k v nx get", "$-1", 1, "SET k v nx", "m:keymiss:k n:new:k $:set:k"},
		{"get and xx, refused", "", "set k v get xx", "$-1", 0, "", "m:keymiss:k"},
		{"get and ex", "set k old", "set k v get ex 10", "$3 old", 1, "SET k v PXAT 1700000010000", "$:set:k g:expire:k"},
		{"keepttl", "set k 1 ex 5", "set k v keepttl", "+OK", 1, "=", "$:set:k"},
		{"keepttl and ex", "", "set k v keepttl ex 1", "-ERR syntax error", 0, "", ""},
		{"ex and keepttl", "", "set k v ex 1 keepttl", "-ERR syntax error", 0, "", ""},
		{"ex and px", "", "set k v ex 1 px 1", "-ERR syntax error", 0, "", ""},
		{"ex twice", "", "set k v ex 1 ex 2", "+OK", 1, "SET k v PXAT 1700000002000", "n:new:k $:set:k g:expire:k"},
		{"ex without a time", "", "set k v ex", "-ERR syntax error", 0, "", ""},
		{"no option of getex", "", "set k v persist", "-ERR syntax error", 0, "", ""},
		{"zero time", "", "set k v ex 0", badTime, 0, "", ""},
		{"negative time", "", "set k v px -1", badTime, 0, "", ""},
		{"seconds overflow", "", "set k v ex 9223372036854776", badTime, 0, "", ""},
		{"sum overflow", "", "set k v px 9223372036854775807", badTime, 0, "", ""},
		{"time is no number", "", "set k v ex 1.5", "-ERR value is not an integer or out of range", 0, "", ""},
		{"a bad time comes before nx", "set k 1", "set k v nx ex 0", badTime, 0, "", ""},
	})
}

func TestSetRelatives(t *testing.T) {
	runSpecs(t, []spec{
		{"setnx", "", "setnx k v", ":1", 1, "=", "n:new:k $:set:k"},
		{"setnx refused", "set k 1", "setnx k v", ":0", 0, "", ""},
		{"setex", "", "setex k 10 v", "+OK", 1, "SET k v PXAT 1700000010000", "n:new:k $:set:k g:expire:k"},
		{"setex zero", "", "setex k 0 v", "-ERR invalid expire time in 'setex' command", 0, "", ""},
		{"psetex", "", "psetex k 10 v", "+OK", 1, "SET k v PXAT 1700000000010", "n:new:k $:set:k g:expire:k"},
		{"psetex negative", "", "psetex k -1 v", "-ERR invalid expire time in 'psetex' command", 0, "", ""},
		{"getset", "set k old", "getset k v", "$3 old", 1, "SET k v", "$:set:k"},
		{"getset new", "", "getset k v", "$-1", 1, "SET k v", "m:keymiss:k n:new:k $:set:k"},
		{"mset", "set b 1", "mset a 1 b 2", "+OK", 2, "=", "n:new:a $:set:a $:set:b"},
		{"mset odd", "", "mset a 1 b", "-ERR wrong number of arguments for 'mset' command", 0, "", ""},
		{"msetnx", "", "msetnx a 1 a 2", ":1", 2, "=", "n:new:a $:set:a $:set:a"},
		{"msetnx refused", "set b 1", "msetnx a 1 b 2", ":0", 0, "", ""},
		{"msetnx odd", "", "msetnx a 1 b", "-ERR wrong number of arguments for 'msetnx' command", 0, "", ""},
	})
}

func TestNumbers(t *testing.T) {
	const overflow = "-ERR increment or decrement would overflow"
	const notInt = "-ERR value is not an integer or out of range"
	const notFloat = "-ERR value is not a valid float"
	runSpecs(t, []spec{
		{"incr new", "", "incr k", ":1", 1, "=", "n:new:k $:incrby:k"},
		{"incr", "set k 41", "incr k", ":42", 1, "=", "$:incrby:k"},
		{"incr of raw digits", "set k 4; append k 1", "incr k", ":42", 1, "=", "$:incrby:k"},
		{"incr overflow", "set k 9223372036854775807", "incr k", overflow, 0, "", ""},
		{"incr no number", "set k x", "incr k", notInt, 0, "", ""},
		{"incr spaces", "set k _1", "incr k", notInt, 0, "", ""},
		{"decr", "set k 1", "decr k", ":0", 1, "=", "$:incrby:k"},
		{"decr overflow", "set k -9223372036854775808", "decr k", overflow, 0, "", ""},
		{"incrby", "set k 1", "incrby k -5", ":-4", 1, "=", "$:incrby:k"},
		{"incrby no number", "set k 1", "incrby k x", notInt, 0, "", ""},
		{"decrby", "set k 1", "decrby k 5", ":-4", 1, "=", "$:incrby:k"},
		{"decrby minimum", "set k -1", "decrby k -9223372036854775808", "-ERR decrement would overflow", 0, "", ""},
		{"incrbyfloat new", "", "incrbyfloat k 1.5", "$3 1.5", 1, "SET k 1.5 KEEPTTL", "n:new:k $:incrbyfloat:k"},
		{"incrbyfloat int", "set k 3", "incrbyfloat k 0.1", "$3 3.1", 1, "SET k 3.1 KEEPTTL", "$:incrbyfloat:k"},
		{"incrbyfloat exponent", "set k 5.0e3", "incrbyfloat k 2.0e2", "$4 5200", 1, "SET k 5200 KEEPTTL", "$:incrbyfloat:k"},
		{"incrbyfloat bad value", "set k x", "incrbyfloat k 1", notFloat, 0, "", ""},
		{"incrbyfloat bad step", "set k 1", "incrbyfloat k _1", notFloat, 0, "", ""},
		{"incrbyfloat nan", "", "incrbyfloat k nan", notFloat, 0, "", ""},
		{"incrbyfloat infinity", "", "incrbyfloat k +inf", "-ERR increment would produce NaN or Infinity", 0, "", ""},
	})
}

func TestRanges(t *testing.T) {
	const tooLong = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	runSpecs(t, []spec{
		{"append new", "", "append k ab", ":2", 1, "=", "n:new:k $:append:k"},
		{"append", "set k ab", "append k cd", ":4", 1, "=", "$:append:k"},
		{"append to int", "set k 12", "append k 3", ":3", 1, "=", "$:append:k"},
		{"append nothing", "set k ab", "append k ''", ":2", 1, "=", "$:append:k"},
		{"getrange", "set k hello", "getrange k 1 3", "$3 ell", 0, "", ""},
		{"getrange from the end", "set k hello", "getrange k -3 -2", "$2 ll", 0, "", ""},
		{"getrange beyond", "set k hello", "getrange k -100 100", "$5 hello", 0, "", ""},
		{"getrange turned round", "set k hello", "getrange k -1 -5", "$0 ", 0, "", ""},
		{"getrange before the start", "set k hello", "getrange k -100 -99", "$1 h", 0, "", ""},
		{"getrange missing", "", "getrange k 0 -1", "$0 ", 0, "", "m:keymiss:k"},
		{"getrange no number", "", "getrange k 0 x", "-ERR value is not an integer or out of range", 0, "", ""},
		{"substr", "set k 12345", "substr k 1 1", "$1 2", 0, "", ""},
		{"setrange new", "", "setrange k 1 x", ":2", 1, "=", "n:new:k $:setrange:k"},
		{"setrange inside", "set k hello", "setrange k 1 EL", ":5", 1, "=", "$:setrange:k"},
		{"setrange nothing on nothing", "", "setrange k 5 ''", ":0", 0, "", ""},
		{"setrange nothing", "set k hello", "setrange k 9 ''", ":5", 0, "", ""},
		{"setrange negative", "", "setrange k -1 x", "-ERR offset is out of range", 0, "", ""},
		{"setrange too long", "", "setrange k 536870912 x", tooLong, 0, "", ""},
		{"setrange overflow", "set k a", "setrange k 9223372036854775807 x", tooLong, 0, "", ""},
	})
}

func TestLCS(t *testing.T) {
	const setup = "mset a ohmytext b mynewtext"
	runSpecs(t, []spec{
		{"string", setup, "lcs a b", "$6 mytext", 0, "", ""},
		{"length", setup, "lcs a b LEN", ":6", 0, "", ""},
		{"ranges", setup, "lcs a b idx",
			"*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6", 0, "", ""},
		{"long ranges", setup, "lcs a b idx minmatchlen 4 withmatchlen",
			"*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6", 0, "", ""},
		{"ranges of nothing", "", "lcs a b idx", "*4 $7 matches *0 $3 len :0", 0, "", "m:keymiss:a m:keymiss:b"},
		{"empty", "set a x", "lcs a b", "$0 ", 0, "", "m:keymiss:b"},
		{"of numbers", "mset a 12345 b 24", "lcs a b", "$2 24", 0, "", ""},
		{"of itself", "set a 77", "lcs a a", "$2 77", 0, "", ""},
		{"both forms", setup, "lcs a b idx len",
			"-ERR If you want both the length and indexes, please just use IDX.", 0, "", ""},
		{"bad option", setup, "lcs a b foo", "-ERR syntax error", 0, "", ""},
		{"bad minimum", setup, "lcs a b minmatchlen x", "-ERR value is not an integer or out of range", 0, "", ""},
	})
}

func TestLCSLimit(t *testing.T) {
	s := newSession(t)
	s.run("mset a aaaa b bbbb")
	s.ctx.MaxString = 4*5*5 - 1
	check.Eq(t, s.run("lcs a b"), "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len")
	s.ctx.MaxString++
	check.Eq(t, s.run("lcs a b"), "$0 ")
	check.Eq(t, s.arena.UsedBy(mem.Scratch), uint64(0))
}

func TestStringsKeepTheirExpiry(t *testing.T) {
	for _, line := range []string{"append k 1", "incr k", "incrby k 2", "decr k", "incrbyfloat k 1.5", "setrange k 70 x",
		"set k 5 keepttl", "getex k", "get k"} {
		s := newSession(t)
		s.run("set k 1 pxat 1800000000000")
		s.run(line)
		if got := s.run("pexpiretime k"); got != ":1800000000000" {
			t.Errorf("after %q the key expires at %s", line, got)
		}
	}
	for _, line := range []string{"set k 5", "mset k 5", "getset k 5", "getex k persist", "persist k"} {
		s := newSession(t)
		s.run("set k 1 pxat 1800000000000")
		s.run(line)
		if got := s.run("pexpiretime k"); got != ":-1" {
			t.Errorf("after %q the key expires at %s", line, got)
		}
	}
}

func TestStringsBeyondTheLimit(t *testing.T) {
	const tooLong = "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"
	s := newSession(t)
	s.ctx.MaxString = 10
	check.Eq(t, s.run("append k 12345678901"), ":11") // what a client could send at once is never too long
	check.Eq(t, s.run("append k 1"), tooLong)
	check.Eq(t, s.run("setrange j 9 1"), ":10")
	check.Eq(t, s.run("setrange j 10 1"), tooLong)
	s.ctx.Replaying = true
	check.Eq(t, s.run("setrange j 10 1"), ":11")
	check.Eq(t, s.run("append j 1"), ":12")
}

func TestEncodings(t *testing.T) {
	tests := []struct{ name, setup, want string }{
		{"int", "set k 12", "int"},
		{"embstr", "set k 12x", "embstr"},
		{"raw", "set k 123456789012345678901234567890123456789012345", "raw"},
		{"appended", "set k 12; append k 3", "raw"},
		{"appended to nothing", "append k 3", "int"},
		{"incremented raw", "append k 1; append k 2; incr k", "int"},
		{"float sum", "incrbyfloat k 3", "embstr"},
		{"range", "setrange k 0 12", "raw"},
		{"renamed", "set j 12; rename j k", "int"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			runSpecs(t, []spec{{tt.want, tt.setup, "object encoding k",
				map[string]string{"int": "$3 int", "raw": "$3 raw", "embstr": "$6 embstr"}[tt.want], 0, "", ""}})
		})
	}
}
