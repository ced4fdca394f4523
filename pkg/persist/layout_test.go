package persist_test

import (
	"fmt"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
)

// journey is a way of a log from one layout to another.
type journey struct {
	name     string
	from, to aof.Layout // from NoLayout: the log is turned on by the rewrite
}

func journeys() []journey {
	return []journey{
		{"file to file", aof.FileLayout, aof.FileLayout},
		{"parts to parts", aof.PartsLayout, aof.PartsLayout},
		{"file to parts", aof.FileLayout, aof.PartsLayout},
		{"parts to file", aof.PartsLayout, aof.FileLayout},
		{"turned on into parts", aof.NoLayout, aof.PartsLayout},
		{"turned on into a file", aof.NoLayout, aof.FileLayout},
	}
}

func (j journey) begin(s *logServer, step func()) {
	s.start(j.from)
	for range 20 {
		step()
	}
	if j.from == aof.NoLayout {
		s.log.AwaitRewrite()
	}
}

// TestRewriteBetweenLayouts goes every way, with commands between all steps: nothing
// is lost, nothing is left over, and the next rewrite works.
func TestRewriteBetweenLayouts(t *testing.T) {
	for _, j := range journeys() {
		for _, policy := range []aof.Policy{aof.Everysec, aof.Always} {
			t.Run(fmt.Sprintf("%s, policy %d", j.name, policy), func(t *testing.T) {
				s := newLogServer(t, vfs.Func("none", func(vfs.Op) error { return nil }), policy)
				j.begin(s, s.exec)
				for range 3 {
					out := s.rewrite(j.to, 0, s.exec)
					check.Eq(t, out.OK, true)
					check.NoErr(t, out.Err)
					s.exec()
					check.Eq(t, s.log.State(), aof.On)
					check.Eq(t, s.owed(), s.next)
					n, l, err := restart(s.mem.KillClone())
					check.NoErr(t, err)
					check.Eq(t, n, s.next)
					check.Eq(t, l, j.to)
					s.tidy()
				}
				check.Eq(t, s.exits, []string(nil))
			})
		}
	}
}

// TestFailedRewritesLeaveIncrements: each failure in the multi-part layout leaves one
// more, and the first success makes history of them.
func TestFailedRewritesLeaveIncrements(t *testing.T) {
	s := newLogServer(t, vfs.Func("none", func(vfs.Op) error { return nil }), aof.Always)
	s.start(aof.PartsLayout)
	for range 3 {
		s.exec()
		out := s.rewrite(aof.PartsLayout, 1, s.exec)
		check.Eq(t, out.StatusErr, true)
	}
	check.Eq(t, len(s.parts.Manifest().Incr), 4)
	n, _, err := restart(s.mem.KillClone())
	check.NoErr(t, err)
	check.Eq(t, n, s.next)
	check.Eq(t, s.rewrite(aof.PartsLayout, 0, s.exec).OK, true)
	check.Eq(t, string(s.parts.Manifest().Append(nil)),
		fmt.Sprintf("file live.aof.1.base.%s seq 1 type b\nfile live.aof.5.incr.aof seq 5 type i\n", map[bool]string{true: "rdb", false: "aof"}[s.parts.Manifest().Base.Name[len("live.aof.1.base."):] == "rdb"]))
	s.tidy()
}

// newCrashServer is a server that crashes before every operation of its own and of its
// children from when armed is set. It counts the crashes.
func newCrashServer(t *testing.T, policy aof.Policy) (s *logServer, armed *bool, crashes *int) {
	armed, crashes = new(bool), new(int)
	crash := func(op vfs.Op) {
		if *armed && op.Kind != vfs.OpStat && op.Kind != vfs.OpRead && op.Kind != vfs.OpOpen && op.Kind != vfs.OpSize {
			*crashes++
			s.crash(fmt.Sprintf("before %s %s", op.Kind, op.Path))
		}
	}
	s = newLogServer(t, vfs.Func("crash", func(op vfs.Op) error { crash(op); return nil }), policy)
	s.childFS = vfs.NewFault(s.mem, vfs.Func("crash", func(op vfs.Op) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		crash(op)
		return nil
	}))
	return s, armed, crashes
}

