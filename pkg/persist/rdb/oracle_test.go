package rdb_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
)

// oracle is a real redis-server on a unix socket in a folder of its own.
type oracle struct {
	t    testing.TB
	dir  string
	conn net.Conn
	r    *bufio.Reader
}

// tool finds a program of Debian's redis packages.
func tool(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		t.Fatalf("%s is not installed: this test compares with it (apt-get install redis-server redis-tools)", name)
	}
	return path
}

// startOracle starts a server; dump, if not nil, is the dump.rdb it loads. It
// gives the output of a server that does not come up.
func startOracle(t testing.TB, dump []byte, args ...string) *oracle {
	t.Helper()
	o := &oracle{t: t, dir: t.TempDir()}
	if dump != nil {
		check.NoErr(t, os.WriteFile(filepath.Join(o.dir, "dump.rdb"), dump, 0o600))
	}
	args = append([]string{
		"--port", "0", "--unixsocket", "s", "--dir", o.dir, "--save", "",
		"--enable-debug-command", "yes", "--appendonly", "no",
	}, args...)
	cmd := exec.Command(tool(t, "redis-server"), args...)
	cmd.Dir = o.dir
	out, err := cmd.StdoutPipe()
	check.NoErr(t, err)
	check.NoErr(t, cmd.Start())
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })

	log := bufio.NewScanner(out)
	var seen strings.Builder
	for log.Scan() {
		seen.WriteString(log.Text() + "\n")
		if strings.Contains(log.Text(), "eady to accept connections at") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			o.conn, err = net.Dial("unix", filepath.Join(o.dir, "s"))
			check.NoErr(t, err)
			t.Cleanup(func() { _ = o.conn.Close() })
			o.r = bufio.NewReader(o.conn)
			return o
		}
	}
	t.Fatalf("redis-server did not start:\n%s", seen.String())
	return nil
}

// do runs a command and returns its reply as text: integers in decimal, arrays
// one element a line.
func (o *oracle) do(args ...string) string {
	o.t.Helper()
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	_, err := o.conn.Write(b)
	check.NoErr(o.t, err)
	return o.reply()
}

// line runs a command given as words.
func (o *oracle) line(words string) string {
	o.t.Helper()
	return o.do(strings.Fields(words)...)
}

func (o *oracle) reply() string {
	o.t.Helper()
	head, err := o.r.ReadString('\n')
	check.NoErr(o.t, err)
	head = strings.TrimSuffix(head, "\r\n")
	switch head[0] {
	case '-':
		o.t.Fatalf("redis-server answered %s", head)
	case '$':
		n, _ := strconv.Atoi(head[1:])
		if n < 0 {
			return ""
		}
		b := make([]byte, n+2)
		_, err = io.ReadFull(o.r, b)
		check.NoErr(o.t, err)
		return string(b[:n])
	case '*':
		n, _ := strconv.Atoi(head[1:])
		var parts []string
		for range n {
			parts = append(parts, o.reply())
		}
		return strings.Join(parts, "\n")
	}
	return head[1:]
}

// save returns the RDB of the server's data.
func (o *oracle) save() []byte {
	o.t.Helper()
	check.Eq(o.t, o.line("SAVE"), "OK")
	b, err := os.ReadFile(filepath.Join(o.dir, "dump.rdb"))
	check.NoErr(o.t, err)
	return b
}

// checkTool runs redis-check-rdb on b and returns its output, with the name of
// the file as "dump.rdb", and whether it was content. There are damaged files on which
// the tool does not end: these it is not content with either.
func checkTool(t testing.TB, b []byte) (out string, ok bool) {
	t.Helper()
	path := tool(t, "redis-check-rdb")
	dir := t.TempDir()
	check.NoErr(t, os.WriteFile(filepath.Join(dir, "dump.rdb"), b, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, "dump.rdb")
	cmd.Dir = dir
	var buf bytes.Buffer
	cmd.Stdout = &buf
	err := cmd.Run()
	return buf.String(), err == nil
}

// fillStrings gives the server strings of all forms in three databases.
func fillStrings(o *oracle) {
	for i := range 300 {
		o.do("SET", fmt.Sprint("key:", i), fmt.Sprint("value ", i))
		o.do("SET", fmt.Sprint(i*1000), fmt.Sprint(i*i*i*i-5000))
	}
	o.do("SET", "far", "1", "PXAT", "4102444800123")
	o.do("SET", "near", "2", "PXAT", "4102444800000")
	o.do("SET", "packed", strings.Repeat("the same again, ", 500))
	o.do("SET", strings.Repeat("long key ", 50), "x")
	o.do("SET", "empty", "")
	o.do("SET", "binary", "\x00\x01\xff\r\n")
	o.do("SET", "huge", strings.Repeat("0123456789abcdef", 40000))
	o.line("SELECT 3")
	o.do("SET", "a", "in three")
	o.line("SELECT 15")
	o.do("SET", "b", "in fifteen")
	o.line("SELECT 0")
}

// fillTypes gives the server a key of every type and encoding it can make.
func fillTypes(o *oracle) {
	for i := range 200 {
		n := strconv.Itoa(i)
		o.do("RPUSH", "list", "element "+n, n)
		o.do("SADD", "set", "member "+n)
		o.do("SADD", "intset", n)
		o.do("HSET", "hash", "field "+n, strings.Repeat("v", i))
		o.do("ZADD", "zset", n+".5", "member "+n)
		o.do("XADD", "stream", n+"-1", "f", "v"+n, "g", "w")
		if i < 20 {
			o.do("RPUSH", "small list", n, "x"+n, strings.Repeat("y", i*10))
			o.do("HSET", "small hash", "field"+n, n)
			o.do("ZADD", "small zset", n, "member"+n, "-1.25", "member"+n+"x")
			o.do("SADD", "large ints", strconv.Itoa(i*1e15))
		}
	}
	o.do("ZADD", "zset", "inf", "top", "-inf", "bottom")
	o.do("RPUSH", "plain", strings.Repeat("large element ", 2000), "after")
	o.do("RPUSH", "numbers", "0", "127", "-1", "4095", "-4096", "32767", "-32768", "8388607", "-8388608", "2147483647", "-2147483648", "9223372036854775807", "-9223372036854775808")
	o.line("XGROUP CREATE stream g1 0")
	o.line("XGROUP CREATE stream g2 50-0")
	o.line("XREADGROUP GROUP g1 c1 COUNT 30 STREAMS stream >")
	o.line("XREADGROUP GROUP g1 c2 COUNT 10 STREAMS stream >")
	o.line("XACK stream g1 3-1 5-1")
	o.line("XDEL stream 7-1 8-1")
	o.line("XADD stream 1000-1 other field names 7")
	o.line("XADD drained 1-1 a b")
	o.line("XDEL drained 1-1")
	o.do("FUNCTION", "LOAD", "#!lua name=lib\nredis.register_function('f', function() return 1 end)")
}
