package aof_test

import (
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

func TestSwitchDropsWhatTheNewFileHas(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Everysec)
	r.put("SET k1 v")
	r.settle()
	two := r.put("SET k2 v") // not flushed: it is in the difference
	fresh := create(t, mem, "new", selected("SET k1 v", "SET k2 v"))
	check.NoErr(t, r.log.Switch(fresh, -1, false))
	check.Eq(t, r.log.Done(), two)
	check.Eq(t, len(r.retired), 1)
	check.NoErr(t, r.retired[0].Close())
	r.put("SET k3 v")
	r.settle()
	check.Eq(t, content(t, mem, "new"), selected("SET k1 v", "SET k2 v")+selected("SET k3 v"))
	check.Eq(t, r.content(), selected("SET k1 v"))
	check.Eq(t, r.log.Base(), int64(len(selected("SET k1 v", "SET k2 v"))))
	check.Eq(t, r.log.Size(), int64(len(content(t, mem, "new"))))
	check.Eq(t, r.samples[len(r.samples)-3], aof.LatencyStat)
}

func TestSwitchUnderAlwaysWaitsForTheNewFilesSync(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Always)
	one := r.put("SET k1 v")
	fresh := create(t, mem, "new", selected("SET k1 v"))
	check.NoErr(t, mem.SyncDir("."))
	check.NoErr(t, r.log.Switch(fresh, -1, false))
	check.True(t, r.log.Done() < one, "in the new file, but not synced")
	r.settle()
	check.Eq(t, r.log.Done(), one)
	check.Eq(t, content(t, mem.CrashClone(nil), "new"), selected("SET k1 v"))
}

func TestHoldKeepsWhatComesAfterForTheNewFile(t *testing.T) {
	for _, policy := range []aof.Policy{aof.Everysec, aof.Always} {
		mem := vfs.NewMem()
		r := startRig(t, mem, policy)
		r.put("SET k1 v")
		r.log.Hold()
		two := r.put("SET k2 v")
		r.settle()
		r.later(10_000)
		check.True(t, r.log.Done() < two, "held")
		check.ErrIs(t, r.log.FlushAndSync(), aof.ErrHeld)
		fresh := create(t, mem, "new", selected("SET k1 v"))
		check.NoErr(t, fresh.Sync())
		check.NoErr(t, r.log.Switch(fresh, -1, true))
		check.Eq(t, r.log.Done(), two-1)
		r.settle()
		check.Eq(t, r.log.Done(), two)
		check.Eq(t, content(t, mem, "new"), selected("SET k1 v")+selected("SET k2 v"))
	}
}

func TestResumeGoesOnWithTheOldFile(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.Always)
	r.put("SET k1 v")
	r.flush()
	r.log.Hold()
	r.put("SET k2 v")
	r.settle()
	r.log.Resume()
	r.settle()
	check.Eq(t, r.log.Done(), r.log.Seq())
	check.Eq(t, load(t, r.fs, live), numbered(1, 2))
}

func TestHoldDuringAFailingWriteLosesNothing(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFault(mem, vfs.PathMatch(live, vfs.Writes(vfs.OnIndex(1, syscall.ENOSPC))))
	r := startRig(t, fsys, aof.Everysec)
	r.put("SET k1 v")
	r.flush()
	r.put("SET k2 v")
	r.flush() // in the background
	r.put("SET k3 v")
	r.log.Hold()
	r.put("SET k4 v")
	r.settle() // the write of k2 fails and comes back in front
	fresh := create(t, mem, "new", selected(numbered(1, 3)...))
	check.NoErr(t, r.log.Switch(fresh, -1, true))
	r.settle()
	check.Eq(t, load(t, mem, "new"), numbered(1, 4))
	check.Eq(t, r.log.Done(), r.log.Seq())
}

func TestSwitchRetiresTheOldFileWhenNothingUsesIt(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Everysec)
	r.put("SET k1 v")
	r.flush()
	r.put("SET k2 v")
	r.flush()
	check.Eq(t, len(r.syncs)+len(r.writes), 2)
	fresh := create(t, mem, "new", selected("SET k1 v", "SET k2 v"))
	check.NoErr(t, r.log.Switch(fresh, -1, true))
	check.Eq(t, len(r.retired), 0)
	runOne(t, &r.writes)
	r.turn()
	check.Eq(t, len(r.retired), 0)
	runOne(t, &r.syncs)
	r.turn()
	check.Eq(t, len(r.retired), 1)
	check.Eq(t, r.log.Size(), int64(len(selected("SET k1 v", "SET k2 v"))))
}

func TestErrorsOfAnOldFileDoNotMatter(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFault(mem, vfs.PathMatch(live, vfs.Any(
		vfs.Writes(vfs.Always(syscall.EIO)), vfs.Kinds(vfs.Always(syscall.EIO), vfs.OpSync))))
	r := startRig(t, fsys, aof.Always)
	one := r.put("SET k1 v")
	r.flush()
	fresh := create(t, mem, "new", selected("SET k1 v"))
	check.NoErr(t, fresh.Sync())
	check.NoErr(t, r.log.Switch(fresh, -1, true))
	r.settle()
	check.Eq(t, r.log.Done(), one)
	check.Eq(t, len(r.exits)+len(r.events), 0)
	check.NoErr(t, r.log.Err())
	check.Eq(t, len(r.retired), 1)
}

