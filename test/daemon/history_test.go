package daemon_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// figures are the numbers of an entry of the history.
func figures(t *testing.T, e map[string]string) map[string]int64 {
	t.Helper()
	m := map[string]int64{}
	for name, text := range e {
		if n, err := strconv.ParseInt(text, 10, 64); err == nil {
			m[name] = n
		}
	}
	return m
}

// sizeOf is the size of the one file that matches.
func sizeOf(t *testing.T, s *rig.Server, pattern string) int64 {
	t.Helper()
	paths, err := filepath.Glob(s.File(pattern))
	check.NoErr(t, err)
	check.Eq(t, len(paths), 1)
	info, err := os.Stat(paths[0])
	check.NoErr(t, err)
	return info.Size()
}

// TestHistoryTellsAll runs each kind of job, with delays in all its steps on the disk
// and writes before most values are sent, and looks at every figure that is kept of it.
func TestHistoryTellsAll(t *testing.T) {
	const keys, size = 500, 10_000 // several times what the pipe takes
	// 100 ms in each: how often a kind of work shows that much.
	const points = "save-rename=delay:100 save-syncdir=delay:100 rewrite-sync=delay:100 rewrite-syncdir=delay:100 rewrite-rename=delay:100 " +
		"rewrite-rename-incr=delay:100 rewrite-prepare=delay:100 rewrite-commit=delay:100 rewrite-manifest=delay:100 " +
		"rewrite-collect=delay:100 incr-create=delay:100"
	tests := []struct {
		name, layout                string
		on                          bool // the log, at first
		start                       []any
		file                        string // that comes of it
		syncs                       int64  // at least; the child's are two
		slowSync, slowName, slowSet int64  // steps with a delay
	}{
		{"save", "file", true, []any{"BGSAVE"}, "dump.rdb", 2, 1, 1, 0},
		{"rewrite", "file", true, []any{"BGREWRITEAOF"}, "", 3, 2, 1, 0},
		{"turn on", "file", false, []any{"CONFIG", "SET", "appendonly", "yes"}, "", 3, 2, 1, 0},
		{"convert", "file", true, []any{"CONFIG", "SET", "aof-layout", "multipart"}, "appendonlydir/*.base.rdb", 2, 1, 1, 2},
		{"rewrite", "multipart", true, []any{"BGREWRITEAOF"}, "appendonlydir/*.base.rdb", 1, 0, 1, 3},
		{"turn on", "multipart", false, []any{"CONFIG", "SET", "appendonly", "yes"}, "appendonlydir/*.base.rdb", 1, 0, 2, 1},
		{"convert", "multipart", true, []any{"CONFIG", "SET", "aof-layout", "file"}, "", 2, 1, 1, 2},
	}
	for _, tt := range tests {
		t.Run(tt.layout+"/"+tt.name, func(t *testing.T) {
			t.Parallel()
			on := map[bool]string{true: "yes", false: "no"}[tt.on]
			s := rig.Start(t, rig.Options{Args: []string{"--aof-layout", tt.layout, "--appendonly", on, "--auto-aof-rewrite-percentage", "0"},
				Env: []string{"REDISD_FAILPOINTS=" + points}})
			s.Fill(keys, size)
			before := time.Now().UnixMilli()
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "2000")
			s.Do(tt.start...)
			s.Do("EVAL", "for i = 0, tonumber(ARGV[1]) - 1 do redis.call('APPEND', string.format('key:%012d', i), 'more') end", 0, keys)
			s.WaitIdle()
			after := time.Now().UnixMilli()

			h := history(t, s)
			check.Eq(t, len(h), 1)
			check.Eq(t, []string{h[0]["result"], h[0]["exit"], h[0]["reason"]}, []string{"ok", "exit 0", ""})
			f := figures(t, h[0])
			check.Eq(t, f["keys"], int64(keys))
			if tt.file != "" {
				check.Eq(t, f["bytes"], sizeOf(t, s, tt.file))
			} else {
				check.True(t, f["bytes"] > 100*keys, fmt.Sprint(f)) // the log has grown since
			}
			check.True(t, f["start-time-ms"] >= before-1 && f["start-time-ms"] <= after, fmt.Sprint(f))
			check.True(t, f["total-ms"] > 0 && f["total-ms"] <= after-before+1, fmt.Sprint(f))
			check.True(t, f["snapshot-ms"] >= 0 && f["snapshot-ms"] <= f["total-ms"], fmt.Sprint(f))
			check.True(t, f["handler-usec"] >= 100_000 && f["handler-usec"] <= 1000*f["total-ms"], fmt.Sprint(f))
			for _, name := range []string{"pid", "cut-usec", "longest-barrier-usec", "longest-slice-usec", "sync-usec", "rename-usec", "max-rss", "cpu-usec"} {
				check.True(t, f[name] > 0, name+": "+fmt.Sprint(f))
			}
			check.True(t, f["barriers"] > 10 && f["pending-peak"] > keys/2*size, fmt.Sprint(f))
			check.True(t, f["syncs"] >= tt.syncs, fmt.Sprint(f))
			slow := []int64{f["sync-usec"] / 100_000, f["rename-usec"] / 100_000, f["manifest-usec"] / 100_000}
			for i, n := range []int64{tt.slowSync, tt.slowName, tt.slowSet} {
				check.True(t, slow[i] >= n, fmt.Sprintf("%d delays of %d: %v", slow[i], n, f))
			}
			if tt.slowSet == 0 {
				check.Eq(t, f["manifest-usec"], int64(0))
			}
		})
	}
}

// TestHistoryKeepsTheLast32 makes one job more than are kept.
func TestHistoryKeepsTheLast32(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{})
	var pids []string
	for i := range 33 {
		s.Do("SET", fmt.Sprint("key:", i), "v")
		s.Do("BGSAVE")
		s.WaitIdle()
		pids = append(pids, history(t, s)[0]["pid"])
	}
	h := history(t, s)
	check.Eq(t, len(h), 32)
	for i, e := range h {
		check.Eq(t, []string{e["pid"], e["keys"]}, []string{pids[32-i], fmt.Sprint(33 - i)}) // the first is gone
	}
	check.Eq(t, s.Int("child_jobs"), int64(33))
}
