package server

import (
	"testing"

	"redisd/internal/check"
	"redisd/pkg/config"
)

// A clock that jumps must neither stop what is done regularly nor do it all at once.
func TestTasksRunWhateverTheClockDoes(t *testing.T) {
	tests := []struct {
		name string
		now  []int64 // milliseconds
		runs []bool
	}{
		{"regularly", []int64{5000, 5500, 6000, 6999, 7000}, []bool{true, false, true, false, true}},
		{"set back", []int64{5_000_000, 1_000_000, 1_000_500, 1_001_000}, []bool{true, true, false, true}},
		{"set back a little", []int64{5000, 4900, 5400, 6000}, []bool{true, true, false, true}},
		{"set forward", []int64{5000, 9_000_000, 9_000_500, 9_001_000}, []bool{true, true, false, true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := &cron{next: make([]int64, 1)}
			for i, now := range tt.now {
				check.Eq(t, c.due(0, now, 1000), tt.runs[i])
			}
		})
	}
}

func TestSavePointsWhateverTheClockDoes(t *testing.T) {
	points := []config.SavePoint{{Seconds: 60, Changes: 1}}
	due := func(sv *saves, now int64) bool {
		sv.follow(now)
		_, ok := sv.due(points, now)
		return ok
	}
	sv := &saves{last: 10_000, ok: true, dirty: 1}
	check.True(t, !due(sv, 10_060) && due(sv, 10_061), "after the time of the point")
	check.True(t, !due(sv, 1000), "set back: not at once")
	check.True(t, due(sv, 1061), "but when the time has passed by the new clock")
	failed := &saves{last: 10_000, lastTry: 20_000, dirty: 1}
	check.True(t, !due(failed, 15_000) && due(failed, 15_000+retryDelay+1), "a rest after a failure ends by the new clock")
}
