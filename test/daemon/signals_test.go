package daemon_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestShutdownSignals ends the daemon with SIGTERM and SIGINT: with save points the
// data is saved, without them it is not, with a log it is there either way.
func TestShutdownSignals(t *testing.T) {
	tests := []struct {
		name  string
		sig   syscall.Signal
		args  []string
		saves bool
		kept  bool // the data is there after a restart
	}{
		{"TERM with save points", syscall.SIGTERM, []string{"--save", "3600 1"}, true, true},
		{"INT with save points", syscall.SIGINT, []string{"--save", "3600 1"}, true, true},
		{"TERM without save points", syscall.SIGTERM, nil, false, false},
		{"TERM with a log", syscall.SIGTERM, []string{"--appendonly", "yes"}, false, true},
		{"TERM told to save", syscall.SIGTERM, []string{"--shutdown-on-sigterm", "save"}, true, true},
		{"INT told not to save", syscall.SIGINT, []string{"--save", "3600 1", "--shutdown-on-sigint", "nosave"}, false, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: tc.args})
			s.Fill(100, 10)
			want := s.Digest()
			s.Signal(tc.sig)
			check.Eq(t, s.Wait(), 0)
			log := s.Log()
			check.Contains(t, log, fmt.Sprintf("Received %s scheduling shutdown...", map[syscall.Signal]string{syscall.SIGTERM: "SIGTERM", syscall.SIGINT: "SIGINT"}[tc.sig]))
			check.Contains(t, log, "User requested shutdown...")
			check.Contains(t, log, "Redis is now ready to exit, bye bye...")
			check.Eq(t, strings.Contains(log, "Saving the final RDB snapshot before exiting."), tc.saves)
			_, err := os.Stat(s.File("dump.rdb"))
			check.Eq(t, err == nil, tc.saves)
			_, err = os.Stat(s.Sock)
			check.True(t, os.IsNotExist(err), "the socket file is removed")
			check.Eq(t, len(s.Temps()), 0)
			s.Restart()
			check.Eq(t, s.Digest() == want, tc.kept)
		})
	}
}

// TestShutdownStopsTheChild ends the daemon while a child works.
func TestShutdownStopsTheChild(t *testing.T) {
	for _, j := range jobs() {
		t.Run(j.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--rdb-key-save-delay", "1000000"}})
			s.Fill(100, 10)
			want := s.Digest()
			s.Do(j.command)
			pid, _ := s.Child()
			s.Signal(syscall.SIGTERM)
			check.Eq(t, s.Wait(), 0)
			line := "There is a child saving an .rdb. Killing it!"
			if j.name == "rewrite" {
				line = "There is a child rewriting the AOF. Killing it!"
			}
			check.Contains(t, s.Log(), line)
			check.True(t, rig.Gone(pid), "the child is gone")
			check.Eq(t, len(s.Temps()), 0)
			s.Restart()
			check.Eq(t, s.Digest(), want)
		})
	}
}

// TestSecondInterrupt sends SIGINT to a daemon that takes long to shut down: it
// ends at once, with exit code 1.
func TestSecondInterrupt(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--save", "3600 1"}, Env: []string{"REDISD_FAILPOINTS=save-before-rename=hang"}})
	s.Fill(10, 10)
	s.Signal(syscall.SIGINT)
	s.WaitLog(0, "Saving the final RDB snapshot before exiting.")
	s.Signal(syscall.SIGINT)
	check.Eq(t, s.Wait(), 1)
	check.Contains(t, s.Log(), "You insist... exiting now.")
	s.SetEnv()
	s.Restart()
	check.Eq(t, len(s.Temps()), 0)
}

// TestShutdownThatCannotSave keeps the daemon alive when its data would be lost.
func TestShutdownThatCannotSave(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--save", "3600 1"}})
	s.Fill(10, 10)
	// A folder in the place of the file: the rename fails, for root too.
	check.NoErr(t, os.MkdirAll(s.File("dump.rdb/x"), 0o755))
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGTERM, syscall.SIGINT} {
		mark := s.Mark()
		s.Signal(sig)
		s.WaitLog(mark, "received but errors trying to shut down the server, check the logs for more information")
		check.Contains(t, s.LogSince(mark), "Error trying to save the DB, can't exit.")
		check.Eq(t, s.Do("GET", "key:000000000001"), any("vvvvvvvvvv1"))
	}
	check.Contains(t, s.Fails("SHUTDOWN", "SAVE"), "Errors trying to SHUTDOWN. Check logs.")
	check.NoErr(t, os.RemoveAll(s.File("dump.rdb")))
	s.Stop()
	check.Eq(t, len(s.Temps()), 0)
	_, err := os.Stat(s.File("dump.rdb"))
	check.NoErr(t, err)
}

// TestSignalsThatStartJobs uses SIGUSR1 and SIGUSR2.
func TestSignalsThatStartJobs(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
	s.Fill(10, 10)
	s.Signal(syscall.SIGUSR1)
	s.WaitLog(0, "Received SIGUSR1, BGREWRITEAOF: started")
	s.WaitField("aof_rewrites", "1")
	s.WaitIdle()
	s.Signal(syscall.SIGUSR2)
	s.WaitLog(0, "Received SIGUSR2, BGSAVE: started")
	s.WaitField("rdb_saves", "1")
	s.WaitIdle()
	// While a child works the other job is scheduled.
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "20000")
	s.Signal(syscall.SIGUSR2)
	s.WaitField("rdb_bgsave_in_progress", "1")
	s.Signal(syscall.SIGUSR1)
	s.WaitLog(0, "Received SIGUSR1, BGREWRITEAOF: scheduled")
	s.WaitField("aof_rewrites", "2")
	s.WaitIdle()
	check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")

	s.Do("CONFIG", "SET", "signal-operations", "no")
	for name, sig := range map[string]syscall.Signal{"SIGUSR1": syscall.SIGUSR1, "SIGUSR2": syscall.SIGUSR2} {
		s.Signal(sig)
		s.WaitLog(0, "Received "+name+", ignored because signal-operations is no.")
	}
	check.Eq(t, len(s.Children()), 0)
	s.Signal(syscall.SIGPIPE)
	s.Do("PING")
}

