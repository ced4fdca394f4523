package bio

import "sync"

// Kind names a queue and the goroutine that works it off.
type Kind string

// The kinds of the daemon.
const (
	// CloseFile closes descriptors of files: the last close of an unlinked file frees
	// its blocks, which takes long for a big one.
	CloseFile Kind = "close"
	// Fsync syncs files.
	Fsync Kind = "fsync"
	// LazyFree gives big pieces of memory back.
	LazyFree Kind = "lazyfree"
)

// Pool is a set of workers. The zero value is of no use; New makes one.
type Pool struct {
	workers map[Kind]*worker // never changes
	running sync.WaitGroup   // the goroutines
}

// worker is one queue.
type worker struct {
	mu sync.Mutex
	// changed is signalled when a job is queued, when one is done, and at the end.
	changed sync.Cond
	queue   []func() // accepted, not started
	// submitted and done count all jobs ever; their difference is pending.
	submitted, done uint64
	closed          bool // nothing is accepted any more
}

// New starts one worker for each kind, or for CloseFile, Fsync and LazyFree if none is
// named.
func New(kinds ...Kind) *Pool {
	if len(kinds) == 0 {
		kinds = []Kind{CloseFile, Fsync, LazyFree}
	}
	p := &Pool{workers: make(map[Kind]*worker, len(kinds))}
	for _, k := range kinds {
		if p.workers[k] != nil {
			panic("BUG: bio: kind " + string(k) + " named twice")
		}
		w := &worker{}
		w.changed.L = &w.mu
		p.workers[k] = w
		p.running.Go(w.run)
	}
	return p
}

// Submit queues fn behind the other jobs of its kind. It reports false, and fn will
// never run, if Close was called.
func (p *Pool) Submit(k Kind, fn func()) bool {
	w := p.worker(k)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return false
	}
	w.queue = append(w.queue, fn)
	w.submitted++
	w.changed.Broadcast()
	return true
}

// Pending is the number of jobs of a kind that are not done, the running one included.
func (p *Pool) Pending(k Kind) int {
	w := p.worker(k)
	w.mu.Lock()
	defer w.mu.Unlock()
	return int(w.submitted - w.done)
}

// Drain waits until all jobs of the kind that were submitted before are done; it does
// not wait for later ones.
func (p *Pool) Drain(k Kind) {
	w := p.worker(k)
	w.mu.Lock()
	defer w.mu.Unlock()
	for upTo := w.submitted; w.done < upTo; {
		w.changed.Wait()
	}
}

// EachWorker runs fn on the goroutine of every kind, behind the jobs that were submitted
// before, and waits: for what holds for a goroutine or for its thread.
func (p *Pool) EachWorker(fn func()) {
	for k := range p.workers {
		p.Submit(k, fn)
	}
	for k := range p.workers {
		p.Drain(k)
	}
}

// Close refuses new jobs, waits for all accepted ones, and ends the workers. It may be
// called again.
func (p *Pool) Close() {
	for _, w := range p.workers {
		w.mu.Lock()
		w.closed = true
		w.changed.Broadcast()
		w.mu.Unlock()
	}
	p.running.Wait()
}

func (p *Pool) worker(k Kind) *worker {
	w := p.workers[k]
	if w == nil {
		panic("BUG: bio: no worker for kind " + string(k))
	}
	return w
}

// run takes the whole queue at a time, so the lock is taken once a batch for that, and
// the slice of the last batch is used again for the queue. The unlock is not deferred:
// after a panic of a job, it would fail and hide the panic.
func (w *worker) run() {
	var batch []func()
	w.mu.Lock()
	for {
		for len(w.queue) == 0 {
			if w.closed {
				w.mu.Unlock()
				return
			}
			w.changed.Wait()
		}
		batch, w.queue = w.queue, batch[:0]
		for i, fn := range batch {
			w.mu.Unlock()
			fn()
			batch[i] = nil // what the job holds may be big
			w.mu.Lock()
			w.done++
			w.changed.Broadcast()
		}
		if cap(batch) > keepJobs {
			batch = nil
		}
	}
}

// keepJobs is the largest batch whose memory is kept, so that a burst of frees does not
// stay as a queue.
const keepJobs = 1024
