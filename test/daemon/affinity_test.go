package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/test/rig"
)

// allowed counts a process's threads by the processors that they may use.
func allowed(t *testing.T, pid int) map[string]int {
	t.Helper()
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	check.NoErr(t, err)
	field := regexp.MustCompile(`Cpus_allowed_list:\s*(\S+)`)
	counts := map[string]int{}
	for _, f := range files {
		if text, err := os.ReadFile(f); err == nil { // a thread may end meanwhile
			counts[field.FindStringSubmatch(string(text))[1]]++
		}
	}
	return counts
}

// usable are the first and the last of the processors that the test may use.
func usable(t *testing.T) (first, last string) {
	t.Helper()
	var set unix.CPUSet
	check.NoErr(t, unix.SchedGetaffinity(0, &set))
	for i := range 1024 {
		if set.IsSet(i) {
			if last = fmt.Sprint(i); first == "" {
				first = last
			}
		}
	}
	return first, last
}

// TestCPULists binds the loop to one processor, what works for it in the background and
// a child to another one: no thread is anywhere else.
func TestCPULists(t *testing.T) {
	t.Parallel()
	first, last := usable(t)
	s := rig.Start(t, rig.Options{Args: []string{"--server-cpulist", first, "--bio-cpulist", last, "--aof-rewrite-cpulist", last, "--bgsave-cpulist", last,
		"--appendonly", "yes"}})
	const background = 6 // close, fsync, lazyfree, done handlers; the log's writer and syncer
	for range 2 {
		got := allowed(t, s.Pid())
		loop, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.Pid()))
		check.NoErr(t, err)
		check.Contains(t, string(loop), "Cpus_allowed_list:\t"+first+"\n")
		if first != last {
			check.Eq(t, got[last], background)
			check.Eq(t, len(got), 2)
		}
		s.Fill(2000, 100) // threads that start later keep to it, too
		s.Do("BGREWRITEAOF")
		s.WaitIdle()
	}
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "100000") // so that the child lives while it is looked at
	for _, j := range jobs() {
		s.Do(j.command)
		pid, _ := s.Child()
		check.Eq(t, len(allowed(t, pid)), 1)
		check.True(t, allowed(t, pid)[last] > 0, "the child is on its processors")
		check.NoErr(t, unix.Kill(pid, unix.SIGKILL))
		s.WaitIdle()
	}
}
