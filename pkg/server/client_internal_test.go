package server

import (
	"testing"

	"redisd/internal/check"
)

func TestShrinkIdleGivesBuffersBack(t *testing.T) {
	cs := &clients{stats: &stats{}, peaks: peaks{everyMs: peakResetMs}}
	c := &client{active: 100, outPeak: 77}
	c.in = append(make([]byte, 0, poolBuffer), "*2\r\n"...)
	c.out, c.sent = append(make([]byte, 0, 8*poolBuffer), "sent-waits"...), len("sent-")
	big := &client{active: 100}
	big.in = make([]byte, shrinkMost+1, 2*shrinkMost)
	cs.byFD = []*client{nil, c, big}

	cs.shrinkIdle(101)
	check.Eq(t, cap(c.in), poolBuffer)
	check.Eq(t, cs.stats.maxIn, 2*shrinkMost)
	check.Eq(t, cs.stats.maxOut, 8*poolBuffer)
	check.Eq(t, c.outPeak, len(c.out))

	cs.shrinkIdle(103)
	check.Eq(t, string(c.in), "*2\r\n")
	check.True(t, cap(c.in) < 64, "the buffer is as large as the rest")
	check.Eq(t, string(c.out[c.sent:]), "waits")
	check.True(t, cap(c.out) < 64, "the buffer is as large as what waits")
	check.Eq(t, cap(big.in), 2*shrinkMost) // too much to copy
	check.Eq(t, len(cs.pool.free), 1)

	// Peaks are forgotten after eight seconds.
	cs.byFD = nil
	cs.shrinkIdle(110)
	check.Eq(t, cs.stats.maxOut, 8*poolBuffer)
	for now := int64(111); now < 120; now++ {
		cs.shrinkIdle(now)
	}
	check.Eq(t, cs.stats.maxIn+cs.stats.maxOut, 0)
}
