package event

import (
	"errors"
	"math"
	"net/netip"

	"golang.org/x/sys/unix"

	"redisd/internal/clock"
)

// Here: connections to other servers, for a caller who waits. All of it blocks the
// goroutine up to a limit that the caller gives; the scheduler is told.

// Dial opens a TCP connection, non-blocking and close-on-exec, in at most timeoutMs
// milliseconds. errno is ETIMEDOUT when that is not enough.
func Dial(to netip.AddrPort, timeoutMs int64) (fd int, errno unix.Errno) {
	family := unix.AF_INET
	if to.Addr().Is6() {
		family = unix.AF_INET6
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, asErrno(err)
	}
	sa, err := sockaddr(fd, to.Addr(), int(to.Port()))
	if err == nil {
		err = unix.Connect(fd, sa)
	}
	if errors.Is(err, unix.EINPROGRESS) {
		if errno := Await(fd, true, timeoutMs); errno != 0 {
			Close(fd)
			return -1, errno
		}
		var result int
		if result, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err == nil && result != 0 {
			err = unix.Errno(result)
		}
	}
	if err != nil {
		Close(fd)
		return -1, asErrno(err)
	}
	return fd, 0
}

// asErrno is the errno in err; errors without one are of addresses.
func asErrno(err error) unix.Errno {
	var errno unix.Errno
	if errors.As(err, &errno) {
		return errno
	}
	return unix.EADDRNOTAVAIL
}

// Await waits until a descriptor may be read, or with write set, written, for at most
// timeoutMs milliseconds; errno is ETIMEDOUT then. Errors and hangups of the
// connection count as may be: the read or write tells.
func Await(fd int, write bool, timeoutMs int64) unix.Errno {
	watch := clock.NewStopwatch()
	set := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
	if write {
		set[0].Events = unix.POLLOUT
	}
	for {
		left := max(timeoutMs-watch.Micros()/1000, 0)
		n, err := unix.Poll(set, int(min(left, math.MaxInt32)))
		switch {
		case err == nil && n > 0:
			return 0
		case err == nil && left <= math.MaxInt32:
			return unix.ETIMEDOUT
		case err != nil && !errors.Is(err, unix.EINTR):
			return asErrno(err)
		}
	}
}

// WriteAll writes all of p, waiting where that is needed, in at most timeoutMs
// milliseconds.
func WriteAll(fd int, p []byte, timeoutMs int64) unix.Errno {
	watch := clock.NewStopwatch()
	for {
		n, errno := Write(fd, p)
		p = p[n:]
		switch {
		case errno != 0 && errno != unix.EAGAIN:
			return errno
		case len(p) == 0:
			return 0
		}
		if errno := Await(fd, true, timeoutMs-watch.Micros()/1000); errno != 0 {
			return errno
		}
	}
}
