//go:build profile

package main

import (
	"fmt"
	"os"
	"runtime/pprof"
)

// profile writes a processor profile of the daemon's whole life to the file that
// REDISD_CPUPROFILE names. scripts/profile.sh makes default.pgo of it.
func profile() (stop func()) {
	path := os.Getenv("REDISD_CPUPROFILE")
	if path == "" {
		return func() {}
	}
	f, err := os.Create(path)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "redisd:", err)
		os.Exit(1)
	}
	return func() {
		pprof.StopCPUProfile()
		if err := f.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "redisd:", err)
		}
	}
}
