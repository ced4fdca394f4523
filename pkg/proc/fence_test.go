package proc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/proc"
	"redisd/test/sysfilter"
)

// fenceRole is a child that tries what a fenced one may and may not do, and tells of
// it on descriptor 3.
func fenceRole(dir string) {
	fence, _ := proc.FencedPrologue()
	errText := func(err error) string {
		if err == nil {
			return "ok"
		}
		return unix.ErrnoName(errnoOf(err))
	}
	open := func(name string, flag int) string {
		f, err := os.OpenFile(name, flag, 0o600)
		if err == nil {
			f.Close()
		}
		return errText(err)
	}
	out := map[string]string{"fence": fence}
	data := filepath.Join(dir, "data")
	out["create"] = open(data, os.O_CREATE|os.O_RDWR)
	out["rename"] = errText(os.Rename(data, data+"2"))
	out["rename below"] = errText(os.Rename(data+"2", filepath.Join(dir, "sub", "data")))
	out["truncate"] = open(filepath.Join(dir, "sub", "data"), os.O_TRUNC|os.O_RDWR)
	out["list"] = func() string { _, err := os.ReadDir(dir); return errText(err) }()
	out["remove"] = errText(os.Remove(filepath.Join(dir, "sub", "data")))
	out["link"] = errText(os.Symlink("/etc/passwd", data))
	out["read outside"] = open("/etc/passwd", os.O_RDONLY)
	out["write outside"] = open("/etc/passwd", os.O_WRONLY)
	out["create outside"] = open(filepath.Join(dir, "..", "outside"), os.O_CREATE|os.O_RDWR)
	out["chmod"] = errText(os.Chmod(dir, 0o777))
	_, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	out["socket"] = errText(err)
	_, err = unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	out["unix socket"] = errText(err)
	if strings.Contains(fence, "seccomp=on") { // else it would work
		out["exec"] = errText(syscall.Exec("/bin/true", []string{"true"}, nil))
		_, err = syscall.ForkExec("/bin/true", []string{"true"}, &syscall.ProcAttr{})
		out["fork"] = errText(err)
	}
	out["kill parent"] = errText(unix.Kill(unix.Getppid(), 0))
	out["kill all"] = errText(unix.Kill(-1, 0))
	out["kill self"] = errText(unix.Kill(unix.Getpid(), 0))
	_, err = unix.PtraceGetEventMsg(unix.Getppid())
	out["ptrace"] = errText(err)
	out["unshare"] = errText(unix.Unshare(unix.CLONE_NEWUSER))
	// Threads start, and the new ones are inside, too.
	thread := make(chan string)
	for range 20 {
		go func() { thread <- open("/etc/passwd", os.O_RDONLY) }()
	}
	for range 20 {
		out["read outside"] += "," + <-thread
	}
	must(json.NewEncoder(rawFile(3)).Encode(out))
	os.Exit(0)
}

func errnoOf(err error) unix.Errno {
	var errno unix.Errno
	errors.As(err, &errno)
	return errno
}

// fenced runs the role and gives what it told.
func fenced(t *testing.T, spec proc.Spec) map[string]string {
	t.Helper()
	base := t.TempDir()
	dir := filepath.Join(base, "data")
	check.NoErr(t, os.MkdirAll(filepath.Join(dir, "sub"), 0o755))
	if spec.Fence != nil && spec.Fence.Dirs != nil {
		spec.Fence.Dirs = []string{dir, filepath.Join(base, "not there")}
	}
	r, w, err := proc.Pipe(0)
	check.NoErr(t, err)
	spec.Role, spec.Args, spec.Files = "fence", []string{dir}, []int{w}
	child, err := proc.Start(spec)
	check.NoErr(t, err)
	unix.Close(w)
	out := map[string]string{}
	check.NoErr(t, json.NewDecoder(rawFile(r)).Decode(&out))
	var table proc.Table
	exit := proc.Exit{}
	table.Add(child.Pid, "fence", func(e proc.Exit) { exit = e })
	for table.Len() > 0 {
		table.Reap()
	}
	check.True(t, exit.OK(), "the child ends well: "+exit.String())
	return out
}

