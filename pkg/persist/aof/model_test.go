package aof_test

import (
	"fmt"
	"math/rand"
	"slices"
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

	queued map[string]int64 // since when the background has had something to do, by queue
	late   int64            // when everysec could not be kept last: a slow disk, an error, another policy
}

type issue struct {
	cmd    string
	seq    uint64
	always bool  // appended under always: it must survive a power failure when done
	acked  int64 // when it was acknowledged, 0 when it was not
}

// promise is what must be found after a crash at a moment.
type promise struct {
	issued []issue
	done   uint64
	now    int64
	late   int64
}

const (
	// beat is how often the loop calls Cron.
	beat = 100
	// swift is what the background may take where everysec is to be kept.
	swift = 900
	// lossMillis is what everysec may lose.
	lossMillis = 2000
)

func newWorld(t testing.TB, mem *vfs.Mem, fsys vfs.FS, policy aof.Policy) *world {
	return &world{rig: startRig(t, fsys, policy), mem: mem, queued: map[string]int64{}}
}

func (w *world) write() {
	cmd := fmt.Sprintf("SET k%d v", len(w.issued)+1)
	w.issued = append(w.issued, issue{cmd: cmd, seq: w.put(cmd), always: w.log.Policy() == aof.Always})
}

// later passes time as the loop does.
func (w *world) later(ms int64) {
	for ; ms > 0; ms -= beat {
		w.rig.later(min(ms, beat))
		w.note()
	}
}

// seconds passes time with a background that works.
func (w *world) seconds(ms int64) {
	for ; ms > 0; ms -= beat {
		w.later(beat)
		w.settle()
		w.note()
	}
}

// note keeps the record: what is acknowledged by now, and whether everysec can be kept.
func (w *world) note() {
	for i := len(w.issued) - 1; i >= 0 && w.issued[i].acked == 0; i-- {
		if w.issued[i].seq <= w.log.Done() {
			w.issued[i].acked = w.now
		}
	}
	for name, n := range map[string]int{"write": len(w.writes), "sync": len(w.syncs), "post": len(w.posts)} {
		if n == 0 || w.queued[name] == 0 {
			w.queued[name] = w.now
		}
		if w.now-w.queued[name] > swift {
			w.late = w.now
		}
	}
	if w.log.Policy() == aof.No || w.log.Err() != nil || len(w.exits) > 0 {
		w.late = w.now
	}
}

// promised is what holds now.
func (w *world) promised() promise {
	w.note()
	return promise{slices.Clone(w.issued), w.log.Done(), w.now, w.late}
}

// everything is a file with all that was appended.
func (w *world) everything() []byte {
	b := []byte(enc("SELECT 0"))
	for _, i := range w.issued {
		b = append(b, enc(i.cmd)...)
	}
	return b
}

// mustHold checks a file system that a crash left against what was promised by then:
// nothing acknowledged is lost to a kill, nor under always to a power failure; under
// everysec that takes two seconds at most, where the disk is not slower than that.
func (p promise) mustHold(t testing.TB, left *vfs.Mem, power bool) {
	t.Helper()
	cmds, _, err := tryLoad(left, live, true)
	check.NoErr(t, err)
	check.True(t, len(cmds) <= len(p.issued), "nothing appears")
	for i, c := range cmds {
		check.Eq(t, c, p.issued[i].cmd)
	}
	for _, is := range p.issued[len(cmds):] {
		if is.seq <= p.done && (is.always || !power) {
			t.Fatalf("%s was acknowledged and is lost", is.cmd)
		}
		if is.acked > 0 && p.now-max(is.acked, p.late) > lossMillis {
			t.Fatalf("%s was acknowledged %d ms ago and is lost", is.cmd, p.now-is.acked)
		}
	}
}

func (w *world) checkNow(t testing.TB, rnd *rand.Rand) {
	t.Helper()
	p := w.promised()
	p.mustHold(t, w.mem.KillClone(), false)
	p.mustHold(t, w.mem.CrashClone(nil), true)
	p.mustHold(t, w.mem.CrashClone(rnd), true)
	if w.log.State() == aof.On && w.log.Buffered() == 0 {
		check.Eq(t, w.log.Size(), int64(len(content(t, w.mem, live))))
	}
	check.True(t, p.done <= w.log.Seq(), "done is not ahead")
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
			"flush":   func(*rapid.T) { w.flush() },
			"turn":    func(*rapid.T) { w.turn() },
			"later":   func(rt *rapid.T) { w.later(rapid.Int64Range(1, 1500).Draw(rt, "ms")) },
			"seconds": func(rt *rapid.T) { w.seconds(rapid.Int64Range(1, 40).Draw(rt, "beats") * beat) },
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
			check.Eq(t, len(load(t, mem.KillClone(), live)), len(w.issued))
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
			w.write()
			w.flush()
			w.log.Hold()
			w.write()
			w.seconds(lossMillis + 5*beat)
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
				check.Eq(t, len(load(t, mem.KillClone(), live)), len(w.issued))
			}
		}
	}
}

// TestCrashAtEveryOperation takes what a power failure and what a kill would leave
// before each operation of a session.
func TestCrashAtEveryOperation(t *testing.T) {
	type point struct {
		promise
		left  *vfs.Mem
		power bool
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
				points = append(points, point{w.promised(), left, true})
			}
			points = append(points, point{w.promised(), mem.KillClone(), false})
			return nil
		}), vfs.OpWrite, vfs.OpSync)
		w = newWorld(t, mem, vfs.NewFault(mem, inj), policy)
		session(w)
		check.True(t, len(points) > 40, "many operations")
		for _, p := range points {
			p.mustHold(t, p.left, p.power)
		}
		check.Eq(t, w.log.Unsynced(), int64(0))
		w.promised().mustHold(t, mem.CrashClone(nil), false)
	}
}
