package clock

import "time"

// Stopwatch measures durations by the monotonic clock. It reads half of what Now
// reads, which counts when it is asked twice a command. Any goroutine may use it.
type Stopwatch struct{ start time.Time }

// NewStopwatch starts one.
func NewStopwatch() Stopwatch { return Stopwatch{time.Now()} }

// Nanos is the time since the start.
func (w Stopwatch) Nanos() int64 { return int64(time.Since(w.start)) }

// Micros is the time since the start in microseconds.
func (w Stopwatch) Micros() int64 { return w.Nanos() / 1000 }
