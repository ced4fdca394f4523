package main

import (
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// watcher is a connection that asks for a key at a steady pace, and keeps how long each
// reply took.
type watcher struct {
	stop atomic.Bool
	done chan struct{}

	mu   sync.Mutex
	took []time.Duration
}

// watch starts one. A request is due every 500 microseconds, and its latency counts
// from when it was due, so that a stall is not hidden by the watcher waiting.
func watch(port int) (*watcher, error) {
	c, err := dial(port)
	if err != nil {
		return nil, err
	}
	w := &watcher{done: make(chan struct{})}
	go func() {
		defer close(w.done)
		defer c.close()
		due := time.Now()
		for !w.stop.Load() {
			due = due.Add(500 * time.Microsecond)
			if d := time.Until(due); d > 0 {
				time.Sleep(d)
			}
			if _, err := c.do("GET", "key:000000000001"); err != nil {
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
	}()
	return w, nil
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
