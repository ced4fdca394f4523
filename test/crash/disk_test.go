package crash_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/test/rig"
)

// inNamespace marks a run of this test program in a user namespace of its own.
const inNamespace = "REDISD_TEST_IN_NAMESPACE"

// smallDisk mounts a file system of so many megabytes and returns its folder. Who may
// not mount runs the test again in a user namespace; ok is false then, and the test is
// over. It is skipped only where that is not permitted either.
func smallDisk(t *testing.T, megabytes int) (dir string, ok bool) {
	t.Helper()
	dir = t.TempDir()
	err := unix.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%dm,mode=755", megabytes))
	if err == nil {
		t.Cleanup(func() { check.NoErr(t, unix.Unmount(dir, unix.MNT_DETACH)) })
		return dir, true
	}
	check.ErrIs(t, err, unix.EPERM)
	if os.Getenv(inNamespace) != "" {
		t.Skip("mounting is not permitted, not in a user namespace either")
	}
	cmd := exec.Command("unshare", "-Urm", os.Args[0], "-test.run", "^"+strings.ReplaceAll(t.Name(), "/", "$/^")+"$", "-test.v")
	cmd.Env = append(os.Environ(), inNamespace+"=1")
	out, err := cmd.CombinedOutput()
	switch {
	case errors.Is(err, exec.ErrNotFound) || strings.Contains(string(out), "unshare failed") || strings.Contains(string(out), "--- SKIP"):
		rig.Skip(t, "mounting is not permitted, not in a user namespace either: %s", out)
	case err != nil:
		t.Fatalf("in a user namespace: %v\n%s", err, out)
	}
	return "", false
}

// fill takes the room that a disk has left, but for a few bytes; free gives it back.
func fill(t *testing.T, dir string, leave int) (free func()) {
	t.Helper()
	path := filepath.Join(dir, "ballast")
	f, err := os.Create(path)
	check.NoErr(t, err)
	defer f.Close()
	var st unix.Statfs_t
	check.NoErr(t, unix.Statfs(dir, &st))
	room := int64(st.Bavail) * st.Bsize
	check.NoErr(t, unix.Fallocate(int(f.Fd()), 0, 0, room-int64(leave)))
	return func() { check.NoErr(t, os.Remove(path)) }
}

// inBothLayouts runs a test in each layout of the log.
func inBothLayouts(t *testing.T, run func(t *testing.T, layout string)) {
	for _, layout := range layouts("") {
		t.Run(layout, func(t *testing.T) {
			t.Parallel()
			run(t, layout)
		})
	}
}

// TestDiskFullAfterRewrite: a disk that fills after a rewrite in the same run, then has
// room again, then kill -9. (Redis 7.0 cuts its file at the size that it had before the
// rewrite.) Everything acknowledged is there, and nothing is that was never sent.
func TestDiskFullAfterRewrite(t *testing.T) { inBothLayouts(t, diskFullAfterRewrite) }

func diskFullAfterRewrite(t *testing.T, layout string) {
	dir, ok := smallDisk(t, 16)
	if !ok {
		return
	}
	s := rig.Start(t, rig.Options{Dir: dir, Args: logOn("everysec", layout)})
	s.Fill(20_000, 100)
	for range 3 {
		s.Fill(1000, 100)
		s.Do("BGREWRITEAOF")
		s.WaitIdle()
		check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
	}
	s.Do("FLUSHALL") // the file that follows is far shorter than those before
	s.Do("BGREWRITEAOF")
	s.WaitIdle()
	for range 2 {
		c, q := rig.NewCounters(3, 20), &sequence{}
		s.Do("DEL", "seq:1")
		free := fill(t, dir, 100_000)
		mark := s.Mark()
		c.Run(s)
		q.run(s)
		s.WaitLog(mark, "writing to the AOF file: ")
		check.Contains(t, s.Fails("SET", "a", "b"), "MISCONF Errors writing to the AOF file: No space left on device")
		check.Eq(t, s.Field("aof_last_write_status"), "err")
		check.Eq(t, s.Do("EXISTS", "no such key"), any(int64(0))) // reads go on
		free()
		s.WaitLog(mark, "AOF write error looks solved, Redis can write again.")
		rig.Eventually(t, "a write", func() bool { return s.Client().Set(context.Background(), "a", "b", 0).Err() == nil })
		s.KillAlone()
		c.Join()
		q.wait()
		s.Restart()
		c.Check(t, s)
		q.check(t, s)
		check.Eq(t, s.Do("GET", "a"), any("b"))
		s.Do("FLUSHALL")
	}
}

