package server_test

import (
	"fmt"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/resp"
)

// fill sets n keys to values of so many bytes.
func (p *peer) fill(n, size int) {
	p.t.Helper()
	p.pipeline(n, func(i int) []string { return []string{"SET", fmt.Sprint("key:", i), strings.Repeat("v", size)} })
}

// pipeline sends n commands in one go, and expects them all to work.
func (p *peer) pipeline(n int, command func(i int) []string) {
	p.t.Helper()
	check.NoErr(p.t, p.conn.SetDeadline(time.Now().Add(5*patience)))
	done := make(chan error, 1)
	go func() {
		var b []byte
		for i := range n {
			b = resp.AppendCommandStrings(b, command(i)...)
			if len(b) > 64<<10 || i == n-1 {
				if _, err := p.conn.Write(b); err != nil {
					done <- err
					return
				}
				b = b[:0]
			}
		}
		done <- nil
	}()
	for range n {
		reply, err := resp.ReadReply(p.in)
		check.NoErr(p.t, err)
		check.NoErr(p.t, reply.Err())
	}
	check.NoErr(p.t, <-done)
}

func (p *peer) number(field string) int {
	p.t.Helper()
	n, err := strconv.Atoi(p.info("persistence")[field])
	check.NoErr(p.t, err)
	return n
}

// A child that stands still does not fill the daemon's memory: writers are slowed for
// some seconds, reads go on, and then the job is given up, which is no error of the disk:
// writes go on, and the next job works.
func TestJobIsGivenUpAboveItsMemory(t *testing.T) {
	const limit = 4 << 20
	for _, job := range [][2]string{{"BGSAVE", "file"}, {"BGREWRITEAOF", "file"}, {"BGREWRITEAOF", "multipart"}} {
		command := job[0]
		t.Run(command+"/"+job[1], func(t *testing.T) {
			r := startServer(t, `save 100000 1`, "appendonly yes", "aof-layout "+job[1], "enable-debug-command yes", "snapshot-max-extra-memory 4mb", "auto-aof-rewrite-percentage 0")
			p, reader := r.dial(), r.dial()
			p.fill(20_000, 400)
			p.ok("CONFIG", "SET", "rdb-key-save-delay", "100000000") // the child takes no more than its pipe
			p.ok(command)
			pid := childOf(p)
			check.NoErr(t, syscall.Kill(pid, syscall.SIGSTOP))
			p.ok("CONFIG", "SET", "rdb-key-save-delay", "0")
			var stop atomic.Bool
			reads := make(chan int, 1)
			go func() {
				n := 0
				for ; !stop.Load(); n++ {
					if _, err := reader.conn.Write(resp.AppendCommandStrings(nil, "GET", "key:1")); err != nil {
						break
					}
					if _, err := resp.ReadReply(reader.in); err != nil {
						break
					}
				}
				reads <- n
			}()
			p.pipeline(300_000, func(i int) []string {
				return []string{"SET", fmt.Sprint("key:", i*7919%20_000), strings.Repeat("w", 400)}
			})
			stop.Store(true)
			check.True(t, <-reads > 100, "reads go on")
			check.Eq(t, p.number("snapshot_giveups"), 1)
			check.True(t, strings.Contains(p.info("persistence")["snapshot_last_giveup_reason"], "snapshot-max-extra-memory is 4194304"),
				p.info("persistence")["snapshot_last_giveup_reason"])
			peak := p.number("snapshot_extra_peak")
			check.True(t, peak > limit*3/4 && peak <= limit, fmt.Sprint(peak))
			check.True(t, p.number("snapshot_slowed_writes") > 0, "writes were held back")
			slow := p.number("snapshot_slowed_msec")
			check.True(t, slow >= 5000 && slow < 7000, fmt.Sprint(slow))
			p.eventually("end of the child", func() bool { return p.info("persistence")["child_pid"] == "0" })
			p.eventually("end of the job", func() bool {
				f := p.info("persistence")
				return f["rdb_bgsave_in_progress"]+f["aof_rewrite_in_progress"] == "00"
			})
			check.Eq(t, p.number("snapshot_extra_bytes"), 0)
			f := p.info("persistence")
			check.Eq(t, f["rdb_last_bgsave_status"]+f["aof_last_bgrewrite_status"], "okok")
			last := p.children()[0]
			check.Eq(t, last["result"], "given up")
			check.Contains(t, last["reason"], "snapshot-max-extra-memory is 4194304")
			p.ok("SET", "more", "1")
			p.ok(command)
			p.eventually("good job", func() bool {
				if strings.Contains(p.info("persistence")["child_last_exit"], "exit 1") {
					t.Fatal(r.log)
				}
				return p.number("rdb_saves")+p.number("aof_rewrites") == 1
			})
		})
	}
}

// freeFS is the machine's file system with a disk of which the test says what is free.
type freeFS struct {
	vfs.FS
	bytes atomic.Uint64
	fails atomic.Bool
}

func (f *freeFS) Free(dir string) (uint64, error) {
	if f.fails.Load() {
		return 0, syscall.ENOSYS
	}
	return f.bytes.Load(), nil
}

