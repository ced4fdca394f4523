package server

import (
	"math"
	"math/bits"
	"slices"

	"redisd/pkg/config"
)

// clientLimits bound what clients may keep: replies that one does not fetch
// (client-output-buffer-limit), and the memory of all (maxmemory-clients).
type clientLimits struct {
	replies [config.ClassPubSub + 1]config.OutputLimit // by class

	memory  int64     // above it clients are evicted; 0 for never
	counted bool      // clients are accounted: there is such a limit, or one on all memory
	total   int64     // of the accounted clients
	touched []*client // whose memory may have changed in this turn
}

// leastClientMemory is the lowest limit that maxmemory-clients can mean, Redis's:
// with less nobody could connect to repair it.
const leastClientMemory = 128 << 10

func (s *Server) applyClientLimits() error {
	l := &s.clients.lim
	for class := range l.replies {
		l.replies[class] = s.cfg.OutputLimit(class)
	}
	maxMemory := s.cfg.Int(config.MaxMemory)
	l.memory = s.cfg.Bytes(config.MaxMemoryClients, maxMemory)
	if l.memory > 0 {
		l.memory = max(l.memory, leastClientMemory)
	}
	l.counted = l.memory > 0 || maxMemory > 0
	s.accountAll()
	return nil
}

// replyRoom is how long the reply buffer of c may get: what is longer makes the
// client go at once. Redis does not count what fits into its buffer of fixed size;
// here less than that is always allowed.
func (cs *clients) replyRoom(c *client) int {
	hard := cs.lim.replies[c.class()].Hard
	if hard == 0 || hard > math.MaxInt-2*poolBuffer {
		return math.MaxInt
	}
	return c.sent + max(poolBuffer, int(hard)-1)
}

// tooManyReplies tells whether c has to go because of the replies that it does not
// fetch: above the hard limit, or above the soft one for too long.
func (cs *clients) tooManyReplies(c *client) bool {
	pending := int64(c.pendingOut() + c.ciphertext())
	if pending <= poolBuffer {
		c.softSince = 0
		return false
	}
	l, now := &cs.lim.replies[c.class()], cs.stats.nowSec
	switch {
	case l.Hard > 0 && pending >= l.Hard:
		return true
	case l.Soft == 0 || pending < l.Soft:
		c.softSince = 0
	case c.softSince == 0:
		c.softSince = now
	default:
		return now-c.softSince > l.SoftSeconds
	}
	return false
}

// choke closes a client that does not fetch its replies. They are not sent.
func (cs *clients) choke(c *client) {
	if c.has(flagCloseSoon) {
		return
	}
	cs.log.Warnf("Client %s scheduled to be closed ASAP for overcoming of output buffer limits.", c.srv.describe(c))
	cs.closeSoon(c)
	cs.pool.put(c.out)
	c.out, c.sent = nil, 0
}

// note has the memory of c accounted before the loop sleeps.
func (cs *clients) note(c *client) {
	if !cs.lim.counted || c.has(flagNoted|flagReplay) {
		return
	}
	c.set(flagNoted, true)
	cs.lim.touched = append(cs.lim.touched, c)
}

func (s *Server) account(c *client) {
	m := int64(0)
	if c.fd >= 0 && !c.has(flagCloseSoon) && s.clients.lim.counted {
		m = int64(s.memoryOf(c).total)
	}
	s.clients.lim.total += m - c.accounted
	c.accounted = m
}

// accountAll accounts every client, once a second and when the limit changes.
func (s *Server) accountAll() {
	for _, c := range s.clients.byFD {
		if c != nil {
			s.account(c)
		}
	}
}

// evictClients closes clients as long as all together keep more than they may: those
// of the largest size first, by powers of two as in Redis, and of one size the oldest.
// Those with CLIENT NO-EVICT count and stay.
func (s *Server) evictClients() {
	l := &s.clients.lim
	for _, c := range l.touched {
		c.set(flagNoted, false)
		s.account(c)
	}
	clear(l.touched)
	l.touched = l.touched[:0]
	if l.memory == 0 || l.total < l.memory {
		return
	}
	var list []*client
	s.clients.each(func(c *client) {
		switch {
		case c.has(flagCloseSoon):
			s.account(c) // what it has is as good as free
		case !c.has(flagNoEvict):
			list = append(list, c)
		}
	})
	size := func(c *client) int { return max(bits.Len64(uint64(c.accounted)), 15) }
	slices.SortStableFunc(list, func(a, b *client) int { return size(b) - size(a) })
	for _, c := range list {
		if l.total < l.memory {
			return
		}
		s.log.Noticef("Evicting client: %s", s.describe(c))
		s.clients.closeSoon(c)
		s.account(c)
		s.stats.evictedClients++
	}
}
