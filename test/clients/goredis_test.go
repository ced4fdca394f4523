package clients_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisd/internal/check"
	"redisd/test/rig"
)

// page is what go-redis does.
var page = []struct {
	name string
	run  func(*testing.T, context.Context, *redis.Client)
}{
	{"values", values}, {"collections", collections}, {"pool", pool}, {"pipeline", pipeline},
	{"transaction with WATCH", transaction}, {"messages", messages}, {"blocking commands", blocking},
	{"scripts", scripts}, {"functions", functions}, {"streams with a group", streams}, {"iterators", iterators},
	{"errors", errorReplies}, {"a shared session", session},
}

func values(t *testing.T, ctx context.Context, c *redis.Client) {
	check.NoErr(t, c.Set(ctx, "v:s", "text\r\n\x00", time.Minute).Err())
	check.Eq(t, c.Get(ctx, "v:s").Val(), "text\r\n\x00")
	ttl := c.PTTL(ctx, "v:s").Val()
	check.True(t, ttl > 50*time.Second && ttl <= time.Minute, ttl.String())
	check.ErrIs(t, c.Get(ctx, "v:none").Err(), redis.Nil)
	check.Eq(t, c.SetNX(ctx, "v:s", "other", 0).Val(), false)
	check.Eq(t, c.IncrByFloat(ctx, "v:f", 1.5).Val(), 1.5)
	check.Eq(t, c.IncrBy(ctx, "v:n", 41).Val()+1, 42)
	check.NoErr(t, c.MSet(ctx, "v:a", 1, "v:b", 2).Err())
	check.Eq(t, c.MGet(ctx, "v:a", "v:none", "v:b").Val(), []any{"1", nil, "2"})
	check.Eq(t, c.GetDel(ctx, "v:a").Val(), "1")
	check.Eq(t, c.SetBit(ctx, "v:bits", 9, 1).Val()+c.BitCount(ctx, "v:bits", nil).Val(), 1)
	check.NoErr(t, c.PFAdd(ctx, "v:hll", "a", "b", "a").Err())
	check.Eq(t, c.PFCount(ctx, "v:hll").Val(), 2)
	check.Eq(t, c.Type(ctx, "v:s").Val(), "string")
	check.Eq(t, c.Unlink(ctx, "v:s", "v:none").Val(), 1)
}

func collections(t *testing.T, ctx context.Context, c *redis.Client) {
	type person struct {
		Name string `redis:"name"`
		Age  int    `redis:"age"`
	}
	check.NoErr(t, c.HSet(ctx, "c:h", person{"Ada", 36}).Err())
	var p person
	check.NoErr(t, c.HGetAll(ctx, "c:h").Scan(&p))
	check.Eq(t, p, person{"Ada", 36})
	check.Eq(t, c.HIncrBy(ctx, "c:h", "age", 1).Val(), 37)
	check.Eq(t, len(c.HRandFieldWithValues(ctx, "c:h", 2).Val()), 2)

	check.Eq(t, c.RPush(ctx, "c:l", 1, 2, 3).Val(), 3)
	check.Eq(t, c.LRange(ctx, "c:l", 0, -1).Val(), []string{"1", "2", "3"})
	check.Eq(t, c.LMove(ctx, "c:l", "c:m", "LEFT", "RIGHT").Val(), "1")
	key, popped, err := c.LMPop(ctx, "left", 5, "c:none", "c:l").Result()
	check.NoErr(t, err)
	check.Eq(t, key+strings.Join(popped, ""), "c:l23")

	check.Eq(t, c.SAdd(ctx, "c:s", "a", "b").Val(), 2)
	check.Eq(t, c.SMIsMember(ctx, "c:s", "a", "x").Val(), []bool{true, false})
	check.Eq(t, len(c.SMembersMap(ctx, "c:s").Val()), 2)

	check.Eq(t, c.ZAdd(ctx, "c:z", redis.Z{Score: 1, Member: "a"}, redis.Z{Score: 2.5, Member: "b"}).Val(), 2)
	check.Eq(t, c.ZRangeWithScores(ctx, "c:z", 0, -1).Val(), []redis.Z{{Score: 1, Member: "a"}, {Score: 2.5, Member: "b"}})
	check.Eq(t, c.ZMScore(ctx, "c:z", "b").Val(), []float64{2.5})
	check.Eq(t, c.ZRankWithScore(ctx, "c:z", "b").Val(), redis.RankScore{Rank: 1, Score: 2.5})
	check.NoErr(t, c.GeoAdd(ctx, "c:g", &redis.GeoLocation{Name: "Rome", Longitude: 12.49, Latitude: 41.89}).Err())
	near := c.GeoSearchLocation(ctx, "c:g", &redis.GeoSearchLocationQuery{
		GeoSearchQuery: redis.GeoSearchQuery{Longitude: 12.5, Latitude: 41.9, Radius: 5, RadiusUnit: "km"}, WithDist: true,
	}).Val()
	check.Eq(t, len(near), 1)
	check.Eq(t, near[0].Name, "Rome")
}

