package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
)

// typeTest is one command whose speed is compared. Requests are laid out before the
// clock starts, and replies are counted by their lines: the client must not be the
// bottleneck.
type typeTest struct {
	name  string
	setup func(c *conn) error
	// request gives the words of one request; lines of its reply are counted, or told
	// by the first reply when lines is 0 (then the request must always get the same).
	request func(r *rand.Rand) [][]string
	lines   int
}

const spread = 1_000_000 // distinct members of the large collections

func member(r *rand.Rand) string { return fmt.Sprintf("element:%08d", r.Intn(spread)) }

func one(words ...string) [][]string { return [][]string{words} }

// typeTests are the commands of docs/performance.md.
func typeTests() []typeTest {
	value := "value:0123456789abcdef"
	return []typeTest{
		{"LPUSH and RPOP", nil, func(*rand.Rand) [][]string {
			return [][]string{{"LPUSH", "bench:list", value}, {"RPOP", "bench:list"}}
		}, 3},
		{"SADD", nil, func(r *rand.Rand) [][]string { return one("SADD", "bench:set", member(r)) }, 1},
		{"HSET", nil, func(r *rand.Rand) [][]string { return one("HSET", "bench:hash", member(r), value) }, 1},
		{"ZADD", nil, func(r *rand.Rand) [][]string {
			return one("ZADD", "bench:zset", fmt.Sprint(r.Intn(spread)), member(r))
		}, 1},
		{"XADD", nil, func(*rand.Rand) [][]string {
			return one("XADD", "bench:stream", "MAXLEN", "~", "1000000", "*", "field", value)
		}, 2},
		{"LRANGE 100", func(c *conn) error {
			return each(c, 200, func(i int) []string { return []string{"RPUSH", "bench:range", value} })
		}, func(*rand.Rand) [][]string { return one("LRANGE", "bench:range", "0", "99") }, 0},
		{"ZRANGE 100", func(c *conn) error {
			return each(c, 10_000, func(i int) []string {
				return []string{"ZADD", "bench:zrange", fmt.Sprint(i), fmt.Sprintf("element:%08d", i)}
			})
		}, func(*rand.Rand) [][]string { return one("ZRANGE", "bench:zrange", "5000", "5099") }, 0},
		{"HGETALL 50", func(c *conn) error {
			return each(c, 50, func(i int) []string { return []string{"HSET", "bench:small", fmt.Sprintf("field:%d", i), value} })
		}, func(*rand.Rand) [][]string { return one("HGETALL", "bench:small") }, 0},
		{"PFADD", nil, func(r *rand.Rand) [][]string { return one("PFADD", "bench:hll", member(r)) }, 1},
		{"GEOSEARCH", func(c *conn) error {
			r := rand.New(rand.NewSource(1))
			return each(c, 20_000, func(i int) []string {
				return []string{"GEOADD", "bench:geo", fmt.Sprint(r.Float64()*10 + 5), fmt.Sprint(r.Float64()*10 + 40), fmt.Sprintf("place:%d", i)}
			})
		}, func(*rand.Rand) [][]string {
			return one("GEOSEARCH", "bench:geo", "FROMLONLAT", "10", "45", "BYRADIUS", "30", "km", "ASC")
		}, 0},
	}
}

// bigZSetTests are those of a sorted set of n members, which bigZSet has filled.
func bigZSetTests(n int) []typeTest {
	who := func(r *rand.Rand) string { return fmt.Sprintf("element:%08d", r.Intn(n)) }
	return []typeTest{
		{"ZADD, large", nil, func(r *rand.Rand) [][]string {
			return one("ZADD", "bench:big", fmt.Sprint(r.Intn(n)), who(r))
		}, 1},
		{"ZRANK, large", nil, func(r *rand.Rand) [][]string { return one("ZRANK", "bench:big", who(r)) }, 1},
		{"ZRANGE 10, large", nil, func(r *rand.Rand) [][]string {
			from := r.Intn(n - 10)
			return one("ZRANGE", "bench:big", fmt.Sprint(from), fmt.Sprint(from+9))
		}, 21},
	}
}

// each sends n requests in batches and wants no error.
func each(c *conn, n int, words func(i int) []string) error {
	const batch = 1000
	for i := 0; i < n; i += batch {
		k := min(batch, n-i)
		for j := range k {
			c.send(words(i + j)...)
		}
		if err := c.w.Flush(); err != nil {
			return err
		}
		for range k {
			if _, err := c.recv(); err != nil {
				return err
			}
		}
	}
	return nil
}

