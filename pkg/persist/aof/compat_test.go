package aof_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"math/rand"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

// peer is Debian's redis-server with the append-only file on, in a folder.
type peer struct {
	t    testing.TB
	cmd  *exec.Cmd
	conn net.Conn
	r    *bufio.Reader
}

func startPeer(t testing.TB, dir string, args ...string) *peer {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is not installed: this test compares with it (apt-get install redis-server redis-tools)")
	}
	p := &peer{t: t}
	args = append([]string{"--port", "0", "--unixsocket", "s", "--dir", dir, "--save", "", "--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"}, args...)
	p.cmd = exec.Command(path, args...)
	p.cmd.Dir = dir
	out, err := p.cmd.StdoutPipe()
	check.NoErr(t, err)
	check.NoErr(t, p.cmd.Start())
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); _ = p.cmd.Wait() })
	log := bufio.NewScanner(out)
	var seen strings.Builder
	for log.Scan() {
		seen.WriteString(log.Text() + "\n")
		if strings.Contains(log.Text(), "eady to accept connections at") {
			go func() { _, _ = io.Copy(io.Discard, out) }()
			p.conn, err = net.Dial("unix", filepath.Join(dir, "s"))
			check.NoErr(t, err)
			t.Cleanup(func() { _ = p.conn.Close() })
			p.r = bufio.NewReader(p.conn)
			return p
		}
	}
	t.Fatalf("redis-server did not start:\n%s", seen.String())
	return nil
}

// do runs a command and returns a line or a bulk, "(nil)" for none.
func (p *peer) do(args ...string) string {
	p.t.Helper()
	var argv [][]byte
	for _, a := range args {
		argv = append(argv, []byte(a))
	}
	_, err := p.conn.Write(aof.AppendCommand(nil, argv))
	check.NoErr(p.t, err)
	head, err := p.r.ReadString('\n')
	check.NoErr(p.t, err)
	head = strings.TrimSuffix(head, "\r\n")
	check.True(p.t, head[0] != '-', strings.Join(args, " ")+": "+head)
	if head[0] != '$' {
		return head[1:]
	}
	n, err := strconv.Atoi(head[1:])
	check.NoErr(p.t, err)
	if n < 0 {
		return "(nil)"
	}
	b := make([]byte, n+2)
	_, err = io.ReadFull(p.r, b)
	check.NoErr(p.t, err)
	return string(b[:n])
}

// stop ends the server as SIGTERM does.
func (p *peer) stop() {
	check.NoErr(p.t, p.cmd.Process.Signal(syscall.SIGTERM))
	_ = p.cmd.Wait() // only that it is gone counts
}

// store is what a few commands do, to compare with.
type store struct {
	db   int
	keys [16]map[string]string
}

func newStore() *store {
	s := &store{}
	for i := range s.keys {
		s.keys[i] = map[string]string{}
	}
	return s
}

func (s *store) exec(argv [][]byte) error {
	m := s.keys[s.db]
	switch strings.ToUpper(string(argv[0])) {
	case "SELECT":
		s.db, _ = strconv.Atoi(string(argv[1]))
	case "SET":
		m[string(argv[1])] = string(argv[2])
	case "APPEND":
		m[string(argv[1])] += string(argv[2])
	case "DEL":
		delete(m, string(argv[1]))
	default:
		return aof.ErrUnknownCommand
	}
	return nil
}

func (s *store) Aux(_, _ []byte) error      { return nil }
func (s *store) SelectDB(n int) error       { s.db = n; return nil }
func (s *store) ResizeDB(_, _ uint64) error { return nil }
func (s *store) Record(r *rdb.Record) error { s.keys[r.DB][string(r.Key)] = string(r.Str); return nil }
func (s *store) options() aof.LoadOptions {
	return aof.LoadOptions{AllowTruncated: true, Exec: s.exec, Preamble: preambleInto(s, rdb.Options{Checksum: true})}
}

func (s *store) mustEqual(t testing.TB, p *peer) {
	t.Helper()
	for db, m := range s.keys {
		p.do("SELECT", strconv.Itoa(db))
		check.Eq(t, p.do("DBSIZE"), strconv.Itoa(len(m)))
		for k, v := range m {
			check.Eq(t, p.do("GET", k), v)
		}
	}
}

// randomCommand changes a few keys of any bytes.
func randomCommand(rnd *rand.Rand) (db int, argv []string) {
	db = rnd.Intn(3) * 7
	key := fmt.Sprintf("k\r\n%d\x00", rnd.Intn(40))
	value := make([]byte, rnd.Intn(60)*rnd.Intn(60))
	rnd.Read(value)
	switch rnd.Intn(4) {
	case 0:
		return db, []string{"DEL", key}
	case 1:
		return db, []string{"APPEND", key, string(value)}
	}
	return db, []string{"SET", key, string(value)}
}

func bytesOf(args []string) [][]byte {
	var argv [][]byte
	for _, a := range args {
		argv = append(argv, []byte(a))
	}
	return argv
}

