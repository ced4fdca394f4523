package event

import (
	"sync"
	"sync/atomic"
)

// Here: functions from other goroutines. One mutex-protected slice and an eventfd
// are the whole story; posts are rare compared with commands.

// keepPosts is the largest queue whose memory is kept for the next batch.
const keepPosts = 1024

// postbox is the queue and the alarm clock of the loop.
type postbox struct {
	fd int // the eventfd; -1 once closed

	// sleeping is true while the loop may be asleep in a poll. The loop sets it,
	// posters read it.
	sleeping atomic.Bool
	// queued is len(queue), for the loop to look at without the lock.
	queued  atomic.Int64
	wakeups atomic.Uint64 // eventfd writes

	mu    sync.Mutex
	queue []func() // posted, not taken by the loop yet
	rung  bool     // the eventfd is readable: ringing again would tell nothing new

	// Of the loop alone: the batch that it took from the queue, and what of it comes
	// next. Both outlive a panic of a posted function, so none is lost or run twice.
	batch []func()
	next  int
}

// Post queues fn to run on the loop, in the turn in progress or the next one, after
// everything posted before. Any goroutine may call it, the loop too; it never
// blocks. It makes a system call only if the loop may be asleep and nobody woke it.
func (l *Loop) Post(fn func()) {
	p := &l.post
	p.mu.Lock()
	p.queue = append(p.queue, fn)
	p.queued.Store(int64(len(p.queue)))
	p.ring()
	p.mu.Unlock()
}

// RunPosted runs the functions that are queued now and returns their number. Every
// turn does this; a caller that serves nested turns calls it at points where it can
// bear that they run, to see signals, for instance.
func (l *Loop) RunPosted() int {
	l.assertOwner()
	p := &l.post
	if p.next == len(p.batch) {
		if p.queued.Load() == 0 {
			return 0
		}
		p.take()
	}
	ran := 0
	for p.next < len(p.batch) {
		fn := p.batch[p.next]
		p.batch[p.next] = nil
		p.next++
		fn()
		ran++
	}
	return ran
}

// waiting tells the loop whether there is something to run: queued, or left of a batch
// that a panic ended.
func (p *postbox) waiting() bool { return p.queued.Load() > 0 || p.next < len(p.batch) }

// take makes the queue the batch.
func (p *postbox) take() {
	spare := p.batch[:0]
	if cap(spare) > keepPosts {
		spare = nil
	}
	p.mu.Lock()
	p.batch, p.queue = p.queue, spare
	p.queued.Store(0)
	p.mu.Unlock()
	p.next = 0
}

func (p *postbox) wake() {
	p.mu.Lock()
	p.ring()
	p.mu.Unlock()
}

// ring wakes a loop that may sleep. It is called with the lock, and close takes the
// lock, so the descriptor cannot be another file's by now.
func (p *postbox) ring() {
	if !p.sleeping.Load() || p.rung || p.fd < 0 {
		return
	}
	p.rung = true
	p.wakeups.Add(1)
	// It fails only with EAGAIN at 2^64-2, when it is readable anyway.
	one := [8]byte{1} // a counter in host order: not zero on any machine
	Write(p.fd, one[:])
}

// drain makes the eventfd unreadable again.
func (p *postbox) drain() {
	var count [8]byte
	p.mu.Lock()
	Read(p.fd, count[:])
	p.rung = false
	p.mu.Unlock()
}

func (p *postbox) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fd >= 0 {
		Close(p.fd)
		p.fd = -1
	}
}
