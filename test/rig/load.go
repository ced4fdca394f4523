package rig

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"
)

// Fill writes n keys of size bytes, in pipelines.
func (s *Server) Fill(n, size int) {
	s.t.Helper()
	ctx, val := context.Background(), strings.Repeat("v", size)
	const batch = 2000
	for i := 0; i < n; i += batch {
		p := s.Client().Pipeline()
		for j := i; j < min(n, i+batch); j++ {
			p.Set(ctx, fmt.Sprintf("key:%012d", j), val+strconv.Itoa(j), 0)
		}
		_, err := p.Exec(ctx)
		must(s.t, err)
	}
}

// Writers run commands of every kind that changes strings and keys, in a few
// connections, until Stop.
type Writers struct {
	stop atomic.Bool
	wg   sync.WaitGroup
	done atomic.Int64
	mu   sync.Mutex
	err  error
}

// Write starts n writers on keys that Fill wrote and on others.
func (s *Server) Write(n int) *Writers {
	w := &Writers{}
	for i := range n {
		w.wg.Add(1)
		c := s.NewClient()
		go func() {
			defer w.wg.Done()
			rnd := rand.New(rand.NewPCG(uint64(i), 7))
			for !w.stop.Load() {
				if err := mixed(c, rnd); err != nil {
					w.mu.Lock()
					w.err = err
					w.mu.Unlock()
					return
				}
				w.done.Add(1)
			}
		}()
	}
	return w
}

// mixed runs a pipeline of a few random changes.
func mixed(c *redis.Client, rnd *rand.Rand) error {
	ctx := context.Background()
	p := c.Pipeline()
	key := func() string { return fmt.Sprintf("key:%012d", rnd.IntN(200_000)) }
	for range 20 {
		if rnd.IntN(4000) == 0 {
			p.Do(ctx, "FLUSHDB", []string{"ASYNC", "SYNC"}[rnd.IntN(2)])
		}
		switch rnd.IntN(20) {
		case 0:
			p.Del(ctx, key())
		case 1:
			p.Append(ctx, key(), "x")
		case 2:
			p.Do(ctx, "EXPIRE", key(), 1000+rnd.IntN(1000))
		case 3:
			p.SetRange(ctx, key(), int64(rnd.IntN(40)), "range")
		case 4:
			p.Incr(ctx, "n:"+strconv.Itoa(rnd.IntN(500)))
		case 5:
			p.Do(ctx, "UNLINK", key())
		case 6:
			p.Do(ctx, "COPY", key(), key(), "REPLACE")
		case 7:
			p.Do(ctx, "SET", key(), "e", "PX", 100_000+rnd.IntN(100_000))
		case 8:
			p.Do(ctx, "GETDEL", key())
		case 9:
			p.Do(ctx, "MSET", key(), "a", key(), "b")
		case 10:
			p.Do(ctx, "RENAME", key(), key())
		case 11:
			p.Do(ctx, "MOVE", key(), 3)
		case 12:
			p.Do(ctx, "PERSIST", key())
		case 13:
			p.Do(ctx, "GETEX", key(), "EX", 500)
		case 14:
			p.Do(ctx, "PEXPIRE", key(), -1)
		case 15:
			p.Do(ctx, "SETEX", key(), 600, "s")
		case 16:
			if rnd.IntN(50) == 0 {
				p.Do(ctx, "SWAPDB", 0, 3)
			}
		default:
			p.Set(ctx, key(), strconv.Itoa(rnd.Int()), 0)
		}
	}
	for range 10 {
		collections(p, rnd)
	}
	cmds, _ := p.Exec(ctx) // its error is the first one, which may be a nil reply
	for _, c := range cmds {
		if err := c.Err(); err != nil && err != redis.Nil && err.Error() != "ERR no such key" {
			return err
		}
	}
	return nil
}

// Count is the number of pipelines that were answered.
func (w *Writers) Count() int64 { return w.done.Load() }

