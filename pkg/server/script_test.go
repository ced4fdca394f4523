package server_test

import (
	"fmt"
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
