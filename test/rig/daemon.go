package rig

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Patience is how long the helpers wait for what must happen.
const Patience = 40 * time.Second

// Options say how a server is started. The zero value is a daemon in a new
// folder on a unix socket, without save points.
type Options struct {
	Args   []string // directives, after those of the rig: they win
	Env    []string // further variables
	Config string   // path of a configuration file, "" for none
	Dir    string   // working folder, "" for a new one
	TCP    bool     // a free port on 127.0.0.1 as well as the socket
	Bare   bool     // Args only: none of the rig's own
	NoWait bool     // do not wait until it answers
	Stdin  string   // what it reads, with "-" among the arguments
	User   int      // user and group id to run as, 0 for the test's own
	Binary string   // another binary than the one under test
	Files  []*os.File
	Path   string // argv[0] to execute by, "" for the binary itself
}

// Server is one server and the processes that it was in the course of a test.
type Server struct {
	t    testing.TB
	opt  Options
	Dir  string // working folder
	Sock string // unix socket
	Port int    // 0 unless TCP
	Out  string // path of what it wrote to standard output and error

	cmd    *exec.Cmd
	ended  chan struct{} // closed when the process was waited for
	client *redis.Client
}

// Start starts the daemon under test and waits until it answers.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	if o.Binary == "" {
		o.Binary = Binary(t)
	}
	return launch(t, o)
}

// StartRedis starts Debian's redis-server; the test fails when it is not
// installed. DEBUG is allowed.
func StartRedis(t testing.TB, o Options) *Server {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: make test installs it")
	}
	o.Binary = path
	return launch(t, o)
}

func launch(t testing.TB, o Options) *Server {
	t.Helper()
	s := &Server{t: t, opt: o, Dir: o.Dir}
	if s.Dir == "" {
		s.Dir = filepath.Join(t.TempDir(), "data")
		must(t, os.Mkdir(s.Dir, 0o755))
	}
	// The name of a test is long, and a socket's path may not be.
	short, err := os.MkdirTemp("", "rd")
	must(t, err)
	must(t, os.Chmod(short, 0o777))
	t.Cleanup(func() { os.RemoveAll(short) })
	s.Sock, s.Out = filepath.Join(short, "s"), filepath.Join(short, "out")
	if o.TCP {
		s.Port = FreePort(t)
	}
	t.Cleanup(func() {
		s.Kill()
		if t.Failed() {
			t.Logf("output of %s in %s:\n%s", filepath.Base(o.Binary), s.Dir, tail(s.Log(), 4000))
		}
	})
	s.Launch()
	if !o.NoWait {
		s.WaitReady()
	}
	return s
}

// Args are the arguments that the server is started with.
func (s *Server) Args() []string {
	var a []string
	if s.opt.Config != "" {
		a = append(a, s.opt.Config)
	}
	if !s.opt.Bare {
		a = append(a, "--port", strconv.Itoa(s.Port), "--bind", "127.0.0.1", "--unixsocket", s.Sock, "--dir", s.Dir,
			"--save", "", "--enable-debug-command", "yes", "--loglevel", "debug")
	}
	return append(a, s.opt.Args...)
}

// Launch starts the process, without waiting for an answer. More arguments stay
// for later starts.
func (s *Server) Launch(more ...string) {
	s.t.Helper()
	if s.cmd != nil && s.Alive() {
		s.t.Fatal("the server still runs: what is asked next would be answered by the old process")
	}
	s.opt.Args = append(s.opt.Args, more...)
	path := s.opt.Path
	if path == "" {
		path = s.opt.Binary
	}
	cmd := exec.Command(path, s.Args()...)
	out, err := os.OpenFile(s.Out, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o666)
	must(s.t, err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr, cmd.Env, cmd.ExtraFiles = out, out, append(os.Environ(), s.opt.Env...), s.opt.Files
	if s.opt.Stdin != "" {
		cmd.Stdin = strings.NewReader(s.opt.Stdin)
	}
	if s.opt.User != 0 {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(s.opt.User), Gid: uint32(s.opt.User)}}
	}
	must(s.t, cmd.Start())
	s.cmd, s.ended = cmd, make(chan struct{})
	ended := s.ended
	go func() {
		_ = cmd.Wait() // the state tells
		close(ended)
	}()
}

// SetEnv replaces the further variables of the next Launch.
func (s *Server) SetEnv(env ...string) { s.opt.Env = env }

// WaitReady waits until the server answers PING with PONG.
func (s *Server) WaitReady() {
	s.t.Helper()
	for deadline := time.Now().Add(Patience); ; time.Sleep(5 * time.Millisecond) {
		if s.Client().Ping(context.Background()).Err() == nil {
			return
		}
		select {
		case <-s.ended:
			s.t.Fatalf("the server ended (%s) instead of answering:\n%s", s.cmd.ProcessState, tail(s.Log(), 4000))
		default:
		}
		if time.Now().After(deadline) {
			s.t.Fatalf("no answer after %s:\n%s", Patience, tail(s.Log(), 4000))
		}
	}
}

