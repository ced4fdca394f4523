package main

import (
	"flag"
	"fmt"
	"math/rand"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// Here: what the limits of memory and of time cost those who are not concerned.

// evictTest is a kind of values that are written beyond maxmemory.
type evictTest struct {
	name     string
	pipeline int
	size     func(r *rand.Rand) int
}

func evictTests() []evictTest {
	return []evictTest{
		{"100 B", 16, func(*rand.Rand) int { return 100 }},
		{"1 MB", 1, func(*rand.Rand) int { return 1 << 20 }},
		{"mixed", 16, func(r *rand.Rand) int {
			switch n := r.Intn(1000); {
			case n == 0:
				return 1 << 20
			case n < 100:
				return 10_000
			}
			return 100
		}},
	}
}

// evictTurn is what one server did with one kind of values.
type evictTurn struct {
	turn
	above float64 // the highest used_memory seen, of maxmemory
	phase phase   // of a reader beside the writers
	cycle int     // the longest event eviction-cycle, in milliseconds
}

// evicts compares both servers at maxmemory and prints a Markdown table: writers of twice
// as much as fits, and more, in turn over again.
func evicts(args []string) (any, error) {
	v := newVersus("evict", 3)
	limit := v.Int("limit", 64, "maxmemory, in MB")
	policy := v.String("policy", "allkeys-lru", "maxmemory-policy")
	conns := v.Int("conns", 4, "connections that write")
	v.Parse(args)
	fmt.Println("| values | redis-server | redisd | ratio (range) | used_memory of the limit, at most | reader's p99.9, ms | its longest, ms | longest eviction cycle, ms |\n|---|---|---|---|---|---|---|---|")
	for _, test := range evictTests() {
		var worst [2]evictTurn
		r, err := inTurns(v.servers, *v.rounds, func(i int) (turn, error) {
			t, err := test.run([]string{*v.peer, *v.ours}[i], *limit<<20, *conns, *policy, v.length())
			worst[i].above = max(worst[i].above, t.above)
			worst[i].phase.P999, worst[i].phase.Max = max(worst[i].phase.P999, t.phase.P999), max(worst[i].phase.Max, t.phase.Max)
			worst[i].cycle = max(worst[i].cycle, t.cycle)
			return t.turn, err
		})
		if err != nil {
			return nil, err
		}
		a, b := worst[0], worst[1]
		fmt.Printf("| %s | %.1fk | %.1fk | %.2f (%.2f-%.2f) | %.3f, %.3f | %.1f, %.1f | %.1f, %.1f | %d, %d |\n", test.name,
			r.rate[0]/1e3, r.rate[1]/1e3, r.ratio, r.low, r.high, a.above, b.above, a.phase.P999, b.phase.P999, a.phase.Max, b.phase.Max, a.cycle, b.cycle)
	}
	return nil, nil
}

// run writes to a new server.
func (test evictTest) run(bin string, limit, conns int, policy string, length time.Duration) (t evictTurn, err error) {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return t, err
	}
	defer os.RemoveAll(dir)
	s, err := startServer(bin, dir, "--appendonly", "no", "--maxmemory", strconv.Itoa(limit), "--maxmemory-policy", policy, "--latency-monitor-threshold", "1")
	if err != nil {
		return t, err
	}
	defer s.kill()
	ctl, err := dial(s.port)
	if err != nil {
		return t, err
	}
	defer ctl.close()
	w, err := watch(s.port)
	if err != nil {
		return t, err
	}
	defer w.close()

	batches := test.batches(2*limit, conns)
	if err := ctl.exchange(batches, test.pipeline); err != nil { // now the limit is reached
		return t, err
	}
	over := make(chan struct{})
	sampled := make(chan struct{})
	go func() { // a connection of its own, every 20 ms
		defer close(sampled)
		for {
			if used, err := strconv.ParseFloat(ctl.info("memory")["used_memory"], 64); err == nil {
				t.above = max(t.above, used/float64(limit))
			}
			select {
			case <-over:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	var none atomic.Int64
	t.phase = w.measure(&none, func() {
		t.turn, err = drive(s, conns, func(i int) [][]byte { return batches[i] }, countLines, test.pipeline, test.pipeline, length)
	})
	close(over)
	<-sampled
	if n := ctl.info("stats")["evicted_keys"]; err == nil && (n == "" || n == "0") {
		err = fmt.Errorf("%s evicted nothing", bin)
	}
	t.cycle = ctl.longest("eviction-cycle")
	return t, err
}

// batches are SETs of so many bytes together, dealt out to the connections.
func (test evictTest) batches(total, conns int) [][][]byte {
	r := rand.New(rand.NewSource(1))
	value := strings.Repeat("v", 1<<20)
	dealt := make([][][]byte, conns)
	for i, sum := 0, 0; sum < total; i++ {
		var batch []byte
		for j := range test.pipeline {
			n := test.size(r)
			sum += n
			batch = fmt.Appendf(batch, "*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n", i*test.pipeline+j, n, value[:n])
		}
		dealt[i%conns] = append(dealt[i%conns], batch)
	}
	return dealt
}

// exchange sends all batches, one after the other, and reads their replies.
func (c *conn) exchange(dealt [][][]byte, replies int) error {
	for _, batches := range dealt {
		for _, b := range batches {
			if _, err := c.c.Write(b); err != nil {
				return err
			}
			for range replies {
				if _, err := c.recv(); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// longest is the longest event of a kind that LATENCY knows, in milliseconds.
func (c *conn) longest(event string) int {
	c.send("LATENCY", "LATEST")
	if c.w.Flush() != nil {
		return -1
	}
	longest := 0
	for range c.count() {
		if c.count() != 4 {
			return -1
		}
		var fields [4]string
		for i := range fields {
			fields[i], _ = c.recv()
		}
		if fields[0] == event {
			longest, _ = strconv.Atoi(fields[3])
		}
	}
	return longest
}

// count reads the header of an array.
func (c *conn) count() int {
	line, _ := c.r.ReadString('\n')
	n, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(line, "*")))
	if err != nil {
		return -1
	}
	return n
}

// expireReport is what a reader felt while many keys expired.
type expireReport struct {
	Server   string  `json:"server"`
	Keys     int     `json:"keys"`
	Baseline phase   `json:"baseline"`
	During   phase   `json:"during"`    // from the second in which they expire until none is left
	GoneSecs float64 `json:"gone_secs"` // from the end of that second; negative: some were left after a minute
	Longest  int     `json:"longest_expire_cycle_ms"`
}

// expires fills a server with keys that all expire within one second, and reports what
// a steady reader of another key feels then.
func expires(args []string) (any, error) {
	fs := flag.NewFlagSet("expire", flag.ExitOnError)
	bin := fs.String("server", "bin/redisd", "server binary")
	keys := fs.Int("keys", 10_000_000, "keys")
	rate := fs.Int("rate", 150_000, "keys a second that filling is sure to reach")
	fs.Parse(args)
	rep := expireReport{Server: *bin, Keys: *keys}
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := startServer(*bin, dir, "--appendonly", "no", "--latency-monitor-threshold", "1")
	if err != nil {
		return nil, err
	}
	defer s.kill()
	ctl, err := dial(s.port)
	if err != nil {
		return nil, err
	}
	defer ctl.close()
	if _, err := ctl.do("SET", "key:000000000001", "stays"); err != nil {
		return nil, err
	}
	second := time.Now().Add(time.Duration(*keys / *rate + 6) * time.Second)
	if err := ctl.fillExpiring(*keys, second); err != nil {
		return nil, err
	}
	if time.Until(second) < 5*time.Second {
		return nil, fmt.Errorf("filling took too long: give a lower -rate")
	}
	w, err := watch(s.port)
	if err != nil {
		return nil, err
	}
	defer w.close()
	var none atomic.Int64
	time.Sleep(time.Second)
	rep.Baseline = w.measure(&none, func() { time.Sleep(time.Until(second)) })
	end := second.Add(time.Second)
	rep.During = w.measure(&none, func() {
		for time.Sleep(time.Until(end)); time.Since(end) < time.Minute; time.Sleep(10 * time.Millisecond) {
			if n, _ := ctl.do("DBSIZE"); n == "1" {
				rep.GoneSecs = time.Since(end).Seconds()
				return
			}
		}
		rep.GoneSecs = -1
	})
	rep.Longest = ctl.longest("expire-cycle")
	return rep, nil
}

// fillExpiring writes n keys whose time is over within the second that begins at second.
func (c *conn) fillExpiring(n int, second time.Time) error {
	const batch = 1000
	r := rand.New(rand.NewSource(1))
	for i := 0; i < n; i += batch {
		k := min(batch, n-i)
		for j := range k {
			c.send("SET", fmt.Sprintf("tmp:%012d", i+j), "x", "PXAT", strconv.FormatInt(second.UnixMilli()+int64(r.Intn(1000)), 10))
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
