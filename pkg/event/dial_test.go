package event_test

import (
	"bytes"
	"io"
	"net"
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/event"
)

// listener is a TCP listener that accepts nothing by itself.
func listener(t *testing.T, network, address string) (net.Listener, netip.AddrPort) {
	l, err := net.Listen(network, address)
	check.NoErr(t, err)
	t.Cleanup(func() { l.Close() })
	return l, l.Addr().(*net.TCPAddr).AddrPort()
}

func TestDialAndTalk(t *testing.T) {
	l, to := listener(t, "tcp4", "127.0.0.1:0")
	fd, errno := event.Dial(to, 5000)
	check.Eq(t, errno, 0)
	defer event.Close(fd)
	far, err := l.Accept()
	check.NoErr(t, err)
	defer far.Close()

	// More than the socket's buffers take, so that writing has to wait.
	big := bytes.Repeat([]byte("0123456789abcdef"), 1<<20)
	got := make(chan []byte)
	go func() {
		b := make([]byte, len(big))
		_, _ = io.ReadFull(far, b)
		got <- b
	}()
	check.Eq(t, event.WriteAll(fd, big, 20_000), 0)
	check.True(t, bytes.Equal(<-got, big), "all of it arrives")

	check.Eq(t, event.Await(fd, false, 0), unix.ETIMEDOUT)
	_, err = far.Write([]byte("x"))
	check.NoErr(t, err)
	check.Eq(t, event.Await(fd, false, 5000), 0)
	var b [4]byte
	n, errno := event.Read(fd, b[:])
	check.Eq(t, n, 1)
	check.Eq(t, errno, 0)
	far.Close()
	check.Eq(t, event.Await(fd, false, 5000), 0)
	n, errno = event.Read(fd, b[:])
	check.Eq(t, n, 0)
	check.Eq(t, errno, 0)
}

func TestDialRefused(t *testing.T) {
	l, to := listener(t, "tcp4", "127.0.0.1:0")
	l.Close()
	_, errno := event.Dial(to, 5000)
	check.Eq(t, errno, unix.ECONNREFUSED)
}

func TestDialTimesOut(t *testing.T) {
	// A listener whose queue is full does not answer.
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	check.NoErr(t, err)
	defer unix.Close(fd)
	check.NoErr(t, unix.Bind(fd, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}))
	check.NoErr(t, unix.Listen(fd, 0))
	sa, err := unix.Getsockname(fd)
	check.NoErr(t, err)
	to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(sa.(*unix.SockaddrInet4).Port))
	for range 10 {
		var nfd int
		var errno unix.Errno
		if nfd, errno = event.Dial(to, 20); errno != 0 {
			check.Eq(t, errno, unix.ETIMEDOUT)
			return
		}
		defer event.Close(nfd)
	}
	t.Fatal("the queue never fills")
}

func TestWriteAllTimesOut(t *testing.T) {
	l, to := listener(t, "tcp4", "127.0.0.1:0")
	fd, errno := event.Dial(to, 5000)
	check.Eq(t, errno, 0)
	defer event.Close(fd)
	far, err := l.Accept() // and never reads
	check.NoErr(t, err)
	defer far.Close()
	check.Eq(t, event.WriteAll(fd, make([]byte, 64<<20), 20), unix.ETIMEDOUT)
}
