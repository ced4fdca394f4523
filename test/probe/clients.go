package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/clock"
	"redisd/pkg/event"
)

// Here: what clients ask of the server beside data: messages to many, transactions, and
// to be told which of their copies of keys are stale. As in drive.go the client is one
// thread, which waits for all that a step makes the server send.

// group is the connections of one turn.
type group struct {
	loop  *event.Loop
	port  int
	buf   []byte
	ears  []*ear
	marks int // that all of them got
	err   error
}

// ear is one connection.
type ear struct {
	g     *group
	fd    int
	lines int // that it got
}

// mark is in every key, value and message, once; so that they are counted wherever one
// read ends.
const mark = '@'

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
	switch got := e.g.buf[:max(n, 0)]; {
	case errno == unix.EAGAIN:
	case errno != 0 || n == 0:
		e.g.err = fmt.Errorf("connection lost: %w", errno)
	case got[0] == '-':
		e.g.err = fmt.Errorf("%s", bytes.TrimSpace(got))
	default:
		e.lines += countLines(got)
		e.g.marks += bytes.Count(got, []byte{mark})
	}
}

// send writes a batch, for which the socket's buffer has room.
func (e *ear) send(batch []byte) {
	if n, errno := event.Write(e.fd, batch); e.g.err == nil && (errno != 0 || n < len(batch)) {
		e.g.err = fmt.Errorf("write: %d of %d bytes: %w", n, len(batch), errno)
	}
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

// members are connections that share the work.
type members []*ear

// members dials n connections, which send hello first.
func (g *group) members(n int, hello []byte) (m members, err error) {
	hello = words(hello, "ECHO", string(mark)) // what comes before is of another length on each server
	for range n {
		e, err := g.dial()
		if err != nil {
			return nil, err
		}
		m = append(m, e)
		want := g.marks + 1
		e.send(hello)
		g.until(func() bool { return g.marks >= want })
	}
	return m, g.err
}

func (m members) lines() (n int) {
	for _, e := range m {
		n += e.lines
	}
	return n
}

// take works batches off, one a member at a time. For each request it waits for so many
// lines to the members, and so many marks to anybody.
func (m members) take(batches [][]byte, lines, marks int) {
	g := m[0].g
	for these := range slices.Chunk(batches, len(m)) {
		lineGoal, markGoal := m.lines(), g.marks
		for i, b := range these {
			n := bytes.Count(b, []byte("*"))
			lineGoal, markGoal = lineGoal+lines*n, markGoal+marks*n
			m[i].send(b)
		}
		g.until(func() bool { return g.marks >= markGoal && m.lines() >= lineGoal })
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

// clientTest is one row; units names what is counted.
type clientTest struct {
	name, units string
	run         func(s *server, pipeline int, length time.Duration) (turn, error)
}

const (
	subscribers = 100
	trackedKeys = 1000
	sharing     = 16 // readers, and writers
	queuedCount = 10 // commands in a transaction
	text        = "@ some twenty letters"
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
	grouped := func(prepare func(g *group, pipeline int) (func(), int, error)) func(*server, int, time.Duration) (turn, error) {
		return func(s *server, pipeline int, length time.Duration) (turn, error) {
			return rounds(s, length, func(g *group) (func(), int, error) { return prepare(g, pipeline) })
		}
	}
	return []clientTest{
		{"PUBLISH to 100 subscribers", "messages", grouped(publishing)},
		{"MULTI, 10 commands, EXEC", "transactions", transactions},
		{"tracking, 1,000 keys", "invalidations", grouped(stale)},
		{"tracking, 1,000 keys, BCAST", "invalidations", grouped(broadcast)},
	}
}

// publishing sends messages to a channel, and waits until all have them.
func publishing(g *group, pipeline int) (func(), int, error) {
	ears, err := g.members(subscribers, nil)
	if err != nil {
		return nil, 0, err
	}
	ears.take(slices.Repeat([][]byte{words(nil, "SUBSCRIBE", "channel")}, subscribers), 6, 0)
	publisher, err := g.members(1, nil)
	if err != nil {
		return nil, 0, err
	}
	batches := [][]byte{bytes.Repeat(words(nil, "PUBLISH", "channel", text), pipeline)}
	return func() { publisher.take(batches, 1, subscribers) }, pipeline * subscribers, nil
}

// transactions runs transactions on 16 connections.
func transactions(s *server, pipeline int, length time.Duration) (turn, error) {
	const lines = 1 + queuedCount + 1 + queuedCount
	return drive(s, sharing, func(i int) [][]byte {
		one := words(nil, "MULTI")
		for j := range queuedCount {
			one = words(one, "SET", fmt.Sprintf("key:%d:%d", i, j), text)
		}
		return [][]byte{bytes.Repeat(words(one, "EXEC"), pipeline)}
	}, countLines, lines*pipeline, pipeline, length)
}

// batches lays requests for all keys out, so many in each.
func batches(pipeline int, request func(key string) []byte) (out [][]byte) {
	for from := 0; from < trackedKeys; from += pipeline {
		var b []byte
		for i := from; i < min(from+pipeline, trackedKeys); i++ {
			b = append(b, request(fmt.Sprintf("key@%08d", i))...)
		}
		out = append(out, b)
	}
	return out
}

func get(key string) []byte { return words(nil, "GET", key) }
func set(key string) []byte { return words(nil, "SET", key, text) }

// trackers dials readers that track, in RESP3, and writers; the keys are there.
func trackers(g *group, number int, options ...string) (readers, writers members, err error) {
	if writers, err = g.members(sharing, nil); err != nil {
		return nil, nil, err
	}
	writers.take(batches(sharing, set), 1, 0)
	readers, err = g.members(number, words(words(nil, "HELLO", "3"), append([]string{"CLIENT", "TRACKING"}, options...)...))
	return readers, writers, err
}

// stale reads all keys, writes them, and waits until the readers have been told of each.
func stale(g *group, pipeline int) (func(), int, error) {
	readers, writers, err := trackers(g, sharing, "ON")
	if err != nil {
		return nil, 0, err
	}
	gets, sets := batches(pipeline, get), batches(pipeline, set)
	return func() { readers.take(gets, 2, 1); writers.take(sets, 1, 1) }, trackedKeys, nil
}

// broadcast writes all keys, and waits until one who listens to all was told of each.
func broadcast(g *group, pipeline int) (func(), int, error) {
	_, writers, err := trackers(g, 1, "ON", "BCAST")
	if err != nil {
		return nil, 0, err
	}
	sets := batches(pipeline, set)
	return func() { writers.take(sets, 1, 1) }, trackedKeys, nil
}

// besideData compares what clients ask for beside data on both servers, and prints a
// Markdown table.
func besideData(args []string) (any, error) {
	v := newVersus("clients", 1)
	only := v.String("only", "", "measure only rows whose names hold this")
	v.Parse(args)
	defer v.stop()
	if err := v.start(); err != nil {
		return nil, err
	}
	fmt.Println("| what, counted by | pipeline | redis-server | redisd | ratio (range) | processor time each: redis-server, redisd, ratio |\n|---|---|---|---|---|---|")
	for _, t := range clientTests() {
		if !strings.Contains(t.name, *only) {
			continue
		}
		for _, pipeline := range []int{1, 16} {
			r, err := inTurns(v.servers, *v.rounds, func(i int) (turn, error) {
				return t.run(v.servers[i], pipeline, v.length())
			})
			if err != nil {
				return nil, fmt.Errorf("%s: %w", t.name, err)
			}
			r.row(t.name+", "+t.units, pipeline)
		}
	}
	return nil, nil
}
