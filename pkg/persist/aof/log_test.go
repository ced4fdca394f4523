package aof_test

import (
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

func TestAppendSelectsTheDatabaseOnce(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.No)
	var stream []byte
	add := func(db int, cmd string) { stream = append(stream, r.log.AppendCommand(db, words(cmd))...) }
	add(0, "SET a 1")
	add(0, "SET b 2")
	add(15, "DEL a")
	add(-1, "PING")
	r.log.ForceSelect()
	add(15, "DEL b")
	r.flush()
	want := enc("SELECT 0", "SET a 1", "SET b 2", "SELECT 15", "DEL a", "PING", "SELECT 15", "DEL b")
	check.Eq(t, r.content(), want)
	check.Eq(t, string(stream), want)
	check.Eq(t, r.log.Size(), int64(len(want)))
}

func TestOffAndWaitRewriteKeepNothing(t *testing.T) {
	r := newRig(t, vfs.NewMem(), aof.Config{})
	check.Eq(t, string(r.log.AppendCommand(3, words("SET a 1"))), enc("SELECT 3", "SET a 1"))
	check.Eq(t, r.log.Seq(), r.log.Done())
	r.log.AwaitRewrite()
	check.Eq(t, string(r.log.AppendCommand(3, words("SET a 2"))), enc("SET a 2"))
	check.Eq(t, r.log.Seq(), r.log.Done())
	r.flush()
	check.Eq(t, r.log.Buffered(), int64(0))
	check.Eq(t, r.log.State(), aof.WaitRewrite)
}

func TestLoopWritesWhileNoSyncIsInFlight(t *testing.T) {
	for _, policy := range []aof.Policy{aof.No, aof.Everysec} {
		r := startRig(t, vfs.NewMem(), policy)
		seq := r.put("SET a 1")
		check.True(t, r.log.Done() < seq, "not done before the flush")
		r.flush()
		check.Eq(t, r.log.Done(), seq)
		check.Eq(t, r.content(), selected("SET a 1"))
		check.Eq(t, len(r.writes), 0)
		check.Eq(t, len(r.syncs), map[aof.Policy]int{aof.No: 0, aof.Everysec: 1}[policy])
	}
}

func TestAlwaysIsDoneWhenSynced(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Always)
	seq := r.put("SET a 1")
	r.flush()
	check.True(t, r.log.Done() < seq, "held while the job is queued")
	runOne(t, &r.writes)
	check.True(t, r.log.Done() < seq, "the loop decides, not the background")
	r.turn()
	check.Eq(t, r.log.Done(), seq)
	check.Eq(t, content(t, mem.CrashClone(nil), live), selected("SET a 1"))
	check.Eq(t, r.log.Unsynced(), int64(0))
}

func TestGroupCommit(t *testing.T) {
	mem := vfs.NewMem()
	f, _, err := aof.Open(mem, live)
	check.NoErr(t, err)
	g := newGate(f)
	posts := make(chan func(), 10)
	l := aof.New(aof.Config{Policy: aof.Always, Post: func(fn func()) { posts <- fn }})
	check.NoErr(t, l.Start(g, 0))
	put := func(cmd string) uint64 {
		l.AppendCommand(0, words(cmd))
		seq := l.Seq()
		l.Flush(1000)
		return seq
	}
	first := put("SET k1 v")
	<-g.entered
	var last uint64
	for _, cmd := range numbered(2, 50) {
		last = put(cmd) // returns although the disk stands still
		check.True(t, l.Done() < first, "no reply while the sync is in flight")
	}
	g.leave <- nil
	(<-posts)()
	check.Eq(t, l.Done(), first)
	l.Flush(1000)
	<-g.entered
	check.Eq(t, l.Done(), first)
	g.leave <- nil
	(<-posts)()
	check.Eq(t, l.Done(), last)
	check.Eq(t, len(g.count), 2) // 49 batches in one write and one sync
	check.Eq(t, content(t, mem.CrashClone(nil), live), selected(numbered(1, 50)...))
	go func() { <-g.entered; g.leave <- nil }()
	check.NoErr(t, l.Close())
}

