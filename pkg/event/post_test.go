package event_test

import (
	"os"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/event"
)

func TestPostedFunctionsRunInOrder(t *testing.T) {
	l, _ := newLoop(t)
	var got log
	l.Post(func() {
		got.add("1")
		l.Post(func() { got.add("3") })
	})
	l.Post(func() { got.add("2") })
	turn(t, l)
	check.Eq(t, got.take(), []string{"1", "2"})
	turn(t, l)
	check.Eq(t, got.take(), []string{"3"})
	check.Eq(t, l.Stats().Wakeups, uint64(0)) // the loop was awake all the time
}

// A large queue goes through without losing order, and the next ones work as well.
func TestPostLargeBatch(t *testing.T) {
	l, _ := newLoop(t)
	for range 2 {
		next := 0
		for i := range 5000 {
			l.Post(func() {
				check.Eq(t, next, i)
				next++
			})
		}
		check.Eq(t, l.RunPosted(), 5000)
		check.Eq(t, next, 5000)
	}
	check.Eq(t, l.RunPosted(), 0)
}

func TestPostFromManyGoroutinesWakesAndKeepsTheOrderOfEach(t *testing.T) {
	l, _ := newLoop(t)
	const posters, each = 4, 2000
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	next := make([]int, posters) // of the loop, read after Run
	var wg sync.WaitGroup
	for p := range posters {
		wg.Go(func() {
			for i := range each {
				l.Post(func() {
					if next[p] == i {
						next[p]++
					}
				})
			}
		})
	}
	wg.Wait()
	l.Post(l.Stop)
	check.NoErr(t, <-done)
	for p := range posters {
		check.Eq(t, next[p], each)
	}
}

// Every round trip needs a wake-up unless the loop is still awake: a lost one hangs.
func TestNoWakeUpIsLost(t *testing.T) {
	l, _ := newLoop(t)
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	ack := make(chan struct{})
	for range 5000 {
		l.Post(func() { ack <- struct{}{} })
		<-ack
	}
	l.Stop()
	check.NoErr(t, <-done)
}

func TestSignalsArriveOnTheLoop(t *testing.T) {
	l, _ := newLoop(t)
	var got os.Signal
	stop := event.Signals(l, func(s os.Signal) {
		got = s
		l.Stop()
	}, unix.SIGUSR2)
	defer stop()
	check.NoErr(t, unix.Kill(os.Getpid(), unix.SIGUSR2))
	check.NoErr(t, l.Run())
	check.Eq(t, got, os.Signal(unix.SIGUSR2))
}
