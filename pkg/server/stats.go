package server

import (
	"bytes"

	"redisd/pkg/acl"
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
	// unexpectedErrors are commands of a log that failed, as they had not when they were logged.
	unexpectedErrors uint64
	dumpErrors       uint64
	evictedClients   uint64
	denied           [acl.DeniedChannel + 1]uint64 // refused by access control, by reason
	reads, writes    uint64                        // read(2) and write(2) of connections that moved bytes
	nanos            uint64                        // spent in commands
	forks            uint64
	forkMicros       int64

	byCommand []commandStats // by Spec.ID
	byError   map[string]uint64

	timed bool // latency-tracking: byCommand.took is filled

	turns     uint64 // of the loop
	turnNanos uint64 // spent in them, without the sleep
	turnStart int64  // nanoseconds by the stopwatch, 0 outside of a turn
	cycles    meter  // turns a second
	busy      meter  // microseconds of turns a second

	ops, in, out meter
	maxIn        int // largest query buffer of the last period
	maxOut       int
	peakMemory   uint64
	startGo      uint64 // of it the Go heap
	startMemory  uint64 // used when the server was made and held no data
}

// commandStats are one command's figures.
type commandStats struct {
	calls, rejected, failed uint64
	nanos                   uint64
	took                    *histogram // nil before the first tracked call
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
	st.nanos += uint64(n)
	if st.timed {
		if c.took == nil {
			c.took = &histogram{}
		}
		c.took.add(uint64(n))
	}
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

// codeBytes is where the space behind an error's code is looked for; an error without
// one counts as ERR.
const codeBytes = 31

func (st *stats) error(text []byte) {
	st.errorReplies++
	code, _, found := bytes.Cut(text[:min(len(text), codeBytes)], []byte(" "))
	if !found {
		code = []byte("ERR")
	}
	if _, known := st.byError[string(code)]; known || len(st.byError) < maxErrorKinds {
		st.byError[string(code)]++
	}
}

// reset is CONFIG RESETSTAT; what tells of the present stays.
func (st *stats) reset() {
	keep := *st
	*st = *newStats(len(keep.byCommand))
	st.nowSec, st.startSec, st.startNano, st.peakMemory = keep.nowSec, keep.startSec, keep.startNano, keep.peakMemory
	st.startGo = keep.startGo
	st.startMemory, st.timed, st.turnStart = keep.startMemory, keep.timed, keep.turnStart
}

// beginTurn notes the end of the loop's sleep, nanoseconds by the stopwatch.
func (st *stats) beginTurn(now int64) { st.turnStart = now }

// endTurn counts the turn that ends with the next sleep.
func (st *stats) endTurn(now int64) {
	if st.turnStart == 0 {
		return
	}
	st.turns++
	st.turnNanos += uint64(now - st.turnStart)
	st.turnStart = 0
	if millis := now / 1e6; millis-st.cycles.lastMilli >= meterPeriod {
		st.cycles.sample(st.turns, millis)
		st.busy.sample(st.turnNanos/1000, millis)
	}
}

// meterPeriod is the time between two samples of a meter, milliseconds.
const meterPeriod = 100

// turnMicros is how long a turn takes, on average of the last samples.
func (st *stats) turnMicros() int64 {
	if r := st.cycles.rate(); r > 0 {
		return int64(st.busy.rate() / r)
	}
	return 0
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
