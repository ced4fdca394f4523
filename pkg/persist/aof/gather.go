package aof

// Group commit under always: one sync is in flight, and what arrives meanwhile goes
// into the next one. When a sync is over, the writers whose replies leave now send
// their next commands a moment later. If the next sync began at once, they would just
// miss it, and two halves of the writers would take turns, each waiting for the sync
// of the other. So the next batch waits for them: until as many commands have come as
// were just answered, at most a quarter of what the last sync took. A writer that is
// alone is never made to wait, and where writers do not come back at once (their rate
// does not depend on the replies) waiting is given up for longer and longer.

const (
	gatherShare     = 4    // a quarter of the last write and sync
	gatherMaxMicros = 5000 // and never longer
	gatherMaxRest   = 64   // batches without waiting, after many in vain
)

// gather decides whether a batch that could go to the disk waits for more commands.
// The times are microseconds by Config.Micros.
type gather struct {
	pending int   // commands in the buffer
	first   int   // those that were in it when the last sync was over
	expect  int   // as many are likely to come
	until   int64 // the end of waiting; 0: there is nothing to wait for
	alarmed bool  // a Flush at the end of waiting is ordered
	rest    int   // so many batches go without waiting
	inVain  int   // the length of the last rest
}

// answered takes note that a sync is over which took micros and answered commands.
func (g *gather) answered(commands int, micros, now int64) {
	g.first, g.expect, g.until, g.alarmed = g.pending, g.pending+commands, 0, false
	switch {
	case g.rest > 0:
		g.rest--
	case commands > 0:
		g.until = now + min(micros/gatherShare, gatherMaxMicros)
	}
}

// wait tells for how many microseconds the batch should wait; 0: it goes now.
func (g *gather) wait(now int64) int64 {
	switch {
	case g.until == 0:
	case g.pending >= g.expect:
		g.until, g.inVain = 0, 0
	case now >= g.until:
		if 2*(g.pending-g.first) < g.expect-g.first {
			g.inVain = min(2*g.inVain+1, gatherMaxRest)
			g.rest = g.inVain
		}
		g.until = 0
	default:
		return g.until - now
	}
	return 0
}

// gathering says that the batch waits for more commands; the alarm brings a Flush.
func (l *Log) gathering() bool {
	if l.cfg.Alarm == nil {
		return false
	}
	left := l.gather.wait(l.micros())
	if left > 0 && !l.gather.alarmed {
		l.gather.alarmed = true
		l.cfg.Alarm(left)
	}
	return left > 0
}
