package main

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"math/rand"
	"strings"
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
	v := newVersus("script", 1)
	conns := v.Int("conns", 16, "connections")
	v.Parse(args)
	defer v.stop()
	if err := v.start(); err != nil {
		return nil, err
	}
	fmt.Println("| script | pipeline | redis-server | redisd | ratio (range) | processor time a call: redis-server, redisd, ratio |\n|---|---|---|---|---|---|")
	for _, pipeline := range []int{16, 1} {
		for _, t := range scriptTests() {
			r, err := v.compare(t.typeTest(), pipeline, *conns)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			r.row(t.name, pipeline)
		}
	}
	return nil, nil
}
