package event

import (
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Here: listening. Names are not resolved: that may block, and it would need the
// net package; cmd replaces them by addresses before.

// AnyPort as an Address's Port lets the kernel choose; SockName tells which.
const AnyPort = -1

// Networks of an Address.
const (
	TCP4 = "tcp4"
	TCP6 = "tcp6"
	Unix = "unix"
)

// Address is where to listen.
type Address struct {
	Network string // TCP4, TCP6 or Unix
	// Host is an IP, "localhost", or for all addresses "*" or "" (TCP4), "::*", "*"
	// or "" (TCP6). IPv6 may have a zone.
	Host string
	Port int    // 0: not listening at all; AnyPort: the kernel chooses
	Path string // Unix: the socket file
	Perm uint32 // Unix: mode of the file, 0 leaves it to the umask
	// Optional: the host may lack the address; see ListenError.Ignorable.
	Optional bool
}

// String is host:port, without brackets, as Redis prints it in its log; or the path.
func (a Address) String() string {
	if a.Network == Unix {
		return a.Path
	}
	return a.Host + ":" + strconv.Itoa(max(a.Port, 0))
}

// ListenError tells what could not be listened on, in Redis's words.
type ListenError struct {
	Address Address
	Op      string // the system call: "bind", "listen"...; "" when there was none
	Err     error  // an Errno, or what is wrong with the address
}

// Error is the line that Redis logs.
func (e *ListenError) Error() string {
	text := errorText(e.Err)
	if e.Op != "" {
		text = e.Op + ": " + text
	}
	if e.Address.Network == Unix {
		return "Failed opening Unix socket: " + text
	}
	return "Could not create server TCP listening socket " + e.Address.String() + ": " + text
}

// Unwrap returns Err.
func (e *ListenError) Unwrap() error { return e.Err }

// Ignorable tells whether the daemon may go on without this address, as Redis does:
// the machine lacks the protocol, or it lacks an optional address. It must still
// listen somewhere.
func (e *ListenError) Ignorable() bool {
	var errno unix.Errno
	if e.Address.Network == Unix || !errors.As(e.Err, &errno) {
		return false
	}
	switch errno {
	case unix.EADDRNOTAVAIL:
		return e.Address.Optional
	case unix.ENOPROTOOPT, unix.EPROTONOSUPPORT, unix.ESOCKTNOSUPPORT, unix.EPFNOSUPPORT, unix.EAFNOSUPPORT:
		return true
	}
	return false
}

// ParseBind splits the value of the bind directive, such as "127.0.0.1 -::1 *". A
// word with a colon is IPv6, a leading - makes it Optional, * stands for all IPv4 and
// ::* for all IPv6 addresses. The Port is for the caller to fill. No words, no
// addresses. Host names are kept as they are; Listen refuses them.
func ParseBind(bind string) ([]Address, error) {
	var all []Address
	for _, word := range strings.Fields(bind) {
		host, optional := strings.CutPrefix(word, "-")
		if host == "" {
			return nil, fmt.Errorf("event: bind address %q: no address", word)
		}
		a := Address{Network: TCP4, Host: host, Optional: optional}
		if strings.Contains(host, ":") {
			a.Network = TCP6
			if _, err := a.ip(); err != nil {
				return nil, fmt.Errorf("event: bind address %q: %w", word, err)
			}
		}
		all = append(all, a)
	}
	return all, nil
}

// hostError is why a host has no address, in the words of gai_strerror(3).
type hostError string

// Error returns the words.
func (e hostError) Error() string { return string(e) }

const errUnknownHost hostError = "Name or service not known"

// ip returns the address to bind.
func (a Address) ip() (netip.Addr, error) {
	v6 := a.Network == TCP6
	switch a.Host {
	case "", "*", "::*":
		if v6 {
			return netip.IPv6Unspecified(), nil
		}
		if a.Host == "::*" {
			return netip.Addr{}, errUnknownHost
		}
		return netip.IPv4Unspecified(), nil
	case "localhost":
		if v6 {
			return netip.IPv6Loopback(), nil
		}
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), nil
	}
	ip, err := netip.ParseAddr(a.Host)
	if err != nil || ip.Is6() != v6 {
		return netip.Addr{}, errUnknownHost
	}
	return ip, nil
}

// Listen opens a non-blocking, close-on-exec listening socket with the given backlog
// (the kernel caps it at net.core.somaxconn). For Port 0 it opens nothing and returns
// -1 without an error. IPv6 sockets do not take IPv4 connections. A Unix socket file
// that nobody listens on is replaced. Errors are of type *ListenError.
func Listen(a Address, backlog int) (fd int, err error) {
	switch {
	case a.Network == Unix:
		fd, err = listenUnix(a, backlog)
	case a.Network != TCP4 && a.Network != TCP6:
		return -1, &ListenError{Address: a, Err: fmt.Errorf("unknown network %q", a.Network)}
	case a.Port == 0:
		return -1, nil
	case a.Port != AnyPort && (a.Port < 0 || a.Port > 65535):
		return -1, &ListenError{Address: a, Err: fmt.Errorf("invalid port %d", a.Port)}
	default:
		fd, err = listenTCP(a, backlog)
	}
	if err != nil {
		var le *ListenError
		if errors.As(err, &le) {
			le.Address = a
		}
		return -1, err
	}
	return fd, nil
}

