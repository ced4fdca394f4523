package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestKillAtRandom kills the daemon again and again while writers and rewrites
// run. Every acknowledged write must be there after the restart, and none that was
// never sent. A killed process loses nothing under any policy, because a reply does
// not leave before its write(2). REDISD_CRASH_ROUNDS sets the number of rounds.
func TestKillAtRandom(t *testing.T) {
	rounds := 6
	if n, err := strconv.Atoi(os.Getenv("REDISD_CRASH_ROUNDS")); err == nil {
		rounds = n
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	for _, tc := range []struct{ name, policy, preamble, layout string }{
		{"always", "always", "no", "file"},
		{"always with preamble", "always", "yes", "file"},
		{"everysec", "everysec", "yes", "file"},
		{"no", "no", "no", "file"},
		{"parts, always", "always", "no", "multipart"},
		{"parts, everysec", "everysec", "yes", "multipart"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(seed, 1))
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", tc.policy,
				"--auto-aof-rewrite-percentage", "0", "--aof-use-rdb-preamble", tc.preamble, "--aof-layout", tc.layout}})
			s.Do("CONFIG", "SET", "save", "3600 1")
			s.Fill(20_000, 30)
			c := rig.NewCounters(6, 40)
			rewrites := 0
			for round := range rounds {
				c.Run(s)
				n := c.Acks()
				stop := rewriteOnAndOn(s)
				rig.Eventually(t, "writes", func() bool { return c.Acks() > n+200 })
				time.Sleep(time.Duration(rnd.IntN(400)) * time.Millisecond) // the random moment
				s.KillAlone()
				c.Join()
				rewrites += stop()
				// The one round in three starts beside the orphaned child.
				if round%3 == 0 {
					rig.Eventually(t, "end of orphans", func() bool { return orphans(t, s) == 0 })
				}
				s.Restart()
				// An orphan may still be writing; it removes its file when it finds nobody to tell.
				rig.Eventually(t, "an empty folder", func() bool { return len(s.Temps()) == 0 })
				c.Check(t, s)
				check.Eq(t, s.Client().DBSize(context.Background()).Val() >= 20_000, true)
			}
			check.True(t, rewrites >= rounds, fmt.Sprintf("%d rewrites started in %d rounds", rewrites, rounds))
			t.Logf("%d acknowledged writes, %d jobs started, %d rounds", c.Acks(), rewrites, rounds)
		})
	}
}

// rewriteOnAndOn starts rewrites, and now and then a save, until the server dies;
// stop waits for that and tells how many it started.
func rewriteOnAndOn(s *rig.Server) (stop func() int) {
	var wg sync.WaitGroup
	n, c := 0, s.NewClient()
	wg.Go(func() {
		ctx := context.Background()
		for i := 0; ; i++ {
			var err error
			if i%5 == 4 {
				err = c.BgSave(ctx).Err()
			} else {
				err = c.BgRewriteAOF(ctx).Err()
			}
			if err == nil {
				n++
			} else if c.Ping(ctx).Err() != nil {
				return
			}
			time.Sleep(5 * time.Millisecond) // between two requests, as an operator's script has
		}
	})
	return func() int { wg.Wait(); return n }
}

// orphans counts the processes that still have a file of the server's folder open
// as their working folder: children of a daemon that was killed.
func orphans(t *testing.T, s *rig.Server) int {
	t.Helper()
	entries, err := os.ReadDir("/proc")
	check.NoErr(t, err)
	n := 0
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			if cwd, err := os.Readlink("/proc/" + e.Name() + "/cwd"); err == nil && cwd == s.Dir && !rig.Gone(pid) {
				n++
			}
		}
	}
	return n
}