// TestHangup moves the log away, changes the configuration file, and sends SIGHUP.
func TestHangup(t *testing.T) {
	for _, kind := range []string{"redis.conf", "redisd.toml"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			conf, log := filepath.Join(dir, kind), filepath.Join(dir, "the.log")
			write := func(maxclients, databases, more string) {
				text := fmt.Sprintf("maxclients %s\ndatabases %s\n%s", maxclients, databases, more)
				if kind == "redisd.toml" {
					text = fmt.Sprintf("[clients]\nmaxclients = %s\n[general]\ndatabases = %s\n%s", maxclients, databases, more)
				}
				check.NoErr(t, os.WriteFile(conf, []byte(text), 0o644))
			}
			read := func(name string) string {
				b, _ := os.ReadFile(filepath.Join(dir, name))
				return string(b)
			}
			write("100", "16", "")
			s := rig.Start(t, rig.Options{Config: conf, Args: []string{"--logfile", log}})
			check.Eq(t, fmt.Sprint(s.Do("CONFIG", "GET", "maxclients")), "map[maxclients:100]")

			check.NoErr(t, os.Rename(log, filepath.Join(dir, "the.log.1")))
			write("77", "4", "")
			s.Signal(syscall.SIGHUP)
			rig.Eventually(t, "line in the new log file", func() bool { return strings.Contains(read("the.log"), "Received SIGHUP") })
			check.Contains(t, read("the.log"), "maxclients")
			check.Contains(t, read("the.log"), "databases")
			check.Eq(t, fmt.Sprint(s.Do("CONFIG", "GET", "maxclients")), "map[maxclients:77]")
			check.Eq(t, fmt.Sprint(s.Do("CONFIG", "GET", "databases")), "map[databases:16]")

			write("55", "16", "nonsense-directive 1\n")
			s.Signal(syscall.SIGHUP)
			rig.Eventually(t, "complaint", func() bool { return strings.Contains(read("the.log"), "configuration unchanged") })
			check.Eq(t, fmt.Sprint(s.Do("CONFIG", "GET", "maxclients")), "map[maxclients:77]")
		})
	}
}

// TestLogMovedAway renames the log file without a signal, as logrotate may, and
// removes it.
func TestLogMovedAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := filepath.Join(dir, "the.log")
	s := rig.Start(t, rig.Options{Args: []string{"--logfile", log}})
	for i, leave := range []func() error{
		func() error { return os.Rename(log, log+".1") },
		func() error { return os.Remove(log) },
	} {
		check.NoErr(t, leave())
		start := time.Now()
		rig.Eventually(t, "new log file", func() bool {
			b, _ := os.ReadFile(log)
			return strings.Contains(string(b), "The log file was moved away, logging to a new one.")
		})
		check.True(t, time.Since(start) < 5*time.Second, "it is noticed soon")
		s.Do("DEBUG", "LOG", fmt.Sprint("after ", i))
		b, err := os.ReadFile(log)
		check.NoErr(t, err)
		check.Contains(t, string(b), fmt.Sprint("after ", i))
	}
}

// TestShutdownWhileLoading ends a daemon that still loads: at once, and the file
// stays as it was.
func TestShutdownWhileLoading(t *testing.T) {
	for _, tc := range loadedFrom() {
		for _, how := range []string{"TERM", "INT", "SHUTDOWN"} {
			t.Run(tc.name+"/"+how, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: tc.args})
				s.Fill(500, 10)
				want := s.Digest()
				s.Stop()
				before := filesIn(t, s.Dir)
				s.Launch("--key-load-delay", "100000")
				waitLoading(t, s)
				check.Eq(t, s.Field("loading"), "1")
				check.True(t, s.Int("loading_total_bytes") > 0, "INFO tells how much there is")
				check.Contains(t, s.Fails("GET", "x"), "LOADING Redis is loading the dataset in memory")
				endsAtOnce(t, s, how)
				check.Eq(t, filesIn(t, s.Dir), before)
				s.Restart("--key-load-delay", "0")
				check.Eq(t, s.Digest(), want)
			})
		}
	}
}

// endsAtOnce ends a daemon that loads, by a signal or a command.
func endsAtOnce(t *testing.T, s *rig.Server, how string) {
	t.Helper()
	start := time.Now()
	switch how {
	case "TERM":
		s.Signal(syscall.SIGTERM)
	case "INT":
		s.Signal(syscall.SIGINT)
	default:
		words := []any{}
		for _, w := range strings.Fields(how) {
			words = append(words, w)
		}
		s.Client().Do(t.Context(), words...) // the reply is the end of the connection
	}
	check.Eq(t, s.Wait(), 0)
	check.True(t, time.Since(start) < 5*time.Second, "it ends at once")
}

// filesIn are the files below dir with their contents.
func filesIn(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	check.NoErr(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		all[path] = string(b)
		return err
	}))
	return all
}
