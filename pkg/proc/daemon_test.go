package proc_test

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/proc"
)

// daemonize is the starting command: stderr is the pipe at fd 3.
func daemonize(args []string) {
	must(unix.Dup3(3, 2, 0))
	unix.Close(3)
	must(os.Chdir(args[1]))
	pid, err := proc.Daemonize()
	var early *proc.ExitError
	if errors.As(err, &early) {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(early.Exit.Code)
	}
	must(err)
	fmt.Fprintln(os.Stderr, "daemon", pid)
	os.Exit(0)
}

// daemonRole is the process in the background; its arguments are those of the
// command (they came in its environment, which is kept).
func daemonRole(d *proc.Daemon) {
	_, args, _ := proc.InvokedAs()
	if args[0] == "fail" {
		fmt.Fprintln(os.Stderr, "port in use")
		os.Exit(3)
	}
	sid, _ := unix.Getsid(0)
	wd, _ := os.Getwd()
	fds := openFDs()
	_, again := proc.Daemonized()
	text := fmt.Sprintf("%d %t %s %s %s %t\n", os.Getpid(), sid == os.Getpid(), wd, fds["0"], fds["1"], again)
	must(os.WriteFile(args[2], []byte(text), 0o600))
	must(d.Up())
	must(d.Up())
	to, _ := os.Readlink("/proc/self/fd/2")
	must(os.WriteFile(args[2]+".up", []byte(to), 0o600))
	os.Exit(0)
}

func runDaemonize(t *testing.T, mode, dir, file string) (stderr string, exit proc.Exit) {
	t.Helper()
	r, w := pipe(t, 0)
	defer unix.Close(r)
	c := start(t, proc.Spec{Role: "daemonize", Args: []string{mode, dir, file}, Files: []int{w}})
	unix.Close(w)
	// The end of file comes when command and daemon have both let stderr go.
	out, err := io.ReadAll(rawFile(r))
	check.NoErr(t, err)
	waitEnd(t, c.Pid)
	var table proc.Table
	table.Add(c.Pid, "daemonize", func(e proc.Exit) { exit = e })
	table.Reap()
	return string(out), exit
}

func TestDaemonizeReturnsWhenUp(t *testing.T) {
	// The daemon, an orphan, comes to us when it ends, so that it can be awaited.
	check.NoErr(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "report")
	before := openFDs()
	stderr, exit := runDaemonize(t, "up", dir, file)
	check.Eq(t, exit.String(), "exit 0")
	pid, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(stderr, "daemon ")))
	check.NoErr(t, err)
	report := readString(file) // there already: it was written before Up
	check.Eq(t, report, fmt.Sprintf("%d true %s /dev/null /dev/null false\n", pid, dir))
	unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED, nil)
	check.Eq(t, readString(file+".up"), "/dev/null")
	check.Eq(t, openFDs(), before)
}

func TestDaemonizeTellsOfAFailedStart(t *testing.T) {
	stderr, exit := runDaemonize(t, "fail", t.TempDir(), "")
	check.Eq(t, exit.String(), "exit 3")
	check.Eq(t, stderr, "port in use\nproc: the daemon ended before it was up: exit 3\n")
	noChildren(t)
}

func TestPidfile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "redisd.pid")
	check.NoErr(t, os.WriteFile(path, []byte("some longer text\n"), 0o644))
	check.NoErr(t, proc.WritePidfile(path))
	check.Eq(t, readString(path), strconv.Itoa(os.Getpid())+"\n")
	check.NoErr(t, proc.RemovePidfile(path))
	_, err := os.Stat(path)
	check.ErrIs(t, err, os.ErrNotExist)
	check.NoErr(t, proc.RemovePidfile(path)) // gone already

	check.NoErr(t, os.WriteFile(path, []byte("1\n"), 0o644))
	check.NoErr(t, proc.RemovePidfile(path))
	check.Eq(t, readString(path), "1\n") // another daemon's

	err = proc.WritePidfile(filepath.Join(path, "x"))
	check.ErrIs(t, err, unix.ENOTDIR)
	check.ErrContains(t, err, "proc: pid file")
}
