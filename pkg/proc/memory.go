package proc

import (
	"bytes"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// What the kernel says about memory and processor time of this process, of a
// child and of the machine.

// RSS is the resident memory of a process in bytes; pid 0 is this process. The
// kernel's per-thread counters make it late by up to a few hundred kilobytes.
func RSS(pid int) (uint64, error) {
	path := procPath(pid, "statm")
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("proc: resident memory: %w", err)
	}
	fields := bytes.Fields(b)
	if len(fields) < 2 {
		return 0, fmt.Errorf("proc: %s: unexpected content", path)
	}
	pages, err := strconv.ParseUint(string(fields[1]), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("proc: %s: %w", path, err)
	}
	return pages * uint64(os.Getpagesize()), nil
}

// MemInfo is the machine's memory in bytes.
type MemInfo struct {
	Total     uint64
	Free      uint64
	Available uint64 // what can be had without swapping, by the kernel's estimate
	SwapTotal uint64
	SwapFree  uint64
}

// ReadMemInfo reads it.
func ReadMemInfo() (MemInfo, error) {
	var m MemInfo
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return m, fmt.Errorf("proc: machine memory: %w", err)
	}
	addKilobytes(b, map[string]*uint64{
		"MemTotal:": &m.Total, "MemFree:": &m.Free, "MemAvailable:": &m.Available,
		"SwapTotal:": &m.SwapTotal, "SwapFree:": &m.SwapFree,
	})
	return m, nil
}

// addKilobytes adds the "Name:   123 kB" lines that have a taker.
func addKilobytes(b []byte, into map[string]*uint64) {
	for line := range bytes.Lines(b) {
		f := bytes.Fields(line)
		if len(f) != 3 || string(f[2]) != "kB" {
			continue
		}
		if p := into[string(f[0])]; p != nil {
			n, err := strconv.ParseUint(string(f[1]), 10, 64)
			if err == nil {
				*p += n << 10
			}
		}
	}
}

func procPath(pid int, file string) string {
	if pid == 0 {
		return "/proc/self/" + file
	}
	return "/proc/" + strconv.Itoa(pid) + "/" + file
}

// State is the scheduler's letter for a process: 'R' running, 'S' sleeping, 'D'
// waiting for a device, 'T' stopped by a signal, 'Z' ended and not reaped.
func State(pid int) (byte, error) {
	path := procPath(pid, "stat")
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, fmt.Errorf("proc: state: %w", err)
	}
	// The name in the second field may contain spaces and parentheses.
	i := bytes.LastIndexByte(b, ')')
	if i < 0 || i+2 >= len(b) {
		return 0, fmt.Errorf("proc: %s: unexpected content", path)
	}
	return b[i+2], nil
}

// Usage is processor time in microseconds.
type Usage struct{ UserMicros, SystemMicros int64 }

// Whose usage is asked for.
const (
	UsageSelf     = unix.RUSAGE_SELF     // all threads of the process
	UsageChildren = unix.RUSAGE_CHILDREN // children that have been reaped
	UsageThread   = unix.RUSAGE_THREAD   // the calling thread
)

// ReadUsage reads the time used by the process, its reaped children or the
// calling thread.
func ReadUsage(who int) (Usage, error) {
	var r unix.Rusage
	if err := unix.Getrusage(who, &r); err != nil {
		return Usage{}, fmt.Errorf("proc: usage: %w", err)
	}
	return Usage{UserMicros: r.Utime.Nano() / 1000, SystemMicros: r.Stime.Nano() / 1000}, nil
}
