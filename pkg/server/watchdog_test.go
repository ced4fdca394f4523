package server_test

import (
	"strings"
	"testing"

	"redisd/internal/check"
)

// TestWatchdogTellsWhereTheLoopIsStuck: a loop that does not beat for the period is
// reported once, with its own stack, and goes on as if nothing had been.
func TestWatchdogTellsWhereTheLoopIsStuck(t *testing.T) {
	s := startServer(t, "enable-debug-command yes", "watchdog-period 200")
	c := s.dial()
	c.ok("SET", "k", "v")
	c.ok("DEBUG", "SLEEP", "0.8")
	log := s.log.String()
	check.Eq(t, strings.Count(log, "WATCHDOG TIMER EXPIRED"), 1)
	check.Contains(t, log, "------ STACK TRACE ------\ngoroutine ")
	check.Contains(t, log, "debugSleep")
	check.Eq(t, strings.Count(log, "\ngoroutine "), 1)
	check.Eq(t, c.text("GET", "k"), "v")

	c.ok("CONFIG", "SET", "watchdog-period", "0")
	c.ok("DEBUG", "SLEEP", "0.5")
	check.Eq(t, strings.Count(s.log.String(), "WATCHDOG TIMER EXPIRED"), 1)
}

// TestWatchdogPeriodIsTwoBeatsAtLeast, which a loop that is well always keeps.
func TestWatchdogPeriodIsTwoBeatsAtLeast(t *testing.T) {
	theirs, here := startOracle(t), startServer(t).dial()
	for _, ms := range []string{"1", "199", "200", "201", "0"} {
		for _, c := range []*peer{theirs, here} {
			c.ok("CONFIG", "SET", "watchdog-period", ms)
		}
		check.Eq(t, here.ok("CONFIG", "GET", "watchdog-period").String(), theirs.ok("CONFIG", "GET", "watchdog-period").String())
	}
}
