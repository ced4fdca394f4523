package server

import (
	"fmt"
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
	left := []int64{}
	for _, now := range []int64{4000, 4599, 4600, 9000} {
		left = append(left, f.rest.left(now))
	}
	check.Eq(t, left, []int64{600, 1, 0, 0})
	f.passed()
	check.Eq(t, f.rest.left(0), int64(0)) // forgotten after a good one
	check.Eq(t, f.failed(0), int64(60))
}

// A clock that is set lengthens no rest by more than the rest itself.
func TestRestsGoByTheNewTime(t *testing.T) {
	const start = 1_000_000
	tests := []struct {
		name string
		now  []int64
		left []int64
	}{
		{"time passes", []int64{start, start + 59, start + 60}, []int64{60, 1, 0}},
		{"set back", []int64{start + 50, 1000, 1059, 1060}, []int64{10, 60, 1, 0}},
		{"set back a little", []int64{start - 1, start + 58, start + 59}, []int64{60, 1, 0}},
		{"set forward", []int64{start + 86_400}, []int64{0}},
		{"back and forward", []int64{1000, start}, []int64{60, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := rest{}
			r.begin(start, 60)
			for i, now := range tt.now {
				check.Eq(t, r.left(now), tt.left[i])
			}
			// The limiter of rewrites rests in the same way.
			s := newBench(t).s
			b := s.background
			s.stats.nowSec, b.jobs.rewriteFailures = start, 3
			check.True(t, b.rewriteLimited(), "a minute begins")
			for i, now := range tt.now {
				s.stats.nowSec = now
				check.Eq(t, b.rewriteLimited(), tt.left[i] > 0)
			}
			check.True(t, b.rewriteLimited(), "one try, then twice as long")
			check.Eq(t, b.jobs.retry.left(s.stats.nowSec), int64(120))
		})
	}
}

func TestChildHistoryKeepsTheLast(t *testing.T) {
	h := &childHistory{}
	check.Eq(t, h.len(), 0)
	for i := range int64(40) {
		r := h.begin("save", 0, i*1000)
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
	check.Eq(t, h.counts, [5]int64{childOK: 35, childFailed: 4})
	check.Eq(t, h.failed.pid, 33)
	check.Eq(t, h.failed.totalMillis, int64(7))
	check.Eq(t, h.last().result.String(), "running")
	h.end(childGivenUp, "", 39_009)
	check.Eq(t, fmt.Sprint(h.last().totalMillis, h.last().result), "9 given up")
}
