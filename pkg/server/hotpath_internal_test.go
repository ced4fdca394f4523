package server

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/sirupsen/logrus"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/config"
)

// bench is a Server without sockets: requests are handed to process as if they
// had been read.
type bench struct {
	s *Server
	c *client
}

func newBench(t testing.TB, directives ...string) *bench {
	t.Helper()
	lines := append([]string{"port 0", `save ""`, "unixsocket s"}, directives...)
	cfg, err := config.Load(config.Source{FS: vfs.OS(), Options: strings.Join(lines, "\n")})
	check.NoErr(t, err)
	logger := logrus.New()
	logger.SetOutput(io.Discard)
	s, err := New(Options{Config: cfg, Log: NewLog(logger), FS: vfs.NewMem(), Clock: clock.System()})
	check.NoErr(t, err)
	s.loop.UpdateTime()
	s.afterSleep()
	t.Cleanup(func() {
		s.bio.Close()
		check.NoErr(t, s.loop.Close())
		check.NoErr(t, s.arena.Close())
	})
	return &bench{s: s, c: s.newClient(-1)}
}

// do runs the requests in buf and takes the replies, as the loop would send them.
func (b *bench) do(buf []byte) []byte {
	b.s.process(b.c, buf)
	out := b.c.out
	b.c.out = b.c.out[:0]
	return out
}

func request(words ...string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.Bytes()
}

// hotCommands are requests of the hot way that leave the dataset as it is, or go
// in circles.
var hotCommands = []struct {
	name    string
	request []byte
}{
	{"GET", request("GET", "key:1")},
	{"GET of nothing", request("GET", "none")},
	{"SET", request("SET", "key:1", strings.Repeat("v", 64))},
	{"SET with expiry", request("SET", "key:2", "value", "EX", "100")},
	{"INCR", request("INCR", "counter")},
	{"DEL and SET", append(request("DEL", "key:3"), request("SET", "key:3", "value")...)},
	{"EXPIRE", request("EXPIRE", "key:1", "1000")},
	{"TTL", request("TTL", "key:1")},
	{"EXISTS", request("EXISTS", "key:1", "none")},
	{"MULTI and EXEC", slices.Concat(request("MULTI"), request("SET", "key:4", "value"), request("INCR", "counter"), request("EXEC"))},
	{"inline PING", []byte("PING\r\n")},
}

// TestHotCommandsAllocateNothing covers the whole way of a command, with the log
// on: parse, look up, gates, handler, effects, statistics, the log's frame.
func TestHotCommandsAllocateNothing(t *testing.T) {
	for _, aof := range []string{"no", "yes"} {
		b := newBench(t, "appendonly "+aof, "appendfsync no")
		if aof == "yes" {
			check.NoErr(t, b.s.startFile(false))
		}
		for _, tc := range hotCommands {
			t.Run(tc.name+" with appendonly "+aof, func(t *testing.T) {
				run := func() {
					if out := b.do(tc.request); len(out) == 0 || out[0] == '-' {
						t.Fatalf("reply %q", out)
					}
				}
				for range 100 { // buffers grow to their size
					run()
				}
				b.s.journal.log.Flush(b.s.loop.NowMillis())
				for range 100 {
					run()
				}
				b.s.journal.log.Flush(b.s.loop.NowMillis())
				check.Eq(t, testing.AllocsPerRun(50, run), 0.0)
				b.s.journal.log.Flush(b.s.loop.NowMillis())
			})
		}
	}
}

// TestTrackingAllocatesNothing covers what CLIENT TRACKING adds: a key is noted, and
// forgotten by a write of another client.
func TestTrackingAllocatesNothing(t *testing.T) {
	b := newBench(t, "appendonly no")
	reader, writer := b.c, b.s.newClient(-1)
	reader.id, reader.proto = 7, 3
	b.s.caches.enable(reader, 0, nil, nil)
	get, set := request("MGET", "key:1", "key:2"), request("SET", "key:1", "value")
	run := func() {
		b.do(get)
		b.c = writer
		b.do(set)
		b.c = reader
	}
	run()
	check.Eq(t, b.s.caches.keys.Len(), uint64(1))
	check.Eq(t, testing.AllocsPerRun(100, run), 0.0)
}

func BenchmarkCommand(b *testing.B) {
	bb := newBench(b)
	for _, tc := range hotCommands {
		b.Run(tc.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				bb.do(tc.request)
			}
		})
	}
}
