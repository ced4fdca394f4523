package main

import (
	"bytes"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/clock"
	"redisd/pkg/event"
)

// Here: what clients ask of the server beside data: messages to many, transactions, and
// to be told which of their copies of keys are stale. As in drive.go the client is one
// thread, which waits for all that a round makes the server send.

// group is the connections of one turn.
type group struct {
	loop  *event.Loop
	port  int
	buf   []byte
	ears  []*ear
	heard int // lines that all ears together got
	err   error
}

// ear is one connection; what it gets is counted by its lines.
type ear struct {
	g     *group
	fd    int
	heard int
}

func (g *group) dial() (*ear, error) {
	fd, errno := event.Dial(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(g.port)), 1000)
	if errno != 0 {
		return nil, fmt.Errorf("connect: %w", errno)
	}
	e := &ear{g: g, fd: fd}
	g.ears = append(g.ears, e)
	if err := event.SetNoDelay(fd, true); err != nil {
		return nil, err
	}
	return e, g.loop.Watch(fd, event.Readable, e)
}

// Ready implements event.Handler.
func (e *ear) Ready(event.Events) {
	n, errno := event.Read(e.fd, e.g.buf)
	switch {
	case errno == unix.EAGAIN:
		return
	case errno != 0 || n == 0:
		e.g.err = fmt.Errorf("connection lost: %w", errno)
		return
	case e.g.buf[0] == '-':
		e.g.err = fmt.Errorf("%s", bytes.TrimSpace(e.g.buf[:n]))
		return
	}
	lines := countLines(e.g.buf[:n])
	e.heard += lines
	e.g.heard += lines
}

// send writes a batch, which the socket's buffer takes: nobody else reads meanwhile.
func (e *ear) send(batch []byte) {
	if n, errno := event.Write(e.fd, batch); e.g.err == nil && (errno != 0 || n < len(batch)) {
		e.g.err = fmt.Errorf("write: %d of %d bytes: %w", n, len(batch), errno)
	}
}

// ask is send, and waits for so many lines more.
func (e *ear) ask(batch []byte, lines int) {
	want := e.heard + lines
	e.send(batch)
	e.g.until(func() bool { return e.heard >= want })
}

// until turns the loop until done.
func (g *group) until(done func() bool) {
	for g.err == nil && !done() {
		if _, err := g.loop.Turn(true); err != nil {
			g.err = err
		}
	}
}

func (g *group) close() {
	for _, e := range g.ears {
		g.loop.Unwatch(e.fd)
		event.Close(e.fd)
	}
}

// rounds measures round, which stands for n units of work, as drive does.
func rounds(s *server, length time.Duration, prepare func(g *group) (round func(), n int, err error)) (turn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	loop, err := event.New(clock.System())
	if err != nil {
		return turn{}, err
	}
	defer loop.Close()
	g := &group{loop: loop, port: s.port, buf: make([]byte, 1<<17)}
	defer g.close()
	round, n, err := prepare(g)
	if err != nil {
		return turn{}, err
	}
	run := func(length time.Duration) (done int) {
		for began := time.Now(); g.err == nil && time.Since(began) < length; done += n {
			round()
		}
		return done
	}
	run(length / 5)
	began, cpu := time.Now(), s.processor()
	done := float64(run(length))
	return turn{done / time.Since(began).Seconds(), float64((s.processor() - cpu).Microseconds()) / done}, g.err
}

// clientTest is one row. units names what is counted.
type clientTest struct {
	name, units string
	run         func(s *server, pipeline int, length time.Duration) (turn, error)
}

const (
	subscribers = 100
	trackedKeys = 1000
	queuedCount = 10
)

// words appends a request.
func words(dst []byte, args ...string) []byte {
	dst = fmt.Appendf(dst, "*%d\r\n", len(args))
	for _, a := range args {
		dst = fmt.Appendf(dst, "$%d\r\n%s\r\n", len(a), a)
	}
	return dst
}

func clientTests() []clientTest {
	return []clientTest{
		{"PUBLISH to 100 subscribers", "messages", func(s *server, pipeline int, length time.Duration) (turn, error) {
			return rounds(s, length, func(g *group) (func(), int, error) { return publishing(g, pipeline) })
		}},
		{"MULTI, 10 commands, EXEC", "transactions", transactions},
		{"tracking, 1,000 keys", "invalidations", func(s *server, pipeline int, length time.Duration) (turn, error) {
			return rounds(s, length, func(g *group) (func(), int, error) { return stale(g, pipeline, "ON") })
		}},
		{"tracking, 1,000 keys, BCAST", "invalidations", func(s *server, pipeline int, length time.Duration) (turn, error) {
			return rounds(s, length, func(g *group) (func(), int, error) { return broadcast(g, pipeline) })
		}},
	}
}

// publishing sends messages to a channel, and waits until all have them.
func publishing(g *group, pipeline int) (func(), int, error) {
	for range subscribers {
		e, err := g.dial()
		if err != nil {
			return nil, 0, err
		}
		e.ask(words(nil, "SUBSCRIBE", "channel"), 6)
	}
	from, err := g.dial()
	if err != nil {
		return nil, 0, err
	}
	batch := bytes.Repeat(words(nil, "PUBLISH", "channel", "a message of some length"), pipeline)
	const linesOfMessage = 7
	return func() {
		want := g.heard + pipeline*(1+subscribers*linesOfMessage)
		from.send(batch)
		g.until(func() bool { return g.heard >= want })
	}, pipeline * subscribers, nil
}

