package crash_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestKilledInTheLog kills the daemon around the write and the sync of a batch.
func TestKilledInTheLog(t *testing.T) {
	tests := []struct{ name, policy, point string }{
		{"before the write", "always", "aof-write=kill@50"},
		{"between write and sync", "always", "aof-written=kill@50"},
		{"after the sync", "always", "aof-synced=kill@50"},
		{"before the write, everysec", "everysec", "aof-write=kill@50"},
		{"before the write, no", "no", "aof-write=kill@50"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{
				Args: []string{"--appendonly", "yes", "--appendfsync", tc.policy},
				Env:  []string{"REDISD_FAILPOINTS=" + tc.point},
			})
			c, q := rig.NewCounters(3, 20), &sequence{}
			c.Run(s)
			q.run(s)
			check.Eq(t, s.Wait(), -9)
			c.Join()
			q.wait()
			s.SetEnv()
			s.Restart()
			c.Check(t, s)
			q.check(t, s)
		})
	}
}

// TestLogErrors lets a write or a sync of the live log fail. Under always the
// daemon ends rather than acknowledge; under everysec it refuses writes until the
// disk takes them again.
func TestLogErrors(t *testing.T) {
	t.Run("always ends", func(t *testing.T) {
		t.Parallel()
		s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "always"},
			Env: []string{"REDISD_FAILPOINTS=aof-write=error:ENOSPC@20"}})
		c := rig.NewCounters(2, 10)
		c.Run(s)
		check.Eq(t, s.Wait(), 1)
		check.Contains(t, s.Log(), "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...")
		c.Join()
		s.SetEnv()
		s.Restart()
		c.Check(t, s)
	})
	t.Run("failed sync under always ends", func(t *testing.T) {
		t.Parallel()
		s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "always"},
			Env: []string{"REDISD_FAILPOINTS=aof-written=error:EIO@20"}})
		c := rig.NewCounters(2, 10)
		c.Run(s)
		check.Eq(t, s.Wait(), 1)
		c.Join()
		s.SetEnv()
		s.Restart()
		c.Check(t, s)
	})
	t.Run("everysec refuses and recovers", func(t *testing.T) {
		t.Parallel()
		s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", "everysec"},
			Env: []string{"REDISD_FAILPOINTS=aof-write=error:ENOSPC@20"}})
		c := rig.NewCounters(2, 10)
		c.Run(s)
		s.WaitLog(0, "Error writing to the AOF file: No space left on device")
		s.WaitLog(0, "AOF write error looks solved, Redis can write again.")
		check.Eq(t, s.Field("aof_last_write_status"), "ok")
		// A writer that came in between was refused; the others go on.
		rig.Eventually(t, "a write", func() bool { return s.Client().Set(context.Background(), "a", "b", 0).Err() == nil })
		s.KillAlone()
		c.Join()
		s.SetEnv()
		s.Restart()
		c.Check(t, s)
	})
}

// sequence writes prefix:1, prefix:2, ... in one connection, each as a key of its own.
type sequence struct {
	prefix      string // "seq" when empty
	acked, sent int
	acks        atomic.Int64 // acked, for others
	stopped     atomic.Bool
	done        chan struct{}
}

func (q *sequence) run(s *rig.Server) {
	q.done = make(chan struct{})
	q.stopped.Store(false)
	c := s.NewClient()
	go func() {
		defer close(q.done)
		for !q.stopped.Load() {
			q.sent++
			if c.Set(context.Background(), q.key(q.sent), "x", 0).Err() != nil {
				return
			}
			q.acked = q.sent
			q.acks.Store(int64(q.acked))
		}
	}()
}

func (q *sequence) wait() { <-q.done }

// stop ends it while the daemon lives.
func (q *sequence) stop() {
	q.stopped.Store(true)
	q.wait()
}

// seen is how many were acknowledged, while it runs.
func (q *sequence) seen() int { return int(q.acks.Load()) }

func (q *sequence) key(n int) string {
	prefix := q.prefix
	if prefix == "" {
		prefix = "seq"
	}
	return fmt.Sprintf("%s:%d", prefix, n)
}

// check wants all keys up to some number, which is at least the acknowledged one. It
// goes on from what it finds.
func (q *sequence) check(t *testing.T, s *rig.Server) {
	t.Helper()
	q.checkFrom(t, s, q.acked)
}

// checkFrom is check for a sequence of which only the first so many were promised.
func (q *sequence) checkFrom(t *testing.T, s *rig.Server, promised int) {
	t.Helper()
	ctx, last := context.Background(), 0
	for i := 1; i <= q.sent; i++ {
		err := s.Client().Get(ctx, q.key(i)).Err()
		switch {
		case err == nil && last == i-1:
			last = i
		case err == nil:
			t.Fatalf("%s is there, %s is not: no prefix", q.key(i), q.key(last+1))
		case !errors.Is(err, redis.Nil):
			t.Fatal(err)
		}
	}
	if last < promised {
		t.Fatalf("lost: the sequence ends at %d, %d was promised", last, promised)
	}
	first, _, _ := strings.Cut(q.key(0), ":")
	if n := strings.Count(fmt.Sprint(s.Do("KEYS", first+":*")), first+":"); n != last {
		t.Fatalf("%d keys of the sequence, want %d", n, last)
	}
	q.sent, q.acked = last, last
	q.acks.Store(int64(last))
}

// TestDamagedFileIsNotTaken has the child find other bytes on the disk than it wrote:
// the job fails with a reason of its own, nothing is left of it, the live file stays, and
// the next job works.
func TestDamagedFileIsNotTaken(t *testing.T) {
	for _, point := range []string{"child-flip", "child-cut"} {
		for _, command := range []string{"BGSAVE", "BGREWRITEAOF"} {
			for _, preamble := range []string{"yes", "no"} {
				t.Run(point+"/"+command+"/"+preamble, func(t *testing.T) {
					t.Parallel()
					s := rig.Start(t, rig.Options{
						Args: []string{"--appendonly", "yes", "--auto-aof-rewrite-percentage", "0", "--aof-use-rdb-preamble", preamble, "--verify-snapshots", "yes"},
					})
					s.Fill(3000, 30)
					s.Do("SAVE")
					want := s.Digest()
					s.SetEnv("REDISD_FAILPOINTS=" + point + "=error:EIO")
					s.KillAlone()
					s.Restart()
					check.NoErr(t, s.Client().Do(context.Background(), command).Err())
					s.WaitIdle()
					status, other := "rdb_last_bgsave_status", "aof_last_bgrewrite_status"
					if command == "BGREWRITEAOF" {
						status, other = other, status
					}
					check.Eq(t, s.Field(status), "err")
					check.Eq(t, s.Field(other), "ok")
					check.Eq(t, s.Field("snapshot_verify_failures"), "1")
					check.Contains(t, s.Field("snapshot_last_verify_error"), "offset")
					check.Eq(t, len(s.Temps()), 0)
					s.SetEnv()
					s.KillAlone()
					s.Restart()
					check.Eq(t, s.Digest(), want)
					check.NoErr(t, s.Client().Do(context.Background(), command).Err())
					s.WaitIdle()
					check.Eq(t, s.Field(status), "ok")
					check.Eq(t, s.Field("snapshot_verify_failures"), "0")
				})
			}
		}
	}
}
