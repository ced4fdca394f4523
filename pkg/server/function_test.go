package server_test

import (
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
)

const library = "#!lua name=lib\nlocal n = 0\nredis.register_function{function_name='set', callback=function(k, a) return redis.call('set', k[1], a[1]) end, description='sets'}\n" +
	"redis.register_function{function_name='get', callback=function(k) return redis.call('get', k[1]) end, flags={'no-writes'}}\n"

// works tells that the library is there and does what it should.
func works(t *testing.T, p *peer) {
	t.Helper()
	check.Eq(t, p.text("FCALL", "set", "1", "k", "v"), "OK")
	check.Eq(t, p.text("FCALL_RO", "get", "1", "k"), "v")
}

func TestFunctionsGoToRedisAndBack(t *testing.T) {
	oracle, here := startOracle(t), startServer(t).dial()
	for _, from := range []*peer{oracle, here} {
		to := here
		if from == here {
			to = oracle
		}
		for _, p := range []*peer{oracle, here} {
			p.ok("FUNCTION", "FLUSH")
		}
		from.ok("FUNCTION", "LOAD", library)
		to.ok("FUNCTION", "RESTORE", from.text("FUNCTION", "DUMP"))
		works(t, to)
		check.Contains(t, fmt.Sprint(to.do("FUNCTION", "LIST", "WITHCODE")), "description='sets'")
	}
	for _, words := range [][]string{
		{"FUNCTION", "RESTORE", "x"}, {"FUNCTION", "RESTORE", here.text("FUNCTION", "DUMP")}, {"FUNCTION", "RESTORE", here.text("FUNCTION", "DUMP"), "BAD"},
		{"FUNCTION", "RESTORE", here.text("FUNCTION", "DUMP"), "REPLACE"}, {"FUNCTION", "LOAD", library}, {"FUNCTION", "LOAD", "x"}, {"FUNCTION", "LOAD", "#!lua"},
		{"FUNCTION", "LOAD", "#!lua\nx"}, {"FUNCTION", "LOAD", "#!js name=a\nx"}, {"FUNCTION", "LOAD", "#!lua name=a-b\nx"}, {"FUNCTION", "LOAD", "#!lua name=a name=b\nx"},
		{"FUNCTION", "LOAD", "#!lua name=a x=b\nx"}, {"FUNCTION", "LOAD", "#!lua name=a\nx x"}, {"FUNCTION", "LOAD", "#!lua name=a\nlocal x = 1"}, {"FUNCTION", "LOAD", "#!lua name=a\nerror('x')"},
		{"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function('get', function() end)"}, {"FUNCTION", "LOAD", "#!lua name=a\nredis.call('get','x')"},
		{"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function('a b', function() end)"}, {"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function()"},
		{"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function{function_name='f'}"}, {"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function{function_name='f',callback=print}"},
		{"FUNCTION", "LOAD", "#!lua name=a\nredis.register_function{function_name='f',callback=function() end,flags={'x'}}"}, {"FUNCTION", "LOAD", "BAD", library}, {"FUNCTION", "DELETE", "nosuch"},
		{"FUNCTION", "LIST", "BAD"}, {"FUNCTION", "LIST", "LIBRARYNAME"}, {"FUNCTION", "LIST", "LIBRARYNAME", "L*", "WITHCODE"}, {"FUNCTION", "STATS"}, {"FUNCTION", "FLUSH", "BAD"}, {"FUNCTION", "KILL"},
		{"SCRIPT", "KILL"}, {"SCRIPT", "FLUSH", "BAD"}, {"SCRIPT", "EXISTS", strings.Repeat("0", 40), "x"}, {"SCRIPT", "LOAD", "x x"}, {"SCRIPT", "DEBUG", "BAD"}, {"EVALSHA", "x", "0"},
		{"EVALSHA", strings.Repeat("0", 40), "0"}, {"EVAL", "return 1", "2", "a"}, {"EVAL", "return 1", "-1"}, {"EVAL", "return 1", "x"}, {"FCALL", "nosuch", "0"}, {"FCALL", "GET", "1", "k"},
		{"FCALL", "get", "x"}, {"FCALL", "get", "9"}, {"FCALL_RO", "set", "1", "k", "v"}, {"EVAL_RO", "return redis.call('set','a',1)", "0"}, {"FCALL", "get", "0"},
	} {
		want, got := fmt.Sprint(oracle.do(words...)), fmt.Sprint(here.do(words...))
		if words[1] == "LIST" { // Redis's order is that of a hash table
			want, got = fmt.Sprint(len(want)), fmt.Sprint(len(got))
		}
		check.Eq(t, fmt.Sprintf("%.60q %s", words, got), fmt.Sprintf("%.60q %s", words, want))
	}
}

func TestFunctionsSurviveFiles(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		t.Run("preamble "+preamble, func(t *testing.T) {
			p := startServer(t, "enable-debug-command yes", "aof-use-rdb-preamble "+preamble, "appendonly yes").dial()
			p.ok("FUNCTION", "LOAD", library)
			p.ok("SET", "a", "b")
			p.ok("FLUSHALL")
			works(t, p)
			p.ok("DEBUG", "LOADAOF")
			works(t, p)
			p.ok("DEBUG", "RELOAD")
			works(t, p)
			p.ok("FUNCTION", "DELETE", "lib")
			p.ok("DEBUG", "LOADAOF")
			check.Contains(t, p.refused("FCALL", "get", "1", "k"), "Function not found")
		})
	}
}

func TestScriptIsOneBlockOfTheLog(t *testing.T) {
	p := startServer(t, "enable-debug-command yes", "appendonly yes").dial()
	p.ok("EVAL", "redis.call('set','a',1) redis.call('select',3) redis.call('incr','b') redis.set_repl(redis.REPL_NONE) redis.call('set','c',1) return 1", "0")
	p.ok("DEBUG", "LOADAOF")
	check.Eq(t, p.text("GET", "a"), "1")
	check.Eq(t, fmt.Sprint(p.do("EXISTS", "c")), "(integer) 0")
	p.ok("SELECT", "3")
	check.Eq(t, p.text("GET", "b"), "1")
}

func TestCacheKeepsTheLastScriptsOfEval(t *testing.T) {
	p := startServer(t).dial()
	sha := p.text("SCRIPT", "LOAD", "return 'kept'")
	p.ok("EVAL", "return 'first'", "0")
	for i := range 500 {
		p.ok("EVAL", fmt.Sprintf("return %d", i), "0")
	}
	stats := p.info("memory", "stats")
	check.Eq(t, stats["number_of_cached_scripts"], "501")
	check.Eq(t, stats["evicted_scripts"], "1")
	check.Eq(t, p.text("EVALSHA", sha, "0"), "kept")
}
