package persist_test

import (
	"fmt"
	"math/rand"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
)

func TestRewriteKeepsWritesOfEveryPhase(t *testing.T) {
	everysec := []string{"open", "append", "sync", "freeze", "append", "rename", "syncdir", "switch"}
	always := []string{"open", "append", "sync", "freeze", "append", "sync", "rename", "syncdir", "switch"}
	tests := []struct {
		name     string
		state    aof.State
		always   bool
		preamble bool
		steps    []string
	}{
		{"everysec", aof.On, false, false, everysec},
		{"everysec with preamble", aof.On, false, true, everysec},
		{"always", aof.On, true, true, always},
		{"turned on", aof.WaitRewrite, false, false, []string{"open", "append", "sync", "freeze", "append", "rename", "syncdir", "switch"}},
		{"turned on with always", aof.WaitRewrite, true, false, always},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := newMiniServer(t, tc.state, tc.always)
			for range 70 {
				s.exec()
			}
			s.begin(tc.preamble, true)
			for range 10 {
				s.exec()
			}
			s.job.SnapshotDone()
			s.exec()
			code, lines := s.runChildHere(s.mem, s.exec)
			check.Eq(t, code, persist.ExitDone)
			check.Eq(t, lines[0], "* AOF rewrite child asks to stop sending diffs.")
			check.Eq(t, lines[len(lines)-1], "* SYNC append only file rewrite performed")
			check.Eq(t, s.job.Stopped(), true)
			check.True(t, s.job.ResidualBytes() > 0, "writes after the stop are the residual")
			check.Eq(t, temps(t, s.mem), []string{"temp-rewriteaof-bg-4711.aof"})

			d, steps := s.finish(persist.Exit{}, func(persist.Step) { s.exec() })
			check.Eq(t, steps, tc.steps)
			out := d.Outcome()
			check.Eq(t, out.OK, true)
			check.Eq(t, out.StatusErr, false)
			check.Eq(t, out.TurnOn, tc.state == aof.WaitRewrite)
			check.Eq(t, out.Reschedule, false)
			check.NoErr(t, out.Err)
			texts := lineTexts(d.Lines())
			check.Eq(t, texts[:3], []string{
				"* Background AOF rewrite terminated with success",
				"* Residual parent diff successfully flushed to the rewritten AOF (0.00 MB)",
				"* Background AOF rewrite finished successfully",
			})
			check.Contains(t, texts[3], "- Background AOF rewrite signal handler took ")
			s.exec()
			check.Eq(t, loadFile(t, s.mem, "live.aof"), stateAt(s.next))
			check.Eq(t, s.acked, s.next)
			check.Eq(t, temps(t, s.mem), []string{})
			check.NoErr(t, s.file.Sync())
			n, err := loaded(s.mem.CrashClone(nil))
			check.NoErr(t, err)
			check.Eq(t, n, s.next)
		})
	}
}

func TestOneShotRewriteWithTheLogOff(t *testing.T) {
	for _, old := range []bool{true, false} {
		s := newMiniServer(t, aof.Off, false)
		if old {
			put(t, s.mem, "live.aof", []byte("older"))
		}
		fsys := newCountFS(s.mem)
		s.fsys = fsys
		for range 30 {
			s.exec()
		}
		s.begin(true, false)
		for range 5 {
			s.exec() // after the cut: not in a file that nobody appends to
		}
		s.job.SnapshotDone()
		code, _ := s.runChildHere(s.mem, s.exec)
		check.Eq(t, code, 0)
		check.Eq(t, s.job.BufferBytes(), int64(0))
		job := s.job
		d := job.Done(persist.Exit{}, persist.DoneConfig{FS: s.fsys, Clock: s.clock, Name: "live.aof", State: aof.Off})
		// Turning the log on meanwhile does not make this file complete.
		names := drive(d.Next, func(persist.Step) { d.Update(aof.WaitRewrite, true) })
		want := []string{"open", "open-old", "sync", "rename", "syncdir", "close-new", "close-old"}
		if !old {
			want = want[:len(want)-1]
		}
		check.Eq(t, names, want)
		check.Eq(t, d.Outcome().OK, true)
		check.Eq(t, d.Outcome().TurnOn, false)
		check.Eq(t, loadFile(t, s.mem, "live.aof"), stateAt(30))
		check.Eq(t, fsys.left(), []string(nil))
		check.Eq(t, temps(t, s.mem), []string{})
	}
}

