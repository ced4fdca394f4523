package daemon_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// hung waits until the child has stood still for longer than the time between two of
// its signs of life.
func hung(t *testing.T, s *rig.Server) {
	t.Helper()
	rig.Eventually(t, "child that stands still", func() bool { return s.Int("child_idle_ms") > 1200 })
}

// history is DEBUG CHILDREN, the latest first.
func history(t *testing.T, s *rig.Server) []map[string]string {
	t.Helper()
	var out []map[string]string
	for _, e := range s.Do("DEBUG", "CHILDREN").([]any) {
		m := map[string]string{}
		switch e := e.(type) {
		case map[any]any:
			for k, v := range e {
				m[fmt.Sprint(k)] = fmt.Sprint(v)
			}
		case []any:
			for i := 0; i+1 < len(e); i += 2 {
				m[fmt.Sprint(e[i])] = fmt.Sprint(e[i+1])
			}
		}
		out = append(out, m)
	}
	return out
}

// TestHungChild lets a child hang in each of its phases. The daemon ends it, says why,
// has nothing left of it, and makes the next one when it is asked.
func TestHungChild(t *testing.T) {
	points := map[string][]string{
		"save":    {"child-begin", "child-snapshot-end", "child-before-sync"},
		"rewrite": {"child-begin", "child-snapshot-end", "child-before-stop", "child-before-sync", "child-before-rename"},
	}
	for _, j := range jobs() {
		for _, point := range points[j.name] {
			t.Run(j.name+"/"+point, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
				s.Fill(100, 20)
				want := s.Digest()
				s.Kill()
				s.SetEnv("REDISD_FAILPOINTS=" + point + "=hang")
				s.Restart()
				fds := len(s.FDs())
				mark := s.Mark()
				s.Do(j.command)
				s.Do("SET", "during", point)
				hung(t, s)
				check.Eq(t, s.Field(j.running), "1")
				s.Do("DEBUG", "CHILD-IDLE", "60")
				s.WaitIdle()
				check.Eq(t, s.Field(j.status), "err")
				check.Eq(t, s.Field("child_timeouts"), "1")
				check.Eq(t, s.Field("child_last_failure_kind"), j.name)
				check.Contains(t, s.Field("child_last_failure_reason"), "no progress for 6")
				check.True(t, s.Int("child_backoff_sec") > 50, "automatic jobs wait")
				check.Contains(t, s.LogSince(mark), "is given up: no progress for 6")
				check.Eq(t, strings.Count(s.LogSince(mark), "is given up"), 1)
				s.Clean(fds)
				check.Eq(t, history(t, s)[0]["result"], "failed")

				// It serves, and has lost nothing.
				s.Do("DEL", "during")
				check.Eq(t, s.Digest(), want)
				s.Kill()
				s.SetEnv()
				s.Restart()
				check.Eq(t, s.Digest(), want)
				j.runs(t, s)
			})
		}
	}
}

// TestStoppedChild stops a child that is busy. It does not follow SIGUSR1 and is
// killed. A job that somebody asks for then does not wait, and its success ends the
// waiting of the automatic ones.
func TestStoppedChild(t *testing.T) {
	for _, j := range jobs() {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
			s.Fill(50, 20)
			fds := len(s.FDs()) // before a job, whose old file is closed in the background
			j.runs(t, s)
			mark := s.Mark()
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "1000000")
			s.Do(j.command)
			pid, _ := s.Child()
			rig.KillPid(t, pid, syscall.SIGSTOP)
			rig.Eventually(t, "stopped child", func() bool { return processState(pid) == "T" })
			want := s.Digest()
			hung(t, s)
			s.Do("DEBUG", "CHILD-IDLE", "60")
			s.WaitField("child_timeouts", "1")
			check.True(t, !rig.Gone(pid), "a stopped process does not follow SIGUSR1")
			s.Do("DEBUG", "CHILD-IDLE", "2")
			s.WaitIdle()
			check.True(t, rig.Gone(pid), "killed")
			check.Eq(t, s.Field("child_last_exit"), "signal 9 SIGKILL")
			check.Eq(t, s.Field(j.status), "err")
			check.Contains(t, s.LogSince(mark), "has not ended")
			s.Clean(fds)
			check.Eq(t, s.Digest(), want)
			h := history(t, s)
			check.Eq(t, len(h), 2)
			check.Eq(t, []string{h[0]["kind"], h[0]["result"], h[0]["exit"], h[0]["pid"]},
				[]string{j.name, "failed", "signal 9 SIGKILL", fmt.Sprint(pid)})
			check.Eq(t, []string{h[1]["result"], h[1]["exit"], h[1]["keys"], h[1]["reason"]}, []string{"ok", "exit 0", "50", ""})

			s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
			j.runs(t, s)
			check.Eq(t, s.Field("child_backoff_sec"), "0")
			check.Eq(t, s.Field("child_jobs"), "3")
			check.Eq(t, s.Field("child_jobs_failed"), "1")
			s.Kill()
			s.Restart()
			check.Eq(t, s.Digest(), want)
		})
	}
}

// TestSlowChildIsLeftAlone has the time pass for a child that gets on, if slowly.
func TestSlowChildIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--rdb-key-save-delay", "300000", "--child-timeout", "10"}})
	s.Fill(10, 20)
	s.Do("BGSAVE")
	for s.Field("rdb_bgsave_in_progress") == "1" {
		before := s.Int("child_idle_ms")
		rig.Eventually(t, "progress", func() bool {
			return s.Int("child_idle_ms") < before+100 || s.Field("rdb_bgsave_in_progress") == "0"
		})
		s.Do("DEBUG", "CHILD-IDLE", "8") // less than the limit; the next sign of work forgets it
		rig.Eventually(t, "progress", func() bool {
			return s.Int("child_idle_ms") < 8000 || s.Field("rdb_bgsave_in_progress") == "0"
		})
	}
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	check.Eq(t, s.Field("child_timeouts"), "0")
}

// TestFailedChildren shows children that end by themselves in the history.
func TestFailedChildren(t *testing.T) {
	tests := []struct{ action, exit, reason string }{
		{"exit:1", "exit 1", "persist: child exited with 1"},
		{"kill", "signal 9 SIGKILL", "persist: child ended by signal 9"},
		{"error:ENOSPC", "exit 1", "no space left on device"},
	}
	for _, tc := range tests {
		for _, j := range jobs() {
			t.Run(tc.action+"/"+j.name, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"},
					Env: []string{"REDISD_FAILPOINTS=child-before-sync=" + tc.action}})
				s.Fill(20, 20)
				fds := len(s.FDs())
				s.Do(j.command)
				s.WaitIdle()
				s.Clean(fds)
				h := history(t, s)[0]
				check.Eq(t, []string{h["kind"], h["result"], h["exit"]}, []string{j.name, "failed", tc.exit})
				check.Contains(t, h["reason"], tc.reason)
				check.Contains(t, s.Field("child_last_failure_reason"), tc.reason)
				check.Eq(t, s.Field("child_timeouts"), "0")
				// No hang: save points and growth have their own rules.
				check.Eq(t, s.Field("child_backoff_sec"), "0")
			})
		}
	}
}
