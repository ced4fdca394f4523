package main

import (
	"flag"
	"os"
	"strconv"
	"time"
)

type idleReport struct {
	Server    string  `json:"server"`
	Clients   int     `json:"clients"`
	PerClient float64 `json:"bytes_per_client"`
}

// idle connects clients that have sent one PING each and measures what they
// cost the server while they do nothing. Socket buffers belong to the kernel and
// do not count.
func idle(args []string) (any, error) {
	fs := flag.NewFlagSet("idle", flag.ExitOnError)
	bin := fs.String("server", "redis-server", "server binary")
	n := fs.Int("clients", 5000, "connections")
	fs.Parse(args)
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := startServer(*bin, dir, "--appendonly", "no", "--maxclients", strconv.Itoa(*n+100))
	if err != nil {
		return nil, err
	}
	defer s.kill()
	time.Sleep(time.Second)
	before := s.pss()
	conns := make([]*conn, 0, *n)
	defer func() {
		for _, c := range conns {
			c.close()
		}
	}()
	for range *n {
		c, err := dial(s.port)
		if err != nil {
			return nil, err
		}
		conns = append(conns, c)
		if _, err := c.do("PING"); err != nil {
			return nil, err
		}
	}
	time.Sleep(5 * time.Second) // buffers of idle clients are given back by cron
	return idleReport{*bin, *n, float64(s.pss()-before) / float64(*n)}, nil
}
