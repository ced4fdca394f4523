package hostile_test

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

const chokedLine = "scheduled to be closed ASAP for overcoming of output buffer limits."

// TestReaderThatNeverReads asks for more and more: it is closed at its limit, and until
// then its replies take no more than that.
func TestReaderThatNeverReads(t *testing.T) {
	s := start(t, "--client-output-buffer-limit", "normal 4mb 0 0 pubsub 4mb 0 0")
	s.Do("SETRANGE", "big", 256*kb, "x")
	b := watch(dial(t, s))
	before := memoryOf(s)
	for range scale(20, 500) {
		mark, p := s.Mark(), dial(t, s)
		for p.try(strings.Repeat("GET big\r\n", 4)) == nil {
		}
		check.Contains(t, s.LogSince(mark), chokedLine)
		check.NoErr(t, p.Close())
	}
	grew(t, s, before, 5*mb)
	check.True(t, s.Int("used_memory_peak") < before.used+8*mb, "at no time did it take more")
	b.served()
	back(t, s, before)
}

// TestSubscriberThatNeverReads is closed; the others get every message, and the publisher
// does not wait.
func TestSubscriberThatNeverReads(t *testing.T) {
	s := start(t, "--client-output-buffer-limit", "pubsub 1mb 0 0")
	b := watch(dial(t, s))
	before := memoryOf(s)
	deaf, good := dial(t, s), dial(t, s)
	for _, p := range []*peer{deaf, good} {
		p.send("SUBSCRIBE news\r\n")
		for range 6 {
			p.line()
		}
	}
	message, closed := strings.Repeat("m", 64*kb), false
	for range scale(200, 5000) {
		closed = s.Do("PUBLISH", "news", message) == any(int64(1)) || closed
		_, err := good.in.Discard(len("*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$65536\r\n\r\n") + 64*kb)
		check.NoErr(t, err)
	}
	check.True(t, closed, "the deaf one is closed")
	check.Contains(t, s.Log(), chokedLine)
	b.served()
	check.NoErr(t, deaf.Close())
	back(t, s, before)
}

// TestMonitorThatNeverReads is closed as well.
func TestMonitorThatNeverReads(t *testing.T) {
	s := start(t, "--client-output-buffer-limit", "normal 1mb 0 0")
	b := watch(dial(t, s))
	before := memoryOf(s)
	check.Eq(t, dial(t, s).say("MONITOR"), "+OK")
	p, long := dial(t, s), request("ECHO", strings.Repeat("e", 10*kb))
	rig.Eventually(t, "end of the monitor", func() bool {
		p.send(long)
		check.Eq(t, p.line(), fmt.Sprintf("$%d", 10*kb))
		p.line()
		return strings.Contains(s.Log(), chokedLine)
	})
	b.served()
	back(t, s, before)
}

// TestBlockedFlood: what a client sends while it waits is kept up to the limit of its
// query buffer, which ends it.
func TestBlockedFlood(t *testing.T) {
	s := start(t, "--client-query-buffer-limit", "2mb")
	b := watch(dial(t, s))
	before := memoryOf(s)
	mark, p := s.Mark(), dial(t, s)
	p.send("BLPOP nothing 0\r\n")
	for p.try(strings.Repeat(request("SET", "flood", "v"), 1000)) == nil {
	}
	s.WaitLog(mark, "Closing client that reached max query buffer length")
	check.Eq(t, s.Do("EXISTS", "flood"), any(int64(0)))
	check.True(t, s.Int("used_memory_peak") < before.used+8*mb, "no more than its limit and room to grow")
	b.served()
	back(t, s, before)
}

// TestEndlessTransaction: a queue that no EXEC ends counts as input, and as memory of
// clients.
func TestEndlessTransaction(t *testing.T) {
	for _, tt := range []struct {
		name, log string
		args      []string
	}{
		{"query buffer", "Closing client that reached max query buffer length", []string{"--client-query-buffer-limit", "4mb"}},
		{"memory of clients", "Evicting client: ", []string{"--maxmemory-clients", "4mb"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := start(t, tt.args...)
			b := watch(dial(t, s))
			before := memoryOf(s)
			mark, p := s.Mark(), dial(t, s)
			check.Eq(t, p.say("MULTI"), "+OK")
			go func() { _, _ = p.in.WriteTo(io.Discard) }() // it reads its replies
			sent := 0
			for p.try(strings.Repeat(request("PING"), 1000)) == nil {
				sent += 1000
			}
			s.WaitLog(mark, tt.log)
			check.True(t, sent < 200_000, fmt.Sprintf("%d commands in 4 MB", sent))
			check.True(t, s.Int("used_memory_peak") < before.used+8*mb, "no more than its limit and room to grow")
			b.served()
			back(t, s, before)
		})
	}
}
