package ahead

import (
	"fmt"
	"runtime/debug"
	"sync"
	"time"
)

// Pipe is one producer's work under way. The methods are for the consumer's goroutine.
type Pipe[T any] struct {
	full chan *T
	free chan *T
	quit chan struct{}
	over chan struct{} // closed when the producer has ended
	stop sync.Once
	bug  error // of the producer, readable when full is closed

	inHand *T
	tick   *time.Ticker // made at the first long wait
}

// Producer is the producer's side of a Pipe. Its methods are for the producer's
// goroutine, and so is its batch.
type Producer[T any] struct {
	pipe  *Pipe[T]
	batch *T
}

// Start runs produce on a goroutine of its own, with all the batches free. What is in the
// batch that it has in hand when it returns is given too. Stop must be called in the end.
func Start[T any](batches []*T, produce func(*Producer[T])) *Pipe[T] {
	p := &Pipe[T]{
		full: make(chan *T, len(batches)), free: make(chan *T, len(batches)),
		quit: make(chan struct{}), over: make(chan struct{}),
	}
	for _, b := range batches {
		p.free <- b
	}
	go p.run(produce)
	return p
}

func (p *Pipe[T]) run(produce func(*Producer[T])) {
	defer close(p.over)
	defer close(p.full)
	defer func() {
		if r := recover(); r != nil {
			p.bug = fmt.Errorf("BUG: ahead: the producer: %v\n%s", r, debug.Stack())
		}
	}()
	w := &Producer[T]{pipe: p}
	produce(w)
	if w.batch != nil {
		w.Give()
	}
}

// Batch is the batch to fill, the same one until Give. ok is false when the consumer has
// stopped: the producer is to return.
func (w *Producer[T]) Batch() (b *T, ok bool) {
	if w.batch != nil {
		return w.batch, true
	}
	select {
	case <-w.pipe.quit: // first: a free batch may be there too
		return nil, false
	default:
	}
	select {
	case w.batch = <-w.pipe.free:
		return w.batch, true
	case <-w.pipe.quit:
		return nil, false
	}
}

// Give hands the batch over. It does not wait.
func (w *Producer[T]) Give() {
	w.pipe.full <- w.batch // never full: there are no more batches than it holds
	w.batch = nil
}

// GiveAndWait is Give that waits until every batch has been worked off, for one that
// holds so much memory that there must not be a second one. It is false when the
// consumer has stopped.
func (w *Producer[T]) GiveAndWait() bool {
	w.Give()
	all := make([]*T, 0, cap(w.pipe.free))
	for len(all) < cap(all) {
		select {
		case b := <-w.pipe.free:
			all = append(all, b)
		case <-w.pipe.quit:
			return false
		}
	}
	for _, b := range all {
		w.pipe.free <- b
	}
	return true
}

// idleEvery is how often a consumer that waits gets to do something else.
const idleEvery = 10 * time.Millisecond

// Next gives the batch before back and returns the next one, nil at the end. While it has
// to wait it calls idle, unless nil, about every ten milliseconds. It panics if the
// producer did.
func (p *Pipe[T]) Next(idle func()) *T {
	p.giveBack()
	select {
	case b := <-p.full:
		return p.take(b)
	default:
	}
	if idle == nil {
		return p.take(<-p.full)
	}
	if p.tick == nil {
		p.tick = time.NewTicker(idleEvery)
	}
	for {
		select {
		case b := <-p.full:
			return p.take(b)
		case <-p.tick.C:
			idle()
		}
	}
}

func (p *Pipe[T]) giveBack() {
	if p.inHand != nil {
		p.free <- p.inHand
		p.inHand = nil
	}
}

func (p *Pipe[T]) take(b *T) *T {
	if b == nil && p.bug != nil {
		panic(p.bug)
	}
	p.inHand = b
	return b
}

// Stop ends the producer, whether or not it was done, and waits until it has returned: it
// touches nothing afterwards. More than one call is fine.
func (p *Pipe[T]) Stop() {
	p.stop.Do(func() {
		close(p.quit)
		if p.tick != nil {
			p.tick.Stop()
		}
	})
	<-p.over
}
