package event

import (
	"math"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/clock"
)

func internalLoop(t *testing.T) (*Loop, *clock.Manual) {
	t.Helper()
	c := clock.NewManual(time.UnixMilli(1_700_000_000_000))
	l, err := New(c)
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, l.Close()) })
	return l, c
}

func TestTimeoutIsThatOfTheNearestTimer(t *testing.T) {
	tests := []struct {
		name    string
		delays  []int64
		elapsed time.Duration
		want    int
	}{
		{"no timer", nil, 0, -1},
		{"the nearest of three", []int64{300, 100, 200}, 0, 100},
		{"part of it elapsed", []int64{100}, 30 * time.Millisecond, 70},
		{"rounded up", []int64{100}, 99_001 * time.Microsecond, 1},
		{"due", []int64{100}, 100 * time.Millisecond, 0},
		{"overdue", []int64{100}, time.Second, 0},
		{"longer than the kernel takes", []int64{1 << 50}, 0, math.MaxInt32},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			l, c := internalLoop(t)
			for _, ms := range tc.delays {
				l.After(ms, func() int64 { return -1 })
			}
			c.Advance(tc.elapsed)
			check.Eq(t, l.timeoutMillis(), tc.want)
		})
	}
}

// An idle loop sleeps at once; a loaded one polls raw and pays for one empty try when
// the load ends.
func TestPollAdaptsToLoad(t *testing.T) {
	l, _ := internalLoop(t)
	l.holds = false
	ready := func(n int) {
		for range n {
			fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
			check.NoErr(t, err)
			t.Cleanup(func() { unix.Close(fd) })
			check.NoErr(t, l.Watch(fd, Readable, HandlerFunc(func(Events) {
				var b [8]byte
				Read(fd, b[:])
			})))
		}
	}
	block := func() {
		t.Helper()
		_, err := l.Turn(true)
		check.NoErr(t, err)
	}
	ready(1)
	block()
	check.Eq(t, [2]uint64{l.stats.Polls, l.stats.Sleeps}, [2]uint64{0, 1})
	ready(2)
	block() // one event last time: not hot
	check.Eq(t, [2]uint64{l.stats.Polls, l.stats.Sleeps}, [2]uint64{0, 2})
	for i := range uint64(3) {
		ready(1)
		block() // two events last time: hot, and stays so while tries succeed
		check.Eq(t, [2]uint64{l.stats.Polls, l.stats.Sleeps}, [2]uint64{i + 1, 2})
	}
	wakeSleeper(l)
	block() // one empty try, then asleep
	check.Eq(t, [2]uint64{l.stats.Polls, l.stats.Sleeps}, [2]uint64{4, 3})
	wakeSleeper(l)
	block() // idle: no empty try
	check.Eq(t, [2]uint64{l.stats.Polls, l.stats.Sleeps}, [2]uint64{4, 4})
}

// ticking is a clock that moves on each time it is looked at.
type ticking struct {
	*clock.Manual
	step time.Duration
}

func (c ticking) Mono() time.Duration {
	c.Advance(c.step)
	return c.Manual.Mono()
}

// While sleeps are short, the loop begins one without telling the scheduler.
func TestPollHoldsUnderLoad(t *testing.T) {
	l, c := internalLoop(t)
	l.holds = true
	turn := func(elapsed time.Duration, want ...uint64) {
		t.Helper()
		fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		check.NoErr(t, err)
		defer unix.Close(fd)
		check.NoErr(t, l.Watch(fd, Readable, HandlerFunc(func(Events) { l.Unwatch(fd) })))
		l.clock = ticking{c, elapsed}
		_, err = l.Turn(true)
		check.NoErr(t, err)
		check.Eq(t, []uint64{l.stats.Holds, l.stats.Sleeps}, want)
	}
	turn(5*time.Millisecond, 0, 1) // that one was long
	turn(0, 0, 2)                  // this one was not
	turn(0, 1, 2)
	turn(0, 2, 2)
	l.clock = c
	l.After(1, func() int64 { return -1 })
	_, err := l.Turn(true) // nothing comes: a timer that is due in a millisecond needs no sleep behind it
	check.NoErr(t, err)
	check.Eq(t, []uint64{l.stats.Holds, l.stats.Sleeps}, []uint64{3, 2})
}

