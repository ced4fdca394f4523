package event

import (
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"redisd/internal/clock"
)

// Here: the loop itself, its turn, hooks and clock. The watchers are in watch.go,
// timers in timer.go, posted functions in post.go, system calls in *_linux.go.

// maxReady is how many descriptors one turn serves. The buffer costs 12 KB; with
// more ready ones the kernel puts those that were reported at the end of its list,
// so nobody starves. Larger turns only make the replies of the first ones later.
const maxReady = 1024

// nestedReady is the same for a turn inside of a handler, whose buffer is made
// when needed.
const nestedReady = 128

// Loop is an event loop. See the package comment for its guarantees. Only its
// owner goroutine may call its methods, except Post and Stop.
type Loop struct {
	clock clock.Clock

	epfd     int               // the epoll set
	watchers []watcher         // indexed by descriptor: no map on the hot way
	gen      uint32            // generation of the last watcher made, never 0
	events   []unix.EpollEvent // where the poll writes; nil while a turn reads it

	nowMicros int64 // Unix time in µs, sampled once per turn
	mono      int64 // monotonic time in µs, sampled together with nowMicros

	timers timers

	beforeSleep func() // nil: none
	afterSleep  func() // nil: none

	depth int  // turns in progress; 2 and more: called from inside a handler
	busy  bool // the next poll must not sleep
	hot   bool // the last polls found work: try without sleeping first
	near  bool // the last sleep was short: the next one probably is
	holds bool // a short sleep may keep the scheduler's processor: there is another one

	owner int // thread id of Run in invariants builds, 0 when not running
	stats Stats

	stop atomic.Bool // set by Stop, taken back when Run returns
	post postbox
}

// Stats counts what a loop did since it was made.
type Stats struct {
	Turns   uint64 // turns, the nested ones too
	Events  uint64 // calls of handlers
	Polls   uint64 // polls with a zero timeout (raw system call)
	Holds   uint64 // sleeps of at most a millisecond (raw system call)
	Sleeps  uint64 // polls that could block for longer
	Wakeups uint64 // eventfd writes made by Post and Stop
}

// New makes a loop that tells the time by c. Close gives its two descriptors back.
func New(c clock.Clock) (*Loop, error) {
	l := &Loop{clock: c, events: make([]unix.EpollEvent, maxReady), holds: runtime.GOMAXPROCS(0) > 1}
	epfd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("event: epoll_create1: %w", err)
	}
	l.epfd = epfd
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		unix.Close(epfd)
		return nil, fmt.Errorf("event: eventfd: %w", err)
	}
	l.post.fd = wake
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(wake)}
	if err := unix.EpollCtl(epfd, unix.EPOLL_CTL_ADD, wake, &ev); err != nil {
		unix.Close(epfd)
		unix.Close(wake)
		return nil, fmt.Errorf("event: epoll_ctl add eventfd: %w", err)
	}
	l.UpdateTime()
	return l, nil
}

// Close ends the loop and closes its own descriptors, not the watched ones. It
// must not run inside a turn. A Post that comes later is accepted and never run.
func (l *Loop) Close() error {
	if l.depth > 0 {
		panic("BUG: event: Close inside a turn")
	}
	l.post.close()
	if l.epfd < 0 {
		return nil
	}
	err := unix.Close(l.epfd)
	l.epfd = -1
	if err != nil {
		return fmt.Errorf("event: close epoll: %w", err)
	}
	return nil
}

// Run turns the loop until Stop, on a thread of its own. A Stop that came before
// Run counts: Run then returns at once. The turn in which Stop is called is
// finished. A panic of a handler passes through, and Run may be called again.
func (l *Loop) Run() error {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if invariants {
		l.owner = unix.Gettid()
		defer func() { l.owner = 0 }()
	}
	defer l.stop.Store(false)
	for !l.stop.Load() {
		if _, err := l.Turn(true); err != nil {
			return err
		}
	}
	return nil
}

// Stop makes Run return after the turn in progress. Any goroutine may call it.
func (l *Loop) Stop() {
	l.stop.Store(true)
	l.post.wake()
}

// Turn does one turn and returns how many handlers it called. With block it may
// sleep until something happens or the nearest timer is due; without, it takes
// what is ready.
//
// Turn may be called from inside a handler, to serve sockets while something long
// goes on (loading, a slow script). Such a nested turn never sleeps and runs
// neither timers nor posted functions, because those do not expect to be run in
// the middle of a command; see RunPosted. The hooks run in it as in any other.
func (l *Loop) Turn(block bool) (int, error) {
	l.assertOwner()
	buf := l.enter()
	defer l.leave(buf)
	if l.beforeSleep != nil {
		l.beforeSleep()
	}
	n, err := l.poll(buf, block && l.depth == 1)
	l.UpdateTime()
	if err != nil {
		return 0, err
	}
	if l.afterSleep != nil {
		l.afterSleep()
	}
	served := l.dispatch(buf[:n])
	if l.depth == 1 {
		l.RunPosted()
		l.runTimers()
	}
	return served, nil
}

