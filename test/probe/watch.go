package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"redisd/pkg/event"
	"redisd/pkg/proc"
)

// watcher is a connection that asks for a key at a steady pace, and keeps how long each
// reply took. It is a measuring instrument: what it takes itself must be small beside
// what it measures. So it has a thread of its own that preempts the other clients',
// waits in the kernel, and does not give its place in the Go scheduler up meanwhile.
type watcher struct {
	fd   int
	stop atomic.Bool
	done chan struct{}

	mu   sync.Mutex
	took []time.Duration
}

// watchEvery is the pace.
const watchEvery = 500 * time.Microsecond

// watch starts one. A request is due every 500 microseconds, and its latency counts
// from when it was due, so that a stall is not hidden by the watcher waiting.
func watch(port int) (*watcher, error) {
	fd, errno := event.Dial(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)), 1000)
	if errno != 0 {
		return nil, fmt.Errorf("connect: %w", errno)
	}
	if err := errors.Join(event.SetNoDelay(fd, true), unix.SetNonblock(fd, false)); err != nil {
		event.Close(fd)
		return nil, err
	}
	w := &watcher{fd: fd, done: make(chan struct{})}
	runtime.GOMAXPROCS(runtime.NumCPU() + 1) // one is the watcher's, mostly asleep
	go w.run()
	return w, nil
}

func (w *watcher) run() {
	defer close(w.done)
	defer event.Close(w.fd)
	runtime.LockOSThread() // and the thread ends with it: it is not as others are
	_ = proc.ShortSlice(100)
	get := words(nil, "GET", "key:000000000001")
	buf := make([]byte, 1<<20)
	for due := time.Now(); !w.stop.Load(); {
		due = due.Add(watchEvery)
		for left := time.Until(due); left > 0; left = time.Until(due) {
			t := unix.NsecToTimespec(int64(left))
			unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&t)), 0, 0)
		}
		if !w.ask(get, buf) {
			return
		}
		took := time.Since(due)
		w.mu.Lock()
		w.took = append(w.took, took)
		w.mu.Unlock()
		if took > 200*time.Millisecond {
			due = time.Now()
		}
	}
}

// ask sends a GET and waits for the reply, a bulk string or a line; false: the
// connection is gone.
func (w *watcher) ask(get, buf []byte) bool {
	if n, errno := event.Write(w.fd, get); errno != 0 || n < len(get) {
		return false
	}
	for got, whole := 0, -1; got != whole; {
		to := buf
		if whole < 0 {
			to = buf[got:]
		}
		n, errno := event.Read(w.fd, to)
		if errno == unix.EINTR {
			continue
		}
		if errno != 0 || n == 0 {
			return false
		}
		got += n
		if whole < 0 {
			whole = replySize(buf[:got])
		}
	}
	return true
}

// replySize is the size of a reply that begins with p; -1 while its first line is not
// there.
func replySize(p []byte) int {
	line, _, whole := bytes.Cut(p, []byte("\r\n"))
	switch {
	case !whole:
		return -1
	case line[0] != '$' || line[1] == '-':
		return len(line) + 2
	}
	n, _ := strconv.Atoi(string(line[1:]))
	return len(line) + 2 + n + 2
}

func (w *watcher) close() {
	w.stop.Store(true)
	<-w.done
}

// measure tells of the time in which run runs; ops counts what others do meanwhile.
func (w *watcher) measure(ops *atomic.Int64, run func()) phase {
	w.mu.Lock()
	w.took = w.took[:0]
	w.mu.Unlock()
	n, stolen, began := ops.Load(), steal(), time.Now()
	run()
	secs := time.Since(began).Seconds()
	w.mu.Lock()
	took := slices.Clone(w.took)
	w.mu.Unlock()
	slices.Sort(took)
	q := func(p float64) float64 {
		if len(took) == 0 {
			return -1
		}
		return float64(took[min(len(took)-1, int(p*float64(len(took))))].Microseconds()) / 1000
	}
	return phase{secs, float64(ops.Load()-n) / secs, q(.5), q(.99), q(.999), q(1), steal() - stolen}
}

// steal is how many milliseconds of all processors the machine's host has given to
// others since it started (proc(5)).
func steal() float64 {
	b, _ := os.ReadFile("/proc/stat")
	f := strings.Fields(string(b))
	if len(f) < 9 {
		return 0
	}
	ticks, _ := strconv.ParseFloat(f[8], 64)
	return ticks * 10
}
