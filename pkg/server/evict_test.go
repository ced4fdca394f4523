package server_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
)

// figure gives a field of INFO.
func (p *peer) figure(section, field string) int64 {
	p.t.Helper()
	return number(p.t, p.info(section), field)
}

func number(t *testing.T, info map[string]string, field string) int64 {
	t.Helper()
	text, there := info[field]
	check.True(t, there, field+" is in INFO")
	n, err := strconv.ParseInt(text, 10, 64)
	check.NoErr(t, err)
	return n
}

// limit sets maxmemory to what is used, without the log's buffers, and room bytes more, and returns it.
// While there is a limit, clients are accounted as they are; and both figures must be of one moment.
func (p *peer) limit(room int64) int64 {
	p.t.Helper()
	p.ok("CONFIG", "SET", "maxmemory", "1gb")
	info := p.info("memory")
	n := number(p.t, info, "used_memory") - number(p.t, info, "mem_not_counted_for_evict") + room
	p.ok("CONFIG", "SET", "maxmemory", fmt.Sprint(n))
	return n
}

const outOfMemory = "OOM command not allowed when used memory > 'maxmemory'."

func TestMemoryShort(t *testing.T) {
	r := startServer(t)
	c := r.dial()
	c.ok("SET", "a", strings.Repeat("x", 100_000))
	c.ok("SET", "volatile", "x", "EX", "1000")
	tests := []struct {
		words  []string
		denied bool
	}{
		{[]string{"SET", "b", "x"}, true},
		{[]string{"APPEND", "a", "x"}, true},
		{[]string{"LPUSH", "l", "x"}, true},
		{[]string{"GET", "a"}, false},
		{[]string{"DEL", "nosuch"}, false},
		{[]string{"EXPIRE", "a", "100000"}, false},
		{[]string{"PING"}, false},
		{[]string{"MULTI"}, false},
		{[]string{"EXEC"}, false},
	}
	c.ok("CONFIG", "SET", "maxmemory", "1")
	for _, tt := range tests {
		t.Run(tt.words[0], func(t *testing.T) {
			reply := c.do(tt.words...)
			if tt.denied {
				check.Eq(t, reply.Text, outOfMemory)
			} else {
				check.NoErr(t, reply.Err())
			}
		})
	}
	check.Eq(t, c.info("errorstats")["errorstat_OOM"], "count=3")
	check.Contains(t, r.log.String(), "WARNING: the new maxmemory value set via CONFIG SET (1) is smaller than the current memory usage (")
	check.True(t, c.figure("stats", "current_eviction_exceeded_time") >= 0, "a time")

	// Queued commands take memory too; a transaction that would take more is refused.
	c.ok("MULTI")
	check.Eq(t, c.refused("GET", "a"), outOfMemory)
	check.Contains(t, c.refused("EXEC"), "EXECABORT")
	other := r.dial()
	c.ok("CONFIG", "SET", "maxmemory", "0")
	other.ok("MULTI")
	other.ok("SET", "b", "x")
	c.ok("CONFIG", "SET", "maxmemory", "1")
	check.Eq(t, other.refused("EXEC"), "EXECABORT Transaction discarded because of: "+outOfMemory)
	c.ok("CONFIG", "SET", "maxmemory", "0")
	other.ok("MULTI")
	other.ok("GET", "a")
	c.ok("CONFIG", "SET", "maxmemory", "1")
	other.ok("EXEC")

	// A policy that finds nothing is no better; one that finds a key but too little, too.
	c.ok("CONFIG", "SET", "maxmemory-policy", "volatile-lru")
	check.Eq(t, c.refused("SET", "b", "x"), outOfMemory)
	check.Eq(t, c.figure("stats", "evicted_keys"), 2) // EXPIRE made a volatile
	c.ok("CONFIG", "SET", "maxmemory", "0")
	c.ok("SET", "b", "x")
	check.Eq(t, c.figure("stats", "current_eviction_exceeded_time"), 0)
}

func TestEvictionHoldsTheLimit(t *testing.T) {
	for _, policy := range []string{"allkeys-lru", "allkeys-random", "volatile-ttl"} {
		for name, size := range map[string]func(i int) int{
			"100 B": func(int) int { return 100 },
			"1 MB":  func(int) int { return 1 << 20 },
			"mixed": func(i int) int { return []int{10, 100, 10_000, 300_000}[i%4] },
		} {
			t.Run(policy+" "+name, func(t *testing.T) {
				c := startServer(t, "maxmemory-policy "+policy).dial()
				room := int64(512 << 10)
				if size(3) > 1000 {
					room = 8 << 20
				}
				limit := c.limit(room)
				written, most := int64(0), int64(0)
				for i := 0; written < 2*room; i++ {
					n := size(i)
					c.ok("SET", fmt.Sprintf("k%d", i), strings.Repeat("x", n), "EX", "10000")
					written += int64(n)
					if i%50 == 0 || n >= 1<<20 {
						most = max(most, c.figure("memory", "used_memory"))
					}
				}
				check.True(t, most <= limit+64<<10, fmt.Sprintf("at most %d over the limit", most-limit))
				check.True(t, c.figure("stats", "evicted_keys") > 0, "keys went")
				used := c.figure("memory", "used_memory")
				// The largest value, its arguments, and the buffer that these came in.
				slack := int64(3*size(3) + 128<<10)
				check.True(t, used > limit-slack, fmt.Sprintf("no more than needed: %d below the limit", limit-used))
			})
		}
	}
}

