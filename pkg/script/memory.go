package script

import (
	"golang.org/x/sys/unix"

	"github.com/tetratelabs/wazero/experimental"
)

// mapping is an interpreter's memory: addresses that are reserved at once and used
// as it grows, so that it never moves and the Go heap never sees it.
type mapping struct{ all []byte }

// mapMemory is wazero's allocator. It gives nil, which fails the instance, when the
// system has no room.
func mapMemory(_, most uint64) experimental.LinearMemory {
	all, err := unix.Mmap(-1, 0, int(most), unix.PROT_NONE, unix.MAP_PRIVATE|unix.MAP_ANON|unix.MAP_NORESERVE)
	if err != nil {
		return &mapping{}
	}
	return &mapping{all}
}

// Reallocate implements experimental.LinearMemory.
func (m *mapping) Reallocate(size uint64) []byte {
	if size > uint64(len(m.all)) {
		return nil
	}
	if err := unix.Mprotect(m.all[:size], unix.PROT_READ|unix.PROT_WRITE); err != nil {
		return nil
	}
	return m.all[:size:size]
}

// Free implements experimental.LinearMemory.
func (m *mapping) Free() {
	if m.all != nil {
		// Nothing can be done about an error: the address range stays taken.
		_ = unix.Munmap(m.all)
		m.all = nil
	}
}
