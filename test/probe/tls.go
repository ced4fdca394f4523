package main

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"redisd/test/cert"
)

// The client of these figures is a goroutine for each connection: the single thread of
// drive.go does not speak TLS. It takes more processor time than either server, so the
// rates say less than the server's own processor time.
// Both have several threads, and must not run with a real-time priority: the threads
// of one would starve one another.

// tlsRow is one row: GETs of values of a size, so many in a record.
type tlsRow struct{ size, pipeline int }

// tlsServers starts both servers with the same certificates; clients are asked for one.
func tlsServers(dir string, bins [2]string) (servers [2]*server, ports [2]int, client *tls.Config, err error) {
	authority, err := cert.NewAuthority(dir, "ca")
	if err != nil {
		return servers, ports, nil, err
	}
	own, err := authority.Issue("server")
	if err != nil {
		return servers, ports, nil, err
	}
	user, err := authority.Issue("client")
	if err != nil {
		return servers, ports, nil, err
	}
	for i, bin := range bins {
		folder, err := os.MkdirTemp(dir, "data")
		if err != nil {
			return servers, ports, nil, err
		}
		ports[i] = freePort()
		servers[i], err = startServer(bin, folder, "--appendonly", "no", "--tls-port", strconv.Itoa(ports[i]),
			"--tls-cert-file", own.CertFile, "--tls-key-file", own.KeyFile, "--tls-ca-cert-file", authority.File)
		if err != nil {
			return servers, ports, nil, err
		}
	}
	return servers, ports, authority.Client(user), nil
}

// encrypted compares GET over TLS on both servers and prints a Markdown table.
func encrypted(args []string) (any, error) {
	v := newVersus("tls", 1)
	conns := v.Int("conns", 16, "connections")
	plain := v.Bool("plain", false, "the same without TLS, with the same client")
	v.Parse(args)
	dir, err := os.MkdirTemp("", "probe")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	servers, ports, client, err := tlsServers(dir, [2]string{*v.peer, *v.ours})
	for _, s := range servers {
		if s != nil {
			defer s.kill()
		}
	}
	if err != nil {
		return nil, err
	}
	if *plain {
		client, ports = nil, [2]int{servers[0].port, servers[1].port}
	}
	fmt.Println("| value | pipeline | redis-server | redisd | ratio (range) | processor time a GET: redis-server, redisd, ratio |\n|---|---|---|---|---|---|")
	for _, row := range []tlsRow{{64, 1}, {64, 16}, {16 << 10, 1}} {
		for _, s := range servers {
			if err := setValue(s, row.size); err != nil {
				return nil, err
			}
		}
		r, err := inTurns(servers, *v.rounds, func(i int) (turn, error) {
			return row.run(servers[i], ports[i], client, *conns, v.length())
		})
		if err != nil {
			return nil, err
		}
		fmt.Printf("| %d | %d | %.0fk | %.0fk | %.2f (%.2f-%.2f) | %.2f us, %.2f us, %.2f |\n", row.size, row.pipeline,
			r.rate[0]/1e3, r.rate[1]/1e3, r.ratio, r.low, r.high, r.cpu[0], r.cpu[1], r.cpu[0]/r.cpu[1])
	}
	return nil, nil
}

func setValue(s *server, size int) error {
	c, err := dial(s.port)
	if err != nil {
		return err
	}
	defer c.close()
	_, err = c.do("SET", "key", strings.Repeat("x", size))
	return err
}

// run measures a row on one server.
func (row tlsRow) run(s *server, port int, client *tls.Config, conns int, length time.Duration) (turn, error) {
	var done, stop atomic.Int64
	var wg sync.WaitGroup
	errs := make(chan error, conns)
	defer wg.Wait()
	defer stop.Store(1)
	for range conns {
		c, err := dial(port)
		if err != nil {
			return turn{}, err
		}
		if client != nil {
			c.c = tls.Client(c.c, client)
		}
		wg.Go(func() {
			defer c.close()
			for stop.Load() == 0 {
				if err := row.batch(c); err != nil {
					errs <- err
					return
				}
				done.Add(int64(row.pipeline))
			}
		})
	}
	time.Sleep(length / 5) // handshakes, warming up
	n, cpu, start := done.Load(), s.processor(), time.Now()
	time.Sleep(length)
	n, cpu = done.Load()-n, s.processor()-cpu
	secs := time.Since(start).Seconds()
	select {
	case err := <-errs:
		return turn{}, err
	default:
	}
	return turn{rate: float64(n) / secs, cpu: float64(cpu.Microseconds()) / float64(max(n, 1))}, nil
}

// batch sends requests and waits for the whole reply.
func (row tlsRow) batch(c *conn) error {
	const get = "*2\r\n$3\r\nGET\r\n$3\r\nkey\r\n"
	if _, err := c.c.Write(bytes.Repeat([]byte(get), row.pipeline)); err != nil {
		return err
	}
	head := len("$\r\n\r\n") + len(strconv.Itoa(row.size))
	buf := make([]byte, 64<<10)
	for left := row.pipeline * (head + row.size); left > 0; {
		n, err := c.c.Read(buf)
		if err != nil {
			return err
		}
		left -= n
	}
	return nil
}
