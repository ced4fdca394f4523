package diff

import (
	"bytes"
	"fmt"
	"math/rand"
	"slices"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/command"
	"redisd/test/rig"
)

// Here: the same scripts on the daemon and on redis-server, whole servers both.

// scriptSides starts both and gives a connection to each. Both keep a log, since
// what a script did is logged otherwise than what a client sent.
func scriptSides(t *testing.T) (here, oracle *theirs) {
	o := rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "no", "--enable-debug-command", "yes"}}
	sides := make([]*theirs, 2)
	for i, s := range []*rig.Server{rig.Start(t, o), rig.StartRedis(t, o)} {
		sides[i] = &theirs{t: t}
		sides[i].conn, sides[i].r = dial(t, s.Sock)
	}
	return sides[0], sides[1]
}

// eachProtocol runs fn with empty servers that speak RESP2, then RESP3.
func eachProtocol(t *testing.T, here, oracle *theirs, fn func(t *testing.T)) {
	for _, proto := range []string{"2", "3"} {
		t.Run("RESP"+proto, func(t *testing.T) {
			for _, side := range []*theirs{here, oracle} {
				side.t = t
				side.do("hello", proto)
				side.do("flushall")
				side.do("config", "resetstat") // the rig's client tried what 7.0 does not have
			}
			fn(t)
		})
	}
}

// sameReply compares the replies of both sides to a script.
func sameReply(t *testing.T, here, oracle *theirs, words ...string) {
	t.Helper()
	got, want := here.do(words...), oracle.do(words...)
	if !bytes.Equal(got, want) && !alike(nil, decode(got), decode(want)) {
		t.Errorf("%q\n got %.600q\nwant %.600q", words, got, want)
	}
}

