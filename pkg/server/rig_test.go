package server_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sirupsen/logrus"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/config"
	"redisd/pkg/resp"
	"redisd/pkg/server"
)

// rig is a Server that runs in the test process, on a Unix socket.
type rig struct {
	t      *testing.T
	socket string
	log    *logBuffer
	ended  chan error
}

// logBuffer is what the server logged; the loop writes, the test reads.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// startServer runs a server with lines of redis.conf as its configuration, in a
// folder of its own; it is shut down when the test ends.
func startServer(t *testing.T, directives ...string) *rig {
	t.Helper()
	return startServerFile(t, "", directives...)
}

// startServerFile is startServer with a configuration file.
func startServerFile(t *testing.T, file string, directives ...string) *rig {
	t.Helper()
	return startServerAs(t, rigOptions{file: file}, directives...)
}

// rigOptions are what a test may want otherwise.
type rigOptions struct {
	file    string               // the configuration file
	clock   clock.Clock          // the machine's when nil
	prepare func(*server.Server) // called before Run
	fs      vfs.FS               // the machine's when nil
	dir     string               // the working folder; a new one when ""
}

// startServerAs is startServer with options.
func startServerAs(t *testing.T, o rigOptions, directives ...string) *rig {
	t.Helper()
	if o.clock == nil {
		o.clock = clock.System()
	}
	if o.fs == nil {
		o.fs = vfs.OS()
	}
	dir := o.dir
	if dir == "" {
		dir = t.TempDir()
	}
	t.Chdir(dir)
	r := &rig{t: t, socket: filepath.Join(dir, "s"), log: &logBuffer{}, ended: make(chan error, 1)}
	lines := append([]string{"port 0", `save ""`, "unixsocket " + r.socket}, directives...)
	cfg, err := config.Load(config.Source{FS: vfs.OS(), File: o.file, Options: strings.Join(lines, "\n")})
	check.NoErr(t, err)
	logger := logrus.New()
	logger.SetOutput(r.log)
	logger.SetLevel(logrus.TraceLevel)
	logger.SetFormatter(&server.Formatter{PID: 1, Role: 'M'})
	s, err := server.New(server.Options{
		Config: cfg, ConfigPath: o.file, Executable: "redisd", Version: "0.0.0-test", Log: server.NewLog(logger),
		FS: o.fs, Clock: o.clock, Chdir: func(string) error { return nil },
	})
	check.NoErr(t, err)
	if o.prepare != nil {
		o.prepare(s)
	}
	go func() {
		_, err := s.Run()
		r.ended <- err
	}()
	c := r.dial()
	t.Cleanup(func() {
		// The first one may have been closed as idle, and a new one be refused by maxclients.
		shutdown := resp.AppendCommandStrings(nil, "SHUTDOWN", "NOSAVE", "FORCE")
		_, _ = c.conn.Write(shutdown)
		if fresh, err := net.Dial("unix", r.socket); err == nil {
			_, _ = fresh.Write(shutdown)
			defer fresh.Close()
		}
		select {
		case err := <-r.ended:
			if err != nil {
				t.Errorf("the server ended with %s; its log:\n%s", err, r.log)
			}
		case <-time.After(patience):
			t.Errorf("the server does not end; its log:\n%s", r.log)
		}
		c.conn.Close()
	})
	return r
}

// peer is one connection to a server.
type peer struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

// dial connects as soon as the server listens.
func (r *rig) dial() *peer {
	r.t.Helper()
	for {
		conn, err := net.Dial("unix", r.socket)
		if err == nil {
			return &peer{r.t, conn, bufio.NewReader(conn)}
		}
		select {
		case err := <-r.ended:
			r.t.Fatalf("the server did not start: %v; its log:\n%s", err, r.log)
		case <-time.After(time.Millisecond):
		}
	}
}

// patience is how long a reply or an end may take before a test gives up.
const patience = 20 * time.Second

// do sends one command and gives its reply.
func (p *peer) do(words ...string) resp.Reply {
	p.t.Helper()
	check.NoErr(p.t, p.conn.SetDeadline(time.Now().Add(patience)))
	_, err := p.conn.Write(resp.AppendCommandStrings(nil, words...))
	check.NoErr(p.t, err)
	reply, err := resp.ReadReply(p.in)
	if err != nil {
		p.t.Fatalf("%.200q: %s", words, err)
	}
	return reply
}

// ok is do for a command that must not fail.
func (p *peer) ok(words ...string) resp.Reply {
	p.t.Helper()
	reply := p.do(words...)
	if err := reply.Err(); err != nil {
		p.t.Fatalf("%v: %s", words, err)
	}
	return reply
}

// text gives a string reply.
func (p *peer) text(words ...string) string {
	p.t.Helper()
	return p.ok(words...).Text
}

// refused gives the text of an error reply, which there must be.
func (p *peer) refused(words ...string) string {
	p.t.Helper()
	reply := p.do(words...)
	if reply.Err() == nil {
		p.t.Fatalf("%v was not refused: %s", words, reply)
	}
	return reply.Text
}

// info gives the fields of INFO by name.
func (p *peer) info(sections ...string) map[string]string {
	p.t.Helper()
	return infoFields(p.text(append([]string{"INFO"}, sections...)...))
}

func infoFields(text string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(text) {
		if name, value, ok := strings.Cut(strings.TrimRight(line, "\r\n"), ":"); ok && name[0] != '#' {
			fields[name] = value
		}
	}
	return fields
}

// startOracle runs redis-server with further arguments and connects to it.
func startOracle(t *testing.T, args ...string) *peer {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing, and this test compares with it: `make test` installs it")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(path, append([]string{"--port", "0", "--unixsocket", socket, "--dir", dir, "--save", ""}, args...)...)
	stdout, err := cmd.StdoutPipe()
	check.NoErr(t, err)
	check.NoErr(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // a server under test may have reaped it: it waits for every child
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			conn, err := net.Dial("unix", socket)
			check.NoErr(t, err)
			t.Cleanup(func() { conn.Close() })
			return &peer{t, conn, bufio.NewReader(conn)}
		}
	}
	t.Fatal("redis-server did not start")
	return nil
}