// wakeSleeper wakes the loop when it is asleep, not before.
func wakeSleeper(l *Loop) {
	go func() {
		for !l.post.sleeping.Load() {
			runtime.Gosched()
		}
		l.post.wake()
	}()
}

func TestOneWakeUpForManyPosts(t *testing.T) {
	l, _ := internalLoop(t)
	ran := 0
	l.post.sleeping.Store(true) // as in a sleep that takes long to end
	for range 100 {
		l.Post(func() { ran++ })
	}
	check.Eq(t, l.Stats().Wakeups, uint64(1))
	_, err := l.Turn(false) // drains the alarm
	check.NoErr(t, err)
	check.Eq(t, ran, 100)
	l.Post(func() { ran++ })
	check.Eq(t, l.Stats().Wakeups, uint64(2))
	l.post.sleeping.Store(false)
	l.Post(func() { ran++ })
	check.Eq(t, l.Stats().Wakeups, uint64(2))
	_, err = l.Turn(false)
	check.NoErr(t, err)
	check.Eq(t, ran, 102)
}

func TestStopWakesASleepingLoop(t *testing.T) {
	l, _ := internalLoop(t)
	done := make(chan error, 1)
	go func() { done <- l.Run() }()
	for !l.post.sleeping.Load() {
		runtime.Gosched()
	}
	l.Stop()
	check.NoErr(t, <-done)
}

func TestInterruptedPollIsAnEmptyOne(t *testing.T) {
	n, err := pollResult(0, unix.EINTR)
	check.NoErr(t, err)
	check.Eq(t, n, 0)
	_, err = pollResult(0, unix.EBADF)
	check.ErrIs(t, err, unix.EBADF)
	check.ErrContains(t, err, "event: epoll_wait")
}

// A signal whose handler is the runtime's interrupts the sleep; nothing is lost by it.
func TestSignalDuringASleep(t *testing.T) {
	l, _ := internalLoop(t)
	tid := make(chan int, 1)
	done := make(chan error, 1)
	go func() {
		l.Post(func() { tid <- unix.Gettid() })
		done <- l.Run()
	}()
	id := <-tid
	for range 20 {
		for !l.post.sleeping.Load() {
			runtime.Gosched()
		}
		check.NoErr(t, unix.Tgkill(unix.Getpid(), id, unix.SIGURG))
	}
	l.Stop()
	check.NoErr(t, <-done)
}

func TestForeignGoroutineIsFound(t *testing.T) {
	if !invariants {
		t.Skip("needs the tag invariants")
	}
	l, _ := internalLoop(t)
	started, release := make(chan struct{}), make(chan struct{})
	done := make(chan error, 1)
	go func() {
		l.Post(func() { close(started); <-release; l.Stop() })
		done <- l.Run()
	}()
	<-started
	check.Panics(t, func() { _ = l.Modify(0, Readable) })
	check.Panics(t, func() { l.After(0, nil) })
	close(release)
	check.NoErr(t, <-done)
}

func TestGenerationNeverIsZero(t *testing.T) {
	l, _ := internalLoop(t)
	l.gen = math.MaxUint32
	fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	check.NoErr(t, err)
	defer unix.Close(fd)
	called := false
	check.NoErr(t, l.Watch(fd, Readable, HandlerFunc(func(Events) { called = true })))
	check.Eq(t, l.gen, uint32(1))
	_, err = l.Turn(false)
	check.NoErr(t, err)
	check.True(t, called, "watched after the counter wrapped")
	l.Unwatch(fd)
}
