package proc

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// Pipes between the daemon and a child, as bare descriptors: the loop watches
// its end itself.

// PipeMode says which ends of a pipe do not block.
type PipeMode uint8

// The daemon's end does not block, the child's does: the mode belongs to the end,
// not to the process, so it must be right before the end is handed over.
const (
	NonblockRead PipeMode = 1 << iota
	NonblockWrite
)

// Pipe makes a pipe whose ends are close-on-exec.
func Pipe(mode PipeMode) (r, w int, err error) {
	var fds [2]int
	if err := unix.Pipe2(fds[:], unix.O_CLOEXEC); err != nil {
		return -1, -1, fmt.Errorf("proc: pipe: %w", err)
	}
	for i, bit := range [2]PipeMode{NonblockRead, NonblockWrite} {
		if mode&bit == 0 {
			continue
		}
		if err := unix.SetNonblock(fds[i], true); err != nil {
			unix.Close(fds[0])
			unix.Close(fds[1])
			return -1, -1, fmt.Errorf("proc: pipe: %w", err)
		}
	}
	return fds[0], fds[1], nil
}

// SetPipeSize asks for room of n bytes in a pipe and returns what it has now. The
// kernel rounds up to a power of two pages; without privilege it refuses more
// than /proc/sys/fs/pipe-max-size (1 MB), then the pipe keeps its size.
func SetPipeSize(fd, n int) (int, error) {
	// fcntl takes the size as 32 bits and would silently cut a larger one.
	n = min(n, math.MaxUint32)
	got, err := unix.FcntlInt(uintptr(fd), unix.F_SETPIPE_SZ, n)
	if err == nil {
		return got, nil
	}
	now, e := unix.FcntlInt(uintptr(fd), unix.F_GETPIPE_SZ, 0)
	if e != nil {
		return 0, fmt.Errorf("proc: pipe size: %w", e)
	}
	return now, fmt.Errorf("proc: pipe size %d: %w", n, err)
}

// PipeUnread is the number of bytes in a pipe that its reader has not taken. Either
// end may be asked.
func PipeUnread(fd int) (int, error) {
	n, err := unix.IoctlGetInt(fd, unix.TIOCINQ)
	if err != nil {
		return 0, fmt.Errorf("proc: bytes in a pipe: %w", err)
	}
	return n, nil
}
