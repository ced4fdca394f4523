package restore_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"redisd/internal/check"
	"redisd/test/rig"
)

// variety writes values of every form that the files have an encoding for, into
// three databases.
func variety(t *testing.T, s *rig.Server) {
	t.Helper()
	ctx := context.Background()
	for db := range 3 {
		p := s.Client().Pipeline()
		p.Do(ctx, "SELECT", db*5)
		for _, n := range []string{"0", "-1", "127", "128", "-129", "32767", "32768", "2147483647", "2147483648", "-9223372036854775808",
			"9223372036854775807", "9223372036854775808", "007", "+1", "1.5", "", " 12"} {
			p.Set(ctx, "int:"+n, n, 0)
			p.Set(ctx, n, "the key is a number", 0)
		}
		for _, size := range []int{1, 20, 21, 63, 64, 100, 16383, 16384, 70_000, 300_000} {
			p.Set(ctx, fmt.Sprintf("same:%d", size), strings.Repeat("a", size), 0)
			p.Set(ctx, fmt.Sprintf("mixed:%d", size), noise(size), 0)
			p.Set(ctx, string(noise(min(size, 20_000)))+"key", size, 0)
		}
		p.Set(ctx, "binary\x00\r\n\xff", "\x00\xff\r\n*3\r\n$3\r\n", 0)
		p.Set(ctx, "expires", "later", time.Hour)
		p.Do(ctx, "SET", "expires far", "x", "PXAT", "99999999999999")
		p.Do(ctx, "SET", "gone soon", "x", "PX", "1")
		p.Do(ctx, "SETRANGE", "holes", 1000, "end")
		p.Append(ctx, "appended", strings.Repeat("x", 40))
		p.Append(ctx, "appended", "y")
		p.Do(ctx, "INCRBYFLOAT", "float", "3.1")
		collections(p)
		p.Do(ctx, "SELECT", 0)
		cmds, _ := p.Exec(ctx) // its error is that of the first one
		for _, c := range cmds {
			if err := c.Err(); err != nil && err != redis.Nil && !strings.HasPrefix(err.Error(), "ERR unknown command") {
				t.Fatal(err)
			}
		}
	}
	rig.Eventually(t, "expiry of a key", func() bool { return s.Do("EXISTS", "gone soon") == int64(0) })
}

// noise is n bytes that do not compress.
func noise(n int) []byte {
	b, x := make([]byte, n), uint32(n)*2654435761+1
	for i := range b {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
		b[i] = byte(x)
	}
	return b
}

// same expects equal data in both servers, key for key when it is not.
func same(t *testing.T, a, b *rig.Server) {
	t.Helper()
	want, got := a.Digest(), b.Digest()
	if want == got {
		check.Eq(t, groups(t, b), groups(t, a))
		return
	}
	t.Errorf("digest %s, want %s", got, want)
	for _, db := range []int{0, 5, 10} {
		for _, k := range keys(t, a, db) {
			x, y := value(a, db, k), value(b, db, k)
			if x != y {
				t.Errorf("db %d, key %.60q: %.80q, want %.80q", db, k, y, x)
			}
		}
	}
	t.FailNow()
}

func keys(t *testing.T, s *rig.Server, db int) []string {
	t.Helper()
	p := s.Client().Pipeline()
	ctx := context.Background()
	p.Do(ctx, "SELECT", db)
	k := p.Keys(ctx, "*")
	p.Do(ctx, "SELECT", 0)
	_, err := p.Exec(ctx)
	check.NoErr(t, err)
	return k.Val()
}

func value(s *rig.Server, db int, key string) string {
	p := s.Client().Pipeline()
	ctx := context.Background()
	p.Do(ctx, "SELECT", db)
	d := p.Do(ctx, "DEBUG", "DIGEST-VALUE", key)
	ttl := p.Do(ctx, "PEXPIRETIME", key)
	p.Do(ctx, "SELECT", 0)
	_, err := p.Exec(ctx)
	return fmt.Sprint(d.Val(), ttl.Val(), err)
}

