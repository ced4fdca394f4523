package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"
)

// sizeTest fills a server with collections of one kind; a request adds one element.
type sizeTest struct {
	name     string
	elements int
	request  func(i int) []string
}

// sizeTests are large collections, one key each, and small ones of ten elements.
func sizeTests(n int) []sizeTest {
	value := "value:0123456789"
	in := func(kind string, size, i int) string { return fmt.Sprintf("%s:%d", kind, i/size) }
	name := func(i int) string { return fmt.Sprintf("element:%08d", i) }
	var out []sizeTest
	for _, size := range []int{n, 10} {
		label := "large"
		if size == 10 {
			label = "small"
		}
		out = append(out,
			sizeTest{label + " hash", n, func(i int) []string { return []string{"HSET", in("hash", size, i), name(i), value} }},
			sizeTest{label + " set", n, func(i int) []string { return []string{"SADD", in("set", size, i), name(i)} }},
			sizeTest{label + " sorted set", n, func(i int) []string {
				return []string{"ZADD", in("zset", size, i), fmt.Sprint(i * 7919 % n), name(i)}
			}},
			sizeTest{label + " list", n, func(i int) []string { return []string{"RPUSH", in("list", size, i), value} }},
			sizeTest{label + " stream", n, func(i int) []string { return []string{"XADD", in("stream", size, i), "*", "field", value} }},
		)
	}
	return out
}

// sizes prints what an element of each kind of collection costs on both servers.
func sizes(args []string) (any, error) {
	fs := flag.NewFlagSet("sizes", flag.ExitOnError)
	ours := fs.String("server", "bin/redisd", "server binary")
	peer := fs.String("peer", "redis-server", "binary to compare with")
	n := fs.Int("elements", 1_000_000, "elements of each kind")
	only := fs.String("only", "", "measure only collections whose names hold this")
	fs.Parse(args)
	fmt.Println("| bytes an element | redis-server | redisd | ratio |\n|---|---|---|---|")
	for _, t := range sizeTests(*n) {
		if !strings.Contains(t.name, *only) {
			continue
		}
		var each [2]float64
		for i, bin := range []string{*peer, *ours} {
			var err error
			if each[i], err = t.measure(bin); err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
		}
		fmt.Printf("| %s | %.1f | %.1f | %.2f |\n", t.name, each[0], each[1], each[1]/each[0])
	}
	return nil, nil
}

func (t sizeTest) measure(bin string) (float64, error) {
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	s, err := startServer(bin, dir, "--appendonly", "no")
	if err != nil {
		return 0, err
	}
	defer s.kill()
	empty := s.anonymous()
	c, err := dial(s.port)
	if err != nil {
		return 0, err
	}
	defer c.close()
	if err := each(c, t.elements, t.request); err != nil {
		return 0, err
	}
	time.Sleep(1500 * time.Millisecond) // a rehash ends, spare memory goes back
	return float64(s.anonymous()-empty) / float64(t.elements), nil
}
