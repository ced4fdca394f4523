package event

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Here: accepted connections, who is at their ends, and their options.

// Peer is one end of a connection. It holds no memory of its own.
type Peer struct {
	Addr netip.AddrPort // of a TCP connection; invalid otherwise
	Unix bool           // a Unix socket, whose clients have no address
}

// String is ip:port, with brackets around IPv6, "/unixsocket:0" for Unix sockets, or
// "?:0" when unknown, as Redis shows them.
func (p Peer) String() string {
	switch {
	case p.Unix:
		return "/unixsocket:0"
	case p.Addr.IsValid():
		return p.Addr.String()
	}
	return "?:0"
}

// Local tells whether the peer is on this machine: a Unix socket or a loopback
// address, IPv4 inside of IPv6 included.
func (p Peer) Local() bool { return p.Unix || p.Addr.Addr().Unmap().IsLoopback() }

// Accept takes one connection of a listening socket, non-blocking and close-on-exec.
// errno is EAGAIN when there is none left. ECONNABORTED, EPROTO and the network errors
// of accept(2) concern that connection alone, so go on; after EMFILE, ENFILE, ENOBUFS
// or ENOMEM the connection stays in the queue and the listener stays readable.
func Accept(fd int) (nfd int, peer Peer, errno unix.Errno) {
	var sa unix.RawSockaddrAny
	nfd, errno = accept4(fd, &sa)
	if errno != 0 {
		return -1, Peer{}, errno
	}
	return nfd, peerOf(&sa), 0
}

func peerOf(sa *unix.RawSockaddrAny) Peer {
	switch sa.Addr.Family {
	case unix.AF_INET:
		in := (*unix.RawSockaddrInet4)(unsafe.Pointer(sa))
		return Peer{Addr: netip.AddrPortFrom(netip.AddrFrom4(in.Addr), networkOrder(&in.Port))}
	case unix.AF_INET6:
		in := (*unix.RawSockaddrInet6)(unsafe.Pointer(sa))
		return Peer{Addr: netip.AddrPortFrom(netip.AddrFrom16(in.Addr), networkOrder(&in.Port))}
	case unix.AF_UNIX:
		return Peer{Unix: true}
	}
	return Peer{}
}

// networkOrder reads a port as it lies in a sockaddr.
func networkOrder(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}

// SockName is the local end of a connection or a listening socket as Redis shows it:
// ip:port, for Unix sockets the path with port 0, "?:0" if it is gone.
func SockName(fd int) string {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return "?:0"
	}
	return endName(sa)
}

func endName(sa unix.Sockaddr) string {
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)).String()
	case *unix.SockaddrUnix:
		if sa.Name == "" {
			return "/unixsocket:0"
		}
		return sa.Name + ":0"
	}
	return "?:0"
}

// keepAliveProbes is how many unanswered probes end a connection.
const keepAliveProbes = 3

// SetKeepAlive makes the kernel probe a silent TCP peer after secs seconds, and give
// up after three more thirds of that; the kernel's own default is two hours. secs must
// be positive.
func SetKeepAlive(fd, secs int) error {
	for _, o := range [...]struct{ level, opt, val int }{
		{unix.SOL_SOCKET, unix.SO_KEEPALIVE, 1},
		{unix.IPPROTO_TCP, unix.TCP_KEEPIDLE, secs},
		{unix.IPPROTO_TCP, unix.TCP_KEEPINTVL, max(secs/keepAliveProbes, 1)},
		{unix.IPPROTO_TCP, unix.TCP_KEEPCNT, keepAliveProbes},
	} {
		if err := unix.SetsockoptInt(fd, o.level, o.opt, o.val); err != nil {
			return fmt.Errorf("event: keepalive of fd %d: %w", fd, err)
		}
	}
	return nil
}

// SetNoDelay turns Nagle's algorithm off, or on again: replies leave at once.
func SetNoDelay(fd int, on bool) error {
	val := 0
	if on {
		val = 1
	}
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, val); err != nil {
		return fmt.Errorf("event: nodelay of fd %d: %w", fd, err)
	}
	return nil
}
