// Package hostile_test lets clients misbehave against the real daemon: they stop in the
// middle, never read, announce what they do not send, send noise, guess passwords, take
// all descriptors. Each test checks the same three things: the others are served as
// before, memory stays within its limits, and the log says what happened.
//
// REDISD_LONG=1 makes the crowds larger. The tests run one after the other, because they
// measure how long others wait.
package hostile_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

const (
	kb = 1 << 10
	mb = 1 << 20

	// slower is how many times as long as before anybody was hostile, in the same test on
	// the same machine, commands of a well-behaved client may take. See promptly.
	slower = 20

	// leastCalls are measured at least, so that the slowest hundredth says something.
	leastCalls = 300
)

// promptly is what so many of 100 commands may take in any case. A machine with three times as
// much to do as it has processors was seen to take 60 us, 1 ms and 70 ms. A loop that serves somebody hostile
// for too long in each of its turns exceeds the first two, one that does so at times the last.
var promptly = [...]struct {
	of100 int
	least time.Duration
}{{50, time.Millisecond / 2}, {90, 5 * time.Millisecond}, {99, 100 * time.Millisecond}}

// scale is n, or many in the long form.
func scale(n, many int) int {
	if rig.Long() {
		return many
	}
	return n
}

// peer is a raw connection.
type peer struct {
	net.Conn
	t  testing.TB
	in *bufio.Reader
}

// start starts a daemon that keeps the account of its clients up to date: it has a
// limit of memory, which it does not reach.
func start(t testing.TB, args ...string) *rig.Server {
	t.Helper()
	return rig.Start(t, rig.Options{Args: append([]string{"--maxmemory", "16gb"}, args...)})
}

func newPeer(t testing.TB, c net.Conn) *peer {
	check.NoErr(t, c.SetDeadline(time.Now().Add(rig.Patience)))
	return &peer{c, t, bufio.NewReaderSize(c, 512)}
}

func dial(t testing.TB, s *rig.Server) *peer {
	t.Helper()
	return newPeer(t, s.Dial())
}

// crowd opens n connections, each of which was answered and so is a client.
func crowd(t testing.TB, s *rig.Server, n int) []*peer {
	t.Helper()
	all := make([]*peer, n)
	for i := range all {
		all[i] = dial(t, s)
		check.Eq(t, all[i].say("PING"), "+PONG")
	}
	return all
}

func (p *peer) send(text string) {
	p.t.Helper()
	_, err := io.WriteString(p, text)
	check.NoErr(p.t, err)
}

// try sends what a server that closes meanwhile need not take.
func (p *peer) try(text string) error {
	_, err := io.WriteString(p, text)
	return err
}

// line reads one line.
func (p *peer) line() string {
	p.t.Helper()
	got, err := p.in.ReadString('\n')
	check.NoErr(p.t, err)
	return strings.TrimRight(got, "\r\n")
}

// say sends an inline command and gives the first line of its reply.
func (p *peer) say(command string) string {
	p.t.Helper()
	p.send(command + "\r\n")
	return p.line()
}

// gone waits for the server to close and gives what it said before.
func (p *peer) gone() string {
	p.t.Helper()
	b, err := io.ReadAll(p.in)
	if err != nil && !strings.Contains(err.Error(), "reset") {
		check.NoErr(p.t, err)
	}
	return string(b)
}

// request is a command as clients send it.
func request(words ...string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "*%d\r\n", len(words))
	for _, w := range words {
		fmt.Fprintf(&b, "$%d\r\n%s\r\n", len(w), w)
	}
	return b.String()
}

// bystander is a well-behaved client that measures how long its commands take.
type bystander struct {
	t    testing.TB
	stop atomic.Bool
	done chan error
	took []time.Duration
	calm []time.Duration // what they took before, the shortest first
}

// watch starts a bystander on a connection, while nothing else goes on: it begins with
// what its commands take then.
func watch(p *peer) *bystander {
	b := &bystander{t: p.t, done: make(chan error, 1)}
	b.stop.Store(true)
	check.NoErr(p.t, b.run(p))
	b.calm, b.took = b.took, nil
	slices.Sort(b.calm)
	b.stop.Store(false)
	go func() { b.done <- b.run(p) }()
	return b
}

func (b *bystander) run(p *peer) error {
	steps := []struct{ send, want string }{
		{request("SET", "bystander", "v"), "+OK\r\n"},
		{request("EXISTS", "nobody"), ":0\r\n"},
		{request("PING"), "+PONG\r\n"},
	}
	buf := make([]byte, 16)
	for i := 0; !b.stop.Load() || i < leastCalls; i++ {
		step := steps[i%len(steps)]
		start := time.Now()
		if err := p.try(step.send); err != nil {
			return err
		}
		got := buf[:len(step.want)]
		if _, err := io.ReadFull(p.in, got); err != nil {
			return err
		}
		b.took = append(b.took, time.Since(start))
		if string(got) != step.want {
			return fmt.Errorf("%q after %q", got, step.send)
		}
	}
	return nil
}

// served ends the bystander: all its commands were answered, and promptly.
func (b *bystander) served() {
	b.t.Helper()
	b.stop.Store(true)
	check.NoErr(b.t, <-b.done)
	slices.Sort(b.took)
	b.t.Logf("bystander: %d commands, worst %s", len(b.took), b.took[len(b.took)-1])
	for _, p := range promptly {
		took, calm := b.took[len(b.took)*p.of100/100], b.calm[len(b.calm)*p.of100/100]
		most := max(p.least, slower*calm)
		b.t.Logf("bystander: %d of 100 took at most %s, before %s", p.of100, took, calm)
		check.True(b.t, took < most, fmt.Sprintf("%d of 100 commands took up to %s, %s is allowed", p.of100, took, most))
	}
}

// grew checks that the daemon uses at most so much more memory than it did, by its own
// account and by the kernel's.
func grew(t testing.TB, s *rig.Server, before memory, most int64) {
	t.Helper()
	now := memoryOf(s)
	t.Logf("memory: used_memory %+d KB, resident %+d KB", (now.used-before.used)/kb, (now.resident-before.resident)/kb)
	check.True(t, now.used-before.used <= most, fmt.Sprintf("used_memory grew by %d, %d is allowed", now.used-before.used, most))
	// Garbage of the Go runtime comes on top, as much again, and what it keeps for later.
	const slack = 48 * mb
	check.True(t, now.resident-before.resident <= 3*most+slack,
		fmt.Sprintf("the process grew by %d, %d is allowed", now.resident-before.resident, 3*most+slack))
}

// back waits until the daemon uses hardly more memory than before.
func back(t testing.TB, s *rig.Server, before memory) {
	t.Helper()
	rig.Eventually(t, "return to the memory from before", func() bool { return s.Int("used_memory")-before.used < 512*kb })
}

// memory is what the daemon says it uses and what the kernel says it has, bytes.
type memory struct{ used, resident int64 }

func memoryOf(s *rig.Server) memory {
	return memory{s.Int("used_memory"), s.Int("used_memory_rss")}
}

// cpu is the processor time that the process has used.
func cpu(t testing.TB, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	check.NoErr(t, err)
	_, rest, _ := strings.Cut(string(b), ") ")
	f := strings.Fields(rest)
	const userField, ticks = 11, 100 // USER_HZ is 100 on Linux
	user, err := strconv.ParseInt(f[userField], 10, 64)
	check.NoErr(t, err)
	system, err := strconv.ParseInt(f[userField+1], 10, 64)
	check.NoErr(t, err)
	return time.Duration(user+system) * time.Second / ticks
}

func itoa(n int) string { return strconv.Itoa(n) }
