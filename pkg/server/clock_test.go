package server_test

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/internal/vfs"
	"redisd/pkg/resp"
)

// ask sends a command without waiting for its reply.
func (p *peer) ask(words ...string) {
	p.t.Helper()
	_, err := p.conn.Write(resp.AppendCommandStrings(nil, words...))
	check.NoErr(p.t, err)
}

// wait reads the reply of what was sent.
func (p *peer) wait() resp.Reply {
	p.t.Helper()
	check.NoErr(p.t, p.conn.SetDeadline(time.Now().Add(patience)))
	reply, err := resp.ReadReply(p.in)
	check.NoErr(p.t, err)
	return reply
}

// blockedAre waits until so many clients are blocked.
func (p *peer) blockedAre(n int) {
	p.t.Helper()
	p.eventually(fmt.Sprint(n, " blocked clients"), func() bool { return p.info("clients")["blocked_clients"] == fmt.Sprint(n) })
}

// TestClockJumps sets the date while a server is at work. What is due by the date is so
// at once; what takes a time takes that time, however the date is set.
func TestClockJumps(t *testing.T) {
	for _, jump := range []time.Duration{10 * time.Hour, -10 * time.Hour} {
		t.Run(jump.String(), func(t *testing.T) {
			manual := clock.NewManual(time.Unix(1_800_000_000, 0))
			fsys := &freeFS{FS: vfs.OS()}
			r := startServerAs(t, rigOptions{clock: manual, fs: fsys}, "appendonly yes", "appendfsync everysec", "save 3600 1",
				"auto-aof-rewrite-percentage 0", "auto-aof-rewrite-min-size 1", "stop-writes-on-bgsave-error no")
			p, waiter, paused := r.dial(), r.dial(), r.dial()
			field := func(name string) string { return p.info("everything")[name] }
			p.ok("SET", "short", "v", "EX", "3600")
			p.ok("SET", "long", "v", "EX", "360000")
			waiter.ask("BLPOP", "list", "30")
			p.blockedAre(1)
			p.ok("CLIENT", "PAUSE", "20000", "WRITE")
			paused.ask("SET", "paused", "v")
			p.blockedAre(2)
			check.Eq(t, p.text("GET", "paused"), "")

			manual.Set(manual.Now().Add(jump))
			p.ok("PING")
			// Blocked clients and a pause wait for the time that passes.
			pass(manual, p, 15)
			check.Eq(t, p.text("GET", "paused"), "")
			pass(manual, p, 6)
			check.Eq(t, paused.wait().Text, "OK")
			check.Eq(t, field("blocked_clients"), "1")
			pass(manual, p, 10)
			check.True(t, waiter.wait().Null, "BLPOP is over after 30 seconds")

			// Keys live until a date.
			ttl := p.ok("TTL", "long").Int
			check.True(t, ttl > 360_000-int64(jump/time.Second)-40 && ttl <= 360_000-int64(jump/time.Second), fmt.Sprint(ttl))
			check.Eq(t, p.ok("EXISTS", "short").Int, map[bool]int64{true: 0, false: 1}[jump > 0])
			if jump > 0 { // an hour has passed by the date
				p.eventually("save", func() bool { manual.Advance(time.Millisecond); return p.number("rdb_saves") == 1 })
			}
			check.True(t, jump > 0 || p.number("child_jobs") == 0, "no save yet")

			syncs(t, manual, p)
			savesAgain(t, manual, p)
			rewritesAgain(t, manual, p, fsys, jump)
			check.True(t, !strings.Contains(r.log.String(), "panic"), "no panic")
		})
	}
}

// syncs checks that what is written is synced a second later.
func syncs(t *testing.T, manual *clock.Manual, p *peer) {
	t.Helper()
	for range 3 {
		p.ok("SET", "k", "v")
		pass(manual, p, 2)
		p.eventually("sync", func() bool { return p.number("aof_unsynced_bytes") == 0 })
	}
}

// savesAgain checks that the save point comes an hour after the last save, not before.
func savesAgain(t *testing.T, manual *clock.Manual, p *peer) {
	t.Helper()
	p.idle()
	p.ok("SAVE")
	n := p.number("rdb_saves")
	p.ok("SET", "changed", "v")
	for range 59 {
		manual.Advance(time.Minute)
		p.ok("PING")
	}
	check.Eq(t, p.number("rdb_saves"), n)
	manual.Advance(2 * time.Minute)
	p.eventually("save", func() bool { manual.Advance(time.Millisecond); return p.number("rdb_saves") == n+1 })
}

// rewritesAgain has three rewrites fail, so that automatic ones wait a minute, and sets
// the date once more: forward, and the wait is over; back, and it begins anew.
func rewritesAgain(t *testing.T, manual *clock.Manual, p *peer, fsys *freeFS, jump time.Duration) {
	t.Helper()
	p.idle()
	p.ok("CONFIG", "SET", "snapshot-min-free-space", "1kb", "save", "")
	for range 3 {
		p.refused("BGREWRITEAOF") // nothing is free
	}
	fsys.bytes.Store(1 << 40)
	p.fill(1000, 100)
	n := p.number("aof_rewrites")
	p.ok("CONFIG", "SET", "auto-aof-rewrite-percentage", "100")
	pass(manual, p, 50)
	check.Eq(t, p.number("aof_rewrites"), n)
	manual.Set(manual.Now().Add(jump))
	if jump < 0 {
		pass(manual, p, 55)
		check.Eq(t, p.number("aof_rewrites"), n)
	}
	passed := 0
	p.eventually("rewrite", func() bool {
		if passed < 10 {
			pass(manual, p, 1)
			passed++
		}
		manual.Advance(time.Millisecond)
		return p.number("aof_rewrites") == n+1
	})
}

// TestBackoffSurvivesTheClock sets the date back after a child that hung: automatic jobs
// wait as long as they would have, not until the old date comes again.
func TestBackoffSurvivesTheClock(t *testing.T) {
	manual := clock.NewManual(time.Unix(1_800_000_000, 0))
	r := startServerAs(t, rigOptions{clock: manual}, "save 10 1", "rdb-key-save-delay 100000000", "child-timeout 30", "stop-writes-on-bgsave-error no")
	p := r.dial()
	p.ok("SET", "k", "v")
	p.ok("BGSAVE")
	pid := childOf(p)
	check.NoErr(t, syscall.Kill(pid, syscall.SIGSTOP))
	p.eventually("stopped child", func() bool {
		b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
		return err == nil && strings.Contains(string(b), ") T ")
	})
	pass(manual, p, 40)
	p.eventually("end of the child", func() bool { manual.Advance(time.Millisecond); return p.number("rdb_bgsave_in_progress") == 0 })
	check.True(t, p.number("child_backoff_sec") > 30, "automatic jobs wait")
	p.ok("CONFIG", "SET", "rdb-key-save-delay", "0")
	manual.Set(manual.Now().Add(-10 * time.Hour))
	pass(manual, p, 50)
	check.Eq(t, p.number("child_jobs"), 1)
	check.True(t, p.number("child_backoff_sec") <= 11, p.info("persistence")["child_backoff_sec"])
	pass(manual, p, 12)
	p.eventually("save", func() bool { manual.Advance(time.Millisecond); return p.number("rdb_saves") == 1 })
}
