package daemon_test

import (
	"fmt"
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

// TestPumpFollowsTheRate has a sync that does not come back, and a child that begins
// late. By then the rate is at its floor of 1 MB/s, and what is left of the snapshot goes
// no faster. The keys are many: buckets go as a whole.
func TestPumpFollowsTheRate(t *testing.T) {
	t.Parallel()
	const floor, keys, size, late = 1 << 20, 3500, 1000, 4000
	s := rig.Start(t, rig.Options{Args: []string{"--appendonly", "yes", "--snapshot-max-bytes-per-sec", "auto"},
		Env: []string{fmt.Sprintf("REDISD_FAILPOINTS=aof-sync=hang child-begin=delay:%d", late)}})
	s.Fill(keys, size)
	s.WaitField("aof_pending_bio_fsync", "1")
	start := time.Now()
	s.Do("BGSAVE")
	s.WaitField("snapshot_rate_bytes_per_sec", fmt.Sprint(floor))
	s.WaitIdle()
	took := time.Since(start)
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	check.Eq(t, s.Int("snapshot_rate_bytes_per_sec"), int64(floor))
	const left = keys*size - floor - 256<<10 // one MB is in the pipe, and some in the pump
	least := late*time.Millisecond + left*time.Second/floor*8/10
	check.True(t, took > least, fmt.Sprint(took, ", at least ", least))
}