// TestDiskFullUnderAlways ends the daemon, which starts with everything acknowledged
// when there is room again.
func TestDiskFullUnderAlways(t *testing.T) { inBothLayouts(t, diskFullUnderAlways) }

func diskFullUnderAlways(t *testing.T, layout string) {
	dir, ok := smallDisk(t, 8)
	if !ok {
		return
	}
	s := rig.Start(t, rig.Options{Dir: dir, Args: logOn("always", layout)})
	s.Fill(2000, 100)
	s.Do("BGREWRITEAOF")
	s.WaitIdle()
	free := fill(t, dir, 50_000)
	c, q := rig.NewCounters(3, 20), &sequence{}
	c.Run(s)
	q.run(s)
	check.Eq(t, s.Wait(), 1)
	c.Join()
	q.wait()
	check.Contains(t, s.Log(), "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...")
	free()
	s.Restart()
	c.Check(t, s)
	q.check(t, s)
}

// TestDiskTooFullForAChild: a save and a rewrite that find no room fail and leave
// nothing, the log goes on, and both work when there is room.
func TestDiskTooFullForAChild(t *testing.T) { inBothLayouts(t, diskTooFullForAChild) }

func diskTooFullForAChild(t *testing.T, layout string) {
	dir, ok := smallDisk(t, 24)
	if !ok {
		return
	}
	s := rig.Start(t, rig.Options{Dir: dir, Args: append(logOn("everysec", layout), "--rdbcompression", "no", "--snapshot-check-free-space", "no")})
	s.Fill(30_000, 200)
	fds := len(s.FDs())
	free := fill(t, dir, 2_000_000)
	for _, job := range [][3]string{{"BGSAVE", "rdb_last_bgsave_status"}, {"BGREWRITEAOF", "aof_last_bgrewrite_status"}} {
		s.Do(job[0])
		s.WaitIdle()
		check.Eq(t, s.Field(job[1]), "err")
		s.Clean(fds)
		s.Do("SET", "still", "written")
	}
	check.Contains(t, s.Log(), "No space left on device")
	free()
	for _, job := range [][3]string{{"BGREWRITEAOF", "aof_last_bgrewrite_status"}, {"BGSAVE", "rdb_last_bgsave_status"}} {
		s.Do(job[0])
		s.WaitIdle()
		check.Eq(t, s.Field(job[1]), "ok")
	}
	want := s.Digest()
	s.KillAlone()
	s.Restart()
	check.Eq(t, s.Digest(), want)
}

// TestFailedSyncBringsARewrite: after a failed sync writes are refused until a rewrite,
// which the daemon starts by itself, has brought a new file. So they are when only the
// name of a file that the log goes on in may not be durable.
func TestFailedSyncBringsARewrite(t *testing.T) {
	tests := []struct{ layout, point, line string }{
		{"file", "aof-sync", "Fail to fsync the AOF file: Input/output error"},
		{"multipart", "aof-sync", "Fail to fsync the AOF file: Input/output error"},
		{"file", "rewrite-syncdir", "Error syncing the folder of the AOF file"},
		{"multipart", "incr-listed", "Fail to fsync AOF directory"},
	}
	for _, tt := range tests {
		t.Run(tt.layout+"/"+tt.point, func(t *testing.T) {
			t.Parallel()
			s := rig.Start(t, rig.Options{Args: append(logOn("everysec", tt.layout), "--rdb-key-save-delay", "20000"),
				Env: failpoint(tt.point + "=error:EIO@1")})
			s.Fill(50, 20)
			if tt.point != "aof-sync" {
				s.Do("BGREWRITEAOF")
			}
			s.WaitLog(0, tt.line)
			s.WaitLog(0, "Starting one.")
			check.Contains(t, s.Fails("SET", "a", "b"), "MISCONF Errors writing to the AOF file: Input/output error")
			check.Contains(t, s.Fails("CONFIG", "SET", "appendfsync", "always"), "error")
			check.Eq(t, s.Field("aof_last_write_status"), "err")
			s.Do("CONFIG", "SET", "rdb-key-save-delay", "0")
			s.WaitField("aof_last_write_status", "ok")
			s.Do("SET", "a", "b")
			want := s.Digest()
			s.KillAlone()
			s.Restart()
			check.Eq(t, s.Digest(), want)
		})
	}
}

