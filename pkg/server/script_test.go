package server_test

import (
	"fmt"
	"os"
	"testing"

	"redisd/internal/check"
)

func TestScriptsEndWithoutEnd(t *testing.T) {
	here := startServer(t, "lua-memory-limit 32mb").dial()
	for _, c := range []struct{ code, want string }{
		{"local t={} while true do t[#t+1]={} end", "not enough memory"},
		{"local s='x' while true do s=s..s end", "not enough memory"},
		{"return ('x'):rep(2^30)", "not enough memory"},
		{"local function f() return f()+1 end return f()", "stack overflow"},
		{"return string.gsub(('x'):rep(100),'x',function() return (string.gsub('y','y',function() error('deep') end)) end)", "deep"},
		{"return string.find(('a'):rep(300000), ('.-'):rep(300000)..'b')", "ERR"},
	} {
		check.Contains(t, here.refused("EVAL", c.code, "0"), c.want)
		check.Eq(t, fmt.Sprint(here.do("EVAL", "return 'alive'", "0")), fmt.Sprint(here.do("ECHO", "alive")))
	}
}

// The rows of commands that scripts call again are remembered, but not for containers.
func TestScriptsCallCommandsAgain(t *testing.T) {
	here := startServer(t).dial()
	here.ok("SET", "k", "1")
	const code = `local r = {}
for _, words in ipairs{{'OBJECT'}, {'OBJECT', 'ENCODING', 'k'}, {'OBJECT'}, {'get', 'k'}, {'GET', 'k'}, {'get', 'k'}, {'nosuch'}, {'GET'}, {'OBJECT', 'ENCODING', 'k'}, {''}, {('x'):rep(500)}} do
  local reply = redis.pcall(unpack(words))
  r[#r + 1] = tostring(type(reply) == 'table' and reply.err or reply)
end
return r`
	want := []string{"ERR Wrong number of args calling Redis command from script", "int", "ERR Wrong number of args calling Redis command from script",
		"1", "1", "1", "ERR Unknown Redis command called from script", "ERR Wrong number of args calling Redis command from script", "int",
		"ERR Unknown Redis command called from script", "ERR Unknown Redis command called from script"}
	for range 2 {
		got := here.do("EVAL", code, "0").Elems
		check.Eq(t, len(got), len(want))
		for i := range want {
			check.Eq(t, got[i].Text, want[i])
		}
	}
}

// What holds for a client's commands holds for those of its scripts.
func TestRulesHoldInsideScripts(t *testing.T) {
	r := startServer(t, "notify-keyspace-events KA")
	p, other := r.dial(), r.dial()

	t.Run("a script's write aborts a transaction that watches the key", func(t *testing.T) {
		p.ok("WATCH", "watched")
		other.ok("EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", "watched")
		p.ok("MULTI")
		p.ok("SET", "watched", "y")
		check.True(t, p.ok("EXEC").Null, "EXEC ran")
	})
	t.Run("subscribers hear of a script's writes", func(t *testing.T) {
		listener := r.dial()
		listener.ok("SUBSCRIBE", "__keyspace@0__:heard")
		p.ok("EVAL", "redis.call('LPUSH', KEYS[1], 'x') redis.call('DEL', KEYS[1])", "1", "heard")
		check.Contains(t, listener.next(), "lpush")
		check.Contains(t, listener.next(), "del")
	})
	t.Run("the rights are those of the user", func(t *testing.T) {
		p.ok("ACL", "SETUSER", "u", "on", "nopass", "~own:*", "+eval", "+get", "+set")
		limited := r.dial()
		limited.ok("AUTH", "u", "any")
		limited.ok("EVAL", "return redis.call('SET', KEYS[1], 'x')", "1", "own:k")
		check.Contains(t, limited.refused("EVAL", "return redis.call('SET', 'foreign', 'x')", "0"), "The user executing the script")
		check.Contains(t, limited.refused("EVAL", "return redis.call('DEL', 'own:k')", "0"), "The user executing the script")
		check.Eq(t, p.text("EVAL", "return tostring(redis.call('EXISTS', 'foreign', 'own:k'))", "0"), "1")
	})
	t.Run("memory is refused, unless the script says that it frees some", func(t *testing.T) {
		p.ok("CONFIG", "SET", "maxmemory", "1")
		const code = "return redis.call('SET', 'more', 'x')"
		check.Contains(t, p.refused("EVAL", code, "0"), "OOM")
		check.Contains(t, p.refused("EVAL", "#!lua\n"+code, "0"), "OOM")
		p.ok("EVAL", "#!lua flags=allow-oom\n"+code, "0")
		p.ok("EVAL", "return redis.call('DEL', 'more')", "0")
		p.ok("CONFIG", "SET", "maxmemory", "0")
	})
	t.Run("a disk that fails stops writes", func(t *testing.T) {
		p.ok("CONFIG", "SET", "save", "3600 1000000")
		check.NoErr(t, os.MkdirAll("dump.rdb/x", 0o755))
		p.ok("BGSAVE")
		p.eventually("the save has failed", func() bool { return p.info("persistence")["rdb_last_bgsave_status"] == "err" })
		check.Contains(t, p.refused("EVAL", "return redis.call('SET', 'more', 'x')", "0"), "MISCONF")
		check.Contains(t, p.refused("EVAL", "#!lua\nreturn 1", "0"), "MISCONF")
		check.Eq(t, p.text("EVAL", "#!lua flags=no-writes\nreturn redis.call('GET', 'watched')", "0"), "x")
	})
}