// TestRedisLoadsOurFiles lets redis-server start from what the daemon wrote while
// writers were at work.
func TestRedisLoadsOurFiles(t *testing.T) {
	tests := []struct {
		name, preamble, compress, checksum string
		aof                                bool
		job                                string // the last one before the files are copied
	}{
		{"rdb by BGSAVE", "yes", "yes", "yes", false, "BGSAVE"},
		{"rdb by SAVE", "yes", "no", "yes", false, "SAVE"},
		{"rdb without checksum", "yes", "yes", "no", false, "BGSAVE"},
		{"aof as it grew", "no", "yes", "yes", true, ""},
		{"aof rewritten", "no", "yes", "yes", true, "BGREWRITEAOF"},
		{"aof rewritten with preamble", "yes", "yes", "yes", true, "BGREWRITEAOF"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", yes(tc.aof), "--aof-use-rdb-preamble", tc.preamble,
				"--rdbcompression", tc.compress, "--rdbchecksum", tc.checksum}})
			variety(t, s)
			keys := 20_000
			if rig.Long() {
				keys = 1_500_000
			}
			s.Fill(keys, 40)
			w := s.Write(3)
			rig.Eventually(t, "writers", func() bool { return w.Count() > 30 })
			if tc.aof && tc.job != "" {
				s.Do(tc.job)
				s.WaitIdle()
				rig.Eventually(t, "writes after the job", func() bool { return w.Count() > 60 })
			}
			w.Stop(t)
			if !tc.aof {
				s.Do(tc.job)
				s.WaitIdle()
			}
			files := []string{"dump.rdb"}
			if tc.aof {
				files = []string{"appendonly.aof"}
			}
			dir := s.Copy(files...)
			r := rig.StartRedis(t, rig.Options{Dir: dir, Args: []string{"--appendonly", yes(tc.aof)}})
			same(t, s, r)
		})
	}
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// TestWeLoadRedisFiles lets the daemon start from what redis-server wrote.
func TestWeLoadRedisFiles(t *testing.T) {
	// Under always nothing is answered before it is in the file; under everysec
	// redis-server postpones writes while a sync runs, and the copy would lack them.
	tests := []struct {
		name string
		args []string // of redis-server
		// files makes the folder for the daemon out of redis-server's.
		files func(t *testing.T, r *rig.Server) string
		aof   bool
	}{
		{"rdb", []string{"--appendonly", "no"}, func(t *testing.T, r *rig.Server) string {
			r.Do("SAVE")
			return r.Copy("dump.rdb")
		}, false},
		{"rdb with frequencies", []string{"--maxmemory-policy", "allkeys-lfu"}, func(t *testing.T, r *rig.Server) string {
			r.Do("SAVE")
			return r.Copy("dump.rdb")
		}, false},
		{"rdb with idle times", []string{"--maxmemory-policy", "allkeys-lru"}, func(t *testing.T, r *rig.Server) string {
			r.Do("SAVE")
			return r.Copy("dump.rdb")
		}, false},
		{"folder of an aof", []string{"--appendonly", "yes", "--appendfsync", "always"}, copyFolder, true},
		{"folder of an aof, rewritten", []string{"--appendonly", "yes", "--appendfsync", "always"}, func(t *testing.T, r *rig.Server) string {
			rewrite(t, r)
			return copyFolder(t, r)
		}, true},
		{"folder of an aof without preamble", []string{"--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no"}, func(t *testing.T, r *rig.Server) string {
			rewrite(t, r)
			return copyFolder(t, r)
		}, true},
		{"folder with timestamps", []string{"--appendonly", "yes", "--appendfsync", "always", "--aof-timestamp-enabled", "yes"}, func(t *testing.T, r *rig.Server) string {
			rewrite(t, r)
			return copyFolder(t, r)
		}, true},
		{"one file with preamble", []string{"--appendonly", "yes", "--appendfsync", "always"}, func(t *testing.T, r *rig.Server) string {
			rewrite(t, r)
			return oneFile(t, r)
		}, true},
		{"one file without preamble", []string{"--appendonly", "yes", "--appendfsync", "always", "--aof-use-rdb-preamble", "no"}, func(t *testing.T, r *rig.Server) string {
			rewrite(t, r)
			return oneFile(t, r)
		}, true},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := rig.StartRedis(t, rig.Options{Args: tc.args})
			r.Fill(5000, 40)
			variety(t, r)
			dir := tc.files(t, r)
			s := rig.Start(t, rig.Options{Dir: dir, Args: []string{"--appendonly", yes(tc.aof)}})
			same(t, r, s)
			if !tc.aof {
				return
			}
			// The directory keeps its layout, and redis-server starts from it again.
			s.Do("SET", "more", "data")
			want := s.Digest()
			s.Kill()
			s.Restart()
			check.Eq(t, s.Digest(), want)
			s.Do("BGREWRITEAOF")
			s.WaitIdle()
			s.Stop()
			s.Restart()
			check.Eq(t, s.Digest(), want)
			_, err := os.Stat(filepath.Join(dir, "appendonly.aof"))
			if layout := s.Field("aof_layout"); err == nil {
				check.Eq(t, layout, "file")
			} else {
				check.Eq(t, layout, "multipart")
				w := s.Write(1)
				rig.Eventually(t, "writes", func() bool { return w.Count() > 20 })
				w.Stop(t)
				same(t, s, rig.StartRedis(t, rig.Options{Dir: copyFolder(t, s), Args: []string{"--appendonly", "yes"}}))
			}
		})
	}
}