// enter takes the event buffer for one turn; a nested turn gets another one,
// because the outer one still reads its own.
func (l *Loop) enter() []unix.EpollEvent {
	l.depth++
	l.stats.Turns++
	buf := l.events
	l.events = nil
	if buf == nil {
		buf = make([]unix.EpollEvent, nestedReady)
	}
	return buf
}

func (l *Loop) leave(buf []unix.EpollEvent) {
	l.events = buf
	l.depth--
}

// poll fills buf with ready descriptors and returns their number.
//
// A zero-timeout poll before every sleep would be wasted while the loop is idle,
// and going through the scheduler is wasted while it is busy. So the loop tries
// without sleeping only while that has been finding something, and takes it up
// again when a sleep ends with several events at once, which is how load looks.
// While sleeps are short, it sleeps for up to a millisecond without telling the
// scheduler: otherwise that takes the processor away, gives it back at once, and has
// its monitor thread look after it thousands of times a second. What stops the
// world interrupts such a sleep by its signal.
func (l *Loop) poll(buf []unix.EpollEvent, block bool) (int, error) {
	if l.busy || l.stop.Load() || l.post.waiting() {
		block = false
	}
	l.busy = false
	if !block || l.hot {
		n, err := l.pollNow(buf)
		if !block || n > 0 || err != nil {
			return n, err
		}
		l.hot = false
	}
	timeout := l.timeoutMillis()
	if timeout == 0 {
		return l.pollNow(buf)
	}
	if l.near && l.holds {
		l.stats.Holds++
		n, err := l.sleep(buf, epollHold, 1)
		if n > 0 || err != nil || timeout == 1 {
			l.hot = n > 1
			return n, err
		}
		timeout = l.timeoutMillis()
	}
	l.stats.Sleeps++
	began := l.monoMicros()
	n, err := l.sleep(buf, epollSleep, timeout)
	l.hot = n > 1
	l.near = n > 0 && l.monoMicros()-began < 1000
	return n, err
}

// sleep waits by one of the two ways for at most timeout milliseconds.
//
// A poster looks at sleeping after it queued, the loop looks at the queue after it
// set sleeping: one of the two sees the other, so no wake-up is lost.
func (l *Loop) sleep(buf []unix.EpollEvent, wait func(epfd int, buf []unix.EpollEvent, timeoutMs int) (int, unix.Errno), timeout int) (int, error) {
	l.post.sleeping.Store(true)
	defer l.post.sleeping.Store(false)
	if l.post.queued.Load() > 0 || l.stop.Load() {
		return l.pollNow(buf)
	}
	return pollResult(wait(l.epfd, buf, timeout))
}

func (l *Loop) pollNow(buf []unix.EpollEvent) (int, error) {
	l.stats.Polls++
	return pollResult(epollNow(l.epfd, buf))
}

// pollResult takes an interrupted poll for an empty one: the turn goes on with
// posted functions and timers, and the next turn polls again.
func pollResult(n int, errno unix.Errno) (int, error) {
	switch errno {
	case 0:
		return n, nil
	case unix.EINTR:
		return 0, nil
	}
	return 0, fmt.Errorf("event: epoll_wait: %w", errno)
}

// BeforeSleep sets the function that runs before each poll, nil for none. What it
// writes and watches takes part in that poll.
func (l *Loop) BeforeSleep(fn func()) { l.beforeSleep = fn }

// AfterSleep sets the function that runs right after each poll, before the
// handlers, nil for none.
func (l *Loop) AfterSleep(fn func()) { l.afterSleep = fn }

// Busy makes the next poll return at once: for a before-sleep function, or a
// handler, that has more to do and wants the ready sockets served in between.
func (l *Loop) Busy() { l.busy = true }

// NowMillis is the Unix time in milliseconds, sampled when the last poll returned:
// all that runs in a turn sees the same time.
func (l *Loop) NowMillis() int64 { return l.nowMicros / 1000 }

// NowMicros is the Unix time in microseconds, sampled together with NowMillis.
func (l *Loop) NowMicros() int64 { return l.nowMicros }

// MonoMillis is the monotonic time in milliseconds, sampled together with NowMillis,
// for durations: nobody sets that clock.
func (l *Loop) MonoMillis() int64 { return l.mono / 1000 }

// UpdateTime samples the clock anew: for a handler that took long.
func (l *Loop) UpdateTime() {
	l.nowMicros, l.mono = clock.Micros(l.clock), l.monoMicros()
}

// monoMicros is the monotonic time at this moment, in µs; it leaves the sampled
// time as it is.
func (l *Loop) monoMicros() int64 { return l.clock.Mono().Microseconds() }

// Stats returns the counters.
func (l *Loop) Stats() Stats {
	s := l.stats
	s.Wakeups = l.post.wakeups.Load()
	return s
}

// assertOwner finds calls from a foreign thread in invariants builds.
func (l *Loop) assertOwner() {
	if invariants && l.owner != 0 && l.owner != unix.Gettid() {
		panic("BUG: event: the loop is used by a goroutine that does not own it")
	}
}
