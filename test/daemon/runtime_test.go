package daemon_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestLogTurnedOnUnderWrites turns the log on while writers are at work. When the
// rewrite that makes the file is done, everything acknowledged is in it.
func TestLogTurnedOnUnderWrites(t *testing.T) {
	for _, tc := range []struct{ name, policy string }{{"always", "always"}, {"everysec", "everysec"}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendfsync", tc.policy}})
			s.Fill(5000, 30)
			c := rig.NewCounters(3, 20)
			c.Run(s)
			rig.Eventually(t, "writes", func() bool { return c.Acks() > 100 })
			s.Do("CONFIG", "SET", "appendonly", "yes")
			check.Eq(t, s.Field("aof_enabled"), "1")
			s.WaitIdle()
			check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
			acks := c.Acks()
			rig.Eventually(t, "writes into the log", func() bool { return c.Acks() > acks+100 })
			s.KillAlone()
			c.Join()
			s.Restart("--appendonly", "yes")
			c.Check(t, s)
			check.Eq(t, len(s.Temps()), 0)

			// Off, on, off, on: with and without a child.
			c.Run(s)
			s.Do("CONFIG", "SET", "appendonly", "no")
			check.Eq(t, s.Field("aof_enabled"), "0")
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "1000")
			s.Do("CONFIG", "SET", "appendonly", "yes")
			pid, _ := s.Child()
			s.Do("CONFIG", "SET", "appendonly", "no")
			rig.Eventually(t, "end of the child", func() bool { return rig.Gone(pid) })
			s.WaitIdle()
			check.Eq(t, len(s.Temps()), 0)
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
			s.Do("CONFIG", "SET", "appendonly", "yes")
			s.WaitIdle()
			acks = c.Acks()
			rig.Eventually(t, "writes into the log", func() bool { return c.Acks() > acks+100 })
			s.KillAlone()
			c.Join()
			s.Restart()
			c.Check(t, s)
		})
	}
}

// TestLogTurnedOffDuringTheRename turns the log off when a rewrite has renamed its file and
// the writers wait for the folder's sync: what they are told then is in the new file.
func TestLogTurnedOffDuringTheRename(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{
		Args: []string{"--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"},
		Env:  []string{"REDISD_FAILPOINTS=rewrite-syncdir=delay:1000"},
	})
	s.Fill(100, 30)
	var stop atomic.Bool
	last := make(chan int)
	go func() {
		c, i := s.NewClient(), 0
		for !stop.Load() {
			i++
			if err := c.Set(context.Background(), "last", i, 0).Err(); err != nil {
				i = -1
				break
			}
		}
		last <- i
	}()
	s.Do("BGREWRITEAOF")
	rig.Eventually(t, "a writer that waits", func() bool { return s.Field("held_clients") == "1" })
	stop.Store(true)
	s.Do("CONFIG", "SET", "appendonly", "no")
	n := <-last
	s.KillAlone()
	s.Restart()
	check.Eq(t, s.Do("GET", "last"), any(fmt.Sprint(n)))
	check.Eq(t, len(s.Temps()), 0)
}

// TestLogTurnedOnDuringSave turns the log on while a child saves: the rewrite waits
// for it, and then makes the file.
func TestLogTurnedOnDuringSave(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--rdb-key-save-delay", "20000"}})
	s.Fill(30, 10)
	s.Do("BGSAVE")
	pid, _ := s.Child()
	s.Do("CONFIG", "SET", "appendonly", "yes")
	check.Eq(t, s.Field("aof_enabled"), "1")
	check.Eq(t, s.Field("aof_rewrite_scheduled"), "1")
	check.Contains(t, s.Log(), "AOF was enabled but there is already another background operation. An AOF background was scheduled to start when possible.")
	check.True(t, !rig.Gone(pid), "the save goes on")
	s.Do("SET", "meanwhile", "x")
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
	check.Eq(t, s.Int("aof_rewrites"), 1)
	s.Do("SET", "afterwards", "x")
	want := s.Digest()
	s.KillAlone()
	s.Restart("--appendonly", "yes")
	check.Eq(t, s.Digest(), want)
}

