package crash_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisd/internal/check"
	"redisd/test/rig"
)

// points are the named places where a crash would be worst, with the job that
// passes them. Those of a child end the child, the others the daemon.
func points() []point {
	return []point{
		{"child-snapshot-end", "BGSAVE", true}, {"child-before-sync", "BGSAVE", true},
		{"save-rename", "BGSAVE", false}, {"save-syncdir", "BGSAVE", false},
		{"save-before-rename", "SAVE", false},
		{"child-snapshot-end", "BGREWRITEAOF", true}, {"child-before-stop", "BGREWRITEAOF", true},
		{"child-before-sync", "BGREWRITEAOF", true}, {"child-before-rename", "BGREWRITEAOF", true},
		{"rewrite-open", "BGREWRITEAOF", false}, {"rewrite-append", "BGREWRITEAOF", false}, {"rewrite-sync", "BGREWRITEAOF", false},
		{"rewrite-rename", "BGREWRITEAOF", false}, {"rewrite-syncdir", "BGREWRITEAOF", false},
	}
}

type point struct {
	name, command string
	child         bool
}

// TestKilledAtPoint kills the daemon, or its child, at every point, with writers at
// work, and looks at what is left: under always and everysec nothing that was
// acknowledged may be missing, and what is there of a sequence is a prefix of it.
func TestKilledAtPoint(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		for _, p := range points() {
			t.Run(policy+"/"+p.command+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{
					Args: []string{"--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0"},
					Env:  []string{"REDISD_FAILPOINTS=" + p.name + "=kill"},
				})
				s.Fill(3000, 30)
				c, q := rig.NewCounters(3, 20), &sequence{}
				c.Run(s)
				q.run(s)
				rig.Eventually(t, "writes", func() bool { return c.Acks() > 100 })
				err := s.Client().Do(context.Background(), p.command).Err()
				if p.child {
					check.NoErr(t, err)
					s.WaitIdle()
					check.Contains(t, s.Field("child_last_exit"), "signal 9")
					check.Eq(t, len(s.Temps()), 0)
					acks := c.Acks()
					rig.Eventually(t, "writes after the child's death", func() bool { return c.Acks() > acks+20 })
					s.KillAlone()
				} else {
					check.Eq(t, s.Wait(), -9)
				}
				c.Join()
				q.wait()
				s.SetEnv()
				s.Restart()
				check.Eq(t, len(s.Temps()), 0)
				c.Check(t, s)
				q.check(t, s)
				check.Eq(t, s.Do("BGREWRITEAOF"), any("Background append only file rewriting started"))
				s.WaitField("aof_rewrite_in_progress", "0")
				check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
				want := s.Digest()
				s.KillAlone()
				s.Restart()
				check.Eq(t, s.Digest(), want)
			})
		}
	}
}

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

// TestErrorAtPoint lets each step fail once instead: the status tells, nothing is
// left, the server goes on, and the next job works.
func TestErrorAtPoint(t *testing.T) {
	for _, p := range points() {
		if p.name == "rewrite-syncdir" {
			continue // the rename is done: below
		}
		t.Run(p.command+"/"+p.name, func(t *testing.T) {
			t.Parallel()
			env := "REDISD_FAILPOINTS=" + p.name + "=error:ENOSPC@1"
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--auto-aof-rewrite-percentage", "0"}, Env: []string{env}})
			s.Fill(2000, 30)
			fds := len(s.FDs())
			c := rig.NewCounters(2, 10)
			c.Run(s)
			status := map[string]string{"BGREWRITEAOF": "aof_last_bgrewrite_status"}[p.command]
			if status == "" {
				status = "rdb_last_bgsave_status"
			}
			err := s.Client().Do(context.Background(), p.command).Err()
			check.Eq(t, err != nil, p.command == "SAVE")
			s.WaitIdle()
			if p.command == "SAVE" {
				// The status is about BGSAVE: whoever saved has heard of the error.
				check.Eq(t, s.Field(status), "ok")
			} else {
				check.Eq(t, s.Field(status), "err")
			}
			check.Contains(t, s.Log(), "No space left on device")
			acks := c.Acks()
			rig.Eventually(t, "writes after the failure", func() bool { return c.Acks() > acks+20 })
			s.Clean(fds)
			if !p.child {
				// Every child passes the point for the first time; the daemon has passed it.
				s.Do(p.command)
				s.WaitIdle()
				check.Eq(t, s.Field(status), "ok")
			}
			c.Stop()
			s.Clean(fds)
			want := s.Digest()
			s.KillAlone()
			s.SetEnv()
			s.Restart()
			check.Eq(t, s.Digest(), want)
			c.Check(t, s)
		})
	}
}

// TestDirectoryNotSynced lets the sync of the folder fail after the rename of a
// rewritten log: the new file is the live one, and it holds everything. Under
// always nothing more could be acknowledged, so the daemon ends; else writes are refused
// until another rewrite, which starts by itself, has made a file whose name is safe.
func TestDirectoryNotSynced(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		t.Run(policy, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{
				Args: []string{"--appendonly", "yes", "--appendfsync", policy, "--auto-aof-rewrite-percentage", "0"},
				Env:  []string{"REDISD_FAILPOINTS=rewrite-syncdir=error:EIO@1"},
			})
			s.Fill(1000, 20)
			c := rig.NewCounters(2, 10)
			c.Run(s)
			s.Do("BGREWRITEAOF")
			if policy == "always" {
				check.Eq(t, s.Wait(), 1)
				check.Contains(t, s.Log(), "Can't make the rewritten AOF durable")
				c.Join()
			} else {
				// The new file may lose its name in a power failure: another one is made.
				s.WaitLog(0, "Error syncing the folder of the AOF file")
				s.WaitLog(0, "Starting one.")
				s.WaitField("aof_last_bgrewrite_status", "ok")
				rig.Eventually(t, "a write", func() bool { return s.Client().Set(context.Background(), "a", "b", 0).Err() == nil })
				s.KillAlone()
				c.Join()
			}
			s.SetEnv()
			s.Restart()
			c.Check(t, s)
			check.Eq(t, len(s.Temps()), 0)
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

// sequence writes seq:1, seq:2, ... in one connection, each as a key of its own.
type sequence struct {
	acked, sent int
	done        chan struct{}
}

func (q *sequence) run(s *rig.Server) {
	q.done = make(chan struct{})
	c := s.NewClient()
	go func() {
		defer close(q.done)
		for {
			q.sent++
			if c.Set(context.Background(), seqKey(q.sent), "x", 0).Err() != nil {
				return
			}
			q.acked = q.sent
		}
	}()
}

func (q *sequence) wait() { <-q.done }

func seqKey(n int) string { return fmt.Sprintf("seq:%d", n) }

// check wants all keys up to some number, which is at least the acknowledged one.
func (q *sequence) check(t *testing.T, s *rig.Server) {
	t.Helper()
	ctx, last := context.Background(), 0
	for i := 1; i <= q.sent; i++ {
		err := s.Client().Get(ctx, seqKey(i)).Err()
		switch {
		case err == nil && last == i-1:
			last = i
		case err == nil:
			t.Fatalf("%s is there, %s is not: no prefix", seqKey(i), seqKey(last+1))
		case !errors.Is(err, redis.Nil):
			t.Fatal(err)
		}
	}
	if last < q.acked {
		t.Fatalf("lost: the sequence ends at %d, %d was acknowledged", last, q.acked)
	}
	if n := strings.Count(fmt.Sprint(s.Do("KEYS", "seq:*")), "seq:"); n != last {
		t.Fatalf("%d keys of the sequence, want %d", n, last)
	}
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
