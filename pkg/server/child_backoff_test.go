package server_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
)

// pass lets n seconds pass, each with a turn of the loop in it.
func pass(c *clock.Manual, p *peer, n int) {
	for range n {
		c.Advance(time.Second)
		p.ok("PING")
	}
}

// childOf waits for the server's child.
func childOf(p *peer) int {
	pid := 0
	p.eventually("child", func() bool {
		_, err := fmt.Sscan(p.info("persistence")["child_pid"], &pid)
		return err == nil && pid > 0
	})
	return pid
}

// eventually waits for what another process brings about.
func (p *peer) eventually(what string, cond func() bool) {
	p.t.Helper()
	for deadline := time.Now().Add(patience); !cond(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			p.t.Fatalf("no %s", what)
		}
	}
}

// TestAutomaticJobsWaitAfterAHang has a save point due all the time, and children that
// are stopped. Each hang makes the next automatic save wait twice as long; what
// somebody asks for does not wait.
func TestAutomaticJobsWaitAfterAHang(t *testing.T) {
	manual := clock.NewManual(time.Unix(1_800_000_000, 0))
	r := startServerAs(t, rigOptions{clock: manual}, `save 10 1`, "rdb-key-save-delay 100000000", "child-timeout 30", "stop-writes-on-bgsave-error no")
	p := r.dial()
	p.ok("SET", "k", "v")
	jobs := func() string { return p.info("persistence")["child_jobs"] }
	field := func(name string) string { return p.info("persistence")[name] }

	// hang lets the child that runs stand still, and be given up.
	hang := func() {
		t.Helper()
		pid := childOf(p)
		check.NoErr(t, syscall.Kill(pid, syscall.SIGSTOP))
		p.eventually("stopped child", func() bool {
			b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
			return err == nil && strings.Contains(string(b), ") T ")
		})
		before := field("child_timeouts")
		for n := 0; field("child_timeouts") == before; n++ {
			check.True(t, n < 40, "given up after 30 seconds")
			pass(manual, p, 1)
		}
		pass(manual, p, 4) // the grace, after which it is killed
		p.eventually("end of the child", func() bool {
			pass(manual, p, 0)
			manual.Advance(time.Millisecond) // cron reaps as well as the signal, which tests may not get
			return field("rdb_bgsave_in_progress") == "0"
		})
		check.Eq(t, field("rdb_last_bgsave_status"), "err")
	}

	pass(manual, p, 15)
	check.Eq(t, jobs(), "1")
	hang()
	for i, wait := range []int{60, 120, 240} {
		pass(manual, p, wait-10)
		check.Eq(t, jobs(), fmt.Sprint(i+1)) // nothing starts while it waits
		pass(manual, p, 12)
		check.Eq(t, jobs(), fmt.Sprint(i+2))
		hang()
	}
	// 480 seconds are to be waited now, but not by BGSAVE.
	check.True(t, field("child_backoff_sec") > "400", "the wait is told: "+field("child_backoff_sec"))
	p.ok("CONFIG", "SET", "rdb-key-save-delay", "0")
	p.ok("BGSAVE")
	p.eventually("good save", func() bool { manual.Advance(time.Millisecond); return field("rdb_last_bgsave_status") == "ok" })
	check.Eq(t, field("child_backoff_sec"), "0")
	check.Eq(t, field("child_timeouts"), "4")
	p.ok("SET", "k", "w")
	pass(manual, p, 15)
	check.Eq(t, jobs(), "6")
}
