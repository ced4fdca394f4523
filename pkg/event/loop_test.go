package event_test

import (
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/pkg/event"
)

func TestOrderInATurn(t *testing.T) {
	l, _ := newLoop(t)
	a, b := pair(t)
	var got log
	l.BeforeSleep(func() { got.add("before sleep") })
	l.AfterSleep(func() { got.add("after sleep") })
	check.NoErr(t, l.Watch(a, event.Readable, got.handler("a")))
	send(t, b, "x")
	l.After(0, func() int64 { got.add("timer"); return -1 })
	l.Post(func() { got.add("posted") })
	turn(t, l)
	check.Eq(t, got.take(), []string{"before sleep", "after sleep", "a readable", "posted", "timer"})
	l.BeforeSleep(nil)
	l.AfterSleep(nil)
	turn(t, l)
	check.Eq(t, got.take(), []string{"a readable"})
}

func TestWhatBeforeSleepWatchesTakesPartInThePoll(t *testing.T) {
	l, _ := newLoop(t)
	a, _ := pair(t)
	var got log
	l.BeforeSleep(func() {
		if _, ok := l.Watched(a); !ok {
			check.NoErr(t, l.Watch(a, event.Writable, got.handler("a")))
		}
	})
	turn(t, l)
	check.Eq(t, got.take(), []string{"a writable"})
}

// Without Busy these turns would sleep for ever: there is nothing to wait for.
func TestBusyMakesOnePollReturn(t *testing.T) {
	l, _ := newLoop(t)
	calls := 0
	l.BeforeSleep(func() { calls++; l.Busy() })
	for range 3 {
		n, err := l.Turn(true)
		check.NoErr(t, err)
		check.Eq(t, n, 0)
	}
	check.Eq(t, calls, 3)
	check.Eq(t, l.Stats().Sleeps, uint64(0))
	l.BeforeSleep(nil)
	l.Post(func() {})
	_, err := l.Turn(true) // a queued function does the same
	check.NoErr(t, err)
	check.Eq(t, l.Stats().Sleeps, uint64(0))
}

func TestTimeIsSampledOncePerTurn(t *testing.T) {
	l, c := newLoop(t)
	const start = 1_700_000_000_000
	check.Eq(t, l.NowMillis(), int64(start))
	c.Advance(5 * time.Millisecond)
	check.Eq(t, l.NowMillis(), int64(start))
	a, b := pair(t)
	send(t, b, "x")
	var in, after int64
	check.NoErr(t, l.Watch(a, event.Readable, event.HandlerFunc(func(event.Events) {
		c.Advance(7 * time.Millisecond)
		in = l.NowMillis()
		l.UpdateTime()
		after = l.NowMillis()
	})))
	turn(t, l)
	check.Eq(t, in, int64(start+5))
	check.Eq(t, after, int64(start+12))
	check.Eq(t, l.NowMicros(), int64(start+12)*1000)
}

func TestNestedTurnServesSocketsOnly(t *testing.T) {
	l, _ := newLoop(t)
	a, a2 := pair(t)
	b, b2 := pair(t)
	var got log
	l.BeforeSleep(func() {
		if l.Nested() {
			got.add("nested before sleep")
		}
	})
	var buf [8]byte
	check.NoErr(t, l.Watch(a, event.Readable, event.HandlerFunc(func(event.Events) {
		event.Read(a, buf[:])
		got.add("a starts")
		l.Post(func() { got.add("posted") })
		l.After(0, func() int64 { got.add("timer"); return -1 })
		check.NoErr(t, l.Watch(b, event.Readable, event.HandlerFunc(func(event.Events) {
			event.Read(b, buf[:])
			got.add("b")
		})))
		send(t, b2, "x")
		n, err := l.Turn(true) // does not sleep although asked to
		check.NoErr(t, err)
		check.Eq(t, n, 1)
		check.Eq(t, turn(t, l), 0)
		got.add("a ends")
	})))
	send(t, a2, "x")
	check.Eq(t, turn(t, l), 1)
	turn(t, l)
	check.Eq(t, got.take(), []string{
		"a starts", "nested before sleep", "b", "nested before sleep", "a ends", "posted", "timer",
	})
	check.True(t, !l.Nested(), "no turn is left open")
}

// The outer turn's events must survive the polls of the nested one.
func TestNestedTurnKeepsTheOuterBatch(t *testing.T) {
	l, _ := newLoop(t)
	const sockets = 8
	calls := make(map[int]int)
	nested := false
	for range sockets {
		a, b := pair(t)
		send(t, b, "x")
		check.NoErr(t, l.Watch(a, event.Readable, event.HandlerFunc(func(event.Events) {
			calls[a]++
			if !nested {
				nested = true
				check.Eq(t, turn(t, l), sockets)
			}
		})))
	}
	check.Eq(t, turn(t, l), sockets)
	check.Eq(t, len(calls), sockets)
	for _, n := range calls {
		check.Eq(t, n, 2)
	}
}

func TestRunPostedInsideANestedTurn(t *testing.T) {
	l, _ := newLoop(t)
	var got log
	l.Post(func() {
		got.add("first")
		l.Post(func() { got.add("third") })
		check.Eq(t, l.RunPosted(), 1) // the rest of the batch
		check.Eq(t, l.RunPosted(), 1) // what came since
		got.add("first ends")
	})
	l.Post(func() { got.add("second") })
	turn(t, l)
	check.Eq(t, got.take(), []string{"first", "second", "third", "first ends"})
	turn(t, l)
	check.Eq(t, len(got.take()), 0)
}

func TestStopBeforeRunCounts(t *testing.T) {
	l, _ := newLoop(t)
	l.Stop()
	turns := l.Stats().Turns
	check.NoErr(t, l.Run())
	check.Eq(t, l.Stats().Turns, turns)
}

func TestStopInsideOfATurnFinishesIt(t *testing.T) {
	l, _ := newLoop(t)
	var got log
	l.Post(func() { l.Stop(); got.add("stop") })
	l.Post(func() { got.add("next") })
	check.NoErr(t, l.Run())
	check.Eq(t, got.take(), []string{"stop", "next"})
}

func TestPanicPassesThroughRunAndTheLoopLivesOn(t *testing.T) {
	l, _ := newLoop(t)
	var got log
	l.Post(func() { panic("handler") })
	l.Post(func() { got.add("after the panic"); l.Stop() })
	check.Panics(t, func() { _ = l.Run() })
	check.True(t, !l.Nested(), "the turn was left")
	check.NoErr(t, l.Run())
	check.Eq(t, got.take(), []string{"after the panic"})
}

func TestRunSleepsUntilATimerIsDue(t *testing.T) {
	l, err := event.New(clock.System())
	check.NoErr(t, err)
	fired := 0
	l.After(1, func() int64 {
		if fired++; fired == 3 {
			l.Stop()
		}
		return 1
	})
	check.NoErr(t, l.Run())
	check.Eq(t, fired, 3)
	s := l.Stats()
	check.True(t, s.Sleeps >= 1 && s.Turns < 50, "it sleeps instead of spinning")
	check.NoErr(t, l.Close())
}

func TestCloseTwiceAndPostAfterwards(t *testing.T) {
	l, err := event.New(clock.System())
	check.NoErr(t, err)
	check.NoErr(t, l.Close())
	check.NoErr(t, l.Close())
	l.Post(func() { t.Error("ran after Close") })
	l.Stop()
}
