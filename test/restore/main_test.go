// Package restore_test takes the files of the daemon to Debian's redis-server and
// back: both must hold the same data, by DEBUG DIGEST.
package restore_test

import (
	"os"
	"testing"

	"redisd/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
