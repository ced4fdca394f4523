package server

import (
	"fmt"
	"math/rand"
	"testing"

	"redisd/internal/check"
)

// pipelines are requests in sixteens over a large keyspace and large collections.
var pipelines = []struct {
	name    string
	request func(r *rand.Rand, n int) []byte
}{
	{"GET", func(r *rand.Rand, n int) []byte { return request("GET", fmt.Sprintf("key:%012d", r.Intn(n))) }},
	{"SET", func(r *rand.Rand, n int) []byte { return request("SET", fmt.Sprintf("key:%012d", r.Intn(n)), "value") }},
	{"SADD", func(r *rand.Rand, n int) []byte {
		return request("SADD", "set", fmt.Sprintf("element:%08d", r.Intn(n)))
	}},
	{"HSET", func(r *rand.Rand, n int) []byte {
		return request("HSET", "hash", fmt.Sprintf("element:%08d", r.Intn(n)), "value")
	}},
	{"ZADD", func(r *rand.Rand, n int) []byte {
		return request("ZADD", "zset", fmt.Sprint(r.Intn(n)), fmt.Sprintf("element:%08d", r.Intn(n)))
	}},
	{"LPUSH and RPOP", func(*rand.Rand, int) []byte {
		return append(request("LPUSH", "list", "value"), request("RPOP", "list")...)
	}},
	{"PFADD", func(r *rand.Rand, n int) []byte { return request("PFADD", "hll", fmt.Sprint(r.Intn(n))) }},
}

// lay makes count batches of 16 requests.
func lay(count, n int, one func(r *rand.Rand, n int) []byte) [][]byte {
	r := rand.New(rand.NewSource(1))
	batches := make([][]byte, count)
	for i := range batches {
		for range 16 {
			batches[i] = append(batches[i], one(r, n)...)
		}
	}
	return batches
}

// BenchmarkPipeline is the whole way of a request in a pipeline of 16 but for the
// kernel, over a million keys and elements. An operation is one batch.
func BenchmarkPipeline(b *testing.B) {
	const n = 1_000_000
	bb := newBench(b)
	for i := range n {
		bb.do(request("SET", fmt.Sprintf("key:%012d", i), "value"))
		bb.do(request("SADD", "set", fmt.Sprintf("element:%08d", i)))
		bb.do(request("HSET", "hash", fmt.Sprintf("element:%08d", i), "value"))
		bb.do(request("ZADD", "zset", fmt.Sprint(i), fmt.Sprintf("element:%08d", i)))
	}
	for _, tc := range pipelines {
		batches := lay(20_000, n, tc.request)
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				bb.do(batches[i%len(batches)])
			}
		})
	}
}

// TestPipelinesAllocateNothing: looking ahead has room of its own, in keyspaces that are
// large enough for it.
func TestPipelinesAllocateNothing(t *testing.T) {
	const n = 40_000
	bb := newBench(t)
	for i := range n {
		bb.do(request("SET", fmt.Sprintf("key:%012d", i), "value"))
		bb.do(request("SADD", "set", fmt.Sprintf("element:%08d", i)))
		bb.do(request("HSET", "hash", fmt.Sprintf("element:%08d", i), "value"))
	}
	for _, tc := range pipelines[:4] {
		batches := lay(100, n, tc.request)
		i := 0
		run := func() {
			if out := bb.do(batches[i%len(batches)]); len(out) == 0 || out[0] == '-' {
				t.Fatalf("%s: reply %q", tc.name, out)
			}
			i++
		}
		for range 100 {
			run()
		}
		check.Eq(t, testing.AllocsPerRun(50, run), 0.0)
	}
}
