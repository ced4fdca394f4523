package crash_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/test/rig"
)

// remount makes a mounted file system read only, or writable again.
func remount(dir string, readOnly bool) error {
	flags := uintptr(unix.MS_REMOUNT)
	if readOnly {
		flags |= unix.MS_RDONLY
	}
	return unix.Mount("", dir, "", flags, "")
}

// TestReadOnlyRemount mounts the file system read only under a daemon without log, and
// writable again: saves fail and say why, writes are refused where save points ask for
// saves, reads go on, nothing is left, and all is well afterwards.
func TestReadOnlyRemount(t *testing.T) {
	t.Parallel()
	dir, ok := smallDisk(t, 8)
	if !ok {
		return
	}
	s := rig.Start(t, rig.Options{Dir: dir, Args: []string{"--snapshot-check-free-space", "no"}})
	s.Fill(500, 30)
	s.Do("SAVE")
	fds := len(s.FDs())
	s.Do("SET", "after", "the save")
	check.NoErr(t, remount(dir, true))
	check.True(t, s.Fails("SAVE") != "", "SAVE fails")
	s.Do("BGSAVE")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "err")
	check.Contains(t, s.Field("rdb_last_bgsave_error"), "read-only file system")
	check.Contains(t, s.Log(), "Read-only file system")
	s.Do("SET", "without", "save points")
	s.Do("CONFIG", "SET", "save", "3600 1000000")
	check.Contains(t, s.Fails("SET", "a", "b"), "MISCONF Redis is configured to save RDB snapshots")
	check.Eq(t, s.Do("GET", "after"), any("the save"))
	s.Clean(fds)
	check.NoErr(t, remount(dir, false))
	s.Do("BGSAVE")
	s.WaitIdle()
	check.Eq(t, s.Field("rdb_last_bgsave_status"), "ok")
	s.Do("SET", "a", "b")
	s.Do("SAVE")
	s.Clean(fds)
	want := s.Digest()
	s.KillAlone()
	s.Restart()
	check.Eq(t, s.Digest(), want)
}

// brokenDisk makes a file system that fail turns read only as the kernel does when it
// finds it broken: also for files that are open, and without writing what was not synced.
// Nothing but mend, which takes it down and up, makes it writable again.
func brokenDisk(t *testing.T) (dir string, fail, mend func()) {
	t.Helper()
	image := filepath.Join(t.TempDir(), "image")
	dir = t.TempDir()
	check.NoErr(t, os.WriteFile(image, nil, 0o600))
	check.NoErr(t, os.Truncate(image, 32<<20))
	run := func(name string, args ...string) ([]byte, error) { return exec.Command(name, args...).CombinedOutput() }
	if out, err := run("mkfs.ext4", "-q", "-F", image); err != nil {
		rig.Skip(t, "no ext4 file system can be made: %v %s", err, out)
	}
	mount := func() ([]byte, error) { return run("mount", "-o", "loop", image, dir) }
	if out, err := mount(); err != nil {
		rig.Skip(t, "no loop device can be mounted: %v %s", err, out)
	}
	t.Cleanup(func() { check.NoErr(t, unix.Unmount(dir, unix.MNT_DETACH)) })
	must := func(out []byte, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	fail = func() { must(run("mount", "-o", "remount,abort", dir)) }
	mend = func() {
		must(run("umount", dir))
		must(mount())
	}
	return dir, fail, mend
}

// TestDiskTurnsReadOnly breaks the file system under the log. Under always the daemon
// ends, and everything acknowledged is there when the disk is back, of which nothing was
// written that was not synced. Under everysec writes are refused and reads go on; what a
// sync has covered is there, and of the rest a prefix.
func TestDiskTurnsReadOnly(t *testing.T) {
	for _, policy := range []string{"always", "everysec"} {
		for _, layout := range layouts("") {
			t.Run(policy+"/"+layout, func(t *testing.T) {
				t.Parallel()
				dir, fail, mend := brokenDisk(t)
				s := rig.Start(t, rig.Options{Dir: dir, Args: logOn(policy, layout)})
				s.Fill(200, 20)
				s.Do("BGREWRITEAOF")
				s.WaitIdle()
				l := startLoad(t, s)
				promised := l.q.seen()
				p := s.Client().Pipeline() // one connection: it waits for what it has written
				p.Set(context.Background(), "a", "b", 0)
				p.Do(context.Background(), "WAITAOF", 1, 0, 20_000)
				_, err := p.Exec(context.Background())
				check.NoErr(t, err)
				l.goesOn(t)
				check.ErrIs(t, remount(dir, true), unix.EBUSY) // nobody can do that by mistake
				if policy == "always" {
					// Nothing is in flight when it happens: a sync that runs at that moment is told
					// by ext4 that all is well, and its data is not there.
					l.c.Stop()
					l.q.stop()
				}
				fail()
				if policy == "always" {
					check.True(t, s.Client().Set(context.Background(), "x", "y", 0).Err() != nil, "no reply")
					check.Eq(t, s.Wait(), 1)
					check.Contains(t, s.Log(), "Exiting...")
				} else {
					s.WaitLog(0, "Read-only file system")
					s.WaitField("aof_last_write_status", "err")
					check.Contains(t, s.Fails("SET", "x", "y"), "MISCONF Errors writing to the AOF file: Read-only file system")
					check.Eq(t, s.Do("GET", "a"), any("b"))
					check.Eq(t, s.Field("aof_last_write_status"), "err")
					_ = command(s, rewrite) // it may fail at once
					s.WaitIdle()
					check.Eq(t, s.Field("aof_last_bgrewrite_status"), "err")
					check.True(t, s.Alive(), "the daemon lives")
					s.KillAlone()
				}
				l.join()
				mend()
				s.Restart()
				noTemps(t, s)
				if policy == "always" {
					l.check(t, s)
				} else {
					l.q.checkFrom(t, s, promised)
				}
				check.Eq(t, s.Do("GET", "a"), any("b"))
				later := &sequence{prefix: "later"}
				later.run(s)
				rig.Eventually(t, "writes", func() bool { return later.seen() > 50 })
				later.stop()
				rewriteWorks(t, s)
				later.check(t, s)
			})
		}
	}
}