// TestReadOnlyDisk: writes of the log fail with EROFS, as after the kernel has made a
// broken file system read only.
func TestReadOnlyDisk(t *testing.T) { inBothLayouts(t, readOnlyDisk) }

func readOnlyDisk(t *testing.T, layout string) {
	s := rig.Start(t, rig.Options{Args: logOn("everysec", layout), Env: failpoint("aof-write=error:EROFS@5")})
	c := rig.NewCounters(2, 10)
	c.Run(s)
	s.WaitLog(0, "Error writing to the AOF file: Read-only file system")
	s.WaitLog(0, "AOF write error looks solved")
	s.KillAlone()
	c.Join()
	s.SetEnv()
	s.Restart()
	c.Check(t, s)
}

// TestFolderRemoved takes the data folder away under the running server: it serves, says
// that it cannot save, and everything is in a new folder when it gets one.
func TestFolderRemoved(t *testing.T) { inBothLayouts(t, folderRemoved) }

func folderRemoved(t *testing.T, layout string) {
	s := rig.Start(t, rig.Options{Args: append(logOn("everysec", layout), "--enable-protected-configs", "yes")})
	s.Fill(200, 20)
	check.NoErr(t, os.RemoveAll(s.Dir))
	for _, job := range [][2]string{{"BGSAVE", "rdb_last_bgsave_status"}, {"BGREWRITEAOF", "aof_last_bgrewrite_status"}} {
		_ = s.Client().Do(context.Background(), job[0]).Err() // it may fail at once
		s.WaitIdle()
		check.Eq(t, s.Field(job[1]), "err")
	}
	s.Do("SET", "a", "b")
	want := s.Digest()
	check.NoErr(t, os.Mkdir(s.Dir, 0o755))
	s.Do("CONFIG", "SET", "dir", s.Dir)
	s.WaitIdle()
	s.Do("BGREWRITEAOF")
	s.WaitIdle()
	check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
	s.KillAlone()
	s.Restart()
	check.Eq(t, s.Digest(), want)
}

// TestPartsRemoved takes the folder of the parts away: a rewrite makes all of it again.
func TestPartsRemoved(t *testing.T) {
	t.Parallel()
	s := rig.Start(t, rig.Options{Args: logOn("everysec", "multipart")})
	s.Fill(200, 20)
	check.NoErr(t, os.RemoveAll(s.File("appendonlydir")))
	s.Do("SET", "a", "b")
	s.Do("BGREWRITEAOF")
	s.WaitIdle()
	check.Eq(t, s.Field("aof_last_bgrewrite_status"), "ok")
	s.Do("SET", "c", "d")
	want := s.Digest()
	s.KillAlone()
	s.Restart()
	check.Eq(t, s.Digest(), want)
}

// limit sets a resource limit of a running process and returns the old one.
func limit(t *testing.T, pid, resource int, soft uint64) (old unix.Rlimit) {
	t.Helper()
	check.NoErr(t, unix.Prlimit(pid, resource, nil, &old))
	check.NoErr(t, unix.Prlimit(pid, resource, &unix.Rlimit{Cur: soft, Max: old.Max}, nil))
	return old
}

