package proc_test

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/proc"
)

// The tests start this test binary again; TestMain gives the new process one of
// the roles below instead of running tests.

func TestMain(m *testing.M) {
	if d, ok := proc.Daemonized(); ok {
		daemonRole(d)
	}
	if role, args, ok := proc.InvokedAs(); ok {
		runRole(role, args)
	}
	must(proc.CloseOnExecFrom(proc.FirstFile)) // whatever the shell left open
	os.Exit(m.Run())
}

func runRole(role string, args []string) {
	switch role {
	case "exit":
		n, _ := strconv.Atoi(args[0])
		os.Exit(n)
	case "copy": // fd 3 to fd 4, until the end of file
		must(proc.ChildPrologue())
		n, err := io.Copy(rawFile(4), rawFile(3))
		must(err)
		os.Exit(int(n % 100))
	case "hang": // tells on fd 3 that it is ready
		must(proc.ChildPrologue())
		rawFile(3).Write([]byte{'r'})
		select {}
	case "hang-early": // the same, but never gets as far as the prologue
		rawFile(3).Write([]byte{'r'})
		readByte(4)
		os.Exit(0)
	case "late-prologue": // waits on fd 4 before it looks at signals
		rawFile(3).Write([]byte{'r'})
		readByte(4)
		must(proc.ChildPrologue())
		select {}
	case "kill-self":
		must(proc.ChildPrologue())
		n, _ := strconv.Atoi(args[0])
		unix.Kill(os.Getpid(), unix.Signal(n))
		select {}
	case "report":
		err := proc.ChildPrologue()
		json.NewEncoder(rawFile(3)).Encode(takeReport(role, args, err))
		os.Exit(0)
	case "orphan": // leaves a grandchild that lives until fd 3 ends
		_, err := proc.Start(proc.Spec{Role: "hang-early", Files: []int{4, 3}})
		must(err)
		os.Exit(0)
	case "daemonize":
		daemonize(args)
	case "title":
		titleRole(args)
	case proc.RoleProbe:
		os.Exit(proc.RunProbe(args))
	case "fence":
		fenceRole(args[0])
	case "under-filter":
		underFilterRole(args[0])
	case "nofile":
		nofileRole(args)
	}
	fmt.Fprintln(os.Stderr, "unknown role", role)
	os.Exit(99)
}

// rawFile wraps a descriptor for blocking reads and writes.
type rawFile int

func (f rawFile) Write(p []byte) (int, error) { return unix.Write(int(f), p) }

func (f rawFile) Read(p []byte) (int, error) {
	for {
		n, err := unix.Read(int(f), p)
		switch {
		case err == unix.EINTR:
			continue
		case err == nil && n == 0:
			return 0, io.EOF
		}
		return max(n, 0), err
	}
}

func must(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(98)
	}
}

func readByte(fd int) byte {
	var b [1]byte
	rawFile(fd).Read(b[:])
	return b[0]
}

// report is what a child sees of itself.
type report struct {
	Role    string
	Args    []string
	Argv    []string
	Env     []string
	FDs     map[string]string
	Cmdline string
	Comm    string
	OOM     int
	Nice    int
	CPUs    int
	Core    uint64
	Ignored uint64 // SigIgn of /proc/self/status
	Err     string
}

func takeReport(role string, args []string, err error) report {
	r := report{Role: role, Args: args, Argv: os.Args, Env: os.Environ(), FDs: openFDs()}
	if err != nil {
		r.Err = err.Error()
	}
	r.Cmdline = readString("/proc/self/cmdline")
	r.Comm = strings.TrimSpace(readString("/proc/self/comm"))
	r.OOM, _ = proc.OOMScoreAdj()
	raw, _ := unix.Getpriority(unix.PRIO_PROCESS, 0)
	r.Nice = 20 - raw
	var set unix.CPUSet
	unix.SchedGetaffinity(0, &set)
	r.CPUs = set.Count()
	var core unix.Rlimit
	unix.Getrlimit(unix.RLIMIT_CORE, &core)
	r.Core = core.Cur
	for line := range strings.Lines(readString("/proc/self/status")) {
		if v, ok := strings.CutPrefix(line, "SigIgn:"); ok {
			r.Ignored, _ = strconv.ParseUint(strings.TrimSpace(v), 16, 64)
		}
	}
	return r
}

func readString(path string) string {
	b, _ := os.ReadFile(path)
	return string(b)
}

// openFDs maps the open descriptors of this process to what they are, without
// those of the Go runtime's own poller.
func openFDs() map[string]string {
	fds := make(map[string]string)
	names, _ := os.ReadDir("/proc/self/fd")
	for _, n := range names {
		to, err := os.Readlink("/proc/self/fd/" + n.Name())
		own := strings.HasPrefix(to, "anon_inode:") || strings.HasPrefix(to, "/sys/fs/cgroup")
		if err != nil || own {
			continue // the descriptor of ReadDir itself is closed by now
		}
		fds[n.Name()] = to
	}
	return fds
}

func pipe(t testing.TB, mode proc.PipeMode) (r, w int) {
	t.Helper()
	r, w, err := proc.Pipe(mode)
	check.NoErr(t, err)
	return r, w
}

// start starts a child that does not outlive the test, whatever becomes of it.
func start(t testing.TB, s proc.Spec) *proc.Child {
	t.Helper()
	// A child built with the race detector would sleep a second before it exits.
	s.Env = append(s.Env, "GORACE=atexit_sleep_ms=0")
	c, err := proc.Start(s)
	check.NoErr(t, err)
	t.Cleanup(func() {
		if pid, err := unix.Wait4(c.Pid, nil, unix.WNOHANG, nil); err == nil && pid == 0 {
			unix.Kill(c.Pid, unix.SIGKILL)
			unix.Wait4(c.Pid, nil, 0, nil)
		}
	})
	return c
}

// waitEnd blocks until a child has ended and leaves it to be reaped.
func waitEnd(t testing.TB, pid int) {
	t.Helper()
	for {
		err := unix.Waitid(unix.P_PID, pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err == unix.EINTR {
			continue
		}
		check.NoErr(t, err)
		return
	}
}

// noChildren fails if the process has any child, alive or zombie.
func noChildren(t testing.TB) {
	t.Helper()
	_, err := unix.Wait4(-1, nil, unix.WNOHANG, nil)
	check.ErrIs(t, err, unix.ECHILD)
}

func childReport(t testing.TB, s proc.Spec) report {
	t.Helper()
	r, w := pipe(t, 0)
	s.Role, s.Files = "report", append([]int{w}, s.Files...)
	c := start(t, s)
	unix.Close(w)
	var rep report
	check.NoErr(t, json.NewDecoder(rawFile(r)).Decode(&rep))
	unix.Close(r)
	waitEnd(t, c.Pid)
	var table proc.Table
	var exit proc.Exit
	table.Add(c.Pid, "report", func(e proc.Exit) { exit = e })
	check.Eq(t, len(table.Reap()), 0)
	check.True(t, exit.OK(), exit.String())
	return rep
}
