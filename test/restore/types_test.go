package restore_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisd/internal/check"
	"redisd/test/rig"
)

// collections writes values of all types but strings, in all their encodings; some
// are so large that a snapshot sends them in parts.
func collections(p redis.Pipeliner) {
	ctx := context.Background()
	do := func(words ...any) { p.Do(ctx, words...) }
	texts := []string{"0", "-1", "127", "128", "4095", "-4096", "32768", "8388607", "-2147483648", "9223372036854775807", "007", "", "text",
		"binary\x00\r\n\xff", strings.Repeat("a", 63), strings.Repeat("b", 64), strings.Repeat("ab", 2100), string(noise(5000))}
	for i, v := range texts {
		f := fmt.Sprintf("%d:%.20s", i, v)
		do("RPUSH", "list", v)
		do("SADD", "set", v)
		do("HSET", "hash", f, v)
		do("HSET", "hash", v, f)
		do("ZADD", "zset", float64(i)-3.25, v)
	}
	do("ZADD", "zset", "inf", "top", "-inf", "bottom", "0", "zero", "1e-300", "tiny", "123456789012345678", "large")
	for i := range 40 {
		do("RPUSH", "small list", i, fmt.Sprint("e", i))
		do("SADD", "small set", fmt.Sprint("m", i))
		do("SADD", "ints", i*i*i*1000-7)
		do("HSET", "small hash", fmt.Sprint("f", i), i)
		do("ZADD", "small zset", i%7, fmt.Sprint("m", i))
	}
	do("SADD", "wide ints", 1, -70000, 1<<40)
	do("EXPIRE", "small hash", 10_000)
	do("PEXPIREAT", "small list", "99999999999999")
	do("RPUSH", "plain", "before", string(noise(100_000)), strings.Repeat("long ", 20_000), "after")
	for i := 0; i < 6000; i += 50 {
		list, set := []any{"RPUSH", "large list"}, []any{"SADD", "large set"}
		hash, zset, ints := []any{"HSET", "large hash"}, []any{"ZADD", "large zset"}, []any{"SADD", "large ints"}
		for j := i; j < i+50; j++ {
			m := fmt.Sprintf("element %d %s", j, strings.Repeat("x", j%50))
			list, set = append(list, m), append(set, m)
			hash, zset, ints = append(hash, m, j), append(zset, j*7%1000, m), append(ints, j*j)
		}
		for _, words := range [][]any{list, set, hash, zset, ints} {
			do(words...)
		}
	}
	streams(do)
}

func streams(do func(words ...any)) {
	do("XADD", "stream", "1-1", "f", "v")
	do("XADD", "stream", "1-2", "f", "w")
	do("XADD", "stream", "2-0", "other", "fields", "number", 12)
	do("XADD", "drained", "5-5", "f", "v")
	do("XDEL", "drained", "5-5")
	do("XGROUP", "CREATE", "made by a group", "g", "$", "MKSTREAM")
	for i := range 3000 {
		do("XADD", "large stream", fmt.Sprintf("%d-%d", 1000+i/4, i%4+1), "field", fmt.Sprint("value ", i))
	}
	// What is deleted while it is pending, a log without preamble does not hold.
	do("XDEL", "large stream", "1000-1", "1001-2", "1500-3")
	do("XDEL", "stream", "1-2")
	for _, key := range []string{"stream", "large stream"} {
		do("XGROUP", "CREATE", key, "readers", "0")
		do("XGROUP", "CREATE", key, "idle", "1-1")
		do("XGROUP", "CREATECONSUMER", key, "readers", "nobody")
		do("XREADGROUP", "GROUP", "readers", "alice", "COUNT", 700, "STREAMS", key, ">")
		do("XREADGROUP", "GROUP", "readers", "bob", "COUNT", 400, "STREAMS", key, ">")
		do("XACK", key, "readers", "1-1", "1003-2", "1004-1")
	}
	// A log tells what was delivered, and not how many entries a group has read.
	do("XGROUP", "SETID", "stream", "readers", "2-0", "ENTRIESREAD", 3)
	do("XGROUP", "SETID", "large stream", "readers", "1275-2", "ENTRIESREAD", 1102)
	do("XSETID", "stream", "9-9")
}

// groups tells what the servers know about streams beside their entries, which are
// all that a digest covers.
func groups(t *testing.T, s *rig.Server) string {
	t.Helper()
	var b strings.Builder
	for _, key := range []string{"stream", "large stream", "drained", "made by a group"} {
		info, err := s.Client().XInfoStream(context.Background(), key).Result()
		if err != nil && err.Error() == "ERR no such key" {
			continue // flushed by a writer
		}
		check.NoErr(t, err)
		fmt.Fprintf(&b, "%s: %d entries, %d groups, last %s, deleted %s, added %d, first %v\n", key, info.Length, info.Groups,
			info.LastGeneratedID, info.MaxDeletedEntryID, info.EntriesAdded, info.RecordedFirstEntryID)
		list, err := s.Client().XInfoGroups(context.Background(), key).Result()
		check.NoErr(t, err)
		for _, g := range list {
			fmt.Fprintf(&b, "  %+v\n", g)
			pending, err := s.Client().XPendingExt(context.Background(), &redis.XPendingExtArgs{Stream: key, Group: g.Name, Start: "-", End: "+", Count: 10_000}).Result()
			check.NoErr(t, err)
			for _, p := range pending {
				fmt.Fprintf(&b, "    %s %s %d\n", p.ID, p.Consumer, p.RetryCount)
			}
			consumers, err := s.Client().XInfoConsumers(context.Background(), key, g.Name).Result()
			check.NoErr(t, err)
			for _, c := range consumers {
				fmt.Fprintf(&b, "    %s owns %d\n", c.Name, c.Pending)
			}
		}
	}
	return b.String()
}

// TestDumpHereRestoreThere takes every value from one server to the other by DUMP and
// RESTORE, both ways.
func TestDumpHereRestoreThere(t *testing.T) {
	s := rig.Start(t, rig.Options{})
	r := rig.StartRedis(t, rig.Options{})
	variety(t, r)
	for _, hop := range [][2]*rig.Server{{r, s}, {s, r}} {
		from, to := hop[0], hop[1]
		to.Do("FLUSHALL")
		list := keys(t, from, 0)
		check.True(t, len(list) > 60, "all kinds of keys")
		for _, k := range list {
			payload := from.Do("DUMP", k)
			check.Eq(t, fmt.Sprint(k, to.Do("RESTORE", k, 0, payload)), k+"OK")
			// Over itself, with options.
			check.Eq(t, fmt.Sprint(k, to.Do("RESTORE", k, 1<<45, payload, "REPLACE", "ABSTTL", "IDLETIME", 77)), k+"OK")
			idle, ok := to.Do("OBJECT", "IDLETIME", k).(int64)
			check.True(t, ok && idle >= 77 && idle < 87, fmt.Sprintf("idle for 77 seconds, and what has passed since: %d", idle))
			check.Eq(t, fmt.Sprint(to.Do("PEXPIRETIME", k)), fmt.Sprint(1<<45))
			if from.Do("PTTL", k) == int64(-1) {
				to.Do("PERSIST", k)
			}
			check.Eq(t, fmt.Sprint(k, to.Do("DEBUG", "DIGEST-VALUE", k)), fmt.Sprint(k, from.Do("DEBUG", "DIGEST-VALUE", k)))
		}
		check.Eq(t, groups(t, to), groups(t, from))
	}
}
