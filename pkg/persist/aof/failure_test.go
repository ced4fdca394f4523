package aof_test

import (
	"strings"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

func TestShortWriteIsCutOffAndRetried(t *testing.T) {
	tests := []struct {
		name   string
		faults vfs.Injector
		events []string
		left   string // in the file after the failure, behind the first command
	}{
		{
			name:   "nothing written",
			faults: vfs.Writes(vfs.OnIndex(1, syscall.EIO)),
			events: []string{"Error writing to the AOF file: Input/output error"},
		}, {
			name:   "a part written",
			faults: vfs.Writes(vfs.OnIndex(1, vfs.ShortWrite(7, syscall.ENOSPC))),
			events: []string{"Short write while writing to the AOF file: (nwritten=7, expected=28)"},
		}, {
			name: "the part stays",
			faults: vfs.Any(vfs.Writes(vfs.OnIndex(1, vfs.ShortWrite(7, syscall.ENOSPC))),
				vfs.Kinds(vfs.OnIndex(0, syscall.EIO), vfs.OpTruncate)),
			events: []string{
				"Short write while writing to the AOF file: (nwritten=7, expected=28)",
				"Could not remove short write from the append-only file.  Redis may refuse to load the AOF the next time it starts.  ftruncate: Input/output error",
			},
			left: enc("SET k2 v")[:7],
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := startRig(t, vfs.NewFault(vfs.NewMem(), tt.faults), aof.No)
			r.put("SET k1 v")
			r.flush()
			two := r.put("SET k2 v")
			r.flush()
			check.Eq(t, r.events, tt.events)
			check.Eq(t, r.content(), selected("SET k1 v")+tt.left)
			check.Eq(t, r.log.Size(), int64(len(r.content())))
			check.True(t, r.log.Err() != nil && r.log.Done() < two, "in error, the reply is held")
			check.True(t, !r.log.NeedsRewrite(), "a write can be retried")
			check.Eq(t, load(t, r.fs, live), numbered(1, 1)) // a kill at this moment (cuts the rest off)
		})
	}
}

func TestRetryComesAfterASecondAndSaysSo(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Everysec)
	r.put("SET k1 v")
	r.settle()
	mem.SetFree(10)
	two := r.put("SET k2 v")
	r.flush()
	check.ErrIs(t, r.log.Err(), syscall.ENOSPC)
	check.Eq(t, aof.Strerror(r.log.Err()), "No space left on device")
	mem.SetFree(-1)
	three := r.put("DEL k1") // an expiry, say
	r.later(999)
	check.True(t, r.log.Done() < two, "no retry yet")
	r.later(1)
	check.Eq(t, r.log.Done(), three)
	check.NoErr(t, r.log.Err())
	check.Eq(t, r.events, []string{
		"Short write while writing to the AOF file: (nwritten=10, expected=28)",
		"AOF write error looks solved, Redis can write again.",
	})
	check.Eq(t, r.content(), selected("SET k1 v", "SET k2 v", "DEL k1"))
	check.Eq(t, r.log.Size(), int64(len(r.content())))
}

func TestRetryInTheBackgroundKeepsTheOrder(t *testing.T) {
	fsys := vfs.NewFault(vfs.NewMem(), vfs.Writes(vfs.OnIndex(1, vfs.ShortWrite(3, syscall.ENOSPC))))
	r := startRig(t, fsys, aof.Everysec)
	r.put("SET k1 v")
	r.flush() // the sync that follows is in flight from here
	r.put("SET k2 v")
	r.flush()
	three := r.put("SET k3 v")
	runOne(t, &r.writes)
	r.turn()
	check.True(t, r.log.Err() != nil, "the write in the background failed")
	r.later(1000)
	r.settle()
	check.Eq(t, r.log.Done(), three)
	check.Eq(t, r.content(), selected(numbered(1, 3)...))
}

func TestWriteErrorsAreLoggedOnceInThirtySeconds(t *testing.T) {
	r := startRig(t, vfs.NewFault(vfs.NewMem(), vfs.Writes(vfs.Always(syscall.EIO))), aof.No)
	r.put("SET k1 v")
	for range 45 {
		r.later(1000)
	}
	check.Eq(t, len(r.events), 2)
	check.ErrIs(t, r.log.Err(), syscall.EIO)
}

