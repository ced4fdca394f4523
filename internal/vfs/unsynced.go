package vfs

import (
	"os"

	"golang.org/x/sys/unix"
)

// Unsynced is the number of bytes of an open file that are in memory and not on the
// disk yet: it shrinks while a Sync makes progress. ok is false when the system does
// not tell (before Linux 6.5, or not the system's file). Any goroutine may ask while
// another one is in Sync or Write, not in Close.
func Unsynced(f File) (bytes int64, ok bool) {
	if f.Fd() < 0 {
		return 0, false
	}
	var stat unix.Cachestat_t
	whole := unix.CachestatRange{} // a length of 0 is up to the end
	if err := unix.Cachestat(uint(f.Fd()), &whole, &stat, 0); err != nil {
		return 0, false
	}
	return int64(stat.Dirty+stat.Writeback) * int64(os.Getpagesize()), true
}