// Restart starts the server again after it ended, and waits for its answer.
func (s *Server) Restart(more ...string) {
	s.t.Helper()
	s.Launch(more...)
	s.WaitReady()
}

// Pid is the process id of the server.
func (s *Server) Pid() int { return s.cmd.Process.Pid }

// Alive tells whether the process has not ended.
func (s *Server) Alive() bool {
	select {
	case <-s.ended:
		return false
	default:
		return true
	}
}

// Signal sends sig to the server.
func (s *Server) Signal(sig syscall.Signal) {
	s.t.Helper()
	must(s.t, s.cmd.Process.Signal(sig))
}

// Wait waits for the end of the process and returns its exit code, or minus the
// number of the signal that ended it.
func (s *Server) Wait() int {
	s.t.Helper()
	select {
	case <-s.ended:
	case <-time.After(Patience):
		s.t.Fatalf("the server did not end within %s:\n%s", Patience, tail(s.Log(), 4000))
	}
	ws := s.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ws.Signaled() {
		return -int(ws.Signal())
	}
	return ws.ExitStatus()
}

// Stop ends the server with SIGTERM and expects exit code 0.
func (s *Server) Stop() {
	s.t.Helper()
	s.Signal(syscall.SIGTERM)
	if code := s.Wait(); code != 0 {
		s.t.Fatalf("exit code %d after SIGTERM:\n%s", code, tail(s.Log(), 4000))
	}
}

// Kill ends the server and the children it has with SIGKILL. It does nothing
// when the server has ended.
func (s *Server) Kill() {
	if s.cmd == nil || !s.Alive() {
		return
	}
	kids := s.Children()
	s.KillAlone()
	for _, pid := range kids {
		if exe, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/exe"); err == nil && strings.HasPrefix(exe, s.opt.Binary) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
	}
}

// KillAlone ends the server with SIGKILL and leaves its children alone.
func (s *Server) KillAlone() {
	_ = s.cmd.Process.Kill()
	<-s.ended
}

// Client is a go-redis client of the server that never repeats a command.
func (s *Server) Client() *redis.Client {
	if s.client == nil {
		s.client = s.NewClient()
	}
	return s.client
}

// NewClient is another client; it is closed when the test ends.
func (s *Server) NewClient() *redis.Client {
	c := redis.NewClient(&redis.Options{
		Network: "unix", Addr: s.Sock, MaxRetries: -1, ReadTimeout: Patience, WriteTimeout: Patience, PoolSize: 64,
	})
	s.t.Cleanup(func() { c.Close() })
	return c
}

// Do runs a command and fails the test on an error.
func (s *Server) Do(args ...any) any {
	s.t.Helper()
	v, err := s.Client().Do(context.Background(), args...).Result()
	if err != nil && !errors.Is(err, redis.Nil) {
		s.t.Fatalf("%v: %v", args, err)
	}
	return v
}

// Fails runs a command and returns its error, which it must have.
func (s *Server) Fails(args ...any) string {
	s.t.Helper()
	v, err := s.Client().Do(context.Background(), args...).Result()
	if err == nil {
		s.t.Fatalf("%v: no error but %v", args, v)
	}
	return err.Error()
}

// Dial opens a raw connection.
func (s *Server) Dial() net.Conn {
	s.t.Helper()
	c, err := net.Dial("unix", s.Sock)
	must(s.t, err)
	s.t.Cleanup(func() { c.Close() })
	return c
}

// Log is everything that the server wrote so far, over all its starts.
func (s *Server) Log() string {
	b, _ := os.ReadFile(s.Out)
	return string(b)
}

// Mark is a place in the log, for LogSince.
func (s *Server) Mark() int { return len(s.Log()) }

// LogSince is what was written after a mark.
func (s *Server) LogSince(mark int) string { return s.Log()[mark:] }

// WaitLog waits until the log has text behind mark.
func (s *Server) WaitLog(mark int, text string) {
	s.t.Helper()
	Eventually(s.t, "the log line "+strconv.Quote(text), func() bool { return strings.Contains(s.LogSince(mark), text) })
}

// FreePort finds a port on 127.0.0.1 that nobody uses now.
func FreePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// Eventually waits until cond holds.
func Eventually(t testing.TB, what string, cond func() bool) {
	t.Helper()
	for deadline := time.Now().Add(Patience); !cond(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("no %s within %s", what, Patience)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tail is the end of a text, from the start of a line.
func tail(s string, n int) string {
	if len(s) <= n {
		return s
	}
	b := []byte(s[len(s)-n:])
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		b = b[i+1:]
	}
	return string(b)
}