func TestAlwaysExitsOnAnyError(t *testing.T) {
	tests := []struct {
		name   string
		faults vfs.Injector
		events []string
		exit   string
	}{
		{"write", vfs.Writes(vfs.OnIndex(0, syscall.EIO)),
			[]string{"Error writing to the AOF file: Input/output error"},
			"Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."},
		{"short write", vfs.Writes(vfs.OnIndex(0, vfs.ShortWrite(5, syscall.ENOSPC))),
			[]string{"Short write while writing to the AOF file: (nwritten=5, expected=51)"},
			"Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting..."},
		{"sync", vfs.Kinds(vfs.OnIndex(0, syscall.EIO), vfs.OpSync), nil,
			"Can't persist AOF for fsync error when the AOF fsync policy is 'always': Input/output error. Exiting..."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := startRig(t, vfs.NewFault(vfs.NewMem(), tt.faults), aof.Always)
			seq := r.put("SET k1 v")
			r.settle()
			check.Eq(t, r.events, tt.events)
			check.Eq(t, r.exits, []string{tt.exit})
			r.put("SET k2 v")
			r.later(5000)
			r.settle()
			check.True(t, r.log.Done() < seq, "nothing is acknowledged any more")
			check.Eq(t, len(r.exits), 1)
			check.True(t, r.log.FlushAndSync() != nil, "a shutdown cannot save it")
		})
	}
}

func TestFailedSyncIsNeverBelievedAgain(t *testing.T) {
	mem := vfs.NewMem()
	// The second sync would succeed, as it does on Linux: the pages are clean by then.
	fsys := vfs.NewFault(mem, vfs.Kinds(vfs.OnIndex(0, syscall.EIO), vfs.OpSync))
	r := startRig(t, fsys, aof.Everysec)
	r.put("SET k1 v")
	r.settle()
	check.Eq(t, r.events, []string{"Fail to fsync the AOF file: Input/output error"})
	for range 5 {
		r.put("SET k2 v")
		r.later(1000)
		check.Eq(t, len(r.syncs), 0)
		r.settle()
		check.ErrIs(t, r.log.Err(), syscall.EIO)
		check.True(t, r.log.NeedsRewrite(), "only another file helps")
	}
	check.Eq(t, r.log.Done(), r.log.Seq()) // everysec promises the write, and that worked
	check.ErrIs(t, r.log.SetPolicy(aof.Always), aof.ErrNotClean)
	check.Eq(t, r.log.Policy(), aof.Everysec)
	check.ErrIs(t, r.log.FlushAndSync(), syscall.EIO)

	fresh := create(t, mem, "temp", selected("SET k1 v", "SET k2 v"))
	check.NoErr(t, fresh.Sync())
	check.NoErr(t, r.log.Switch(fresh, -1, true))
	check.NoErr(t, r.log.Err())
	check.NoErr(t, r.log.SetPolicy(aof.Always))
	r.put("SET k3 v")
	r.settle()
	check.Eq(t, r.log.Done(), r.log.Seq())
}

// TestShortWriteAfterSwitchCutsAtTheRightOffset is the known case of a rewrite followed by a full
// disk: the file that was switched to must be cut at its own length.
func TestShortWriteAfterSwitchCutsAtTheRightOffset(t *testing.T) {
	mem := vfs.NewMem()
	r := startRig(t, mem, aof.Everysec)
	for _, c := range numbered(1, 100) {
		r.put(c)
	}
	r.settle()
	fresh := create(t, mem, "temp", selected(numbered(1, 3)...))
	check.NoErr(t, mem.Rename("temp", live))
	check.NoErr(t, r.log.Switch(fresh, -1, true))
	r.put("SET k4 v")
	r.settle()
	mem.SetFree(9)
	r.put("SET k5 v")
	r.flush()
	want := selected(numbered(1, 3)...) + selected("SET k4 v")
	check.Eq(t, r.content(), want)
	mem.SetFree(-1)
	r.later(1000)
	r.settle()
	check.Eq(t, r.content(), want+enc("SET k5 v"))
	check.Eq(t, r.log.Size(), int64(len(r.content())))
	check.Eq(t, load(t, mem, live), numbered(1, 5))
}

func TestStrerrorIsCs(t *testing.T) {
	check.Eq(t, aof.Strerror(syscall.EACCES), "Permission denied")
	check.True(t, strings.HasPrefix(aof.Strerror(errTest), "injected"), "others as they are")
}
