package daemon_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestGarbageOnTheSocket sends what is no protocol: the client gets a clear error
// and loses its connection, nobody else notices.
func TestGarbageOnTheSocket(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, input, want string }{
		{"unbalanced quotes", "SET \"a b\r\n", "-ERR Protocol error: unbalanced quotes in request\r\n"},
		{"too many arguments", "*2147483648\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		{"no number of arguments", "*x\r\n", "-ERR Protocol error: invalid multibulk length\r\n"},
		{"no bulk", "*1\r\n+PING\r\n", "-ERR Protocol error: expected '$', got '+'\r\n"},
		{"no length", "*1\r\n$x\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"negative length", "*1\r\n$-1\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"length beyond the limit", "*1\r\n$999999999999\r\n", "-ERR Protocol error: invalid bulk length\r\n"},
		{"endless line", strings.Repeat("x", 70_000), "-ERR Protocol error: too big inline request\r\n"},
		{"endless count", "*" + strings.Repeat("1", 70_000), "-ERR Protocol error: too big mbulk count string\r\n"},
		{"endless length", "*1\r\n$" + strings.Repeat("1", 70_000), "-ERR Protocol error: too big bulk count string\r\n"},
		{"http", "POST / HTTP/1.1\r\nHost: localhost:6379\r\n\r\n", ""},
	}
	s := rig.Start(t, rig.Options{})
	s.Fill(100, 10)
	digest, fds := s.Digest(), len(s.FDs())
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			c := s.Dial()
			check.NoErr(t, c.SetDeadline(time.Now().Add(rig.Patience)))
			_, err := io.WriteString(c, tc.input)
			check.NoErr(t, err)
			got, _ := io.ReadAll(c) // up to the end of the connection, or its reset
			check.Eq(t, string(got), tc.want)
		})
	}
	t.Run("random bytes", func(t *testing.T) {
		rnd := rand.New(rand.NewPCG(1, 2))
		for range 300 {
			c := s.Dial()
			b := make([]byte, rnd.IntN(3000))
			for i := range b {
				b[i] = byte(rnd.Uint32())
			}
			// What happens to look like a command would be one.
			_, _ = c.Write(append([]byte("*3\r\n$"), b...))
			c.Close()
		}
	})
	t.Run("half a command, left open", func(t *testing.T) {
		for range 50 {
			c := s.Dial()
			_, err := io.WriteString(c, "*2\r\n$3\r\nGET\r\n$1000000\r\nabc")
			check.NoErr(t, err)
		}
		s.Do("PING")
	})
	check.Eq(t, s.Digest(), digest)
	check.Eq(t, len(s.FDs()), fds)
}

// damage is a way to spoil a file.
type damage struct {
	name string
	file string   // of the working folder
	args []string // directives besides those of the first start
	do   func(b []byte) []byte
	want []string // in the log of the refusal
}

// TestDamagedFiles starts from files that are cut off or changed: the daemon refuses
// and names the file, the place and the tool, and leaves the file as it is.
func TestDamagedFiles(t *testing.T) {
	middle := func(change func(b []byte, at int)) func([]byte) []byte {
		return func(b []byte) []byte { change(b, len(b)/2); return b }
	}
	tests := []damage{
		{"rdb cut off", "dump.rdb", nil, func(b []byte) []byte { return b[:len(b)-20] }, []string{"dump.rdb", "offset", "redis-check-rdb"}},
		{"rdb cut in the middle", "dump.rdb", nil, func(b []byte) []byte { return b[:len(b)/2] }, []string{"dump.rdb", "offset", "redis-check-rdb"}},
		{"rdb with a changed byte", "dump.rdb", nil, middle(func(b []byte, at int) { b[at] ^= 4 }), []string{"dump.rdb", "redis-check-rdb"}},
		{"rdb that is none", "dump.rdb", nil, func([]byte) []byte { return []byte("this is no database, by far") }, []string{"dump.rdb", "redis-check-rdb"}},
		{"rdb of the future", "dump.rdb", nil, func(b []byte) []byte { return append([]byte("REDIS0999"), b[9:]...) }, []string{"dump.rdb", "999"}},
		{"rdb without content", "dump.rdb", nil, func([]byte) []byte { return nil }, []string{"dump.rdb"}},
		{"aof cut off, not allowed", "appendonly.aof", []string{"--aof-load-truncated", "no"}, func(b []byte) []byte { return b[:len(b)-5] },
			[]string{"appendonly.aof", "Unexpected end of file reading the append only file", "redis-check-aof --fix"}},
		{"aof changed in the middle", "appendonly.aof", nil, middle(func(b []byte, at int) {
			copy(b[at+bytes.Index(b[at:], []byte("\r\n$")):], "\r\n?")
		}), []string{"Bad file format reading the append only file", "redis-check-aof --fix", "appendonly.aof", "offset"}},
		{"aof with an unknown command", "appendonly.aof", nil, func(b []byte) []byte {
			return append(b, "*1\r\n$6\r\nNOSUCH\r\n"...)
		}, []string{"Unknown command 'NOSUCH' reading the append only file", "appendonly.aof", "offset"}},
		{"aof with a damaged preamble", "appendonly.aof", []string{"preamble"}, func(b []byte) []byte { b[len(b)/3] ^= 1; return b },
			[]string{"appendonly.aof", "redis-check-aof"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			isAOF := tc.file == "appendonly.aof"
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", map[bool]string{true: "yes", false: "no"}[isAOF]}})
			s.Fill(300, 40)
			args := tc.args
			if len(args) == 1 {
				s.Do("BGREWRITEAOF")
				s.WaitIdle()
				args = nil
			}
			if !isAOF {
				s.Do("SAVE")
			}
			s.Stop()
			b, err := os.ReadFile(s.File(tc.file))
			check.NoErr(t, err)
			b = tc.do(b)
			check.NoErr(t, os.WriteFile(s.File(tc.file), b, 0o644))
			mark := s.Mark()
			s.Launch(args...)
			check.Eq(t, s.Wait(), 1)
			for _, w := range tc.want {
				check.Contains(t, s.LogSince(mark), w)
			}
			after, err := os.ReadFile(s.File(tc.file))
			check.NoErr(t, err)
			check.EqBytes(t, after, b)
		})
	}
}

