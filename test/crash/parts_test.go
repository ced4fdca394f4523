package crash_test

import (
	"context"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestKilledAtPointOfParts is TestKilledAtPoint for the multi-part layout, and for
// conversions between the two: whatever the moment, one log is there that holds
// everything acknowledged, and a rewrite afterwards works.
func TestKilledAtPointOfParts(t *testing.T) {
	rewrite := []any{"BGREWRITEAOF"}
	convert := func(to string) []any { return []any{"CONFIG", "SET", "aof-layout", to} }
	tests := []struct {
		name, layout string
		command      []any
		child        bool
	}{
		{"child-snapshot-end", "multipart", rewrite, true}, {"child-before-sync", "multipart", rewrite, true}, {"child-before-rename", "multipart", rewrite, true},
		{"incr-create", "multipart", rewrite, false}, {"incr-manifest", "multipart", rewrite, false}, {"incr-listed", "multipart", rewrite, false},
		{"rewrite-rename", "multipart", rewrite, false}, {"rewrite-manifest", "multipart", rewrite, false}, {"rewrite-collect", "multipart", rewrite, false},
		{"rewrite-prepare", "file", convert("multipart"), false}, {"rewrite-rename", "file", convert("multipart"), false},
		{"rewrite-commit", "file", convert("multipart"), false}, {"rewrite-clean", "file", convert("multipart"), false},
		{"rewrite-prepare", "multipart", convert("file"), false}, {"rewrite-rename", "multipart", convert("file"), false},
		{"rewrite-commit", "multipart", convert("file"), false}, {"rewrite-clean", "multipart", convert("file"), false},
	}
	for _, policy := range []string{"always", "everysec"} {
		for _, tc := range tests {
			t.Run(policy+"/"+tc.layout+"/"+tc.name, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{
					Args: []string{"--appendonly", "yes", "--appendfsync", policy, "--aof-layout", tc.layout, "--auto-aof-rewrite-percentage", "0"},
					Env:  []string{"REDISD_FAILPOINTS=" + tc.name + "=kill"},
				})
				s.Fill(3000, 30)
				c, q := rig.NewCounters(3, 20), &sequence{}
				c.Run(s)
				q.run(s)
				rig.Eventually(t, "writes", func() bool { return c.Acks() > 100 })
				err := s.Client().Do(context.Background(), tc.command...).Err()
				if tc.child {
					check.NoErr(t, err)
					s.WaitIdle()
					check.Contains(t, s.Field("child_last_exit"), "signal 9")
					s.KillAlone()
				} else {
					check.Eq(t, s.Wait(), -9)
				}
				c.Join()
				q.wait()
				s.SetEnv()
				s.Restart()
				// The child may have outlived the daemon, and then cleans up by itself.
				rig.Eventually(t, "no temporary files", func() bool { return len(s.Temps()) == 0 })
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
