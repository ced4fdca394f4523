package event_test

import (
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/event"
)

func listen(t testing.TB, a event.Address) int {
	t.Helper()
	fd, err := event.Listen(a, 16)
	check.NoErr(t, err)
	t.Cleanup(func() { unix.Close(fd) })
	return fd
}

// connect makes a non-blocking connection to a listening socket.
func connect(t testing.TB, listener int) int {
	t.Helper()
	sa, err := unix.Getsockname(listener)
	check.NoErr(t, err)
	family := unix.AF_INET
	switch sa.(type) {
	case *unix.SockaddrInet6:
		family = unix.AF_INET6
	case *unix.SockaddrUnix:
		family = unix.AF_UNIX
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	check.NoErr(t, err)
	check.NoErr(t, unix.Connect(fd, sa)) // done once it is in the backlog
	check.NoErr(t, unix.SetNonblock(fd, true))
	return fd
}

func TestParseBind(t *testing.T) {
	tests := []struct {
		name, bind string
		want       []event.Address
	}{
		{"nothing", "", nil},
		{"spaces", "  ", nil},
		{"default", "* -::*", []event.Address{
			{Network: event.TCP4, Host: "*"},
			{Network: event.TCP6, Host: "::*", Optional: true},
		}},
		{"three", "127.0.0.1 -::1  -10.0.0.7", []event.Address{
			{Network: event.TCP4, Host: "127.0.0.1"},
			{Network: event.TCP6, Host: "::1", Optional: true},
			{Network: event.TCP4, Host: "10.0.0.7", Optional: true},
		}},
		{"a name is left to the caller", "db.example.org", []event.Address{{Network: event.TCP4, Host: "db.example.org"}}},
		{"a zone", "fe80::1%lo", []event.Address{{Network: event.TCP6, Host: "fe80::1%lo"}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := event.ParseBind(tc.bind)
			check.NoErr(t, err)
			check.Eq(t, got, tc.want)
		})
	}
	_, err := event.ParseBind("127.0.0.1 -")
	check.ErrContains(t, err, `bind address "-": no address`)
	_, err = event.ParseBind("::1::2")
	check.ErrContains(t, err, `bind address "::1::2"`)
}

func TestListenAndAccept(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redisd.sock")
	tests := []struct {
		name    string
		address event.Address
	}{
		{"tcp4", event.Address{Network: event.TCP4, Host: "127.0.0.1", Port: event.AnyPort}},
		{"tcp4 all", event.Address{Network: event.TCP4, Host: "*", Port: event.AnyPort}},
		{"tcp4 by name", event.Address{Network: event.TCP4, Host: "localhost", Port: event.AnyPort}},
		{"tcp6", event.Address{Network: event.TCP6, Host: "::1", Port: event.AnyPort}},
		{"tcp6 all", event.Address{Network: event.TCP6, Host: "::*", Port: event.AnyPort}},
		{"unix", event.Address{Network: event.Unix, Path: path}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			l, _ := newLoop(t)
			fd, err := event.Listen(tc.address, 16)
			var le *event.ListenError
			if tc.address.Network == event.TCP6 && errors.As(err, &le) {
				tc.address.Optional = true
				le.Address.Optional = true
				check.True(t, le.Ignorable(), "no IPv6 here")
				t.Skip(err)
			}
			check.NoErr(t, err)
			defer unix.Close(fd)
			checkFlags(t, fd)
			_, _, errno := event.Accept(fd)
			check.Eq(t, errno, unix.EAGAIN)
			check.NoErr(t, l.Watch(fd, event.Readable, event.HandlerFunc(func(event.Events) {})))
			check.Eq(t, turn(t, l), 0)
			client := connect(t, fd)
			defer unix.Close(client)
			check.Eq(t, turn(t, l), 1)
			l.Unwatch(fd)

			nfd, peer, errno := event.Accept(fd)
			check.Eq(t, errno, unix.Errno(0))
			defer unix.Close(nfd)
			checkFlags(t, nfd)
			check.True(t, peer.Local(), "it comes from here")
			if tc.address.Network == event.Unix {
				check.Eq(t, peer.String(), "/unixsocket:0")
				check.Eq(t, event.SockName(nfd), path+":0")
			} else {
				check.Eq(t, peer.String(), event.SockName(client))
				check.Eq(t, peer.Addr.Addr().Is6(), tc.address.Network == event.TCP6)
				check.NoErr(t, event.SetNoDelay(nfd, true))
				check.NoErr(t, event.SetNoDelay(nfd, false))
			}
			send(t, client, "hello")
			var buf [8]byte
			n, _ := event.Read(nfd, buf[:])
			check.Eq(t, string(buf[:n]), "hello")
		})
	}
}

