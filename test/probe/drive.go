package main

import (
	"bytes"
	"fmt"
	"net/netip"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/clock"
	"redisd/pkg/event"
)

// Here: the client of the throughput figures. One thread serves all connections, with
// the system calls of pkg/event: a goroutine for each connection took more processor
// time than either server, so that it was the client that was measured.

// lane is one connection of a driver: it sends a batch, waits for the whole reply, and
// sends the next one.
type lane struct {
	d      *driver
	fd     int
	batch  func() []byte // the next one, valid until it is called again
	unsent []byte        // of the batch that is on its way
	got    int           // units of the reply so far
}

// driver is the client of one turn.
type driver struct {
	loop     *event.Loop
	lanes    []*lane
	buf      []byte
	units    func(p []byte) int // counts what the reply is counted by: lines, or bytes
	whole    int                // units of one batch's reply
	requests int                // requests in a batch
	answered func(l *lane)      // a whole reply is there
	done     int                // requests that were answered
	err      error
}

// countLines counts replies by their lines.
func countLines(p []byte) int { return bytes.Count(p, []byte{'\n'}) }

// countBytes counts replies by their bytes.
func countBytes(p []byte) int { return len(p) }

// drive sends batches over conns connections for a fifth of length to warm up and then
// for length, which is measured. batches gives those of the i-th connection; each batch
// holds so many requests, and whole is the size of its reply in units.
func drive(s *server, conns int, batches func(i int) [][]byte, units func(p []byte) int, whole, requests int, length time.Duration) (turn, error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	loop, err := event.New(clock.System())
	if err != nil {
		return turn{}, err
	}
	defer loop.Close()
	d := &driver{loop: loop, buf: make([]byte, 1<<17), units: units, whole: whole, requests: requests, answered: (*lane).start}
	defer d.close()
	for i := range conns {
		if err := d.add(s.port, inTurn(batches(i))); err != nil {
			return turn{}, err
		}
	}
	for _, l := range d.lanes {
		l.start()
	}
	if err := d.run(length / 5); err != nil {
		return turn{}, err
	}
	d.done = 0
	began, cpu := time.Now(), s.processor()
	if err := d.run(length); err != nil {
		return turn{}, err
	}
	n := float64(d.done)
	if n == 0 {
		return turn{}, fmt.Errorf("no reply within %s", length)
	}
	return turn{n / time.Since(began).Seconds(), float64((s.processor() - cpu).Microseconds()) / n}, nil
}

// inTurn gives one batch after the other, over and over.
func inTurn(batches [][]byte) func() []byte {
	i := -1
	return func() []byte {
		i = (i + 1) % len(batches)
		return batches[i]
	}
}

func (d *driver) add(port int, batch func() []byte) error {
	fd, errno := event.Dial(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), uint16(port)), 1000)
	if errno != 0 {
		return fmt.Errorf("connect: %w", errno)
	}
	l := &lane{d: d, fd: fd, batch: batch}
	d.lanes = append(d.lanes, l)
	if err := event.SetNoDelay(fd, true); err != nil {
		return err
	}
	return d.loop.Watch(fd, event.Readable, l)
}

func (d *driver) close() {
	for _, l := range d.lanes {
		d.loop.Unwatch(l.fd)
		event.Close(l.fd)
	}
}

// run turns the loop for so long, or until a connection fails.
func (d *driver) run(length time.Duration) error {
	over := false
	timer := d.loop.After(length.Milliseconds(), func() int64 { over = true; return -1 })
	defer d.loop.Cancel(timer)
	for !over && d.err == nil {
		if _, err := d.loop.Turn(true); err != nil {
			return err
		}
	}
	return d.err
}

// start sends the next batch.
func (l *lane) start() {
	l.unsent, l.got = l.batch(), 0
	l.write()
}

func (l *lane) write() {
	n, errno := event.Write(l.fd, l.unsent)
	if errno != 0 && errno != unix.EAGAIN {
		l.d.err = fmt.Errorf("write: %w", errno)
		return
	}
	l.unsent = l.unsent[n:]
	want := event.Readable
	if len(l.unsent) > 0 {
		want |= event.Writable
	}
	if err := l.d.loop.Modify(l.fd, want); err != nil {
		l.d.err = err
	}
}

// Ready implements event.Handler.
func (l *lane) Ready(event.Events) {
	if len(l.unsent) > 0 {
		l.write()
	}
	n, errno := event.Read(l.fd, l.d.buf)
	switch {
	case errno == unix.EAGAIN:
		return
	case errno != 0 || n == 0:
		l.d.err = fmt.Errorf("connection lost: %w", errno)
		return
	case l.got == 0 && l.d.buf[0] == '-':
		l.d.err = fmt.Errorf("%s", bytes.TrimSpace(l.d.buf[:n]))
		return
	}
	l.got += l.d.units(l.d.buf[:n])
	if l.got >= l.d.whole {
		l.d.done += l.d.requests
		l.d.answered(l)
	}
}
