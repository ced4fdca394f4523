package crash_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// Where the log comes to an end, of a part or altogether, with something in its buffer.
// One client writes, one command at a time, so that it is known how many batches there
// were.

// tenWrites are ten batches.
func tenWrites(s *rig.Server, prefix string) {
	for i := range 10 {
		s.Do("SET", fmt.Sprint(prefix, i), "x")
	}
}

// inOneTurn sends a write and commands so that the loop runs them in one turn: what they
// do to the log finds the write in its buffer. It gives the error of the write.
func inOneTurn(s *rig.Server, lines ...string) error {
	ctx := context.Background()
	p := s.Client().Pipeline()
	first := p.Set(ctx, "last", "x", 0)
	for _, l := range lines {
		var words []any
		for _, w := range strings.Fields(l) {
			words = append(words, w)
		}
		p.Do(ctx, words...)
	}
	_, _ = p.Exec(ctx) // it may be the end of the daemon
	return first.Err()
}

// TestPartFails lets the write or the sync fail that ends an increment at the cut of a
// rewrite: the rewrite is given up and the log goes on in the increment that it has; a
// failed sync asks for another rewrite, and under always the daemon ends.
func TestPartFails(t *testing.T) {
	tests := []struct{ policy, point, line string }{
		{"everysec", "aof-write=error:ENOSPC@11", "Error writing to the AOF file: No space left on device"},
		{"everysec", "aof-written=error:EIO@1", "Fail to fsync the AOF file: Input/output error"},
		{"everysec", "aof-written=kill@1", ""},
		{"always", "aof-write=error:ENOSPC@11", "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."},
		{"always", "aof-written=error:EIO@11", "Can't persist AOF for fsync error when the AOF fsync policy is 'always': Input/output error. Exiting..."},
		{"always", "aof-synced=kill@11", ""},
	}
	for _, tc := range tests {
		t.Run(tc.policy+"/"+tc.point, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: logOn(tc.policy, "multipart"), Env: failpoint(tc.point)})
			tenWrites(s, "before:")
			err := inOneTurn(s, rewrite)
			switch {
			case tc.line == "":
				check.Eq(t, s.Wait(), -9)
			case tc.policy == "always":
				check.Eq(t, s.Wait(), 1)
				check.True(t, err != nil, "no reply")
			default:
				check.NoErr(t, err)
				s.WaitLog(0, "The append only file could not go on in another part: ")
				writesAgain(t, s)
				s.WaitIdle()
				check.Contains(t, fmt.Sprint(s.Do("DEBUG", "CHILDREN")), "result:failed")
				if strings.HasPrefix(tc.point, "aof-written") {
					check.Contains(t, s.Log(), "Starting one.")
				}
				tenWrites(s, "after:")
				s.KillAlone()
			}
			check.Contains(t, s.Log(), tc.line)
			s.SetEnv()
			s.Restart()
			noTemps(t, s)
			want := 10
			if tc.policy == "everysec" && tc.line != "" {
				want = 21
				check.Eq(t, s.Do("GET", "a"), any("b"))
			}
			check.True(t, int(s.Do("DBSIZE").(int64)) >= want, "everything acknowledged")
			rewriteWorks(t, s)
		})
	}
}

// TestTurnedOffAtPoint kills the daemon, or lets the disk fail, while CONFIG SET
// appendonly no writes the last of the log, or gives up a rewrite. What was acknowledged
// before is there when the log is turned on again from its file.
func TestTurnedOffAtPoint(t *testing.T) {
	const off = "CONFIG SET appendonly no"
	tests := []struct {
		layout, always, everysec string
		commands                 []string
		line                     string
	}{
		{"", "aof-write=kill@11", "aof-write=kill@11", []string{off}, ""},
		{"", "aof-written=kill@11", "aof-written=kill@1", []string{off}, ""},
		{"", "aof-synced=kill@11", "aof-synced=kill@1", []string{off}, ""},
		{"", "aof-write=error:ENOSPC@11", "aof-write=error:ENOSPC@11", []string{off}, "Error writing to the AOF file: No space left on device"},
		{"", "aof-written=error:EIO@11", "aof-written=error:EIO@1", []string{off}, "Fail to fsync the AOF file: Input/output error"},
		// The log is about to go on in another increment: that is waited for.
		{"multipart", "incr-create=error:EIO", "incr-create=error:EIO", []string{rewrite, off}, "Can't go on in the append-only file appendonly.aof.2.incr.aof: Input/output error"},
		{"multipart", "incr-manifest=kill", "incr-manifest=kill", []string{rewrite, off}, ""},
		{"multipart", "incr-listed=kill", "incr-listed=kill", []string{rewrite, off}, ""},
	}
	for i, tc := range tests {
		for j, layout := range layouts(tc.layout) {
			for _, policy := range policies(i + j) {
				point := map[string]string{"always": tc.always, "everysec": tc.everysec}[policy]
				t.Run(policy+"/"+layout+"/"+point, func(t *testing.T) {
					t.Parallel()
					s := rig.Start(t, rig.Options{Args: logOn(policy, layout), Env: failpoint(point)})
					tenWrites(s, "before:")
					err := inOneTurn(s, tc.commands...)
					if tc.line == "" {
						check.Eq(t, s.Wait(), -9)
					} else {
						check.NoErr(t, err)
						s.WaitLog(0, tc.line)
						s.WaitIdle()
						check.Eq(t, s.Field("aof_enabled"), "0")
						tenWrites(s, "after:")
						check.NoErr(t, command(s, turnOn))
						s.WaitIdle()
						check.Eq(t, s.Field("aof_enabled")+s.Field("aof_last_bgrewrite_status"), "1ok")
						s.KillAlone()
					}
					s.SetEnv()
					s.Restart()
					noTemps(t, s)
					want := 10
					if tc.line != "" {
						want = 21
					}
					check.True(t, int(s.Do("DBSIZE").(int64)) >= want, "everything acknowledged")
					rewriteWorks(t, s)
				})
			}
		}
	}
}

// layouts are both, unless one is meant.
func layouts(only string) []string {
	if only != "" {
		return []string{only}
	}
	return []string{"file", "multipart"}
}
