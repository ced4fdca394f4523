package ahead_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"redisd/internal/ahead"
	"redisd/internal/check"
)

// numbers is a batch of the tests.
type numbers struct{ n []int }

func room(n int) []*numbers {
	r := make([]*numbers, n)
	for i := range r {
		r[i] = new(numbers)
	}
	return r
}

// count gives the numbers below n in batches of size.
func count(n, size int) func(*ahead.Producer[numbers]) {
	return func(p *ahead.Producer[numbers]) {
		for i := range n {
			b, ok := p.Batch()
			if !ok {
				return
			}
			if b.n = append(b.n, i); len(b.n) == size {
				p.Give()
			}
		}
	}
}

func TestOrder(t *testing.T) {
	for _, c := range []struct{ n, size, batches int }{
		{0, 1, 1}, {1, 1, 1}, {1, 2, 1}, {7, 3, 1}, {9, 3, 2}, {1000, 1, 2}, {1000, 7, 4}, {1000, 1000, 3}, {999, 1000, 3},
	} {
		p := ahead.Start(room(c.batches), count(c.n, c.size))
		next := 0
		for b := p.Next(nil); b != nil; b = p.Next(nil) {
			for _, n := range b.n {
				check.Eq(t, n, next)
				next++
			}
			b.n = b.n[:0]
		}
		check.Eq(t, next, c.n)
		check.True(t, p.Next(nil) == nil, "the end stays the end")
		p.Stop()
		p.Stop()
	}
}

// TestStopAnywhere ends the consumer after each number of batches: the producer, which
// fills, gives or waits, ends too.
func TestStopAnywhere(t *testing.T) {
	before := runtime.NumGoroutine()
	for taken := range 12 {
		p := ahead.Start(room(3), count(100, 10))
		for range taken {
			if b := p.Next(func() {}); b != nil {
				b.n = b.n[:0]
			}
		}
		p.Stop()
	}
	for runtime.NumGoroutine() > before { // the last ones are on their last instructions
		runtime.Gosched()
	}
}

// TestAlone: after GiveAndWait nothing is on its way.
func TestAlone(t *testing.T) {
	var worked atomic.Int64
	p := ahead.Start(room(3), func(p *ahead.Producer[numbers]) {
		for i := range 20 {
			b, ok := p.Batch()
			if !ok {
				return
			}
			b.n = append(b.n[:0], i)
			if i%5 != 4 {
				p.Give()
				continue
			}
			if !p.GiveAndWait() {
				return
			}
			if worked.Load() != int64(i+1) {
				panic(fmt.Sprintf("%d batches worked off instead of %d", worked.Load(), i+1))
			}
		}
	})
	defer p.Stop()
	for b := p.Next(nil); b != nil; b = p.Next(nil) {
		check.Eq(t, b.n[0], int(worked.Load()))
		worked.Add(1)
	}
	check.Eq(t, worked.Load(), int64(20))
}

// TestStopWhileAlone ends the consumer that holds the batch which the producer waits for.
func TestStopWhileAlone(t *testing.T) {
	var gone atomic.Bool
	p := ahead.Start(room(2), func(p *ahead.Producer[numbers]) {
		p.Batch()
		gone.Store(!p.GiveAndWait())
	})
	check.True(t, p.Next(nil) != nil, "a batch")
	p.Stop()
	check.True(t, gone.Load(), "the producer heard of it")
}

// TestIdle: who waits gets to do something else, which here lets the producer go on.
func TestIdle(t *testing.T) {
	wait := make(chan struct{})
	p := ahead.Start(room(2), func(p *ahead.Producer[numbers]) {
		<-wait
		count(1, 1)(p)
	})
	defer p.Stop()
	called := 0
	b := p.Next(func() {
		if called++; called == 2 {
			close(wait)
		}
	})
	check.Eq(t, b.n, []int{0})
	check.True(t, called >= 2, "called more than once")
}

// TestPanic hands a bug of the producer to the consumer, behind what was given before.
func TestPanic(t *testing.T) {
	p := ahead.Start(room(2), func(p *ahead.Producer[numbers]) {
		count(3, 3)(p)
		panic("oops")
	})
	defer p.Stop()
	check.Eq(t, len(p.Next(nil).n), 3)
	defer func() {
		text := fmt.Sprint(recover())
		check.True(t, strings.HasPrefix(text, "BUG: ahead: the producer: oops") && strings.Contains(text, "TestPanic"), text)
	}()
	p.Next(nil)
	t.Fatal("no panic")
}

func BenchmarkPipe(b *testing.B) {
	b.ReportAllocs()
	p := ahead.Start(room(4), count(b.N, 1))
	defer p.Stop()
	for n := p.Next(nil); n != nil; n = p.Next(nil) {
		n.n = n.n[:0]
	}
}
