package glob_test

import (
	"bufio"
	"io"
	"math/rand"
	"net"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/glob"
	"redisd/pkg/resp"
)

// startRedis runs a redis-server for the test and connects to it.
func startRedis(t *testing.T) net.Conn {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing, and this test compares with it: `make test` installs it")
	}
	dir := t.TempDir()
	cmd := exec.Command(path, "--port", "0", "--unixsocket", filepath.Join(dir, "s"), "--dir", dir, "--save", "")
	stdout, err := cmd.StdoutPipe()
	check.NoErr(t, err)
	check.NoErr(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() && !strings.Contains(lines.Text(), "ready to accept connections") {
	}
	go func() { _, _ = io.Copy(io.Discard, stdout) }()
	conn, err := net.Dial("unix", filepath.Join(dir, "s"))
	check.NoErr(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func randomText(rnd *rand.Rand, alphabet string, size int) string {
	b := make([]byte, size)
	for i := range b {
		b[i] = alphabet[rnd.Intn(len(alphabet))]
	}
	return string(b)
}

// KEYS of random patterns over random keys gives what Match says.
func TestMatchAgreesWithKeys(t *testing.T) {
	conn := startRedis(t)
	r := bufio.NewReader(conn)
	do := func(args ...string) resp.Reply {
		_, err := conn.Write(resp.AppendCommandStrings(nil, args...))
		check.NoErr(t, err)
		reply, err := resp.ReadReply(r)
		check.NoErr(t, err)
		return reply
	}
	rnd := rand.New(rand.NewSource(9))
	var keys []string
	seen := map[string]bool{}
	for len(keys) < 400 {
		if key := randomText(rnd, "aabbcAB]-^\\*\xff\x80\x00", rnd.Intn(7)); !seen[key] {
			seen[key] = true
			keys = append(keys, key)
			check.NoErr(t, do("SET", key, "").Err())
		}
	}
	slices.Sort(keys)
	for range 4000 {
		pattern := randomText(rnd, "aabbcAB[[]]--^^\\**?\xff\x80\x00", 1+rnd.Intn(9))
		var want, got []string
		for _, key := range keys {
			// KEYS takes a lone star as everything, before it matches.
			if pattern == "*" || glob.Match([]byte(pattern), []byte(key), false) {
				want = append(want, key)
			}
		}
		for _, e := range do("KEYS", pattern).Elems {
			got = append(got, e.Text)
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("pattern %q: Redis has %q, Match has %q", pattern, got, want)
		}
	}
}

// CONFIG GET matches without regard to case.
func TestMatchAgreesWithConfigGet(t *testing.T) {
	conn := startRedis(t)
	r := bufio.NewReader(conn)
	get := func(pattern string) []string {
		_, err := conn.Write(resp.AppendCommandStrings(nil, "CONFIG", "GET", pattern))
		check.NoErr(t, err)
		reply, err := resp.ReadReply(r)
		check.NoErr(t, err)
		var names []string
		for i := 0; i < len(reply.Elems); i += 2 {
			names = append(names, reply.Elems[i].Text)
		}
		slices.Sort(names)
		return names
	}
	all := get("*")
	check.True(t, len(all) > 100, "directives to match")
	rnd := rand.New(rand.NewSource(10))
	for range 500 {
		pattern := "*" + randomText(rnd, "aAeEmMxX-?*[]^\\", 1+rnd.Intn(5)) + "*"
		var want []string
		for _, name := range all {
			if glob.Match([]byte(pattern), []byte(name), true) {
				want = append(want, name)
			}
		}
		if got := get(pattern); !slices.Equal(got, want) {
			t.Errorf("pattern %q: Redis has %q, Match has %q", pattern, got, want)
		}
	}
}
