package main

import (
	"fmt"
	"os"
	"runtime"

	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/proc"
	"redisd/pkg/server"
)

// Descriptors that a child is started with.
const (
	fdSnapshot = 3 // the stream from the parent
	fdReport   = 4 // what the child tells
)

// childRoles are the roles in which this binary is started as a child.
var childRoles = map[string]bool{server.RoleSave: true, server.RoleRewrite: true}

// runChild does the work of a child process; the result is its exit code. What
// went wrong goes to the parent with the report, which has the log.
func runChild(role string) int {
	if !childRoles[role] {
		fmt.Fprintf(os.Stderr, "redisd: unknown role %q\n", role)
		return 1
	}
	// One processor is the child's: its goroutines, the one that reads the pipe and
	// the one that writes the file, must not push the loop or a client off the other.
	runtime.GOMAXPROCS(1)
	// What could not be applied (a priority, a score) keeps nothing from working.
	avoid := proc.Avoided()
	fence, _ := proc.FencedPrologue()
	fail, err := failpoint.Parse(os.Getenv(failpoint.EnvVar))
	if err != nil {
		return 1
	}
	in, out := os.NewFile(fdSnapshot, "snapshot"), os.NewFile(fdReport, "report")
	cfg := persist.ChildConfig{FS: vfs.OS(), Pid: os.Getpid(), Fail: fail, Fence: fence}
	if !proc.Avoids(avoid, proc.CallCachestat) {
		cfg.Unsynced = vfs.Unsynced
	}
	return persist.RunChild(in, out, cfg)
}
