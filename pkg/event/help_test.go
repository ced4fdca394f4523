package event_test

import (
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/pkg/event"
)

// newLoop makes a loop on a clock that only the test moves.
func newLoop(t testing.TB) (*event.Loop, *clock.Manual) {
	t.Helper()
	c := clock.NewManual(time.UnixMilli(1_700_000_000_000))
	l, err := event.New(c)
	check.NoErr(t, err)
	t.Cleanup(func() { check.NoErr(t, l.Close()) })
	return l, c
}

// turn does one turn that cannot sleep and returns the number of handlers called.
func turn(t testing.TB, l *event.Loop) int {
	t.Helper()
	n, err := l.Turn(false)
	check.NoErr(t, err)
	return n
}

// pair makes two connected non-blocking sockets. They are closed at the end; a test that
// closes one earlier uses shut.
func pair(t testing.TB) (a, b int) {
	t.Helper()
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	check.NoErr(t, err)
	t.Cleanup(func() {
		unix.Close(fds[0])
		unix.Close(fds[1])
	})
	return fds[0], fds[1]
}

// shut ends a socket for its peer without giving the number back, which another test
// could get before the cleanup of this one.
func shut(t testing.TB, fd int) {
	t.Helper()
	null, err := unix.Open("/dev/null", unix.O_RDWR|unix.O_CLOEXEC, 0)
	check.NoErr(t, err)
	check.NoErr(t, unix.Dup3(null, fd, unix.O_CLOEXEC))
	check.NoErr(t, unix.Close(null))
}

// send makes the other end of fd readable.
func send(t testing.TB, fd int, s string) {
	t.Helper()
	n, errno := event.Write(fd, []byte(s))
	check.Eq(t, errno, unix.Errno(0))
	check.Eq(t, n, len(s))
}

// log collects what happened, in order.
type log struct{ lines []string }

func (l *log) add(s string) { l.lines = append(l.lines, s) }

func (l *log) take() []string {
	s := l.lines
	l.lines = nil
	return s
}

// handler logs its events under a name.
func (l *log) handler(name string) event.Handler {
	return event.HandlerFunc(func(ev event.Events) { l.add(name + " " + ev.String()) })
}