// types compares the commands of collections on both servers, which run beside one
// another and are measured in turns, and prints a Markdown table.
func types(args []string) (any, error) {
	v := newVersus("types", 1)
	conns := v.Int("conns", 16, "connections")
	only := v.String("only", "", "measure only commands whose names hold this")
	big := v.Int("big", 0, "members of a sorted set to measure on top, 0 for none")
	v.Parse(args)
	defer v.stop()
	if err := v.start(); err != nil {
		return nil, err
	}
	tests := typeTests()
	if *big > 0 {
		for _, s := range v.servers {
			if err := fillZSet(s, *big); err != nil {
				return nil, err
			}
		}
		tests = append(tests, bigZSetTests(*big)...)
	}
	fmt.Println("| command | pipeline | redis-server | redisd | ratio (range) |\n|---|---|---|---|---|")
	tests = slices.DeleteFunc(tests, func(t typeTest) bool { return !strings.Contains(t.name, *only) })
	sum, count := 0.0, 0
	for _, pipeline := range []int{16, 1} {
		for _, t := range tests {
			r, err := v.compare(t, pipeline, *conns)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			r.row(t.name, pipeline)
			sum, count = sum+r.ratio, count+1
		}
	}
	fmt.Printf("| mean | | | | %.2f | |\n", sum/float64(count))
	return nil, nil
}

func fillZSet(s *server, n int) error {
	c, err := dial(s.port)
	if err != nil {
		return err
	}
	defer c.close()
	return each(c, n, func(i int) []string {
		return []string{"ZADD", "bench:big", fmt.Sprint(i), fmt.Sprintf("element:%08d", i)}
	})
}

// compare measures one command on both servers in turns.
func (v *versus) compare(t typeTest, pipeline, conns int) (comparison, error) {
	for _, s := range v.servers {
		if t.setup == nil || pipeline == 1 {
			continue
		}
		c, err := dial(s.port)
		if err != nil {
			return comparison{}, err
		}
		if err := t.setup(c); err != nil {
			return comparison{}, err
		}
		c.close()
	}
	return inTurns(v.servers, *v.rounds, func(i int) (turn, error) { return t.run(v.servers[i], pipeline, conns, v.length()) })
}

// processor is the processor time that the server has taken so far.
func (s *server) processor() time.Duration {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.cmd.Process.Pid))
	f := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	var ticks int
	for _, n := range []int{11, 12} { // utime and stime, in hundredths of a second
		if n < len(f) {
			v, _ := strconv.Atoi(f[n])
			ticks += v
		}
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// run measures one command on one server.
func (t typeTest) run(s *server, pipeline, conns int, length time.Duration) (turn, error) {
	requests := t.request(rand.New(rand.NewSource(1)))
	lines := t.lines
	if lines == 0 {
		c, err := dial(s.port)
		if err != nil {
			return turn{}, err
		}
		defer c.close()
		if lines, err = c.linesOf(requests[0]); err != nil {
			return turn{}, err
		}
	}
	batches := func(i int) [][]byte { return t.batches(int64(i), pipeline) }
	return drive(s, conns, batches, countLines, lines*pipeline, pipeline*len(requests), length)
}

// batches lays out what one connection sends.
func (t typeTest) batches(seed int64, pipeline int) [][]byte {
	r := rand.New(rand.NewSource(seed))
	out := make([][]byte, max(16, 4096/pipeline))
	for i := range out {
		var b bytes.Buffer
		for range pipeline {
			for _, words := range t.request(r) {
				fmt.Fprintf(&b, "*%d\r\n", len(words))
				for _, w := range words {
					fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
				}
			}
		}
		out[i] = b.Bytes()
	}
	return out
}

// linesOf sends one request and counts the lines of its reply.
func (c *conn) linesOf(words []string) (int, error) {
	c.send(words...)
	c.send("ECHO", "end-of-reply")
	if err := c.w.Flush(); err != nil {
		return 0, err
	}
	for n := 0; ; n++ {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return 0, err
		}
		if line[0] == '-' {
			return 0, fmt.Errorf("%v: %s", words, line)
		}
		if line == "end-of-reply\r\n" {
			return n - 1, nil
		}
	}
}