// deterministic scripts whose replies must be those of redis-server to the byte.
func conversions() []string {
	return []string{
		"return 1", "return 1.99", "return -0.5", "return 1e300", "return 0/0", "return 2^53", "return 'a\\0b'", "return true", "return false", "return nil",
		"return {}", "return {1,nil,3}", "return {1,{2,{3,'x'}}}", "return {ok='fine'}", "return {ok='a\\r\\nb'}", "return {err='MY error'}",
		"return {err='x\\r\\ny'}", "return {err='noprefix'}", "return {double=3.5}", "return {double=1e400}", "return {big_number='123'}", "return {big_number='1\\r2'}",
		"return {verbatim_string={format='txt',string='abc'}}", "return {map={a=1}}", "return {set={a=true}}", "return {map={}}", "return {1,{err='E x'},2}",
		"return redis.error_reply('MY x')", "return redis.error_reply('-MY x')", "return redis.error_reply('x')", "return redis.error_reply('')",
		"return redis.status_reply('X')", "return redis.error_reply()", "return redis.error_reply({})", "return redis.status_reply(1)",
		"redis.setresp(3) return true", "redis.setresp(3) return false", "redis.setresp(3) return redis.call('debug','protocol','map')", "return redis.setresp(4)", "return redis.setresp()",
		"return redis.call()", "return redis.pcall()", "return redis.call({})", "return redis.call('nosuch')", "return redis.pcall('nosuch')", "return redis.call('get')",
		"return redis.call('multi')", "return redis.call('config')", "return redis.call('client','kill')", "return redis.call('object','nosuch')",
		"return redis.call('incr','str')", "return redis.pcall('incr','str')", "return {redis.pcall('incr','str')}", "local e=redis.pcall('incr','str') return e.err",
		"local ok,e=pcall(redis.call,'incr','str') return {tostring(ok),e}", "local ok,e=xpcall(function() error('x') end, function(m) return m..'!' end) return e",
		"error('x')", "error({err='My err'})", "error()", "error(nil)", "error(12)", "error('x',2)", "return error({err='a\\r\\nb'})",
		"a=1", "return a", "return _G.a", "_G.a=1", "string.x=1", "redis.x=1", "return redis.nosuch", "setmetatable(_G,{})", "KEYS[1]='x' return KEYS", "return #ARGV",
		"return rawset(_G,'x',1)", "getmetatable('').__index=nil", "local f=loadstring('return 5') return f()", "return loadstring('\\27Lua')", "return tostring(loadfile)", "return tostring(dofile)",
		"return tostring(print)", "return tostring(require)", "return tostring(io)", "return type(setfenv)", "return type(getfenv)", "return type(newproxy)", "return tostring(debug)",
		"return tostring(1e15)", "return tostring(123456789012345)", "return tostring(-0)", "return tostring(0.1)", "return tostring(1/3)", "return tostring(1e100)", "return tostring(1/0)", "return 1 .. ''",
		"return tonumber('0x10')", "return tonumber('1e1')", "return tonumber('10',2)", "return tostring(tonumber('x'))", "return redis.call('set','n',1e20) and redis.call('get','n')",
		"redis.call('set','n',0.1) return redis.call('get','n')", "redis.call('set','n',12345678901234567890) return redis.call('get','n')", "return redis.call('echo',3)",
		"return redis.call('hgetall','h')", "redis.setresp(3) return redis.call('hgetall','h')", "redis.setresp(3) return redis.call('smembers','s')", "redis.setresp(3) return redis.call('zscore','z','a')",
		"redis.setresp(3) return redis.call('get','nosuch')", "redis.setresp(3) return tostring(redis.call('get','nosuch'))", "return tostring(redis.call('get','nosuch'))", "redis.setresp(3) local d=redis.call('zscore','z','a') return type(d)..tostring(d.double)",
		"redis.setresp(3) local m=redis.call('hgetall','h') return m.map.f", "return redis.call('select',3)", "redis.call('select',3) return redis.call('dbsize')",
		"return redis.sha1hex('x')", "return redis.sha1hex()", "return redis.sha1hex(1)", "return redis.set_repl(9)", "return redis.log(1)", "return redis.log(9,'x')", "return redis.log('x','y')",
		"return redis.replicate_commands()", "return redis.breakpoint()", "return redis.LOG_WARNING", "return redis.REPL_ALL", "return redis.acl_check_cmd('set','a','b')", "return redis.acl_check_cmd('nosuch')",
		"return redis.acl_check_cmd()", "math.randomseed(7) return {math.random(100),math.random(100),math.random(3,9)}", "return math.random(0)", "return math.random(1,2,3)",
		"local function f() return f()+1 end return f()", "return string.rep('x',-1)", "return string.format('%5.2f|%d|%s|%q|%x',1.234,42,'a','b\\n\"',255)", "return string.format('%d','x')",
		"return {string.find('hello','l+')}", "return string.gsub('abc','%w','%0%0')", "return {('x'):byte(1,-1)}", "return table.concat({1,2,'x'},',')", "return table.concat({{}})", "local t={3,1,2} table.sort(t) return t",
		"return unpack({1,2})", "return {unpack({1,2,3},2)}", "return select('#',1,nil,3)", "return next({})", "return #{1,2,nil,4}", "local c=coroutine.wrap(function() coroutine.yield(1) end) return c()",
		"return ((((", "return 1 +", "x x", "return 'unfinished", "goto x", "return 5 // 2", "for i=1,3 do local x=i end return 'done'", "local x <const> = 1", "#!lua\nreturn 1", "#!lua flags=no-writes\nreturn redis.call('set','a',1)",
		"#!lua flags=bad\nreturn 1", "#!lua flags=\nreturn 1", "#!lua bad=x\nreturn 1", "#!py\nreturn 1", "#!lua", "#!lua flags=no-writes,allow-stale\nreturn redis.call('get','str')", "#!lua \"\nreturn 1",
		"return _VERSION", "return type(gcinfo())", "return collectgarbage('nosuch')", "return tostring(nil)..tostring(true)", "return math.floor(-1.5)", "return math.huge", "return -math.huge", "return math.fmod(7,3)", "return 7 % -3", "return 2^0.5",
	}
}

