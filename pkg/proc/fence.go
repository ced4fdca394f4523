package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The fence around a child: what it does not need is taken from it before it works on
// data. Nothing here is worth failing for: what the system does not have is told and
// left out.

// Fence says what to take from a child.
type Fence struct {
	// Dirs are the folders that stay: it may read, write, create, rename and remove
	// below them, and opens nothing elsewhere. Those that do not exist are skipped.
	// Empty: the file system stays open.
	Dirs []string
	// Syscalls takes away the calls that reach out of the process: programs, sockets,
	// other processes, privileges, mounts, clocks, modules, owners and modes of files.
	Syscalls bool
	// IOLast puts it at the end of the best-effort class of the disk's queue.
	IOLast bool
	// MemoryBytes bounds its private writable memory (RLIMIT_DATA); 0 for no bound.
	MemoryBytes uint64
}

const (
	envDir    = "REDISD_CHILD_DIR_" // followed by an index
	envFence  = "REDISD_CHILD_FENCE"
	envMemory = "REDISD_CHILD_MEMORY"
	envAvoid  = "REDISD_CHILD_AVOID" // names of Deadly, with commas

	fenceSyscalls = "syscalls"
	fenceIO       = "io"
)

// env is how a fence travels.
func (f *Fence) env() []string {
	if f == nil {
		return nil
	}
	var out, words []string
	for i, d := range f.Dirs {
		out = append(out, envDir+strconv.Itoa(i)+"="+d)
	}
	if f.Syscalls {
		words = append(words, fenceSyscalls)
	}
	if f.IOLast {
		words = append(words, fenceIO)
	}
	if f.MemoryBytes > 0 {
		out = append(out, envMemory+"="+strconv.FormatUint(f.MemoryBytes, 10))
	}
	return append(out, envFence+"="+strings.Join(words, ","))
}

// fenceFromEnv is the other way.
func fenceFromEnv() *Fence {
	words, ok := os.LookupEnv(envFence)
	if !ok {
		return nil
	}
	f := &Fence{}
	for i := 0; ; i++ {
		d, more := os.LookupEnv(envDir + strconv.Itoa(i))
		if !more {
			break
		}
		f.Dirs = append(f.Dirs, d)
	}
	list := strings.Split(words, ",")
	f.Syscalls, f.IOLast = slices.Contains(list, fenceSyscalls), slices.Contains(list, fenceIO)
	f.MemoryBytes, _ = strconv.ParseUint(os.Getenv(envMemory), 10, 64)
	return f
}

// avoid are the optional calls that must not be made.
type avoid []string

func avoidFromEnv() avoid { return strings.Split(os.Getenv(envAvoid), ",") }

// errDeadly stands for a call that was not made, because it ends the process.
var errDeadly = errors.New("SIGSYS")

// try makes a call, unless it is deadly.
func (a avoid) try(name string, call func() error) error {
	if slices.Contains(a, name) {
		return errDeadly
	}
	return call()
}

// raise puts up the fence in this process and tells how that went, as INFO shows it:
// "landlock=on,seccomp=on,ioprio=7,memory=536870912". It must be the last thing before
// the work: afterwards /proc is out of reach, too.
func (f *Fence) raise(a avoid) string {
	if f == nil {
		return "landlock=off,seccomp=off,ioprio=off,memory=off"
	}
	io := part("ioprio", f.IOLast, "7", func() error { return a.try(CallIOPrio, lowerIOPriority) })
	memory := part("memory", f.MemoryBytes > 0, strconv.FormatUint(f.MemoryBytes, 10), func() error {
		return a.try(CallSetrlimit, func() error { return boundMemory(f.MemoryBytes) })
	})
	files := part("landlock", len(f.Dirs) > 0, "on", func() error {
		return a.try(CallLandlock, func() error { return landlock(f.Dirs) })
	})
	calls := part("seccomp", f.Syscalls, "on", func() error { return a.try(CallSeccomp, filterSyscalls) })
	return strings.Join([]string{files, calls, io, memory}, ",")
}

// part tries one part of the fence and tells of it.
func part(name string, wanted bool, value string, try func() error) string {
	if !wanted {
		return name + "=off"
	}
	return name + "=" + outcome(try(), value)
}

// outcome is value, or why not: "no(EPERM)".
func outcome(err error, value string) string {
	var errno unix.Errno
	switch {
	case err == nil:
		return value
	case errors.As(err, &errno):
		return "no(" + unix.ErrnoName(errno) + ")"
	}
	return "no(" + err.Error() + ")"
}

// boundMemory bounds the private writable memory. The collector works harder before
// the bound, so that what is garbage is no reason to fail.
func boundMemory(n uint64) error {
	var have unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_DATA, &have); err != nil {
		return fmt.Errorf("proc: read the limit of memory: %w", err)
	}
	n = min(n, have.Max)
	if err := unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: n, Max: n}); err != nil {
		return fmt.Errorf("proc: limit of memory %d: %w", n, err)
	}
	debug.SetMemoryLimit(int64(min(n/4*3, 1<<62)))
	return nil
}

// lowerIOPriority puts every thread last in the best-effort class. The idle class
// would stop a child for as long as others use the disk, and then the daemon keeps
// more for it.
func lowerIOPriority() error {
	const (
		whoProcess     = 1
		bestEffortLast = 2<<13 | 7
	)
	err := eachThread(func(tid int) error {
		if _, _, e := unix.Syscall(unix.SYS_IOPRIO_SET, whoProcess, uintptr(tid), bestEffortLast); e != 0 {
			return e
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("proc: I/O priority: %w", err)
	}
	return nil
}
