// Package daemon_test checks the real binary from outside: its processes, files,
// log, signals, and what it answers.
package daemon_test

import (
	"os"
	"testing"

	"redisd/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// keysOf is how many keys the big tests write.
func keysOf(short, long int) int {
	if rig.Long() {
		return long
	}
	return short
}
