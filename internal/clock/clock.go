package clock

import (
	"sync"
	"time"
)

// Clock tells the current time. Any goroutine may call its methods.
type Clock interface {
	// Now returns the current time with its monotonic reading if the clock
	// has one.
	Now() time.Time
	// Mono returns the time since a moment that stays the same, by a clock that
	// nobody sets: it never goes back.
	Mono() time.Duration
}

type system struct{ start time.Time }

func (system) Now() time.Time { return time.Now() }

func (s system) Mono() time.Duration { return time.Since(s.start) }

// System returns the machine's clock.
func System() Clock { return system{time.Now()} }

// Micros returns the microseconds of c since the Unix epoch.
func Micros(c Clock) int64 { return c.Now().UnixMicro() }

// Millis returns the milliseconds of c since the Unix epoch, the unit of every
// expiry time.
func Millis(c Clock) int64 { return c.Now().UnixMilli() }

// Manual is a Clock for tests that moves only by Set and Advance.
type Manual struct {
	mu   sync.Mutex
	now  time.Time     // what Now returns
	mono time.Duration // what Mono returns
}

// NewManual returns a Manual that shows t.
func NewManual(t time.Time) *Manual { return &Manual{now: t} }

// Now returns the time last set.
func (m *Manual) Now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.now
}

// Mono returns the sum of what Advance has moved.
func (m *Manual) Mono() time.Duration {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.mono
}

// Set moves the clock to t, backwards too: the code under test must survive an
// administrator who corrects the date. No time passes by that.
func (m *Manual) Set(t time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = t
}

// Advance moves the clock forward by d.
func (m *Manual) Advance(d time.Duration) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = m.now.Add(d)
	m.mono += d
}
