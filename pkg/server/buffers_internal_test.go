package server

import (
	"testing"

	"redisd/internal/check"
)

// A long argument's buffer serves the next one, is given back when nobody wanted it
// between two beats of cron, and never serves a need that is much smaller.
func TestLargeBuffersAreUsedAgain(t *testing.T) {
	var p bufferPool
	first := p.getLarge(1 << 20)
	check.Eq(t, len(first), 0)
	p.put(append(first, 'x'))
	p.trim()
	again := p.getLarge(1<<20 - 10)
	check.True(t, &again[:1][0] == &first[:1][0], "another buffer")
	check.Eq(t, len(again), 0)
	check.Eq(t, p.held, 0)

	p.put(again)
	check.True(t, cap(p.getLarge(100<<10)) < 1<<20, "a megabyte for a tenth of it")
	p.trim() // it was in use since the last one
	check.Eq(t, len(p.large), 1)
	p.trim()
	check.Eq(t, len(p.large), 0)
	check.Eq(t, p.held, 0)
}

func TestLargeBuffersAreBounded(t *testing.T) {
	var p bufferPool
	for range 100 {
		p.put(make([]byte, 0, 1<<20))
	}
	check.Eq(t, p.held, largeKeep)
	p.put(make([]byte, 0, largeMost+1))
	check.Eq(t, p.held, largeKeep)
}
