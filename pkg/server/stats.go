package server

import (
	"bytes"
	"math/bits"

	"redisd/pkg/command"
)

// stats are the counters that INFO shows. The loop owns them.
type stats struct {
	nowSec    int64 // Unix seconds, sampled once a turn
	startSec  int64
	startNano int64

	commands       uint64
	connections    uint64
	rejected       uint64 // connections over maxclients
	netIn, netOut  uint64
	protocolErrors uint64
	errorReplies   uint64
	dumpErrors     uint64
	forks          uint64
	forkMicros     int64

	byCommand []commandStats // by Spec.ID
	byError   map[string]uint64

	ops, in, out meter
	maxIn        int // largest query buffer of the last period
	maxOut       int
	peakMemory   uint64
}

// commandStats are one command's figures.
type commandStats struct {
	calls, rejected, failed uint64
	nanos                   uint64
	// took counts calls by duration: bucket i those of less than 2^i
	// microseconds that are not in bucket i-1.
	took [40]uint64
}

func newStats(commands int) *stats {
	return &stats{byCommand: make([]commandStats, commands), byError: map[string]uint64{}}
}

// count records a call of spec that took n nanoseconds.
func (st *stats) count(spec *command.Spec, n int64) {
	st.commands++
	c := &st.byCommand[spec.ID]
	c.calls++
	c.nanos += uint64(n)
	c.took[min(bits.Len64(uint64(n)/1000), len(c.took)-1)]++
}

// fail records that a call replied an error; reply begins with it.
func (st *stats) fail(spec *command.Spec, reply []byte) {
	st.byCommand[spec.ID].failed++
	st.error(bytes.TrimPrefix(reply, []byte("-")))
}

// reject records that a gate refused a command; spec is nil for an unknown one.
func (st *stats) reject(spec *command.Spec, reason string) {
	if spec != nil {
		st.byCommand[spec.ID].rejected++
	}
	st.error([]byte(reason))
}

// maxErrorKinds bounds errorstats, so that a script's invented codes do not fill
// the memory.
const maxErrorKinds = 128

func (st *stats) error(text []byte) {
	st.errorReplies++
	code, _, _ := bytes.Cut(text, []byte(" "))
	code, _, _ = bytes.Cut(code, []byte("\r"))
	if _, known := st.byError[string(code)]; known || len(st.byError) < maxErrorKinds {
		st.byError[string(code)]++
	}
}

// reset is CONFIG RESETSTAT; what tells of the present stays.
func (st *stats) reset() {
	keep := *st
	*st = *newStats(len(keep.byCommand))
	st.nowSec, st.startSec, st.startNano, st.peakMemory = keep.nowSec, keep.startSec, keep.startNano, keep.peakMemory
}

// meter gives the rate of a counter, averaged over the last samples
// (instantaneous_* of INFO).
type meter struct {
	samples   [16]float64
	next      int
	lastCount uint64
	lastMilli int64
}

// sample is called by cron with the counter's value and the time.
func (m *meter) sample(count uint64, nowMilli int64) {
	if m.lastMilli != 0 && nowMilli > m.lastMilli && count >= m.lastCount {
		m.samples[m.next] = float64(count-m.lastCount) * 1000 / float64(nowMilli-m.lastMilli)
		m.next = (m.next + 1) % len(m.samples)
	}
	m.lastCount, m.lastMilli = count, nowMilli
}

// rate is the average a second.
func (m *meter) rate() float64 {
	sum := 0.0
	for _, v := range m.samples {
		sum += v
	}
	return sum / float64(len(m.samples))
}
