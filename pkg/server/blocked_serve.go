package server

import (
	"slices"

	"redisd/pkg/keyspace"
)

// Here: which clients a change of keys wakes, and their commands' second run.

// touched marks the queue of a key that a command, or its expiry, changed.
func (b *blocked) touched(db int, key []byte) {
	if b.keys == 0 {
		return
	}
	if q := b.queues[db][string(key)]; q != nil {
		b.mark(q)
	}
}

// touchedAll marks the queues of all keys of a database: it was flushed, or has
// got the contents of another one.
func (b *blocked) touchedAll(db int) {
	if b.keys == 0 {
		return
	}
	from := len(b.ready)
	for _, q := range b.queues[db] {
		b.mark(q)
	}
	// Who waits longer comes first; a map has no order.
	slices.SortFunc(b.ready[from:], func(x, y *queue) int {
		if x.number < y.number {
			return -1
		}
		return 1
	})
}

func (b *blocked) mark(q *queue) {
	if !q.ready {
		q.ready = true
		b.ready = append(b.ready, q)
	}
}

// serve lets the clients run whose keys were touched. A command that is served
// may touch keys itself, as BLMOVE does: those come after the ones that are ready
// now. It ends when nothing is ready any more.
func (b *blocked) serve() {
	if b.serving {
		return
	}
	b.serving = true
	for len(b.ready) > 0 {
		list := b.ready
		b.ready = b.spare[:0]
		for _, q := range list {
			q.ready = false
			b.serveQueue(q)
		}
		clear(list)
		b.spare = list[:0]
	}
	b.serving = false
}

// serveQueue runs the commands of those who wait for a key, in their order, while
// it holds what they want. Each gets one run, so that those who have to go on
// waiting do not keep the loop.
func (b *blocked) serveQueue(q *queue) {
	db, key := b.srv.ks.DB(q.db), []byte(q.key)
	for at, n := q.first, q.n; at != nil && n > 0; n-- {
		p, next := at.owner, at.next
		e, found := db.Peek(key)
		if p.wakes(e, found) && !p.client.has(flagCloseSoon) {
			b.again(p)
		}
		at = next
	}
}

// wakes tells whether p's command may have something to do.
func (p *parked) wakes(e keyspace.Entry, found bool) bool {
	return found && e.Type() == p.want || p.orGone
}

// again runs the command of a blocked client once more, from the gates on, as if
// it came now. It may block again: then it keeps its place and its time.
func (b *blocked) again(p *parked) {
	x, c := b.srv.exec, p.client
	c.parked = nil
	c.set(flagBlocked, false)
	outer := x.enter(c)
	x.rerun = p
	x.client = c
	reason := x.refused(c, p.spec, p.argv)
	start := len(x.w.Buf)
	if reason != "" {
		x.reject(c, p.spec, reason)
	} else {
		x.call(c, p.spec, p.argv)
	}
	x.rerun = nil
	if c.parked == nil {
		x.settle(c, p.spec, start)
		b.release(p)
	}
	x.client = nil
	x.flushPushes(c)
	x.leave(c, outer)
}
