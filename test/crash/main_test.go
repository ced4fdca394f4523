// Package crash_test kills the real daemon, at random moments and at every named
// point of a job, and checks that what it had acknowledged is there again.
package crash_test

import (
	"os"
	"testing"

	"redisd/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
