package server

import (
	"bytes"
	"fmt"
	"runtime"
	"sync/atomic"
	"time"

	"redisd/internal/clock"
	"redisd/pkg/config"
)

// watchdog looks whether the loop still beats (watchdog-period). When it is stuck, in
// a command or a system call, the log gets the stack of its goroutine, once each time.
// Nothing else happens: the loop goes on when it can. The loop owns it but for what is
// atomic, which the watching goroutine reads.
type watchdog struct {
	log   Log
	beats atomic.Uint64 // of cron
	loop  atomic.Uint64 // the loop's goroutine, by the runtime's number
	stop  chan struct{} // ends the watching goroutine; nil without one
}

// watchdogPause is the least time between two reports.
const watchdogPause = time.Second

// watchdogLooks is how often in a period the beats are looked at.
const watchdogLooks = 4

func newWatchdog(s *Server) *watchdog {
	return &watchdog{log: s.log}
}

// beat is the loop's sign of life. The first one says which goroutine is the loop's.
func (w *watchdog) beat() {
	if w.beats.Add(1) == 1 {
		w.loop.Store(goroutineID())
	}
}

// applyWatchdog applies watchdog-period. It is raised to two beats of the loop, as in
// Redis: a shorter one would report a loop that is well.
func (s *Server) applyWatchdog() error {
	period := s.cfg.Int(config.WatchdogPeriod)
	if least := 2000 / int64(s.cron.hz); period > 0 && period < least {
		period = least
		if err := s.cfg.Override(config.WatchdogPeriod, fmt.Sprint(period)); err != nil {
			return err
		}
	}
	s.watchdog.set(time.Duration(period) * time.Millisecond)
	return nil
}

// set starts to watch with a period, or with 0 ends it.
func (w *watchdog) set(period time.Duration) {
	if w.stop != nil {
		close(w.stop)
		w.stop = nil
	}
	if period > 0 {
		w.stop = make(chan struct{})
		go w.watch(period, w.stop)
	}
}

// watch counts looks since the last beat. It counts, and compares no times, so that a
// process that was stopped as a whole does not seem stuck when it goes on.
func (w *watchdog) watch(period time.Duration, stop <-chan struct{}) {
	limit := &limiter{clock: clock.System(), every: watchdogPause}
	ticker := time.NewTicker(max(period/watchdogLooks, time.Millisecond))
	defer ticker.Stop()
	last, looks := uint64(0), 0
	for {
		select {
		case <-stop:
			return
		case <-ticker.C:
		}
		now := w.beats.Load()
		if now != last || now == 0 {
			last, looks = now, 0
			continue
		}
		if looks++; looks == watchdogLooks {
			w.report(limit)
		}
	}
}

func (w *watchdog) report(limit *limiter) {
	dropped, ok := limit.allow()
	if !ok {
		return
	}
	text := fmt.Sprintf("--- WATCHDOG TIMER EXPIRED ---\n------ STACK TRACE ------\n%s\n--------", stackOf(w.loop.Load(), allStacks()))
	if dropped > 0 {
		text += fmt.Sprintf(" (%d more since the last report)", dropped)
	}
	w.log.Warnf("%s", text)
}

// goroutineID is the number of the calling goroutine. The runtime tells it in stacks
// only.
func goroutineID() uint64 {
	buf := make([]byte, 64)
	var id uint64
	_, _ = fmt.Sscanf(string(buf[:runtime.Stack(buf, false)]), "goroutine %d", &id) // 0: no goroutine has it
	return id
}

// stackOf is the stack of one goroutine among those of all.
func stackOf(id uint64, stacks []byte) []byte {
	head := fmt.Appendf(nil, "goroutine %d ", id)
	for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
		if bytes.HasPrefix(stack, head) {
			return stack
		}
	}
	return []byte("The stack of the loop was not found.")
}
