package proc

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The child's half: who am I, and the first things to do about it.

// StopExitCode is the exit status of a child that SIGUSR1 told to stop. It is
// not an error; Exit.Stopped knows it.
const StopExitCode = 255

// InvokedAs tells whether this process was started by Start, in what role and
// with what arguments. It is the first thing main asks.
func InvokedAs() (role string, args []string, ok bool) {
	role, ok = os.LookupEnv(envRole)
	if !ok || role == "" {
		return "", nil, false
	}
	for i := 0; ; i++ {
		a, more := os.LookupEnv(envArg + strconv.Itoa(i))
		if !more {
			return role, args, true
		}
		args = append(args, a)
	}
}

// ChildPrologue makes a process started by Start behave as a child: SIGTERM,
// SIGINT and SIGHUP are ignored, because systemd and a terminal signal the whole
// group while the daemon alone decides when its child stops; SIGPIPE is ignored,
// so that a broken pipe is an error of write; SIGUSR1 ends the process with
// StopExitCode. Then priority, OOM score, CPU affinity and limits of the Spec are
// applied and the variables that carried them are removed.
//
// The error joins what could not be applied (a missing capability, say); none of
// it keeps a child from doing its work, so the caller logs it and goes on.
// Descriptors are left alone except that they become close-on-exec. Last of all the
// fence of the Spec is put up.
func ChildPrologue() error {
	_, err := FencedPrologue()
	return err
}

// FencedPrologue is ChildPrologue that tells about the fence, too: one word for each
// part, as "landlock=on,seccomp=no(EPERM)", and the priority.
func FencedPrologue() (fence string, err error) {
	signal.Ignore(unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGPIPE)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, unix.SIGUSR1)
	go func() {
		<-stop
		os.Exit(StopExitCode)
	}()
	// Crash signals from outside end the child as they would end a C program: the
	// daemon's log and INFO then name the signal.
	crash := make(chan os.Signal, 1)
	signal.Notify(crash, unix.SIGSEGV, unix.SIGBUS, unix.SIGFPE, unix.SIGILL, unix.SIGABRT)
	go func() { Die((<-crash).(unix.Signal)) }()

	a, f, nice := avoidFromEnv(), fenceFromEnv(), "nice=off"
	err = errors.Join(
		setComm(firstWord(os.Args[0])),
		fromEnv(envOOM, func(s string) error {
			n, err := strconv.Atoi(s)
			if err != nil {
				return err
			}
			return SetOOMScoreAdj(n)
		}),
		fromEnv(envNice, func(s string) error {
			n, err := strconv.Atoi(s)
			if err != nil {
				return err
			}
			err = a.try(CallPriority, func() error { return AddNice(n) })
			nice = "nice=" + outcome(err, s)
			return err
		}),
		fromEnv(envCPUs, func(s string) error { return a.try(CallAffinity, func() error { return SetAffinity(s) }) }),
		fromEnv(envLimits, setLimits),
		CloseOnExecFrom(FirstFile),
	)
	for _, kv := range os.Environ() {
		if strings.HasPrefix(kv, envRole) {
			name, _, _ := strings.Cut(kv, "=")
			os.Unsetenv(name)
		}
	}
	return f.raise(a) + "," + nice, err
}

func fromEnv(name string, apply func(string) error) error {
	v, ok := os.LookupEnv(name)
	if !ok {
		return nil
	}
	if err := apply(v); err != nil {
		return fmt.Errorf("proc: %s=%s: %w", name, v, err)
	}
	return nil
}

func setLimits(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		var l Limit
		if _, err := fmt.Sscanf(part, "%d:%d:%d", &l.Resource, &l.Cur, &l.Max); err != nil {
			return err
		}
		if err := unix.Setrlimit(l.Resource, &unix.Rlimit{Cur: l.Cur, Max: l.Max}); err != nil {
			return fmt.Errorf("setrlimit %d: %w", l.Resource, err)
		}
	}
	return nil
}

// setComm sets the name that top, killall and /proc/PID/comm show. Without it
// every re-executed process is called "exe", after /proc/self/exe. The kernel
// keeps 15 bytes. The file, unlike prctl, names the main thread from any thread.
func setComm(name string) error {
	if err := os.WriteFile("/proc/self/comm", []byte(name), 0); err != nil {
		return fmt.Errorf("proc: thread name: %w", err)
	}
	return nil
}

func firstWord(s string) string {
	w, _, _ := strings.Cut(s, " ")
	return w
}

// CloseOnExecFrom marks every open descriptor from first on close-on-exec. The
// daemon calls it once at its start for the descriptors it was born with (those
// of systemd come without the mark); it opens all others with the mark.
func CloseOnExecFrom(first int) error {
	err := unix.CloseRange(uint(first), ^uint(0)>>32, unix.CLOSE_RANGE_CLOEXEC)
	if err == nil {
		return nil
	}
	// Before Linux 5.11 there is no such flag.
	names, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		return fmt.Errorf("proc: list descriptors: %w", err)
	}
	for _, n := range names {
		if fd, err := strconv.Atoi(n.Name()); err == nil && fd >= first {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
