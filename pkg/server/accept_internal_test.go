package server

import (
	"net"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/config"
	"redisd/pkg/event"
)

// nextFD is the number that the next descriptor will have.
func nextFD(t *testing.T) int {
	t.Helper()
	fd, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	check.NoErr(t, err)
	check.NoErr(t, unix.Close(fd))
	return fd
}

func sockets(t *testing.T) int {
	t.Helper()
	n := 0
	entries, err := os.ReadDir("/proc/self/fd")
	check.NoErr(t, err)
	for _, e := range entries {
		fd, _ := strconv.Atoi(e.Name())
		if _, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE); err == nil {
			n++
		}
	}
	return n
}

// TestBindGoesBack: when one of the new sockets cannot be watched, none of them stays open
// and the addresses from before are listened on again.
func TestBindGoesBack(t *testing.T) {
	free, err := net.Listen("tcp", "127.0.0.1:0")
	check.NoErr(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	check.NoErr(t, free.Close())
	b := newBench(t)
	s := b.s
	check.NoErr(t, s.cfg.Override(config.Port, strconv.Itoa(port)))
	check.NoErr(t, s.cfg.Override(config.Bind, "127.0.0.1"))
	check.NoErr(t, s.listenTCP(false))
	t.Cleanup(s.closeListeners)
	before := sockets(t)

	check.NoErr(t, s.cfg.Override(config.Bind, "127.0.0.2 127.0.0.3 127.0.0.4"))
	// The first socket will get the number of the one that is closed before, the second
	// the next free one: it is taken among the watchers.
	taken := nextFD(t)
	check.NoErr(t, s.loop.Watch(taken, 0, event.HandlerFunc(func(event.Events) {})))
	check.Eq(t, s.relisten(false), false)
	check.Eq(t, len(s.listeners), 1)
	check.Eq(t, s.listeners[0].addr.Host, "127.0.0.1")
	check.Eq(t, sockets(t), before)

	s.loop.Unwatch(taken)
	check.Eq(t, s.relisten(false), true)
	check.Eq(t, len(s.listeners), 3)
	check.Eq(t, sockets(t), before+2)
}