// transactions runs transactions on 16 connections.
func transactions(s *server, pipeline int, length time.Duration) (turn, error) {
	lines := 1 + queuedCount + 1 + queuedCount
	return drive(s, 16, func(i int) [][]byte {
		one := words(nil, "MULTI")
		for j := range queuedCount {
			one = words(one, "SET", fmt.Sprintf("key:%d:%d", i, j), "a value of some length")
		}
		return [][]byte{bytes.Repeat(words(one, "EXEC"), pipeline)}
	}, countLines, lines*pipeline, pipeline, length)
}

// pages lays requests for all keys out, so many in each.
func pages(pipeline int, request func(key string) []byte) (out [][]byte) {
	keys := make([]string, trackedKeys)
	for i := range keys {
		keys[i] = fmt.Sprintf("key:%08d", i)
	}
	for page := range slices.Chunk(keys, pipeline) {
		var b []byte
		for _, key := range page {
			b = append(b, request(key)...)
		}
		out = append(out, b)
	}
	return out
}

func countRequests(batch []byte) int { return bytes.Count(batch, []byte("*")) }

func sets(pipeline int) [][]byte {
	return pages(pipeline, func(key string) []byte { return words(nil, "SET", key, "a value of some length") })
}

// trackers dials a reader that tracks, in RESP3, and a writer.
func trackers(g *group, options ...string) (reader, writer *ear, err error) {
	if reader, err = g.dial(); err == nil {
		writer, err = g.dial()
	}
	if err != nil {
		return nil, nil, err
	}
	for _, batch := range sets(trackedKeys) {
		writer.ask(batch, countRequests(batch))
	}
	hello := words(words(nil, "HELLO", "3"), append([]string{"CLIENT", "TRACKING"}, options...)...)
	reader.send(hello)
	reader.g.until(func() bool { return reader.heard > 0 })
	return reader, writer, g.err
}

// stale reads all keys, writes them, and waits until the reader has been told of each.
func stale(g *group, pipeline int, options ...string) (func(), int, error) {
	reader, writer, err := trackers(g, options...)
	if err != nil {
		return nil, 0, err
	}
	gets, sets := pages(pipeline, func(key string) []byte { return words(nil, "GET", key) }), sets(pipeline)
	const linesOfPush = 6
	reader.ask(words(nil, "PING"), 1)
	return func() {
		for _, b := range gets {
			reader.ask(b, 2*countRequests(b))
		}
		want := reader.heard + trackedKeys*linesOfPush
		for _, b := range sets {
			writer.ask(b, countRequests(b))
		}
		g.until(func() bool { return reader.heard >= want })
	}, trackedKeys, nil
}

// broadcast writes all keys, and waits until a listener to all prefixes has been told.
func broadcast(g *group, pipeline int) (func(), int, error) {
	reader, writer, err := trackers(g, "ON", "BCAST")
	if err != nil {
		return nil, 0, err
	}
	sets := sets(pipeline)
	reader.ask(words(nil, "PING"), 1)
	return func() {
		// A message has four lines and two for each key; each batch makes one at least.
		want := reader.heard + trackedKeys*2 + len(sets)*4
		for _, b := range sets {
			writer.ask(b, countRequests(b))
		}
		g.until(func() bool { return reader.heard >= want })
	}, trackedKeys, nil
}

// besideData compares what clients ask for beside data on both servers, and prints a
// Markdown table.
func besideData(args []string) (any, error) {
	fs := flag.NewFlagSet("clients", flag.ExitOnError)
	ours := fs.String("server", "bin/redisd", "server binary")
	peer := fs.String("peer", "redis-server", "binary to compare with")
	secs := fs.Float64("secs", 1, "seconds a turn")
	n := fs.Int("rounds", 3, "turns of each server; the median counts")
	fs.Parse(args)
	var servers [2]*server
	for i, bin := range []string{*peer, *ours} {
		dir, err := os.MkdirTemp("", "probe")
		if err != nil {
			return nil, err
		}
		defer os.RemoveAll(dir)
		if servers[i], err = startServer(bin, dir, "--appendonly", "no"); err != nil {
			return nil, err
		}
		defer servers[i].kill()
	}
	fmt.Println("| what, counted by | pipeline | redis-server | redisd | ratio (range) | processor time each: redis-server, redisd, ratio |\n|---|---|---|---|---|---|")
	for _, t := range clientTests() {
		for _, pipeline := range []int{1, 16} {
			r, err := inTurns(servers, *n, func(i int) (turn, error) {
				return t.run(servers[i], pipeline, time.Duration(*secs*float64(time.Second)))
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			fmt.Printf("| %s, %s | %d | %.1fk | %.1fk | %.2f (%.2f-%.2f) | %.2f us, %.2f us, %.2f |\n", t.name, t.units, pipeline,
				r.rate[0]/1e3, r.rate[1]/1e3, r.ratio, r.low, r.high, r.cpu[0], r.cpu[1], r.cpu[0]/r.cpu[1])
		}
	}
	return nil, nil
}
