package daemon_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/crc64"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/resp"
	"redisd/test/rig"
)

// source is what a start loads: the directives with which it comes into being.
type source struct {
	name string
	args []string
}

// loadedFrom are all that there are.
func loadedFrom() []source {
	return []source{
		{"rdb", []string{"--save", "3600 1"}},
		{"aof", []string{"--appendonly", "yes", "--aof-use-rdb-preamble", "no"}},
		{"multipart", []string{"--appendonly", "yes", "--aof-layout", "multipart"}},
	}
}

// waitLoading waits until clients hear that the data is being loaded.
func waitLoading(t *testing.T, s *rig.Server) {
	t.Helper()
	rig.Eventually(t, "loading", func() bool {
		err := s.Client().Ping(t.Context()).Err()
		return err != nil && strings.HasPrefix(err.Error(), "LOADING")
	})
}

// TestLoadingIsSeen watches a load in INFO and in the log. Of the folder it loads two
// files, as one.
func TestLoadingIsSeen(t *testing.T) {
	for _, tc := range loadedFrom() {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: append([]string{"--rdbcompression", "no"}, tc.args...)})
			s.Fill(120, 50_000)
			if tc.name == "multipart" {
				jobs()[1].runs(t, s) // half of it is in the base
				s.Do("EVAL", "for i = 1, 120 do redis.call('SET', 'more:' .. i, ('x'):rep(50000)) end", 0)
			}
			want := s.Digest()
			s.Stop()
			size := int64(0)
			for name, data := range filesIn(t, s.Dir) {
				if strings.Contains(name, ".aof.") && !strings.HasSuffix(name, "manifest") || strings.HasSuffix(name, ".aof") && tc.name == "aof" || tc.name == "rdb" && strings.HasSuffix(name, ".rdb") {
					size += int64(len(data))
				}
			}
			mark := s.Mark()
			s.Launch("--key-load-delay", "100000")
			waitLoading(t, s)
			check.Eq(t, s.Int("loading_total_bytes"), size)
			last := -1.0
			steps := 0
			rig.Eventually(t, "line of the log", func() bool {
				percent, err := strconv.ParseFloat(s.Field("loading_loaded_perc"), 64)
				check.NoErr(t, err)
				check.True(t, percent >= last && percent < 100, fmt.Sprint(percent, " after ", last))
				if percent > last {
					steps++
				}
				last = percent
				if eta := s.Int("loading_eta_seconds"); percent > 10 {
					check.True(t, eta >= 0 && eta < 600, fmt.Sprint(eta, " seconds left"))
				}
				check.True(t, s.Int("loading_loaded_bytes") <= size, "no more than there is")
				return strings.Contains(s.LogSince(mark), "Loading the dataset: ")
			})
			check.True(t, steps > 3 && last > 10, fmt.Sprint(steps, " steps, to ", last))
			check.True(t, regexp.MustCompile(`Loading the dataset: [1-9]\d?%, \d of \d+ MB, \d+ s left`).MatchString(s.LogSince(mark)), "percent and seconds")
			s.Kill()
			s.Restart("--key-load-delay", "0")
			check.Eq(t, s.Digest(), want)
		})
	}
}

