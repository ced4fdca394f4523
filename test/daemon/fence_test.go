package daemon_test

import (
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/test/rig"
)

// standing is what the system says of a process.
type standing struct {
	nice   int    // of all its threads
	io     int    // class and priority, of all its threads
	memory string // RLIMIT_DATA, soft and hard
}

// bestEffortLast is the last place of the best-effort class.
const bestEffortLast = 2<<13 | 7

// seenFrom looks at a process from outside.
func seenFrom(t *testing.T, pid int) standing {
	t.Helper()
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	check.NoErr(t, err)
	fields := strings.Fields(regexp.MustCompile(`Max data size.*`).FindString(string(limits)))
	check.Eq(t, len(fields), 6)
	s := standing{memory: fields[3] + " " + fields[4]}
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	check.NoErr(t, err)
	for i, task := range tasks {
		tid, err := strconv.Atoi(task.Name())
		check.NoErr(t, err)
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/stat", pid, tid))
		check.NoErr(t, err)
		_, rest, _ := strings.Cut(string(stat), ") ")
		nice, err := strconv.Atoi(strings.Fields(rest)[16])
		check.NoErr(t, err)
		io, _, errno := unix.Syscall(unix.SYS_IOPRIO_GET, 1, uintptr(tid), 0)
		check.Eq(t, errno, unix.Errno(0))
		if i == 0 {
			s.nice, s.io = nice, int(io)
		}
		check.Eq(t, []int{nice, int(io)}, []int{s.nice, s.io})
	}
	return s
}

// limitIn is the bound of memory that a fence tells, as seenFrom gives it.
func limitIn(fence string) string {
	_, rest, _ := strings.Cut(fence, "memory=")
	n, _, _ := strings.Cut(rest, ",")
	return n + " " + n
}

// TestFilterThatRefuses runs the daemon under a filter with an error number: what it
// refuses is left out, INFO says so, and jobs work.
func TestFilterThatRefuses(t *testing.T) {
	tests := []struct {
		name  string
		calls []uint32
		fence string
		want  func(daemon, child standing) standing // of the child
	}{
		{"all", []uint32{unix.SYS_IOPRIO_SET, unix.SYS_SETPRIORITY, unix.SYS_SETRLIMIT, unix.SYS_PRLIMIT64,
			unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_SECCOMP},
			"landlock=no(EPERM),seccomp=no(EPERM),ioprio=no(EPERM),memory=no(EPERM),nice=no(EPERM),",
			func(daemon, _ standing) standing { return daemon }},
		{"ioprio", []uint32{unix.SYS_IOPRIO_SET}, "landlock=on,seccomp=on,ioprio=no(EPERM),memory=5",
			func(daemon, child standing) standing {
				return standing{min(daemon.nice+10, 19), daemon.io, child.memory}
			}},
		{"priority", []uint32{unix.SYS_SETPRIORITY}, "landlock=on,seccomp=on,ioprio=7,memory=5",
			func(daemon, child standing) standing { return standing{daemon.nice, bestEffortLast, child.memory} }},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := rig.Options{Args: []string{"--appendonly", "yes"}}
			s := rig.Start(t, o.Refused(rig.Binary(t), tc.calls...))
			check.True(t, !strings.Contains(s.Log(), "which are left out"), "nothing is deadly")
			s.Fill(20, 20)
			fds := len(s.FDs())
			for _, j := range jobs() {
				j.runs(t, s)
				check.True(t, strings.HasPrefix(s.Field("child_fence"), tc.fence), "child_fence: "+s.Field("child_fence"))
				check.Eq(t, strings.Contains(s.Field("child_fence"), "nice=no(EPERM)"), tc.name != "ioprio")
			}
			s.Clean(fds)
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "1000000")
			s.Do("BGSAVE")
			pid, _ := s.Child()
			child := seenFrom(t, pid)
			check.Eq(t, child, tc.want(seenFrom(t, s.Pid()), child))
			if tc.name == "all" {
				check.Eq(t, child.memory, seenFrom(t, s.Pid()).memory)
			} else {
				check.Eq(t, child.memory, limitIn(s.Field("child_fence")))
			}
			rig.KillPid(t, pid, unix.SIGUSR1)
			s.WaitIdle()
			reborn(t, s)
		})
	}
}

// TestFencedChild looks at a child from outside: what the system says of it, and what
// INFO tells.
func TestFencedChild(t *testing.T) {
	for _, j := range jobs() {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
			s.Fill(20, 20)
			j.runs(t, s)
			fence := s.Field("child_fence")
			for _, part := range []string{"landlock=on", "seccomp=on", "ioprio=7", "memory=5", "nice=10", "cgroup="} {
				check.Contains(t, fence, part)
			}
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "1000000")
			s.Do(j.command)
			pid, _ := s.Child()
			status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
			check.NoErr(t, err)
			check.Contains(t, string(status), "NoNewPrivs:\t1")
			check.Contains(t, string(status), "Seccomp:\t2")
			check.Eq(t, seenFrom(t, pid), standing{nice: min(seenFrom(t, s.Pid()).nice+10, 19), io: bestEffortLast, memory: limitIn(fence)})
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
			rig.KillPid(t, pid, unix.SIGUSR1)
			s.WaitIdle()

			s.Do("CONFIG", "SET", "child-fence", "no")
			j.runs(t, s)
			check.Eq(t, s.Field("child_fence"), "landlock=off,seccomp=off,ioprio=off,memory=off,nice=10,cgroup=off")
			s.Do("CONFIG", "SET", "child-fence", "syscalls io")
			j.runs(t, s)
			check.Eq(t, s.Field("child_fence"), "landlock=off,seccomp=on,ioprio=7,memory=off,nice=10,cgroup=off")
		})
	}
}