// pool uses more goroutines than connections.
func pool(t *testing.T, ctx context.Context, c *redis.Client) {
	o := *c.Options()
	o.PoolSize = 4
	small := redis.NewClient(&o)
	defer small.Close()
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for j := range 100 {
				key := fmt.Sprintf("p:%d:%d", i, j)
				if small.Set(ctx, key, j, 0).Err() != nil || small.Get(ctx, key).Val() != fmt.Sprint(j) || small.Incr(ctx, "p:n").Err() != nil {
					t.Errorf("%s was not written", key)
				}
			}
		})
	}
	wg.Wait()
	check.Eq(t, small.Get(ctx, "p:n").Val(), "1600")
	check.True(t, small.PoolStats().TotalConns <= 4, "connections are shared")
}

func pipeline(t *testing.T, ctx context.Context, c *redis.Client) {
	cmds, err := c.Pipelined(ctx, func(p redis.Pipeliner) error {
		for i := range 1000 {
			p.Set(ctx, fmt.Sprintf("pipe:%d", i), i, 0)
			p.Get(ctx, fmt.Sprintf("pipe:%d", i))
		}
		p.HGet(ctx, "pipe:0", "f") // of the wrong type: the others are not concerned
		p.Incr(ctx, "pipe:1")
		return nil
	})
	check.ErrContains(t, err, "WRONGTYPE")
	check.Eq(t, len(cmds), 2002)
	check.Eq(t, cmds[1999].(*redis.StringCmd).Val(), "999")
	check.Eq(t, cmds[2001].(*redis.IntCmd).Val(), 2)
}

// transaction is the loop that everybody writes: read, compute, write if nobody else did.
func transaction(t *testing.T, ctx context.Context, c *redis.Client) {
	raise := func() error {
		return c.Watch(ctx, func(tx *redis.Tx) error {
			n, err := tx.Get(ctx, "t:n").Int()
			if err != nil && !errors.Is(err, redis.Nil) {
				return err
			}
			_, err = tx.TxPipelined(ctx, func(p redis.Pipeliner) error {
				p.Set(ctx, "t:n", n+1, 0)
				return nil
			})
			return err
		}, "t:n")
	}
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for done := 0; done < 25; {
				switch err := raise(); {
				case err == nil:
					done++
				case !errors.Is(err, redis.TxFailedErr):
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	check.Eq(t, c.Get(ctx, "t:n").Val(), "200")
	_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
		p.Do(ctx, "NO-SUCH-COMMAND")
		p.Set(ctx, "t:n", 0, 0)
		return nil
	})
	check.True(t, err != nil, "a transaction with an unknown command fails")
	check.Eq(t, c.Get(ctx, "t:n").Val(), "200")
}

func messages(t *testing.T, ctx context.Context, c *redis.Client) {
	sub := c.Subscribe(ctx, "m:1")
	defer sub.Close()
	_, err := sub.Receive(ctx)
	check.NoErr(t, err)
	check.NoErr(t, sub.PSubscribe(ctx, "m:p*"))
	_, err = sub.Receive(ctx)
	check.NoErr(t, err)
	check.NoErr(t, sub.Ping(ctx, "there?"))
	pong, err := sub.Receive(ctx)
	check.NoErr(t, err)
	check.Eq(t, pong.(*redis.Pong).Payload, "there?")
	check.Eq(t, c.Publish(ctx, "m:1", "one").Val(), 1)
	check.Eq(t, c.Publish(ctx, "m:pattern", "two").Val(), 1)
	check.Eq(t, c.Publish(ctx, "m:nobody", "three").Val(), 0)
	for _, want := range []redis.Message{{Channel: "m:1", Payload: "one"}, {Channel: "m:pattern", Pattern: "m:p*", Payload: "two"}} {
		got, err := sub.ReceiveMessage(ctx)
		check.NoErr(t, err)
		check.Eq(t, *got, want)
	}
	check.Eq(t, c.PubSubNumSub(ctx, "m:1").Val(), map[string]int64{"m:1": 1})
	shard := c.SSubscribe(ctx, "m:shard")
	defer shard.Close()
	_, err = shard.Receive(ctx)
	check.NoErr(t, err)
	check.Eq(t, c.SPublish(ctx, "m:shard", "four").Val(), 1)
	got, err := shard.ReceiveMessage(ctx)
	check.NoErr(t, err)
	check.Eq(t, got.Payload, "four")
}