// TestFirstRewriteFails kills the child that makes the first file of a log: the
// daemon tries again, and until the file is there a shutdown is refused.
func TestFirstRewriteFails(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--rdb-key-save-delay", "1000000"}})
	s.Fill(30, 10)
	s.Do("CONFIG", "SET", "appendonly", "yes")
	pid, _ := s.Child()
	s.Signal(syscall.SIGTERM)
	s.WaitLog(0, "Writing initial AOF, can't exit.")
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
	rig.KillPid(t, pid, syscall.SIGKILL)
	s.WaitLog(0, "Background AOF rewrite terminated by signal 9")
	s.WaitLog(0, "Background AOF rewrite finished successfully")
	s.WaitIdle()
	check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
	s.Do("SET", "a", "b")
	want := s.Digest()
	s.KillAlone()
	s.Restart("--appendonly", "yes")
	check.Eq(t, s.Digest(), want)
}

// TestPolicyChangedUnderWrites walks through the policies while writers are at work.
func TestPolicyChangedUnderWrites(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
	c := rig.NewCounters(4, 20)
	c.Run(s)
	for i := range 12 {
		acks := c.Acks()
		s.Do("CONFIG", "SET", "appendfsync", []string{"always", "no", "everysec"}[i%3])
		if i%4 == 0 {
			s.Client().BgRewriteAOF(t.Context()) // refused while one runs
		}
		rig.Eventually(t, "writes", func() bool { return c.Acks() > acks+30 })
	}
	s.KillAlone()
	c.Join()
	s.Restart()
	c.Check(t, s)
}

// TestAutomaticJobs lets the log's growth and a save point start their jobs.
func TestAutomaticJobs(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--auto-aof-rewrite-percentage", "50", "--auto-aof-rewrite-min-size", "100kb"}})
	s.Fill(2000, 100)
	s.WaitLog(0, "Starting automatic rewriting of AOF on ")
	s.WaitIdle()
	check.True(t, s.Int("aof_rewrites") >= 1, "a rewrite was made")
	s.Do("CONFIG", "SET", "auto-aof-rewrite-percentage", "0", "save", "1 5")
	s.WaitLog(0, " changes in 1 seconds. Saving...")
	s.WaitField("rdb_saves", "1")
	s.WaitField("rdb_changes_since_last_save", "0")
}