// TestTruncatedLogIsRepaired starts from a log whose last command was cut off: it is
// loaded up to there, cut, and goes on.
func TestTruncatedLogIsRepaired(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes"}})
	s.Fill(100, 10)
	want := s.Digest()
	info, err := os.Stat(s.File("appendonly.aof"))
	check.NoErr(t, err)
	s.Do("SET", "the last", "one")
	s.Stop()
	check.NoErr(t, os.Truncate(s.File("appendonly.aof"), info.Size()+7))
	s.Restart()
	check.Contains(t, s.Log(), "!!! Warning: short read while loading the AOF file")
	check.Contains(t, s.Log(), fmt.Sprintf("Truncating the AOF appendonly.aof at offset %d", info.Size()))
	check.Contains(t, s.Log(), "loaded anyway because aof-load-truncated is enabled")
	check.Eq(t, s.Digest(), want)
	s.Do("SET", "another", "one")
	want = s.Digest()
	s.Kill()
	s.Restart()
	check.Eq(t, s.Digest(), want)
	// An empty log is one of an empty dataset.
	s.Stop()
	check.NoErr(t, os.Truncate(s.File("appendonly.aof"), 0))
	s.Restart()
	check.Eq(t, s.Do("DBSIZE"), any(int64(0)))
}

// TestStartRefused gives the daemon surroundings in which it cannot work: it says
// what is wrong, where the operator looks, and ends with 1.
func TestStartRefused(t *testing.T) {
	port := func() string { return fmt.Sprint(rig.FreePort(t)) }
	tests := []struct {
		name string
		opt  rig.Options
		conf string // text of a redis.conf
		want []string
	}{
		{"folder missing", rig.Options{Bare: true, Args: []string{"--dir", "/nonexistent/folder"}}, "", []string{"Can't chdir to '/nonexistent/folder'", "no such file or directory"}},
		{"folder is a file", rig.Options{Bare: true, Args: []string{"--dir", "/etc/passwd"}}, "", []string{"/etc/passwd", "not a directory"}},
		{"nowhere to listen", rig.Options{Bare: true, Args: []string{"--port", "0"}}, "", []string{"Configured to not listen anywhere"}},
		{"two files of one name", rig.Options{Bare: true, Args: []string{"--port", port(), "--dbfilename", "same", "--appendfilename", "same"}}, "",
			[]string{"dbfilename and appendfilename name the same file"}},
		{"contradicting options of shutdown", rig.Options{Bare: true, Args: []string{"--shutdown-on-sigterm", "save nosave"}}, "", []string{"SAVE and NOSAVE can't be used simultaneously"}},
		{"unknown directive", rig.Options{}, "port 0\n\n# a comment\nno-such-thing 1\n", []string{"at line 4", ">>> 'no-such-thing 1'", "Bad directive or wrong number of arguments"}},
		{"bad value", rig.Options{}, "appendonly maybe\n", []string{"at line 1", ">>> 'appendonly maybe'", "argument must be 'yes' or 'no'"}},
		{"value out of range", rig.Options{}, "port 70000\n", []string{"at line 1", ">>> 'port 70000'", "argument must be between 0 and 65535 inclusive"}},
		{"unbalanced quotes", rig.Options{}, "\nlogfile \"x\n", []string{"at line 2", "Unbalanced quotes"}},
		{"unknown option", rig.Options{Bare: true, Args: []string{"--no-such-thing", "1"}}, "", []string{"no-such-thing"}},
		{"configuration missing", rig.Options{Bare: true, Args: []string{"/nonexistent/redis.conf"}}, "", []string{"/nonexistent/redis.conf"}},
		{"log that cannot be opened", rig.Options{Args: []string{"--logfile", "/nonexistent/log"}}, "", []string{"Can't open the log file", "/nonexistent/log"}},
		{"address of somebody else", rig.Options{Bare: true, Args: []string{"--bind", "203.0.113.77", "--port", port()}}, "", []string{"203.0.113.77", "Failed listening on port"}},
		{"TLS", rig.Options{Bare: true, Args: []string{"--tls-port", port(), "--tls-cert-file", "/no/such.crt", "--tls-key-file", "/no/such.key"}}, "",
			[]string{"TLS configuration: tls-cert-file /no/such.crt: no such file or directory"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.conf != "" {
				tc.opt.Config = filepath.Join(t.TempDir(), "redis.conf")
				check.NoErr(t, os.WriteFile(tc.opt.Config, []byte(tc.conf), 0o644))
			}
			tc.opt.NoWait = true
			if tc.opt.Bare && !strings.Contains(fmt.Sprint(tc.opt.Args), "--dir") {
				tc.opt.Args = append(tc.opt.Args, "--dir", t.TempDir())
			}
			s := rig.Start(t, tc.opt)
			check.Eq(t, s.Wait(), 1)
			for _, w := range tc.want {
				check.Contains(t, strings.ToLower(s.Log()), strings.ToLower(w))
			}
		})
	}
}

