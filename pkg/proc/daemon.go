package proc

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// The step into the background. A classic daemon forks and lets the parent go at
// once; without fork the program is executed again in a session of its own. That
// allows the better contract: the command returns when the daemon is up, and
// fails, with the daemon's own words on stderr, when it does not come up.

const envDaemon = "REDISD_DAEMON_FD"

// ExitError is a daemon that ended before it was up.
type ExitError struct{ Exit Exit }

// Error names the status of the process.
func (e *ExitError) Error() string {
	return "proc: the daemon ended before it was up: " + e.Exit.String()
}

// Daemonize starts this program again with the same arguments and environment in
// a new session, stdin and stdout on /dev/null, and waits until it calls Up on
// its Daemon. It returns the pid of the daemon; the caller has nothing left to do
// but exit. With an *ExitError it exits with that status. stderr stays the
// caller's until Up, so that the reason of a failed start is seen.
//
// The working directory is kept: relative paths in the arguments must still hold.
func Daemonize() (pid int, err error) {
	r, w, err := Pipe(0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(r)
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		unix.Close(w)
		return 0, fmt.Errorf("proc: open /dev/null: %w", err)
	}
	defer unix.Close(null)
	pid, err = syscall.ForkExec(selfExe, os.Args, &syscall.ProcAttr{
		Env:   append(os.Environ(), envDaemon+"="+strconv.Itoa(FirstFile)),
		Files: []uintptr{uintptr(null), uintptr(null), 2, uintptr(w)},
		Sys:   &syscall.SysProcAttr{Setsid: true},
	})
	unix.Close(w)
	if err != nil {
		return 0, fmt.Errorf("proc: start the daemon: %w", err)
	}
	var b [1]byte
	for {
		n, err := unix.Read(r, b[:])
		if err == unix.EINTR {
			continue
		}
		if err == nil && n == 1 {
			return pid, nil
		}
		break
	}
	e, err := wait(pid, 0)
	if err != nil {
		return 0, fmt.Errorf("proc: wait for the daemon: %w", err)
	}
	return 0, &ExitError{Exit: e}
}

// Daemon is the connection of a daemonized process to the command that started it.
type Daemon struct{ fd int }

// Daemonized tells whether this process is the background one, started by
// Daemonize. It must run before other descriptors are looked at, and once.
func Daemonized() (*Daemon, bool) {
	v, ok := os.LookupEnv(envDaemon)
	if !ok {
		return nil, false
	}
	os.Unsetenv(envDaemon)
	fd, err := strconv.Atoi(v)
	if err != nil || fd < FirstFile {
		return nil, false
	}
	unix.CloseOnExec(fd)
	setComm(baseName(os.Args[0])) // cosmetic: a failure shows as "exe" in top
	return &Daemon{fd: fd}, true
}

// Up lets the starting command go and puts stderr on /dev/null. Later calls do
// nothing. A starting command that was killed meanwhile is no error.
func (d *Daemon) Up() error {
	if d.fd < 0 {
		return nil
	}
	fd := d.fd
	d.fd = -1
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return fmt.Errorf("proc: open /dev/null: %w", err)
	}
	err = unix.Dup3(null, 2, 0)
	unix.Close(null)
	_, werr := unix.Write(fd, []byte{1})
	unix.Close(fd)
	if errors.Is(werr, unix.EPIPE) {
		werr = nil
	}
	if err = errors.Join(err, werr); err != nil {
		return fmt.Errorf("proc: leave the terminal: %w", err)
	}
	return nil
}

func baseName(path string) string {
	for i := len(path) - 1; i >= 0; i-- {
		if path[i] == '/' {
			return path[i+1:]
		}
	}
	return path
}
