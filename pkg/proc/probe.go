package proc

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A service manager may put a filter of system calls on the daemon whose answer is
// the end of the process (systemd's default without SystemCallErrorNumber). Nothing
// tells what such a filter refuses; so a process that is there for nothing else tries.

// Names of the calls that the daemon and its children can do without.
const (
	CallPriority  = "setpriority"
	CallIOPrio    = "ioprio_set"
	CallSetrlimit = "setrlimit"
	CallSlice     = "sched_setattr"
	CallAffinity  = "sched_setaffinity"
	CallLandlock  = "landlock"
	CallSeccomp   = "seccomp"
	CallCachestat = "cachestat"
)

// OptionalCalls are all of them.
func OptionalCalls() []string {
	return []string{CallPriority, CallIOPrio, CallSetrlimit, CallSlice, CallAffinity, CallLandlock, CallSeccomp, CallCachestat}
}

// RoleProbe is the role of the process that tries; main gives it to RunProbe.
const RoleProbe = "redisd-probe"

// probeMs is how long it may take.
const probeMs = 5000

// Deadly gives those of OptionalCalls for which a filter of this process would end
// it. Without a filter there are none, and no process is started. When the probe
// itself cannot be made, all that it did not get to are taken for deadly, and the
// error says why. The caller has no other children yet: main, before the loop runs.
func Deadly() (calls []string, err error) {
	on, err := filtered()
	if err != nil || !on {
		return nil, err
	}
	left := OptionalCalls()
	for len(left) > 0 {
		tried, e, err := probe(left)
		switch {
		case err != nil:
			return append(calls, left...), err
		case e.OK():
			return calls, nil
		case e.Signal != unix.SIGSYS || tried == 0:
			return append(calls, left...), fmt.Errorf("proc: the probe of system calls ended with %s", e)
		}
		calls = append(calls, left[tried-1])
		left = left[tried:]
	}
	return calls, nil
}

// filtered tells whether a filter of system calls lies on this thread, from which the
// probe gets it.
func filtered() (bool, error) {
	b, err := os.ReadFile("/proc/thread-self/status")
	if err != nil {
		return false, fmt.Errorf("proc: %w", err)
	}
	for line := range bytes.Lines(b) {
		if v, ok := bytes.CutPrefix(line, []byte("Seccomp:")); ok {
			return string(bytes.TrimSpace(v)) == "2", nil
		}
	}
	return false, nil
}

// probe lets a process try calls in this order, and tells how many it began.
func probe(calls []string) (tried int, e Exit, err error) {
	r, w, err := Pipe(NonblockRead)
	if err != nil {
		return 0, Exit{}, err
	}
	defer unix.Close(r)
	child, err := Start(Spec{Role: RoleProbe, Args: calls, Files: []int{w}})
	unix.Close(w)
	if err != nil {
		return 0, Exit{}, err
	}
	if !ended(child.Pid, probeMs) {
		_ = unix.Kill(child.Pid, unix.SIGKILL) // it is ours and not reaped
	}
	e, err = wait(child.Pid, 0)
	if err != nil {
		return 0, Exit{}, fmt.Errorf("proc: wait for the probe: %w", err)
	}
	var buf [64]byte
	n, err := unix.Read(r, buf[:])
	if err != nil {
		n = 0
	}
	return min(n, len(calls)), e, nil
}

// RunProbe is the work of RoleProbe; the result is its exit code. It writes a byte
// before each call.
func RunProbe(calls []string) int {
	for _, name := range calls {
		if _, err := unix.Write(FirstFile, []byte{1}); err != nil {
			return 1
		}
		tryCall(name)
	}
	return 0
}

// tryCall makes one of the calls, in a way that changes nothing outside of the process.
func tryCall(name string) {
	switch name {
	case CallPriority:
		_ = AddNice(0)
	case CallIOPrio:
		_ = lowerIOPriority()
	case CallSetrlimit:
		_ = boundMemory(1 << 62)
	case CallSlice:
		_ = ShortSlice(int((3 * time.Millisecond).Microseconds()))
	case CallAffinity:
		var set unix.CPUSet
		if unix.SchedGetaffinity(0, &set) == nil {
			_ = unix.SchedSetaffinity(0, &set)
		}
	case CallLandlock:
		_ = landlock([]string{"/"})
	case CallSeccomp:
		_ = filterSyscalls()
	case CallCachestat:
		var stat unix.Cachestat_t
		_ = unix.Cachestat(FirstFile, &unix.CachestatRange{}, &stat, 0)
	}
}

// Avoids tells whether a call is in a list that Deadly gave.
func Avoids(deadly []string, call string) bool { return slices.Contains(deadly, call) }

// Avoided is that list in a child, before its prologue.
func Avoided() []string { return avoidFromEnv() }

// avoidEnv is how such a list travels to a child.
func avoidEnv(deadly []string) string { return envAvoid + "=" + strings.Join(deadly, ",") }