// TestMistakeInTOML names file, line and reason of a mistake in the native format.
func TestMistakeInTOML(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"unknown directive", "[network]\nport = 0\n\nno-such-thing = 1\n", []string{"at line 4", "no-such-thing"}},
		{"bad value", "[append-only]\nappendonly = \"maybe\"\n", []string{"at line 2", "appendonly"}},
		{"no TOML", "[network]\nport 0\n", []string{"at line 2"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			conf := filepath.Join(t.TempDir(), "redisd.toml")
			check.NoErr(t, os.WriteFile(conf, []byte(tc.text), 0o644))
			s := rig.Start(t, rig.Options{Config: conf, NoWait: true})
			check.Eq(t, s.Wait(), 1)
			for _, w := range tc.want {
				check.Contains(t, s.Log(), w)
			}
		})
	}
}

// TestPortInUse starts two daemons on one port.
func TestPortInUse(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check.NoErr(t, err)
	defer l.Close()
	port := fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
	log := filepath.Join(t.TempDir(), "log")
	s := rig.Start(t, rig.Options{NoWait: true, Args: []string{"--port", port, "--logfile", log}})
	check.Eq(t, s.Wait(), 1)
	text, err := os.ReadFile(log)
	check.NoErr(t, err)
	for _, where := range []string{string(text), s.Log()} {
		check.Contains(t, where, "Failed listening on port "+port)
	}
	check.Contains(t, strings.ToLower(string(text)), "address already in use")
}

// TestSecondDaemonOnTheFolder starts two daemons on one folder.
func TestSecondDaemonOnTheFolder(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--rdb-key-save-delay", "100000"}})
	s.Fill(50, 10)
	s.Do("BGSAVE")
	_, temp := s.Child()
	second := rig.Start(t, rig.Options{Dir: s.Dir, NoWait: true, Args: []string{"--appendonly", "yes"}})
	check.Eq(t, second.Wait(), 1)
	check.Contains(t, second.Log(), s.Dir)
	check.Contains(t, second.Log(), "belongs to another redisd that is running")
	// It touched nothing of the first one's.
	check.Eq(t, fmt.Sprint(s.Temps()), "["+temp+"]")
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
	s.Do("SET", "a", "b")
	other := rig.Start(t, rig.Options{})
	check.Contains(t, other.Fails("CONFIG", "SET", "dir", s.Dir), "CONFIG SET failed")
	check.Eq(t, fmt.Sprint(other.Do("CONFIG", "GET", "dir")), "map[dir:"+other.Dir+"]")
	// The lock goes with the process.
	s.Kill()
	second.Restart()
	check.Eq(t, second.Do("GET", "a"), any("b"))
}