func blocking(t *testing.T, ctx context.Context, c *redis.Client) {
	type result struct {
		val []string
		err error
	}
	got := make(chan result, 1)
	go func() {
		val, err := c.BLPop(ctx, rig.Patience, "b:none", "b:l").Result()
		got <- result{val, err}
	}()
	rig.Eventually(t, "a client that waits", func() bool { return strings.Contains(c.Info(ctx, "clients").Val(), "blocked_clients:1") })
	check.Eq(t, c.RPush(ctx, "b:l", "x").Val(), 1)
	r := <-got
	check.NoErr(t, r.err)
	check.Eq(t, r.val, []string{"b:l", "x"})
	check.ErrIs(t, c.BLPop(ctx, time.Second, "b:none").Err(), redis.Nil)
	check.NoErr(t, c.ZAdd(ctx, "b:z", redis.Z{Score: 3, Member: "m"}).Err())
	z := c.BZPopMin(ctx, time.Second, "b:z").Val()
	check.Eq(t, *z, redis.ZWithKey{Key: "b:z", Z: redis.Z{Score: 3, Member: "m"}})
}

func scripts(t *testing.T, ctx context.Context, c *redis.Client) {
	s := redis.NewScript(`redis.call('SET', KEYS[1], ARGV[1]); return {redis.call('GET', KEYS[1]), 7, redis.status_reply('fine')}`)
	check.ErrContains(t, s.EvalSha(ctx, c, []string{"s:k"}, "v").Err(), "NOSCRIPT")
	for range 2 { // by EVAL the first time, by EVALSHA after that
		check.Eq(t, s.Run(ctx, c, []string{"s:k"}, "v").Val(), any([]any{"v", int64(7), "fine"}))
	}
	check.Eq(t, s.Exists(ctx, c).Val(), []bool{true})
	check.ErrContains(t, c.Eval(ctx, "return redis.call('INCR', KEYS[1])", []string{"s:k"}).Err(), "not an integer")
	check.ErrContains(t, c.EvalRO(ctx, "return redis.call('SET', KEYS[1], 1)", []string{"s:k"}).Err(), "Write commands are not allowed")
}

func functions(t *testing.T, ctx context.Context, c *redis.Client) {
	const code = "#!lua name=mylib\nredis.register_function('twice', function(keys, args) return redis.call('INCRBY', keys[1], 2 * args[1]) end)"
	check.Eq(t, c.FunctionLoadReplace(ctx, code).Val(), "mylib")
	check.Eq(t, c.FCall(ctx, "twice", []string{"f:n"}, 21).Val(), any(int64(42)))
	lib, err := c.FunctionList(ctx, redis.FunctionListQuery{LibraryNamePattern: "my*", WithCode: true}).First()
	check.NoErr(t, err)
	check.Eq(t, lib.Code, code)
	check.Eq(t, lib.Functions[0].Name, "twice")
	check.Eq(t, c.FunctionDelete(ctx, "mylib").Val(), "OK")
	check.ErrContains(t, c.FCall(ctx, "twice", []string{"f:n"}, 1).Err(), "Function not found")
}