func TestFenceKeepsAChildIn(t *testing.T) {
	got := fenced(t, proc.Spec{Nice: 1, Fence: &proc.Fence{Dirs: []string{""}, Syscalls: true, IOLast: true, MemoryBytes: 1 << 30}})
	check.Contains(t, got["fence"], "seccomp=on,ioprio=7,memory=1073741824,nice=1")
	for what, want := range map[string]string{
		"create": "ok", "rename": "ok", "truncate": "ok", "list": "ok", "remove": "ok", "rename below": "ok", "kill self": "ok",
		"exec": "EPERM", "chmod": "EPERM", "socket": "EPERM", "unix socket": "EPERM", "fork": "EPERM", "kill parent": "EPERM",
		"kill all": "EPERM", "ptrace": "EPERM", "unshare": "EPERM",
	} {
		check.Eq(t, what+" "+got[what], what+" "+want)
	}
	if strings.Contains(got["fence"], "landlock=no(") {
		t.Skipf("no landlock here: %s (it needs Linux 5.13 and a build without cgo)", got["fence"])
	}
	check.Contains(t, got["fence"], "landlock=on")
	check.Eq(t, got["read outside"], strings.TrimSuffix(strings.Repeat("EACCES,", 21), ","))
	check.Eq(t, got["write outside"], "EACCES")
	check.Eq(t, got["create outside"], "EACCES")
	check.Eq(t, got["link"], "EACCES")
}

func TestNoFence(t *testing.T) {
	got := fenced(t, proc.Spec{})
	check.Eq(t, got["fence"], "landlock=off,seccomp=off,ioprio=off,memory=off,nice=off")
	for _, what := range []string{"create", "link", "chmod", "create outside", "socket", "kill parent"} {
		check.Eq(t, what+" "+got[what], what+" ok")
	}
}

// What is deadly is not tried, and told as such.
func TestFenceLeavesOutWhatIsDeadly(t *testing.T) {
	got := fenced(t, proc.Spec{Nice: 1, Avoid: proc.OptionalCalls(), CPUList: "0",
		Fence: &proc.Fence{Dirs: []string{""}, Syscalls: true, IOLast: true, MemoryBytes: 1 << 30}})
	check.Eq(t, got["fence"], "landlock=no(SIGSYS),seccomp=no(SIGSYS),ioprio=no(SIGSYS),memory=no(SIGSYS),nice=no(SIGSYS)")
	check.Eq(t, got["socket"], "ok")
}

// probeUnder starts a process under a filter that ends it for some calls, and gives
// what Deadly says there.
func probeUnder(t *testing.T, filter string) string {
	t.Helper()
	r, w, err := proc.Pipe(0)
	check.NoErr(t, err)
	child, err := proc.Start(proc.Spec{Role: "under-filter", Args: []string{filter}, Files: []int{w}})
	check.NoErr(t, err)
	unix.Close(w)
	var out string
	check.NoErr(t, json.NewDecoder(rawFile(r)).Decode(&out))
	_, err = unix.Wait4(child.Pid, nil, 0, nil)
	check.NoErr(t, err)
	return out
}

// underFilterRole puts the filter on itself; the probe, its child, inherits it.
func underFilterRole(filter string) {
	kill := map[string][]uint32{
		"none": {}, "one": {unix.SYS_SETPRIORITY},
		"resources": {unix.SYS_IOPRIO_SET, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETATTR, unix.SYS_SETPRIORITY},
		"new":       {unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_CACHESTAT, unix.SYS_SECCOMP},
	}
	if calls, ok := kill[filter]; ok {
		runtime.LockOSThread() // the probe is started from this thread
		must(sysfilter.KillOn(calls))
	}
	calls, err := proc.Deadly()
	must(err)
	slices.Sort(calls)
	must(json.NewEncoder(rawFile(3)).Encode(fmt.Sprint(calls)))
	os.Exit(0)
}

func TestDeadly(t *testing.T) {
	for filter, want := range map[string]string{
		"no filter": "[]", "none": "[]", "one": "[setpriority]",
		"resources": "[ioprio_set sched_setaffinity sched_setattr setpriority]",
		"new":       "[cachestat landlock seccomp]",
	} {
		t.Run(filter, func(t *testing.T) { check.Eq(t, probeUnder(t, filter), want) })
	}
}

func TestPipeUnread(t *testing.T) {
	r, w, err := proc.Pipe(0)
	check.NoErr(t, err)
	defer unix.Close(r)
	_, err = unix.Write(w, make([]byte, 100))
	check.NoErr(t, err)
	_, err = unix.Read(r, make([]byte, 30))
	check.NoErr(t, err)
	for _, fd := range []int{r, w} {
		n, err := proc.PipeUnread(fd)
		check.NoErr(t, err)
		check.Eq(t, n, 70)
	}
	unix.Close(w)
	_, err = proc.PipeUnread(w)
	check.ErrIs(t, err, unix.EBADF)
}
