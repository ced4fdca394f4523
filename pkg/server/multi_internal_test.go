package server

import (
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"redisd/internal/check"
)

// goBytes is the Go heap that is in use.
func goBytes() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

// TestQueueCountsWhatItTakes: the memory of a client in a transaction is that of its
// queue, whether the commands are many or long.
func TestQueueCountsWhatItTakes(t *testing.T) {
	check.Eq(t, reflect.TypeFor[queued]().Size(), queuedBytes)
	check.Eq(t, reflect.TypeFor[[]byte]().Size(), wordBytes)
	for _, tt := range []struct {
		name  string
		n     int
		words []string
	}{
		{"no arguments", 50_000, []string{"PING"}},
		{"many arguments", 1000, strings.Fields("MSET" + strings.Repeat(" k v", 100))},
		{"long ones", 200, []string{"SET", "key", strings.Repeat("x", 10_000)}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			b := newBench(t)
			b.do(request("MULTI"))
			before, heap := b.s.memoryOf(b.c).total, goBytes()
			for range tt.n {
				b.do(request(tt.words...))
			}
			counted, took := b.s.memoryOf(b.c).total-before, goBytes()-heap
			check.True(t, counted > took*3/4 && counted < took*5/4, fmt.Sprintf("counted %d, took %d", counted, took))
			check.True(t, strings.Count(string(b.do(request("EXEC"))), "\r\n") >= tt.n, "each has a reply")
			check.Eq(t, b.s.memoryOf(b.c).queue, 0)
		})
	}
}

// TestQueueOfNoUse: nothing is kept for an EXEC that will run nothing.
func TestQueueOfNoUse(t *testing.T) {
	long := strings.Repeat("x", 1000)
	for name, spoil := range map[string][]byte{
		"a refused command": request("NOSUCH"),
		"a watched key":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			b.do(request("WATCH", "k"))
			b.do(request("MULTI"))
			if spoil == nil {
				other := b.s.newClient(-1)
				b.s.process(other, request("SET", "k", "v"))
			}
			b.do(spoil)
			for range 100 {
				check.Eq(t, string(b.do(request("SET", "k", long))), "+QUEUED\r\n")
			}
			check.Eq(t, b.c.tx.bytes(), 0)
			check.NotEq(t, string(b.do(request("EXEC"))[:2]), "*1")
			check.True(t, b.c.tx == nil, "the transaction is over")
		})
	}
}

// TestQueueIsInput: what waits for EXEC counts as input that did not run yet.
func TestQueueIsInput(t *testing.T) {
	b := newBench(t, "client-query-buffer-limit 1mb")
	b.do(request("MULTI"))
	n := 0
	for ; !b.c.has(flagCloseSoon); n++ {
		check.Eq(t, string(b.do(request("PING"))), "+QUEUED\r\n")
	}
	check.True(t, n > 1<<20/100 && n < 1<<20/50, fmt.Sprintf("closed after %d commands", n))
}
