package proc_test

import (
	"math"
	"os"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/proc"
)

func TestChildSeesItsSpec(t *testing.T) {
	oom := 300
	t.Setenv("NOTIFY_SOCKET", "/run/systemd/notify")
	t.Setenv("LISTEN_FDS", "2")
	t.Setenv("TZ", "UTC")
	rep := childReport(t, proc.Spec{
		Title:       "redis-rdb-bgsave *:6379",
		Args:        []string{"one", "", "two words=x"},
		Env:         []string{"EXTRA=1"},
		Nice:        3,
		OOMScoreAdj: &oom,
		CPUList:     "0",
		Limits:      []proc.Limit{{Resource: unix.RLIMIT_CORE, Cur: 0, Max: 0}},
	})
	check.Eq(t, rep.Err, "")
	check.Eq(t, rep.Role, "report")
	check.Eq(t, rep.Args, []string{"one", "", "two words=x"})
	check.Eq(t, rep.Argv, []string{"redis-rdb-bgsave *:6379"})
	check.Eq(t, rep.Cmdline, "redis-rdb-bgsave *:6379\x00")
	check.Eq(t, rep.Comm, "redis-rdb-bgsav")
	check.Eq(t, rep.OOM, 300)
	check.Eq(t, rep.Nice, 3)
	check.Eq(t, rep.CPUs, 1)
	check.Eq(t, rep.Core, uint64(0))
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGPIPE} {
		check.True(t, rep.Ignored&(1<<(uint(s)-1)) != 0, unix.SignalName(s)+" is ignored")
	}
	check.Eq(t, keep(rep.Env, "GO"), []string{"TZ=UTC", "EXTRA=1"})
}

// keep drops the variables of the Go tools that the test itself runs under.
func keep(env []string, dropPrefix string) []string {
	var out []string
	for _, kv := range env {
		if !strings.HasPrefix(kv, dropPrefix) {
			out = append(out, kv)
		}
	}
	return out
}

func TestChildHasOnlyTheFilesOfItsSpec(t *testing.T) {
	own, err := os.CreateTemp(t.TempDir(), "handed")
	check.NoErr(t, err)
	defer own.Close()
	secret, err := os.CreateTemp(t.TempDir(), "secret")
	check.NoErr(t, err)
	defer secret.Close()
	r, w := pipe(t, proc.NonblockRead|proc.NonblockWrite)
	defer unix.Close(r)
	defer unix.Close(w)

	rep := childReport(t, proc.Spec{Files: []int{int(own.Fd())}})
	check.Eq(t, rep.FDs["0"], "/dev/null")
	check.Eq(t, rep.FDs["4"], own.Name())
	delete(rep.FDs, "0")
	for fd, to := range rep.FDs {
		check.True(t, len(fd) == 1 && fd[0] <= '4', "descriptor "+fd+" "+to+" leaked into the child")
	}
	check.True(t, !strings.Contains(strings.Join(values(rep.FDs), " "), "secret"), "no other file")
}

func values(m map[string]string) (out []string) {
	for _, v := range m {
		out = append(out, v)
	}
	return out
}

func TestCloseOnExecFromCoversInheritedDescriptors(t *testing.T) {
	fd, err := unix.Open("/dev/zero", unix.O_RDONLY, 0) // as systemd hands sockets over
	check.NoErr(t, err)
	defer unix.Close(fd)
	check.NoErr(t, proc.CloseOnExecFrom(3))
	flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
	check.NoErr(t, err)
	check.Eq(t, flags&unix.FD_CLOEXEC, unix.FD_CLOEXEC)
	rep := childReport(t, proc.Spec{})
	check.True(t, !strings.Contains(strings.Join(values(rep.FDs), " "), "/dev/zero"), "not inherited")
}

// A child whose start fails, and one that ran, leave the parent's descriptors as
// they were.
func TestStartLeaksNoDescriptor(t *testing.T) {
	childReport(t, proc.Spec{}) // whatever is opened once and kept
	before := openFDs()
	for range 5 {
		childReport(t, proc.Spec{})
		_, err := proc.Start(proc.Spec{Role: "exit", Files: []int{-1}})
		check.ErrContains(t, err, "bad descriptor")
		_, err = proc.Start(proc.Spec{Role: "exit", Files: []int{1 << 19}})
		check.ErrIs(t, err, unix.EBADF)
		_, err = proc.Start(proc.Spec{Role: "exit", Args: []string{strings.Repeat("x", 1<<20)}})
		check.ErrIs(t, err, unix.E2BIG)
	}
	check.Eq(t, openFDs(), before)
	noChildren(t)
}

func TestStartMeasuresItself(t *testing.T) {
	var table proc.Table
	c := start(t, proc.Spec{Role: "exit", Args: []string{"0"}})
	check.True(t, c.StartMicros > 0 && c.StartMicros < 5e6, "microseconds")
	t.Logf("start took %d us", c.StartMicros)
	waitEnd(t, c.Pid)
	table.Add(c.Pid, "x", func(proc.Exit) {})
	table.Reap()
	_, err := proc.Start(proc.Spec{})
	check.ErrContains(t, err, "without a role")
}

// What cannot be applied is told, and the rest is.
func TestPrologueGoesOnAfterAnError(t *testing.T) {
	rep := childReport(t, proc.Spec{
		CPUList: "1023",
		Nice:    2,
		Limits:  []proc.Limit{{Resource: 99, Cur: 1, Max: 1}},
	})
	check.Contains(t, rep.Err, "cpus 1023")
	check.Contains(t, rep.Err, "setrlimit 99")
	check.Eq(t, rep.Nice, 2)
}

func TestPipeModes(t *testing.T) {
	tests := []struct {
		name   string
		mode   proc.PipeMode
		rd, wr bool
	}{
		{"both block", 0, false, false},
		{"reader does not", proc.NonblockRead, true, false},
		{"writer does not", proc.NonblockWrite, false, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, w := pipe(t, tt.mode)
			defer unix.Close(r)
			defer unix.Close(w)
			for fd, want := range map[int]bool{r: tt.rd, w: tt.wr} {
				fl, err := unix.FcntlInt(uintptr(fd), unix.F_GETFL, 0)
				check.NoErr(t, err)
				check.Eq(t, fl&unix.O_NONBLOCK != 0, want)
				fl, err = unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0)
				check.NoErr(t, err)
				check.Eq(t, fl&unix.FD_CLOEXEC, unix.FD_CLOEXEC)
			}
			n, err := proc.SetPipeSize(w, 200_000)
			check.NoErr(t, err)
			check.Eq(t, n, 256<<10)
			n, err = proc.SetPipeSize(w, math.MaxUint32)
			check.True(t, err != nil && n == 256<<10, "a refused size leaves the old one")
		})
	}
}
