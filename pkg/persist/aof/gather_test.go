package aof_test

import (
	"fmt"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// commits is a rig under always on a disk whose sync takes 8 ms, with a clock and an
// alarm that only remembers.
type commits struct {
	*rig
	micros int64
	alarms []int64
	next   int
}

func startCommits(t *testing.T) *commits {
	c := &commits{}
	c.rig = newRig(t, vfs.NewMem(), aof.Config{
		Policy: aof.Always,
		Micros: func() int64 { return c.micros },
		Alarm:  func(micros int64) { c.alarms = append(c.alarms, micros) },
	})
	f, size, err := aof.Open(c.fs, live)
	check.NoErr(t, err)
	check.NoErr(t, c.log.Start(&slowSync{f, &c.micros}, size))
	return c
}

// slowSync is a file whose syncs take 8 ms of the rig's clock.
type slowSync struct {
	vfs.File
	micros *int64
}

func (f *slowSync) Sync() error { *f.micros += 8000; return f.File.Sync() }

// send appends n commands of so many writers and flushes.
func (c *commits) send(n int) {
	for range n {
		c.next++
		c.put(fmt.Sprintf("SET k%d v", c.next))
	}
	c.flush()
}

// sync runs the job in flight and takes its result.
func (c *commits) sync() { runOne(c.t, &c.writes); c.turn() }

// after lets time pass and brings the Flush of the alarm.
func (c *commits) after(micros int64) { c.micros += micros; c.flush() }

func TestBatchesWaitForTheWritersThatWereJustAnswered(t *testing.T) {
	c := startCommits(t)
	c.send(3)
	check.Eq(t, len(c.writes), 1) // the first goes at once
	c.send(2)
	c.sync()
	check.Eq(t, len(c.writes), 0) // two wait, three were answered: five are hoped for
	check.Eq(t, c.alarms, []int64{2000})
	c.send(1)
	c.send(1)
	check.Eq(t, len(c.writes), 0)
	check.Eq(t, len(c.alarms), 1)
	c.send(1)
	check.Eq(t, len(c.writes), 1)
	c.sync()
	check.Eq(t, c.log.Done(), c.log.Seq())
	check.Eq(t, load(t, c.fs, live), numbered(1, 8))
}

func TestWaitingForWritersEnds(t *testing.T) {
	c := startCommits(t)
	c.send(4)
	c.sync()
	c.send(3)
	check.Eq(t, len(c.writes), 0)
	c.after(1999)
	check.Eq(t, len(c.writes), 0)
	c.after(1)
	check.Eq(t, len(c.writes), 1)
	c.sync()
	check.Eq(t, c.log.Done(), c.log.Seq())
	// Long after the last sync nobody is waited for.
	c.after(10_000)
	c.send(1)
	check.Eq(t, len(c.writes), 1)
}

func TestALoneWriterNeverWaits(t *testing.T) {
	c := startCommits(t)
	for range 20 {
		c.send(1)
		check.Eq(t, len(c.writes), 1)
		c.sync()
	}
	check.Eq(t, len(c.alarms), 0)
}

// Writers that do not come back after a reply are waited for ever more rarely.
func TestWaitingInVainIsGivenUp(t *testing.T) {
	c := startCommits(t)
	c.send(10)
	waited := 0
	for range 400 {
		c.send(1) // one comes during each sync, and nobody after it
		c.sync()
		if len(c.writes) == 0 {
			waited++
			c.after(2000)
		}
		check.Eq(t, len(c.writes), 1)
	}
	check.True(t, waited >= 2 && waited < 20, fmt.Sprintf("%d of 400 batches waited", waited))
}

func TestNothingWaitsWithoutAnAlarmOrUnderEverysec(t *testing.T) {
	r := newRig(t, vfs.NewMem(), aof.Config{Policy: aof.Always, Micros: func() int64 { return 0 }})
	f, size, err := aof.Open(r.fs, live)
	check.NoErr(t, err)
	check.NoErr(t, r.log.Start(f, size))
	for range 3 {
		r.put("SET k v")
		r.put("SET k v")
		r.flush()
		check.Eq(t, len(r.writes), 1)
		r.put("SET k v")
		runOne(t, &r.writes)
		r.turn()
		check.Eq(t, len(r.writes), 1)
		r.settle()
	}
	c := startCommits(t)
	check.NoErr(t, c.log.SetPolicy(aof.Everysec))
	for range 3 {
		c.send(2)
		c.settle()
		check.Eq(t, c.log.Done(), c.log.Seq())
	}
	check.Eq(t, len(c.alarms), 0)
}

// A shutdown, another policy and another file do not wait.
func TestWaitingForWritersIsCalledOff(t *testing.T) {
	waiting := func(t *testing.T) *commits {
		c := startCommits(t)
		c.send(4)
		c.sync()
		c.send(1)
		check.Eq(t, len(c.writes), 0)
		return c
	}
	t.Run("shutdown", func(t *testing.T) {
		c := waiting(t)
		check.NoErr(t, c.log.FlushAndSync())
		check.Eq(t, load(t, c.fs, live), numbered(1, 5))
	})
	t.Run("stop", func(t *testing.T) {
		c := waiting(t)
		c.log.Stop()
		c.settle()
		check.Eq(t, c.log.Done(), c.log.Seq())
		check.Eq(t, load(t, c.fs, live), numbered(1, 5))
	})
	t.Run("switch", func(t *testing.T) {
		c := waiting(t)
		check.NoErr(t, c.log.Switch(create(t, c.fs, "temp", selected(numbered(1, 5)...)), -1, false))
		c.after(2000)
		c.settle()
		check.Eq(t, c.log.Done(), c.log.Seq())
	})
}
