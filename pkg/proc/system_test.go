package proc_test

import (
	"encoding/json"
	"os"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/pkg/proc"
)

func TestParseCPUList(t *testing.T) {
	tests := []struct {
		name string
		list string
		want []int
		err  string
	}{
		{"empty", "", nil, ""},
		{"one", "3", []int{3}, ""},
		{"list", "0,2,3", []int{0, 2, 3}, ""},
		{"list and range", "0,2-3", []int{0, 2, 3}, ""},
		{"stride", "0-8:3,1", []int{0, 1, 3, 6}, ""},
		{"one wide range", "4-4", []int{4}, ""},
		{"last", "1023", []int{1023}, ""},
		{"too far", "1024", nil, "below 1024"},
		{"backwards", "3-1", nil, "backwards"},
		{"no number", "a", nil, "not a number"},
		{"empty part", "1,,2", nil, "not a number"},
		{"trailing comma", "1,", nil, "not a number"},
		{"open range", "1-", nil, "not a number"},
		{"sign", "+1", nil, "not a number"},
		{"space", "1, 2", nil, "not a number"},
		{"zero stride", "0-3:0", nil, "stride is zero"},
		{"stride without range", "3:2", nil, "needs a range"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set, err := proc.ParseCPUList(tt.list)
			if tt.err != "" {
				check.ErrContains(t, err, tt.err)
				return
			}
			check.NoErr(t, err)
			var got []int
			for i := range 1024 {
				if set.IsSet(i) {
					got = append(got, i)
				}
			}
			check.Eq(t, got, tt.want)
		})
	}
}

func TestSetAffinityErrors(t *testing.T) {
	check.NoErr(t, proc.SetAffinity(""))
	check.ErrContains(t, proc.SetAffinity("x"), "not a number")
	check.ErrIs(t, proc.SetAffinity("1000"), unix.EINVAL)
}

// The child was bound while it had several threads already.
func TestAffinityHoldsForEveryThread(t *testing.T) {
	check.Eq(t, childReport(t, proc.Spec{CPUList: "0"}).CPUs, 1)
}

func TestOOMScoreAdjClampsAndReads(t *testing.T) {
	base, err := proc.OOMScoreAdj()
	check.NoErr(t, err)
	oom := 5000
	check.Eq(t, childReport(t, proc.Spec{OOMScoreAdj: &oom}).OOM, 1000)
	now, err := proc.OOMScoreAdj()
	check.NoErr(t, err)
	check.Eq(t, now, base)
}

type nofileReport struct {
	Got  int
	Err  string
	Soft uint64
}

func nofileRole(args []string) {
	var reports []nofileReport
	for _, a := range args {
		n, _ := strconv.Atoi(a)
		got, err := proc.RaiseNoFile(n)
		r := nofileReport{Got: got}
		if err != nil {
			r.Err = err.Error()
		}
		var l unix.Rlimit
		unix.Getrlimit(unix.RLIMIT_NOFILE, &l)
		r.Soft = l.Cur
		reports = append(reports, r)
	}
	json.NewEncoder(rawFile(3)).Encode(reports)
	os.Exit(0)
}

func TestRaiseNoFile(t *testing.T) {
	r, w := pipe(t, 0)
	defer unix.Close(r)
	c := start(t, proc.Spec{Role: "nofile", Files: []int{w}, Args: []string{"-1", "64", strconv.Itoa(1 << 40)}})
	unix.Close(w)
	var got []nofileReport
	check.NoErr(t, json.NewDecoder(rawFile(r)).Decode(&got))
	waitEnd(t, c.Pid)
	var table proc.Table
	table.Reap()
	check.Eq(t, len(got), 3)
	check.Eq(t, got[0].Err, "")
	check.Eq(t, got[1].Err, "")
	check.True(t, got[1].Got >= 64 && uint64(got[1].Got) == got[1].Soft, "never lowered")
	check.Contains(t, got[2].Err, "limit of open files")
	check.True(t, got[2].Got >= got[1].Got && uint64(got[2].Got) == got[2].Soft, "as far as it goes")
}

func TestMemoryReaders(t *testing.T) {
	block, err := unix.Mmap(-1, 0, 32<<20, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	check.NoErr(t, err)
	defer unix.Munmap(block)
	before, err := proc.RSS(0)
	check.NoErr(t, err)
	for i := 0; i < len(block); i += 4096 {
		block[i] = 1
	}
	after, err := proc.RSS(os.Getpid())
	check.NoErr(t, err)
	check.True(t, after >= before+30<<20, "resident memory grew with the block")
	m, err := proc.ReadMemInfo()
	check.NoErr(t, err)
	check.True(t, m.Total > m.Available && m.Available > 0 && m.Total > 64<<20, "machine memory")

	const none = 1<<22 + 1 // above the largest pid
	_, err = proc.RSS(none)
	check.ErrIs(t, err, os.ErrNotExist)
	_, err = proc.State(none)
	check.ErrIs(t, err, os.ErrNotExist)
}

func TestUsageAndSysctl(t *testing.T) {
	for _, who := range []int{proc.UsageSelf, proc.UsageChildren, proc.UsageThread} {
		u, err := proc.ReadUsage(who)
		check.NoErr(t, err)
		check.True(t, u.UserMicros >= 0 && u.SystemMicros >= 0, "not negative")
	}
	n, err := proc.Sysctl("net/core/somaxconn")
	check.NoErr(t, err)
	check.True(t, n > 0, "somaxconn")
	_, err = proc.Sysctl("no/such")
	check.ErrIs(t, err, os.ErrNotExist)
}

type titleReport struct {
	Shown []string // after each Set
	Comm  string
	Arg   string // an argument taken before the titles were set
	Env   string
}

// titleRole executes itself again with arguments, since a child has none.
func titleRole(args []string) {
	if len(os.Args) == 1 {
		os.Setenv("MARK", "environment")
		must(unix.Exec("/proc/self/exe", []string{"redisd", "--port", "7777"}, os.Environ()))
	}
	title, err := proc.TakeTitle()
	must(err)
	rep := titleReport{Arg: os.Args[2]}
	for _, a := range args {
		must(title.Set(a))
		rep.Shown = append(rep.Shown, readString("/proc/self/cmdline"))
	}
	rep.Comm = strings.TrimSpace(readString("/proc/self/comm"))
	rep.Env = os.Getenv("MARK")
	json.NewEncoder(rawFile(3)).Encode(rep)
	os.Exit(0)
}

func TestTitleIsShownAndArgumentsStay(t *testing.T) {
	r, w := pipe(t, 0)
	defer unix.Close(r)
	long := "redisd 0.0.0.0:6379 " + strings.Repeat("[cluster] ", 20)
	titles := []string{"redisd *:1", "redisd *:6379 xxxxx", "redisd *:6379 xxxxxx", long, "/usr/local/bin/redisd *:2"}
	c := start(t, proc.Spec{Role: "title", Args: titles, Files: []int{w}})
	unix.Close(w)
	var rep titleReport
	check.NoErr(t, json.NewDecoder(rawFile(r)).Decode(&rep))
	waitEnd(t, c.Pid)
	var table proc.Table
	table.Reap()
	for i, want := range titles {
		check.Eq(t, strings.TrimRight(rep.Shown[i], "\x00"), want)
	}
	check.Eq(t, rep.Arg, "7777")
	check.Eq(t, rep.Env, "environment")
	check.Eq(t, rep.Comm, "redisd")
	check.ErrContains(t, new(proc.Title).Set("a\x00b"), "NUL")
	check.NoErr(t, new(proc.Title).Set("anything"))
}
