package server

import (
	"fmt"
	"testing"

	"redisd/internal/check"
)

// TestWatchedKeysCountWhatTheyTake as memory of the client.
func TestWatchedKeysCountWhatTheyTake(t *testing.T) {
	b := newBench(t)
	words := []string{"WATCH"}
	for i := range 50_000 {
		words = append(words, fmt.Sprintf("a key of usual length %d", i))
	}
	watch := request(words...)
	before, heap := b.s.memoryOf(b.c).total, goBytes()
	check.Eq(t, string(b.do(watch)), "+OK\r\n")
	b.s.exec.release()
	counted, took := b.s.memoryOf(b.c).total-before, goBytes()-heap
	check.True(t, counted > took*3/4 && counted < took*5/4, fmt.Sprintf("counted %d, took %d", counted, took))
	check.Eq(t, string(b.do(request("UNWATCH"))), "+OK\r\n")
	check.True(t, b.s.memoryOf(b.c).total < before+poolBuffer+1<<10, "nothing is left")
	check.Eq(t, len(b.s.watches.keys[0]), 0)
}