// TestNoDescriptorsLeft: jobs fail, connections wait, the log goes on; all is well when
// there are descriptors again.
func TestNoDescriptorsLeft(t *testing.T) { inBothLayouts(t, noDescriptorsLeft) }

func noDescriptorsLeft(t *testing.T, layout string) {
	s := rig.Start(t, rig.Options{Args: logOn("everysec", layout)})
	s.Fill(200, 20)
	fds := len(s.FDs())
	old := limit(t, s.Pid(), unix.RLIMIT_NOFILE, 3)
	s.Fails("BGREWRITEAOF")
	s.Fails("BGSAVE")
	s.Fails("SAVE")
	for i := range 20 {
		s.Do("SET", fmt.Sprint("more:", i), "x")
	}
	check.Contains(t, s.Log(), "oo many open files")
	waits := s.NewClient()
	got := make(chan error, 1)
	go func() { got <- waits.Ping(context.Background()).Err() }()
	s.WaitLog(0, "Accepting client connection: ")
	limit(t, s.Pid(), unix.RLIMIT_NOFILE, old.Cur)
	check.NoErr(t, <-got)
	for _, job := range []string{"BGREWRITEAOF", "BGSAVE"} {
		s.Do(job)
		s.WaitIdle()
	}
	check.Eq(t, s.Field("aof_last_bgrewrite_status")+s.Field("rdb_last_bgsave_status"), "okok")
	check.NoErr(t, waits.Close())
	s.Clean(fds)
	want := s.Digest()
	s.KillAlone()
	s.Restart()
	check.Eq(t, s.Digest(), want)
}

// TestFileSizeLimit: a limit on the size of files is an error of the write, not the end
// of the daemon.
func TestFileSizeLimit(t *testing.T) { inBothLayouts(t, fileSizeLimit) }

func fileSizeLimit(t *testing.T, layout string) {
	s := rig.Start(t, rig.Options{Args: logOn("everysec", layout)})
	s.Fill(2000, 50)
	old := limit(t, s.Pid(), unix.RLIMIT_FSIZE, uint64(s.Int("aof_current_size"))+3000)
	c, q := rig.NewCounters(2, 10), &sequence{}
	c.Run(s)
	q.run(s)
	// A write that crosses the limit is cut short, which reads as a full disk; one that begins
	// at the limit is refused as too large. Which one comes depends on where the batches end.
	s.WaitField("aof_last_write_status", "err") // the reply to a write in that batch waits
	check.Contains(t, s.Fails("SET", "a", "b"), "MISCONF Errors writing to the AOF file: ")
	limit(t, s.Pid(), unix.RLIMIT_FSIZE, old.Cur)
	rig.Eventually(t, "a write", func() bool { return s.Client().Set(context.Background(), "a", "b", 0).Err() == nil })
	s.KillAlone()
	c.Join()
	q.wait()
	s.Restart()
	c.Check(t, s)
	q.check(t, s)
}

// TestNoMemoryLeft: a daemon that gets no memory any more may end, but what it has
// acknowledged is in its log.
func TestNoMemoryLeft(t *testing.T) { inBothLayouts(t, noMemoryLeft) }

func noMemoryLeft(t *testing.T, layout string) {
	s := rig.Start(t, rig.Options{Args: logOn("everysec", layout)})
	c, q := rig.NewCounters(2, 10), &sequence{}
	c.Run(s)
	q.run(s)
	rig.Eventually(t, "writes", func() bool { return c.Acks() > 100 })
	limit(t, s.Pid(), unix.RLIMIT_AS, 1<<20) // nothing more is mapped
	big := strings.Repeat("x", 64<<20)
	var acked []int
	for i := range 4 {
		if s.Client().Set(context.Background(), fmt.Sprint("big:", i), big, 0).Err() != nil {
			break
		}
		acked = append(acked, i)
	}
	s.KillAlone()
	c.Join()
	q.wait()
	s.Restart()
	c.Check(t, s)
	q.check(t, s)
	for _, i := range acked {
		check.Eq(t, s.Do("STRLEN", fmt.Sprint("big:", i)), any(int64(64<<20)))
	}
}