// The log has the DEL of each evicted key before the command that it was for: replayed
// it gives the same data.
func TestEvictedKeysAreLogged(t *testing.T) {
	for lazy, word := range map[string]string{"no": "DEL", "yes": "UNLINK"} {
		t.Run(word, func(t *testing.T) {
			r := startServer(t, "enable-debug-command yes", "appendonly yes", "maxmemory-policy volatile-lru", "lazyfree-lazy-eviction "+lazy)
			c := r.dial()
			// No long arguments: the buffers that they come in would count as well.
			c.ok("SETRANGE", "first", "199999", "x")
			c.ok("EXPIRE", "first", "1000")
			c.limit(100_000)
			c.ok("SETRANGE", "second", "99999", "y")
			c.ok("SETRANGE", "third", "49999", "z")
			check.Eq(t, c.ok("EXISTS", "first").Int, 0)
			c.ok("CONFIG", "SET", "maxmemory", "0")
			digest := c.text("DEBUG", "DIGEST")
			c.ok("DEBUG", "LOADAOF")
			check.Eq(t, c.text("DEBUG", "DIGEST"), digest)
			log := readLog(t)
			del, third := strings.Index(log, word+"\r\n$5\r\nfirst"), strings.Index(log, "third")
			check.True(t, del >= 0 && del < third, "the key goes before the command that needs its memory")
		})
	}
}

// readLog gives the append-only files of the working directory.
func readLog(t *testing.T) string {
	t.Helper()
	var all []byte
	for _, name := range []string{"appendonly.aof"} {
		b, err := os.ReadFile(name)
		check.NoErr(t, err)
		all = append(all, b...)
	}
	return string(all)
}

func TestEvictionFailsWatchers(t *testing.T) {
	r := startServer(t, "maxmemory-policy allkeys-lru")
	c, other := r.dial(), r.dial()
	c.ok("SET", "a", "x")
	c.ok("WATCH", "a")
	other.ok("CONFIG", "SET", "maxmemory", "1")
	check.Eq(t, other.ok("EXISTS", "a").Int, 0)
	other.ok("CONFIG", "SET", "maxmemory", "0")
	c.ok("MULTI")
	c.ok("PING")
	check.True(t, c.ok("EXEC").Null, "the transaction did not run")
}

// A limit far below is met between the turns, in rounds, without a command.
func TestEvictionGoesOn(t *testing.T) {
	r := startServer(t, "enable-debug-command yes", "maxmemory-policy allkeys-random", "maxmemory-eviction-tenacity 0")
	c := r.dial()
	used := c.figure("memory", "used_memory")
	c.ok("DEBUG", "POPULATE", "200000")
	c.ok("CONFIG", "SET", "latency-monitor-threshold", "1")
	c.ok("CONFIG", "SET", "maxmemory", fmt.Sprint(used+1<<20))
	for end := time.Now().Add(patience); c.figure("memory", "used_memory") > used+1<<20+64<<10; {
		if time.Now().After(end) {
			t.Fatal("eviction does not come to the limit")
		}
	}
	check.True(t, c.figure("stats", "total_eviction_exceeded_time") >= 0, "a time")
	check.True(t, c.figure("stats", "evicted_keys") > 100_000, "most keys went")
	check.Eq(t, c.figure("stats", "current_eviction_exceeded_time"), 0)
	c.ok("CONFIG", "RESETSTAT")
	check.Eq(t, c.figure("stats", "evicted_keys"), 0)
}

func TestEvictionsAreHeard(t *testing.T) {
	r := startServer(t, "notify-keyspace-events Ee", "maxmemory-policy allkeys-lru")
	p, listener := r.dial(), r.dial()
	listener.ok("SUBSCRIBE", "__keyevent@0__:evicted")
	p.ok("SET", "only", strings.Repeat("x", 200_000))
	p.limit(-100_000)
	p.ok("PING")
	check.Contains(t, listener.next(), `"only"`)
	check.Eq(t, p.ok("DBSIZE").Int, 0)
}

// The buffer that a reply is written to is everybody's: the very command that sets a limit
// must not seem to take it.
func TestLimitAboveUseEvictsNothing(t *testing.T) {
	p := startServer(t, "maxmemory-policy allkeys-random").dial()
	for i := range 500 {
		p.ok("SET", fmt.Sprint("key:", i), "x")
	}
	p.ok("CONFIG", "SET", "maxmemory", fmt.Sprint(p.figure("memory", "used_memory")+8<<10))
	p.ok("SET", "key:1", "y")
	check.Eq(t, p.ok("DBSIZE").Int, 500)
}
