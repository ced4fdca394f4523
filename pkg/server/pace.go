package server

import (
	"redisd/internal/num"
	"redisd/pkg/config"
)

// pace bounds how fast the pump serializes: snapshot-max-bytes-per-sec. Everything that
// goes into the pipe counts, but only the pump's own entries wait: what is sent because
// it is about to change, and the difference, goes at once. With auto the rate follows the
// syncs of the append-only file: it halves while one is slow, and grows again when they
// are quick.
type pace struct {
	srv *Server

	text  string  // the directive that was read last
	fixed float64 // its number, bytes a second; 0 for no limit
	auto  bool
	rate  float64 // in force with auto

	credit float64 // bytes that may go
	at     int64   // nanoseconds, when credit was reckoned

	slow   bool  // a sync has taken long since the rate was changed
	judged int64 // nanoseconds, when that was
}

const (
	fastestAuto = 512 << 20 // bytes a second: where auto begins, and not faster
	slowestAuto = 1 << 20
	slowSync    = 100_000_000 // nanoseconds a sync may take before auto slows down
	autoEvery   = 200_000_000 // nanoseconds between two changes of the rate
	burst       = 0.05        // seconds worth of bytes that may go at once
	longestRest = 20_000_000  // nanoseconds: the difference must not wait for longer
)

// begin starts a job.
func (p *pace) begin(now int64) {
	p.at, p.credit, p.judged, p.slow = now, 0, now, false
	p.rate = fastestAuto
}

// limit gives the rate in force, bytes a second; 0 for none.
func (p *pace) limit() float64 {
	if text := p.srv.cfg.String(config.SnapshotMaxBytesPerSec); text != p.text {
		p.text = text
		n, _ := num.ParseMemory(text) // the configuration has looked at it
		p.fixed, p.auto = float64(n), text == config.RateAuto
	}
	if p.auto {
		return p.rate
	}
	return p.fixed
}

// wait gives the nanoseconds until the pump may go on; 0 when it may now.
func (p *pace) wait(now int64) int64 {
	rate := p.limit()
	if rate == 0 {
		return 0
	}
	if p.auto {
		p.look(now)
		rate = p.rate
	}
	p.credit = min(p.credit+rate*float64(now-p.at)/1e9, rate*burst)
	p.at = now
	if p.credit >= 0 {
		return 0
	}
	return min(longestRest, 1+int64(-p.credit/rate*1e9))
}

// sent counts bytes that the pipe took.
func (p *pace) sent(n int) { p.credit -= float64(n) }

// look lets the rate follow the syncs. For the pump, and for cron while the pump waits.
func (p *pace) look(now int64) {
	if p.limit(); p.auto {
		p.judge(now, 1000*p.srv.journal.log.Syncing())
	}
}

// judge changes the rate: now is in nanoseconds, syncing is how long the sync in flight
// takes by now, 0 for none.
func (p *pace) judge(now, syncing int64) {
	p.slow = p.slow || syncing > slowSync
	if now-p.judged < autoEvery {
		return
	}
	p.judged = now
	if p.slow {
		p.slow = false
		p.rate = max(slowestAuto, p.rate/2)
		return
	}
	p.rate = min(fastestAuto, p.rate*1.1)
}
