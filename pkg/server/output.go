package server

import (
	"golang.org/x/sys/unix"

	"redisd/pkg/event"
)

// queue puts c on the list of those whose replies are sent before the loop sleeps.
func (cs *clients) queue(c *client) {
	if c.pendingOut() > poolBuffer && cs.tooManyReplies(c) {
		cs.choke(c)
		return
	}
	if c.has(flagWriteQueued|flagHeld|flagWatchWrite) || c.fd < 0 {
		return
	}
	c.set(flagWriteQueued, true)
	cs.toWrite = append(cs.toWrite, c)
}

// flushQueued sends the replies of this turn, except those whose log batch has
// not reached the policy's point: these wait in held.
func (cs *clients) flushQueued() {
	durable := cs.durable()
	for _, c := range cs.toWrite {
		c.set(flagWriteQueued, false)
		switch {
		case c.fd < 0:
		case c.hold > durable:
			c.set(flagHeld, true)
			cs.held = append(cs.held, c)
		default:
			cs.flush(c)
		}
	}
	clear(cs.toWrite)
	cs.toWrite = cs.toWrite[:0]
}

// releaseHeld sends the replies whose log batch has come through meanwhile.
func (cs *clients) releaseHeld() {
	if len(cs.held) == 0 {
		return
	}
	durable := cs.durable()
	keep := cs.held[:0]
	for _, c := range cs.held {
		if c.hold > durable && c.fd >= 0 {
			keep = append(keep, c)
			continue
		}
		c.set(flagHeld, false)
		cs.flush(c)
	}
	clear(cs.held[len(keep):])
	cs.held = keep
}

// flush sends what the socket takes; the rest waits until it has room again.
func (cs *clients) flush(c *client) {
	if c.fd < 0 || c.has(flagHeld) {
		return
	}
	if c.hold > cs.durable() {
		// A command that came while the socket was full: its reply waits.
		if c.has(flagWatchWrite) {
			c.set(flagWatchWrite, false)
			cs.watch(c)
		}
		c.set(flagHeld, true)
		cs.held = append(cs.held, c)
		return
	}
	for c.sent < len(c.out) || c.tls != nil && c.tls.Queued() > 0 {
		n, errno := c.write(c.out[c.sent:])
		if errno == unix.EINTR {
			continue
		}
		if errno == unix.EAGAIN {
			if !c.has(flagWatchWrite) {
				c.set(flagWatchWrite, true)
				cs.watch(c)
			}
			return
		}
		if errno != 0 {
			if !errnoGone(errno) {
				cs.log.Verbosef("Error writing to client: %s", event.Strerror(errno))
			}
			cs.closeSoon(c)
			return
		}
		c.sent += n
		c.active = cs.stats.nowSec // one that waited for long is not idle after its reply
		c.netOut += uint64(n)
		cs.stats.netOut += uint64(n)
		cs.stats.writes++
	}
	cs.pool.put(c.out)
	c.out, c.sent = nil, 0
	if c.has(flagWatchWrite) {
		c.set(flagWatchWrite, false)
		cs.watch(c)
	}
	if c.has(flagCloseAfterReply) {
		cs.closeSoon(c)
	}
}

// watch tells the loop what c waits for.
func (cs *clients) watch(c *client) {
	ev := event.Readable
	if c.has(flagWatchWrite) {
		ev |= event.Writable
	}
	if err := cs.loop.Modify(c.fd, ev); err != nil {
		cs.closeSoon(c)
	}
}
