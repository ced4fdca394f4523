package clock_test

import (
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
)

func TestManualMovesOnlyWhenTold(t *testing.T) {
	start := time.UnixMilli(1_700_000_000_123)
	m := clock.NewManual(start)
	check.Eq(t, clock.Millis(m), int64(1_700_000_000_123))
	check.Eq(t, clock.Micros(m), int64(1_700_000_000_123_000))
	m.Advance(1500 * time.Microsecond)
	check.Eq(t, clock.Micros(m), int64(1_700_000_000_124_500))
	m.Set(start.Add(-time.Hour))
	check.Eq(t, m.Now(), start.Add(-time.Hour))
	check.Eq(t, m.Mono(), 1500*time.Microsecond) // setting the date lets no time pass
}

func TestSystemIsTheMachinesClock(t *testing.T) {
	before := time.Now()
	now := clock.System().Now()
	check.True(t, !now.Before(before) && now.Sub(before) < time.Minute, "System reads the machine's clock")
	c := clock.System()
	first := c.Mono()
	watch := clock.NewStopwatch()
	for watch.Micros() == 0 {
	}
	passed := c.Mono() - first
	check.True(t, passed >= time.Microsecond && passed < time.Minute, "the time that passes")
}

func TestSystemAllocatesNothing(t *testing.T) {
	c := clock.System()
	var sum int64
	check.Eq(t, testing.AllocsPerRun(100, func() { sum += clock.Micros(c) + int64(c.Mono()) }), 0)
}