func TestRewriteDoneCleansUp(t *testing.T) {
	base := []string{"* Background AOF rewrite terminated with success"}
	with := func(line string) []string { return append(base[:1:1], line) }
	on := func(kind vfs.OpKind) vfs.Injector { return vfs.Kinds(vfs.Always(unix.EIO), kind) }
	tests := []struct {
		name    string
		exit    persist.Exit
		inj     vfs.Injector
		state   aof.State
		always  bool
		lines   []string
		stopped bool
		thaw    bool
	}{
		{name: "exit 1", exit: persist.Exit{Code: 1}, state: aof.On, lines: []string{"# Background AOF rewrite terminated with error"}},
		{name: "killed", exit: persist.Exit{Signal: 9}, state: aof.On, lines: []string{"# Background AOF rewrite terminated by signal 9"}},
		{name: "stopped", exit: persist.Exit{Signal: 10}, state: aof.On, lines: []string{"# Background AOF rewrite terminated by signal 10"}, stopped: true},
		{name: "stopped itself", exit: persist.Exit{Code: 255}, state: aof.WaitRewrite, lines: []string{"# Background AOF rewrite terminated by signal 10"}, stopped: true},
		{
			name: "cannot open", inj: on(vfs.OpOpen), state: aof.On,
			lines: with("# Unable to open the temporary AOF produced by the child: Input/output error"),
		},
		{
			name: "cannot append", inj: on(vfs.OpWrite), state: aof.On,
			lines: with("# Error trying to flush the parent diff to the rewritten AOF: Input/output error"),
		},
		{
			name: "disk full", inj: vfs.Writes(vfs.Always(vfs.ShortWrite(3, unix.ENOSPC))), state: aof.WaitRewrite,
			lines: with("# Error trying to flush the parent diff to the rewritten AOF: No space left on device"),
		},
		{
			name: "cannot append the last", inj: vfs.Writes(vfs.From(1, unix.EIO)), state: aof.On, thaw: true,
			lines: with("# Error trying to flush the parent diff to the rewritten AOF: Input/output error"),
		},
		{
			name: "cannot sync", inj: on(vfs.OpSync), state: aof.On,
			lines: with("# Error trying to fsync the parent diff to the rewritten AOF: Input/output error"),
		},
		{
			name: "cannot sync the last", inj: vfs.Kinds(vfs.OnIndex(1, unix.EIO), vfs.OpSync), state: aof.On, always: true, thaw: true,
			lines: with("# Error trying to fsync the parent diff to the rewritten AOF: Input/output error"),
		},
		{
			name: "cannot rename", inj: on(vfs.OpRename), state: aof.On, thaw: true,
			lines: with("# Error trying to rename the temporary AOF file: Input/output error"),
		},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s := newMiniServer(t, tc.state, tc.always)
			for range 60 {
				s.exec()
			}
			s.begin(true, true)
			s.job.SnapshotDone()
			code, _ := s.runChildHere(s.mem, s.exec)
			check.Eq(t, code, 0)
			fsys := newCountFS(s.mem)
			if tc.inj != nil {
				fsys.FS = vfs.NewFault(s.mem, tc.inj)
			}
			s.fsys = fsys
			put(t, s.mem, "temp-rewriteaof-4711.aof", nil)
			put(t, s.mem, "temp-rewriteaof-4711.diff", nil)
			d, steps := s.finish(tc.exit, func(persist.Step) { s.exec() })
			out := d.Outcome()
			texts := lineTexts(d.Lines())
			check.Eq(t, texts[:len(texts)-1], tc.lines)
			check.Eq(t, out.OK, false)
			check.Eq(t, out.Stopped, tc.stopped)
			check.Eq(t, out.StatusErr, !tc.stopped)
			check.Eq(t, out.Reschedule, tc.state == aof.WaitRewrite)
			check.True(t, out.Err != nil, "the cause is told")
			thawed := len(steps) > 1 && steps[len(steps)-2] == "thaw"
			check.Eq(t, thawed, tc.thaw)
			check.Eq(t, temps(t, s.mem), []string{})
			check.Eq(t, fsys.left(), []string(nil))
			if tc.state == aof.On {
				s.exec()
				check.Eq(t, s.acked, s.next)
				check.Eq(t, loadFile(t, s.mem, "live.aof"), stateAt(s.next))
			}
		})
	}
}

