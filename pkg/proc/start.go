package proc

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The parent's half of starting a child: what is written into the environment
// here is read back by InvokedAs and ChildPrologue (child.go).

// FirstFile is the descriptor number under which a child finds Spec.Files[0];
// the others follow it.
const FirstFile = 3

const (
	selfExe = "/proc/self/exe"

	envRole   = "REDISD_CHILD"
	envArg    = "REDISD_CHILD_ARG_" // followed by the argument's index
	envNice   = "REDISD_CHILD_NICE"
	envOOM    = "REDISD_CHILD_OOM"
	envCPUs   = "REDISD_CHILD_CPUS"
	envLimits = "REDISD_CHILD_LIMITS" // resource:cur:max,...
)

// keptEnv are the daemon's variables that a child keeps: they steer the Go
// runtime and the clock of the log lines. NOTIFY_SOCKET, WATCHDOG_* and LISTEN_*
// are left out on purpose: they speak about the daemon's own pid.
func keptEnv() []string {
	return []string{"TZ", "GODEBUG", "GOTRACEBACK", "GOCOVERDIR"}
}

// Limit is one resource limit of a process, as for setrlimit(2).
type Limit struct {
	Resource int // unix.RLIMIT_*
	Cur, Max uint64
}

// Spec says what child to start.
type Spec struct {
	// Role is what InvokedAs returns in the child; never empty.
	Role string
	// Title is argv[0], shown by ps; its first word becomes the thread name
	// that top shows. Empty: the role.
	Title string
	// Files are the descriptors handed over as FirstFile, FirstFile+1, ... They
	// stay open in the caller, who closes its copies: a pipe end left open there
	// keeps the other side from ever seeing the end of file.
	Files []int
	// Args are handed to the role; they do not appear in ps.
	Args []string
	// Env are further variables ("NAME=value") of the child.
	Env []string
	// Nice is added to the scheduling priority; 0 leaves it.
	Nice int
	// OOMScoreAdj is written to the child's oom_score_adj; nil leaves it.
	OOMScoreAdj *int
	// CPUList binds the child to CPUs, in the form ParseCPUList takes; empty: no.
	CPUList string
	// Limits are set in the child.
	Limits []Limit
	// Stderr is the descriptor that the child gets as its standard error: what the Go
	// runtime writes when it ends a process. 0 for the daemon's own.
	Stderr int
	// Fence is put up by ChildPrologue; nil for none.
	Fence *Fence
	// Avoid are calls that must not be made, as Deadly gives them.
	Avoid []string
}

// Child is a process that was started.
type Child struct {
	Pid int
	// StartMicros is how long the caller was held up by the start.
	StartMicros int64
}

// Start runs this binary again in another role. It returns when the exec has
// succeeded (or failed: then there is no process). Any goroutine; the caller
// owes the pid to a Table.
func Start(spec Spec) (*Child, error) {
	if spec.Role == "" {
		return nil, errors.New("proc: child without a role")
	}
	title := spec.Title
	if title == "" {
		title = spec.Role
	}
	begin := monotonicMicros()
	null, err := unix.Open("/dev/null", unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("proc: open /dev/null: %w", err)
	}
	defer unix.Close(null)

	files := make([]uintptr, 0, FirstFile+len(spec.Files))
	stderr := uintptr(2)
	if spec.Stderr > 0 {
		stderr = uintptr(spec.Stderr)
	}
	files = append(files, uintptr(null), 1, stderr)
	for _, fd := range spec.Files {
		if fd < 0 {
			return nil, fmt.Errorf("proc: start %s: bad descriptor %d", spec.Role, fd)
		}
		files = append(files, uintptr(fd))
	}
	attr := &syscall.ProcAttr{Env: childEnv(spec), Files: files}
	pid, err := forkExecBlocked([]string{title}, attr)
	if err != nil {
		return nil, fmt.Errorf("proc: start %s: %w", spec.Role, err)
	}
	return &Child{Pid: pid, StartMicros: monotonicMicros() - begin}, nil
}

// forkExecBlocked starts the program with SIGUSR1 blocked. The mask is inherited
// through fork and exec, and the Go runtime of the child keeps it until os/signal
// is asked for the signal. (It does not keep it for SIGTERM, SIGINT and SIGHUP,
// which it unblocks when it starts.) Meanwhile a SIGUSR1 for the daemon is
// delivered to one of its other threads.
func forkExecBlocked(argv []string, attr *syscall.ProcAttr) (int, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var block, old unix.Sigset_t
	block.Val[0] = 1 << (unix.SIGUSR1 - 1)
	if err := unix.PthreadSigmask(unix.SIG_BLOCK, &block, &old); err != nil {
		return 0, fmt.Errorf("block signals: %w", err)
	}
	pid, err := syscall.ForkExec(selfExe, argv, attr)
	if e := unix.PthreadSigmask(unix.SIG_SETMASK, &old, nil); e != nil {
		panic("BUG: proc: signal mask not restored: " + e.Error())
	}
	return pid, err
}

func childEnv(spec Spec) []string {
	env := []string{envRole + "=" + spec.Role}
	for i, a := range spec.Args {
		env = append(env, envArg+strconv.Itoa(i)+"="+a)
	}
	if spec.Nice != 0 {
		env = append(env, envNice+"="+strconv.Itoa(spec.Nice))
	}
	if spec.OOMScoreAdj != nil {
		env = append(env, envOOM+"="+strconv.Itoa(*spec.OOMScoreAdj))
	}
	if spec.CPUList != "" {
		env = append(env, envCPUs+"="+spec.CPUList)
	}
	if len(spec.Limits) > 0 {
		parts := make([]string, len(spec.Limits))
		for i, l := range spec.Limits {
			parts[i] = fmt.Sprintf("%d:%d:%d", l.Resource, l.Cur, l.Max)
		}
		env = append(env, envLimits+"="+strings.Join(parts, ","))
	}
	env = append(append(env, avoidEnv(spec.Avoid)), spec.Fence.env()...)
	for _, name := range keptEnv() {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return append(env, spec.Env...)
}

// monotonicMicros reads the monotonic clock, in microseconds since the boot.
func monotonicMicros() int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		panic("BUG: proc: no monotonic clock: " + err.Error())
	}
	return ts.Nano() / 1000
}
