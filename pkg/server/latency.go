package server

import (
	"sort"

	"redisd/pkg/command"
)

// latency is the latency monitor: for each event the worst moments of the last
// time, as LATENCY shows them. The loop owns it.
type latency struct {
	now       func() int64 // Unix seconds
	threshold int64        // nanoseconds; events below it are not recorded
	events    map[string]*latencyEvent
}

// never is a threshold that no event reaches: latency-monitor-threshold 0.
const never = 1<<63 - 1

// latencySamples is how many seconds an event remembers.
const latencySamples = 160

// latencyEvent is a ring of the worst duration of each second that had one.
type latencyEvent struct {
	samples [latencySamples]latencySample
	next    int
	max     int64 // milliseconds, since the last reset
}

type latencySample struct {
	second int64 // Unix time; 0 for an unused place
	millis int64
}

func newLatency(now func() int64) *latency {
	return &latency{now: now, threshold: never, events: map[string]*latencyEvent{}}
}

// setThreshold sets the shortest duration that counts, milliseconds; 0 for none.
func (l *latency) setThreshold(millis int64) {
	l.threshold = millis * 1e6
	if millis == 0 {
		l.threshold = never
	}
}

// add records that event took so many nanoseconds, if that is worth it.
func (l *latency) add(event string, nanos int64) {
	if nanos < l.threshold {
		return
	}
	e := l.events[event]
	if e == nil {
		e = &latencyEvent{}
		l.events[event] = e
	}
	millis, now := nanos/1e6, l.now()
	e.max = max(e.max, millis)
	last := &e.samples[(e.next+latencySamples-1)%latencySamples]
	if last.second == now {
		last.millis = max(last.millis, millis)
		return
	}
	e.samples[e.next] = latencySample{now, millis}
	e.next = (e.next + 1) % latencySamples
}

// command records a call that took so many nanoseconds.
func (l *latency) command(spec *command.Spec, nanos int64) {
	if spec.Flags&command.Fast != 0 {
		l.add("fast-command", nanos)
	} else {
		l.add("command", nanos)
	}
}

// names gives the events in alphabetical order.
func (l *latency) names() []string {
	names := make([]string, 0, len(l.events))
	for n := range l.events {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// history gives an event's samples, oldest first.
func (e *latencyEvent) history() []latencySample {
	var out []latencySample
	for i := range latencySamples {
		if s := e.samples[(e.next+i)%latencySamples]; s.second != 0 {
			out = append(out, s)
		}
	}
	return out
}

func (e *latencyEvent) last() latencySample {
	return e.samples[(e.next+latencySamples-1)%latencySamples]
}

// reset forgets the named events, or all when none is named, and tells how many.
func (l *latency) reset(names ...string) int {
	if len(names) == 0 {
		names = l.names()
	}
	n := 0
	for _, name := range names {
		if l.events[name] != nil {
			delete(l.events, name)
			n++
		}
	}
	return n
}
