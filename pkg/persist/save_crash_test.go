package persist_test

import (
	"errors"
	"fmt"
	"maps"
	"math/rand"
	"sync"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/persist/rdb"
)

// saveWay is one that a dataset gets into the file live.
type saveWay struct {
	name string
	role persist.Role
	// save saves recs on fsys, up to the live name.
	save func(t *testing.T, o persist.Options, recs []*rdb.Record, fsys vfs.FS)
}

func saveWays() []saveWay {
	itself := func(t *testing.T, o persist.Options, recs []*rdb.Record, fsys vfs.FS) {
		s := persist.NewFileSave(o, persist.SaveConfig{FS: fsys, Pid: pid, Name: "live"})
		for _, r := range recs {
			s.Record(r)
		}
		_, err := s.Finish()
		check.NoErr(t, err)
	}
	return []saveWay{
		{"by a child", persist.RoleRDB, func(t *testing.T, o persist.Options, recs []*rdb.Record, fsys vfs.FS) {
			j := persist.NewSaveJob(o)
			j.SetPid(pid)
			for _, r := range recs {
				j.Record(r.DB, r)
			}
			j.SnapshotDone()
			code, _ := runChild(t, j, fsys, nil)
			check.Eq(t, code, persist.ExitDone)
			d := j.Done(persist.Exit{}, persist.DoneConfig{FS: fsys, Clock: testClock(), Name: "live"})
			drive(d.Next, nil)
			check.True(t, d.Outcome().OK, fmt.Sprint(d.Outcome().Err))
		}},
		{"by itself", persist.RoleRDB, itself},
		{"by itself, commands", persist.RoleAOF, itself},
	}
}

// TestCrashAnywhereInASave kills everything, and cuts the power, before every operation of
// a save, by a child and its handler or in the process itself: the live file is the old one
// or the new one, whole, and once it was the new one for certain it stays that. What else
// lies there is swept at the next start.
func TestCrashAnywhereInASave(t *testing.T) {
	older := []*rdb.Record{rec(0, "plain", "older", -1), rec(1, "gone", "x", -1)}
	was, is := datasetOf(older), datasetOf(some())
	for _, way := range saveWays() {
		for _, verify := range []bool{false, true} {
			t.Run(fmt.Sprint(way.name, ", verify ", verify), func(t *testing.T) {
				o := saveOptions()
				o.Role, o.Verify, o.Compress, o.SyncEvery = way.role, verify, false, partSize
				m := newMem(t)
				way.save(t, o, older, m)
				var mu sync.Mutex // the child has goroutines
				crashes, news, certain := 0, 0, false
				look := func(left *vfs.Mem, at string) (isNew bool) {
					t.Helper()
					_, err := persist.SweepStale(left, dir)
					entries, lerr := left.ReadDir(dir)
					b, rerr := vfs.ReadFile(left, path("live"))
					ds, derr := load(b)
					err = errors.Join(err, lerr, rerr, derr) // no end here: the child would wait for ever
					isNew = maps.Equal(ds, is)
					if err != nil || len(entries) != 1 || !isNew && !maps.Equal(ds, was) {
						t.Errorf("%s: %d keys, neither the old file nor the new one, %v\n%s", at, len(ds), err, left)
					}
					if certain && !isNew {
						t.Errorf("%s: the old file is back", at)
					}
					return isNew
				}
				crash := func(op vfs.Op) error {
					mu.Lock()
					defer mu.Unlock()
					crashes++
					at := fmt.Sprintf("%d, before %s %s", crashes, op.Kind, op.Path)
					if look(m.KillClone(), "killed "+at) {
						news++
					}
					for seed := range int64(4) {
						look(m.CrashClone(rand.New(rand.NewSource(seed+int64(crashes)))), "power failure "+at)
					}
					certain = look(m.CrashClone(nil), "power failure "+at)
					return nil
				}
				way.save(t, o, some(), vfs.NewFault(m, vfs.Func("crash", crash)))
				check.True(t, crashes > 8 && news > 0 && news < crashes, fmt.Sprint(crashes, " crashes, ", news, " with the new file"))
				certain = true
				_ = crash(vfs.Op{Kind: vfs.OpNone, Path: "the end"})
			})
		}
	}
}