// TestFolderNotWritable runs as a user who may not write into the folder.
func TestFolderNotWritable(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 {
		t.Skip("only root can start a process as another user")
	}
	dir, err := os.MkdirTemp("", "ro")
	check.NoErr(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	check.NoErr(t, os.Chmod(dir, 0o755))
	s := rig.Start(t, rig.Options{Dir: dir, User: 65534, NoWait: true})
	check.Eq(t, s.Wait(), 1)
	check.Contains(t, s.Log(), dir)
	check.Contains(t, strings.ToLower(s.Log()), "permission denied")
	check.Eq(t, len(s.Files()), 0)
}

// TestRDBIsLoadedWhenThereIsNoLog turns the log on in a folder that only has an
// RDB: nothing is dropped, and the log holds the data from then on.
func TestRDBIsLoadedWhenThereIsNoLog(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		t.Run("preamble "+preamble, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--aof-use-rdb-preamble", preamble}})
			s.Fill(500, 30)
			s.Do("SET", "expires", "x", "EX", "1000")
			want := s.Digest()
			s.Do("SAVE")
			s.Stop()
			s.Restart("--appendonly", "yes")
			check.Eq(t, s.Digest(), want)
			s.Do("SET", "more", "x")
			want = s.Digest()
			s.Kill()
			check.NoErr(t, os.Remove(s.File("dump.rdb")))
			s.Restart()
			check.Eq(t, s.Digest(), want)
			check.Eq(t, len(s.Temps()), 0)
		})
	}
}

// TestDebianConfiguration starts from the file that Debian installs, with what ties
// it to the system's own Redis overridden.
func TestDebianConfiguration(t *testing.T) {
	t.Parallel()
	const file = "/etc/redis/redis.conf"
	if _, err := os.Stat(file); err != nil {
		t.Fatal("Debian's redis-server is not installed, make test installs it: ", err)
	}
	dir := t.TempDir()
	s := rig.Start(t, rig.Options{Config: file, Args: []string{"--daemonize", "no", "--logfile", "", "--pidfile", filepath.Join(dir, "pid"), "--supervised", "no"}})
	check.Eq(t, fmt.Sprint(s.Do("CONFIG", "GET", "repl-diskless-sync")), "map[repl-diskless-sync:yes]")
	check.Eq(t, fmt.Sprint(s.Do("CONFIG", "GET", "set-max-intset-entries")), "map[set-max-intset-entries:512]")
	s.Fill(10, 10)
	want := s.Digest()
	s.Do("SAVE")
	b, err := os.ReadFile(filepath.Join(dir, "pid"))
	check.NoErr(t, err)
	check.Eq(t, strings.TrimSpace(string(b)), fmt.Sprint(s.Pid()))
	s.Stop()
	_, err = os.Stat(filepath.Join(dir, "pid"))
	check.True(t, os.IsNotExist(err), "the pid file is removed")
	s.Restart()
	check.Eq(t, s.Digest(), want)
}

// TestMisconf refuses writes after a save that failed, and takes them again after
// one that worked.
func TestMisconf(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--save", "3600 1000000"}})
	s.Fill(10, 10)
	check.NoErr(t, os.MkdirAll(s.File("dump.rdb/x"), 0o755))
	s.Do("BGSAVE")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "err")
	check.Contains(t, s.Log(), "Error moving temp DB file on the final destination")
	check.Eq(t, len(s.Temps()), 0)
	for _, args := range [][]any{{"SET", "a", "b"}, {"DEL", "a"}, {"PING"}, {"INCR", "n"}, {"FLUSHALL"}} {
		check.Contains(t, s.Fails(args...), "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.")
	}
	check.Eq(t, s.Do("GET", "key:000000000001"), any("vvvvvvvvvv1"))
	// The switch lifts it, and so does a save that works.
	s.Do("CONFIG", "SET", "stop-writes-on-bgsave-error", "no")
	s.Do("SET", "a", "b")
	s.Do("CONFIG", "SET", "stop-writes-on-bgsave-error", "yes")
	check.Contains(t, s.Fails("SET", "a", "b"), "MISCONF")
	check.NoErr(t, os.RemoveAll(s.File("dump.rdb")))
	s.Do("BGSAVE")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	s.Do("SET", "a", "c")
	// Without save points nobody asked for snapshots.
	check.NoErr(t, os.Remove(s.File("dump.rdb")))
	check.NoErr(t, os.MkdirAll(s.File("dump.rdb/x"), 0o755))
	s.Do("CONFIG", "SET", "save", "")
	s.Do("BGSAVE")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "err")
	s.Do("SET", "a", "d")
}
