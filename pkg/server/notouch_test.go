package server_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
)

// Under CLIENT NO-TOUCH neither reading nor writing marks a key as used, in scripts and
// transactions as outside of them; TOUCH does. Without it everything does.
func TestNoTouch(t *testing.T) {
	tests := []struct {
		name    string
		words   []string
		touches bool
	}{
		{"GET", []string{"GET", "s"}, false},
		{"MGET", []string{"MGET", "none", "s"}, false},
		{"SET", []string{"SET", "s", "w"}, false},
		{"SET of another size", []string{"SET", "s", fmt.Sprintf("%0500d", 1)}, false},
		{"APPEND", []string{"APPEND", "s", "w"}, false},
		{"SETRANGE", []string{"SETRANGE", "s", "700", "w"}, false},
		{"EXPIRE", []string{"EXPIRE", "s", "1000"}, false},
		{"GETEX", []string{"GETEX", "s", "PERSIST"}, false},
		{"LPUSH", []string{"LPUSH", "l", "x"}, false},
		{"LLEN", []string{"LLEN", "l"}, false},
		{"LMOVE", []string{"LMOVE", "l", "l", "LEFT", "RIGHT"}, false},
		{"HSET", []string{"HSET", "h", "f", "v"}, false},
		{"SADD", []string{"SADD", "set", "x"}, false},
		{"ZADD", []string{"ZADD", "z", "1", "x"}, false},
		{"XADD", []string{"XADD", "x", "*", "f", "v"}, false},
		{"SORT", []string{"SORT", "l", "BY", "s*", "GET", "s", "ALPHA"}, false},
		{"RENAME", []string{"EVAL", "redis.call('RENAME', KEYS[1], KEYS[2]) redis.call('RENAME', KEYS[2], KEYS[1])", "2", "s", "s2"}, false},
		{"EVAL", []string{"EVAL", "redis.call('GET', KEYS[1]) redis.call('LPUSH', KEYS[2], 'x')", "2", "s", "l"}, false},
		{"TOUCH", []string{"TOUCH", "s", "l", "h", "set", "z", "x"}, true},
		{"EVAL of a TOUCH between others", []string{"EVAL", "redis.call('LLEN', KEYS[2]) redis.call('TOUCH', KEYS[1]) redis.call('LLEN', KEYS[2])", "2", "s", "l"}, true},
	}
	keys := []string{"s", "l", "h", "set", "z", "x"}
	for _, policy := range []struct{ name, field, kept string }{
		{"allkeys-lru", "IDLETIME", "5000"}, {"allkeys-lfu", "FREQ", "100"},
	} {
		p := startServer(t, "maxmemory-policy "+policy.name, "lfu-log-factor 0", "lfu-decay-time 0").dial()
		for _, words := range [][]string{
			{"SET", "s", "v"}, {"RPUSH", "l", "1", "2"}, {"HSET", "h", "f", "v"}, {"SADD", "set", "m"}, {"ZADD", "z", "1", "m"}, {"XADD", "x", "*", "f", "v"},
		} {
			p.ok(words...)
		}
		marked := func() bool {
			for _, k := range keys {
				n := p.ok("OBJECT", policy.field, k).Int
				if policy.field == "FREQ" && n != 100 || policy.field == "IDLETIME" && n < 5000 {
					return true
				}
			}
			return false
		}
		for _, tt := range tests {
			for how := range 4 {
				quiet, queued := how&1 != 0, how&2 != 0
				name := fmt.Sprintf("%s, %s, quiet %v, in MULTI %v, marked: ", policy.name, tt.name, quiet, queued)
				for _, k := range keys {
					p.ok("RESTORE", k, "0", p.text("DUMP", k), "REPLACE", policy.field, policy.kept)
				}
				if quiet {
					p.ok("CLIENT", "NO-TOUCH", "ON")
				}
				if queued {
					p.ok("MULTI")
				}
				p.ok(tt.words...)
				if queued {
					p.ok("EXEC")
				}
				p.ok("CLIENT", "NO-TOUCH", "OFF")
				check.Eq(t, fmt.Sprint(name, marked()), fmt.Sprint(name, !quiet || tt.touches))
			}
		}
	}
}
