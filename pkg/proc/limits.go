package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Limits and marks of the process that the kernel keeps.

const oomFile = "/proc/self/oom_score_adj"

// OOMScoreAdj reads how much the OOM killer prefers (positive) or spares
// (negative) the process, -1000 to 1000.
func OOMScoreAdj() (int, error) {
	b, err := os.ReadFile(oomFile)
	if err != nil {
		return 0, fmt.Errorf("proc: read OOM score: %w", err)
	}
	n, err := strconv.Atoi(string(bytes.TrimSpace(b)))
	if err != nil {
		return 0, fmt.Errorf("proc: %s: %w", oomFile, err)
	}
	return n, nil
}

// SetOOMScoreAdj writes it; values outside -1000 to 1000 are clamped. Going below
// the lowest value set so far needs CAP_SYS_RESOURCE.
func SetOOMScoreAdj(n int) error {
	n = min(max(n, -1000), 1000)
	f, err := os.OpenFile(oomFile, os.O_WRONLY, 0)
	if err != nil {
		return fmt.Errorf("proc: set OOM score: %w", err)
	}
	_, err = f.WriteString(strconv.Itoa(n) + "\n")
	f.Close()
	if err != nil {
		return fmt.Errorf("proc: set OOM score %d: %w", n, err)
	}
	return nil
}

// RaiseNoFile makes room for n open descriptors and returns the limit that holds
// now: at least n, or less together with the system's reason. It never lowers
// the limit. (The Go runtime has raised the soft limit to the hard one already;
// what is left is the hard one, which needs privilege.)
func RaiseNoFile(n int) (int, error) {
	var have unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &have); err != nil {
		return 0, fmt.Errorf("proc: read the limit of open files: %w", err)
	}
	want := uint64(max(n, 0))
	if have.Cur >= want {
		return clampInt(have.Cur), nil
	}
	err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: want, Max: max(want, have.Max)})
	if err == nil {
		return n, nil
	}
	for _, next := range []uint64{nrOpen(), have.Max} {
		if next <= have.Cur || next >= want {
			continue
		}
		if unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: next, Max: max(next, have.Max)}) == nil {
			have.Cur = next
			break
		}
	}
	return clampInt(have.Cur), fmt.Errorf("proc: limit of open files %d: %w", n, err)
}

func clampInt(n uint64) int {
	const maxInt = int(^uint(0) >> 1)
	if n > uint64(maxInt) { // RLIM_INFINITY
		return maxInt
	}
	return int(n)
}

// nrOpen is the most that even a privileged process may ask for.
func nrOpen() uint64 {
	n, err := Sysctl("fs/nr_open")
	if err != nil || n < 0 {
		return 0
	}
	return uint64(n)
}

// Sysctl reads a number under /proc/sys, as "net/core/somaxconn".
func Sysctl(name string) (int64, error) {
	b, err := os.ReadFile("/proc/sys/" + name)
	if err != nil {
		return 0, fmt.Errorf("proc: sysctl: %w", err)
	}
	n, err := strconv.ParseInt(string(bytes.TrimSpace(b)), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("proc: sysctl %s: %w", name, err)
	}
	return n, nil
}
