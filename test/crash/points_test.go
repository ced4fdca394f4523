package crash_test

import (
	"context"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

const (
	rewrite = "BGREWRITEAOF"
	turnOn  = "CONFIG SET appendonly yes"
	toParts = "CONFIG SET aof-layout multipart"
	toFile  = "CONFIG SET aof-layout file"
)

// point is a named place where a crash, or an error, would be worst: in which layout the
// daemon starts and what it does when it passes. Those of a child end the child, the
// others the daemon.
type point struct {
	name, layout, command string
	child                 bool
}

// points are all of a log that is on.
func points() []point {
	return []point{
		{"child-snapshot-end", "file", "BGSAVE", true}, {"child-before-sync", "file", "BGSAVE", true},
		{"save-rename", "file", "BGSAVE", false}, {"save-syncdir", "file", "BGSAVE", false},
		{"save-before-rename", "file", "SAVE", false}, {"save-renamed", "file", "SAVE", false},

		{"child-snapshot-end", "file", rewrite, true}, {"child-before-stop", "file", rewrite, true},
		{"child-before-sync", "file", rewrite, true}, {"child-before-rename", "file", rewrite, true},
		{"rewrite-open", "file", rewrite, false}, {"rewrite-append", "file", rewrite, false}, {"rewrite-sync", "file", rewrite, false},
		{"rewrite-rename", "file", rewrite, false}, {"rewrite-syncdir", "file", rewrite, false},

		{"child-snapshot-end", "multipart", rewrite, true}, {"child-before-sync", "multipart", rewrite, true},
		{"child-before-rename", "multipart", rewrite, true},
		{"incr-create", "multipart", rewrite, false}, {"incr-manifest", "multipart", rewrite, false}, {"incr-listed", "multipart", rewrite, false},
		{"rewrite-rename", "multipart", rewrite, false}, {"rewrite-manifest", "multipart", rewrite, false},
		{"rewrite-listed", "multipart", rewrite, false}, {"rewrite-collect", "multipart", rewrite, false},

		{"rewrite-prepare", "file", toParts, false}, {"rewrite-rename", "file", toParts, false},
		{"rewrite-commit", "file", toParts, false}, {"rewrite-committed", "file", toParts, false}, {"rewrite-clean", "file", toParts, false},
		{"rewrite-prepare", "multipart", toFile, false}, {"rewrite-rename", "multipart", toFile, false},
		{"rewrite-commit", "multipart", toFile, false}, {"rewrite-committed", "multipart", toFile, false}, {"rewrite-clean", "multipart", toFile, false},
	}
}

// command runs a command that is given as a line.
func command(s *rig.Server, line string) error {
	var words []any
	for _, w := range strings.Fields(line) {
		words = append(words, w)
	}
	return s.Client().Do(context.Background(), words...).Err()
}

// policies are those that a case is tried under: both in the long form, else one of them
// in turn.
func policies(i int) []string {
	both := []string{"always", "everysec"}
	if rig.Long() {
		return both
	}
	return both[i%2 : i%2+1]
}

// logOn are the arguments of a daemon whose log is on.
func logOn(policy, layout string) []string {
	return []string{"--appendonly", "yes", "--appendfsync", policy, "--aof-layout", layout, "--auto-aof-rewrite-percentage", "0"}
}

// failpoint is the variable that sets one.
func failpoint(spec string) []string { return []string{"REDISD_FAILPOINTS=" + spec} }

// load is what the daemon has to do while it is killed.
type load struct {
	c *rig.Counters
	q *sequence
}

// startLoad starts writers and waits until some have been answered.
func startLoad(t *testing.T, s *rig.Server) *load {
	l := &load{rig.NewCounters(3, 20), &sequence{}}
	l.run(t, s)
	return l
}

func (l *load) run(t *testing.T, s *rig.Server) {
	l.c.Run(s)
	l.q.run(s)
	l.goesOn(t)
}

// goesOn waits for further answers.
func (l *load) goesOn(t *testing.T) {
	t.Helper()
	n := l.c.Acks()
	rig.Eventually(t, "writes", func() bool { return l.c.Acks() > n+50 })
}

// join waits for the writers of a daemon that has ended.
func (l *load) join() {
	l.c.Join()
	l.q.wait()
}

// check wants everything acknowledged, and nothing that was not sent.
func (l *load) check(t *testing.T, s *rig.Server) {
	t.Helper()
	l.c.Check(t, s)
	l.q.check(t, s)
}

// noTemps wants no temporary file. A child may have outlived its daemon, and then cleans
// up by itself.
func noTemps(t *testing.T, s *rig.Server) {
	t.Helper()
	rig.Eventually(t, "end of the temporary files", func() bool { return len(s.Temps()) == 0 })
}

// rewriteWorks rewrites the log, kills the daemon and compares.
func rewriteWorks(t *testing.T, s *rig.Server) {
	t.Helper()
	check.NoErr(t, command(s, rewrite))
	s.WaitIdle()
	check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
	want := s.Digest()
	s.KillAlone()
	s.Restart()
	check.Eq(t, s.Digest(), want)
}

// TestKilledAtPoint kills the daemon, or its child, at every point, with writers at
// work, and looks at what is left: under always and everysec nothing that was
// acknowledged may be missing, what is there of a sequence is a prefix of it, and a
// rewrite afterwards works.
func TestKilledAtPoint(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		for _, p := range points() {
			t.Run(policy+"/"+p.layout+"/"+p.command+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: logOn(policy, p.layout), Env: failpoint(p.name + "=kill")})
				s.Fill(3000, 30)
				l := startLoad(t, s)
				err := command(s, p.command)
				if p.child {
					check.NoErr(t, err)
					s.WaitIdle()
					check.Contains(t, s.Field("child_last_exit"), "signal 9")
					noTemps(t, s)
					l.goesOn(t)
					s.KillAlone()
				} else {
					check.Eq(t, s.Wait(), -9)
				}
				l.join()
				s.SetEnv()
				s.Restart()
				noTemps(t, s)
				l.check(t, s)
				rewriteWorks(t, s)
			})
		}
	}
}

