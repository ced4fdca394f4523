package failpoint_test

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"redisd/internal/check"
	"redisd/internal/failpoint"
)

// TestMain lets the test binary play the process that a point ends.
func TestMain(m *testing.M) {
	if os.Getenv("FAILPOINT_TEST_CHILD") != "" {
		s, err := failpoint.Parse(os.Getenv(failpoint.EnvVar))
		if err != nil {
			os.Exit(99)
		}
		for range 3 {
			_ = s.Hit("here")
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func TestParse(t *testing.T) {
	tests := []struct {
		name, spec, err string
	}{
		{"all actions", "a=kill b=hang c=exit:3 d=delay:5 e=error:ENOSPC f=kill@7", ""},
		{"semicolons", "a=kill;b=hang", ""},
		{"no action", "a", "is not name=action"},
		{"no name", "=kill", "is not name=action"},
		{"unknown action", "a=burn", `unknown action "burn"`},
		{"unknown errno", "a=error:EWHAT", `unknown errno "EWHAT"`},
		{"exit without status", "a=exit", "wrong argument"},
		{"kill with argument", "a=kill:9", "wrong argument"},
		{"bad number", "a=delay:-1", `bad number "-1"`},
		{"bad count", "a=kill@0", `bad count "0"`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			s, err := failpoint.Parse(tc.spec)
			if tc.err == "" {
				check.NoErr(t, err)
				check.True(t, s != nil, "points are set")
			} else {
				check.ErrContains(t, err, tc.err)
			}
		})
	}
}

func TestOffCostsNothing(t *testing.T) {
	s, err := failpoint.Parse("")
	check.NoErr(t, err)
	check.True(t, s == nil, "an empty specification is a nil set")
	check.NoErr(t, s.Hit("anything"))
	check.Eq(t, testing.AllocsPerRun(100, func() { _ = s.Hit("x") }), 0)
}

func TestErrorOnTheCountedHit(t *testing.T) {
	s, err := failpoint.Parse("a=error:EIO@2 b=error:ENOSPC c=delay:0")
	check.NoErr(t, err)
	check.NoErr(t, s.Hit("a"))
	check.ErrIs(t, s.Hit("a"), syscall.EIO)
	check.NoErr(t, s.Hit("a"))
	check.ErrIs(t, s.Hit("b"), syscall.ENOSPC)
	check.ErrIs(t, s.Hit("b"), syscall.ENOSPC)
	check.NoErr(t, s.Hit("c"))
	check.NoErr(t, s.Hit("other"))
}

func TestKillAndExitEndTheProcess(t *testing.T) {
	tests := []struct {
		name, spec string
		code       int
		signal     syscall.Signal
	}{
		{"exit", "here=exit:42@3", 42, 0},
		{"kill", "here=kill", -1, syscall.SIGKILL},
		{"beyond the count", "here=kill@4", 0, 0},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			self, err := os.Executable()
			check.NoErr(t, err)
			cmd := exec.Command(self)
			cmd.Env = append(os.Environ(), "FAILPOINT_TEST_CHILD=1", failpoint.EnvVar+"="+tc.spec)
			err = cmd.Run()
			var exit *exec.ExitError
			check.True(t, err == nil || errors.As(err, &exit), "the process ran")
			check.Eq(t, cmd.ProcessState.ExitCode(), tc.code)
			ws := cmd.ProcessState.Sys().(syscall.WaitStatus)
			if tc.signal != 0 {
				check.Eq(t, ws.Signal(), tc.signal)
			}
		})
	}
}
