package daemon_test

import (
	"fmt"
	"syscall"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

// TestSnapshotGivesWayToTheLog lets a snapshot go at the rate of auto while the syncs of
// the log take long, or are many and quick.
func TestSnapshotGivesWayToTheLog(t *testing.T) {
	const fastest = 512 << 20
	tests := []struct {
		name, policy, point string
		slows               bool
	}{
		{"everysec, slow", "everysec", "aof-sync=delay:300", true},
		{"everysec, quick", "everysec", "aof-sync=delay:5", false},
		{"always, slow", "always", "aof-written=delay:300", true},
		{"always, quick", "always", "aof-written=delay:5", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--appendfsync", tt.policy, "--snapshot-max-bytes-per-sec", "auto"},
				Env: []string{"REDISD_FAILPOINTS=" + tt.point}})
			s.Fill(1000, 20)
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "100000000") // as long as the test takes
			s.Do("BGSAVE")
			check.Eq(t, s.Int("snapshot_rate_bytes_per_sec"), int64(fastest))
			writers := rig.NewCounters(2, 1)
			writers.Run(s)
			if tt.slows {
				rig.Eventually(t, "slower snapshot", func() bool { return s.Int("snapshot_rate_bytes_per_sec") <= fastest*6/10 })
				writers.Stop()
				rig.Eventually(t, "faster snapshot", func() bool { return s.Int("snapshot_rate_bytes_per_sec") == fastest })
				return
			}
			start := s.Int("uptime_in_seconds")
			rig.Eventually(t, "two seconds", func() bool { return s.Int("uptime_in_seconds") > start+2 })
			// A sync that the machine itself makes slow may count; one after the other would.
			check.True(t, s.Int("snapshot_rate_bytes_per_sec") >= fastest/8, "the rate stays")
			writers.Stop()
			check.True(t, writers.Acks() > 100, "syncs went on all the time")
		})
	}
}

// TestPumpFollowsTheRate has a sync that does not come back. When the rate is at its
// floor of 1 MB/s, what is left of the snapshot goes no faster.
func TestPumpFollowsTheRate(t *testing.T) {
	t.Parallel()
	const floor, keys, size = 1 << 20, 40, 100_000
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--snapshot-max-bytes-per-sec", "auto"},
		Env: []string{"REDISD_FAILPOINTS=aof-sync=hang"}})
	s.Fill(keys, size)
	s.WaitField("aof_pending_bio_fsync", "1")
	s.Do("CONFIG", "SET", "rdb-key-save-delay", "20000") // else all were gone at once
	s.Do("BGSAVE")
	pid, _ := s.Child()
	rig.KillPid(t, pid, syscall.SIGSTOP)
	s.WaitField("snapshot_rate_bytes_per_sec", fmt.Sprint(floor))
	left := keys*size - s.Int("current_save_keys_processed")*size - 1<<20 // in the pipe
	check.True(t, left > 3*floor/2, fmt.Sprint(left, " bytes left"))
	start := time.Now()
	rig.KillPid(t, pid, syscall.SIGCONT)
	s.WaitIdle()
	took := time.Since(start).Seconds()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	check.True(t, took > 0.6*float64(left)/floor, fmt.Sprint(took, " seconds for ", left, " bytes"))
	check.Eq(t, s.Int("snapshot_rate_bytes_per_sec"), int64(floor))
}
