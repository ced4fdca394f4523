package event_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/event"
)

func TestReadinessIsLevelTriggered(t *testing.T) {
	l, _ := newLoop(t)
	a, b := pair(t)
	var got log
	check.NoErr(t, l.Watch(a, event.Readable, got.handler("a")))
	check.Eq(t, turn(t, l), 0)
	send(t, b, "xy")
	for range 2 { // nobody reads, so it stays ready
		check.Eq(t, turn(t, l), 1)
		check.Eq(t, got.take(), []string{"a readable"})
	}
	var buf [8]byte
	n, _ := event.Read(a, buf[:])
	check.Eq(t, n, 2)
	check.Eq(t, turn(t, l), 0)
}

func TestModifyChangesWhatIsDelivered(t *testing.T) {
	l, _ := newLoop(t)
	a, b := pair(t)
	var got log
	check.NoErr(t, l.Watch(a, event.Readable, got.handler("a")))
	send(t, b, "x")
	tests := []struct {
		name string
		ev   event.Events
		want []string
	}{
		{"both", event.Readable | event.Writable, []string{"a readable|writable"}},
		{"write only", event.Writable, []string{"a writable"}},
		{"the same again", event.Writable, []string{"a writable"}},
		{"parked", 0, nil},
		{"parked again", 0, nil},
		{"back from parking", event.Readable, []string{"a readable"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			check.NoErr(t, l.Modify(a, tc.ev))
			turn(t, l)
			check.Eq(t, got.take(), tc.want)
			ev, ok := l.Watched(a)
			check.True(t, ok && ev == tc.ev, "Watched tells the new events")
		})
	}
}

func TestHangupIsSeenByWhateverIsWatched(t *testing.T) {
	tests := []struct {
		name string
		ev   event.Events
		end  func(t *testing.T, peer int)
		want []string
	}{
		{"reader, peer closed", event.Readable, shutFD, []string{"a readable|hangup"}},
		{"writer, peer closed", event.Writable, shutFD, []string{"a writable|hangup"}},
		{"both, peer closed", event.Readable | event.Writable, shutFD, []string{"a readable|writable|hangup"}},
		{"hangup only, peer closed", event.Hangup, shutFD, []string{"a hangup"}},
		{"parked, peer closed", 0, shutFD, nil},
		{"reader, half closed", event.Readable, halfClose, []string{"a readable"}},
		{"writer, half closed", event.Writable, halfClose, []string{"a writable"}},
		{"reader that asks, half closed", event.Readable | event.Hangup, halfClose, []string{"a readable|hangup"}},
		{"hangup only, half closed", event.Hangup, halfClose, []string{"a hangup"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			l, _ := newLoop(t)
			a, b := pair(t)
			var got log
			check.NoErr(t, l.Watch(a, tc.ev, got.handler("a")))
			tc.end(t, b)
			turn(t, l)
			check.Eq(t, got.take(), tc.want)
		})
	}
}

func shutFD(t *testing.T, peer int) { shut(t, peer) }

func halfClose(t *testing.T, peer int) { check.NoErr(t, unix.Shutdown(peer, unix.SHUT_WR)) }

func TestErrorOfAPipeReachesItsWriter(t *testing.T) {
	l, _ := newLoop(t)
	var p [2]int
	check.NoErr(t, unix.Pipe2(p[:], unix.O_NONBLOCK|unix.O_CLOEXEC))
	defer unix.Close(p[1])
	var errno unix.Errno
	check.NoErr(t, l.Watch(p[1], event.Writable, event.HandlerFunc(func(event.Events) {
		_, errno = event.Write(p[1], []byte("x"))
	})))
	check.NoErr(t, unix.Close(p[0]))
	check.Eq(t, turn(t, l), 1)
	check.Eq(t, errno, unix.EPIPE)
	l.Unwatch(p[1])
}

// Both sockets are ready; whichever is served first ends the other's watcher.
func TestWatcherRemovedInTheSameTurnIsNotCalled(t *testing.T) {
	tests := []struct {
		name string
		end  func(t *testing.T, l *event.Loop, fd int)
	}{
		{"unwatch", func(_ *testing.T, l *event.Loop, fd int) { l.Unwatch(fd) }},
		{"park", func(t *testing.T, l *event.Loop, fd int) { check.NoErr(t, l.Modify(fd, 0)) }},
		{"other events", func(t *testing.T, l *event.Loop, fd int) { check.NoErr(t, l.Modify(fd, event.Hangup)) }},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			l, _ := newLoop(t)
			a, a2 := pair(t)
			b, b2 := pair(t)
			calls := 0
			end := func(other int) event.Handler {
				return event.HandlerFunc(func(event.Events) {
					calls++
					tc.end(t, l, other)
				})
			}
			check.NoErr(t, l.Watch(a, event.Readable, end(b)))
			check.NoErr(t, l.Watch(b, event.Readable, end(a)))
			send(t, a2, "x")
			send(t, b2, "x")
			check.Eq(t, turn(t, l), 1)
			check.Eq(t, calls, 1)
		})
	}
}