// libraryCalls are calls of cjson, cmsgpack, struct and bit.
func libraryCalls() []string {
	values := []string{"nil", "true", "1", "-1", "1.5", "1e20", "2^31", "2^53", "-2^31", "'x'", "''", "{}", "{1,2,3}", "{a=1}", "{1,{2}}", "{[1]=1,[3]=3}", "{[1.5]=1}", "cjson.null", "('x'):rep(300)", "'\\0\\1\\127\\200'"}
	var all []string
	for _, v := range values {
		all = append(all, "return cjson.encode("+v+")", "return cmsgpack.pack("+v+")", "return cjson.encode({cmsgpack.unpack(cmsgpack.pack("+v+"))})",
			"return bit.tobit("+v+")", "return bit.bnot("+v+")", "return bit.tohex("+v+")", "return bit.band("+v+",255)", "return bit.lshift("+v+",3)", "return bit.bswap("+v+")")
	}
	for _, s := range []string{"[]", "{}", "null", "1", "-1.5e3", "\"x\\u00e9\\n\"", "[1,[2,[3]]]", "{\"a\":{\"b\":null}}", "[1,", "{\"a\"}", "nul", "\"\\ud83d\\ude00\"", "\"\\ud83d\"", "[1e999]", "0x10", "NaN", "Infinity", "", " ", "[1] x", "\"a\tb\"", strings.Repeat("[", 1100)} {
		all = append(all, fmt.Sprintf("return cjson.encode(cjson.decode(%q))", s))
	}
	for _, s := range []string{"\\255", "\\193", "\\146\\1", "\\218\\0\\9abc", "\\129\\161a\\1", "\\202\\63\\128\\0\\0", "\\203\\63\\240\\0\\0\\0\\0\\0\\0", "\\207\\255\\255\\255\\255\\255\\255\\255\\255", "\\211\\128\\0\\0\\0\\0\\0\\0\\0", "\\221\\255\\255\\255\\255", ""} {
		all = append(all, "return cjson.encode({cmsgpack.unpack('"+s+"')})", "return {pcall(cmsgpack.unpack_one,'"+s+"',0)}", "return {pcall(cmsgpack.unpack_limit,'"+s+"',1,0)}")
	}
	for _, f := range []string{"b", "B", "h", "H", "i", "I", "l", "L", "i3", "I7", "i9", "f", "d", "s", "c3", "c0", ">h", "<I", "!4bi", "x", "z", "=i", "Bc0", "i0", "i2147483648"} {
		all = append(all, "return struct.pack('"+f+"',65,'abc')", "return struct.pack('"+f+"','abc')", "return {struct.unpack('"+f+"','abcdefghijkl')}", "return {struct.unpack('"+f+"','a')}", "return struct.size('"+f+"')")
	}
	return append(all, "cjson.encode_sparse_array(true,1,1) return cjson.encode({[5]=1})", "cjson.encode_max_depth(2) return cjson.encode({{{1}}})", "cjson.encode_max_depth(1000) return 1", "cjson.encode_number_precision(3) local r=cjson.encode(1/3) cjson.encode_number_precision(14) return r",
		"cjson.decode_invalid_numbers(false) return 1", "return cjson.encode({a=function() end})", "local t={} t[1]=t return cjson.encode(t)", "cjson.encode_keep_buffer(false) return cjson.encode({1})", "return type(cjson.new())", "return cjson._NAME .. cjson._VERSION",
		"return struct.unpack('i','abcd',2147483647)", "return struct.unpack('i','abcdefgh',3)", "return bit.bor(1,2,4)", "return bit.bxor(0xffffffff,1)", "return bit.arshift(-8,1)", "return bit.rol(0x12345678,12)", "return bit.ror(0x12345678,12)", "return bit.band()", "return cmsgpack.pack()", "return cmsgpack.pack(1,2,'x')")
}

func TestScriptReplies(t *testing.T) {
	here, oracle := scriptSides(t)
	eachProtocol(t, here, oracle, func(t *testing.T) {
		for _, side := range []*theirs{here, oracle} {
			side.do("set", "str", "text")
			side.do("hset", "h", "f", "v")
			side.do("sadd", "s", "a")
			side.do("zadd", "z", "1.5", "a")
		}
		for _, code := range append(conversions(), libraryCalls()...) {
			sameReply(t, here, oracle, "eval", code, "1", "k", "arg")
			sameReply(t, here, oracle, "info", "errorstats")
			if t.Failed() {
				t.Fatalf("after %q", code) // the figures of errors stay apart
			}
		}
	})
}

// Numbers take short ways through the interpreter when they are short themselves.
func TestScriptsReadAndWriteNumbersAsRedis(t *testing.T) {
	here, oracle := scriptSides(t)
	const code = `local r = {}
for i, text in ipairs(ARGV) do
  local n = tonumber(text)
  local ok, list = pcall(cjson.decode, '[' .. text .. ']')
  r[i] = table.concat({text, tostring(n), n and string.format('%.17g', n) or '', n and redis.call('echo', n) or '',
    n and n == n and n - n == 0 and cjson.encode({n, n / 8, -n}) or '', ok and list[1] and string.format('%.17g', list[1]) or tostring(list):gsub('table.*', '')}, ' ')
end
return r`
	random := rand.New(rand.NewSource(1))
	words := []string{"EVAL", code, "0", "0", "-0", "00", "-00.10", "1.", ".5", "-.5", ".", "-", "", "1..2", "1.2.3", "1e5", "1E-5", "1e", "0x10", "0x", "0X1p4",
		" 1", "1 ", "1a", "+1", "--1", "inf", "-inf", "nan", "1e400", "1e-400", "0.0001", "0.00001", "-0.0001", "99999999999999", "100000000000000",
		"99999999999999.5", "9999999999.9999", "10000000000.0001", "999999999999999", "1000000000000000", "0.1234567890123456", "9007199254740993", "0.30000000000000004",
		"123456789012345.6", "4503599627370497.5"}
	for range 3000 {
		digits := strconv.FormatUint(random.Uint64()>>random.Intn(64), 10)
		if point := random.Intn(len(digits) + 1); random.Intn(4) > 0 {
			digits = digits[:point] + "." + digits[point:]
		}
		if random.Intn(4) == 0 {
			digits = "-" + digits
		}
		words = append(words, digits)
	}
	want, got := decode(oracle.do(words...)).Elems, decode(here.do(words...)).Elems
	if len(want) != len(words)-3 {
		t.Fatalf("the script failed: %s", oracle.do(words...))
	}
	check.Eq(t, len(got), len(want))
	for i := range want {
		if got[i].Text != want[i].Text {
			t.Errorf("redis:  %s\nredisd: %s", want[i].Text, got[i].Text)
		}
	}
}