func TestEverysecWritesBehindASyncInTheBackgroundInOrder(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.Everysec)
	r.put("SET k1 v")
	r.flush() // written by the loop, sync queued
	check.Eq(t, len(r.syncs), 1)
	two := r.put("SET k2 v")
	r.flush()
	check.Eq(t, len(r.writes), 1)
	check.True(t, r.log.Done() < two, "the reply waits for the write in the background")
	// The sync is over, but the loop must not overtake the write.
	runOne(t, &r.syncs)
	three := r.put("SET k3 v")
	r.turn()
	check.True(t, r.log.Done() < two, "still waiting")
	check.Eq(t, r.content(), selected("SET k1 v"))
	runOne(t, &r.writes)
	r.turn()
	check.Eq(t, r.log.Done(), three)
	check.Eq(t, r.content(), selected(numbered(1, 3)...))
	check.Eq(t, r.samples, []string{
		aof.LatencyWriteAlone, aof.LatencyWrite, aof.LatencyWritePendingSync, aof.LatencyWrite, aof.LatencyWriteAlone, aof.LatencyWrite})
}

func TestEverysecSyncsIdleData(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Everysec)
	r.put("SET a 1")
	r.settle()
	r.put("SET a 2")
	r.settle()
	check.Eq(t, r.log.Unsynced(), int64(len(enc("SET a 2"))))
	r.later(999)
	check.Eq(t, len(r.syncs), 0)
	r.later(1)
	check.Eq(t, r.log.PendingSync(), 1)
	r.settle()
	check.Eq(t, r.log.Unsynced(), int64(0))
	check.Eq(t, content(t, mem.CrashClone(nil), live), selected("SET a 1", "SET a 2"))
	r.later(5000)
	check.Eq(t, len(r.syncs), 0) // nothing to sync
}

func TestClockSetBackDoesNotStopSyncs(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.Everysec)
	r.put("SET a 1")
	r.settle()
	r.put("SET a 2")
	r.later(-3_600_000)
	check.Eq(t, len(r.syncs), 1)
}

func TestDelayedSyncIsCountedEveryTwoSeconds(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.Everysec)
	r.put("SET a 1")
	r.flush()
	for range 50 { // five seconds of writes behind a sync that hangs
		r.put("SET a 2")
		r.later(100)
		if len(r.writes) > 0 {
			runOne(t, &r.writes)
		}
		r.turn()
	}
	check.Eq(t, r.log.DelayedSyncs(), int64(2))
	check.Eq(t, len(r.events), 2)
	check.Contains(t, r.events[0], "Asynchronous AOF fsync is taking too long (disk is busy?).")
	r.log.ResetStats()
	check.Eq(t, r.log.DelayedSyncs(), int64(0))
}

func TestNoSyncWhileAChildWrites(t *testing.T) {
	tests := []struct {
		name   string
		policy aof.Policy
	}{{"everysec", aof.Everysec}, {"always", aof.Always}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := startRig(t, vfs.NewMem(), tt.policy)
			r.log.SetNoSyncOnRewrite(true)
			r.log.SetChildActive(true)
			seq := r.put("SET a 1")
			r.flush()
			check.Eq(t, r.log.Done(), seq)
			check.Eq(t, len(r.syncs)+len(r.writes), 0)
			check.Eq(t, r.samples[0], aof.LatencyWriteActiveChild)
			r.log.SetChildActive(false)
			r.settle()
			check.Eq(t, r.log.Unsynced(), int64(0))
		})
	}
}

func TestSetPolicyKeepsWhatWasPromised(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Always)
	one := r.put("SET k1 v")
	check.NoErr(t, r.log.SetPolicy(aof.No)) // in the middle of a turn
	two := r.put("SET k2 v")
	r.flush()
	check.True(t, r.log.Done() < one, "k1 was promised a sync")
	runOne(t, &r.writes)
	r.turn()
	check.Eq(t, r.log.Done(), two)
	check.Contains(t, content(t, mem.CrashClone(nil), live), "k1")
	three := r.put("SET k3 v")
	r.flush()
	check.Eq(t, r.log.Done(), three)
	check.True(t, !strings.Contains(content(t, mem.CrashClone(nil), live), "k3"), "k3 was promised no sync")
	check.NoErr(t, r.log.SetPolicy(aof.Always))
	r.settle()
	check.Contains(t, content(t, mem.CrashClone(nil), live), "k3")
}

func TestPolicyToAlwaysWaitsForTheSyncInFlight(t *testing.T) {
	// Two syncs at once could share one error, and the wrong one would look good.
	fsys := vfs.NewFault(vfs.NewMem(), vfs.Kinds(vfs.OnIndex(0, syscall.EIO), vfs.OpSync))
	r := startRig(t, fsys, aof.Everysec)
	r.put("SET k1 v")
	r.flush()
	check.NoErr(t, r.log.SetPolicy(aof.Always))
	two := r.put("SET k2 v")
	r.flush()
	check.Eq(t, len(r.writes), 0)
	r.settle()
	check.True(t, r.log.Done() < two, "not acknowledged")
	check.Eq(t, r.exits, []string{"Can't persist AOF for fsync error when the AOF fsync policy is 'always': Input/output error. Exiting..."})
}

