package aof_test

import (
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// Synced is about the disk, whatever the policy lets replies wait for.
func TestSyncedIsAboutTheDisk(t *testing.T) {
	for _, tc := range []struct {
		name    string
		policy  aof.Policy
		written bool // synced as soon as Done has the batch
		later   bool // synced a second later
	}{
		{"always", aof.Always, true, true},
		{"everysec", aof.Everysec, false, true},
		{"no", aof.No, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			mem := vfs.NewMem()
			r := startRig(t, mem, tc.policy)
			check.True(t, r.log.Synced(0), "nothing was written yet")
			r.put("SET k1 v")
			r.later(2000)
			r.settle() // the sync of this second is over
			two := r.put("SET k2 v")
			check.True(t, !r.log.Synced(two), "in the buffer")
			r.settle()
			check.Eq(t, r.log.Done(), two)
			check.Eq(t, r.log.Synced(two), tc.written)
			r.later(2000)
			r.settle()
			check.Eq(t, r.log.Synced(two), tc.later)
			check.NoErr(t, r.log.FlushAndSync())
			check.True(t, r.log.Synced(two), "FlushAndSync")
			r.log.Stop()
			check.True(t, !r.log.Synced(0), "there is no file")
		})
	}
}

// A batch that is written while a sync is in flight is not covered by that one.
func TestSyncedCoversWhatWasWrittenBeforeTheSync(t *testing.T) {
	r := startRig(t, vfs.NewMem(), aof.Everysec)
	one := r.put("SET k1 v")
	r.later(2000)
	check.Eq(t, len(r.syncs), 1)
	two := r.put("SET k2 v")
	r.flush()
	for len(r.writes) > 0 {
		runOne(t, &r.writes)
	}
	runOne(t, &r.syncs)
	r.turn()
	check.True(t, r.log.Synced(one), "the first")
	check.True(t, !r.log.Synced(two), "the second")
}

// A failed sync is never believed, not even when a later one works.
func TestSyncedAfterAFailedSync(t *testing.T) {
	r := startRig(t, vfs.NewFault(vfs.NewMem(), vfs.Kinds(vfs.OnIndex(0, syscall.EIO), vfs.OpSync)), aof.Everysec)
	one := r.put("SET k1 v")
	for range 3 {
		r.later(2000)
		r.settle()
	}
	check.True(t, !r.log.Synced(one), "after the failure")
	check.True(t, r.log.FlushAndSync() != nil && !r.log.Synced(one), "after another sync")
}

func TestSyncedInARewrittenFile(t *testing.T) {
	for _, durable := range []bool{true, false} {
		mem := vfs.NewMem()
		r := startRig(t, mem, aof.Everysec)
		one := r.put("SET k1 v")
		r.settle()
		r.log.Hold()
		two := r.put("SET k2 v")
		r.settle()
		check.True(t, !r.log.Synced(two), "held")
		check.NoErr(t, r.log.Switch(create(t, mem, "new", selected("SET k1 v")), -1, durable))
		check.Eq(t, r.log.Synced(one), durable)
		// What was logged before there was a file counts as the last batch in it.
		check.Eq(t, r.log.Synced(0), durable)
		check.True(t, !r.log.Synced(two), "in the buffer")
		r.later(2000)
		r.settle()
		check.True(t, r.log.Synced(0) && r.log.Synced(two), "a second later")
	}
}

func TestSyncedWhileTheFirstRewriteGoesOn(t *testing.T) {
	mem := vfs.NewMem()
	r := newRig(t, mem, aof.Config{Policy: aof.Everysec})
	check.True(t, !r.log.Synced(0), "off")
	r.log.AwaitRewrite()
	r.put("SET k1 v")
	r.settle()
	check.True(t, !r.log.Synced(0), "no file yet")
	r.log.Hold()
	check.NoErr(t, r.log.Switch(create(t, mem, live, selected("SET k1 v")), -1, true))
	check.True(t, r.log.Synced(0), "in the new file")
}