func TestRewriteWithoutStopIsNoSuccess(t *testing.T) {
	s := newMiniServer(t, aof.On, false)
	s.begin(true, true)
	put(t, s.mem, "temp-rewriteaof-bg-4711.aof", []byte("what?"))
	d, _ := s.finish(persist.Exit{}, nil)
	check.Eq(t, d.Outcome().StatusErr, true)
	check.Eq(t, string(read(t, s.mem, "live.aof")), "")
	check.Eq(t, temps(t, s.mem), []string{})
}

func TestRewriteRenamedButFolderNotSynced(t *testing.T) {
	for _, always := range []bool{false, true} {
		s := newMiniServer(t, aof.On, always)
		for range 60 {
			s.exec()
		}
		s.begin(true, true)
		s.job.SnapshotDone()
		_, _ = s.runChildHere(s.mem, s.exec)
		s.fsys = vfs.NewFault(s.mem, vfs.Kinds(vfs.Always(unix.EIO), vfs.OpSyncDir))
		job, told := s.job, false
		d := job.Done(persist.Exit{}, persist.DoneConfig{FS: s.fsys, Clock: s.clock, Name: "live.aof", State: aof.On, Always: always})
		drive(d.Next, func(st persist.Step) {
			if st.Kind == persist.StepFreeze {
				s.held = true
			}
			if st.Kind == persist.StepSwitch {
				told = d.Outcome().DirNotSynced
				check.Eq(t, st.Durable, false)
				s.switchTo(st)
			}
		})
		out := d.Outcome()
		check.Eq(t, told, true)
		check.Eq(t, []bool{out.OK, out.DirNotSynced, out.StatusErr}, []bool{true, true, true})
		check.ErrIs(t, out.Err, unix.EIO)
		check.Contains(t, fmt.Sprint(lineTexts(d.Lines())), "# Error syncing the folder of the AOF file live.aof: Input/output error")
		s.exec()
		check.Eq(t, loadFile(t, s.mem, "live.aof"), stateAt(s.next))
	}
}

func TestSlowDiskMakesMoreRoundsBeforeWritersWait(t *testing.T) {
	s := newMiniServer(t, aof.On, false)
	s.exec()
	s.begin(true, true)
	s.job.SnapshotDone()
	_, _ = s.runChildHere(s.mem, s.exec)
	syncs := 0
	d, steps := s.finish(persist.Exit{}, func(st persist.Step) {
		s.exec()
		if st.Name == "sync" {
			if syncs++; syncs < 4 {
				s.clock.Advance(700 * time.Millisecond)
			}
		}
	})
	check.Eq(t, steps, []string{
		"open", "append", "sync", "append", "sync", "append", "sync", "append", "sync",
		"freeze", "append", "rename", "syncdir", "switch",
	})
	check.Eq(t, d.Outcome().HeldMicros, int64(0))
	// A disk that stays slow: in the end they wait, for a sync too.
	s.begin(true, true)
	s.job.SnapshotDone()
	_, _ = s.runChildHere(s.mem, s.exec)
	d, steps = s.finish(persist.Exit{}, func(st persist.Step) {
		s.exec()
		if st.Name == "sync" {
			s.clock.Advance(time.Second)
		}
	})
	check.Eq(t, steps[len(steps)-6:], []string{"freeze", "append", "sync", "rename", "syncdir", "switch"})
	check.Eq(t, d.Outcome().HeldMicros, int64(1_000_000))
	check.Eq(t, loadFile(t, s.mem, "live.aof"), stateAt(s.next))
}