// TestFilterThatKills runs the daemon under a filter like systemd's
// SystemCallFilter=~@resources, which ends who makes such a call, and under one that
// knows none of the newer calls. Jobs work, and INFO says what is off.
func TestFilterThatKills(t *testing.T) {
	tests := []struct {
		name  string
		calls []uint32
		off   string // these, in the order of OptionalCalls
		fence string
	}{
		{"resources", []uint32{unix.SYS_IOPRIO_SET, unix.SYS_SCHED_SETAFFINITY, unix.SYS_SCHED_SETATTR, unix.SYS_SETPRIORITY, unix.SYS_MBIND,
			unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SET_MEMPOLICY, unix.SYS_SETRLIMIT},
			"setpriority ioprio_set sched_setattr sched_setaffinity", "landlock=on,seccomp=on,ioprio=no(SIGSYS),memory="},
		{"newer calls", []uint32{unix.SYS_LANDLOCK_CREATE_RULESET, unix.SYS_SECCOMP, unix.SYS_CACHESTAT},
			"landlock seccomp cachestat", "landlock=no(SIGSYS),seccomp=no(SIGSYS),ioprio=7,memory="},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := rig.Options{Args: []string{"--appendonly", "yes", "--server-cpulist", "0-1023:1"}}
			s := rig.Start(t, o.Filtered(rig.Binary(t), tc.calls...))
			check.Contains(t, s.LogSince(0), "which are left out: "+tc.off+"\n")
			s.Fill(1000, 50)
			fds := len(s.FDs())
			for _, j := range jobs() {
				j.runs(t, s)
				check.True(t, strings.HasPrefix(s.Field("child_fence"), tc.fence), "child_fence: "+s.Field("child_fence"))
			}
			s.Clean(fds)
			want := s.Digest()
			s.Kill()
			s.Restart()
			check.Eq(t, s.Digest(), want)
		})
	}
}

// TestChildOutOfMemory bounds a child so that it cannot hold the largest value. The job
// fails with a reason that says so, and the server goes on.
func TestChildOutOfMemory(t *testing.T) {
	for _, j := range jobs() {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
			s.Do("SETRANGE", "big", 40<<20, "x")
			s.Fill(100, 20)
			fds := len(s.FDs())
			j.runs(t, s)
			want := s.Digest()
			mark := s.Mark()
			s.Do("CONFIG", "SET", "child-memory-limit", "24mb")
			s.Do(j.command)
			s.WaitIdle()
			check.Eq(t, s.Field(j.status), "err")
			check.Eq(t, s.Field("child_last_exit"), "exit 2")
			check.Contains(t, s.Field("child_last_failure_reason"), "out of memory (limit 24.00M, see child-memory-limit)")
			check.Contains(t, s.LogSince(mark), "fatal error: ")
			s.Clean(fds)
			check.Eq(t, s.Digest(), want)
			s.Do("CONFIG", "SET", "child-memory-limit", "0")
			j.runs(t, s)
			s.Kill()
			s.Restart()
			check.Eq(t, s.Digest(), want)
		})
	}
}

// TestChildGroup gives a daemon that is not root a control group of its own to divide.
func TestChildGroup(t *testing.T) {
	const user = 65534
	group := ""
	for _, mount := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		var st unix.Statfs_t
		if unix.Statfs(mount, &st) != nil || st.Type != unix.CGROUP2_SUPER_MAGIC {
			continue
		}
		dir := fmt.Sprintf("%s/redisd-test-%d", mount, os.Getpid())
		if os.Mkdir(dir, 0o755) == nil {
			group = dir
			t.Cleanup(func() { os.Remove(dir) })
		}
	}
	if group == "" || os.Geteuid() != 0 {
		rig.Skip(t, "no unified hierarchy of control groups that this test may write to")
	}
	for _, name := range []string{"", "/cgroup.procs"} {
		check.NoErr(t, os.Chown(group+name, user, user))
	}
	// The daemon is started inside by a shell that root moves there first.
	script := t.TempDir() + "/start"
	check.NoErr(t, os.WriteFile(script, []byte("#!/bin/sh\necho $$ > \"$GROUP/cgroup.procs\" || exit 9\nexec setpriv --reuid 65534 --regid 65534 --clear-groups \"$REDISD\" \"$@\"\n"), 0o755))
	dir, err := os.MkdirTemp("", "rdgroup")
	check.NoErr(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	check.NoErr(t, os.Chown(dir, user, user))
	s := rig.Start(t, rig.Options{Path: script, Dir: dir, Env: []string{"REDISD=" + rig.Binary(t), "GROUP=" + group}})
	t.Cleanup(s.Kill) // before the group is removed
	s.Fill(20, 20)
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "1000000")
	s.Do("BGSAVE")
	pid, _ := s.Child()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	check.NoErr(t, err)
	child := fmt.Sprintf("%s/redisd-%d-child", group, s.Pid())
	check.Contains(t, string(b), fmt.Sprintf("/redisd-test-%d/redisd-%d-child", os.Getpid(), s.Pid()))
	check.Contains(t, s.Field("child_fence"), "cgroup=on")
	rig.KillPid(t, pid, unix.SIGKILL)
	s.WaitIdle()
	_, err = os.Stat(child)
	check.True(t, os.IsNotExist(err), "the group goes with the child")
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
	s.Do("BGSAVE")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
}