// rewrite brings a base file, and more data behind it.
func rewrite(t *testing.T, r *rig.Server) {
	t.Helper()
	rig.Eventually(t, "rewrite", func() bool { return r.Client().BgRewriteAOF(context.Background()).Err() == nil })
	r.WaitIdle()
	w := r.Write(2)
	rig.Eventually(t, "writes", func() bool { return w.Count() > 20 })
	w.Stop(t)
}

func copyFolder(t *testing.T, r *rig.Server) string {
	t.Helper()
	dir := t.TempDir()
	check.NoErr(t, os.CopyFS(filepath.Join(dir, "appendonlydir"), os.DirFS(r.File("appendonlydir"))))
	return dir
}

// oneFile puts base and increment together, which is the file of Redis 4 to 6.
func oneFile(t *testing.T, r *rig.Server) string {
	t.Helper()
	var all bytes.Buffer
	for _, pattern := range []string{"appendonly.aof.*.base.*", "appendonly.aof.*.incr.aof"} {
		names, err := filepath.Glob(filepath.Join(r.File("appendonlydir"), pattern))
		check.NoErr(t, err)
		check.Eq(t, len(names), 1)
		b, err := os.ReadFile(names[0])
		check.NoErr(t, err)
		all.Write(b)
	}
	dir := t.TempDir()
	check.NoErr(t, os.WriteFile(filepath.Join(dir, "appendonly.aof"), all.Bytes(), 0o644))
	return dir
}

// TestThereAndBack goes from the daemon to redis-server, changes the data there,
// and comes back with redis-server's folder.
func TestThereAndBack(t *testing.T) {
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "always"}})
	variety(t, s)
	s.Do("BGREWRITEAOF")
	s.WaitIdle()
	r := rig.StartRedis(t, rig.Options{Dir: s.Copy("appendonly.aof"), Args: []string{"--appendonly", "yes", "--appendfsync", "always"}})
	same(t, s, r)
	r.Do("SET", "made", "by redis")
	rewrite(t, r)
	back := rig.Start(t, rig.Options{Dir: copyFolder(t, r), Args: []string{"--appendonly", "yes", "--appendfsync", "always"}})
	same(t, r, back)
}

// TestPartsThereAndBack does it in the multi-part layout, with notes of the time: the
// folder of either starts the other.
func TestPartsThereAndBack(t *testing.T) {
	args := []string{"--appendonly", "yes", "--appendfsync", "always", "--aof-timestamp-enabled", "yes"}
	s := rig.Start(t, rig.Options{Args: append(args, "--aof-layout", "multipart")})
	variety(t, s)
	s.Do("BGREWRITEAOF")
	s.WaitIdle()
	s.Do("SET", "after", "the rewrite")
	r := rig.StartRedis(t, rig.Options{Dir: copyFolder(t, s), Args: args})
	same(t, s, r)
	r.Do("SET", "made", "by redis")
	rewrite(t, r)
	back := rig.Start(t, rig.Options{Dir: copyFolder(t, r), Args: args})
	same(t, r, back)
	check.Eq(t, back.Field("aof_layout"), "multipart")
}

// TestWhatCannotBeHeldIsRefused gives the daemon a file of a version that is not there
// yet: it says so and changes nothing.
func TestWhatCannotBeHeldIsRefused(t *testing.T) {
	r := rig.StartRedis(t, rig.Options{})
	r.Do("SET", "a string", "x")
	r.Do("SAVE")
	dir := r.Copy("dump.rdb")
	f, err := os.OpenFile(filepath.Join(dir, "dump.rdb"), os.O_WRONLY, 0)
	check.NoErr(t, err)
	_, err = f.WriteAt([]byte("REDIS0099"), 0)
	check.NoErr(t, err)
	check.NoErr(t, f.Close())
	before, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
	check.NoErr(t, err)
	s := rig.Start(t, rig.Options{Dir: dir, NoWait: true})
	check.NotEq(t, waitRefusal(s), 0)
	check.Contains(t, s.Log(), "dump.rdb")
	check.Contains(t, s.Log(), "version 99")
	after, err := os.ReadFile(filepath.Join(dir, "dump.rdb"))
	check.NoErr(t, err)
	check.EqBytes(t, after, before)
}

// waitRefusal waits until the server has ended or serves, and returns its exit
// code, 0 when it serves.
func waitRefusal(s *rig.Server) int {
	for s.Alive() {
		if s.Client().Ping(context.Background()).Err() == nil {
			return 0
		}
	}
	return s.Wait()
}
