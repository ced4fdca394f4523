// The system calls of the arena: reserve, commit, give back, huge pages. Nothing here knows about chunks or blocks.

package mem

import (
	"errors"
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

const (
	// DefaultReserve is the address range that New asks for when Config.Reserve is 0: 4 TiB, in bytes. It costs page
	// tables only where it is touched.
	DefaultReserve = 4 << 40

	// maxReserve keeps Ref>>3 within five bytes.
	maxReserve = 1 << 43

	// minReserve is where halving stops: less would not hold an empty daemon's tables.
	minReserve = 32 << 20
)

// reserve maps size bytes that cannot be touched yet. The mapping counts against RLIMIT_AS at once and against nothing
// else.
func reserve(size uint64) (unsafe.Pointer, error) {
	p, err := unix.MmapPtr(-1, 0, nil, uintptr(size), unix.PROT_NONE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("mem: reserve %d bytes: %w", size, err)
	}
	return p, nil
}

// unreserve gives a mapping of reserve back.
func unreserve(p unsafe.Pointer, size uint64) error {
	if p == nil {
		return nil
	}
	if err := unix.MunmapPtr(p, uintptr(size)); err != nil {
		return fmt.Errorf("mem: unmap %d bytes: %w", size, err)
	}
	return nil
}

// commit makes n reserved bytes readable and writable. It fails under strict overcommit, RLIMIT_DATA, or when the
// process has too many mappings.
func commit(p unsafe.Pointer, n uint64) error {
	return unix.Mprotect(unsafe.Slice((*byte)(p), n), unix.PROT_READ|unix.PROT_WRITE)
}

// giveBack drops the pages of n bytes at p: they read as zero afterwards. Any goroutine may call it on pages that no
// block uses.
func giveBack(p unsafe.Pointer, n uint64) {
	b := unsafe.Slice((*byte)(p), n)
	for {
		err := unix.Madvise(b, unix.MADV_DONTNEED)
		if err == nil {
			return
		}
		if !errors.Is(err, unix.EAGAIN) && !errors.Is(err, unix.EINTR) {
			break
		}
	}
	// Locked pages (mlockall) cannot be dropped. They must read as zero all the same.
	clear(b)
}

// populate brings the pages of n bytes at p in and leaves what they hold alone; false when the kernel cannot. Any
// goroutine may call it.
func populate(p unsafe.Pointer, n uint64) bool {
	return unix.Madvise(unsafe.Slice((*byte)(p), n), unix.MADV_POPULATE_WRITE) == nil
}

// adviseHuge switches huge pages on or off for n bytes at p. It is advice: a kernel without huge pages refuses it.
func adviseHuge(p unsafe.Pointer, n uint64, on bool) {
	advice := unix.MADV_NOHUGEPAGE
	if on {
		advice = unix.MADV_HUGEPAGE
	}
	_ = unix.Madvise(unsafe.Slice((*byte)(p), n), advice)
}

// addressLimit returns how much of the address space one arena may reserve. Under RLIMIT_AS half of it is left to the
// Go runtime, which dies when it cannot map.
func addressLimit() uint64 {
	var lim unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_AS, &lim); err != nil || lim.Cur == unix.RLIM_INFINITY {
		return maxReserve
	}
	return lim.Cur / 2
}