func TestOneSyncAtATime(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.No)
	r.put("SET k0 v")
	r.flush()
	check.NoErr(t, r.log.SetPolicy(aof.Always))
	r.put("SET k1 v")
	r.flush()
	check.NoErr(t, r.log.SetPolicy(aof.Everysec))
	r.later(5000)
	check.Eq(t, len(r.syncs), 0) // the job in flight syncs
	check.Eq(t, r.log.PendingSync(), 1)
	r.settle()
	check.Eq(t, r.log.Unsynced(), int64(0))
}

func TestASyncCoversWhatWasWrittenWhenItStarted(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.Everysec)
	r.put("SET k1 v")
	r.flush()
	r.put("SET k2 v")
	r.flush()
	runOne(t, &r.writes)
	r.turn()
	runOne(t, &r.syncs)
	r.turn()
	check.Eq(t, r.log.Unsynced(), int64(len(enc("SET k2 v"))))
}

func TestHugeBatchesGoToTheBackgroundAndTheirBuffersBack(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.No)
	huge := [][]byte{[]byte("SET"), []byte("a"), make([]byte, 6<<20)}
	r.log.AppendCommand(0, huge)
	r.flush()
	check.Eq(t, len(r.writes), 1)
	check.True(t, r.log.BufferMemory() > 6<<20, "counted while in flight")
	r.settle()
	check.True(t, r.log.BufferMemory() < 1<<20, "given back")
	check.Eq(t, r.log.Size(), int64(len(aof.AppendCommand([]byte(enc("SELECT 0")), huge))))
}

func TestSlowWritesMoveToTheBackground(t *testing.T) {
	mem := vfs.NewMem()
	clock, step := int64(0), int64(50_000)
	r := newRig(t, mem, aof.Config{Policy: aof.No, Micros: func() int64 { clock += step; return clock }})
	f, size, err := aof.Open(mem, live)
	check.NoErr(t, err)
	check.NoErr(t, r.log.Start(f, size))
	r.put("SET k1 v")
	r.flush()
	step = 0
	r.put("SET k2 v")
	r.flush()
	check.Eq(t, len(r.writes), 1)
	r.settle()
	r.later(1000)
	r.put("SET k3 v")
	r.flush()
	check.Eq(t, len(r.writes), 0)
	check.Eq(t, r.content(), selected(numbered(1, 3)...))
}

func TestOpenMakesTheNameDurable(t *testing.T) {
	mem := vfs.NewMem()
	f, size, err := aof.Open(mem, live)
	check.NoErr(t, err)
	check.Eq(t, size, int64(0))
	check.NoErr(t, f.Close())
	_, err = mem.CrashClone(nil).Stat(live)
	check.NoErr(t, err)
	_, _, err = aof.Open(vfs.NewFault(mem, vfs.Opens(vfs.Always(syscall.EACCES))), live)
	check.ErrIs(t, err, syscall.EACCES)
}

func TestAppendAllocatesNothing(t *testing.T) {
	for _, policy := range []aof.Policy{aof.Everysec, aof.Always} {
		posts := make(chan func(), 4)
		l := aof.New(aof.Config{Policy: policy, Post: func(fn func()) { posts <- fn }})
		check.NoErr(t, l.Start(nullFile{}, 0))
		argv := words("SET key:000001 some-value-of-a-usual-size")
		now := int64(0)
		check.Eq(t, testing.AllocsPerRun(2000, func() {
			for range 16 {
				l.AppendCommand(0, argv)
			}
			seq := l.Seq()
			now += 100
			for l.Flush(now); l.Done() < seq; l.Flush(now) {
				(<-posts)()
			}
		}), 0)
		for len(posts) > 0 {
			(<-posts)()
		}
		check.NoErr(t, l.Close())
	}
}

type nullFile struct{ vfs.File }

func (nullFile) Write(p []byte) (int, error) { return len(p), nil }
func (nullFile) Sync() error                 { return nil }
func (nullFile) Close() error                { return nil }

func BenchmarkAppend(b *testing.B) {
	l := aof.New(aof.Config{Post: func(func()) {}})
	check.NoErr(b, l.Start(nullFile{}, 0))
	argv := words("SET key:000001 some-value-of-a-usual-size")
	b.ReportAllocs()
	for i := range b.N {
		l.AppendCommand(0, argv)
		if i%16 == 15 {
			l.Flush(int64(i))
		}
	}
}
