package daemon_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// checkTool runs one of the check tools in the server's folder and wants its exit status.
func checkTool(t *testing.T, s *rig.Server, want int, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command(rig.Binary(t), args...)
	cmd.Stdin, cmd.Dir = strings.NewReader(stdin), s.Dir
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != want {
		t.Fatalf("%v: exit code %d, want %d\n%s", args, code, want, out)
	}
	return string(out)
}

// TestRepairedRDBLoads damages a snapshot in many places: the tool names the first bad
// offset and what is lost, the repaired file is loaded by this and by Redis, and the old one is kept.
func TestRepairedRDBLoads(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "no", "--databases", "1000"}})
	s.Fill(40, 30)
	for i := range 40 {
		s.Do("RPUSH", fmt.Sprint("list", i%5), i, "element")
		s.Do("HSET", fmt.Sprint("hash", i%5), i, "value")
		s.Do("ZADD", fmt.Sprint("zset", i%5), i, fmt.Sprint("member", i))
		s.Do("XADD", "stream", "*", "field", i)
	}
	s.Do("SAVE")
	keys := s.Do("DBSIZE").(int64)
	good, err := os.ReadFile(s.File("dump.rdb"))
	check.NoErr(t, err)
	r := rig.StartRedis(t, rig.Options{Dir: s.Copy("dump.rdb"), Args: []string{"--databases", "1000", "--enable-debug-command", "yes"}})
	check.Contains(t, checkTool(t, s, 1, "y\n", "check-rdb", "--fix", "dump.rdb"), "is a server running there?")
	// The tool works in a folder of its own: in that of a running server it repairs nothing.
	const there = "repair/dump.rdb"
	check.NoErr(t, os.Mkdir(s.File("repair"), 0o755))
	step := max(1, len(good)/60)
	for at := 9; at < len(good); at += step {
		flipped := bytes.Clone(good)
		flipped[at] ^= 1 << (at % 8)
		for what, bad := range map[string][]byte{"flipped": flipped, "cut": good[:at]} {
			what = fmt.Sprint(what, " at ", at)
			check.NoErr(t, os.WriteFile(s.File(there), bad, 0o644))
			out := checkTool(t, s, 1, "", "check-rdb", there)
			check.Contains(t, out, "Damage: first bad offset ")
			out = checkTool(t, s, 0, "y\n", "check-rdb", "--fix", there)
			check.Contains(t, out, "Kept: "+there+" as it was is "+there+".broken\n")
			kept, err := os.ReadFile(s.File(there + ".broken"))
			check.NoErr(t, err)
			check.EqBytes(t, kept, bad)
			check.NoErr(t, os.Remove(s.File(there+".broken")))
			check.Contains(t, checkTool(t, s, 0, "", "check-rdb", there), "RDB looks OK!")
			fixed, err := os.ReadFile(s.File(there))
			check.NoErr(t, err)
			for _, server := range []*rig.Server{s, r} {
				check.NoErr(t, os.WriteFile(server.File("dump.rdb"), fixed, 0o644))
				check.Eq(t, server.Do("DEBUG", "RELOAD", "NOSAVE"), any("OK"))
			}
			check.Eq(t, s.Digest(), r.Digest())
			check.True(t, s.Do("DBSIZE").(int64) <= keys, what)
		}
	}
}

// TestRepairedLogStarts damages the RDB in front of a log, or the base of a set, and a
// file of the set that others follow. The start is refused, the repaired log starts, and
// has every command that was written after the damaged place's snapshot.
func TestRepairedLogStarts(t *testing.T) {
	for _, layout := range []string{"file", "multipart"} {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--aof-layout", layout, "--auto-aof-rewrite-percentage", "0"}})
			s.Fill(200, 40)
			s.Do("BGREWRITEAOF")
			s.WaitIdle()
			for i := range 20 {
				s.Do("SET", fmt.Sprint("after:", i), i)
			}
			s.Stop()
			arg, damaged := "appendonly.aof", s.File("appendonly.aof")
			if layout == "multipart" {
				arg = "appendonlydir/appendonly.aof.manifest"
				bases, err := filepath.Glob(s.File("appendonlydir/*.base.rdb"))
				check.NoErr(t, err)
				check.Eq(t, len(bases), 1)
				damaged = bases[0]
			}
			bad, err := os.ReadFile(damaged)
			check.NoErr(t, err)
			at := bytes.Index(bad, []byte("redis-bits")) + 200
			bad[at] ^= 0xff
			check.NoErr(t, os.WriteFile(damaged, bad, 0o644))
			s.Launch()
			check.Eq(t, s.Wait(), 1)

			out := checkTool(t, s, 1, "", "check-aof", arg)
			check.Contains(t, out, "Damage: first bad offset ")
			check.Contains(t, out, "Use the --fix option")
			fix := "--fix"
			if layout == "multipart" {
				check.Contains(t, checkTool(t, s, 1, "y\n", "check-aof", fix, arg), "because it is not the last file")
				fix = "--fix-any"
			}
			out = checkTool(t, s, 0, "y\n", "check-aof", fix, arg)
			check.Contains(t, out, "Successfully repaired AOF ")
			check.Contains(t, out, "Kept: ")
			kept, err := os.ReadFile(damaged + ".broken")
			check.NoErr(t, err)
			check.EqBytes(t, kept, bad)
			checkTool(t, s, 0, "", "check-aof", arg)
			s.Restart()
			for i := range 20 {
				check.Eq(t, s.Do("GET", fmt.Sprint("after:", i)), any(fmt.Sprint(i)))
			}
			// While it runs the tool leaves its files alone.
			f, err := os.OpenFile(lastFile(t, s, layout), os.O_WRONLY|os.O_APPEND, 0)
			check.NoErr(t, err)
			_, err = f.WriteString("rubbish")
			check.NoErr(t, err)
			check.NoErr(t, f.Close())
			check.Contains(t, checkTool(t, s, 1, "y\n", "check-aof", "--fix", arg), "is a server running there?")
		})
	}
}

// lastFile is the one that is appended to.
func lastFile(t *testing.T, s *rig.Server, layout string) string {
	t.Helper()
	if layout == "file" {
		return s.File("appendonly.aof")
	}
	files, err := filepath.Glob(s.File("appendonlydir/*.incr.aof"))
	check.NoErr(t, err)
	return slices.Max(files)
}
