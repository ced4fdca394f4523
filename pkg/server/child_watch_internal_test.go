package server

import (
	"testing"

	"redisd/internal/check"
	"redisd/pkg/persist"
)

// TestChildWatch plays children second by second. What a child shows at second n is
// given by a function; the first order of the watchdog is what counts.
func TestChildWatch(t *testing.T) {
	const limit, most = 60, 1000
	pulse := func(n int, ph persist.Phase, work, left, syncing uint64) persist.Pulse {
		return persist.Pulse{Seq: uint64(n), Phase: ph, Work: work, Left: left, Syncing: syncing}
	}
	tests := []struct {
		name  string
		sign  func(n int) childSign
		order int // second of the order to stop, 0 for none
	}{
		{"stopped before its first word", func(int) childSign { return childSign{owes: true, receiving: true} }, 61},
		{"works", func(n int) childSign {
			return childSign{owes: true, pulse: pulse(n, persist.PhaseWork, uint64(n), 0, 0)}
		}, 0},
		{"works a little every 50 seconds", func(n int) childSign {
			return childSign{owes: true, pulse: pulse(n, persist.PhaseWork, uint64(n/50), 0, 0)}
		}, 0},
		{"alive, and that is all", func(n int) childSign {
			return childSign{owes: true, pulse: pulse(n, persist.PhaseWork, 7, 0, 0)}
		}, 62},
		{"has nothing to do", func(n int) childSign { return childSign{receiving: true} }, 0},
		{"had nothing to do for long, then hangs", func(n int) childSign { return childSign{receiving: true, owes: n > 500} }, 561},
		{"takes the snapshot", func(n int) childSign { return childSign{owes: true, receiving: true, taken: uint64(n)} }, 0},
		{"takes the difference, but its writer hangs", func(n int) childSign {
			return childSign{owes: true, taken: uint64(n), pulse: pulse(n, persist.PhaseWork, 7, 0, 0)}
		}, 62},
		{"stopped in the middle", func(n int) childSign {
			return childSign{owes: true, pulse: pulse(min(n, 100), persist.PhaseWrite, uint64(min(n, 100)), 0, 0)}
		}, 161},
		{"long sync, the kernel tells how far", func(n int) childSign {
			return childSign{owes: true, pulse: pulse(n, persist.PhaseSync, 7, uint64(most-n), 0)}
		}, 0},
		{"sync that stands still", func(n int) childSign {
			return childSign{owes: true, pulse: pulse(n, persist.PhaseSync, 7, 4096, 0)}
		}, 62},
		{"long sync, the kernel does not tell: 100 MB may take 100 seconds longer", func(n int) childSign {
			return childSign{owes: true, pulse: pulse(n, persist.PhaseSync, 7, 0, 100*1000*slowestSync)}
		}, 162},
		{"computes, with a tenth of a processor", func(n int) childSign {
			return childSign{owes: true, pulse: persist.Pulse{Seq: uint64(n), Phase: persist.PhaseWork, Work: 7, CPUMicros: uint64(n) * 100_000}}
		}, 602},
		{"runs in circles", func(n int) childSign {
			return childSign{owes: true, pulse: persist.Pulse{Seq: uint64(n), Phase: persist.PhaseWork, Work: 7, CPUMicros: uint64(n) * 1_000_000}}
		}, 62},
		{"computed, and hangs now", func(n int) childSign {
			return childSign{owes: true, pulse: persist.Pulse{Seq: uint64(n), Phase: persist.PhaseWork, Work: 7, CPUMicros: uint64(min(n, 10)) * 100_000}}
		}, 92},
		{"stopped in a sync", func(n int) childSign {
			return childSign{owes: true, pulse: pulse(min(n, 10), persist.PhaseSync, 7, 0, 10_000*1000*slowestSync)}
		}, 71},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			w, got := childWatch{}, 0
			for n := 1; n < most && got == 0; n++ {
				if w.tick(int64(n)*1000, limit*1000, tc.sign(n)) != orderNone {
					got = n
				}
			}
			check.Eq(t, got, tc.order)
		})
	}
}

func TestChildWatchKillsWhatDoesNotFollow(t *testing.T) {
	w := childWatch{}
	stuck := childSign{owes: true}
	now, orders := int64(0), map[childOrder]int64{}
	for range 100 {
		now += 500
		if o := w.tick(now, 10_000, stuck); o != orderNone {
			check.Eq(t, orders[o], int64(0)) // each once
			orders[o] = now
		}
	}
	check.Eq(t, orders, map[childOrder]int64{orderStop: 10_500, orderKill: 10_500 + stopGraceMs + 500})
}

func TestChildWatchOffKillsOnlyWhatWasTold(t *testing.T) {
	w := childWatch{}
	for n := range int64(100_000) {
		check.Eq(t, w.tick(n*1000, 0, childSign{owes: true}), orderNone)
	}
	w.stop()
	w.pass(stopGraceMs)
	check.Eq(t, w.tick(100_000_000, 0, childSign{owes: true}), orderKill)
}

// A loop that stood still for an hour, or a clock that jumps, is not the child's fault.
func TestChildWatchBlamesNoChildForTheLoop(t *testing.T) {
	w := childWatch{last: 1000}
	stuck := childSign{owes: true}
	for _, now := range []int64{2000, 3_600_000, 7_200_000, 100, 200, 10_000_000} {
		check.Eq(t, w.tick(now, 60_000, stuck), orderNone)
	}
	check.Eq(t, w.idle, int64(4*longestTickMs+100))
}

func TestBackoffDoublesUpToAnHour(t *testing.T) {
	f := backoff{}
	waits := []int64{}
	for range 8 {
		waits = append(waits, f.failed(1000))
	}
	check.Eq(t, waits, []int64{60, 120, 240, 480, 960, 1920, 3600, 3600})
	check.True(t, f.waits(4599) && !f.waits(4600), "an hour after the last")
	check.Eq(t, f.left(4000), int64(600))
	check.Eq(t, f.left(9000), int64(0))
	f.passed()
	check.True(t, !f.waits(0), "forgotten after a good one")
	check.Eq(t, f.failed(0), int64(60))
}

func TestChildHistoryKeepsTheLast(t *testing.T) {
	h := &childHistory{}
	check.Eq(t, h.len(), 0)
	for i := range int64(40) {
		r := h.begin("save", i*1000)
		r.pid = int(i)
		switch {
		case i%10 == 3:
			h.end(childFailed, "reason", i*1000+7)
		case i < 39:
			h.end(childOK, "", i*1000+5)
		}
	}
	check.Eq(t, h.len(), childHistorySize)
	check.Eq(t, h.begun, uint64(40))
	pids := []int{}
	h.each(func(r *childRecord) { pids = append(pids, r.pid) })
	check.Eq(t, len(pids), childHistorySize)
	check.Eq(t, []int{pids[0], pids[1], pids[31]}, []int{39, 38, 8})
	check.Eq(t, h.counts, [4]int64{childOK: 35, childFailed: 4})
	check.Eq(t, h.failed.pid, 33)
	check.Eq(t, h.failed.totalMillis, int64(7))
	check.Eq(t, h.last().result.String(), "running")
	// A clock that went back gives no negative time.
	h.end(childStopped, "", 0)
	check.Eq(t, h.last().totalMillis, int64(0))
}
