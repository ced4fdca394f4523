package server

import (
	"testing"

	"redisd/internal/check"
)

const ms = 1_000_000 // nanoseconds

// The pump may send a little at once, and rests as long as what it has sent above the
// rate takes; never for so long that the difference would wait.
func TestPaceBoundsTheRate(t *testing.T) {
	b := newBench(t, "snapshot-max-bytes-per-sec 1000000")
	p := &b.s.background.pace
	p.begin(0)
	check.Eq(t, p.wait(0), int64(0))
	p.sent(10_000)
	check.Eq(t, p.wait(0), int64(10*ms+1))
	check.Eq(t, p.wait(4*ms), int64(6*ms+1))
	check.Eq(t, p.wait(11*ms), int64(0))
	p.sent(1_000_000)
	check.Eq(t, p.wait(12*ms), int64(longestRest))
	check.Eq(t, p.wait(2000*ms), int64(0))
	p.sent(50_000) // all that an idle time saves up
	check.Eq(t, p.wait(2000*ms), int64(0))
	p.sent(1000)
	check.Eq(t, p.wait(2000*ms), int64(ms+1))
	b.do(request("CONFIG", "SET", "snapshot-max-bytes-per-sec", "0"))
	check.Eq(t, p.wait(2000*ms), int64(0))
}

// Auto halves the rate while a sync takes long, down to a floor, and comes back slowly.
func TestPaceFollowsTheSyncs(t *testing.T) {
	b := newBench(t, "snapshot-max-bytes-per-sec auto")
	p := &b.s.background.pace
	p.begin(0)
	check.Eq(t, p.limit(), float64(fastestAuto))
	p.judge(150*ms, true)
	p.judge(220*ms, true) // in flight for 70 ms
	check.Eq(t, p.limit(), float64(fastestAuto))
	p.judge(300*ms, true)
	check.Eq(t, p.limit(), float64(fastestAuto))
	p.judge(421*ms, true)
	check.Eq(t, p.limit(), float64(fastestAuto/2))
	for now := int64(621 * ms); now < 10_000*ms; now += 200 * ms {
		p.judge(now, true)
	}
	check.Eq(t, p.limit(), float64(slowestAuto))
	p.judge(10_100*ms, false)
	p.judge(10_301*ms, false)
	check.True(t, p.limit() > slowestAuto, "it grows again")
	for now := int64(10_600 * ms); now < 60_000*ms; now += 200 * ms {
		p.judge(now, false)
	}
	check.Eq(t, p.limit(), float64(fastestAuto))
}
