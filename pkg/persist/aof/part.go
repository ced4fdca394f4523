package aof

import "redisd/internal/vfs"

// What the multi-part layout needs of a Log: to end the live file at a point and go
// on in another one, and to collect commands while the log waits for its first rewrite.
// And notes of the time, for both layouts.

// Keeps says whether what is appended goes anywhere: the Log is On, or collects
// commands for a file that is to come.
func (l *Log) Keeps() bool { return l.live != nil || l.held }

// Part ends the live file of a Log that is On at this point, for Roll: what is appended
// from now on is kept in the buffer, and selects its database anew. What was appended
// before is written and synced in the background, whatever the policy: a part that is
// not the last one must be whole after a power failure. Then done is called, on the
// loop, in Flush or in a function given to Post, with an error if that failed; then
// only Resume is possible. Not called when Resume or Stop come before.
func (l *Log) Part(done func(err error)) {
	if l.held || l.state != On {
		panic("BUG: aof: Part of a log that is held, or not on")
	}
	l.Hold()
	l.parting = done
	l.goOnParting()
}

// goOnParting does what is next to make the file durable up to the point of Part.
func (l *Log) goOnParting() {
	if l.parting == nil {
		return
	}
	lv := l.live
	switch err := l.Err(); {
	case err != nil:
		l.parted(err)
	case lv.write.busy || lv.sync.busy:
	case l.heldOff > 0 || lv.size > lv.synced:
		w := &lv.write
		w.busy, w.sync, w.seq, w.good, w.began = true, true, l.heldSeq, lv.size, l.micros()
		w.sample = l.circumstance(lv)
		later := append(l.spare[:0], l.buf[l.heldOff:]...)
		w.buf, l.buf, l.spare = l.buf[:l.heldOff], later, nil
		l.heldOff, w.commands, l.gather = 0, 0, gather{}
		l.cfg.WriteQueue(w.run)
	default:
		l.written, l.synced, l.fresh = l.heldSeq, l.heldSeq, false
		l.advance(l.heldSeq)
		l.parted(nil)
	}
}

func (l *Log) parted(err error) {
	done := l.parting
	l.parting = nil
	done(err)
}

// Roll makes f, new and empty and opened for appending, the live file after Part has
// called its function. The manifest that lists it is durable. What was kept goes there;
// the former file goes to Retire, and its bytes still count in Size.
func (l *Log) Roll(f vfs.File) {
	if !l.held || l.parting != nil || l.state != On {
		panic("BUG: aof: Roll of a log that has not come to a Part")
	}
	old, base, before := l.live, l.base, l.Size()
	l.held = false
	l.adopt(f, 0, 0)
	l.base, l.before = base, before
	old.retired = true
	l.old = append(l.old, old)
	l.finish(old)
}

// Gather makes f, new and empty, collect what is appended while the Log waits for its
// first rewrite. Nothing is promised meanwhile: errors are remembered (Err), none of
// them is an Exit.
func (l *Log) Gather(f vfs.File) {
	if l.state != WaitRewrite || l.live != nil {
		panic("BUG: aof: Gather of a log that does not wait, or gathers")
	}
	l.adopt(f, 0, 0)
}

// Gathered says whether the Log has a file while it waits for its first rewrite.
func (l *Log) Gathered() bool { return l.state == WaitRewrite && l.live != nil }

// TurnOn makes a Log that gathers On: the rewrite is done, and a durable manifest lists
// its result and the file, in this order.
func (l *Log) TurnOn() {
	if !l.Gathered() {
		panic("BUG: aof: TurnOn of a log that does not gather")
	}
	l.state, l.fresh = On, false
}

// Ungather gives up what was collected: the rewrite has failed. The file goes to
// Retire, and the Log goes on waiting.
func (l *Log) Ungather() {
	lv := l.live
	l.live = nil
	l.clearErrors()
	l.drop(lv)
}

// drop gives up a file and what was to be written to it.
func (l *Log) drop(lv *live) {
	l.seal()
	l.buf = l.buf[:0]
	l.sums.restart()
	l.advance(l.seq)
	lv.retired = true
	l.old = append(l.old, lv)
	l.finish(lv)
}

// SetBefore says how many bytes the parts before the live file have.
func (l *Log) SetBefore(size int64) { l.before = size }

// SetTimestamps turns aof-timestamp-enabled on or off: a note of the time before the
// first command of each second.
func (l *Log) SetTimestamps(on bool) { l.stamps = on && l.cfg.Seconds != nil }

// appendStamp appends a note if the last one is of an earlier second.
func (l *Log) appendStamp(dst []byte) []byte {
	now := l.cfg.Seconds()
	if now <= l.stamped {
		return dst
	}
	l.stamped = now
	return AppendTimestamp(dst, now)
}
