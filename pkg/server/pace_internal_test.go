package server

import (
	"fmt"
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

// pump plays the pump for so many seconds: chunks of a size as soon as they may go. It
// gives the bytes that went.
func (p *pace) pump(t *testing.T, now, seconds int64, chunk int) (bytes int64) {
	t.Helper()
	for end := now + seconds*1000*ms; now < end; {
		if rest := p.wait(now); rest > 0 {
			check.True(t, rest <= longestRest, "the difference waits no longer")
			now += rest
			continue
		}
		p.sent(chunk)
		bytes += int64(chunk)
		now += 1000 // what the system call takes
	}
	return bytes
}

// What goes in ten seconds is what may go in ten seconds, whatever the size of a chunk,
// and what goes beside the snapshot counts.
func TestPaceHoldsTheRate(t *testing.T) {
	for _, rate := range []int64{100_000, 5_000_000, 300_000_000} {
		b := newBench(t, fmt.Sprint("snapshot-max-bytes-per-sec ", rate))
		p := &b.s.background.pace
		for i, chunk := range []int{1000, 16 << 10, 128 << 10} {
			now := int64(i) * 1_000_000 * ms
			p.begin(now)
			got := p.pump(t, now, 10, chunk)
			slack := rate/100 + int64(chunk)
			check.True(t, got >= 10*rate-slack && got <= 10*rate+slack+int64(burst*float64(rate)), fmt.Sprintf("%d bytes at %d/s in chunks of %d", got, rate, chunk))
		}
	}
}

// Auto halves the rate while syncs take long, down to a floor, and comes back slowly.
func TestPaceFollowsTheSyncs(t *testing.T) {
	b := newBench(t, "snapshot-max-bytes-per-sec auto")
	p := &b.s.background.pace
	p.begin(0)
	check.Eq(t, p.limit(), float64(fastestAuto))
	p.judge(150*ms, 1)
	p.judge(220*ms, 70*ms)
	check.Eq(t, p.limit(), float64(fastestAuto))
	p.judge(300*ms, 150*ms) // over before it is time to judge
	check.Eq(t, p.limit(), float64(fastestAuto))
	p.judge(421*ms, 0)
	check.Eq(t, p.limit(), float64(fastestAuto/2))
	// Quick ones without a pause between them are no slow one.
	for now := int64(621 * ms); now < 10_000*ms; now += 10 * ms {
		p.judge(now, 9*ms)
	}
	check.Eq(t, p.limit(), float64(fastestAuto))
	for now := int64(10_000 * ms); now < 20_000*ms; now += 200 * ms {
		p.judge(now, 101*ms)
	}
	check.Eq(t, p.limit(), float64(slowestAuto))
	p.judge(20_101*ms, 0)
	p.judge(20_302*ms, 0)
	check.True(t, p.limit() > slowestAuto, "it grows again")
	for now := int64(20_600 * ms); now < 60_000*ms; now += 200 * ms {
		p.judge(now, 0)
	}
	check.Eq(t, p.limit(), float64(fastestAuto))
}
