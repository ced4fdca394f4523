package proc_test

import (
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/proc"
)

func TestExitStatus(t *testing.T) {
	num := func(s unix.Signal) string { return strconv.Itoa(int(s)) }
	tests := []struct {
		name    string
		role    string
		arg     string
		code    int
		signal  unix.Signal
		ok      bool
		stopped bool
		want    string
	}{
		{"done", "exit", "0", 0, 0, true, false, "exit 0"},
		{"error", "exit", "1", 1, 0, false, false, "exit 1"},
		{"stopped", "exit", "255", 255, 0, false, true, "exit 255"},
		{"SIGKILL", "kill-self", num(unix.SIGKILL), -1, unix.SIGKILL, false, false, "signal 9 SIGKILL"},
		{"SIGUSR1", "kill-self", num(unix.SIGUSR1), 255, 0, false, true, "exit 255"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var table proc.Table
			var got []proc.Exit
			c := start(t, proc.Spec{Role: tt.role, Args: []string{tt.arg}})
			table.Add(c.Pid, "work", func(e proc.Exit) {
				check.True(t, !table.Alive(e.Pid), "out of the table before its owner hears of it")
				got = append(got, e)
			})
			waitEnd(t, c.Pid)
			check.Eq(t, len(table.Reap()), 0)
			check.Eq(t, len(got), 1)
			e := got[0]
			check.Eq(t, e.Pid, c.Pid)
			check.Eq(t, e.Kind, "work")
			check.Eq(t, e.Code, tt.code)
			check.Eq(t, e.Signal, tt.signal)
			check.Eq(t, e.OK(), tt.ok)
			check.Eq(t, e.Stopped(), tt.stopped)
			check.Eq(t, e.String(), tt.want)
			check.True(t, e.Rusage.Utime.Nano()+e.Rusage.Stime.Nano() > 0 && e.Rusage.Maxrss > 0, "usage is there")
			check.Eq(t, table.Len(), 0)
			noChildren(t)
		})
	}
}

func TestExitBySIGUSR1SignalIsAStop(t *testing.T) {
	check.True(t, proc.Exit{Code: -1, Signal: unix.SIGUSR1}.Stopped(), "signal")
	check.True(t, !proc.Exit{Code: -1, Signal: unix.SIGKILL}.Stopped(), "another signal")
	check.Eq(t, proc.Exit{Code: -1, Signal: unix.SIGSEGV, Core: true}.String(), "signal 11 SIGSEGV, core dumped")
}

func TestPipeEndsTellTheOtherSide(t *testing.T) {
	inR, inW := pipe(t, 0)
	outR, outW := pipe(t, 0)
	var table proc.Table
	var exit proc.Exit
	c := start(t, proc.Spec{Role: "copy", Files: []int{inR, outW}})
	table.Add(c.Pid, "copy", func(e proc.Exit) { exit = e })
	unix.Close(inR)
	unix.Close(outW)
	_, err := unix.Write(inW, []byte("hello"))
	check.NoErr(t, err)
	check.Eq(t, readByte(outR), byte('h'))
	check.Eq(t, len(table.Reap()), 0)
	check.True(t, table.Alive(c.Pid), "still there")
	unix.Close(inW) // the end of file reaches the child ...
	waitEnd(t, c.Pid)
	check.Eq(t, len(table.Reap()), 0)
	check.Eq(t, exit.Code, 5)
	buf := make([]byte, 16) // ... and its end reaches us
	n, _ := rawFile(outR).Read(buf)
	check.Eq(t, string(buf[:n]), "ello")
	n, _ = rawFile(outR).Read(buf)
	check.Eq(t, n, 0)
	unix.Close(outR)
}

func TestChildIgnoresTheSignalsOfTheGroup(t *testing.T) {
	r, w := pipe(t, 0)
	defer unix.Close(r)
	var table proc.Table
	var exit proc.Exit
	c := start(t, proc.Spec{Role: "hang", Files: []int{w}})
	unix.Close(w)
	table.Add(c.Pid, "hang", func(e proc.Exit) { exit = e })
	readByte(r)
	for _, s := range []unix.Signal{unix.SIGTERM, unix.SIGINT, unix.SIGHUP, unix.SIGPIPE} {
		check.NoErr(t, table.Kill(c.Pid, s))
	}
	check.NoErr(t, table.Kill(c.Pid, unix.SIGUSR1))
	waitEnd(t, c.Pid)
	table.Reap()
	check.Eq(t, exit.String(), "exit 255")
	check.ErrIs(t, table.Kill(c.Pid, unix.SIGTERM), proc.ErrUnknown)
}

// SIGUSR1 between the exec and ChildPrologue waits for the handler.
func TestStopBeforeThePrologueWaits(t *testing.T) {
	outR, outW := pipe(t, 0)
	inR, inW := pipe(t, 0)
	var table proc.Table
	var exit proc.Exit
	c := start(t, proc.Spec{Role: "late-prologue", Files: []int{outW, inR}})
	unix.Close(outW)
	unix.Close(inR)
	table.Add(c.Pid, "late", func(e proc.Exit) { exit = e })
	check.Eq(t, readByte(outR), byte('r'))
	check.NoErr(t, table.Kill(c.Pid, unix.SIGUSR1))
	_, err := unix.Write(inW, []byte{1}) // it lives: this lets it go on
	check.NoErr(t, err)
	waitEnd(t, c.Pid)
	table.Reap()
	check.Eq(t, exit.String(), "exit 255")
	unix.Close(outR)
	unix.Close(inW)
}

