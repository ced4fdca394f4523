package proc

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// The reaper. It knows the children that were added and what to call when one
// ends; it starts nothing and decides nothing.

// ErrUnknown is returned for a pid that is not in the table.
var ErrUnknown = errors.New("proc: not a child of this process")

// Exit is how a process ended.
type Exit struct {
	Pid  int
	Kind string // as given to Table.Add; empty when the pid was unknown
	// Code is the exit status, 0 to 255; -1 when a signal ended the process.
	Code int
	// Signal is what ended the process; 0 when it exited.
	Signal unix.Signal
	// Core is set when the signal left a core file.
	Core bool
	// Rusage is what the kernel counted for the process (times, Maxrss in KB).
	Rusage unix.Rusage
}

// OK reports an exit with status 0.
func (e Exit) OK() bool { return e.Code == 0 && e.Signal == 0 }

// Stopped reports that SIGUSR1 ended the child: by its own handler, or by the
// signal's default action when no handler was there yet. That is not an error.
func (e Exit) Stopped() bool {
	return e.Signal == unix.SIGUSR1 || (e.Signal == 0 && e.Code == StopExitCode)
}

// String is "exit 1", "signal 9 SIGKILL" or "signal 11 SIGSEGV, core dumped".
func (e Exit) String() string {
	if e.Signal == 0 {
		return fmt.Sprintf("exit %d", e.Code)
	}
	core := ""
	if e.Core {
		core = ", core dumped"
	}
	return fmt.Sprintf("signal %d %s%s", int(e.Signal), unix.SignalName(e.Signal), core)
}

type tableEntry struct {
	kind   string
	onExit func(Exit)
}

// Table holds the living children of the process. Loop goroutine only; the zero
// value is ready.
type Table struct {
	children map[int]tableEntry
}

// Add enters a started child. onExit is called once, by Reap, ReapOne or Stop,
// after the process is gone and out of the table; it may add another child.
func (t *Table) Add(pid int, kind string, onExit func(Exit)) {
	if pid <= 0 || onExit == nil {
		panic("BUG: proc: bad table entry")
	}
	if _, dup := t.children[pid]; dup {
		panic(fmt.Sprintf("BUG: proc: pid %d added twice", pid))
	}
	if t.children == nil {
		t.children = make(map[int]tableEntry)
	}
	t.children[pid] = tableEntry{kind: kind, onExit: onExit}
}

// Len is the number of children that have not been reaped.
func (t *Table) Len() int { return len(t.children) }

// Alive reports whether the pid is in the table, that is, not reaped yet.
func (t *Table) Alive(pid int) bool {
	_, ok := t.children[pid]
	return ok
}

// Reap collects every process that has ended, without waiting for any, calls the
// onExit of those in the table and returns the others for the caller to log.
// Those others are normal for PID 1 (see IsInit), which inherits the orphans of
// its container, and a mistake of somebody else otherwise.
//
// One SIGCHLD may stand for several children, so the loop calls it on the signal
// and in its cron.
func (t *Table) Reap() (unknown []Exit) {
	for {
		e, err := wait(-1, unix.WNOHANG)
		if err != nil || e.Pid == 0 {
			// ECHILD: no child at all. Nothing else can come back here.
			return unknown
		}
		if !t.finish(&e) {
			unknown = append(unknown, e)
		}
	}
}

// Kill sends a signal to a child of the table.
func (t *Table) Kill(pid int, sig unix.Signal) error {
	if !t.Alive(pid) {
		return fmt.Errorf("proc: kill %d: %w", pid, ErrUnknown)
	}
	if err := unix.Kill(pid, sig); err != nil {
		return fmt.Errorf("proc: kill %d: %w", pid, err)
	}
	return nil
}

// Stop ends a child and waits until it is gone: SIGUSR1, and SIGKILL when it has
// not followed after graceMs. A stopped (SIGSTOP) child is continued first. The
// child's onExit has been called when Stop returns. It holds up the caller; the
// loop uses it only where nobody can be served anyway, as during shutdown.
func (t *Table) Stop(pid int, graceMs int) (Exit, error) {
	if err := t.Kill(pid, unix.SIGUSR1); err != nil {
		return Exit{}, err
	}
	if err := t.Kill(pid, unix.SIGCONT); err != nil {
		return Exit{}, err
	}
	if !ended(pid, graceMs) {
		if err := t.Kill(pid, unix.SIGKILL); err != nil {
			return Exit{}, err
		}
	}
	e, err := wait(pid, 0)
	if err != nil {
		return Exit{}, fmt.Errorf("proc: wait for %d: %w", pid, err)
	}
	t.finish(&e)
	return e, nil
}

// finish takes a reaped process out of the table and tells its owner.
func (t *Table) finish(e *Exit) bool {
	c, ok := t.children[e.Pid]
	if !ok {
		return false
	}
	delete(t.children, e.Pid)
	e.Kind = c.kind
	c.onExit(*e)
	return true
}

// wait is wait4 without EINTR. A zero Pid means that nothing has ended.
func wait(pid, options int) (Exit, error) {
	var (
		status unix.WaitStatus
		e      Exit
	)
	for {
		got, err := unix.Wait4(pid, &status, options, &e.Rusage)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return Exit{}, err
		}
		e.Pid = got
		break
	}
	if e.Pid == 0 {
		return e, nil
	}
	e.Code = status.ExitStatus() // -1 unless exited
	if status.Signaled() {
		e.Signal, e.Core = status.Signal(), status.CoreDump()
	}
	return e, nil
}

// ended waits at most ms milliseconds for the end of a child, without reaping it.
func ended(pid, ms int) bool {
	fd, err := unix.PidfdOpen(pid, 0)
	if err != nil {
		return false // before Linux 5.3: no grace rather than no end
	}
	defer unix.Close(fd)
	deadline := monotonicMicros() + int64(ms)*1000
	for {
		left := (deadline - monotonicMicros()) / 1000
		if left < 0 {
			left = 0
		}
		p := []unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}
		n, err := unix.Poll(p, int(left))
		if err == unix.EINTR && left > 0 {
			continue
		}
		return err == nil && n == 1
	}
}

// IsInit reports whether this process is PID 1 of its namespace, whose children
// are everybody's orphans.
func IsInit() bool { return unix.Getpid() == 1 }
