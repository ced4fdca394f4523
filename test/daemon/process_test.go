package daemon_test

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestDaemonize goes to the background: the command returns when the daemon serves,
// and fails, with the reason, when it does not come up.
func TestDaemonize(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pidfile, log := filepath.Join(dir, "pid"), filepath.Join(dir, "log")
	s := rig.Start(t, rig.Options{NoWait: true, Args: []string{"--daemonize", "yes", "--pidfile", pidfile, "--logfile", log, "--appendonly", "yes"}})
	check.Eq(t, s.Wait(), 0)
	// No waiting: it is up.
	s.Do("SET", "a", "b")
	b, err := os.ReadFile(pidfile)
	check.NoErr(t, err)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	check.NoErr(t, err)
	t.Cleanup(func() {
		if exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid)); err == nil && exe == rig.Binary(t) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	})
	check.Eq(t, s.Field("process_id"), fmt.Sprint(pid))
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	check.NoErr(t, err)
	_, rest, _ := strings.Cut(string(stat), ") ")
	check.Eq(t, strings.Fields(rest)[3], fmt.Sprint(pid)) // its own session
	for fd, want := range map[int]string{0: "/dev/null", 1: "/dev/null", 2: "/dev/null"} {
		to, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", pid, fd))
		check.NoErr(t, err)
		check.Eq(t, to, want)
	}
	text, err := os.ReadFile(log)
	check.NoErr(t, err)
	check.Contains(t, string(text), fmt.Sprintf("PID: %d", pid))
	check.Contains(t, string(text), "Ready to accept connections")
	// A child of it works as ever.
	s.Do("BGREWRITEAOF")
	s.WaitIdle()
	check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")

	second := rig.Start(t, rig.Options{NoWait: true, Dir: s.Dir, Args: []string{"--daemonize", "yes", "--pidfile", filepath.Join(dir, "pid2"), "--logfile", filepath.Join(dir, "log2")}})
	check.NotEq(t, second.Wait(), 0)
	check.Contains(t, second.Log(), "belongs to another redisd that is running")

	rig.KillPid(t, pid, syscall.SIGTERM)
	rig.Eventually(t, "end of the daemon", func() bool { return rig.Gone(pid) })
	_, err = os.Stat(pidfile)
	check.True(t, os.IsNotExist(err), "the pid file is removed")
}

// TestTitles reads what ps and top show.
func TestTitles(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{TCP: true})
	title, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", s.Pid()))
	check.NoErr(t, err)
	check.Contains(t, strings.TrimRight(string(title), "\x00"), fmt.Sprintf("redisd 127.0.0.1:%d", s.Port))
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "100000")
	s.Fill(20, 10)
	s.Do("BGSAVE")
	pid, _ := s.Child()
	title, err = os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	check.NoErr(t, err)
	check.Eq(t, strings.TrimRight(string(title), "\x00 "), fmt.Sprintf("redis-rdb-bgsave 127.0.0.1:%d", s.Port))
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	check.NoErr(t, err)
	check.Eq(t, string(comm), "redis-rdb-bgsav\n") // the kernel keeps 15 bytes
	// The child has standard streams, the two pipes, its file, and what the runtime
	// needs: none of the daemon's sockets.
	fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	check.NoErr(t, err)
	for _, fd := range fds {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
		check.True(t, !strings.HasPrefix(to, "socket:"), "descriptor "+fd.Name()+" of the child is "+to)
	}
}

// notifySocket is a fake of the service manager's socket. It collects messages.
func notifySocket(t *testing.T) (path string, received func() []string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "ns")
	check.NoErr(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	path = filepath.Join(dir, "n")
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	check.NoErr(t, err)
	t.Cleanup(func() { c.Close() })
	var all []string
	return path, func() []string {
		buf := make([]byte, 4096)
		check.NoErr(t, c.SetReadDeadline(time.Now().Add(time.Millisecond)))
		for {
			n, err := c.Read(buf)
			if err != nil {
				return all
			}
			all = append(all, string(buf[:n]))
		}
	}
}

// TestSystemd plays the service manager: ready after loading, a beat, a goodbye.
func TestSystemd(t *testing.T) {
	for i, from := range loadedFrom() {
		mode := []string{"systemd", "auto"}[i%2]
		t.Run(mode+"/"+from.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: from.args})
			s.Fill(60, 10)
			s.Stop()
			path, received := notifySocket(t)
			s.SetEnv("NOTIFY_SOCKET=" + path)
			// Daemonizing would lose the service: it is ignored.
			s.Launch("--supervised", mode, "--key-load-delay", "20000", "--daemonize", "yes")
			has := func(text string) bool { return strings.Contains(strings.Join(received(), "\n"), text) }
			waitLoading(t, s)
			check.True(t, !has("READY=1"), "not ready while loading")
			rig.Eventually(t, "progress", func() bool { return has("STATUS=Loading") && has("EXTEND_TIMEOUT_USEC=") })
			rig.Eventually(t, "READY=1", func() bool { return has("READY=1") })
			s.Do("PING") // ready means ready
			n := strings.Count(strings.Join(received(), "\n"), "WATCHDOG=1")
			rig.Eventually(t, "WATCHDOG=1, again and again", func() bool {
				return strings.Count(strings.Join(received(), "\n"), "WATCHDOG=1") >= n+2
			})
			// A child does not speak for the daemon.
			s.Do("BGSAVE")
			s.WaitIdle()
			s.Stop()
			check.True(t, has("STOPPING=1"), "STOPPING=1 is sent")
			check.Eq(t, strings.Count(strings.Join(received(), "\n"), "READY=1"), 1)
		})
	}
}