func TestStopEndsAnyChild(t *testing.T) {
	tests := []struct {
		name   string
		role   string
		freeze bool
		grace  int
		want   string
	}{
		{"obeys", "hang", false, 10_000, "exit 255"},
		{"frozen", "hang", true, 10_000, "exit 255"},
		{"deaf", "hang-early", false, 0, "signal 9 SIGKILL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			outR, outW := pipe(t, 0)
			inR, inW := pipe(t, 0)
			var table proc.Table
			var told string
			c := start(t, proc.Spec{Role: tt.role, Files: []int{outW, inR}})
			unix.Close(outW)
			unix.Close(inR)
			table.Add(c.Pid, "x", func(e proc.Exit) { told = e.String() })
			check.Eq(t, readByte(outR), byte('r'))
			if tt.freeze {
				check.NoErr(t, table.Kill(c.Pid, unix.SIGSTOP))
				check.NoErr(t, unix.Waitid(unix.P_PID, c.Pid, nil, unix.WSTOPPED|unix.WNOWAIT, nil))
				s, err := proc.State(c.Pid)
				check.NoErr(t, err)
				check.Eq(t, s, byte('T'))
				check.Eq(t, len(table.Reap()), 0) // a stop is not an end
				check.True(t, table.Alive(c.Pid), "frozen but there")
			}
			e, err := table.Stop(c.Pid, tt.grace)
			check.NoErr(t, err)
			check.Eq(t, e.String(), tt.want)
			check.Eq(t, told, tt.want)
			_, err = table.Stop(c.Pid, 0)
			check.ErrIs(t, err, proc.ErrUnknown)
			noChildren(t)
			unix.Close(outR)
			unix.Close(inW)
		})
	}
}

// As PID 1 does, the test process takes orphans over; the table reaps them and
// hands them to the caller.
func TestReapReturnsOrphans(t *testing.T) {
	check.NoErr(t, unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0))
	defer unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)
	check.True(t, !proc.IsInit() || os.Getpid() == 1, "init is PID 1")

	lifeR, lifeW := pipe(t, 0)
	readyR, readyW := pipe(t, 0)
	var table proc.Table
	var known []proc.Exit
	c := start(t, proc.Spec{Role: "orphan", Files: []int{lifeR, readyW}})
	table.Add(c.Pid, "parent", func(e proc.Exit) { known = append(known, e) })
	unix.Close(lifeR)
	unix.Close(readyW)
	check.Eq(t, readByte(readyR), byte('r')) // the grandchild lives
	waitEnd(t, c.Pid)
	check.Eq(t, len(table.Reap()), 0)
	check.Eq(t, len(known), 1)
	unix.Close(lifeW) // now it ends
	check.NoErr(t, unix.Waitid(unix.P_ALL, 0, nil, unix.WEXITED|unix.WNOWAIT, nil))
	orphans := table.Reap()
	check.Eq(t, len(orphans), 1)
	check.Eq(t, orphans[0].Kind, "")
	check.Eq(t, orphans[0].String(), "exit 0")
	check.True(t, orphans[0].Pid != c.Pid, "the grandchild")
	noChildren(t)
	unix.Close(readyR)
}

// One SIGCHLD can stand for many ends.
func TestReapTakesAllThatEnded(t *testing.T) {
	var table proc.Table
	codes := map[int]int{}
	var pids []int
	for i := range 4 {
		c := start(t, proc.Spec{Role: "exit", Args: []string{strconv.Itoa(i)}})
		table.Add(c.Pid, "x", func(e proc.Exit) { codes[e.Code]++ })
		pids = append(pids, c.Pid)
	}
	check.Eq(t, table.Len(), 4)
	for _, pid := range pids {
		waitEnd(t, pid)
	}
	check.Eq(t, len(table.Reap()), 0)
	check.Eq(t, codes, map[int]int{0: 1, 1: 1, 2: 1, 3: 1})
	check.Eq(t, table.Len(), 0)
}

// An onExit may start the next child, as a scheduled rewrite after a save does.
func TestOnExitMayAddAnother(t *testing.T) {
	var table proc.Table
	var second proc.Exit
	c := start(t, proc.Spec{Role: "exit", Args: []string{"0"}})
	next := 0
	table.Add(c.Pid, "first", func(proc.Exit) {
		n := start(t, proc.Spec{Role: "exit", Args: []string{"7"}})
		next = n.Pid
		table.Add(n.Pid, "second", func(e proc.Exit) { second = e })
	})
	waitEnd(t, c.Pid)
	table.Reap()
	if table.Alive(next) {
		waitEnd(t, next)
		table.Reap()
	}
	check.Eq(t, second.Code, 7)
}

func TestTableRefusesWhatCannotBeAChild(t *testing.T) {
	for _, pid := range []int{0, -1} {
		func() {
			defer func() { check.NotEq(t, recover(), nil) }()
			new(proc.Table).Add(pid, "x", func(proc.Exit) {})
		}()
	}
	var table proc.Table
	check.ErrIs(t, table.Kill(1, 0), proc.ErrUnknown)
	check.Eq(t, len(table.Reap()), 0)
}
