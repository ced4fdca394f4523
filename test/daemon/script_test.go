package daemon_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// churn changes, removes, renames and makes values of every type, many in one script.
const churn = `local n = tonumber(ARGV[1])
for i = 0, 1499, 7 do redis.call('INCR', 'counter:' .. i) end
for i = n, 1499, 20 do redis.call('DEL', string.format('key:%012d', i)) end
for i = n, 1499, 50 do redis.pcall('RENAME', string.format('key:%012d', i + 1), 'renamed:' .. i) end
for i = n, 2999, 3 do
  redis.call('HSET', 'hash', 'f' .. i, n) redis.call('ZINCRBY', 'zset', 1, 'm' .. i)
  redis.call('LSET', 'list', i, n) redis.call('SREM', 'set', 'm' .. i) redis.call('XADD', 'stream', '*', 'n', n)
end
redis.call('SELECT', 3)
redis.call('APPEND', 'text', ('x'):rep(1000))
if n == 4 then redis.call('FLUSHDB') end
return 1`

// TestScriptsWhileASnapshotRuns lets scripts and functions write before the snapshot
// has come to what they change: the file is the data as of its beginning.
func TestScriptsWhileASnapshotRuns(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--rdb-key-save-delay", "100"}})
	s.Fill(1500, 2000)
	s.Do("EVAL", `for i = 0, 1499 do redis.call('SET', 'counter:' .. i, 0) end
for i = 0, 2999 do
  redis.call('HSET', 'hash', 'f' .. i, ('v'):rep(100)) redis.call('ZADD', 'zset', i, 'm' .. i)
  redis.call('RPUSH', 'list', ('e'):rep(100)) redis.call('SADD', 'set', 'm' .. i) redis.call('XADD', 'stream', '*', 'n', i)
end
redis.call('SELECT', 3) redis.call('SET', 'text', 'x')`, 0)
	s.Do("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('version', function() return 1 end)")
	want := s.Digest()
	s.Do("BGSAVE")
	for n := range 5 {
		s.Do("EVAL", churn, 0, n)
		s.Do("FUNCTION", "LOAD", "REPLACE", fmt.Sprintf("#!lua name=lib\nredis.register_function('version', function() redis.call('SET', 'f', %d) return %d end)", n, n+2))
		check.Eq(t, s.Do("FCALL", "version", 0), any(int64(n+2)))
	}
	check.Eq(t, s.Field("rdb_bgsave_in_progress"), "1")
	check.NotEq(t, s.Digest(), want)
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	loaded := rig.Start(t, rig.Options{Dir: s.Copy("dump.rdb")})
	check.Eq(t, loaded.Digest(), want)
	check.Eq(t, loaded.Do("FCALL", "version", 0), any(int64(1)))
}
