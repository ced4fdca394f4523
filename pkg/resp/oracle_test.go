package resp_test

import (
	"bufio"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// startRedis runs a redis-server for the test and returns its socket. It wants a
// password, so that the limits for unauthenticated clients can be compared.
func startRedis(t *testing.T) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing, and this test compares with it: `make test` installs it")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--requirepass", "pw")
	stdout, err := cmd.StdoutPipe()
	check.NoErr(t, err)
	check.NoErr(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return socket
		}
	}
	t.Fatal("redis-server did not start")
	return ""
}

// oracle is one redis-server and a connection that tells when it has read what
// was sent to it on others.
type oracle struct {
	socket string
	sync   net.Conn
	reader *bufio.Reader
}

func newOracle(t *testing.T) *oracle {
	o := &oracle{socket: startRedis(t)}
	o.sync = o.dial(t, true)
	o.reader = bufio.NewReader(o.sync)
	return o
}

func (o *oracle) dial(t *testing.T, authenticated bool) net.Conn {
	t.Helper()
	conn, err := net.Dial("unix", o.socket)
	check.NoErr(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	if authenticated {
		_, err = io.WriteString(conn, "AUTH pw\r\n")
		check.NoErr(t, err)
		ok := make([]byte, 5)
		_, err = io.ReadFull(conn, ok)
		check.NoErr(t, err)
		check.Eq(t, string(ok), "+OK\r\n")
	}
	return conn
}

// turn returns when the server has read everything that was sent before: one
// turn of its loop reads from all ready connections before it writes replies.
func (o *oracle) turn(t *testing.T) {
	t.Helper()
	_, err := io.WriteString(o.sync, "PING\r\n")
	check.NoErr(t, err)
	_, err = resp.ReadReply(o.reader)
	check.NoErr(t, err)
}

// replies sends the chunks, each read by the server on its own, and returns all
// that it answers.
func (o *oracle) replies(t *testing.T, authenticated bool, chunks ...string) string {
	t.Helper()
	conn := o.dial(t, authenticated)
	for i, chunk := range chunks {
		if i > 0 {
			o.turn(t)
		}
		// The server closes the connection after an error, so that what comes
		// behind it may not be accepted any more.
		if _, err := io.WriteString(conn, chunk); err != nil {
			break
		}
	}
	_ = conn.(*net.UnixConn).CloseWrite()
	got, err := io.ReadAll(conn)
	if err != nil && !strings.Contains(err.Error(), "connection reset") {
		t.Fatal(err)
	}
	_ = conn.Close()
	return string(got)
}

// expected is what a server has to answer, by the Parser's result: ECHO and
// unknown commands show their arguments.
func expected(t *testing.T, authenticated bool, chunks ...string) string {
	t.Helper()
	p := newParser()
	if !authenticated {
		p = newUnauthenticated()
	}
	raw := make([][]byte, len(chunks))
	for i, c := range chunks {
		raw[i] = []byte(c)
	}
	got := parseChunks(t, p, raw...)
	w := resp.NewWriter(2)
	for _, args := range got.commands {
		switch {
		case !strings.EqualFold(args[0], "echo"):
			w.Error(unknownCommand(args))
		case len(args) != 2:
			w.Error("ERR wrong number of arguments for 'echo' command")
		case !authenticated:
			w.Error("NOAUTH Authentication required.")
		default:
			w.BulkString(args[1])
		}
	}
	if got.err != "" {
		w.Error("ERR " + got.err)
	}
	return string(w.Buf)
}

// unknownCommand is Redis's message: strings end at a zero byte, and at most 128
// bytes of arguments are quoted.
func unknownCommand(args []string) string {
	quoted := ""
	for _, a := range args[1:] {
		if len(quoted) >= 128 {
			break
		}
		a, _, _ = strings.Cut(a, "\x00")
		quoted += "'" + a[:min(len(a), 128-len(quoted))] + "' "
	}
	name, _, _ := strings.Cut(args[0], "\x00")
	s := "ERR unknown command '" + name[:min(len(name), 128)] + "', with args beginning with: " + quoted
	return strings.TrimRight(s, "\r\n")
}

// rawStreams are short enough to be split at every byte.
func rawStreams() []string {
	return []string{
		"*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\n", "*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", "ECHO hi\r\n", "ECHO hi\n",
		"\r\n\r\nECHO a\r\n*0\r\n*-1\r\n*-99\r\nECHO b\n", "*2\rX$4\rYECHOZZ$1\r!a..", "*1\r\n$3\r\nfoo\r\nbar a b\r\n",
		"*x\r\n", "*\r\n", "*-\r\n", "*-0\r\n", "*+1\r\n", "*01\r\n", "* 1\r\n", "*1 \r\n", "*1.0\r\n", "*0x1\r\n",
		"*2147483648\r\n", "*2147483647\r\n", "*9223372036854775807\r\n", "*9223372036854775808\r\n", "*99999999999999999999999\r\n",
		"*-9223372036854775808\r\nECHO a\r\n", "*-9223372036854775809\r\n",
		"*1\r\n$x\r\n", "*1\r\n$\r\n", "*1\r\n$-1\r\n", "*1\r\n$-\r\n", "*1\r\n$+1\r\n", "*1\r\n$01\r\n", "*1\r\n$00\r\n", "*1\r\n$ 1\r\n",
		"*1\r\n$536870912\r\n", "*1\r\n$536870913\r\n", "*1\r\n$9223372036854775808\r\n", "*1\r\n$1000000000\r\n", "*1\r\n$123456789012\r\n",
		"*1\r\n:1\r\n", "*1\r\nfoo\r\n", "*1\r\n\r\n", "*1\r\n\n\r\n", "*1\r\n*1\r\n", "*1\r\n \r\n", "*1\r\n\xff\r\n", "*1\r\n%s\r\n",
		"*2\r\n$4\r\nECHO\r\n+a\r\n", "ECHO a\r\n*1\r\n-\r\nECHO b\r\n", "*1\x00\r\n$4\r\n", "*1\r\n$4\x00\r\n", "ECHO\x00 a\r\n",
		"ECHO \"a b\"\r\n", "ECHO 'a b'\r\n", `ECHO "\x41\x4g\n\r\t\b\a\\\"\q"` + "\r\n", `ECHO 'it\'s \n'` + "\r\n", "ECHO a\"b c\"\r\n",
		"ECHO \"a\"b\r\n", "ECHO 'a'b\r\n", "ECHO \"a\r\n", "ECHO 'a\r\n", "ECHO \"\\\r\n", "ECHO '\\'\r\n", "\"\" x\r\n", "ECHO \"\"\r\n",
		"ECHO \"a\"\fb\r\n", "ECHO a\fb\r\n", "ECHO a\vb\r\n", " \t ECHO\ta \r\n", "\fECHO a\r\n", "ECHO a\rb\r\n", "ECHO a\r\r\n", "ECHO \xff\xfe\r\n",
		"+OK\r\n", "$3\r\nfoo\r\n", "foo\\ bar 'x'\r\n", "*\n", "*1\n$4\n", "*2\r\n$4\r\nECHO\r\n$1\r\nab\r\n", "*2\r\n$4\r\necho\r\n$3\r\na\r\n\r\n",
	}
}

// longStreams test the limits of lines.
func longStreams() []string {
	x := strings.Repeat("x", 70_000)
	ones := strings.Repeat("1", 70_000)
	return []string{
		x[:65536], x[:65537], x, "ECHO " + x[:60000] + "\r\n", "*" + ones[:65535], "*" + ones[:65536], "*1\r\n$" + ones[:65535], "*1\r\n$" + ones[:65536],
		"*2\r\n$4\r\nECHO\r\n$70000\r\n" + x + "\r\nECHO a\r\n", "*" + ones[:1000] + "\r\n", "*1\r\n$" + ones[:1000] + "\r\n",
		"*1\r\n" + x, "a\x00" + x, "*1\r\n$\x00" + x,
	}
}

// limitStreams go to clients that have not given their password.
func limitStreams() []string {
	return []string{
		"*11\r\n", "*10\r\n" + strings.Repeat("$1\r\nx\r\n", 10), "*2147483648\r\n", "*1\r\n$16385\r\n", "ECHO a\r\n", "*1\r\n$16384\r\n" + strings.Repeat("x", 16384) + "\r\n",
		"*1\r\n$536870913\r\n", "a b c d e f g h i j k l\r\n", "*1\r\n:1\r\n",
	}
}

func TestParserAgreesWithRedis(t *testing.T) {
	o := newOracle(t)
	for i, stream := range append(rawStreams(), longStreams()...) {
		t.Run(fmt.Sprint("whole ", i), func(t *testing.T) {
			check.Eq(t, o.replies(t, true, stream), expected(t, true, stream))
		})
	}
	for i, stream := range limitStreams() {
		t.Run(fmt.Sprint("unauthenticated ", i), func(t *testing.T) {
			check.Eq(t, o.replies(t, false, stream), expected(t, false, stream))
		})
	}
	t.Run("split", func(t *testing.T) {
		for _, stream := range rawStreams() {
			for at := 1; at < len(stream); at++ {
				a, b := stream[:at], stream[at:]
				want := expected(t, true, a, b)
				if got := o.replies(t, true, a, b); got != want {
					t.Errorf("%q + %q: Redis answers %q, the Parser means %q", a, b, got, want)
				}
			}
		}
	})
}

// Random streams of pieces that matter, so that errors come after good commands
// and in the midst of them.
func TestParserAgreesWithRedisOnRandomStreams(t *testing.T) {
	o := newOracle(t)
	pieces := []string{
		"*2\r\n$4\r\nECHO\r\n$1\r\na\r\n", "ECHO b\r\n", "*1\r\n", "*2\r\n", "*0\r\n", "$4\r\nECHO\r\n", "$1\r\nz\r\n", "$0\r\n\r\n",
		"\r\n", "\n", "\r", "*", "$", "1", "-", "0", " ", "\"", "'", "\\", "x41", "ECHO ", "q", "\x00", "\xff", "\t",
	}
	rnd := rand.New(rand.NewSource(7))
	for i := range 1500 {
		var b strings.Builder
		for range 1 + rnd.Intn(8) {
			b.WriteString(pieces[rnd.Intn(len(pieces))])
		}
		stream := b.String()
		if got, want := o.replies(t, true, stream), expected(t, true, stream); got != want {
			t.Errorf("stream %d %q: Redis answers %q, the Parser means %q", i, stream, got, want)
		}
	}
}
