package server

import (
	"sort"

	"golang.org/x/sys/unix"

	"redisd/pkg/event"
	"redisd/pkg/resp"
)

// clients owns the connections: who is there, whose replies wait, and the
// buffers they share.
type clients struct {
	loop  *event.Loop
	log   Log
	stats *stats

	byFD   []*client // index is the descriptor
	count  int
	nextID uint64

	toWrite []*client // have replies to send before the loop sleeps
	held    []*client // have replies that wait for the log
	closing []*client // to be closed before the loop sleeps

	// durable tells the last log batch that reached the policy's point.
	durable func() uint64

	shared []byte // one read buffer for all
	pool   bufferPool

	longReserved, longUsed int64 // bytes of long arguments, announced and with memory

	known, unknown resp.Limits // of clients that authenticated, and of those that did not

	pause pause // CLIENT PAUSE
	lim   clientLimits
	peaks peaks // largest buffers of late
}

func newClients(loop *event.Loop, log Log, st *stats) *clients {
	return &clients{
		loop: loop, log: log, stats: st, nextID: 1,
		shared: make([]byte, readSize),
		known:  resp.DefaultLimits(), unknown: resp.DefaultLimits(),
		durable: func() uint64 { return 0 },
		peaks:   peaks{everyMs: peakResetMs},
	}
}

// readSize is what one read(2) may bring: large pipelines amortise the call, and
// a client cannot keep the loop for longer than this much input takes.
const readSize = 64 << 10

func (cs *clients) add(c *client) error {
	c.id = cs.nextID
	cs.nextID++
	ev := event.Readable
	if c.has(flagWatchWrite) {
		ev |= event.Writable
	}
	if err := cs.loop.Watch(c.fd, ev, c); err != nil {
		return err
	}
	for c.fd >= len(cs.byFD) {
		cs.byFD = append(cs.byFD, nil)
	}
	cs.byFD[c.fd] = c
	cs.count++
	return nil
}

// each calls fn for every connection in the order they came.
func (cs *clients) each(fn func(*client)) {
	all := make([]*client, 0, cs.count)
	for _, c := range cs.byFD {
		if c != nil {
			all = append(all, c)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].id < all[j].id })
	for _, c := range all {
		fn(c)
	}
}

func (cs *clients) byID(id uint64) *client {
	for _, c := range cs.byFD {
		if c != nil && c.id == id {
			return c
		}
	}
	return nil
}

// closeSoon marks a client to be closed before the loop sleeps: not now, because
// its command may be running.
func (cs *clients) closeSoon(c *client) {
	if c.has(flagCloseSoon | flagReplay | flagScript) {
		return
	}
	c.set(flagCloseSoon, true)
	cs.closing = append(cs.closing, c)
	if c.long != nil && !c.long.running {
		cs.dropLong(c)
	}
}

func (cs *clients) closeMarked() {
	kept := cs.closing[:0]
	for _, c := range cs.closing {
		if c.has(flagProtected) {
			kept = append(kept, c)
			continue
		}
		cs.close(c)
	}
	clear(cs.closing[len(kept):])
	cs.closing = kept
}

func (cs *clients) close(c *client) {
	if c.fd < 0 {
		return
	}
	if c.parked != nil {
		c.srv.blocked.forget(c.parked)
	}
	c.srv.endTransaction(c)
	c.srv.dropSubscriptions(c)
	c.srv.monitors.drop(c)
	c.srv.caches.drop(c)
	cs.loop.Unwatch(c.fd)
	cs.byFD[c.fd] = nil
	cs.count--
	if c.tls != nil {
		c.tls.Close()
	}
	event.Close(c.fd)
	c.fd = -1
	if c.long != nil && !c.long.running {
		cs.dropLong(c)
	}
	cs.pool.put(c.in)
	cs.pool.put(c.out)
	c.in, c.out, c.sent = nil, nil, 0
	cs.lim.total -= c.accounted
	c.accounted = 0
}

// shutAll sends what can be sent at once and closes every connection, for the
// end of the process.
func (cs *clients) shutAll() {
	for _, c := range cs.byFD {
		if c != nil {
			cs.flush(c)
			cs.close(c)
		}
	}
}

// sweepIdle closes clients that were silent for longer than timeout seconds.
func (cs *clients) sweepIdle(now, timeout int64) {
	if timeout <= 0 {
		return
	}
	for _, c := range cs.byFD {
		if c != nil && !c.has(flagBlocked|flagPubSub|flagMonitor) && now-c.active > timeout {
			cs.log.Verbosef("Closing idle client")
			cs.closeSoon(c)
		}
	}
}

// errnoGone are the errors of a socket whose peer went away, which are not worth
// a log line above verbose.
func errnoGone(e unix.Errno) bool { return e == unix.ECONNRESET || e == unix.EPIPE }
