package server

import (
	"fmt"
	"net"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
)

// Connections to other servers are kept for a while, and not more than a number.
func TestMigrantsAreClosed(t *testing.T) {
	l, err := net.Listen("tcp4", "0.0.0.0:0") // all of 127.0.0.0/8
	check.NoErr(t, err)
	defer l.Close()
	port := strconv.Itoa(l.Addr().(*net.TCPAddr).Port)
	s := &Server{opt: &Options{}, stats: &stats{nowSec: 1000}}
	s.migrants = newMigrants(s)
	connect := func(host string) *migrant {
		m, broken := s.migrants.connect(&migration{host: host, port: port, timeoutMs: 1000})
		check.True(t, broken == nil, "somebody listens")
		return m
	}
	first := connect("127.0.0.1")
	check.True(t, connect("127.0.0.1") == first, "a connection is used again")
	s.stats.nowSec += 8
	connect("127.0.0.2")
	s.stats.nowSec += 3
	s.cronMigrants()
	check.Eq(t, len(s.migrants.open), 1)
	check.Eq(t, unix.SetNonblock(first.fd, true), error(unix.EBADF))
	for i := range 2 * mostMigrants {
		connect(fmt.Sprintf("127.0.1.%d", i))
	}
	check.Eq(t, len(s.migrants.open), mostMigrants)
	for _, m := range s.migrants.open {
		s.migrants.close(m)
	}
}
