package daemon_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestChildGetsSignal sends a signal to a child that is busy, in both jobs, and
// checks what the operator sees of it, what is left, and that the next job works.
func TestChildGetsSignal(t *testing.T) {
	tests := []struct {
		name   string
		sigs   []syscall.Signal
		ends   bool   // the child ends by it
		status string // of the job afterwards
		exit   string // start of child_last_exit
		line   string // of the log, after the job's name; "" when it goes well
	}{
		{"KILL", []syscall.Signal{syscall.SIGKILL}, true, "err", "signal 9 SIGKILL", " terminated by signal 9"},
		{"SEGV", []syscall.Signal{syscall.SIGSEGV}, true, "err", "signal 11 SIGSEGV", " terminated by signal 11"},
		{"USR1 is no error", []syscall.Signal{syscall.SIGUSR1}, true, "ok", "exit 255", " terminated by signal 10"},
		{"TERM is ignored", []syscall.Signal{syscall.SIGTERM}, false, "ok", "exit 0", ""},
		{"INT is ignored", []syscall.Signal{syscall.SIGINT}, false, "ok", "exit 0", ""},
		{"HUP is ignored", []syscall.Signal{syscall.SIGHUP}, false, "ok", "exit 0", ""},
		{"STOP and CONT", []syscall.Signal{syscall.SIGSTOP}, false, "ok", "exit 0", ""},
	}
	for _, tc := range tests {
		for _, j := range jobs() {
			t.Run(tc.name+"/"+j.name, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
				s.Fill(50, 20)
				fds := len(s.FDs()) // before a job, whose old file is closed in the background
				j.runs(t, s)
				before := s.Digest()

				delay := "2000" // microseconds a key
				if tc.ends {
					delay = "1000000"
				}
				s.Do("CONFIG", "SET", "rdb-key-save-delay", delay)
				mark := s.Mark()
				s.Do(j.command)
				pid, _ := s.Child()
				for _, sig := range tc.sigs {
					rig.KillPid(t, pid, sig)
				}
				if tc.sigs[0] == syscall.SIGSTOP {
					// A child that stands still holds nobody up.
					rig.Eventually(t, "stopped child", func() bool { return processState(pid) == "T" })
					for i := range 200 {
						s.Do("SET", fmt.Sprintf("stopped:%d", i), "x")
					}
					check.Eq(t, s.Field(j.running), "1")
					rig.KillPid(t, pid, syscall.SIGCONT)
					before = s.Digest()
				}
				s.WaitIdle()
				check.Eq(t, s.Field(j.status), tc.status)
				check.True(t, strings.HasPrefix(s.Field("child_last_exit"), tc.exit), "child_last_exit: "+s.Field("child_last_exit"))
				if tc.line != "" {
					s.WaitLog(mark, j.what+tc.line)
				} else {
					s.WaitLog(mark, j.success)
				}
				s.Clean(fds)
				check.True(t, rig.Gone(pid), "the child is gone")

				// The server serves, and the next job is a good one.
				check.Eq(t, s.Digest(), before)
				s.Do("SET", "after", tc.name)
				s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
				j.runs(t, s)
				s.Clean(fds)
				want := s.Digest()
				s.Kill()
				s.Restart()
				check.Eq(t, s.Digest(), want)
			})
		}
	}
}

// processState is the letter of /proc/PID/stat.
func processState(pid int) string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return rest[:1]
}

// TestParentDiesWhileTheChildWorks kills the daemon alone. The child has not got
// the whole snapshot in the first phase, and ends without a file; in the second it
// has, and may finish. The next start loads everything and removes what is left.
func TestParentDiesWhileTheChildWorks(t *testing.T) {
	for _, j := range jobs() {
		for _, phase := range []string{"sending", "sent"} {
			t.Run(j.name+"/"+phase, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "no"}})
				if phase == "sending" {
					// More than the pipe and the child's queue take.
					s.Do("DEBUG", "POPULATE", "3000", "big", "20000")
					s.Do("CONFIG", "SET", "rdb-key-save-delay", "20000")
				} else {
					s.Do("CONFIG", "SET", "rdb-key-save-delay", "30000")
				}
				s.Fill(60, 30)
				if phase == "sending" {
					// POPULATE is not logged: a rewrite brings it into the file.
					s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
					s.Do("BGREWRITEAOF")
					s.WaitIdle()
					s.Do("CONFIG", "SET", "rdb-key-save-delay", "20000")
				}
				want := s.Digest()
				s.Do(j.command)
				pid, _ := s.Child()
				if phase == "sent" {
					rig.Eventually(t, "end of sending", func() bool { return s.Field("snapshot_pending_bytes") == "0" })
				} else {
					rig.Eventually(t, "full pipe", func() bool { return s.Int("snapshot_pending_bytes") > 0 })
				}
				s.KillAlone()
				check.True(t, !rig.Gone(pid), "the child outlives its parent for a moment")
				rig.Eventually(t, "end of the child", func() bool { return rig.Gone(pid) })
				check.Eq(t, len(s.Temps()), 0)
				s.Restart()
				check.Eq(t, s.Digest(), want)
				s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
				j.runs(t, s)
			})
		}
	}
}

// TestStartBesideAnOrphan starts the daemon again at once, while the child of the
// killed one is still at work: its file is removed under it and never used, and
// removed by itself if it comes later.
func TestStartBesideAnOrphan(t *testing.T) {
	for _, j := range jobs() {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--rdb-key-save-delay", "10000"}})
			s.Fill(100, 30)
			s.Do(j.command)
			pid, temp := s.Child()
			s.Do("SET", "later", "than the cut")
			want := s.Digest()
			s.KillAlone()
			mark := s.Mark()
			s.Restart()
			check.Eq(t, s.Digest(), want)
			check.Contains(t, s.LogSince(mark), "Removed "+temp+", left by an earlier run")
			rig.Eventually(t, "end of the orphan", func() bool { return rig.Gone(pid) })
			check.Eq(t, len(s.Temps()), 0)
			// What the orphan wrote is no live file of the new daemon.
			s.Kill()
			s.Restart()
			check.Eq(t, s.Digest(), want)
			check.Eq(t, len(s.Temps()), 0)
		})
	}
}

// TestUnknownChildIsReaped gives the daemon a child that it did not start: a
// process whose parent was replaced by the daemon through exec.
func TestUnknownChildIsReaped(t *testing.T) {
	t.Parallel()
	script := t.TempDir() + "/start"
	check.NoErr(t, os.WriteFile(script, []byte("#!/bin/sh\nsleep 1 &\nexec \"$REDISD\" \"$@\"\n"), 0o755))
	s := rig.Start(t, rig.Options{Path: script, Env: []string{"REDISD=" + rig.Binary(t)}})
	s.WaitLog(0, "Warning, detected child with unmatched pid: ")
	rig.Eventually(t, "end of the unknown child", func() bool { return len(s.Children()) == 0 })
}