func TestCancelAndTurningOffWhileTheHandlerRuns(t *testing.T) {
	for i := range 9 {
		for _, off := range []bool{false, true} {
			s := newMiniServer(t, aof.On, true)
			for range 60 {
				s.exec()
			}
			s.begin(true, true)
			s.job.SnapshotDone()
			_, _ = s.runChildHere(s.mem, s.exec)
			fsys := newCountFS(s.mem)
			s.fsys = fsys
			d := s.job.Done(persist.Exit{}, persist.DoneConfig{FS: fsys, Clock: s.clock, Name: "live.aof", State: aof.On, Always: true})
			n, late, switched := 0, false, false
			names := drive(d.Next, func(st persist.Step) {
				if n == i {
					if off {
						d.Update(aof.Off, false)
						d.Update(aof.On, false)
					} else {
						late = d.Cancel()
					}
				}
				n++
				switch st.Kind {
				case persist.StepSwitch:
					switched = true
					check.NoErr(t, st.File.Close())
				case persist.StepFreeze:
					s.held = true
				case persist.StepThaw:
					s.held = false
				}
			})
			check.Eq(t, fsys.left(), []string(nil))
			check.Eq(t, temps(t, s.mem), []string{})
			_, err := loaded(s.mem)
			check.NoErr(t, err)
			if off {
				check.Eq(t, switched, i == 8)
				check.Eq(t, d.Outcome().OK, true)
			} else {
				check.Eq(t, late, i >= 6)
				check.Eq(t, d.Outcome().OK, late)
				check.Eq(t, d.Outcome().StatusErr, false)
			}
			if !switched && names[len(names)-1] != "clean-up" {
				check.Eq(t, s.held, false)
			}
		}
	}
}

// TestCrashAnywhere kills the server, and cuts the power, before every operation
// of a rewrite, child and handler: whatever the policy promised is loaded.
func TestCrashAnywhere(t *testing.T) {
	for _, always := range []bool{true, false} {
		// Slow and fast: with pace the handler needs a last sync or not.
		for _, pace := range []time.Duration{5 * time.Millisecond, 50 * time.Millisecond} {
			t.Run(fmt.Sprintf("always=%v pace=%v", always, pace), func(t *testing.T) {
				preamble := pace < 10*time.Millisecond
				s := newMiniServer(t, aof.On, always)
				crashes, ofChild := 0, 0
				look := func(op vfs.Op) {
					crashes++
					n, err := loaded(s.mem)
					if err != nil || n < s.acked {
						t.Errorf("killed before %s %s: %d commands of %d acknowledged, %v", op.Kind, op.Path, n, s.acked, err)
					}
					for seed := range int64(12) {
						var rnd *rand.Rand
						if seed > 0 {
							rnd = rand.New(rand.NewSource(seed))
						}
						n, err := loaded(s.mem.CrashClone(rnd))
						if err != nil || n < s.owed() {
							t.Errorf("power failure %d before %s %s: %d commands of %d owed, %v", seed, op.Kind, op.Path, n, s.owed(), err)
						}
					}
				}
				crash := func(op vfs.Op) error {
					// A write of the server's own log comes here too, in the middle of a command.
					if s.mu.TryLock() {
						defer s.mu.Unlock()
						look(op)
					}
					return nil
				}
				// The child has its own goroutines, and waits for the command in hand.
				childFS := vfs.NewFault(s.mem, vfs.Func("crash of the child", func(op vfs.Op) error {
					s.mu.Lock()
					defer s.mu.Unlock()
					ofChild++
					look(op)
					return nil
				}))
				fsys := vfs.NewFault(s.mem, vfs.Func("crash", crash))
				s.fsys = fsys
				step := func() {
					for range 3 {
						s.exec()
						s.tick(pace)
					}
				}
				for range 25 {
					step()
				}
				for range 3 {
					s.begin(preamble, true)
					step()
					s.job.SnapshotDone()
					step()
					code, _ := s.runChildHere(childFS, step)
					check.Eq(t, code, 0)
					for range 5 {
						step()
					}
					d, _ := s.finish(persist.Exit{}, func(persist.Step) { step() })
					check.Eq(t, d.Outcome().OK, true)
					_ = crash(vfs.Op{Kind: vfs.OpNone, Path: "after"})
				}
				check.True(t, crashes-ofChild > 20 && ofChild > 20, fmt.Sprint(crashes, " crashes, in the child ", ofChild))
			})
		}
	}
}