// TestSocketActivation hands over listening sockets, as systemd does.
func TestSocketActivation(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check.NoErr(t, err)
	defer l.Close()
	tcp, err := l.(*net.TCPListener).File()
	check.NoErr(t, err)
	defer tcp.Close()
	dir, err := os.MkdirTemp("", "sa")
	check.NoErr(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	sock := filepath.Join(dir, "s")
	u, err := net.Listen("unix", sock)
	check.NoErr(t, err)
	defer u.Close()
	unixFile, err := u.(*net.UnixListener).File()
	check.NoErr(t, err)
	defer unixFile.Close()

	// The variables name the process id, which exec keeps.
	script := filepath.Join(t.TempDir(), "start")
	check.NoErr(t, os.WriteFile(script, []byte("#!/bin/sh\nLISTEN_PID=$$ LISTEN_FDS=2 exec \"$REDISD\" \"$@\"\n"), 0o755))
	data := t.TempDir()
	s := rig.Start(t, rig.Options{Path: script, Env: []string{"REDISD=" + rig.Binary(t)}, Files: []*os.File{tcp, unixFile}, NoWait: true, Bare: true,
		Args: []string{"--dir", data, "--enable-debug-command", "yes", "--save", ""}})
	s.Sock = sock
	s.WaitReady()
	c, err := net.Dial("tcp", l.Addr().String())
	check.NoErr(t, err)
	defer c.Close()
	_, err = c.Write([]byte("PING\r\n"))
	check.NoErr(t, err)
	buf := make([]byte, 7)
	_, err = c.Read(buf)
	check.NoErr(t, err)
	check.Eq(t, string(buf), "+PONG\r\n")
	s.Do("BGSAVE")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	s.Stop()
	_, err = os.Stat(sock)
	check.NoErr(t, err) // it is the service manager's
}

// TestStandardInput reads the configuration from standard input.
func TestStandardInput(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Stdin: "maxclients 123\nloglevel warning\n", Args: []string{"-"}})
	check.Eq(t, fmt.Sprint(s.Do("CONFIG", "GET", "maxclients")), "map[maxclients:123]")
}

// TestTools runs the check tools under their names and as first arguments.
func TestTools(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--aof-use-rdb-preamble", "no"}})
	s.Fill(50, 10)
	s.Do("SAVE")
	want := s.Digest()
	s.Do("SET", "the last", "one")
	s.Stop()
	bin := t.TempDir()
	for _, name := range []string{"redis-check-aof", "redis-check-rdb"} {
		check.NoErr(t, os.Symlink(rig.Binary(t), filepath.Join(bin, name)))
	}
	run := func(want int, stdin, name string, args ...string) string {
		t.Helper()
		cmd := exec.Command(name, args...)
		cmd.Stdin, cmd.Dir = strings.NewReader(stdin), s.Dir
		out, _ := cmd.CombinedOutput()
		if code := cmd.ProcessState.ExitCode(); code != want {
			t.Fatalf("%s %v: exit code %d, want %d\n%s", name, args, code, want, out)
		}
		return string(out)
	}
	checkAOF, checkRDB := filepath.Join(bin, "redis-check-aof"), filepath.Join(bin, "redis-check-rdb")
	check.Contains(t, run(0, "", checkAOF, "appendonly.aof"), "is valid")
	check.Contains(t, run(0, "", checkRDB, "dump.rdb"), "RDB looks OK!")
	check.Contains(t, run(0, "", rig.Binary(t), "check-rdb", "dump.rdb"), "RDB looks OK!")

	info, err := os.Stat(s.File("appendonly.aof"))
	check.NoErr(t, err)
	check.NoErr(t, os.Truncate(s.File("appendonly.aof"), info.Size()-3))
	check.Contains(t, run(1, "", rig.Binary(t), "check-aof", "appendonly.aof"), "is not valid")
	run(1, "n\n", checkAOF, "--fix", "appendonly.aof")
	check.Contains(t, run(0, "y\n", checkAOF, "--fix", "appendonly.aof"), "Successfully truncated AOF")
	s.Restart("--aof-load-truncated", "no")
	check.Eq(t, s.Digest(), want)

	b, err := os.ReadFile(s.File("dump.rdb"))
	check.NoErr(t, err)
	b[len(b)/2] ^= 1
	check.NoErr(t, os.WriteFile(s.File("bad.rdb"), b, 0o644))
	out := run(1, "", checkRDB, "bad.rdb")
	check.Contains(t, out, "--- RDB ERROR DETECTED ---")
	check.Contains(t, out, "Damage: first bad offset ")
	check.Contains(t, out, "Whole: ")
	check.Contains(t, out, "RDB bad.rdb is not valid. Use the --fix option to try fixing it.")
	check.Contains(t, run(1, "y\n", checkRDB, "--fix", "bad.rdb"), "is a server running there?")
	s.Stop()
	run(1, "n\n", checkRDB, "--fix", "bad.rdb")
	check.Contains(t, run(0, "y\n", checkRDB, "--fix", "bad.rdb"), "Kept: bad.rdb as it was is bad.rdb.broken")
	kept, err := os.ReadFile(s.File("bad.rdb.broken"))
	check.NoErr(t, err)
	check.EqBytes(t, kept, b)
	check.Contains(t, run(0, "", checkRDB, "bad.rdb"), "RDB looks OK!")
	run(1, "", checkRDB, "missing.rdb")
	run(1, "", checkRDB)

	check.Contains(t, run(0, "", rig.Binary(t), "--version"), "Redis server v=7.2.4")
	check.Contains(t, run(0, "", rig.Binary(t), "--help"), "Usage:")
}