// checkFlags finds a socket that a child would inherit, or that could stop the loop.
func checkFlags(t *testing.T, fd int) {
	t.Helper()
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
	check.NoErr(t, err)
	check.True(t, flags&unix.O_NONBLOCK != 0, "non-blocking")
	flags, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	check.NoErr(t, err)
	check.True(t, flags&unix.FD_CLOEXEC != 0, "close-on-exec")
}

func TestPortZeroIsOff(t *testing.T) {
	fd, err := event.Listen(event.Address{Network: event.TCP4, Host: "127.0.0.1"}, 16)
	check.NoErr(t, err)
	check.Eq(t, fd, -1)
}

func portOf(t *testing.T, fd int) int {
	t.Helper()
	ap, err := netip.ParseAddrPort(event.SockName(fd))
	check.NoErr(t, err)
	return int(ap.Port())
}

func TestListenErrorsAreRedis(t *testing.T) {
	taken := portOf(t, listen(t, event.Address{Network: event.TCP4, Host: "127.0.0.1", Port: event.AnyPort}))
	tests := []struct {
		name      string
		address   event.Address
		want      string
		ignorable bool
	}{
		{
			"in use", event.Address{Network: event.TCP4, Host: "127.0.0.1", Port: taken, Optional: true},
			"Could not create server TCP listening socket 127.0.0.1:" + strconv.Itoa(taken) + ": bind: Address already in use", false,
		},
		{
			"not an address of this machine", event.Address{Network: event.TCP4, Host: "192.0.2.1", Port: 6379},
			"Could not create server TCP listening socket 192.0.2.1:6379: bind: Cannot assign requested address", false,
		},
		{
			"the same, optional", event.Address{Network: event.TCP4, Host: "192.0.2.1", Port: 6379, Optional: true},
			"Could not create server TCP listening socket 192.0.2.1:6379: bind: Cannot assign requested address", true,
		},
		{
			"a name", event.Address{Network: event.TCP4, Host: "db.example.org", Port: 6379, Optional: true},
			"Could not create server TCP listening socket db.example.org:6379: Name or service not known", false,
		},
		{
			"IPv6 on an IPv4 socket", event.Address{Network: event.TCP4, Host: "::1", Port: 6379},
			"Could not create server TCP listening socket ::1:6379: Name or service not known", false,
		},
		{
			"port out of range", event.Address{Network: event.TCP4, Host: "127.0.0.1", Port: 65536},
			"Could not create server TCP listening socket 127.0.0.1:65536: invalid port 65536", false,
		},
		{
			"no such network", event.Address{Network: "udp", Host: "127.0.0.1", Port: 1},
			`Could not create server TCP listening socket 127.0.0.1:1: unknown network "udp"`, false,
		},
		{
			"directory missing", event.Address{Network: event.Unix, Path: "/nonexistent/s", Optional: true},
			"Failed opening Unix socket: bind: No such file or directory", false,
		},
		{
			"path too long", event.Address{Network: event.Unix, Path: "/" + strings.Repeat("x", 107)},
			"Failed opening Unix socket: unix socket path too long (108), must be under 108", false,
		},
		{"no path", event.Address{Network: event.Unix}, "Failed opening Unix socket: no path", false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			fd, err := event.Listen(tc.address, 16)
			check.Eq(t, fd, -1)
			var le *event.ListenError
			check.True(t, errors.As(err, &le), "it is a *ListenError")
			check.Eq(t, err.Error(), tc.want)
			check.Eq(t, le.Address, tc.address)
			check.Eq(t, le.Ignorable(), tc.ignorable)
		})
	}
}

func TestMissingProtocolIsIgnorable(t *testing.T) {
	le := &event.ListenError{Address: event.Address{Network: event.TCP6, Host: "::1", Port: 1}, Op: "socket", Err: unix.EAFNOSUPPORT}
	check.True(t, le.Ignorable(), "even when not optional")
	check.Eq(t, le.Error(), "Could not create server TCP listening socket ::1:1: socket: Address family not supported by protocol")
	check.ErrIs(t, le, unix.EAFNOSUPPORT)
}

// A failed Listen must give its socket back: the next one gets the same number.
func TestFailedListenLeaksNothing(t *testing.T) {
	count := func() int {
		entries, err := os.ReadDir("/proc/self/fd")
		check.NoErr(t, err)
		return len(entries)
	}
	before := count()
	for range 10 {
		_, err := event.Listen(event.Address{Network: event.TCP4, Host: "192.0.2.1", Port: 6379}, 1)
		check.True(t, err != nil, "fails")
		_, err = event.Listen(event.Address{Network: event.Unix, Path: "/nonexistent/s"}, 1)
		check.True(t, err != nil, "fails")
	}
	check.Eq(t, count(), before)
}

func TestBothFamiliesOnOnePort(t *testing.T) {
	port := portOf(t, listen(t, event.Address{Network: event.TCP4, Host: "*", Port: event.AnyPort}))
	fd, err := event.Listen(event.Address{Network: event.TCP6, Host: "::*", Port: port}, 16)
	var le *event.ListenError
	if errors.As(err, &le) && le.Ignorable() {
		t.Skip(err)
	}
	check.NoErr(t, err)
	check.NoErr(t, unix.Close(fd))
}

func TestUnixSocketFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "s")
	a := event.Address{Network: event.Unix, Path: path, Perm: 0o770}
	first, err := event.Listen(a, 16)
	check.NoErr(t, err)
	info, err := os.Lstat(path)
	check.NoErr(t, err)
	check.Eq(t, info.Mode(), os.ModeSocket|0o770) // whatever the umask

	_, err = event.Listen(a, 16)
	check.ErrIs(t, err, unix.EADDRINUSE) // somebody listens
	check.NoErr(t, unix.Close(connect(t, first)))

	check.NoErr(t, unix.Close(first)) // as if killed: the file stays
	second, err := event.Listen(a, 16)
	check.NoErr(t, err)
	check.NoErr(t, unix.Close(connect(t, second)))
	check.NoErr(t, unix.Close(second))

	plain := filepath.Join(dir, "plain")
	check.NoErr(t, os.WriteFile(plain, []byte("precious"), 0o600))
	_, err = event.Listen(event.Address{Network: event.Unix, Path: plain}, 16)
	check.ErrIs(t, err, unix.EADDRINUSE)
	kept, err := os.ReadFile(plain)
	check.NoErr(t, err)
	check.Eq(t, string(kept), "precious")
}

func TestUnixSocketPathMayBeginWithAt(t *testing.T) {
	t.Chdir(t.TempDir())
	listen(t, event.Address{Network: event.Unix, Path: "@s"})
	_, err := os.Lstat("@s")
	check.NoErr(t, err)
}

func TestFromFD(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	tests := []struct {
		name    string
		address event.Address
	}{
		{"tcp4", event.Address{Network: event.TCP4, Host: "127.0.0.1", Port: event.AnyPort}},
		{"unix", event.Address{Network: event.Unix, Path: path}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			fd := listen(t, tc.address)
			check.NoErr(t, unix.SetNonblock(fd, false)) // as systemd passes it
			_, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, 0)
			check.NoErr(t, err)
			got, err := event.FromFD(fd)
			check.NoErr(t, err)
			checkFlags(t, fd)
			if tc.address.Network != event.Unix {
				tc.address.Port = portOf(t, fd)
			}
			check.Eq(t, got, tc.address)
		})
	}
	a, _ := pair(t)
	_, err := event.FromFD(a)
	check.ErrContains(t, err, "is not a listening stream socket")
	_, err = event.FromFD(100_000)
	check.ErrIs(t, err, unix.EBADF)
}

func TestSetKeepAlive(t *testing.T) {
	tests := []struct {
		name           string
		secs, interval int
	}{
		{"default", 300, 100},
		{"shorter than three probes", 2, 1},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			fd := connect(t, listen(t, event.Address{Network: event.TCP4, Host: "127.0.0.1", Port: event.AnyPort}))
			defer unix.Close(fd)
			check.NoErr(t, event.SetKeepAlive(fd, tc.secs))
			for _, o := range []struct{ level, opt, want int }{
				{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
				{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, tc.secs},
				{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, tc.interval},
				{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, 3},
			} {
				got, err := unix.GetsockoptInt(fd, o.level, o.opt)
				check.NoErr(t, err)
				check.Eq(t, got, o.want)
			}
		})
	}
	check.ErrIs(t, event.SetKeepAlive(-1, 1), unix.EBADF)
	check.ErrIs(t, event.SetNoDelay(-1, true), unix.EBADF)
}

func TestPeer(t *testing.T) {
	tests := []struct {
		name  string
		peer  event.Peer
		local bool
		want  string
	}{
		{"nobody", event.Peer{}, false, "?:0"},
		{"unix", event.Peer{Unix: true}, true, "/unixsocket:0"},
		{"IPv4", event.Peer{Addr: netip.MustParseAddrPort("192.0.2.1:80")}, false, "192.0.2.1:80"},
		{"IPv4 loopback", event.Peer{Addr: netip.MustParseAddrPort("127.9.9.9:80")}, true, "127.9.9.9:80"},
		{"IPv6", event.Peer{Addr: netip.MustParseAddrPort("[2001:db8::1]:80")}, false, "[2001:db8::1]:80"},
		{"IPv6 loopback", event.Peer{Addr: netip.MustParseAddrPort("[::1]:80")}, true, "[::1]:80"},
		{"IPv4 in IPv6", event.Peer{Addr: netip.MustParseAddrPort("[::ffff:127.0.0.1]:80")}, true, "[::ffff:127.0.0.1]:80"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			check.Eq(t, tc.peer.Local(), tc.local)
			check.Eq(t, tc.peer.String(), tc.want)
		})
	}
	check.Eq(t, event.SockName(-1), "?:0")
}
