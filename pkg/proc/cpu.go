package proc

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CPU affinity and priority. Linux keeps both per thread, and new threads take
// them from the thread that made them; so "the process" means: every thread that
// there is, until a walk over them finds no new one.

// maxCPU is the size of unix.CPUSet.
const maxCPU = 1024

// ParseCPUList reads "0,2-3", "0-20:2" (taskset's form): numbers and ranges with
// an optional stride. An empty list is an empty set.
func ParseCPUList(list string) (unix.CPUSet, error) {
	var set unix.CPUSet
	if list == "" {
		return set, nil
	}
	for part := range strings.SplitSeq(list, ",") {
		span, stride, hasStride := strings.Cut(part, ":")
		low, high, isRange := strings.Cut(span, "-")
		if !isRange {
			high = low
		}
		if !hasStride || !isRange {
			if hasStride {
				return unix.CPUSet{}, cpuListError(list, part, "a stride needs a range")
			}
			stride = "1"
		}
		a, err1 := cpuNumber(low)
		b, err2 := cpuNumber(high)
		s, err3 := cpuNumber(stride)
		if err := errors.Join(err1, err2, err3); err != nil {
			return unix.CPUSet{}, cpuListError(list, part, "not a number below 1024")
		}
		if a > b {
			return unix.CPUSet{}, cpuListError(list, part, "the range runs backwards")
		}
		if s == 0 {
			return unix.CPUSet{}, cpuListError(list, part, "the stride is zero")
		}
		for ; a <= b; a += s {
			set.Set(a)
		}
	}
	return set, nil
}

func cpuNumber(s string) (int, error) {
	n, err := strconv.ParseUint(s, 10, 16)
	if err == nil && (n >= maxCPU || s[0] == '+') {
		err = strconv.ErrRange
	}
	return int(n), err
}

func cpuListError(list, part, why string) error {
	return fmt.Errorf("proc: cpu list %q: %q: %s", list, part, why)
}

// SetAffinity binds every thread of the process to the CPUs of the list. An empty
// list leaves everything as it is.
func SetAffinity(list string) error {
	set, err := ParseCPUList(list)
	if err != nil || list == "" {
		return err
	}
	err = eachThread(func(tid int) error { return unix.SchedSetaffinity(tid, &set) })
	if err != nil {
		return fmt.Errorf("proc: bind to cpus %s: %w", list, err)
	}
	return nil
}

// SetThreadAffinity binds the calling thread, to which the caller has locked its
// goroutine, to the CPUs of the list. An empty list leaves it as it is. The runtime
// takes care that no thread that it makes inherits from a locked one.
func SetThreadAffinity(list string) error {
	set, err := ParseCPUList(list)
	if err != nil || list == "" {
		return err
	}
	if err := unix.SchedSetaffinity(0, &set); err != nil {
		return fmt.Errorf("proc: bind the thread to cpus %s: %w", list, err)
	}
	return nil
}

// AddNice changes the scheduling priority of every thread of the process: upwards
// (less important) always, downwards only with privilege.
func AddNice(n int) error {
	// The kernel returns 20-nice, so that no priority looks like an error.
	raw, err := unix.Getpriority(unix.PRIO_PROCESS, 0)
	if err != nil {
		return fmt.Errorf("proc: get priority: %w", err)
	}
	want := 20 - raw + n
	err = eachThread(func(tid int) error {
		return unix.Setpriority(unix.PRIO_PROCESS, tid, want)
	})
	if err != nil {
		return fmt.Errorf("proc: set priority %d: %w", want, err)
	}
	return nil
}

// eachThread calls f once for every thread of the process, those that start
// meanwhile included.
func eachThread(f func(tid int) error) error {
	done := make(map[int]bool)
	for again := true; again; {
		again = false
		tasks, err := os.ReadDir("/proc/self/task")
		if err != nil {
			return err
		}
		for _, t := range tasks {
			tid, err := strconv.Atoi(t.Name())
			if err != nil || done[tid] {
				continue
			}
			done[tid], again = true, true
			if err := f(tid); err != nil && err != unix.ESRCH {
				return err
			}
		}
	}
	return nil
}