// TestConfigRewrite changes directives, writes them into the file, and starts from
// that file: all values are there, and so are comments and order.
func TestConfigRewrite(t *testing.T) {
	conf := "# the top\nport 0\n\n# how many\nmaxclients 50\nsave 900 1\nsave 300 10 # not a comment in redis.conf\n\n# the end\n"
	conf = strings.Replace(conf, " # not a comment in redis.conf", "", 1)
	toml := "# the top\n[network]\nport = 0 # off\n\n# how many\n[clients]\nmaxclients = 50\n\n[snapshot]\nsave = [\"900 1\", \"300 10\"]\n# the end\n"
	for kind, text := range map[string]string{"redis.conf": conf, "redisd.toml": toml} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), kind)
			check.NoErr(t, os.WriteFile(path, []byte(text), 0o644))
			s := rig.Start(t, rig.Options{Config: path})
			set := []string{"maxclients", "77", "appendonly", "yes", "appendfsync", "always", "maxmemory", "100mb", "requirepass", "a \"quoted\" # pass",
				"save", "60 5 7 3", "client-output-buffer-limit", "normal 1mb 500kb 30", "loglevel", "verbose", "notify-keyspace-events", "KEA"}
			args := []any{"CONFIG", "SET"}
			for _, w := range set {
				args = append(args, w)
			}
			s.Do(args...)
			s.WaitIdle()
			before := fmt.Sprint(s.Do("CONFIG", "GET", "*"))
			s.Do("CONFIG", "REWRITE")
			check.Contains(t, s.Log(), "CONFIG REWRITE executed with success.")
			b, err := os.ReadFile(path)
			check.NoErr(t, err)
			got := string(b)
			for _, part := range []string{"# the top", "# how many", "# the end"} {
				check.Eq(t, strings.Count(got, part), 1)
			}
			check.True(t, strings.Index(got, "# the top") < strings.Index(got, "# how many"), "the order is kept")
			leftovers, err := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
			check.NoErr(t, err)
			check.Eq(t, len(leftovers), 1)
			s.Do("CONFIG", "REWRITE")
			again, err := os.ReadFile(path)
			check.NoErr(t, err)
			check.EqBytes(t, again, b)

			s.Signal(syscall.SIGTERM)
			check.Eq(t, s.Wait(), 0)
			// The file alone has everything, the socket and the folder too.
			two := rig.Start(t, rig.Options{Config: path, Bare: true, NoWait: true})
			two.Sock = s.Sock
			rig.Eventually(t, "the second start", func() bool {
				return two.Client().Do(t.Context(), "AUTH", "a \"quoted\" # pass").Err() == nil
			})
			c := two.NewClient()
			c.Options().Password = "a \"quoted\" # pass"
			v, err := c.Do(t.Context(), "CONFIG", "GET", "*").Result()
			check.NoErr(t, err)
			check.Eq(t, fmt.Sprint(v), before)
		})
	}
}

// TestConfigRewriteWithoutFile has nowhere to write.
func TestConfigRewriteWithoutFile(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	check.Contains(t, s.Fails("CONFIG", "REWRITE"), "The server is running without a config file")
}

// TestFullDisk lets the log's file system run full, and makes room again.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "full")
	check.NoErr(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, "size=4m"); err != nil {
		rig.Skip(t, "no tmpfs can be mounted here: %v", err)
	}
	t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
	s := rig.Start(t, rig.Options{Dir: dir, Args: []string{"--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"}})
	check.NoErr(t, os.WriteFile(filepath.Join(dir, "ballast"), make([]byte, 2<<20), 0o644))
	c := s.NewClient()
	var stop atomic.Bool
	acked := 0
	var refused error
	filled := make(chan struct{})
	go func() {
		defer close(filled)
		val := strings.Repeat("x", 10_000)
		for ; !stop.Load(); acked++ {
			if refused = c.Set(t.Context(), fmt.Sprint("k", acked), val, 0).Err(); refused != nil {
				return
			}
		}
	}()
	s.WaitField("aof_last_write_status", "err")
	stop.Store(true)
	s.WaitLog(0, "while writing to the AOF file: (nwritten=")
	// The one whose write failed waits: its reply would be a promise. Others are
	// refused, and reads go on.
	rig.Eventually(t, "refusal", func() bool {
		err := s.Client().Set(t.Context(), "other", "x", 0).Err()
		return err != nil && strings.HasPrefix(err.Error(), "MISCONF Errors writing to the AOF file: No space left on device")
	})
	check.Eq(t, len(fmt.Sprint(s.Do("GET", "k0"))), 10_000)
	check.NoErr(t, os.Remove(filepath.Join(dir, "ballast")))
	s.WaitLog(0, "AOF write error looks solved, Redis can write again.")
	s.WaitField("aof_last_write_status", "ok")
	s.Do("SET", "after", "x")
	<-filled
	check.True(t, refused == nil || strings.HasPrefix(refused.Error(), "MISCONF"), fmt.Sprint(refused))
	want := s.Digest()
	s.KillAlone()
	s.Restart()
	check.Eq(t, s.Digest(), want)
	for i := range acked {
		if n := s.Client().StrLen(t.Context(), fmt.Sprint("k", i)).Val(); n != 10_000 {
			t.Fatalf("k%d was acknowledged and has %d bytes", i, n)
		}
	}
}