// luaValue gives a random expression of Lua, tables of what replies are made of
// among them.
func luaValue(g generator, depth int) string {
	if depth == 0 || g.chance(3) {
		return g.pick("nil", "true", "false", "'x'", "''", "'a\\0\\r\\nb'", "redis.call('get','nosuch')", "function() end",
			g.int(), g.int()+".75", "-"+g.pick("1", "0.5", "2^40"), strconv.Quote(g.pick("word", "12", "1e3")))
	}
	inner := func() string { return luaValue(g, depth-1) }
	switch g.Intn(9) {
	case 0:
		return "{ok=" + inner() + "}"
	case 1:
		return "{err=" + inner() + "}"
	case 2:
		return "{double=" + inner() + "}"
	case 3:
		return "{map={[" + g.pick("'a'", "1", "true", "2.5") + "]=" + inner() + "}}"
	case 4:
		return "{set={[" + g.pick("'a'", "1", "true", "2.5") + "]=" + inner() + "}}"
	case 5:
		return "{big_number=" + inner() + "}"
	case 6:
		return "{verbatim_string={format=" + g.pick("'txt'", "'mkd'", "'toolong'", "1", "nil") + ",string=" + inner() + "}}"
	}
	return "{" + strings.Join(g.some(4, inner), ",") + "}"
}

func TestScriptsOfRandomValues(t *testing.T) {
	total, seed := amount(t)
	here, oracle := scriptSides(t)
	eachProtocol(t, here, oracle, func(t *testing.T) {
		g := generator{Rand: rand.New(rand.NewSource(seed))}
		for range total / 10 {
			sameReply(t, here, oracle, "eval", g.pick("", "redis.setresp(3) ")+"return "+luaValue(g, 3), "0")
		}
	})
}

// callers are scripts that run the command in their arguments. The last one tells
// what Lua sees of a reply, with its types.
func callers() []string {
	return []string{
		"return redis.call(unpack(ARGV))",
		"redis.setresp(3) return redis.call(unpack(ARGV))",
		"return {redis.pcall(unpack(ARGV))}",
		`redis.setresp(ARGV[1] == 'GET' and 2 or 3)
local function show(v)
  if type(v) ~= 'table' then return type(v) .. ' ' .. tostring(v) end
  local lines = {}
  for k, x in pairs(v) do lines[#lines + 1] = show(k) .. '=' .. (k == 'double' and 'a double' or show(x)) end
  table.sort(lines)
  return '{' .. table.concat(lines, ',') .. '}'
end
return show(redis.pcall(unpack(ARGV)))`,
	}
}

// sameInScripts tells a command that both sides must answer alike, without regard
// to what the keys hold.
func sameInScripts(c *comparison, args []string) bool {
	name := strings.ToLower(args[0])
	return !c.steered(args) && tolerance(args) == 0 && name != "scan" && name != "memory" &&
		!slices.ContainsFunc(differences(), func(d difference) bool { return d.command == name }) &&
		!slices.ContainsFunc(excuses(), func(e excuse) bool { return e.command == name })
}

func TestScriptsOfRandomCommands(t *testing.T) {
	total, seed := amount(t)
	here, oracle := scriptSides(t)
	table := command.NewTable(command.Families()...)
	eachProtocol(t, here, oracle, func(t *testing.T) {
		c := &comparison{g: generator{Rand: rand.New(rand.NewSource(seed)), table: table, families: families(), clock: new(int), main: len(families())}}
		for n := 0; n < total/4; {
			args := c.g.next()
			if !sameInScripts(c, args) {
				continue
			}
			n++
			sameReply(t, here, oracle, append([]string{"eval", c.g.pick(callers()...), "0"}, args...)...)
			if t.Failed() {
				t.FailNow()
			}
		}
		before := string(here.do("debug", "digest"))
		check.Eq(t, before, string(oracle.do("debug", "digest")))
		check.Eq(t, string(here.do("debug", "loadaof")), "+OK\r\n")
		check.Eq(t, string(here.do("debug", "digest")), before)
	})
}
