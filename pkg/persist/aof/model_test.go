package aof_test

import (
	"fmt"
	"math/rand"
	"syscall"
	"testing"

	"pgregory.net/rapid"
	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

// world is a rig with a record of what was appended and promised.
type world struct {
	*rig
	mem    *vfs.Mem
	fault  error // the next write or sync fails with it
	issued []issue
}

type issue struct {
	cmd    string
	seq    uint64
	always bool // appended under always: it must survive a power failure when done
}

func newWorld(t testing.TB, mem *vfs.Mem, fsys vfs.FS, policy aof.Policy) *world {
	return &world{rig: startRig(t, fsys, policy), mem: mem}
}

func (w *world) write() {
	cmd := fmt.Sprintf("SET k%d v", len(w.issued)+1)
	w.issued = append(w.issued, issue{cmd, w.put(cmd), w.log.Policy() == aof.Always})
}

// everything is a file with all that was appended.
func (w *world) everything() []byte {
	b := []byte(enc("SELECT 0"))
	for _, i := range w.issued {
		b = append(b, enc(i.cmd)...)
	}
	return b
}

// mustHold checks a file system that a crash left against what was promised by then.
func (w *world) mustHold(t testing.TB, left *vfs.Mem, issued []issue, done uint64, power bool) {
	t.Helper()
	cmds, _, err := tryLoad(left, live, true)
	check.NoErr(t, err)
	check.True(t, len(cmds) <= len(issued), "nothing appears")
	for i, c := range cmds {
		check.Eq(t, c, issued[i].cmd)
	}
	for _, is := range issued[len(cmds):] {
		if is.seq <= done && (is.always || !power) {
			t.Fatalf("%s was acknowledged and is lost", is.cmd)
		}
	}
}

// copyOf is what a killed process leaves: everything that was written.
func copyOf(t testing.TB, m *vfs.Mem) *vfs.Mem {
	c := vfs.NewMem()
	check.NoErr(t, vfs.WriteFile(c, live, []byte(content(t, m, live)), 0o644))
	return c
}

func (w *world) checkNow(t testing.TB, rnd *rand.Rand) {
	t.Helper()
	done := w.log.Done()
	w.mustHold(t, copyOf(t, w.mem), w.issued, done, false)
	w.mustHold(t, w.mem.CrashClone(nil), w.issued, done, true)
	w.mustHold(t, w.mem.CrashClone(rnd), w.issued, done, true)
	if w.log.State() == aof.On && w.log.Buffered() == 0 {
		check.Eq(t, w.log.Size(), int64(len(content(t, w.mem, live))))
	}
	check.True(t, done <= w.log.Seq(), "done is not ahead")
	check.Eq(t, len(w.exits) > 0, len(w.exits) == 1)
}

// switchFile does what the rewrite-done handler does, in one turn.
func (w *world) switchFile(t testing.TB, synced bool) {
	t.Helper()
	f := create(t, w.mem, "temp", string(w.everything()))
	// Under always the data is durable before the name is, whoever waits for it.
	check.NoErr(t, f.Sync())
	check.NoErr(t, w.mem.Rename("temp", live))
	check.NoErr(t, w.mem.SyncDir("."))
	check.NoErr(t, w.log.Switch(f, -1, synced))
}

func TestLogModel(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		mem := vfs.NewMem()
		var w *world
		inj := vfs.Func("next", func(op vfs.Op) error {
			if w == nil || w.fault == nil || op.Kind != vfs.OpWrite && op.Kind != vfs.OpSync && op.Kind != vfs.OpTruncate {
				return nil
			}
			err := w.fault
			w.fault = nil
			return err
		})
		w = newWorld(t, mem, vfs.NewFault(mem, inj), aof.Policy(rapid.IntRange(0, 2).Draw(rt, "policy")))
		rnd := rand.New(rand.NewSource(rapid.Int64().Draw(rt, "crash")))
		held := 0 // commands appended before Hold
		dead := func() bool { return len(w.exits) > 0 }
		rt.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { w.checkNow(t, rnd) },
			"write": func(*rapid.T) {
				if !dead() {
					w.write()
				}
			},
			"flush": func(*rapid.T) { w.flush() },
			"turn":  func(*rapid.T) { w.turn() },
			"later": func(rt *rapid.T) { w.later(rapid.Int64Range(1, 1500).Draw(rt, "ms")) },
			"background write": func(*rapid.T) {
				if len(w.writes) > 0 {
					runOne(t, &w.writes)
				}
			},
			"background sync": func(*rapid.T) {
				if len(w.syncs) > 0 {
					runOne(t, &w.syncs)
				}
			},
			"policy": func(rt *rapid.T) {
				_ = w.log.SetPolicy(aof.Policy(rapid.IntRange(0, 2).Draw(rt, "policy"))) // may refuse
			},
			"hold": func(*rapid.T) {
				if !w.log.Held() && !dead() {
					w.log.Hold()
					held = len(w.issued)
				}
			},
			"resume": func(*rapid.T) { w.log.Resume() },
			"switch": func(*rapid.T) {
				switch {
				case dead():
				case w.log.Held():
					rest := w.issued[held:]
					w.issued = w.issued[:held]
					w.switchFile(t, true)
					w.issued = append(w.issued, rest...)
				default:
					w.switchFile(t, false)
				}
			},
			"fail": func(rt *rapid.T) {
				w.fault = rapid.SampledFrom([]error{syscall.EIO, vfs.ShortWrite(3, syscall.ENOSPC), vfs.ShortWrite(30, syscall.ENOSPC)}).Draw(rt, "fault")
			},
		})
		// With a disk that works everything is done in the end.
		w.fault = nil
		w.log.Resume()
		w.settle()
		w.later(2000)
		w.settle()
		if !dead() {
			check.Eq(t, w.log.Done(), w.log.Seq())
			check.Eq(t, len(load(t, copyOf(t, mem), live)), len(w.issued))
		}
		for _, f := range w.retired {
			check.NoErr(t, f.Close())
		}
	})
}

