package event

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Here: the system calls of the hot path, made without the scheduler. None of them
// blocks on a non-blocking descriptor. An errno is returned as a value: 0 is
// success, and EAGAIN is no reason to allocate.

// Read reads into p. n is 0 with errno 0 at the end of the stream.
func Read(fd int, p []byte) (n int, errno unix.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	for {
		r, _, e := syscall.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if e == 0 {
			return int(r), 0
		}
		if e != unix.EINTR {
			return 0, e
		}
	}
}

// Write writes p, or a part of it, and returns how much. A broken connection is
// EPIPE; the signal is ignored by the Go runtime.
func Write(fd int, p []byte) (n int, errno unix.Errno) {
	if len(p) == 0 {
		return 0, 0
	}
	for {
		r, _, e := syscall.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		if e == 0 {
			return int(r), 0
		}
		if e != unix.EINTR {
			return 0, e
		}
	}
}

// Close closes a descriptor that is not watched any more. An error is not to be
// retried: the number is free in any case. Not for files: their close may wait for
// the disk.
func Close(fd int) unix.Errno {
	_, _, e := syscall.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return e
}

// accept4 takes a connection, with its peer's raw address in sa.
func accept4(fd int, sa *unix.RawSockaddrAny) (nfd int, errno unix.Errno) {
	for {
		size := uint32(unix.SizeofSockaddrAny)
		r, _, e := syscall.RawSyscall6(unix.SYS_ACCEPT4, uintptr(fd), uintptr(unsafe.Pointer(sa)),
			uintptr(unsafe.Pointer(&size)), unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0, 0)
		if e == 0 {
			return int(r), 0
		}
		if e != unix.EINTR {
			return -1, e
		}
	}
}

// epollNow polls without sleeping. epoll_pwait without a mask is epoll_wait, and
// unlike that one it exists on every architecture.
func epollNow(epfd int, buf []unix.EpollEvent) (int, unix.Errno) {
	r, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), 0, 0, 0)
	return count(r, e)
}

// epollHold polls for at most timeoutMs, which must be small: the scheduler is not told,
// and this thread keeps its processor.
func epollHold(epfd int, buf []unix.EpollEvent, timeoutMs int) (int, unix.Errno) {
	r, _, e := syscall.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), uintptr(timeoutMs), 0, 0)
	return count(r, e)
}

// epollSleep polls for at most timeoutMs, -1 without end. The scheduler is told, so
// that the processor can run other goroutines meanwhile.
func epollSleep(epfd int, buf []unix.EpollEvent, timeoutMs int) (int, unix.Errno) {
	r, _, e := syscall.Syscall6(unix.SYS_EPOLL_PWAIT, uintptr(epfd),
		uintptr(unsafe.Pointer(unsafe.SliceData(buf))), uintptr(len(buf)), uintptr(timeoutMs), 0, 0)
	return count(r, e)
}

func count(r uintptr, e unix.Errno) (int, unix.Errno) {
	if e != 0 {
		return 0, e
	}
	return int(r), 0
}