func TestFailedSwitchChangesNothing(t *testing.T) {
	mem := vfs.NewMem()
	fsys := vfs.NewFault(mem, vfs.PathMatch("new", vfs.Kinds(vfs.Always(syscall.EIO), vfs.OpSize)))
	r := startRig(t, fsys, aof.Everysec)
	r.put("SET k1 v")
	fresh, err := fsys.OpenFile("new", syscall.O_CREAT|syscall.O_WRONLY, 0o644)
	check.NoErr(t, err)
	check.ErrIs(t, r.log.Switch(fresh, -1, true), syscall.EIO)
	r.settle()
	check.Eq(t, load(t, mem, live), numbered(1, 1))
}

func TestWaitRewriteBecomesOn(t *testing.T) {
	mem := vfs.NewMem()
	r := newRig(t, mem, aof.Config{Policy: aof.Always})
	r.log.AwaitRewrite()
	r.put("SET k1 v")
	r.log.Hold()
	r.put("SET k2 v")
	fresh := create(t, mem, "new", selected("SET k1 v"))
	check.NoErr(t, fresh.Sync())
	check.NoErr(t, r.log.Switch(fresh, -1, true))
	check.Eq(t, r.log.State(), aof.On)
	r.settle()
	check.Eq(t, load(t, mem, "new"), numbered(1, 2))
	check.Eq(t, r.log.Done(), r.log.Seq())
}

func TestResumeWhileWaitingHoldsNobody(t *testing.T) {
	r := newRig(t, vfs.NewMem(), aof.Config{Policy: aof.Always})
	r.log.AwaitRewrite()
	r.log.Hold()
	r.put("SET k1 v")
	r.log.Resume()
	check.Eq(t, r.log.Done(), r.log.Seq())
	check.Eq(t, r.log.Buffered(), int64(0))
}

func TestStopWritesAndSyncsTheRest(t *testing.T) {
	for _, policy := range []aof.Policy{aof.No, aof.Everysec, aof.Always} {
		mem := vfs.NewMem()
		r := startRig(t, mem, policy)
		r.put("SET k1 v")
		r.flush()
		r.put("SET k2 v")
		r.log.Stop()
		check.Eq(t, r.log.State(), aof.Off)
		r.put("SET k3 v")
		r.settle()
		check.Eq(t, r.log.Done(), r.log.Seq())
		check.Eq(t, load(t, mem.CrashClone(nil), live), numbered(1, 2))
		check.Eq(t, len(r.retired), 1)
		f, size, err := aof.Open(mem, live)
		check.NoErr(t, err)
		check.NoErr(t, r.log.Start(f, size))
		r.put("SET k4 v")
		r.settle()
		check.Eq(t, load(t, mem, live), []string{"SET k1 v", "SET k2 v", "SET k4 v"})
	}
}

func TestStopSyncsWhatIsWritten(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.No)
	r.put("SET k1 v")
	r.flush()
	r.log.Stop()
	r.settle()
	check.Eq(t, load(t, mem.CrashClone(nil), live), numbered(1, 1))
}

func TestStopReleasesRepliesAlthoughTheDiskFails(t *testing.T) {
	tests := []struct {
		name  string
		kinds []vfs.OpKind
		event string
	}{
		{"write", []vfs.OpKind{vfs.OpWrite}, "Error writing to the AOF file: Input/output error"},
		{"sync", []vfs.OpKind{vfs.OpSync}, "Fail to fsync the AOF file: Input/output error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := startRig(t, vfs.NewFault(vfs.NewMem(), vfs.Kinds(vfs.Always(syscall.EIO), tt.kinds...)), aof.Always)
			one := r.put("SET k1 v")
			r.log.Stop()
			r.settle()
			check.Eq(t, r.events, []string{tt.event})
			check.Eq(t, len(r.exits), 0)
			check.Eq(t, r.log.Done(), one)
			check.NoErr(t, r.log.Err())
		})
	}
}

func TestCloseWaitsForTheBackground(t *testing.T) {
	mem := vfs.NewMem()
	f, _, err := aof.Open(mem, live)
	check.NoErr(t, err)
	g := newGate(f)
	l := aof.New(aof.Config{Policy: aof.Always, Post: func(func()) {}}) // the loop does not turn any more
	check.NoErr(t, l.Start(g, 0))
	l.AppendCommand(0, words("SET k1 v"))
	l.Flush(1000)
	<-g.entered
	l.AppendCommand(0, words("SET k2 v"))
	l.Flush(1000)
	go func() {
		g.leave <- nil
		<-g.entered
		g.leave <- nil
	}()
	check.NoErr(t, l.Close())
	check.Eq(t, l.Done(), l.Seq())
	check.Eq(t, load(t, mem.CrashClone(nil), live), numbered(1, 2))
	_, err = f.Size()
	check.True(t, err != nil, "the file is closed")
}