func streams(t *testing.T, ctx context.Context, c *redis.Client) {
	check.NoErr(t, c.XGroupCreateMkStream(ctx, "x:s", "g", "$").Err())
	check.ErrContains(t, c.XGroupCreate(ctx, "x:s", "g", "$").Err(), "BUSYGROUP")
	for i := range 5 {
		check.NoErr(t, c.XAdd(ctx, &redis.XAddArgs{Stream: "x:s", MaxLen: 1000, Approx: true, Values: map[string]any{"n": i}}).Err())
	}
	read := &redis.XReadGroupArgs{Group: "g", Consumer: "one", Streams: []string{"x:s", ">"}, Count: 3, Block: time.Second}
	got := c.XReadGroup(ctx, read).Val()
	check.Eq(t, len(got[0].Messages), 3)
	check.Eq(t, got[0].Messages[2].Values["n"], any("2"))
	check.Eq(t, c.XAck(ctx, "x:s", "g", got[0].Messages[0].ID).Val(), 1)
	check.Eq(t, c.XPending(ctx, "x:s", "g").Val().Count, 2)
	pending := c.XPendingExt(ctx, &redis.XPendingExtArgs{Stream: "x:s", Group: "g", Start: "-", End: "+", Count: 10}).Val()
	check.Eq(t, pending[0].Consumer, "one")
	claimed, _, err := c.XAutoClaim(ctx, &redis.XAutoClaimArgs{Stream: "x:s", Group: "g", Consumer: "two", Start: "0"}).Result()
	check.NoErr(t, err)
	check.Eq(t, len(claimed), 2)
	groups := c.XInfoGroups(ctx, "x:s").Val()
	check.Eq(t, groups[0].Lag, 2)
	check.Eq(t, groups[0].Consumers, 2)
	full := c.XInfoStreamFull(ctx, "x:s", 10).Val()
	check.Eq(t, full.Length, 5)
	check.Eq(t, len(c.XRevRangeN(ctx, "x:s", "+", "-", 2).Val()), 2)
}

func iterators(t *testing.T, ctx context.Context, c *redis.Client) {
	want := map[string]bool{}
	for i := range 500 {
		key := fmt.Sprintf("i:%d", i)
		want[key] = true
		check.NoErr(t, c.HSet(ctx, "i-hash", key, i).Err())
		check.NoErr(t, c.Set(ctx, key, i, 0).Err())
	}
	seen := map[string]bool{}
	keys := c.Scan(ctx, 0, "i:*", 50).Iterator()
	for keys.Next(ctx) {
		seen[keys.Val()] = true
	}
	check.NoErr(t, keys.Err())
	check.Eq(t, slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(want)))
	n, fields := 0, c.HScan(ctx, "i-hash", 0, "", 50).Iterator()
	for fields.Next(ctx) {
		n++
	}
	check.NoErr(t, fields.Err())
	check.Eq(t, n, 1000) // fields and values
	typed, _, err := c.ScanType(ctx, 0, "*", 10_000, "hash").Result()
	check.NoErr(t, err)
	sort.Strings(typed)
	check.Eq(t, typed, []string{"c:h", "i-hash"})
}

func errorReplies(t *testing.T, ctx context.Context, c *redis.Client) {
	check.NoErr(t, c.Set(ctx, "e:s", "x", 0).Err())
	check.ErrContains(t, c.LPush(ctx, "e:s", "y").Err(), "WRONGTYPE Operation against a key holding the wrong kind of value")
	check.ErrContains(t, c.Do(ctx, "NOSUCH", "a").Err(), "ERR unknown command 'NOSUCH'")
	check.ErrContains(t, c.Do(ctx, "GET").Err(), "ERR wrong number of arguments for 'get' command")
	if c.Options().Username != "" {
		check.ErrContains(t, c.FlushAll(ctx).Err(), "NOPERM")
		check.Eq(t, c.Do(ctx, "ACL", "WHOAMI").Val(), any(c.Options().Username))
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	check.ErrIs(t, c.Get(cancelled, "e:s").Err(), context.Canceled)
	check.Eq(t, c.Get(ctx, "e:s").Val(), "x")
}

// session keeps one connection: its name, its database.
func session(t *testing.T, ctx context.Context, c *redis.Client) {
	conn := c.Conn()
	defer conn.Close()
	check.NoErr(t, conn.ClientSetName(ctx, "me").Err())
	check.Eq(t, conn.ClientGetName(ctx).Val(), "me")
	check.NoErr(t, conn.Select(ctx, 5).Err())
	check.NoErr(t, conn.Set(ctx, "here", 1, 0).Err())
	check.ErrIs(t, c.Get(ctx, "here").Err(), redis.Nil)
	check.NoErr(t, conn.Select(ctx, 0).Err())
	hello := conn.Hello(ctx, c.Options().Protocol, "", "", "").Val()
	check.Eq(t, hello["proto"], any(int64(c.Options().Protocol)))
}
