package daemon_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// crash ends s by words that do not come back.
func crash(t *testing.T, s *rig.Server, words ...string) {
	t.Helper()
	c := s.Dial()
	defer c.Close()
	_, err := c.Write([]byte(strings.Join(words, " ") + "\r\n"))
	check.NoErr(t, err)
}

// inOrder insists that the texts are in log one after the other, and gives the part
// from the first one on.
func inOrder(t *testing.T, log string, texts ...string) string {
	t.Helper()
	from := strings.Index(log, texts[0])
	rest := log
	for _, text := range texts {
		i := strings.Index(rest, text)
		if i < 0 {
			t.Fatalf("the log lacks %q, or has it too early:\n%s", text, log)
		}
		rest = rest[i+len(text):]
	}
	return log[from:]
}

const (
	reportStart = "=== REDIS BUG REPORT START: Cut & paste starting from here ==="
	reportEnd   = "=== REDIS BUG REPORT END."
)

// TestCrashReport lets the daemon crash in each of the ways that DEBUG knows: the log
// tells what happened, where, and what the server was at, and keeps secrets.
func TestCrashReport(t *testing.T) {
	for _, tc := range []struct{ name, word, what string }{
		{"a wrong access", "SEGFAULT", "crashed by signal: 11"},
		{"a panic", "PANIC", "Guru Meditation: BUG: DEBUG PANIC called"},
		{"a broken invariant", "ASSERT", "Guru Meditation: BUG: DEBUG ASSERT: '1 == 2' is not true"},
		{"no memory", "OOM", "Guru Meditation: "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--masterauth", "secret-word"}})
			s.Do("SET", "k", "v")
			s.Do("CLIENT", "SETNAME", "somebody")
			s.Do("CONFIG", "SET", "debug-context", "what the test was at")
			crash(t, s, "DEBUG", tc.word)
			check.Eq(t, s.Wait(), 70)
			report := inOrder(t, s.Log(), reportStart, tc.what, "------ STACK TRACE ------", "pkg/server.", "------ INFO OUTPUT ------",
				"# Server\r\n", "connected_clients:2", "# Commandstats\r\n", "db0:keys=1", "------ CLIENT LIST OUTPUT ------", "name=somebody",
				"------ CURRENT CLIENT INFO ------", "cmd=debug", "argv[0]: \"DEBUG\"", "argv[1]: \""+tc.word+"\"",
				"------ CONFIG DEBUG OUTPUT ------", "loglevel debug", reportEnd)
			check.Contains(t, report, "\ndebug-context what the test was at\n")
			check.True(t, !strings.Contains(report, "secret-word"), "a password is in the report")
		})
	}
}

// TestCrashBySignal sends a crash signal from outside: the report is the same one, and
// has no current client.
func TestCrashBySignal(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	s.Do("CLIENT", "SETNAME", "somebody")
	s.Signal(syscall.SIGABRT)
	s.Wait()
	report := inOrder(t, s.Log(), reportStart, "crashed by signal: 6", "------ STACK TRACE ------", "event.(*Loop).Run", "------ INFO OUTPUT ------",
		"connected_clients:1", "------ CLIENT LIST OUTPUT ------", "name=somebody", "------ CONFIG DEBUG OUTPUT ------", reportEnd)
	check.True(t, !strings.Contains(report, "CURRENT CLIENT"), "no command ran")
}

// TestCrashWhileTheLoopHangs is what the service manager does to a daemon that gives no
// sign of life: the stacks are there, what the loop would have to tell is not.
func TestCrashWhileTheLoopHangs(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	s.Do("CONFIG", "SET", "watchdog-period", "200")
	mark := s.Mark()
	crash(t, s, "DEBUG", "SLEEP", "3600")
	s.WaitLog(mark, "WATCHDOG TIMER EXPIRED") // so it hangs
	s.Signal(syscall.SIGABRT)
	s.Wait()
	inOrder(t, s.Log(), reportStart, "crashed by signal: 6", "------ STACK TRACE ------", "debugSleep",
		"The loop does not answer: neither INFO nor the clients can be told.", reportEnd)
}

// TestCrashLogTurnedOff: CONFIG SET crash-log-enabled counts from then on, both ways.
func TestCrashLogTurnedOff(t *testing.T) {
	for _, tc := range []struct {
		name, atStart, later string
		reports              bool
	}{{"off", "yes", "no", false}, {"on", "no", "yes", true}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--crash-log-enabled", tc.atStart}})
			s.Do("CONFIG", "SET", "crash-log-enabled", tc.later)
			crash(t, s, "DEBUG", "SEGFAULT")
			check.Eq(t, s.Wait(), 70)
			check.Eq(t, strings.Contains(s.Log(), reportStart), tc.reports)
			s.Restart("--crash-log-enabled", tc.atStart)
			s.Do("CONFIG", "SET", "crash-log-enabled", tc.later)
			mark := s.Mark()
			s.Signal(syscall.SIGABRT)
			s.Wait()
			check.Eq(t, strings.Contains(s.LogSince(mark), reportStart), tc.reports)
		})
	}
}

// TestCrashWhileLoading: a command of the log that crashes the daemon is reported like
// one of a client.
func TestCrashWhileLoading(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	check.NoErr(t, os.WriteFile(filepath.Join(dir, "appendonly.aof"), []byte("*2\r\n$5\r\nDEBUG\r\n$8\r\nSEGFAULT\r\n"), 0o644))
	s := rig.Start(t, rig.Options{Dir: dir, Args: []string{"--appendonly", "yes"}, NoWait: true})
	check.Eq(t, s.Wait(), 70)
	inOrder(t, s.Log(), reportStart, "crashed by signal: 11", "------ STACK TRACE ------", "pkg/server.", "aof.Load(", "------ INFO OUTPUT ------",
		"------ CONFIG DEBUG OUTPUT ------", reportEnd)
}

// TestFatalErrorsOfTheRuntimeAreInTheLog: what ends the process without a report of ours
// (no memory, no stack, a panic beside the loop; here SIGQUIT, which goes the same way)
// leaves its trace in the log file, for in the background there is no standard error;
// also when the file was exchanged meanwhile.
func TestFatalErrorsOfTheRuntimeAreInTheLog(t *testing.T) {
	for _, tc := range []struct {
		name, report string
		in           bool
	}{{"with reports", "yes", true}, {"without", "no", false}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			log := filepath.Join(t.TempDir(), "log")
			s := rig.Start(t, rig.Options{Args: []string{"--logfile", log, "--crash-log-enabled", tc.report}})
			check.NoErr(t, os.Rename(log, log+".1"))
			s.Signal(syscall.SIGHUP)
			rig.Eventually(t, "the log is opened again", func() bool {
				_, err := os.Stat(log)
				return err == nil
			})
			s.Do("PING") // the loop is done with the signal
			s.Signal(syscall.SIGQUIT)
			check.Eq(t, s.Wait(), 2)
			text, err := os.ReadFile(log)
			check.NoErr(t, err)
			check.Eq(t, strings.Contains(string(text), "SIGQUIT: quit"), tc.in)
			check.Eq(t, strings.Contains(string(text), "event.(*Loop).Run("), tc.in)
		})
	}
}
