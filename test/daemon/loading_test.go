package daemon_test

import (
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestJobSignalsWhileLoading sends the signals that start jobs while the data is
// being loaded: a save of half a dataset would replace the file that holds all of it.
func TestJobSignalsWhileLoading(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	s.Fill(500, 10)
	want := s.Digest()
	s.Do("SAVE")
	s.Stop()
	s.Launch("--key-load-delay", "5000")
	rig.Eventually(t, "loading", func() bool {
		err := s.Client().Ping(t.Context()).Err()
		return err != nil && strings.HasPrefix(err.Error(), "LOADING")
	})
	for _, sig := range []syscall.Signal{syscall.SIGUSR1, syscall.SIGUSR2, syscall.SIGHUP} {
		s.Signal(sig)
	}
	rig.Eventually(t, "the refusals", func() bool {
		return strings.Contains(s.Log(), "Received SIGUSR1, BGREWRITEAOF: not while the data is being loaded") &&
			strings.Contains(s.Log(), "Received SIGUSR2, BGSAVE: not while the data is being loaded") &&
			strings.Contains(s.Log(), "Received SIGHUP")
	})
	rig.Eventually(t, "the end of loading", func() bool { return s.Client().Ping(t.Context()).Err() == nil })
	s.WaitIdle()
	check.Eq(t, s.Int("total_forks"), int64(0))
	check.Eq(t, s.Digest(), want)
	s.Stop()
	s.Restart("--key-load-delay", "0")
	check.Eq(t, s.Digest(), want)
}

// TestDirThereAndBack changes the folder at run time: the name is told in full, a
// folder that was used before may be used again, and a change that fails as a whole
// leaves the folder alone.
func TestDirThereAndBack(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--enable-protected-configs", "yes"}})
	first, second := s.Dir, t.TempDir()
	dir := func() string { return s.Do("CONFIG", "GET", "dir").(map[any]any)["dir"].(string) }
	check.Eq(t, dir(), first)
	s.Do("CONFIG", "SET", "dir", second)
	check.Eq(t, dir(), second)
	s.Do("CONFIG", "SET", "dir", first)
	check.Eq(t, dir(), first)
	check.Contains(t, s.Fails("CONFIG", "SET", "dir", second, "maxclients", "100000000"), "maxclients")
	check.Eq(t, dir(), first)
	s.Do("SET", "k", "v")
	s.Do("SAVE")
	s.Stop()
	s.Restart()
	check.Eq(t, s.Do("GET", "k"), "v")
}

// TestLogOfMoreDatabases refuses a log that selects a database which is not there:
// its commands would land in another one.
func TestLogOfMoreDatabases(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--databases", "20"}})
	c := s.Client().Conn() // one connection, not the pool
	check.NoErr(t, c.Select(t.Context(), 18).Err())
	check.NoErr(t, c.Set(t.Context(), "k", "v", 0).Err())
	check.NoErr(t, c.Close())
	s.Kill()
	s.Launch("--databases", "16")
	check.Eq(t, s.Wait(), 1)
	check.Contains(t, s.Log(), "database 18")
}
