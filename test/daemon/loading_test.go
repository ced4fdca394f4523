package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/pkg/persist/rdb"
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

// TestLoadWithoutMemory ends a daemon whose memory does not suffice for its data with a
// reason, and leaves the file alone.
func TestLoadWithoutMemory(t *testing.T) {
	t.Parallel()
	const size = 4 << 20
	value := []byte(strings.Repeat("x", size))
	file := rdb.AppendHeader(nil)
	for i := range 400 {
		file = rdb.AppendRecord(file, &rdb.Record{Key: fmt.Appendf(nil, "key %d", i), Str: value, ExpireAt: -1, Idle: -1, Freq: -1}, true)
	}
	file = rdb.AppendEOF(file, crc64.Update(0, file))
	log := ""
	for i := range 400 {
		log += fmt.Sprintf("*4\r\n$8\r\nSETRANGE\r\n$7\r\nkey %03d\r\n$7\r\n%d\r\n$1\r\nx\r\n", i, size)
	}
	// A bound of the address space: half of it is the most that the data may take.
	limited := filepath.Join(t.TempDir(), "limited")
	check.NoErr(t, os.WriteFile(limited, fmt.Appendf(nil, "#!/bin/sh\nulimit -v 1500000\nexec %s \"$@\"\n", rig.Binary(t)), 0o755))
	for name, args := range map[string][]string{"dump.rdb": nil, "appendonly.aof": {"--appendonly", "yes"}} {
		dir := t.TempDir()
		data := file
		if args != nil {
			data = []byte(log)
		}
		check.NoErr(t, os.WriteFile(filepath.Join(dir, name), data, 0o644))
		s := rig.Start(t, rig.Options{Dir: dir, Binary: limited, Args: args, NoWait: true})
		check.Eq(t, s.Wait(), 1)
		check.Contains(t, s.Log(), name+": the memory does not suffice, after ")
		check.True(t, !strings.Contains(s.Log(), "goroutine "), "an error, not a crash")
		after, err := os.ReadFile(filepath.Join(dir, name))
		check.NoErr(t, err)
		check.EqBytes(t, after, data)
	}
}