func listenTCP(a Address, backlog int) (int, error) {
	ip, err := a.ip()
	if err != nil {
		return -1, &ListenError{Err: err}
	}
	family := unix.AF_INET
	if a.Network == TCP6 {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, &ListenError{Op: "socket", Err: err}
	}
	if family == unix.AF_INET6 {
		// Without this, *:6379 and :::6379 would collide.
		if err := unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_V6ONLY, 1); err != nil {
			return closing(fd, "setsockopt", err)
		}
	}
	// A restart must not wait until the connections of the last run leave TIME_WAIT.
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
		return closing(fd, "setsockopt SO_REUSEADDR", err)
	}
	sa, err := sockaddr(fd, ip, max(a.Port, 0))
	if err != nil {
		return closing(fd, "bind", err)
	}
	if err := unix.Bind(fd, sa); err != nil {
		return closing(fd, "bind", err)
	}
	if err := unix.Listen(fd, backlog); err != nil {
		return closing(fd, "listen", err)
	}
	return fd, nil
}

// closing is the clean-up path of the functions that open a socket.
func closing(fd int, op string, err error) (int, error) {
	unix.Close(fd)
	return -1, &ListenError{Op: op, Err: err}
}

func sockaddr(fd int, ip netip.Addr, port int) (unix.Sockaddr, error) {
	if ip.Is4() {
		return &unix.SockaddrInet4{Port: port, Addr: ip.As4()}, nil
	}
	sa := &unix.SockaddrInet6{Port: port, Addr: ip.As16()}
	if zone := ip.Zone(); zone != "" {
		if n, err := strconv.ParseUint(zone, 10, 32); err == nil {
			sa.ZoneId = uint32(n)
			return sa, nil
		}
		ifr, err := unix.NewIfreq(zone)
		if err != nil {
			return nil, err
		}
		if err := unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, ifr); err != nil {
			return nil, err
		}
		sa.ZoneId = ifr.Uint32()
	}
	return sa, nil
}

// maxUnixPath is sizeof(sun_path), which includes the final zero.
const maxUnixPath = 108

func listenUnix(a Address, backlog int) (int, error) {
	path := a.Path
	if path == "" {
		return -1, &ListenError{Err: errors.New("no path")}
	}
	if path[0] == '@' { // x/sys would make it an abstract socket
		path = "./" + path
	}
	if len(path) >= maxUnixPath {
		return -1, &ListenError{Err: fmt.Errorf("unix socket path too long (%d), must be under %d", len(path), maxUnixPath)}
	}
	removeStale(path)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, &ListenError{Op: "socket", Err: err}
	}
	if a.Perm != 0 {
		// The file is created with the mode of the socket, less the umask: it is at no
		// moment wider open than asked for.
		if err := unix.Fchmod(fd, a.Perm); err != nil {
			return closing(fd, "fchmod", err)
		}
	}
	if err := unix.Bind(fd, &unix.SockaddrUnix{Name: path}); err != nil {
		return closing(fd, "bind", err)
	}
	if a.Perm != 0 {
		if err := unix.Chmod(path, a.Perm); err != nil { // gives what the umask took
			unix.Unlink(path)
			return closing(fd, "chmod", err)
		}
	}
	if err := unix.Listen(fd, backlog); err != nil {
		unix.Unlink(path)
		return closing(fd, "listen", err)
	}
	return fd, nil
}

// removeStale removes the socket file that a killed daemon left. A socket that
// answers belongs to a living process, and another kind of file to the user: they
// stay, and bind then reports that the address is in use.
func removeStale(path string) {
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFSOCK {
		return
	}
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return
	}
	defer unix.Close(fd)
	if err := unix.Connect(fd, &unix.SockaddrUnix{Name: path}); errors.Is(err, unix.ECONNREFUSED) {
		unix.Unlink(path)
	}
}

// FromFD takes over a listening socket that the process was started with (systemd
// passes them from number 3 on): it makes it non-blocking and close-on-exec, and tells
// where it listens.
func FromFD(fd int) (Address, error) {
	kind, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TYPE)
	if err != nil {
		return Address{}, fmt.Errorf("event: fd %d: %w", fd, err)
	}
	listening, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ACCEPTCONN)
	if err != nil {
		return Address{}, fmt.Errorf("event: fd %d: %w", fd, err)
	}
	if kind != unix.SOCK_STREAM || listening == 0 {
		return Address{}, fmt.Errorf("event: fd %d is not a listening stream socket", fd)
	}
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return Address{}, fmt.Errorf("event: fd %d: getsockname: %w", fd, err)
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return Address{}, fmt.Errorf("event: fd %d: %w", fd, err)
	}
	unix.CloseOnExec(fd)
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return Address{Network: TCP4, Host: netip.AddrFrom4(sa.Addr).String(), Port: sa.Port}, nil
	case *unix.SockaddrInet6:
		return Address{Network: TCP6, Host: netip.AddrFrom16(sa.Addr).String(), Port: sa.Port}, nil
	case *unix.SockaddrUnix:
		return Address{Network: Unix, Path: sa.Name}, nil
	}
	return Address{}, fmt.Errorf("event: fd %d: %w", fd, unix.EAFNOSUPPORT)
}