// TestKilledWhileTurnedOn kills the daemon, or its child, at every point of CONFIG SET
// appendonly yes. Until the rewrite has made the log nothing is promised but the last
// save, which a restart must load, whole, or what the log has. Of a file that has the
// difference that is everything acknowledged; an increment may lack the last of what was
// written while the log was not on yet.
func TestKilledWhileTurnedOn(t *testing.T) {
	tests := []struct {
		point
		loads string // what the restart loads
		again bool   // there has been a log before
	}{
		{point{"child-snapshot-end", "file", turnOn, true}, "save", false},
		{point{"child-before-stop", "file", turnOn, true}, "save", false},
		{point{"child-before-rename", "file", turnOn, true}, "save", false},
		{point{"rewrite-open", "file", turnOn, false}, "save", false},
		{point{"rewrite-append", "file", turnOn, false}, "save", false},
		{point{"rewrite-sync", "file", turnOn, false}, "save", false},
		{point{"rewrite-rename", "file", turnOn, false}, "save", false},
		{point{"rewrite-syncdir", "file", turnOn, false}, "log", false},
		{point{"rewrite-syncdir", "file", turnOn, false}, "log", true},
		{point{"child-snapshot-end", "multipart", turnOn, true}, "save", false},
		{point{"child-before-sync", "multipart", turnOn, true}, "save", false},
		{point{"rewrite-rename", "multipart", turnOn, false}, "save", false},
		{point{"rewrite-rename-incr", "multipart", turnOn, false}, "save", false},
		{point{"rewrite-manifest", "multipart", turnOn, false}, "save", false},
		{point{"rewrite-collect", "multipart", turnOn, false}, "start of the log", true},
	}
	for i, tc := range tests {
		for _, policy := range policies(i) {
			t.Run(policy+"/"+tc.layout+"/"+tc.name, func(t *testing.T) {
				t.Parallel()
				on := "no"
				if tc.again {
					on = "yes"
				}
				s := rig.Start(t, rig.Options{
					Args: append(logOn(policy, tc.layout), "--appendonly", on), Env: failpoint(tc.name + "=kill"),
				})
				s.Fill(2000, 30)
				if tc.again {
					check.NoErr(t, command(s, "CONFIG SET appendonly no"))
				}
				before := &sequence{}
				before.run(s)
				rig.Eventually(t, "writes", func() bool { return before.seen() > 50 })
				before.stop()
				s.Do("SAVE")
				want := s.Digest()
				l := &load{rig.NewCounters(3, 20), &sequence{prefix: "later"}}
				l.run(t, s)
				check.NoErr(t, command(s, turnOn))
				if tc.child {
					s.WaitLog(0, "Background AOF rewrite terminated by signal 9")
					l.goesOn(t)
					s.KillAlone()
					// The next child is there already, and leaves what only a start removes.
					rig.Eventually(t, "end of orphans", func() bool { return orphans(t, s) == 0 })
				} else {
					check.Eq(t, s.Wait(), -9)
				}
				l.join()
				s.SetEnv()
				s.Restart("--appendonly", "yes")
				noTemps(t, s)
				before.check(t, s)
				switch tc.loads {
				case "save":
					check.Eq(t, s.Digest(), want)
				case "log":
					l.check(t, s)
				default:
					l.q.checkFrom(t, s, 0)
				}
				rewriteWorks(t, s)
			})
		}
	}
}