func TestJobsNeedRoomOnTheDisk(t *testing.T) {
	fsys := &freeFS{FS: vfs.OS()}
	fsys.bytes.Store(1 << 40)
	r := startServerAs(t, rigOptions{fs: fsys}, "appendonly yes", "auto-aof-rewrite-percentage 0")
	p := r.dial()
	good := func(command string) {
		t.Helper()
		before := p.number("rdb_saves") + p.number("aof_rewrites")
		p.ok(command)
		p.eventually("good job", func() bool { return p.number("rdb_saves")+p.number("aof_rewrites") == before+1 })
	}
	// Little data needs no room that is worth asking for, unless some is to stay free.
	p.ok("SET", "a", "b")
	fsys.bytes.Store(0)
	for _, command := range []string{"BGSAVE", "BGREWRITEAOF", "SAVE"} {
		good(command)
		p.ok("CONFIG", "SET", "snapshot-min-free-space", "1kb")
		check.True(t, strings.HasSuffix(p.refused(command), "needs about 0 bytes, 0 free, of which 1024 must stay (snapshot-min-free-space)"), command)
		fsys.bytes.Store(1023)
		p.refused(command)
		fsys.bytes.Store(1024)
		good(command)
		p.ok("CONFIG", "SET", "snapshot-min-free-space", "0")
		fsys.bytes.Store(0)
	}
	fsys.bytes.Store(1 << 40)
	p.fill(20_000, 200)
	good("BGSAVE")
	good("BGREWRITEAOF")
	p.fill(40_000, 200)
	fsys.bytes.Store(100_000)
	for command, status := range map[string]string{"BGSAVE": "rdb_last_bgsave", "BGREWRITEAOF": "aof_last_bgrewrite"} {
		text := p.refused(command)
		var need, free int
		_, err := fmt.Sscanf(text[strings.Index(text, "needs"):], "needs about %d bytes, %d free", &need, &free)
		check.NoErr(t, err)
		check.True(t, need > 200_000 && need < 16<<20 && free == 100_000, text)
		check.Eq(t, p.info("persistence")[status+"_status"], "err")
		check.True(t, strings.Contains(p.info("persistence")[status+"_error"], "no room on the disk"), command)
		fsys.bytes.Store(uint64(need))
		good(command)
		check.Eq(t, p.info("persistence")[status+"_status"], "ok")
		fsys.bytes.Store(100_000)
	}
	// What cannot be asked refuses nothing, and neither does what is turned off.
	fsys.fails.Store(true)
	good("BGSAVE")
	fsys.fails.Store(false)
	p.refused("BGSAVE")
	p.ok("CONFIG", "SET", "snapshot-check-free-space", "no")
	good("BGSAVE")
}

func TestLogHasLimitsOfItsSize(t *testing.T) {
	fsys := &freeFS{FS: vfs.OS()}
	fsys.bytes.Store(1 << 40)
	r := startServerAs(t, rigOptions{fs: fsys}, "appendonly yes", "auto-aof-rewrite-percentage 0", "aof-max-size-soft 1mb")
	p := r.dial()
	overwrite := func(n int) {
		p.pipeline(n, func(i int) []string { return []string{"SET", fmt.Sprint("k", i%10), strings.Repeat("x", 1000)} })
	}
	overwrite(900)
	check.Eq(t, p.number("aof_rewrites"), 0)
	overwrite(300)
	p.eventually("rewrite above the soft limit", func() bool { return p.number("aof_rewrites") == 1 && p.number("aof_rewrite_in_progress") == 0 })
	check.True(t, strings.Contains(r.log.String(), "aof-max-size-soft is 1048576"), "a warning")
	p.eventually("note", func() bool { return strings.Contains(r.log.String(), "is below its limits again") })
	p.ok("CONFIG", "SET", "aof-max-size-soft", "0", "snapshot-min-free-space", "1000gb") // no rewrite is possible
	fsys.bytes.Store(1 << 20)
	overwrite(1200)
	p.ok("CONFIG", "SET", "aof-max-size-hard", "1mb")
	text := p.refused("SET", "k", "v")
	check.True(t, strings.HasPrefix(text, "MISCONF The append only file has ") && strings.Contains(text, "aof-max-size-hard allows (1048576)"), text)
	p.ok("GET", "k1")
	p.ok("CONFIG", "SET", "snapshot-min-free-space", "0")
	p.ok("BGREWRITEAOF")
	p.eventually("writes after the rewrite", func() bool { return p.do("SET", "k", "v").Err() == nil })
	// Raising the limit lets writes in as well.
	p.ok("CONFIG", "SET", "snapshot-min-free-space", "1000gb")
	p.ok("CONFIG", "SET", "aof-max-size-hard", "1")
	p.refused("SET", "k", "v")
	p.ok("CONFIG", "SET", "aof-max-size-hard", "0")
	p.ok("SET", "k", "v")
}

func TestSnapshotRate(t *testing.T) {
	r := startServer(t)
	p := r.dial()
	p.fill(4000, 1000)
	save := func() time.Duration {
		n, start := p.number("rdb_saves"), time.Now()
		p.ok("BGSAVE")
		p.eventually("save", func() bool { return p.number("rdb_saves") == n+1 })
		return time.Since(start)
	}
	p.ok("CONFIG", "SET", "snapshot-max-bytes-per-sec", "2mb")
	took := save()
	check.True(t, took > 1500*time.Millisecond, fmt.Sprint(took))
	p.ok("CONFIG", "SET", "snapshot-max-bytes-per-sec", "auto")
	save()
}
