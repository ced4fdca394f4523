package crash_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// roundsOr is the number of rounds: REDISD_CRASH_ROUNDS, else n.
func roundsOr(n int) int {
	if more, err := strconv.Atoi(os.Getenv("REDISD_CRASH_ROUNDS")); err == nil {
		return more
	}
	return n
}

// dice are random numbers that the test tells the seed of.
func dice(t *testing.T) *rand.Rand {
	t.Helper()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return rand.New(rand.NewPCG(seed, 1))
}

// TestKillAtRandom kills the daemon again and again while writers, rewrites and saves
// run. Every acknowledged write must be there after the restart, and none that was
// never sent. A killed process loses nothing under any policy, because a reply does
// not leave before its write(2).
func TestKillAtRandom(t *testing.T) {
	rounds := roundsOr(3)
	for _, tc := range []struct{ name, policy, preamble, layout, further string }{
		{"always", "always", "no", "file", ""},
		{"always with preamble", "always", "yes", "file", ""},
		{"everysec", "everysec", "no", "file", ""},
		{"everysec with preamble", "everysec", "yes", "file", ""},
		{"no", "no", "no", "file", "--verify-snapshots yes"},
		{"parts, always", "always", "no", "multipart", ""},
		{"parts, always with preamble", "always", "yes", "multipart", "--aof-checksum yes"},
		{"parts, everysec", "everysec", "no", "multipart", "--aof-timestamp-enabled yes"},
		{"parts, everysec with preamble", "everysec", "yes", "multipart", ""},
		{"converted, always", "always", "yes", "", ""},
		{"converted, everysec", "everysec", "no", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rnd := dice(t)
			layout, first := []string{tc.layout}, tc.layout
			if tc.layout == "" {
				layout, first = layouts(""), "file"
			}
			s := rig.Start(t, rig.Options{Args: append(append(logOn(tc.policy, first), "--aof-use-rdb-preamble", tc.preamble), strings.Fields(tc.further)...)})
			s.Do("CONFIG", "SET", "save", "3600 1")
			s.Fill(20_000, 30)
			c := rig.NewCounters(6, 40)
			rewrites := 0
			for round := range rounds {
				c.Run(s)
				n := c.Acks()
				stop := rewriteOnAndOn(s, layout)
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
				noTemps(t, s)
				c.Check(t, s)
				check.Eq(t, s.Client().DBSize(context.Background()).Val() >= 20_000, true)
			}
			check.True(t, rewrites >= rounds, fmt.Sprintf("%d rewrites started in %d rounds", rewrites, rounds))
			t.Logf("%d acknowledged writes, %d jobs started, %d rounds", c.Acks(), rewrites, rounds)
		})
	}
}

// TestKillAtRandomWithoutLog kills a daemon that has no log while saves run one after
// another: the restart loads what one of them has written, at least the last one that
// was told to be done.
func TestKillAtRandomWithoutLog(t *testing.T) {
	t.Parallel()
	rnd, rounds, saves := dice(t), roundsOr(3), 0
	s := rig.Start(t, rig.Options{})
	for range rounds {
		s.Do("FLUSHALL")
		s.Fill(20_000, 30)
		s.Do("SAVE")
		q := &sequence{}
		q.run(s)
		done := make(chan int)
		promised := saveOnAndOn(s, q, done)
		rig.Eventually(t, "saves", func() bool { return q.seen() > 200 && promised.Load() > 0 })
		time.Sleep(time.Duration(rnd.IntN(100)) * time.Millisecond) // the random moment
		s.KillAlone()
		q.wait()
		saves += <-done
		s.Restart()
		noTemps(t, s)
		q.checkFrom(t, s, int(promised.Load()))
		check.Eq(t, s.Client().DBSize(context.Background()).Val(), int64(20_000+q.sent))
	}
	t.Logf("%d saves, %d rounds", saves, rounds)
}

// saveOnAndOn saves until the server dies, and then gives the number of saves to done.
// What it returns is how far the sequence had come before the last save that is done.
func saveOnAndOn(s *rig.Server, q *sequence, done chan<- int) *atomic.Int64 {
	promised := &atomic.Int64{}
	c := s.NewClient()
	go func() {
		ctx, n := context.Background(), 0
		defer func() { done <- n }()
		for {
			seen := q.seen()
			if c.BgSave(ctx).Err() != nil {
				return
			}
			for {
				info, err := c.Info(ctx, "persistence").Result()
				if err != nil {
					return
				}
				if strings.Contains(info, "rdb_bgsave_in_progress:0") {
					break
				}
			}
			promised.Store(int64(seen))
			n++
		}
	}()
	return promised
}

// rewriteOnAndOn starts rewrites, and now and then a save, until the server dies;
// stop waits for that and tells how many it started. With several layouts a rewrite
// converts the log to each in turn.
func rewriteOnAndOn(s *rig.Server, layout []string) (stop func() int) {
	var wg sync.WaitGroup
	n, c := 0, s.NewClient()
	wg.Go(func() {
		ctx := context.Background()
		for i := 0; ; i++ {
			var err error
			switch {
			case i%5 == 4:
				err = c.BgSave(ctx).Err()
			case len(layout) > 1:
				err = c.ConfigSet(ctx, "aof-layout", layout[i%len(layout)]).Err()
			default:
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