// TestScriptInTheLog has a log with a script that does not end, as Redis before 7 may
// have written one: clients hear that the data is being loaded, and the daemon can be
// ended.
func TestScriptInTheLog(t *testing.T) {
	scripts := map[string]string{"commands": "while true do redis.call('PING') end", "none": "while true do end"}
	for _, layout := range []string{"file", "multipart"} {
		for calls, code := range scripts {
			for _, how := range []string{"TERM", "INT", "SHUTDOWN NOSAVE"} {
				t.Run(layout+"/"+calls+"/"+how, func(t *testing.T) {
					t.Parallel()
					dir, name := t.TempDir(), "appendonly.aof"
					log := resp.AppendCommandStrings(nil, "SET", "k", "v")
					log = resp.AppendCommandStrings(log, "EVAL", "redis.call('SET', KEYS[1], 'y') "+code, "1", "x")
					if layout == "multipart" {
						check.NoErr(t, os.Mkdir(filepath.Join(dir, "appendonlydir"), 0o755))
						name = "appendonlydir/appendonly.aof.1.incr.aof"
						check.NoErr(t, os.WriteFile(filepath.Join(dir, "appendonlydir/appendonly.aof.manifest"), []byte("file appendonly.aof.1.incr.aof seq 1 type i\n"), 0o644))
					}
					check.NoErr(t, os.WriteFile(filepath.Join(dir, name), log, 0o644))
					before := filesIn(t, dir)
					s := rig.Start(t, rig.Options{Dir: dir, NoWait: true, Args: []string{"--appendonly", "yes", "--busy-reply-threshold", "100"}})
					waitLoading(t, s)
					s.WaitLog(0, "Slow script detected")
					check.Contains(t, s.Fails("INFO"), "BUSY") // as in Redis
					check.Contains(t, s.Fails("SHUTDOWN"), "BUSY")
					check.Contains(t, s.Fails("GET", "k"), "LOADING")
					check.Contains(t, s.Fails("SCRIPT", "KILL"), "LOADING")
					check.Contains(t, s.Fails("EVAL", "return 1", 0), "LOADING")
					endsAtOnce(t, s, how)
					after := filesIn(t, dir)
					delete(after, filepath.Join(dir, "redisd.lock"))
					check.Eq(t, after, before)
				})
			}
		}
	}
}

// TestOthersDuringDebugReload: a load that a client asks for lets the others in, its own
// next commands wait, and it can be ended.
func TestOthersDuringDebugReload(t *testing.T) {
	for _, tc := range []struct{ name, layout string }{{"RELOAD", "file"}, {"LOADAOF", "file"}, {"LOADAOF", "multipart"}} {
		t.Run(tc.name+"/"+tc.layout, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--aof-layout", tc.layout}})
			s.Fill(300, 10)
			want := s.Digest()
			other := s.NewClient()
			check.NoErr(t, other.Ping(t.Context()).Err())
			blocked := make(chan error, 1)
			go func() { blocked <- s.NewClient().BLPop(context.Background(), 0, "list").Err() }()
			s.WaitField("blocked_clients", "1")
			s.Do("CONFIG", "SET", "key-load-delay", "3000")
			conn := s.Dial()
			b := resp.AppendCommandStrings(nil, "ECHO", strings.Repeat("x", 5000))
			b = resp.AppendCommandStrings(b, "DEBUG", tc.name)
			b = resp.AppendCommandStrings(b, "GET", "key:000000000007")
			b = resp.AppendCommandStrings(b, "RPUSH", "list", "a")
			_, err := conn.Write(b)
			check.NoErr(t, err)
			waitLoading(t, s)
			_, err = conn.Write(resp.AppendCommandStrings(nil, "DBSIZE"))
			check.NoErr(t, err)
			check.Eq(t, s.Field("loading"), "1")
			check.True(t, other.Get(t.Context(), "key:000000000007").Err() != nil, "LOADING")
			in := bufio.NewReader(conn)
			for _, want := range []string{strings.Repeat("x", 5000), "OK", "vvvvvvvvvv7"} {
				reply, err := resp.ReadReply(in)
				check.NoErr(t, err)
				check.Eq(t, reply.Text, want)
			}
			for _, want := range []int64{1, 300} { // who waited has it
				reply, err := resp.ReadReply(in)
				check.NoErr(t, err)
				check.Eq(t, reply.Int, want)
			}
			check.NoErr(t, <-blocked)
			check.Eq(t, s.Digest(), want)
			// The connection goes on, and can be closed.
			_, err = conn.Write(resp.AppendCommandStrings(nil, "PING"))
			check.NoErr(t, err)
			reply, err := resp.ReadReply(in)
			check.NoErr(t, err)
			check.Eq(t, reply.Text, "PONG")
			clients := s.Int("connected_clients")
			check.NoErr(t, conn.Close())
			s.WaitField("connected_clients", fmt.Sprint(clients-1))
			// In the middle of another one the client goes away, and the daemon is ended.
			gone := s.Dial()
			_, err = gone.Write(resp.AppendCommandStrings(nil, "DEBUG", tc.name))
			check.NoErr(t, err)
			waitLoading(t, s)
			check.NoErr(t, gone.Close())
			endsAtOnce(t, s, "TERM")
			s.Restart("--key-load-delay", "0", "--appendonly", "yes")
			check.Eq(t, s.Digest(), want)
		})
	}
}

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
