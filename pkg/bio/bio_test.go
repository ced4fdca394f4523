package bio_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/bio"
)

func TestJobsOfAKindRunInOrderOneAtATime(t *testing.T) {
	p := bio.New()
	const submitters, each = 4, 500
	var got []int // unguarded on purpose: the race detector proves "one at a time"
	var wg sync.WaitGroup
	for s := range submitters {
		wg.Go(func() {
			for i := range each {
				p.Submit(bio.Fsync, func() { got = append(got, s*each+i) })
			}
		})
	}
	wg.Wait()
	p.Drain(bio.Fsync)
	check.Eq(t, len(got), submitters*each)
	next := make([]int, submitters)
	for _, v := range got {
		s := v / each
		check.Eq(t, v%each, next[s])
		next[s]++
	}
	p.Close()
}

func TestKindsDoNotWaitForEachOther(t *testing.T) {
	p := bio.New()
	gate, done := make(chan struct{}), make(chan struct{})
	p.Submit(bio.CloseFile, func() { <-gate })
	p.Submit(bio.Fsync, func() { close(done) })
	<-done
	check.Eq(t, p.Pending(bio.CloseFile), 1)
	close(gate)
	p.Close()
}

func TestPendingCountsQueuedAndRunning(t *testing.T) {
	p := bio.New("a", "b")
	gate, started := make(chan struct{}), make(chan struct{})
	p.Submit("a", func() { close(started); <-gate })
	<-started
	p.Submit("a", func() {})
	p.Submit("a", func() {})
	check.Eq(t, p.Pending("a"), 3)
	check.Eq(t, p.Pending("b"), 0)
	close(gate)
	p.Drain("a")
	check.Eq(t, p.Pending("a"), 0)
	p.Close()
}

// The queue never gets empty: each job submits the next one before it ends. A Drain that
// waited for later jobs would not return.
func TestDrainDoesNotWaitForLaterJobs(t *testing.T) {
	p := bio.New()
	var end atomic.Bool
	var again func()
	again = func() {
		if !end.Load() {
			p.Submit(bio.LazyFree, again)
		}
	}
	p.Submit(bio.LazyFree, again)
	p.Drain(bio.LazyFree)
	check.True(t, p.Pending(bio.LazyFree) > 0, "the chain of jobs goes on")
	end.Store(true)
	p.Close()
}

func TestDrainOfAnIdleKindReturns(t *testing.T) {
	p := bio.New()
	p.Drain(bio.Fsync)
	p.Close()
}

func TestCloseFinishesAcceptedJobsAndRefusesNew(t *testing.T) {
	p := bio.New()
	gate := make(chan struct{})
	ran := 0
	p.Submit(bio.Fsync, func() { <-gate })
	for range 100 {
		check.True(t, p.Submit(bio.Fsync, func() { ran++ }), "accepted")
	}
	p.Submit(bio.CloseFile, func() { close(gate) })
	p.Close()
	check.Eq(t, ran, 100)
	check.True(t, !p.Submit(bio.Fsync, func() { ran++ }), "a closed pool refuses")
	p.Close()
	check.Eq(t, ran, 100)
	check.Eq(t, p.Pending(bio.Fsync), 0)
}

func TestJobsMaySubmitJobs(t *testing.T) {
	p := bio.New()
	done := make(chan []string, 1)
	var got []string
	p.Submit(bio.Fsync, func() {
		p.Submit(bio.Fsync, func() {
			got = append(got, "third")
			done <- got
		})
		got = append(got, "first")
	})
	check.Eq(t, <-done, []string{"first", "third"})
	p.Close()
}

func TestMisuseIsABug(t *testing.T) {
	p := bio.New(bio.Fsync)
	defer p.Close()
	check.Panics(t, func() { p.Submit(bio.CloseFile, func() {}) })
	check.Panics(t, func() { p.Pending("other") })
	check.Panics(t, func() { bio.New("x", "x") })
}

func BenchmarkSubmitDrain(b *testing.B) {
	p := bio.New()
	defer p.Close()
	job := func() {}
	b.ReportAllocs()
	for b.Loop() {
		p.Submit(bio.Fsync, job)
		p.Drain(bio.Fsync)
	}
}

// TestEachWorker: once on every worker, behind what was submitted before.
func TestEachWorker(t *testing.T) {
	p := bio.New("a", "b")
	var before, calls atomic.Int64
	p.Submit("a", func() { before.Add(1) })
	p.Submit("b", func() { before.Add(1) })
	p.EachWorker(func() {
		if calls.Add(1); calls.Load() == 2 {
			check.Eq(t, before.Load(), 2)
		}
	})
	check.Eq(t, calls.Load(), 2)
	p.Close()
}
