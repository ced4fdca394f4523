package server_test

import (
	"os"
	"testing"

	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/persist"
	"redisd/pkg/proc"
)

// TestMain lets the test binary be the child of a server under test: a server starts
// its own binary again.
func TestMain(m *testing.M) {
	if _, _, ok := proc.InvokedAs(); ok {
		os.Exit(childMain())
	}
	os.Exit(m.Run())
}

func childMain() int {
	if err := proc.ChildPrologue(); err != nil {
		return 3
	}
	fail, err := failpoint.Parse(os.Getenv(failpoint.EnvVar))
	if err != nil {
		return 3
	}
	in, out := os.NewFile(proc.FirstFile, "snapshot"), os.NewFile(proc.FirstFile+1, "report")
	return persist.RunChild(in, out, persist.ChildConfig{FS: vfs.OS(), Pid: os.Getpid(), Fail: fail})
}
