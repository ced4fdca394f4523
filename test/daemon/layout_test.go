package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// parts are the files of the folder of the multi-part layout, nil when there is none.
func parts(t *testing.T, s *rig.Server) []string {
	t.Helper()
	paths, err := filepath.Glob(s.File("appendonlydir/*"))
	check.NoErr(t, err)
	var names []string
	for _, p := range paths {
		names = append(names, strings.TrimPrefix(filepath.Base(p), "appendonly.aof."))
	}
	sort.Strings(names)
	return names
}

// waitParts waits until the folder has these files: history is removed in the background.
func waitParts(t *testing.T, s *rig.Server, want ...string) {
	t.Helper()
	rig.Eventually(t, fmt.Sprint(want), func() bool { return fmt.Sprint(parts(t, s)) == fmt.Sprint(want) })
}

// historyFiles counts the files that the manifest lists as history.
func historyFiles(t *testing.T, s *rig.Server) int {
	t.Helper()
	b, err := os.ReadFile(s.File("appendonlydir/appendonly.aof.manifest"))
	check.NoErr(t, err)
	return strings.Count(string(b), " type h")
}

// reborn kills the server and compares what the next one loads.
func reborn(t *testing.T, s *rig.Server, more ...string) {
	t.Helper()
	want := s.Digest()
	s.Kill()
	s.Restart(more...)
	check.Eq(t, s.Digest(), want)
}

// TestHistoryIsKeptOnDemand turns aof-disable-auto-gc on and off: what a rewrite has made
// superfluous stays, goes when it is turned off, and goes at a start.
func TestHistoryIsKeptOnDemand(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--aof-layout", "multipart", "--aof-disable-auto-gc", "yes",
		"--auto-aof-rewrite-percentage", "0"}})
	rewrite := func() {
		s.Do("INCR", "n")
		jobs()[1].runs(t, s)
	}
	s.Fill(100, 20)
	waitParts(t, s, "1.base.rdb", "1.incr.aof", "manifest")
	rewrite()
	rewrite()
	waitParts(t, s, "1.base.rdb", "1.incr.aof", "2.base.rdb", "2.incr.aof", "3.base.rdb", "3.incr.aof", "manifest")
	check.Eq(t, historyFiles(t, s), 4)
	reborn(t, s)
	check.Eq(t, historyFiles(t, s), 4)
	s.Do("CONFIG", "SET", "aof-disable-auto-gc", "no")
	waitParts(t, s, "3.base.rdb", "3.incr.aof", "manifest")
	check.Eq(t, historyFiles(t, s), 0)
	rewrite()
	waitParts(t, s, "4.base.rdb", "4.incr.aof", "manifest")
	s.Do("CONFIG", "SET", "aof-disable-auto-gc", "yes")
	rewrite()
	waitParts(t, s, "4.base.rdb", "4.incr.aof", "5.base.rdb", "5.incr.aof", "manifest")
	reborn(t, s, "--aof-disable-auto-gc", "no")
	waitParts(t, s, "5.base.rdb", "5.incr.aof", "manifest")
	check.Eq(t, historyFiles(t, s), 0)
	reborn(t, s)
}

// TestRewritesRestAfterFailures has automatic rewrites fail for want of room. After three
// they rest; one that somebody asks for does not, and its success ends the rest.
func TestRewritesRestAfterFailures(t *testing.T) {
	for _, layout := range []string{"file", "multipart"} {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--aof-layout", layout,
				"--auto-aof-rewrite-min-size", "1kb", "--auto-aof-rewrite-percentage", "0", "--hz", "100"}})
			s.Fill(100, 200)
			jobs()[1].runs(t, s) // a base
			s.Do("CONFIG", "SET", "auto-aof-rewrite-percentage", "50", "snapshot-min-free-space", "1000000gb")
			mark := s.Mark()
			s.Fill(100, 200)
			s.WaitLog(mark, "has repeatedly failed and triggered the limit, will retry in 1 minutes")
			check.Eq(t, s.Int("aof_rewrites_consecutive_failures"), int64(3))
			check.Eq(t, s.Field("aof_last_bgrewrite_status"), "err")
			check.Contains(t, s.Field("aof_last_bgrewrite_error"), "no room on the disk")

			s.Do("CONFIG", "SET", "snapshot-min-free-space", "0")
			beats := s.Int("uptime_in_seconds")
			rig.Eventually(t, "two seconds with a hundred beats each", func() bool { return s.Int("uptime_in_seconds") > beats+1 })
			check.Eq(t, s.Int("child_jobs"), int64(1)) // nothing was started
			check.Eq(t, s.Int("aof_rewrites_consecutive_failures"), int64(3))
			jobs()[1].runs(t, s)
			check.Eq(t, s.Int("aof_rewrites_consecutive_failures"), int64(0))
			s.Fill(100, 200)
			s.WaitField("aof_rewrites", "3") // of itself
			reborn(t, s)
		})
	}
}

// more waits for writes.
func more(t *testing.T, c *rig.Counters) {
	t.Helper()
	n := c.Acks()
	rig.Eventually(t, "writes", func() bool { return c.Acks() >= n+20 })
}

// TestLayoutIsConvertedOnline changes the layout of a log in use there and back, with
// writers at work.
func TestLayoutIsConvertedOnline(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		for _, first := range []string{"file", "multipart"} {
			t.Run(policy+"/"+first, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--aof-layout", first, "--appendfsync", policy,
					"--auto-aof-rewrite-percentage", "0"}})
				s.Fill(2000, 100)
				s.WaitIdle()
				fds := len(s.FDs())
				acked := rig.NewCounters(4, 3)
				layout := first
				for range 3 {
					acked.Run(s)
					more(t, acked)
					layout = map[string]string{"file": "multipart", "multipart": "file"}[layout]
					mark := s.Mark()
					s.Do("CONFIG", "SET", "aof-layout", layout)
					s.WaitIdle()
					s.WaitLog(mark, "Background AOF rewrite finished successfully")
					more(t, acked)
					acked.Stop()
					check.Eq(t, s.Do("CONFIG", "GET", "aof-layout").(map[any]any)["aof-layout"], any(layout))
					check.Eq(t, s.Field("aof_layout"), layout)
					check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
					_, err := os.Stat(s.File("appendonly.aof"))
					if layout == "file" {
						check.NoErr(t, err)
						check.Eq(t, parts(t, s), []string(nil))
					} else {
						check.True(t, os.IsNotExist(err), "the file is gone")
						check.Eq(t, len(parts(t, s)), 3) // base, increment, manifest
					}
					s.Clean(fds)
					reborn(t, s)
					check.Eq(t, s.Field("aof_layout"), layout)
					acked.Check(t, s)
				}
			})
		}
	}
}
