package server

import (
	"slices"

	"redisd/pkg/command"
	"redisd/pkg/event"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
)

// blocked owns the clients whose command waits. What the command waits for decides
// who ends it: a key that was touched (its events mark the queues of those who wait
// for it, and the command runs again), the log (WAITAOF), the clock, CLIENT UNBLOCK.
type blocked struct {
	srv    *Server
	queues []map[string]*queue // by database, then key
	keys   int                 // queues there are
	orGone int                 // of them, those with a client that a missing key wakes
	timers int                 // clients that wait for a time
	born   uint64              // queues that were made, for their order

	ready   []*queue // touched since the last serve, in that order
	spare   []*queue // room for the next list
	serving bool

	answered []*client // have their reply; further commands of theirs may lie in c.in
	log      []*client // wait for the log
}

// parked is the command of a blocked client.
type parked struct {
	client *client
	spec   *command.Spec
	argv   [][]byte      // a copy: the words it runs with again
	nanos  int64         // it has taken so far
	timer  event.TimerID // 0 without a timeout
	places []place       // in the queues of its keys
	want   keyspace.Type
	orGone bool
	// timeout writes the reply when the time is over.
	timeout      func(w *resp.Writer)
	aof, onlyLog bool // in blocked.log; and for nothing else
}

// queue is who waits for one key, first come, first served.
type queue struct {
	db          int
	key         string
	first, last *place
	n           int
	orGone      int // of them, those that a missing key wakes
	number      uint64
	ready       bool // in blocked.ready
}

// place is one client's place in one queue.
type place struct {
	owner      *parked
	in         *queue
	prev, next *place
}

func newBlocked(s *Server) *blocked {
	return &blocked{srv: s, queues: make([]map[string]*queue, s.ks.Databases())}
}

// park makes c wait for the keys that its command named. A command that ran again
// keeps its places and its time.
func (b *blocked) park(c *client, w command.Wait) {
	p := b.srv.exec.rerun
	if p == nil {
		p = b.newParked(c, w.TimeoutMs, (*resp.Writer).NullArray)
		p.want, p.orGone = w.Want, w.OrGone
		b.queueUp(p, c.db.Index(), w.Keys)
	}
	b.block(c, p)
}

// parkUntil makes c wait until unpark, or for timeoutMs, 0 for ever. timeout writes the
// reply when that is over; it must not fail.
func (b *blocked) parkUntil(c *client, timeoutMs int64, timeout func(w *resp.Writer)) *parked {
	p := b.newParked(c, timeoutMs, timeout)
	b.block(c, p)
	return p
}

func (b *blocked) block(c *client, p *parked) {
	c.parked = p
	c.set(flagBlocked, true)
}

func (b *blocked) newParked(c *client, timeoutMs int64, timeout func(w *resp.Writer)) *parked {
	ctx := &b.srv.exec.ctx
	p := &parked{client: c, spec: ctx.Spec, argv: cloneWords(ctx.Args), timeout: timeout}
	if timeoutMs > 0 {
		b.timers++
		p.timer = b.srv.loop.After(timeoutMs, func() int64 {
			b.answer(c, p.timeout)
			return -1
		})
	}
	return p
}

// cloneWords copies the words of a command, in one piece.
func cloneWords(argv [][]byte) [][]byte {
	n := 0
	for _, a := range argv {
		n += len(a)
	}
	all, words := make([]byte, 0, n), make([][]byte, len(argv))
	for i, a := range argv {
		start := len(all)
		all = append(all, a...)
		words[i] = all[start:len(all):len(all)]
	}
	return words
}

// queueUp puts p at the end of the queues of its keys.
func (b *blocked) queueUp(p *parked, db int, keys [][]byte) {
	if b.queues[db] == nil {
		b.queues[db] = map[string]*queue{}
	}
	p.places = make([]place, 0, len(keys)) // never moves: the queues point into it
	for _, key := range keys {
		q := b.queues[db][string(key)]
		if q == nil {
			b.born++
			q = &queue{db: db, key: string(key), number: b.born}
			b.queues[db][q.key] = q
			b.keys++
		}
		if q.last != nil && q.last.owner == p {
			continue // the key stands there twice
		}
		p.places = append(p.places, place{owner: p, in: q, prev: q.last})
		at := &p.places[len(p.places)-1]
		if q.last == nil {
			q.first = at
		} else {
			q.last.next = at
		}
		q.last = at
		q.n++
		if p.orGone {
			q.countGone(b, 1)
		}
	}
}

func (q *queue) countGone(b *blocked, by int) {
	before := q.orGone
	q.orGone += by
	switch {
	case before == 0:
		b.orGone++
	case q.orGone == 0:
		b.orGone--
	}
}

// stepOut takes p out of all queues. A queue without clients is forgotten.
func (b *blocked) stepOut(p *parked) {
	for i := range p.places {
		at := &p.places[i]
		q := at.in
		if at.prev == nil {
			q.first = at.next
		} else {
			at.prev.next = at.next
		}
		if at.next == nil {
			q.last = at.prev
		} else {
			at.next.prev = at.prev
		}
		q.n--
		if p.orGone {
			q.countGone(b, -1)
		}
		if q.n == 0 {
			delete(b.queues[q.db], q.key)
			b.keys--
		}
	}
	p.places = nil
}

// forget ends the waiting of p: queues, timer and flag. Its client is not told.
func (b *blocked) forget(p *parked) {
	b.stepOut(p)
	if p.timer != 0 {
		b.srv.loop.Cancel(p.timer)
		p.timer = 0
		b.timers--
	}
	if p.aof {
		b.log = slices.DeleteFunc(b.log, func(c *client) bool { return c == p.client })
	}
	if p.client.parked == p {
		p.client.parked = nil
	}
	p.client.set(flagBlocked, false)
}

// release is forget for a client that has its reply: what it sent meanwhile runs
// before the loop sleeps.
func (b *blocked) release(p *parked) {
	b.forget(p)
	b.answered = append(b.answered, p.client)
}

// answer ends the waiting of c with the reply that write writes. It may be called
// while the command of another client runs.
func (b *blocked) answer(c *client, write func(w *resp.Writer)) {
	x := b.srv.exec
	p := c.parked
	clock := x.clockN
	outer := x.enter(c)
	start, errors := len(x.w.Buf), x.w.Errors
	write(&x.w)
	x.record(c, p.spec, p.argv, p.nanos, x.w.Errors != errors)
	x.settle(c, p.spec, start)
	x.leave(c, outer)
	x.clockN = clock
	b.release(p)
}

// resume runs what the clients that got their reply have sent meanwhile.
func (b *blocked) resume() {
	for i := 0; i < len(b.answered); i++ { // the list may grow meanwhile
		if c := b.answered[i]; c.fd >= 0 {
			b.srv.resume(c)
		}
	}
	clear(b.answered)
	b.answered = b.answered[:0]
}