// TestCrashBetweenLayouts kills the server, and cuts the power, before every operation
// of every way, those of the child among them: exactly one log can be loaded, with
// everything acknowledged, and after a failure of the power with everything that the
// policy has promised.
func TestCrashBetweenLayouts(t *testing.T) {
	for _, j := range journeys() {
		for _, policy := range []aof.Policy{aof.Everysec, aof.Always} {
			t.Run(fmt.Sprintf("%s, policy %d", j.name, policy), func(t *testing.T) {
				s, armed, crashes := newCrashServer(t, policy)
				j.begin(s, s.exec)
				*armed = true
				for range 2 {
					check.Eq(t, s.rewrite(j.to, 0, s.exec).OK, true)
					s.exec()
				}
				check.Eq(t, s.rewrite(j.to, 1, s.exec).OK, false)
				for range 25 { // the last of it is to be synced too
					s.exec()
				}
				s.crash("after")
				check.True(t, s.owedByDisk() > s.next-25 && *crashes > 50, fmt.Sprint(*crashes, " crashes"))
			})
		}
	}
}

// TestCrashWhileTheLogIsTurnedOffAndOn is CONFIG SET appendonly no and yes again, at each
// moment of a rewrite, and crashes as above: what was acknowledged while the log was on
// stays, and the log that is on again has everything.
func TestCrashWhileTheLogIsTurnedOffAndOn(t *testing.T) {
	for _, j := range journeys() {
		for _, policy := range []aof.Policy{aof.Everysec, aof.Always} {
			t.Run(fmt.Sprintf("%s, policy %d", j.name, policy), func(t *testing.T) {
				for at, more := int(policy)-1, true; more; at += 2 {
					s, armed, _ := newCrashServer(t, policy)
					j.begin(s, s.exec)
					*armed = true
					moment := 0
					more = false
					s.rewrite(j.to, 0, func() {
						s.exec()
						switch moment - at {
						case 0:
							s.turnOff()
							more = true
						case 2:
							s.turnOn()
						}
						moment++
					})
					s.turnOff()
					s.exec()
					s.turnOn()
					s.exec()
					out := s.rewrite(j.to, 0, s.exec)
					if !out.OK || s.log.State() != aof.On || s.dead {
						t.Fatalf("off at %d: %+v, %v", at, out, s.exits)
					}
					for range 25 {
						s.exec()
					}
					s.crash("after")
					check.Eq(t, s.owed(), s.next)
					check.True(t, s.owedByDisk() > s.next-25, "the log is synced again")
					s.tidy()
				}
			})
		}
	}
}

// TestEveryOperationFailsOnce lets each operation of every way fail: the server goes on
// with what it has (or ends, when under always it must), the status tells, and the
// next rewrite puts everything in order.
func TestEveryOperationFailsOnce(t *testing.T) {
	for _, j := range journeys() {
		for _, policy := range []aof.Policy{aof.Everysec, aof.Always} {
			t.Run(fmt.Sprintf("%s, policy %d", j.name, policy), func(t *testing.T) {
				for i := int64(0); ; i++ {
					fails, n := false, int64(0)
					failed := ""
					inj := vfs.Func("fail", func(op vfs.Op) error {
						if !fails {
							return nil
						}
						if n++; n-1 != i {
							return nil
						}
						failed = fmt.Sprintf("%d: %s %s", i, op.Kind, op.Path)
						return &vfs.PartialWrite{N: 2, Err: unix.EIO}
					})
					s := newLogServer(t, inj, policy)
					j.begin(s, s.exec)
					fails = true
					out := s.rewrite(j.to, 0, s.exec)
					s.exec()
					fails = false
					if failed == "" {
						check.Eq(t, out.OK, true)
						check.True(t, i > 5, "operations were counted")
						return
					}
					s.crash(failed)
					if s.dead {
						continue
					}
					again(t, s, j, out, failed)
				}
			})
		}
	}
}

// again is what follows a failure: the server serves, and a rewrite works.
func again(t *testing.T, s *logServer, j journey, out persist.Outcome, failed string) {
	t.Helper()
	if s.log.Err() != nil {
		s.clock.Advance(time.Second) // what can be retried is
		s.turn()
	}
	if !out.OK && !out.StatusErr {
		t.Errorf("%s: neither done nor an error", failed)
	}
	res := s.rewrite(j.to, 0, s.exec)
	if !res.OK {
		t.Fatalf("%s: the rewrite after it: %v\n%s", failed, res.Err, s.mem)
	}
	s.exec()
	if s.log.Err() != nil || s.owed() != s.next {
		t.Errorf("%s: %v, %d of %d acknowledged", failed, s.log.Err(), s.owed(), s.next)
	}
	n, l, err := restart(s.mem.KillClone())
	if err != nil || n != s.next || l != j.to {
		t.Errorf("%s: a restart finds %d of %d in %s, %v", failed, n, s.next, l, err)
	}
	s.tidy()
}
