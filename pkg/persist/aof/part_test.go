package aof_test

import (
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// parted is what the function given to Part was called with.
type parted struct {
	called int
	err    error
}

func (p *parted) done(err error) { p.called++; p.err = err }

func TestRollGoesOnInAnotherFileWithWhatCameAfterThePart(t *testing.T) {
	for _, policy := range []aof.Policy{aof.No, aof.Everysec, aof.Always} {
		mem := vfs.NewMem()
		r := startRig(t, mem, policy)
		check.NoErr(t, mem.SyncDir("."))
		r.put("SET k1 v")
		r.settle()
		one := r.put("SET k2 v") // not flushed
		p := &parted{}
		r.log.Part(p.done)
		two := r.put("SET k3 v")
		check.Eq(t, p.called, 0)
		r.settle()
		check.Eq(t, []any{p.called, p.err}, []any{1, error(nil)})
		check.Eq(t, r.log.Done(), one)
		check.True(t, r.log.Synced(one), "a part that is not the last one is durable")
		check.Eq(t, load(t, mem.CrashClone(nil), live), numbered(1, 2))
		check.ErrIs(t, r.log.FlushAndSync(), aof.ErrHeld)
		before := r.log.Size()
		r.log.Roll(create(t, mem, "incr", ""))
		r.settle()
		check.Eq(t, r.log.Done(), two)
		check.Eq(t, content(t, mem, "incr"), selected("SET k3 v"))
		check.Eq(t, load(t, mem, live), numbered(1, 2))
		check.Eq(t, r.log.Size(), before+int64(len(content(t, mem, "incr"))))
		check.Eq(t, len(r.retired), 1)
		check.Eq(t, r.log.Base(), int64(0))
		check.NoErr(t, r.log.FlushAndSync())
	}
}

// Part fails, and the log goes on in its file with nothing lost, when the file cannot
// be made durable.
func TestPartThatFailsIsTakenBack(t *testing.T) {
	tests := []struct {
		name string
		kind vfs.OpKind
		heal bool
	}{{"write", vfs.OpWrite, true}, {"sync", vfs.OpSync, false}}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			mem := vfs.NewMem()
			r := startRig(t, vfs.NewFault(mem, vfs.PathMatch(live, vfs.Kinds(vfs.OnIndex(0, syscall.EIO), tc.kind))), aof.No)
			r.put("SET k1 v")
			p := &parted{}
			r.log.Part(p.done)
			r.put("SET k2 v")
			r.settle()
			check.Eq(t, p.called, 1)
			check.ErrIs(t, p.err, syscall.EIO)
			r.log.Resume()
			r.later(2000)
			r.settle()
			check.Eq(t, load(t, mem, live), numbered(1, 2))
			check.Eq(t, r.log.Done(), r.log.Seq())
			check.Eq(t, r.log.Err() == nil, tc.heal)
			check.Eq(t, r.log.NeedsRewrite(), !tc.heal)
			check.Eq(t, len(r.exits), 0)
		})
	}
}

func TestPartWaitsForWhatIsInFlight(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Always)
	r.put("SET k1 v")
	r.flush() // in flight
	r.put("SET k2 v")
	p := &parted{}
	r.log.Part(p.done)
	check.Eq(t, len(r.writes), 1)
	runOne(t, &r.writes)
	r.turn()
	check.Eq(t, p.called, 0)
	r.settle()
	check.Eq(t, p.called, 1)
	check.Eq(t, load(t, mem, live), numbered(1, 2))
}

// While the log waits for its first rewrite it collects in a file, and promises nothing.
func TestGatheredCommandsCountWhenTheLogIsTurnedOn(t *testing.T) {
	mem := vfs.NewMem()
	r := newRig(t, mem, aof.Config{Policy: aof.Always})
	r.log.AwaitRewrite()
	r.put("SET k1 v") // in the snapshot
	r.log.Gather(create(t, mem, "temp", ""))
	r.put("SET k2 v")
	r.settle()
	check.Eq(t, r.log.State(), aof.WaitRewrite)
	check.Eq(t, content(t, mem, "temp"), selected("SET k2 v"))
	r.log.TurnOn()
	three := r.put("SET k3 v")
	r.flush()
	check.True(t, r.log.Done() < three, "always again")
	r.settle()
	check.Eq(t, r.log.Done(), three)
	check.NoErr(t, mem.SyncDir("."))
	check.Eq(t, content(t, mem.CrashClone(nil), "temp"), selected("SET k2 v", "SET k3 v"))
}

// An error of the collecting file ends nothing, under always neither, and is gone with it.
func TestGatheringSurvivesErrors(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFault(mem, vfs.PathMatch("temp", vfs.Writes(vfs.Always(syscall.ENOSPC))))
	r := newRig(t, fsys, aof.Config{Policy: aof.Always})
	r.log.AwaitRewrite()
	f, _, err := aof.Open(fsys, "temp")
	check.NoErr(t, err)
	r.log.Gather(f)
	r.put("SET k1 v")
	r.settle()
	check.ErrIs(t, r.log.Err(), syscall.ENOSPC)
	check.Eq(t, len(r.exits), 0)
	r.log.Ungather()
	check.NoErr(t, r.log.Err())
	check.Eq(t, r.log.State(), aof.WaitRewrite)
	check.Eq(t, r.log.Keeps(), false)
	check.Eq(t, len(r.retired), 1)
	r.log.Gather(create(t, mem, "other", ""))
	r.put("SET k2 v")
	r.log.Stop()
	r.settle()
	check.Eq(t, content(t, mem, "other"), "")
	check.Eq(t, len(r.retired), 2)
}

func TestTimestampsComeOnceASecond(t *testing.T) {
	now := int64(1_700_000_000)
	r := newRig(t, vfs.NewMem(), aof.Config{Policy: aof.No, Seconds: func() int64 { return now }})
	f, size, err := aof.Open(r.fs, live)
	check.NoErr(t, err)
	check.NoErr(t, r.log.Start(f, size))
	r.put("SET k1 v")
	r.log.SetTimestamps(true)
	r.put("SET k2 v")
	r.put("SET k3 v")
	now++
	r.put("SET k4 v")
	now-- // a clock that was set back
	r.put("SET k5 v")
	r.log.SetTimestamps(false)
	now += 10
	r.put("SET k6 v")
	r.flush()
	check.Eq(t, r.content(), selected("SET k1 v")+"#TS:1700000000\r\n"+enc("SET k2 v", "SET k3 v")+
		"#TS:1700000001\r\n"+enc("SET k4 v", "SET k5 v", "SET k6 v"))
	check.Eq(t, load(t, r.fs, live), numbered(1, 6))
}
