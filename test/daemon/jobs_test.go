package daemon_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// jobs are the two kinds of children, for tests that hold for both.
func jobs() []job {
	return []job{
		{name: "save", command: "BGSAVE", title: "redis-rdb-bgsave", temp: "temp-%d.rdb", status: "rdb_last_bgsave_status",
			running: "rdb_bgsave_in_progress", success: "Background saving terminated with success", what: "Background saving"},
		{name: "rewrite", command: "BGREWRITEAOF", title: "redis-aof-rewrite", temp: "temp-rewriteaof-%d.aof", status: "aof_last_bgrewrite_status",
			running: "aof_rewrite_in_progress", success: "Background AOF rewrite finished successfully", what: "Background AOF rewrite"},
	}
}

type job struct {
	name, command, title string
	temp                 string // name of the temporary file, with the child's process id
	status, running      string // fields of INFO
	success              string // last line of a job that went well
	what                 string // how lines about its end begin
}

// runs starts a job and waits for its end, which must be a good one.
func (j job) runs(t *testing.T, s *rig.Server) {
	t.Helper()
	mark := s.Mark()
	s.Do(j.command)
	s.WaitIdle()
	check.Eq(t, s.Field(j.status), "ok")
	check.Eq(t, s.Field("child_last_exit"), "exit 0")
	s.WaitLog(mark, j.success)
	check.Eq(t, len(s.Temps()), 0)
}

// TestChildIsAnotherProcessOfTheBinary looks at a child while it works and at what
// is left after it, with writers running all the time.
func TestChildIsAnotherProcessOfTheBinary(t *testing.T) {
	for _, j := range jobs() {
		t.Run(j.name, func(t *testing.T) {
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"}})
			s.Fill(keysOf(200_000, 1_500_000), 64)
			writers := s.Write(4)
			rig.Eventually(t, "writers", func() bool { return writers.Count() > 20 })
			s.WaitIdle()
			fds := len(s.FDs())

			mark := s.Mark()
			s.Do(j.command)
			pid, temp := s.Child()
			exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
			check.NoErr(t, err)
			check.Eq(t, exe, rig.Binary(t))
			title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
			check.NoErr(t, err)
			check.True(t, strings.HasPrefix(string(title), j.title+" "), fmt.Sprintf("title of the child: %q", title))
			check.Eq(t, temp, fmt.Sprintf(j.temp, pid))
			check.Contains(t, s.LogSince(mark), fmt.Sprintf("started by pid %d", pid))

			s.WaitIdle()
			writers.Stop(t)
			check.Eq(t, s.Field(j.status), "ok")
			check.Eq(t, s.Field("child_last_exit"), "exit 0")
			s.WaitLog(mark, j.success)
			s.Clean(fds)
			check.True(t, rig.Gone(pid), "the child is gone")

			// Nothing that was written is only in memory.
			want := s.Digest()
			s.Kill()
			s.Restart()
			check.Eq(t, s.Digest(), want)
		})
	}
}

// TestJobsLeaveNothingBehind runs many jobs in a row and counts what the daemon
// has open.
func TestJobsLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
	s.Fill(1000, 20)
	for _, j := range jobs() {
		j.runs(t, s)
	}
	fds := len(s.FDs())
	for range 15 {
		for _, j := range jobs() {
			j.runs(t, s)
		}
	}
	s.Clean(fds)
	check.Eq(t, s.Int("aof_rewrites"), 16)
	check.Eq(t, s.Int("rdb_saves"), 16)
}

// TestOneChildAtATime asks for a second job while one runs.
func TestOneChildAtATime(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--rdb-key-save-delay", "100000"}})
	s.Fill(20, 10)
	check.Eq(t, s.Do("BGSAVE"), any("Background saving started"))
	pid, _ := s.Child()
	check.Contains(t, s.Fails("BGSAVE"), "Background save already in progress")
	check.Contains(t, s.Fails("SAVE"), "Background save already in progress")
	check.Eq(t, s.Do("BGREWRITEAOF"), any("Background append only file rewriting scheduled"))
	check.Eq(t, s.Field("aof_rewrite_scheduled"), "1")
	check.Eq(t, s.Do("CONFIG", "SET", "rdb-key-save-delay", "10000"), any("OK"))
	// The rewrite starts when the save has ended.
	s.WaitField("aof_rewrite_in_progress", "1")
	check.True(t, rig.Gone(pid), "the save's child is gone before the rewrite's is started")
	check.Contains(t, s.Fails("BGREWRITEAOF"), "Background append only file rewriting already in progress")
	check.Contains(t, s.Fails("BGSAVE"), "Another child process is active (AOF?): can't BGSAVE right now.")
	check.Eq(t, s.Do("BGSAVE", "SCHEDULE"), any("Background saving scheduled"))
	s.WaitField("rdb_bgsave_in_progress", "1")
	s.WaitIdle()
	check.Eq(t, s.Int("rdb_saves"), 2)
	check.Eq(t, s.Int("aof_rewrites"), 1)
}