// TestSaveKilledWithoutLog kills the daemon, or its child, at every point of a save when
// there is no log to start from: what the restart loads is the old file or the new one,
// whole.
func TestSaveKilledWithoutLog(t *testing.T) {
	tests := []struct {
		point
		replaced bool
	}{
		{point{"child-begin", "", "BGSAVE", true}, false},
		{point{"child-snapshot-end", "", "BGSAVE", true}, false},
		{point{"child-before-sync", "", "BGSAVE", true}, false},
		{point{"save-rename", "", "BGSAVE", false}, false},
		{point{"save-syncdir", "", "BGSAVE", false}, true},
		{point{"save-before-rename", "", "SAVE", false}, false},
		{point{"save-renamed", "", "SAVE", false}, true},
		{point{"save-before-rename", "", "SHUTDOWN SAVE", false}, false},
		{point{"save-renamed", "", "SHUTDOWN SAVE", false}, true},
	}
	for _, tc := range tests {
		t.Run(tc.command+"/"+tc.name, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{})
			change(t, s, 1)
			s.Do("SAVE")
			want := s.Digest()
			s.KillAlone()
			s.SetEnv(failpoint(tc.name + "=kill")...)
			s.Restart()
			check.Eq(t, s.Digest(), want)
			change(t, s, 2)
			if changed := s.Digest(); tc.replaced {
				want = changed
			}
			err := command(s, tc.command)
			if tc.child {
				check.NoErr(t, err)
				s.WaitIdle()
				check.Eq(t, s.Field("rdb_last_bgsave_status"), "err")
				noTemps(t, s)
				s.KillAlone()
			} else {
				check.Eq(t, s.Wait(), -9)
			}
			s.SetEnv()
			s.Restart()
			check.Eq(t, s.Digest(), want)
			check.Eq(t, s.Do("BGSAVE"), any("Background saving started"))
			s.WaitIdle()
			check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
			check.Eq(t, s.Files(), []string{"dump.rdb", "redisd.lock"})
			s.KillAlone()
			s.Restart()
			check.Eq(t, s.Digest(), want)
		})
	}
}

// change makes another dataset of every type, with values that go into a save in parts.
func change(t *testing.T, s *rig.Server, n int) {
	t.Helper()
	s.Fill(2000*n, 10*n)
	ctx := context.Background()
	p := s.Client().Pipeline()
	for i := range 3000 * n {
		p.RPush(ctx, "list", i*n)
		p.SAdd(ctx, "set", i*n, "member")
		p.HSet(ctx, "hash", i, i*n)
	}
	p.Do(ctx, "ZADD", "zset", n, "a", 2*n, "b")
	p.Do(ctx, "XADD", "stream", "*", "n", n)
	p.Do(ctx, "SET", "expires", n, "EX", 10_000)
	_, err := p.Exec(ctx)
	check.NoErr(t, err)
}
