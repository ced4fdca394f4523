package daemon_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisd/internal/check"
	"redisd/test/rig"
)

// mixedKeys writes keys of every kind and of many sizes: half of them short strings, the
// others longer strings that expire, hashes, lists, sets and sorted sets.
var mixedKeys = redis.NewScript(`
local first, count, x = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[1]) + 7
local function random(n) x = (x * 1103515245 + 12345) % 2147483648; return math.floor(x / 65536) % n end
local text = string.rep('v', 2000)
for i = first, first + count - 1 do
	local key, kind = 'key:' .. i, random(10)
	if kind < 5 then redis.call('SET', key, string.sub(text, 1, 1 + random(100)))
	elseif kind == 5 then redis.call('SET', key, string.sub(text, 1, 1 + random(2000)), 'EX', 100000)
	elseif kind == 6 then for j = 1, 1 + random(20) do redis.call('HSET', key, 'field' .. j, string.sub(text, 1, random(40))) end
	elseif kind == 7 then for j = 1, 1 + random(20) do redis.call('RPUSH', key, i * j) end
	elseif kind == 8 then for j = 1, 1 + random(200) do redis.call('SADD', key, i * j) end
	else for j = 1, 1 + random(150) do redis.call('ZADD', key, j, 'member' .. j) end end
end`)

// TestUsedMemoryIsTrue: what INFO says is used is what the daemon has mapped for the data,
// within two per cent for a million keys. A small dataset leaves spans of some of the
// sizes half empty.
func TestUsedMemoryIsTrue(t *testing.T) {
	s := rig.Start(t, rig.Options{})
	keys, slack := 60_000, int64(4<<20)
	if rig.Long() {
		keys, slack = 1_000_000, 0
	}
	before := s.Int("used_memory")
	const batch = 5000
	for i := 0; i < keys; i += batch {
		if err := mixedKeys.Run(context.Background(), s.Client(), nil, i, batch).Err(); err != redis.Nil {
			check.NoErr(t, err)
		}
	}
	check.Eq(t, s.Do("DBSIZE"), any(int64(keys)))
	m := s.Info("everything")
	field := func(name string) int64 {
		t.Helper()
		var n int64
		_, err := fmt.Sscan(m[name], &n)
		check.NoErr(t, err)
		return n
	}
	used, mapped := field("used_memory"), field("dataset_mapped_bytes")
	t.Logf("%d keys: used_memory %d, of it before the keys %d; mapped %d", keys, used, before, mapped)
	t.Logf("%.2f %% of what is mapped is not counted", 100*float64(mapped-(used-before))/float64(mapped))
	check.Eq(t, field("used_memory_dataset")+field("used_memory_overhead"), used)
	check.True(t, used-before <= mapped, "nothing is counted that is not there")
	check.True(t, mapped-(used-before) <= mapped/50+slack, "what is there is counted")

	s.Do("FLUSHALL")
	check.Eq(t, s.Int("dataset_bytes"), 0)
	check.True(t, s.Int("used_memory") <= before+64<<10, "nothing is left")
}
