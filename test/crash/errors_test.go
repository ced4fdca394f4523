package crash_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

// outcome is what an error at a point comes to.
type outcome int

const (
	fails  outcome = iota // status err; everything is as it was
	passes                // only a line in the log: what is left takes room
	exits                 // the new names may not be safe: under always the daemon exits
)

// consequence is what the log says of an error, and what comes of it.
func (p point) consequence() (line string, then outcome) {
	switch into := strings.TrimPrefix(p.command, "CONFIG SET aof-layout "); {
	case p.child && p.command == "BGSAVE":
		return "Background saving error", fails
	case p.child:
		return "Background AOF rewrite terminated with error", fails
	case p.command == "SAVE":
		return "", fails
	case p.name == "save-rename":
		return "Error moving temp DB file on the final destination", fails
	case p.name == "save-syncdir":
		return "Error syncing the folder of the RDB file", fails
	case strings.HasPrefix(p.name, "incr-") && p.name != "incr-listed":
		return "Can't go on in the append-only file appendonly.aof.2.incr.aof", fails
	case p.name == "incr-listed":
		return "Fail to fsync AOF directory", exits
	case p.name == "rewrite-rename" && p.layout == "multipart" && into == rewrite:
		return "Error trying to rename the temporary AOF base file", fails
	case p.name == "rewrite-syncdir" || p.name == "rewrite-committed":
		return "Error syncing the folder of the AOF file", exits
	}
	return map[string]string{
		"rewrite-open":     "Unable to open the temporary AOF produced by the child",
		"rewrite-append":   "Error trying to flush the parent diff to the rewritten AOF",
		"rewrite-sync":     "Error trying to fsync the parent diff to the rewritten AOF",
		"rewrite-rename":   "Error trying to rename the temporary AOF file",
		"rewrite-manifest": "Error trying to write the AOF manifest",
		"rewrite-listed":   "Error syncing the folder of the AOF manifest",
		"rewrite-prepare":  "Error preparing the other layout of the append only file",
		"rewrite-commit":   "Error trying to switch to the other layout of the append only file",
		"rewrite-collect":  "Removing history files",
		"rewrite-clean":    "Removing the former append only file",
	}[p.name], map[string]outcome{"rewrite-collect": passes, "rewrite-clean": passes, "rewrite-listed": exits}[p.name]
}

// status is the field that tells how the job of a point went.
func (p point) status() (status, reason string) {
	if strings.HasSuffix(p.command, "SAVE") {
		return "rdb_last_bgsave_status", "rdb_last_bgsave_error"
	}
	return "aof_last_bgrewrite_status", "aof_last_bgrewrite_error"
}

// TestErrorAtPoint lets each step fail once instead: INFO and the log name the failure,
// nothing is left, the daemon goes on, a kill -9 then loses nothing that was
// acknowledged, and the next job works.
func TestErrorAtPoint(t *testing.T) {
	for i, p := range points() {
		for _, policy := range policies(i) {
			t.Run(policy+"/"+p.layout+"/"+p.command+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{Args: logOn(policy, p.layout), Env: failpoint(p.name + "=error:ENOSPC@1")})
				s.Fill(2000, 30)
				l := startLoad(t, s)
				line, then := p.consequence()
				if then == exits {
					p.notDurable(t, s, policy, line, l)
					s.SetEnv()
				} else {
					p.failsOnce(t, s, line, then)
					l.goesOn(t)
				}
				s.KillAlone()
				l.join()
				s.Restart()
				l.check(t, s)
				if then != exits && p.name != "rewrite-clean" { // after that it is converted
					p.failsOnce(t, s, line, then)
				}
				if p.child {
					// Every child passes the point for the first time.
					s.SetEnv()
					s.KillAlone()
					s.Restart()
				}
				check.NoErr(t, command(s, map[bool]string{true: p.command, false: rewrite}[strings.HasSuffix(p.command, "SAVE")]))
				s.WaitIdle()
				status, _ := p.status()
				check.Eq(t, s.Field(status), "ok")
				want := s.Digest()
				s.KillAlone()
				s.SetEnv()
				s.Restart()
				check.Eq(t, s.Digest(), want)
				l.check(t, s)
				rewriteWorks(t, s)
				p.tidy(t, s)
			})
		}
	}
}

// failsOnce runs the job and looks at what the failure has come to.
func (p point) failsOnce(t *testing.T, s *rig.Server, line string, then outcome) {
	t.Helper()
	mark, fds := s.Mark(), len(s.FDs())
	check.Eq(t, command(s, p.command) != nil, p.command == "SAVE")
	s.WaitIdle()
	status, reason := p.status()
	switch {
	case p.command == "SAVE":
		// The status is about BGSAVE: whoever saved has heard of the error.
		check.Eq(t, s.Field(status), "ok")
	case then == passes:
		check.Eq(t, s.Field(status), "ok")
	default:
		check.Eq(t, s.Field(status), "err")
		check.Contains(t, s.Field(reason), "no space left on device")
	}
	check.Contains(t, s.LogSince(mark), line)
	check.Contains(t, s.LogSince(mark), "No space left on device")
	s.Clean(fds)
	check.Eq(t, s.Field("aof_last_write_status"), "ok")
}

