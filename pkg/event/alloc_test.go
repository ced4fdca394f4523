package event_test

import (
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/pkg/event"
)

// echo answers what it reads.
type echo struct {
	fd  int
	buf []byte
}

func (e *echo) Ready(event.Events) {
	n, errno := event.Read(e.fd, e.buf)
	if errno == 0 {
		event.Write(e.fd, e.buf[:n])
	}
}

// echoes watches n echo sockets and returns the other ends.
func echoes(t testing.TB, l *event.Loop, n int) []int {
	t.Helper()
	buf := make([]byte, 16<<10) // one for all, as the server has it
	var peers []int
	for range n {
		a, b := pair(t)
		check.NoErr(t, l.Watch(a, event.Readable, &echo{fd: a, buf: buf}))
		peers = append(peers, b)
	}
	return peers
}

func TestTurnAllocatesNothing(t *testing.T) {
	l, err := event.New(clock.System())
	check.NoErr(t, err)
	defer l.Close()
	l.BeforeSleep(func() {})
	l.AfterSleep(func() {})
	l.After(0, func() int64 { return 0 }) // runs in every turn
	peers := echoes(t, l, 4)
	msg, buf := []byte("PING\r\n"), make([]byte, 64)
	served := 0
	check.Eq(t, testing.AllocsPerRun(100, func() {
		for _, fd := range peers {
			event.Write(fd, msg)
		}
		n, _ := l.Turn(true)
		served += n
		for _, fd := range peers {
			event.Read(fd, buf)
		}
	}), 0)
	check.Eq(t, served, 4*101)
}

func TestSleepAllocatesNothing(t *testing.T) {
	l, err := event.New(clock.System())
	check.NoErr(t, err)
	defer l.Close()
	peer := echoes(t, l, 1)[0]
	msg, buf := []byte("PING\r\n"), make([]byte, 64)
	check.Eq(t, testing.AllocsPerRun(100, func() {
		event.Write(peer, msg)
		_, _ = l.Turn(true)
		event.Read(peer, buf)
	}), 0)
	s := l.Stats()
	check.True(t, s.Sleeps+s.Holds > 90, "the polls were those that may sleep")
}

func TestSocketCallsAllocateNothing(t *testing.T) {
	l, _ := newLoop(t)
	a, b := pair(t)
	check.NoErr(t, l.Watch(a, event.Readable, &echo{}))
	listener, err := event.Listen(event.Address{Network: event.TCP4, Host: "127.0.0.1", Port: event.AnyPort}, 16)
	check.NoErr(t, err)
	defer unix.Close(listener)
	msg := []byte("one")
	into := make([]byte, 64)
	job := func() {}
	tests := []struct {
		name string
		run  func()
	}{
		{"read and write", func() { event.Write(a, msg); event.Read(b, into) }},
		{"read nothing", func() { event.Read(b, into) }},
		{"accept nothing", func() { event.Accept(listener) }},
		{"modify", func() { _ = l.Modify(a, event.Writable); _ = l.Modify(a, event.Readable) }},
		{"post", func() { l.Post(job); l.RunPosted() }},
		{"timer", func() { l.Cancel(l.After(10, once)) }},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) { check.Eq(t, testing.AllocsPerRun(100, tc.run), 0) })
	}
}

func once() int64 { return -1 }

func TestAcceptAllocatesNothing(t *testing.T) {
	listener, err := event.Listen(event.Address{Network: event.TCP4, Host: "127.0.0.1", Port: event.AnyPort}, 128)
	check.NoErr(t, err)
	defer unix.Close(listener)
	const runs = 20
	for range runs + 1 {
		defer unix.Close(connect(t, listener))
	}
	ok := 0
	check.Eq(t, testing.AllocsPerRun(runs, func() {
		nfd, peer, errno := event.Accept(listener)
		if errno == 0 && peer.Local() {
			ok++
			event.Close(nfd)
		}
	}), 0)
	check.Eq(t, ok, runs+1)
}

// One turn with 32 sockets that are always ready, and handlers that do nothing: what the
// loop itself costs.
func BenchmarkTurn32Ready(b *testing.B) {
	l, err := event.New(clock.System())
	check.NoErr(b, err)
	defer l.Close()
	l.After(1000, func() int64 { return 1000 })
	served := 0
	for range 32 {
		x, y := pair(b)
		send(b, y, "x")
		check.NoErr(b, l.Watch(x, event.Readable, event.HandlerFunc(func(event.Events) { served++ })))
	}
	b.ReportAllocs()
	turns := 0
	for b.Loop() {
		_, _ = l.Turn(true)
		turns++
	}
	check.Eq(b, served, 32*turns)
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(served), "ns/event")
}

// The same with a read and a write in each handler; the peers' calls count as well.
func BenchmarkEcho32(b *testing.B) {
	l, err := event.New(clock.System())
	check.NoErr(b, err)
	defer l.Close()
	peers := echoes(b, l, 32)
	msg, buf := []byte("PING\r\n"), make([]byte, 64)
	b.ReportAllocs()
	for b.Loop() {
		for _, fd := range peers {
			event.Write(fd, msg)
		}
		_, _ = l.Turn(true)
		for _, fd := range peers {
			event.Read(fd, buf)
		}
	}
}

func BenchmarkPost(b *testing.B) {
	l, _ := newLoop(b)
	job := func() {}
	b.ReportAllocs()
	for b.Loop() {
		l.Post(job)
		l.RunPosted()
	}
}
