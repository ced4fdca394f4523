package event

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Alarm is a timer of microseconds, for work that takes turns with others; the
// loop's own timers count milliseconds, as the poll's time limit does. It is a
// timerfd among the watched descriptors. Loop goroutine only.
type Alarm struct {
	loop *Loop
	fd   int
	fn   func()
}

// NewAlarm makes an alarm that calls fn on the loop. Close gives its descriptor back.
func NewAlarm(l *Loop, fn func()) (*Alarm, error) {
	fd, err := unix.TimerfdCreate(unix.CLOCK_MONOTONIC, unix.TFD_NONBLOCK|unix.TFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("event: timerfd_create: %w", err)
	}
	a := &Alarm{loop: l, fd: fd, fn: fn}
	if err := l.Watch(fd, Readable, a); err != nil {
		Close(fd)
		return nil, err
	}
	return a, nil
}

// Set has fn called once in nanos nanoseconds; an earlier setting is forgotten.
func (a *Alarm) Set(nanos int64) error {
	spec := unix.ItimerSpec{Value: unix.NsecToTimespec(max(nanos, 1))}
	if err := unix.TimerfdSettime(a.fd, 0, &spec, nil); err != nil {
		return fmt.Errorf("event: timerfd_settime: %w", err)
	}
	return nil
}

// Ready implements Handler.
func (a *Alarm) Ready(Events) {
	var expirations [8]byte
	if n, _ := Read(a.fd, expirations[:]); n > 0 {
		a.fn()
	}
}

// Close ends the alarm; fn is not called any more.
func (a *Alarm) Close() {
	a.loop.Unwatch(a.fd)
	Close(a.fd)
}
