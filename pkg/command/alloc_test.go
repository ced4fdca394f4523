package command_test

import (
	"testing"
)

// TestNoAllocations holds the hot way to its promise: a command, its lookup in
// the table and its effects make no Go object.
func TestNoAllocations(t *testing.T) {
	s := newSession(t)
	long := make([]byte, 4000)
	s.exec([][]byte{[]byte("set"), []byte("long"), long})
	s.run("set n 5")
	s.run("geoadd g 1 2 a 1.001 2 b")
	s.run("set raw 12; append raw x")
	s.run(manyPairs(600))
	s.run("hset small a 1 b text c 3")
	s.run(members("words", "m", 600))
	s.run(members("few", "m", 20))
	s.run(members("ints", "", 100))
	tests := []struct {
		name  string
		lines []string
	}{
		{"hget", []string{"hget h f5", "hget small a", "hget small b", "hget h nope"}},
		{"hset", []string{"hset h f5 12", "hset h f5 other", "hset small a 5 b x", "hset small a 1 b text"}},
		{"hset and hdel", []string{"hset h fresh 12", "hdel h fresh", "hset small z 5", "hdel small z"}},
		{"hset new", []string{"hset fresh a 1", "hdel fresh a"}},
		{"hmget", []string{"hmget h f5 f6 f7", "hmget small a b x"}},
		{"hgetall", []string{"hgetall h", "hgetall small", "hkeys h", "hvals small"}},
		{"hincrby", []string{"hincrby h n 5", "hincrby small n 5", "hdel h n", "hdel small n"}},
		{"hlen", []string{"hlen h", "hexists h f1", "hstrlen small b"}},
		{"hrandfield", []string{"hrandfield h", "hrandfield small"}},
		{"sadd and srem", []string{"sadd words x", "srem words x", "sadd few x", "srem few x", "sadd ints 500", "srem ints 500"}},
		{"sadd new", []string{"sadd fresh 1", "spop fresh", "sadd fresh a", "spop fresh"}},
		{"sismember", []string{"sismember words m5", "sismember few m5", "sismember ints 5", "scard words"}},
		{"smembers", []string{"smembers words", "smembers few", "smembers ints"}},
		{"spop", []string{"spop words", "sadd words fresh", "spop few", "sadd few fresh"}},
		{"srandmember", []string{"srandmember words", "srandmember few", "srandmember ints"}},
		{"smove", []string{"smove few words m3", "smove words few m3"}},
		{"get", []string{"get n", "get raw", "get long", "get nope"}},
		{"set", []string{"set k value", "set k 12", "set k abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"}},
		{"set ex", []string{"set k value ex 100"}},
		{"setex", []string{"setex k 100 value"}},
		{"set nx", []string{"set k value nx", "del k"}},
		{"set and del", []string{"set fresh value", "del fresh", "del fresh"}},
		{"set ex and del", []string{"set fresh value ex 10", "unlink fresh"}},
		{"incr", []string{"incr n", "decrby n 5"}},
		{"incr new", []string{"incr fresh", "del fresh"}},
		{"expire", []string{"expire n 100", "pexpire n 100000", "persist n"}},
		{"expire in the past", []string{"set k 1", "expire k -1"}},
		{"exists", []string{"exists n nope"}},
		{"ttl", []string{"ttl n", "pttl n", "expiretime n"}},
		{"mget", []string{"mget n raw k"}},
		{"mset", []string{"mset a 1 b 2"}},
		{"strlen", []string{"strlen raw", "strlen n"}},
		{"getrange", []string{"getrange long 10 20"}},
		{"type", []string{"type n"}},
		{"rename", []string{"set a 1", "rename a b"}},
		{"zadd", []string{"zadd z 1 a 2.5 b", "zincrby z 1.5 a", "zscore z b", "zrem z b"}},
		{"zrange", []string{"zadd z 1 a", "zrange z 0 -1 withscores", "zrangebyscore z (1 inf limit 0 5", "zcount z 1 5"}},
		{"zrank", []string{"zadd z 1 a", "zrank z a", "zrevrank z nope", "zpopmin z", "zpopmin z"}},
		{"geosearch", []string{"geosearch g fromlonlat 1 2 byradius 1 km asc withdist withcoord"}},
		{"append", []string{"set k 1", "append k 2", "append k 345"}},
		{"lists", []string{"rpush l a 12", "lpush l b", "lrange l 0 -1", "lmove l l left right", "lindex l 1", "lpop l", "rpop l", "rpop l"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var argvs [][][]byte
			for _, l := range tt.lines {
				argvs = append(argvs, words(l))
			}
			once := func() {
				for _, argv := range argvs {
					runHot(s, argv)
				}
			}
			once() // buffers and tables grow once
			if n := testing.AllocsPerRun(200, once); n != 0 {
				t.Errorf("%v allocations", n)
			}
		})
	}
}

func runHot(s *session, argv [][]byte) {
	spec := s.table.Lookup(argv[0])
	s.ctx.Args, s.ctx.Spec = argv, spec
	s.ctx.Out.Reset()
	s.ctx.Fx.Reset(0)
	spec.Handler(&s.ctx)
}

func benchmark(b *testing.B, line string) {
	s := newSession(b)
	s.run("set k abcdefghijklmnopqrstuvwxyz")
	s.run("set n 5")
	s.run("geoadd g 1 2 a 1.001 2 b")
	argv := words(line)
	b.ReportAllocs()
	for b.Loop() {
		runHot(s, argv)
	}
}

func BenchmarkGet(b *testing.B)   { benchmark(b, "get k") }
func BenchmarkSet(b *testing.B)   { benchmark(b, "set k zyxwvutsrqponmlkjihgfedcba") }
func BenchmarkSetEX(b *testing.B) { benchmark(b, "set k zyxwvutsrqponmlkjihgfedcba ex 100") }
func BenchmarkIncr(b *testing.B)  { benchmark(b, "incr n") }
