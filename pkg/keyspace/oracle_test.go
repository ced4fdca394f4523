package keyspace_test

import (
	"bufio"
	"encoding/hex"
	"fmt"
	"io"
	"math"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// oracle is a redis-server to compare with.
type oracle struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func startRedis(t *testing.T) *oracle {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing, and this test compares with it: `make test` installs it")
	}
	dir := t.TempDir()
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "", "--enable-debug-command", "yes")
	stdout, err := cmd.StdoutPipe()
	check.NoErr(t, err)
	check.NoErr(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if !strings.Contains(lines.Text(), "ready to accept connections") {
			continue
		}
		go func() { _, _ = io.Copy(io.Discard, stdout) }()
		conn, err := net.Dial("unix", socket)
		check.NoErr(t, err)
		t.Cleanup(func() { _ = conn.Close() })
		return &oracle{t, conn, bufio.NewReader(conn)}
	}
	t.Fatal("redis-server did not start")
	return nil
}

func (o *oracle) do(args ...string) string {
	o.t.Helper()
	var w resp.Writer
	w.Reset()
	w.Array(len(args))
	for _, a := range args {
		w.BulkString(a)
	}
	_, err := o.conn.Write(w.Buf)
	check.NoErr(o.t, err)
	reply, err := resp.ReadReply(o.in)
	check.NoErr(o.t, err)
	check.True(o.t, reply.Kind != '-', reply.Text)
	if reply.Kind == '*' {
		return reply.Elems[0].Text
	}
	return reply.Text
}

func hexOf(d keyspace.Digest) string { return hex.EncodeToString(d[:]) }

func TestDigestIsRedis(t *testing.T) {
	o := startRedis(t)
	w := newWorld(t, 11, 4, 500)
	check.Eq(t, hexOf(w.ks.Digest()), strings.Repeat("0", 40))
	for n := range 600 {
		db := []int{0, 1, 3}[w.rnd.IntN(3)]
		k, v := w.key(), w.value()
		at := int64(-1)
		set := []string{"set", k, v}
		if w.rnd.IntN(2) == 0 {
			at = 4_000_000_000_000 + int64(n)
			set = append(set, "pxat", fmt.Sprint(at))
		}
		o.do("select", fmt.Sprint(db))
		o.do(set...)
		w.ks.DB(db).SetString([]byte(k), []byte(v), at)
		e, ok := w.ks.DB(db).Peek([]byte(k))
		check.True(t, ok, "it is there")
		check.Eq(t, e.Encoding().String(), o.do("object", "encoding", k))
		check.Eq(t, hexOf(e.ValueDigest()), o.do("debug", "digest-value", k))
		if n%50 == 0 || n < 5 {
			check.Eq(t, hexOf(w.ks.Digest()), o.do("debug", "digest"))
		}
	}
	check.Eq(t, hexOf(w.ks.Digest()), o.do("debug", "digest"))
}

func TestDigestOfCollectionsIsRedis(t *testing.T) {
	o := startRedis(t)
	for _, n := range []int{1, 5, 700} {
		w := newWorld(t, 1, 1, 10)
		db := w.ks.DB(0)
		o.do("flushall")
		list := db.NewList([]byte("list")).List()
		hash := db.NewHash([]byte("hash")).Hash()
		set := db.NewSet([]byte("set"), []byte("x"), 1).Set()
		zset := db.NewZSet([]byte("zset"), 0, 5).ZSet()
		stream := db.NewStream([]byte("stream")).Stream()
		for i := range n {
			// Texts and numbers, scores of all forms.
			text, number := fmt.Sprintf("text:%d", i), fmt.Sprint(i*7)
			score := []float64{float64(i), -float64(i) / 3, math.Inf(1), 1e20 * float64(i), 1e-7 * float64(i), math.Inf(-1)}[i%6]
			for _, word := range []string{text, number} {
				o.do("rpush", "list", word)
				list.PushTail([]byte(word))
				o.do("hset", "hash", word, text)
				hash.Set([]byte(word), []byte(text))
				o.do("sadd", "set", word)
				set.Add([]byte(word))
				o.do("zadd", "zset", strconv.FormatFloat(score, 'g', -1, 64), word)
				zset.Add([]byte(word), score)
			}
			o.do("xadd", "stream", fmt.Sprintf("%d-%d", i+1, i), text, number)
			stream.Append(keyspace.StreamID{Ms: uint64(i + 1), Seq: uint64(i)}, [][]byte{[]byte(text), []byte(number)})
		}
		for _, key := range []string{"list", "hash", "set", "zset", "stream"} {
			e, ok := db.Peek([]byte(key))
			check.True(t, ok, key)
			if got, want := hexOf(e.ValueDigest()), o.do("debug", "digest-value", key); got != want {
				t.Errorf("%s of %d: digest %s, Redis has %s", key, n, got, want)
			}
		}
		check.Eq(t, hexOf(w.ks.Digest()), o.do("debug", "digest"))
	}
}

// The encodings that commands leave behind are those of redis-server.
func TestEncodingsAreRedis(t *testing.T) {
	o := startRedis(t)
	w := newWorld(t, 1, 1, 10)
	db := w.ks.DB(0)
	key := []byte("k")
	long := strings.Repeat("x", 44)
	tests := []struct {
		name  string
		redis [][]string
		run   func()
	}{
		{"append to a short string", [][]string{{"set", "k", "a"}, {"append", "k", "b"}}, func() {
			db.SetString(key, []byte("a"), -1)
			db.Mutable(key, 2)[1] = 'b'
		}},
		{"append to a number", [][]string{{"set", "k", "12"}, {"append", "k", "3"}}, func() {
			db.SetString(key, []byte("12"), -1)
			db.Mutable(key, 3)[2] = '3'
		}},
		{"setrange of nothing", [][]string{{"setrange", "k", "3", "x"}}, func() { db.Mutable(key, 4)[3] = 'x' }},
		{"incr", [][]string{{"set", "k", "12"}, {"incr", "k"}}, func() {
			db.SetString(key, []byte("12"), -1)
			db.SetInt(key, 13)
		}},
		{"incrbyfloat to a whole number", [][]string{{"set", "k", "1"}, {"incrbyfloat", "k", "2"}}, func() {
			db.SetString(key, []byte("1"), -1)
			db.SetText(key, []byte("3"))
		}},
		{"44 bytes", [][]string{{"set", "k", long}}, func() { db.SetString(key, []byte(long), -1) }},
		{"45 bytes", [][]string{{"set", "k", long + "y"}}, func() { db.SetString(key, []byte(long+"y"), -1) }},
		{"renamed", [][]string{{"set", "a", "1"}, {"append", "a", "2"}, {"rename", "a", "k"}}, func() {
			db.SetRaw([]byte("a"), []byte("12"))
			db.Rename([]byte("a"), key)
		}},
		{"copied", [][]string{{"set", "a", "1"}, {"append", "a", "2"}, {"copy", "a", "k"}}, func() {
			db.SetRaw([]byte("a"), []byte("12"))
			db.Copy([]byte("a"), db, key)
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o.do("flushall")
			w.ks.FlushAll(false)
			for _, args := range tt.redis {
				o.do(args...)
			}
			tt.run()
			e, ok := db.Peek(key)
			check.True(t, ok, "it is there")
			check.Eq(t, e.Encoding().String(), o.do("object", "encoding", "k"))
			check.Eq(t, textOf(e), o.do("get", "k"))
		})
	}
}
