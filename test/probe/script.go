package main

import (
	"crypto/sha1"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strings"
	"time"
)

// scriptTest is one script whose speed is compared; it is called by EVALSHA, with a
// key of a hundred thousand.
type scriptTest struct{ name, code string }

// scriptTests are the scripts of docs/performance.md.
func scriptTests() []scriptTest {
	return []scriptTest{
		{"GET and SET", "local v = redis.call('GET', KEYS[1]) redis.call('SET', KEYS[1], ARGV[1]) return v"},
		{"10 INCR", "for i = 1, 10 do redis.call('INCR', KEYS[2]) end return 1"},
		{"return 1", "return 1"},
		{"loop of 1,000", "local s = 0 for i = 1, 1000 do s = s + i * 2 end return s"},
		{"fib(15)", "local function fib(n) if n < 2 then return n end return fib(n-1) + fib(n-2) end return fib(15)"},
		{"table of 100 strings", "local t = {} for i = 1, 100 do t[i] = 'k' .. i end return #table.concat(t, ',')"},
		{"cjson.encode", "return #cjson.encode({a={1,2,3,4,5,6,7,8,9,10}, b='some text', c={d=true, e=1.5, f={'x','y','z'}}})"},
		{"cjson.decode", "return #cjson.decode('{\"a\":[1,2,3,4,5,6,7,8,9,10],\"b\":\"some text\",\"c\":{\"d\":true,\"e\":1.5,\"f\":[\"x\",\"y\",\"z\"]}}').a"},
	}
}

func (t scriptTest) typeTest() typeTest {
	sum := sha1.Sum([]byte(t.code))
	sha := hex.EncodeToString(sum[:])
	value := strings.Repeat("v", 64)
	key := func(r *rand.Rand) string { return fmt.Sprintf("key:%06d", r.Intn(100_000)) }
	return typeTest{name: t.name, lines: 0, setup: func(c *conn) error {
		c.send("SCRIPT", "LOAD", t.code)
		if err := c.w.Flush(); err != nil {
			return err
		}
		if _, err := c.recv(); err != nil {
			return err
		}
		return each(c, 100_000, func(i int) []string { return []string{"SET", fmt.Sprintf("key:%06d", i), value} })
	}, request: func(r *rand.Rand) [][]string { return one("EVALSHA", sha, "2", key(r), "counter", value) }}
}

// scripts compares scripts on both servers, which are measured in turns, and prints
// a Markdown table.
func scripts(args []string) (any, error) {
	fs := flag.NewFlagSet("script", flag.ExitOnError)
	ours := fs.String("server", "bin/redisd", "server binary")
	peer := fs.String("peer", "redis-server", "binary to compare with")
	conns := fs.Int("conns", 16, "connections")
	secs := fs.Float64("secs", 1, "seconds a turn")
	rounds := fs.Int("rounds", 3, "turns of each server; the median counts")
	fs.Parse(args)
	var servers [2]*server
	for i, bin := range []string{*peer, *ours} {
		dir, err := os.MkdirTemp("", "probe")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		if servers[i], err = startServer(bin, dir, "--appendonly", "no"); err != nil {
			return nil, err
		}
		defer servers[i].kill()
	}
	fmt.Println("| script | pipeline | redis-server | redisd | ratio (range) | processor time a call: redis-server, redisd, ratio |\n|---|---|---|---|---|---|")
	for _, pipeline := range []int{16, 1} {
		for _, t := range scriptTests() {
			r, err := compare(servers, t.typeTest(), pipeline, *conns, *rounds, time.Duration(*secs*float64(time.Second)))
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			fmt.Printf("| %s | %d | %.1fk | %.1fk | %.2f (%.2f-%.2f) | %.2f us, %.2f us, %.2f |\n", t.name, pipeline,
				r.rate[0]/1e3, r.rate[1]/1e3, r.ratio, r.low, r.high, r.cpu[0], r.cpu[1], r.cpu[0]/r.cpu[1])
		}
	}
	return nil, nil
}