// notDurable runs a job at whose end a power failure might bring back the former files,
// which lack what is logged from now on. Under always nothing more can be acknowledged,
// so the daemon ends; else writes are refused until another rewrite, which starts by
// itself, has made files whose names are safe. In the multi-part layout the former
// manifest lists the increment that the log has gone on in: then nothing is refused.
func (p point) notDurable(t *testing.T, s *rig.Server, policy, line string, l *load) {
	t.Helper()
	_ = command(s, p.command) // it may end before the reply
	if policy == "always" {
		check.Eq(t, s.Wait(), 1)
		check.Contains(t, s.Log(), line)
		check.Contains(t, s.Log(), "Can't make the rewritten AOF durable")
		l.join()
		return
	}
	s.WaitLog(0, line)
	if p.name == "rewrite-listed" {
		s.WaitIdle()
		check.Eq(t, s.Field("aof_last_bgrewrite_status"), "err")
		l.goesOn(t)
		return
	}
	s.WaitLog(0, "Starting one.")
	writesAgain(t, s)
	s.WaitField("aof_last_bgrewrite_status", "ok")
}

// writesAgain waits until writes are taken.
func writesAgain(t *testing.T, s *rig.Server) {
	t.Helper()
	rig.Eventually(t, "a write", func() bool { return s.Client().Set(context.Background(), "a", "b", 0).Err() == nil })
}

// tidy wants the files of the log and nothing else.
func (p point) tidy(t *testing.T, s *rig.Server) {
	t.Helper()
	parts, err := filepath.Glob(s.File("appendonlydir/*"))
	check.NoErr(t, err)
	_, err = os.Stat(s.File("appendonly.aof"))
	if s.Field("aof_layout") == "multipart" {
		check.Eq(t, len(parts), 3)
		check.ErrIs(t, err, os.ErrNotExist)
	} else {
		check.Eq(t, parts, []string(nil))
		check.NoErr(t, err)
	}
}

// TestErrorWhileTurnedOn lets each step of CONFIG SET appendonly yes fail once: another
// rewrite follows by itself, and from then on nothing acknowledged is lost.
func TestErrorWhileTurnedOn(t *testing.T) {
	tests := []point{
		{"rewrite-open", "file", turnOn, false}, {"rewrite-append", "file", turnOn, false},
		{"rewrite-sync", "file", turnOn, false}, {"rewrite-rename", "file", turnOn, false},
		{"rewrite-rename", "multipart", turnOn, false}, {"rewrite-rename-incr", "multipart", turnOn, false},
		{"rewrite-manifest", "multipart", turnOn, false},
		// Another one is asked for because the names are not safe.
		{"rewrite-listed", "multipart", turnOn, false}, {"rewrite-syncdir", "file", turnOn, false},
	}
	for i, p := range tests {
		for _, policy := range policies(i) {
			t.Run(policy+"/"+p.layout+"/"+p.name, func(t *testing.T) {
				t.Parallel()
				s := rig.Start(t, rig.Options{
					Args: append(logOn(policy, p.layout), "--appendonly", "no"), Env: failpoint(p.name + "=error:EIO@1"),
				})
				s.Fill(1000, 30)
				s.Do("SAVE")
				l := startLoad(t, s)
				line, then := p.consequence()
				if p.name == "rewrite-rename-incr" {
					line = "Error trying to rename the temporary AOF incr file"
				}
				if p.name == "rewrite-rename" && p.layout == "multipart" {
					line = "Error trying to rename the temporary AOF base file"
				}
				_ = command(s, turnOn)
				durable := then != exits
				if policy == "always" && !durable {
					check.Eq(t, s.Wait(), 1)
					l.join()
					s.SetEnv()
					s.Restart("--appendonly", "yes")
					check.True(t, s.Client().DBSize(context.Background()).Val() >= 1000, "the save or the log")
					rewriteWorks(t, s)
					return
				}
				s.WaitLog(0, line)
				if !durable {
					s.WaitLog(0, "Starting one.")
					writesAgain(t, s)
				}
				s.WaitIdle()
				check.Eq(t, s.Field("aof_enabled")+s.Field("aof_last_bgrewrite_status"), "1ok")
				children := fmt.Sprint(s.Do("DEBUG", "CHILDREN"))
				check.Contains(t, children, "input/output error")
				writesAgain(t, s)
				if durable {
					l.goesOn(t)
				}
				s.KillAlone()
				l.join()
				s.SetEnv()
				s.Restart("--appendonly", "yes")
				l.check(t, s)
				rewriteWorks(t, s)
			})
		}
	}
}

// TestNotTurnedOn takes away the room for the increment in which a log collects that is
// being turned on: the command fails, and works when it can.
func TestNotTurnedOn(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: append(logOn("always", "multipart"), "--appendonly", "no")})
	s.Fill(500, 30)
	fds := len(s.FDs())
	check.NoErr(t, os.MkdirAll(s.File("appendonlydir/temp-appendonly.aof.incr/x"), 0o755))
	for range 2 {
		check.Contains(t, s.Fails("CONFIG", "SET", "appendonly", "yes"), "Unable to turn on AOF. Check server logs.")
		check.Eq(t, s.Field("aof_enabled")+s.Field("aof_last_bgrewrite_status"), "0err")
		check.Contains(t, s.Field("aof_last_bgrewrite_error"), "is a directory")
		s.Clean(fds)
	}
	check.Contains(t, s.Log(), "Can't open the append-only file temp-appendonly.aof.incr: Is a directory")
	check.NoErr(t, os.RemoveAll(s.File("appendonlydir")))
	l := startLoad(t, s)
	check.NoErr(t, command(s, turnOn))
	s.WaitIdle()
	check.Eq(t, s.Field("aof_enabled")+s.Field("aof_last_bgrewrite_status"), "1ok")
	l.goesOn(t)
	s.KillAlone()
	l.join()
	s.Restart("--appendonly", "yes")
	l.check(t, s)
	rewriteWorks(t, s)
}
