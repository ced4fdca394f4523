package server_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/pkg/resp"
)

// gone waits until the server has closed the connection and gives what it sent before.
func (p *peer) gone() string {
	p.t.Helper()
	check.NoErr(p.t, p.conn.SetDeadline(time.Now().Add(patience)))
	text, err := io.ReadAll(p.in)
	if err != nil && !strings.Contains(err.Error(), "connection reset") {
		check.NoErr(p.t, err)
	}
	return string(text)
}

func TestHardLimitOfReplies(t *testing.T) {
	big := strings.Repeat("x", 60_000)
	for _, tt := range []struct{ name, send string }{
		{"one reply", "MGET big big big big\r\n"},
		{"many replies", strings.Repeat("GET big\r\n", 10)},
		{"a transaction", "MULTI\r\nSET n 1\r\nMGET big big big big\r\nINCR n\r\nEXEC\r\n"},
		{"an endless hash", "HRANDFIELD h -999999999\r\n"},
		{"an endless set", "SRANDMEMBER s -999999999\r\n"},
		{"an endless sorted set", "ZRANDMEMBER z -999999999\r\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := startServer(t, "client-output-buffer-limit normal 100000 0 0")
			root, c := r.dial(), r.dial()
			root.ok("SET", "big", big)
			root.ok("HSET", "h", "f", "v")
			root.ok("SADD", "s", "m")
			root.ok("ZADD", "z", "1", "m")
			c.ok("CLIENT", "SETNAME", "greedy")
			c.send(tt.send)
			check.Eq(t, c.gone(), "")
			check.True(t, !strings.Contains(root.text("CLIENT", "LIST"), "greedy"), "it is gone")
			check.Contains(t, r.log.String(), "scheduled to be closed ASAP for overcoming of output buffer limits.")
			if tt.name == "a transaction" {
				check.Eq(t, root.text("GET", "n"), "2") // it ran whole
			}
			check.Eq(t, len(root.text("GET", "big")), len(big))
		})
	}
}

func TestSoftLimitOfReplies(t *testing.T) {
	now := clock.NewManual(time.UnixMilli(1_700_000_000_000))
	r := startServerAs(t, rigOptions{clock: now}, "client-output-buffer-limit normal 0 50000 10")
	root, c := r.dial(), r.dial()
	root.ok("SET", "big", strings.Repeat("x", 4<<20))
	id := c.id()
	c.send("GET big\r\n") // more than the socket takes
	root.waitFor(id, "cmd", "get")
	now.Advance(10 * time.Second)
	c.send("GET big\r\n")
	root.ok("PING")
	check.Eq(t, root.seen(id)["id"], id)
	now.Advance(time.Second)
	c.send("PING\r\n")
	for strings.Contains(root.text("CLIENT", "LIST"), "id="+id+" ") {
		now.Advance(time.Millisecond)
	}
	check.Contains(t, r.log.String(), "output buffer limits")
}

// Clients that together keep more than maxmemory-clients go, the largest first; those
// with NO-EVICT count and stay.
func TestClientsAreEvicted(t *testing.T) {
	r := startServer(t)
	root := r.dial()
	fill := func(n int) (*peer, string) {
		c := r.dial()
		id := c.id()
		c.send(fmt.Sprintf("*1\r\n$%d\r\n%s", n, strings.Repeat("x", n)))
		root.waitFor(id, "qbuf", fmt.Sprint(n+len(fmt.Sprintf("*1\r\n$%d\r\n", n))))
		return c, id
	}
	root.ok("CLIENT", "NO-EVICT", "ON")
	small, _ := fill(100_000)
	old, _ := fill(600_000)
	young, youngID := fill(600_000)
	large, _ := fill(2_000_000)
	check.Eq(t, root.info()["evicted_clients"], "0")
	root.ok("CONFIG", "SET", "maxmemory-clients", "1500000")
	large.gone()
	check.Eq(t, root.info()["evicted_clients"], "1")
	root.ok("CONFIG", "SET", "maxmemory-clients", "1000000")
	old.gone()
	check.Eq(t, root.seen(youngID)["id"], youngID)
	check.Eq(t, root.info()["evicted_clients"], "2")
	root.ok("CONFIG", "SET", "maxmemory-clients", "1")
	small.gone()
	young.gone()
	check.Eq(t, root.info()["evicted_clients"], "4")
	check.Contains(t, r.log.String(), "Evicting client: id=")
	check.Eq(t, root.text("PING"), "PONG")

	// A long command goes before it runs, queued ones and watched keys count.
	root.ok("CONFIG", "SET", "maxmemory-clients", "500000")
	for _, send := range []string{
		string(resp.AppendCommandStrings(nil, "SET", "k", strings.Repeat("x", 600_000))),
		"MULTI\r\n" + strings.Repeat("SET k "+strings.Repeat("x", 10_000)+"\r\n", 60),
		strings.Repeat("WATCH "+strings.Repeat("k", 900)+"%d\r\n", 600),
	} {
		c := r.dial()
		if strings.Contains(send, "%d") {
			args := make([]any, 600)
			for i := range args {
				args[i] = i
			}
			send = fmt.Sprintf(send, args...)
		}
		check.NoErr(t, c.conn.SetDeadline(time.Now().Add(patience)))
		_, err := c.conn.Write([]byte(send))
		check.True(t, err == nil || strings.Contains(errors.Unwrap(err).Error(), "reset") || strings.Contains(err.Error(), "pipe"), "it is sent, or cut off")
		c.gone()
	}
	check.Eq(t, root.info()["evicted_clients"], "7")
	check.True(t, root.ok("GET", "k").Null, "none of them ran")
}

func TestClientKillMaxAge(t *testing.T) {
	now := clock.NewManual(time.UnixMilli(1_700_000_000_000))
	r := startServerAs(t, rigOptions{clock: now})
	old := r.dial()
	old.id()
	now.Advance(10 * time.Second)
	young := r.dial()
	young.id()
	check.Contains(t, young.refused("CLIENT", "KILL", "MAXAGE", "0"), "maxage")
	check.Eq(t, young.ok("CLIENT", "KILL", "MAXAGE", "11").Int, int64(0))
	killed := young.ok("CLIENT", "KILL", "MAXAGE", "10").Int
	check.True(t, killed >= 1, "the old one")
	old.closed()
}
