package event_test

import (
	"slices"
	"sort"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/pkg/event"
)

func (l *log) timer(name string, again int64) func() int64 {
	return func() int64 { l.add(name); return again }
}

func TestTimersRunInTheOrderOfTimeThenCreation(t *testing.T) {
	l, c := newLoop(t)
	var got log
	l.After(20, got.timer("20", -1))
	l.After(10, got.timer("10 first", -1))
	l.After(10, got.timer("10 second", -1))
	l.After(-5, got.timer("negative", -1))
	turn(t, l)
	check.Eq(t, got.take(), []string{"negative"})
	c.Advance(9999 * time.Microsecond)
	turn(t, l)
	check.Eq(t, len(got.take()), 0)
	c.Advance(time.Microsecond)
	turn(t, l)
	check.Eq(t, got.take(), []string{"10 first", "10 second"})
	c.Advance(time.Hour)
	turn(t, l)
	check.Eq(t, got.take(), []string{"20"})
	turn(t, l)
	check.Eq(t, len(got.take()), 0)
}

func TestTimerRunsAgainAfterTheDelayItReturns(t *testing.T) {
	l, c := newLoop(t)
	var got log
	l.After(100, got.timer("cron", 100))
	for range 3 {
		c.Advance(99 * time.Millisecond)
		turn(t, l)
		check.Eq(t, len(got.take()), 0)
		c.Advance(time.Millisecond)
		turn(t, l)
		check.Eq(t, got.take(), []string{"cron"})
	}
	// A loop that was late by ten periods does not make up for them.
	c.Advance(time.Second)
	turn(t, l)
	turn(t, l)
	check.Eq(t, got.take(), []string{"cron"})
}

func TestTimersMadeInATurnWaitForTheNext(t *testing.T) {
	l, _ := newLoop(t)
	var got log
	l.After(0, func() int64 {
		got.add("again")
		l.After(0, got.timer("child", -1))
		return 0
	})
	turn(t, l)
	check.Eq(t, got.take(), []string{"again"})
	turn(t, l)
	check.Eq(t, got.take(), []string{"child", "again"})
}

func TestCancel(t *testing.T) {
	l, c := newLoop(t)
	var got log
	plain := l.After(10, got.timer("plain", -1))
	check.True(t, l.Cancel(plain), "alive")
	check.True(t, !l.Cancel(plain), "dead")
	check.True(t, !l.Cancel(0), "0 names none")
	check.True(t, !l.Cancel(1<<40), "never given")

	// The slot is used again, the name is not.
	next := l.After(10, got.timer("next", -1))
	check.NotEq(t, next, plain)
	check.True(t, !l.Cancel(plain), "an old name does not hit the new timer")

	var self, other event.TimerID
	self = l.After(10, func() int64 {
		got.add("self")
		check.True(t, l.Cancel(self), "may cancel itself")
		check.True(t, l.Cancel(other), "may cancel what is due in the same turn")
		l.After(10, got.timer("heir of the slot", -1))
		return 10
	})
	other = l.After(10, got.timer("other", -1))
	c.Advance(10 * time.Millisecond)
	turn(t, l)
	check.Eq(t, got.take(), []string{"next", "self"})
	check.True(t, !l.Cancel(next), "it ended by itself")
	c.Advance(time.Hour)
	turn(t, l)
	check.Eq(t, got.take(), []string{"heir of the slot"})
}

// Timers follow the time that passes, whatever the date is set to.
func TestTimersIgnoreTheDate(t *testing.T) {
	for _, jump := range []time.Duration{-time.Hour, time.Hour} {
		l, c := newLoop(t)
		var got log
		l.After(10, got.timer("before the jump", -1))
		c.Set(c.Now().Add(jump))
		l.After(9, got.timer("after it", -1))
		turn(t, l)
		check.Eq(t, got.take(), []string(nil))
		c.Advance(9 * time.Millisecond)
		turn(t, l)
		check.Eq(t, got.take(), []string{"after it"})
		c.Advance(time.Millisecond)
		turn(t, l)
		check.Eq(t, got.take(), []string{"before the jump"})
		check.Eq(t, l.NowMillis(), c.Now().UnixMilli())
	}
}

func TestHugeDelayDoesNotOverflow(t *testing.T) {
	l, c := newLoop(t)
	var got log
	l.After(1<<62, got.timer("never", -1))
	c.Advance(24 * 365 * time.Hour)
	turn(t, l)
	check.Eq(t, len(got.take()), 0)
}

// modelTimer is a timer of the model: a plain sorted slice.
type modelTimer struct {
	id    event.TimerID
	name  string
	when  time.Time
	order int
	again int64
}

func TestTimersAgainstAModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := clock.NewManual(time.UnixMilli(1_700_000_000_000))
		l, err := event.New(c)
		if err != nil {
			rt.Fatal(err)
		}
		defer l.Close()
		var got log
		var model []*modelTimer
		order := 0
		rt.Repeat(map[string]func(*rapid.T){
			"after": func(rt *rapid.T) {
				ms := rapid.Int64Range(0, 30).Draw(rt, "ms")
				again := rapid.Int64Range(-3, 10).Draw(rt, "again")
				order++
				m := &modelTimer{name: strconv.Itoa(order), when: c.Now().Add(time.Duration(ms) * time.Millisecond), order: order, again: again}
				m.id = l.After(ms, got.timer(m.name, again))
				model = append(model, m)
			},
			"cancel": func(rt *rapid.T) {
				if len(model) == 0 {
					rt.Skip("none")
				}
				i := rapid.IntRange(0, len(model)-1).Draw(rt, "which")
				if !l.Cancel(model[i].id) {
					rt.Fatalf("timer %s is not alive", model[i].name)
				}
				model = append(model[:i], model[i+1:]...)
			},
			"turn": func(rt *rapid.T) {
				c.Advance(time.Duration(rapid.IntRange(0, 15).Draw(rt, "ms")) * time.Millisecond)
				if _, err := l.Turn(false); err != nil {
					rt.Fatal(err)
				}
				var want []string
				want, model = runModel(model, c.Now(), &order)
				if ran := got.take(); !slices.Equal(ran, want) {
					rt.Fatalf("ran %v, want %v", ran, want)
				}
			},
		})
	})
}

// runModel is one turn of the model: the names of what runs, and what remains.
func runModel(model []*modelTimer, now time.Time, order *int) (ran []string, rest []*modelTimer) {
	sort.Slice(model, func(i, j int) bool {
		if !model[i].when.Equal(model[j].when) {
			return model[i].when.Before(model[j].when)
		}
		return model[i].order < model[j].order
	})
	for _, m := range model {
		if !m.when.After(now) {
			ran = append(ran, m.name)
			if m.again < 0 {
				continue
			}
			*order++
			m.order = *order
			m.when = now.Add(time.Duration(m.again) * time.Millisecond)
		}
		rest = append(rest, m)
	}
	return ran, rest
}
