package event_test

import (
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/pkg/event"
)

func TestAlarmRingsOnceAfterItsTime(t *testing.T) {
	l, err := event.New(clock.System())
	check.NoErr(t, err)
	defer l.Close()
	rings := 0
	a, err := event.NewAlarm(l, func() { rings++ })
	check.NoErr(t, err)
	defer a.Close()

	const wait = 2 * time.Millisecond
	start := time.Now()
	check.NoErr(t, a.Set(int64(time.Hour)))
	check.NoErr(t, a.Set(int64(wait)))
	for rings == 0 {
		_, err := l.Turn(true)
		check.NoErr(t, err)
	}
	check.True(t, time.Since(start) >= wait, "it rang too early")
	_, err = l.Turn(false)
	check.NoErr(t, err)
	check.Eq(t, rings, 1)
}