// The first handler closes the other socket, and a new one that is not ready gets its
// number and a watcher: the event that is still in the batch is not for it.
func TestReusedDescriptorGetsNoStaleEvent(t *testing.T) {
	l, _ := newLoop(t)
	a, a2 := pair(t)
	b, b2 := pair(t)
	fresh, freshPeer := pair(t)
	var got log
	reused := -1
	first := func(other int) event.Handler {
		return event.HandlerFunc(func(event.Events) {
			got.add("first")
			l.Unwatch(other)
			check.NoErr(t, unix.Dup3(fresh, other, unix.O_CLOEXEC)) // closes other, takes its number
			check.NoErr(t, l.Watch(other, event.Readable, got.handler("fresh")))
			reused = other
		})
	}
	check.NoErr(t, l.Watch(a, event.Readable, first(b)))
	check.NoErr(t, l.Watch(b, event.Readable, first(a)))
	send(t, a2, "x")
	send(t, b2, "x")
	turn(t, l)
	check.Eq(t, got.take(), []string{"first"})
	l.Unwatch(a + b - reused) // the survivor stays readable
	check.Eq(t, turn(t, l), 0)
	send(t, freshPeer, "x")
	turn(t, l)
	check.Eq(t, got.take(), []string{"fresh readable"})
}

func TestHandlerMayWatchAndUnwatchItself(t *testing.T) {
	l, _ := newLoop(t)
	a, b := pair(t)
	send(t, b, "x")
	high, err := unix.FcntlInt(uintptr(a), unix.F_DUPFD_CLOEXEC, 700) // makes the slice of watchers grow
	check.NoErr(t, err)
	defer unix.Close(high)
	var got log
	check.NoErr(t, l.Watch(a, event.Readable, event.HandlerFunc(func(event.Events) {
		check.NoErr(t, l.Watch(high, event.Readable, got.handler("high")))
		l.Unwatch(a)
		check.NoErr(t, l.Watch(a, event.Readable, got.handler("new")))
		got.add("old")
	})))
	turn(t, l)
	check.Eq(t, got.take(), []string{"old"})
	check.Eq(t, turn(t, l), 2)
	check.Eq(t, len(got.take()), 2)
	l.Unwatch(high)
}

func TestWatchErrors(t *testing.T) {
	l, _ := newLoop(t)
	a, _ := pair(t)
	var got log
	h := got.handler("a")
	check.NoErr(t, l.Watch(a, event.Readable, h))
	check.ErrIs(t, l.Watch(a, event.Readable, h), unix.EEXIST)
	check.ErrIs(t, l.Watch(-1, event.Readable, h), unix.EBADF)
	check.ErrIs(t, l.Watch(a+1, event.Readable, nil), unix.EBADF)
	check.ErrIs(t, l.Watch(100_000, event.Readable, h), unix.EBADF)
	check.ErrIs(t, l.Modify(100_000, event.Readable), unix.ENOENT)
	check.ErrIs(t, l.Modify(-1, event.Readable), unix.ENOENT)
	file, err := unix.Open(t.TempDir()+"/f", unix.O_CREAT|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	check.NoErr(t, err)
	defer unix.Close(file)
	check.ErrIs(t, l.Watch(file, event.Readable, h), unix.EPERM)
	_, ok := l.Watched(file)
	check.True(t, !ok, "a failed Watch leaves nothing behind")
	l.Unwatch(file)
	l.Unwatch(-1)
	l.Unwatch(100_000)
	l.Unwatch(a)
	l.Unwatch(a)
	check.ErrIs(t, l.Modify(a, event.Writable), unix.ENOENT)
	check.NoErr(t, l.Watch(a, event.Readable, h))
}

// More descriptors are ready than one turn takes; none is left out of the next.
func TestAllOfManyReadyAreServed(t *testing.T) {
	l, _ := newLoop(t)
	const many = 1500
	var lim unix.Rlimit
	check.NoErr(t, unix.Getrlimit(unix.RLIMIT_NOFILE, &lim))
	if lim.Cur < many+100 {
		t.Skipf("only %d descriptors", lim.Cur)
	}
	served := make(map[int]int)
	for range many {
		fd, err := unix.Eventfd(1, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
		check.NoErr(t, err)
		defer unix.Close(fd)
		check.NoErr(t, l.Watch(fd, event.Readable, event.HandlerFunc(func(event.Events) { served[fd]++ })))
	}
	n := turn(t, l)
	check.True(t, n < many, "one turn is bounded")
	turn(t, l)
	check.Eq(t, len(served), many)
}

func TestEventsString(t *testing.T) {
	check.Eq(t, event.Events(0).String(), "none")
	check.Eq(t, (event.Readable | event.Hangup).String(), "readable|hangup")
}
