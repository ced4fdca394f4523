package aof

// The way of a batch to the disk: by the loop itself, or by a job in the
// background. One write is in flight at a time, and the loop writes only when none
// is, so the file has the batches in their order. One sync is in flight at a time,
// so that its error cannot be reported to another that then looks good.

// Flush ends the open batch and moves the batches on. The loop calls it before it
// sleeps and before it sends replies; now is in milliseconds.
func (l *Log) Flush(now int64) {
	l.now = now
	if l.live == nil || l.fatal != nil {
		return
	}
	l.endBlock(false)
	l.seal()
	if !l.held {
		l.drain()
	}
	l.noteDelay()
	l.startSync()
}

// Cron does what is due without a new command: the sync of idle data, the retry
// after an error. The loop calls it at least once a second; now is in milliseconds.
func (l *Log) Cron(now int64) { l.Flush(now) }

// suppressed: syncs are off while a child writes.
func (l *Log) suppressed() bool { return l.cfg.NoSyncOnRewrite && l.childActive }

// drain sends what is buffered on its way if the way is free.
func (l *Log) drain() {
	lv := l.live
	if lv.write.busy {
		return // the batches that arrive meanwhile go together when it is done
	}
	needSync := l.strict() && !l.suppressed()
	if len(l.buf) == 0 {
		// Not synced yet: after Switch, after a change of the policy, or because a
		// child forbade it. In the last case it also may have become enough.
		switch {
		case !needSync || lv.size <= lv.synced:
			l.advance(l.seq)
		case !lv.sync.busy:
			l.startWrite(lv, true)
		}
		return
	}
	if l.writeErr != nil && !passed(l.now, l.failedAt, retryEveryMillis) {
		return
	}
	switch {
	case needSync:
		if !lv.sync.busy && !l.gathering() {
			l.startWrite(lv, true)
		}
	case lv.sync.busy || len(l.buf) > directMax || l.now < l.slowUntil:
		l.startWrite(lv, false)
	default:
		l.writeNow(lv)
	}
}

// writeNow is the write(2) by the loop.
func (l *Log) writeNow(lv *live) {
	res := l.append(lv.file, lv.size, l.buf)
	l.sampleWrite(l.circumstance(lv), res.micros)
	if res.micros > slowWriteMicros {
		l.slowUntil = l.now + slowMillis
	}
	lv.size += int64(res.kept)
	if res.err != nil {
		l.buf = append(l.buf[:0], l.buf[res.kept:]...)
		l.writeFailed(res, len(l.buf)+res.kept)
		return
	}
	l.buf, l.gather = l.buf[:0], gather{}
	if cap(l.buf) > keepBuffer {
		l.buf = nil
	}
	l.written = l.seq
	l.writeWorked()
	l.advance(l.seq)
}

// startWrite hands the buffer to the background.
func (l *Log) startWrite(lv *live, sync bool) {
	w := &lv.write
	w.busy, w.sync, w.seq, w.good, w.began = true, sync, l.seq, lv.size, l.micros()
	w.sample = l.circumstance(lv)
	w.buf, l.buf, l.spare = l.buf, l.spare, nil
	w.commands, l.gather.pending = l.gather.pending, 0
	l.cfg.WriteQueue(w.run)
}

// writeDone takes the result of a job.
func (l *Log) writeDone(lv *live) {
	w := &lv.write
	w.busy = false
	buf := w.buf
	w.buf = nil
	if len(buf) > 0 {
		l.sampleWrite(w.sample, w.res.micros)
	}
	if w.sync && w.res.err == nil {
		l.sample(LatencySyncAlways, w.syncUs)
	}
	lv.size += int64(w.res.kept)
	switch {
	case lv.retired:
		l.retiredWriteDone(lv, buf)
	case w.res.err != nil:
		rest := buf[w.res.kept:]
		l.heldOff += len(rest)
		later := l.buf
		l.buf = append(append(buf[:0], rest...), later...)
		l.recycle(later)
		l.writeFailed(w.res, len(rest)+w.res.kept)
		return
	case w.syncErr != nil && !l.strict(): // that of Part
		l.written = w.seq
		l.advance(w.seq)
		l.syncFailed(w.syncErr)
	case w.syncErr != nil:
		l.exit(w.syncErr, "Can't persist AOF for fsync error when the AOF fsync policy is 'always': %s. Exiting...", Strerror(w.syncErr))
	default:
		l.writeWorked()
		l.written = w.seq
		if w.sync {
			lv.synced, l.synced, l.fresh = lv.size, w.seq, false
			l.gather.answered(w.commands, w.res.micros+w.syncUs, l.micros())
		}
		l.advance(w.seq)
	}
	l.recycle(buf)
}

func (l *Log) recycle(buf []byte) {
	if l.spare == nil && cap(buf) > 0 && cap(buf) <= keepBuffer {
		l.spare = buf[:0]
	}
}

// startSync starts the sync of everysec, also when nothing was written lately.
func (l *Log) startSync() {
	lv := l.live
	switch {
	case l.policy != Everysec || l.suppressed() || l.syncErr != nil:
	case lv.sync.busy || lv.write.busy && lv.write.sync || l.parting != nil:
	case lv.size <= lv.synced || !passed(l.now, l.lastSync, syncEveryMillis):
	default:
		l.lastSync, lv.sync.began = l.now, l.micros()
		lv.sync.busy, lv.sync.upTo, lv.sync.seq, lv.sync.started = true, lv.size, l.written, l.now
		l.cfg.SyncQueue(lv.sync.run)
	}
}

// syncDone takes the result of a sync.
func (l *Log) syncDone(lv *live) {
	lv.sync.busy = false
	switch {
	case lv.retired:
		l.finish(lv)
	case lv.sync.err == nil:
		lv.synced, l.synced, l.fresh = max(lv.synced, lv.sync.upTo), max(l.synced, lv.sync.seq), false
	default:
		l.syncFailed(lv.sync.err)
	}
}

// noteDelay counts a sync that has kept the loop from writing for long.
func (l *Log) noteDelay() {
	lv := l.live
	if !lv.sync.busy || (len(l.buf) == 0 && !lv.write.busy) ||
		!passed(l.now, max(lv.sync.started, l.delayMark), delayedMillis) {
		return
	}
	l.delayMark = l.now
	l.delayed++
	l.event(Notice, "Asynchronous AOF fsync is taking too long (disk is busy?). Writing the AOF buffer without waiting for fsync to complete, this may slow down Redis.")
}

func (l *Log) circumstance(lv *live) string {
	switch {
	case lv.sync.busy:
		return LatencyWritePendingSync
	case l.childActive:
		return LatencyWriteActiveChild
	}
	return LatencyWriteAlone
}

func (l *Log) sampleWrite(circumstance string, micros int64) {
	if l.cfg.Latency != nil {
		l.cfg.Latency(circumstance, micros)
		l.cfg.Latency(LatencyWrite, micros)
	}
}