// collections changes a list, set, hash, sorted set or stream: a small one, or one of a
// few that are so large that a snapshot sends them in parts. What it changes depends on
// what was there, so that a log that tells something twice, or not at all, shows.
func collections(p redis.Pipeliner, rnd *rand.Rand) {
	ctx := context.Background()
	do := func(words ...any) { p.Do(ctx, words...) }
	id, span := rnd.IntN(300), 20
	if rnd.IntN(2) == 0 {
		id, span = 1000+rnd.IntN(3), 30_000
	}
	name := func(kind string) string { return fmt.Sprintf("%s:%d", kind, id) }
	n := func() int { return rnd.IntN(span) }
	member := func() string { return fmt.Sprintf("member %d", n()) }
	many := func(words ...any) {
		for range 1 + span/300 {
			words = append(words, member())
		}
		do(words...)
	}
	switch rnd.IntN(25) {
	case 0, 1:
		many("RPUSH", name("list"))
	case 2:
		many("LPUSH", name("list"))
	case 3:
		do([]string{"LPOP", "RPOP"}[rnd.IntN(2)], name("list"), 1+rnd.IntN(5))
	case 4:
		do("LREM", name("list"), rnd.IntN(5)-2, member())
	case 5:
		do("LTRIM", name("list"), rnd.IntN(3), span/2)
	case 6:
		do("LINSERT", name("list"), "BEFORE", member(), "inserted")
	case 7, 8:
		many("SADD", name("set"))
	case 9:
		do("SPOP", name("set"), 1+rnd.IntN(3))
	case 10:
		do("SADD", name("ints"), n(), n()*1000)
	case 11:
		do("SREM", name("set"), member(), member())
	case 12, 13:
		do("HSET", name("hash"), member(), n(), member(), strings.Repeat("x", rnd.IntN(80)))
	case 14:
		do("HDEL", name("hash"), member(), member())
	case 15:
		do("HINCRBY", name("counters"), n(), 3)
	case 16, 17:
		do("ZADD", name("zset"), n(), member(), float64(n())/8, member())
	case 18:
		do("ZINCRBY", name("zset"), 2.5, member())
	case 19:
		do([]string{"ZPOPMIN", "ZPOPMAX"}[rnd.IntN(2)], name("zset"), 2)
	case 20, 21:
		do("XADD", name("stream"), "*", "field", n(), member(), n())
	case 22:
		do("XTRIM", name("stream"), "MAXLEN", "~", span/2)
	default:
		change(do, rnd, name)
	}
}

// change does something to a whole collection.
func change(do func(words ...any), rnd *rand.Rand, name func(kind string) string) {
	kind := []string{"list", "set", "hash", "zset", "stream", "ints"}[rnd.IntN(6)]
	switch rnd.IntN(12) {
	case 0:
		do([]string{"DEL", "UNLINK"}[rnd.IntN(2)], name(kind))
	case 1:
		do("RENAME", name(kind), name("renamed:"+kind))
	case 2:
		do("COPY", name(kind), name("copy:"+kind), "REPLACE")
	case 3:
		do("EXPIRE", name(kind), 1000+rnd.IntN(1000))
	}
}

// Stop ends the writers; none may have failed.
func (w *Writers) Stop(t testing.TB) {
	t.Helper()
	w.stop.Store(true)
	w.wg.Wait()
	if w.err != nil {
		t.Fatalf("a writer failed: %v", w.err)
	}
}

// Counters are keys that writers increment. What was acknowledged and what was
// sent is remembered, to judge what a crash has left.
type Counters struct {
	sent, acked [][]int64
	wg          sync.WaitGroup
	stop        atomic.Bool
	acks        atomic.Int64
}

// NewCounters makes keys for conns writers of perConn keys each.
func NewCounters(conns, perConn int) *Counters {
	c := &Counters{}
	for range conns {
		c.sent, c.acked = append(c.sent, make([]int64, perConn)), append(c.acked, make([]int64, perConn))
	}
	return c
}

// Run starts the writers; each ends with the first error, that is when the server
// dies, or with Stop.
func (c *Counters) Run(s *Server) {
	c.stop.Store(false)
	for i := range c.sent {
		c.wg.Add(1)
		cl := s.NewClient()
		go func() {
			defer c.wg.Done()
			ctx := context.Background()
			for n := 0; !c.stop.Load(); n++ {
				k := n % len(c.sent[i])
				c.sent[i][k]++
				v, err := cl.Incr(ctx, counterKey(i, k)).Result()
				if err != nil {
					return
				}
				c.acked[i][k], c.sent[i][k] = v, v
				c.acks.Add(1)
			}
		}()
	}
}

// Acks is the number of acknowledged writes.
func (c *Counters) Acks() int64 { return c.acks.Load() }

// Stop ends the writers; Join waits until they have ended by themselves.
func (c *Counters) Stop() { c.stop.Store(true); c.wg.Wait() }

// Join waits for the writers, which end when the server has died.
func (c *Counters) Join() { c.wg.Wait() }

func counterKey(i, k int) string { return fmt.Sprintf("ctr:%d:%d", i, k) }

// Check compares the counters of a restarted server: at least what was
// acknowledged, at most what was sent. It goes on from what it finds.
func (c *Counters) Check(t testing.TB, s *Server) {
	t.Helper()
	ctx := context.Background()
	for i := range c.sent {
		for k := range c.sent[i] {
			v, err := s.Client().Get(ctx, counterKey(i, k)).Int64()
			if err != nil && err != redis.Nil {
				t.Fatal(err)
			}
			if v < c.acked[i][k] {
				t.Errorf("lost: %s is %d, acknowledged was %d", counterKey(i, k), v, c.acked[i][k])
			}
			if v > c.sent[i][k] {
				t.Errorf("invented: %s is %d, sent was %d", counterKey(i, k), v, c.sent[i][k])
			}
			c.sent[i][k], c.acked[i][k] = v, v
		}
	}
	if t.Failed() {
		t.FailNow()
	}
}