func TestRedisLoadsWhatTheLogWrote(t *testing.T) {
	dir := t.TempDir()
	posts := make(chan func(), 100)
	l := aof.New(aof.Config{Policy: aof.Always, Post: func(fn func()) { posts <- fn }})
	f, size, err := aof.Open(vfs.OS(), filepath.Join(dir, live))
	check.NoErr(t, err)
	check.NoErr(t, l.Start(f, size))
	want := newStore()
	rnd := rand.New(rand.NewSource(1))
	for i := range 2000 {
		db, argv := randomCommand(rnd)
		if i%50 == 0 {
			l.AppendCommand(db, words("MULTI"))
		}
		want.db = db
		check.NoErr(t, want.exec(bytesOf(argv)))
		l.AppendCommand(db, bytesOf(argv))
		if i%50 == 0 {
			l.AppendCommand(db, words("EXEC"))
		}
		if i%10 == 0 {
			l.Flush(int64(i))
		}
		for len(posts) > 0 {
			(<-posts)()
		}
		check.NoErr(t, l.SetPolicy([]aof.Policy{aof.No, aof.Everysec, aof.Always}[i/100%3]))
	}
	check.NoErr(t, l.Close())
	got := newStore()
	_, err = aof.Load(vfs.OS(), filepath.Join(dir, live), got.options())
	check.NoErr(t, err)
	check.Eq(t, got.keys, want.keys)
	want.mustEqual(t, startPeer(t, dir)) // it moves the file into a folder of its own
}

func TestWeLoadWhatRedisWrote(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		t.Run("preamble "+preamble, func(t *testing.T) {
			dir := t.TempDir()
			set := filepath.Join(dir, "appendonlydir")
			p := startPeer(t, dir, "--aof-use-rdb-preamble", preamble, "--aof-timestamp-enabled", "yes")
			want := newStore()
			rnd := rand.New(rand.NewSource(2))
			write := func() {
				for range 300 {
					db, argv := randomCommand(rnd)
					p.do("SELECT", strconv.Itoa(db))
					p.do(argv...)
					want.db = db
					check.NoErr(t, want.exec(bytesOf(argv)))
				}
			}
			write()
			p.do("BGREWRITEAOF")
			for strings.Contains(p.do("INFO", "persistence"), "aof_rewrite_in_progress:1") {
				write() // the rewrite goes on beside it
			}
			write()
			p.stop()

			got := newStore()
			res, err := aof.LoadSet(vfs.OS(), set, "appendonly.aof.manifest", got.options())
			check.NoErr(t, err)
			check.Eq(t, got.keys, want.keys)
			check.Eq(t, res.Preamble > 0, preamble == "yes")
			check.True(t, res.Base > 0 && res.Base < res.Size, "base and increments")

			var out bytes.Buffer
			env := aof.CheckEnv{FS: vfs.OS(), Out: &out}
			check.Eq(t, aof.Check(env, []string{"redis-check-aof", filepath.Join(set, "appendonly.aof.manifest")}), 0)
			check.Contains(t, out.String(), "All AOF files and manifest are valid")

			// The same as one file, as Redis 4 to 6 would have it.
			data, err := os.ReadFile(filepath.Join(set, "appendonly.aof.manifest"))
			check.NoErr(t, err)
			m, err := aof.ParseManifest(data)
			check.NoErr(t, err)
			var one []byte
			for _, part := range m.Parts() {
				b, err := os.ReadFile(filepath.Join(set, part.Name))
				check.NoErr(t, err)
				one = append(one, b...)
			}
			mem := vfs.NewMem()
			check.NoErr(t, vfs.WriteFile(mem, live, one, 0o644))
			got = newStore()
			res, err = aof.Load(mem, live, got.options())
			check.NoErr(t, err)
			check.Eq(t, got.keys, want.keys)
			check.Eq(t, res.Preamble > 0, preamble == "yes")
		})
	}
}

// TestTruncatedEndsAreCutAsRedisDoes lets both load a file that ends anywhere.
func TestTruncatedEndsAreCutAsRedisDoes(t *testing.T) {
	whole := selected("SET a 1", "MULTI", "SET b 2", "APPEND b 3", "EXEC", "SET c 4")
	rnd := rand.New(rand.NewSource(3))
	for range 6 {
		n := 1 + rnd.Intn(len(whole)-1)
		dir := t.TempDir()
		check.NoErr(t, os.WriteFile(filepath.Join(dir, live), []byte(whole[:n]), 0o644))
		mem := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(mem, live, []byte(whole[:n]), 0o644))
		want := newStore()
		_, err := aof.Load(mem, live, want.options())
		check.NoErr(t, err)
		p := startPeer(t, dir)
		want.mustEqual(t, p)
		p.stop()
		theirs, err := os.ReadFile(filepath.Join(dir, "appendonlydir", live))
		check.NoErr(t, err)
		ours := content(t, mem, live)
		if string(theirs) != ours {
			// Redis leaves the MULTI and what is queued when the end is inside of a later
			// command; whatever comes next would belong to it.
			check.True(t, strings.HasPrefix(string(theirs), ours+enc("MULTI")), "only an open transaction more")
		}
	}
}