// session is a fixed course of events; it goes on through errors.
func session(w *world) {
	for i := range 12 {
		w.write()
		w.flush()
		w.write()
		if i%3 == 1 {
			w.later(1000)
		}
		if i%2 == 1 {
			w.settle()
		}
		if i == 5 {
			w.log.Hold()
			w.write()
			w.settle()
			w.log.Resume()
		}
	}
	for range 3 {
		w.later(1000)
		w.settle()
	}
}

// TestEveryFault fails the i-th operation, until a session has none left to fail.
func TestEveryFault(t *testing.T) {
	for _, policy := range []aof.Policy{aof.No, aof.Everysec, aof.Always} {
		for _, fault := range []error{syscall.EIO, vfs.ShortWrite(1, syscall.ENOSPC), vfs.ShortWrite(20, syscall.ENOSPC)} {
			for i, hit := int64(0), true; hit; i++ {
				mem := vfs.NewMem()
				check.NoErr(t, vfs.WriteFile(mem, live, nil, 0o644))
				check.NoErr(t, mem.SyncDir("."))
				hit = false
				n := int64(0)
				inj := vfs.Kinds(vfs.Func("fail", func(vfs.Op) error {
					n++
					if n-1 != i {
						return nil
					}
					hit = true
					return fault
				}), vfs.OpWrite, vfs.OpSync, vfs.OpTruncate)
				w := newWorld(t, mem, vfs.NewFault(mem, inj), policy)
				session(w)
				w.checkNow(t, rand.New(rand.NewSource(i)))
				if hit && policy == aof.Always {
					check.Eq(t, len(w.exits), 1)
					continue
				}
				check.Eq(t, w.log.Done(), w.log.Seq())
				check.Eq(t, len(load(t, copyOf(t, mem), live)), len(w.issued))
			}
		}
	}
}

// TestCrashAtEveryOperation takes what a power failure and what a kill would leave
// before each operation of a session.
func TestCrashAtEveryOperation(t *testing.T) {
	type point struct {
		left   *vfs.Mem
		issued int
		done   uint64
		power  bool
	}
	for _, policy := range []aof.Policy{aof.Everysec, aof.Always} {
		mem := vfs.NewMem()
		check.NoErr(t, vfs.WriteFile(mem, live, nil, 0o644))
		check.NoErr(t, mem.SyncDir("."))
		var w *world
		var points []point
		rnd := rand.New(rand.NewSource(int64(policy)))
		inj := vfs.Kinds(vfs.Func("clone", func(vfs.Op) error {
			for _, left := range []*vfs.Mem{mem.CrashClone(nil), mem.CrashClone(rnd), mem.CrashClone(rnd)} {
				points = append(points, point{left, len(w.issued), w.log.Done(), true})
			}
			points = append(points, point{copyOf(t, mem), len(w.issued), w.log.Done(), false})
			return nil
		}), vfs.OpWrite, vfs.OpSync)
		w = newWorld(t, mem, vfs.NewFault(mem, inj), policy)
		session(w)
		check.True(t, len(points) > 40, "many operations")
		for _, p := range points {
			w.mustHold(t, p.left, w.issued[:p.issued], p.done, p.power)
		}
		check.Eq(t, w.log.Unsynced(), int64(0))
		w.mustHold(t, mem.CrashClone(nil), w.issued, w.log.Done(), false)
	}
}
