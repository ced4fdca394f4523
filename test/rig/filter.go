package rig

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"strings"
	"syscall"

	"redisd/test/sysfilter"
)

const (
	envCalls  = "REDISD_TEST_CALLS"  // numbers of system calls, with commas
	envRefuse = "REDISD_TEST_REFUSE" // set: they fail instead of ending the process
	envExec   = "REDISD_TEST_EXEC"   // what to execute under the filter
)

// Filtered makes options start the daemon under sysfilter.KillOn.
func (o Options) Filtered(daemon string, calls ...uint32) Options {
	var words []string
	for _, c := range calls {
		words = append(words, strconv.Itoa(int(c)))
	}
	self, err := os.Executable()
	if err != nil {
		panic("BUG: rig: " + err.Error())
	}
	o.Path = self
	o.Env = append(o.Env, envCalls+"="+strings.Join(words, ","), envExec+"="+daemon)
	return o
}

// Refused is Filtered with sysfilter.RefuseOn.
func (o Options) Refused(daemon string, calls ...uint32) Options {
	o = o.Filtered(daemon, calls...)
	o.Env = append(o.Env, envRefuse+"=1")
	return o
}

// underFilter does that in the new process, which is the test binary again; it returns
// when the process was not started for it.
func underFilter() {
	words, ok := os.LookupEnv(envCalls)
	if !ok {
		return
	}
	var calls []uint32
	for _, w := range strings.Split(words, ",") {
		n, err := strconv.ParseUint(w, 10, 32)
		exitOn(err)
		calls = append(calls, uint32(n))
	}
	path, put := os.Getenv(envExec), sysfilter.KillOn
	if os.Getenv(envRefuse) != "" {
		put = sysfilter.RefuseOn
	}
	for _, name := range []string{envCalls, envRefuse, envExec} {
		os.Unsetenv(name)
	}
	runtime.LockOSThread()
	exitOn(put(calls))
	exitOn(syscall.Exec(path, append([]string{path}, os.Args[1:]...), os.Environ()))
}

func exitOn(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
		os.Exit(1)
	}
}
