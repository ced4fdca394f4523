// Package crash_test kills the real daemon, at random moments and at every named
// point of a job, and checks that what it had acknowledged is there again.
package crash_test

import (
	"flag"
	"os"
	"strconv"
	"testing"

	"redisd/test/rig"
)

// atOnce is how many tests run at a time, unless -parallel says something else: for
// half of their time they wait, for the disk or for the second after which a write is
// tried again.
const atOnce = 4

func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "test.parallel" })
	if !given {
		if err := flag.Set("test.parallel", strconv.Itoa(atOnce)); err != nil {
			panic(err)
		}
	}
	os.Exit(rig.Main(m))
}
