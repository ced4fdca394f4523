package main

import (
	"fmt"
	"math/rand"
	"runtime"
	"strings"
	"sync/atomic"
	"time"

	"redisd/internal/clock"
	"redisd/pkg/event"
)

// overwriter writes random keys at a steady rate, with one thread for all connections.
type overwriter struct {
	driver
	rate float64 // a second; 0: as fast as they go
	owed float64 // writes that are due and found no idle connection yet
	idle []*lane
	ops  atomic.Int64
	stop atomic.Bool
	over chan error
}

// overwrite starts one that sets keys of fill to other values.
func overwrite(port, conns, keys, size int, rate float64) (*overwriter, error) {
	loop, err := event.New(clock.System())
	if err != nil {
		return nil, err
	}
	o := &overwriter{rate: rate, over: make(chan error, 1)}
	o.driver = driver{loop: loop, buf: make([]byte, 1<<17), units: countBytes, whole: len("+OK\r\n"), requests: 1, answered: o.answered}
	value := strings.Repeat("y", size)
	for i := range conns {
		r, request := rand.New(rand.NewSource(int64(i))), []byte(nil)
		err := o.add(port, func() []byte {
			request = words(request[:0], "SET", fmt.Sprintf("key:%012d", r.Intn(keys)), value)
			return request
		})
		if err != nil {
			o.close()
			loop.Close()
			return nil, err
		}
	}
	o.idle = append(o.idle, o.lanes...)
	go o.run()
	return o, nil
}

// run is the thread.
func (o *overwriter) run() {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer o.loop.Close()
	defer o.close()
	if o.rate > 0 {
		last := time.Now()
		o.loop.After(1, func() int64 {
			now := time.Now()
			o.owed += o.rate * now.Sub(last).Seconds()
			last = now
			o.send()
			return 1
		})
	} else {
		for _, l := range o.lanes {
			l.start()
		}
	}
	for !o.stop.Load() && o.err == nil {
		if _, err := o.loop.Turn(true); err != nil {
			o.err = err
		}
	}
	o.over <- o.err
}

func (o *overwriter) answered(l *lane) {
	o.ops.Add(1)
	if o.rate == 0 {
		l.start()
		return
	}
	o.idle = append(o.idle, l)
	o.send()
}

// send starts what is due on the connections that are idle.
func (o *overwriter) send() {
	for o.owed >= 1 && len(o.idle) > 0 {
		l := o.idle[0]
		o.idle = append(o.idle[:0], o.idle[1:]...)
		o.owed--
		l.start()
	}
}

// end stops it, and tells of a connection that failed meanwhile.
func (o *overwriter) end() error {
	o.stop.Store(true)
	return <-o.over
}
