package daemon_test

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestChecksumsInTheLog: with aof-checksum the file is covered through rewrites,
// restarts and switches of the directive; a start verifies it; redis-server reads it.
func TestChecksumsInTheLog(t *testing.T) {
	for _, preamble := range []string{"yes", "no"} {
		t.Run("preamble "+preamble, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--aof-checksum", "yes", "--aof-use-rdb-preamble", preamble, "--auto-aof-rewrite-percentage", "0"}})
			s.Fill(3000, 20)
			c := rig.NewCounters(3, 20)
			c.Run(s)
			for range 2 {
				s.Do("BGREWRITEAOF")
				s.WaitIdle()
				check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
			}
			s.Do("CONFIG", "SET", "aof-checksum", "no")
			s.Do("CONFIG", "SET", "aof-checksum", "yes")
			c.Stop()
			want := s.Digest()
			s.Stop()
			s.Restart()
			check.Eq(t, s.Digest(), want)
			c.Check(t, s)
			s.Do("SET", "the last", "one")
			want = s.Digest()
			s.Stop()

			dir := s.Copy("appendonly.aof")
			r := rig.StartRedis(t, rig.Options{Dir: dir, Args: []string{"--appendonly", "yes", "--enable-debug-command", "yes"}})
			check.Eq(t, r.Digest(), want)
			r.Kill()

			file := s.File("appendonly.aof")
			good, err := os.ReadFile(file)
			check.NoErr(t, err)
			check.True(t, bytes.Count(good, []byte("\r\n#SUM:")) > 3, "checksums are there")
			at := bytes.LastIndex(good, []byte("one"))
			bad := bytes.Clone(good)
			bad[at] ^= 1
			check.NoErr(t, os.WriteFile(file, bad, 0o644))
			mark := s.Mark()
			s.Launch()
			check.Eq(t, s.Wait(), 1)
			check.Contains(t, s.LogSince(mark), "Bad file format reading the append only file")
			check.Contains(t, s.LogSince(mark), "does not match")

			mark = s.Mark()
			s.Restart("--aof-load-corrupt-tail-max-size", "4kb")
			check.Contains(t, s.LogSince(mark), "was cut off at offset")
			c.Check(t, s)
			check.Eq(t, s.Do("EXISTS", "the last"), any(int64(0)))
			check.True(t, strings.Contains(strings.Join(s.Files(), " "), "appendonly.aof.corrupt-"), "the tail is kept")
			s.Do("SET", "the last", "one")
			check.Eq(t, s.Digest(), want)
			s.Stop()
			out, err := exec.Command(rig.Binary(t), "check-aof", file).CombinedOutput()
			check.NoErr(t, err)
			check.Contains(t, string(out), "is valid")
		})
	}
}
