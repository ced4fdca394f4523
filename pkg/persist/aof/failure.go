package aof

// What an error means. A write can be retried, since the batch is still here; a
// failed sync cannot, since the kernel may have dropped the pages and says so only
// once. Under always a promise made to nobody yet cannot be kept any more, and the
// commands are already visible to readers: the process ends.

// writeFailed takes note of a failed append of expected bytes; what is not in the
// file is in the buffer again.
func (l *Log) writeFailed(res writeResult, expected int) {
	if l.mayLogError() {
		if res.written == 0 {
			l.event(Warning, "Error writing to the AOF file: %s", Strerror(res.err))
		} else {
			l.event(Warning, "Short write while writing to the AOF file: (nwritten=%d, expected=%d)", res.written, expected)
		}
		if res.cutErr != nil {
			l.event(Warning, "Could not remove short write from the append-only file.  Redis may refuse to load the AOF the next time it starts.  ftruncate: %s", Strerror(res.cutErr))
		}
	}
	if l.strict() {
		l.exit(res.err, "Can't recover from AOF write error when the AOF fsync policy is 'always'. Exiting...")
		return
	}
	l.writeErr = res.err
	l.failedAt = l.now
}

// writeWorked ends the error state of writes.
func (l *Log) writeWorked() {
	if l.writeErr == nil {
		return
	}
	l.writeErr = nil
	l.event(Warning, "AOF write error looks solved, Redis can write again.")
}

// syncFailed takes note of a failed sync of everysec.
func (l *Log) syncFailed(err error) {
	if l.strict() {
		l.exit(err, "Can't persist AOF for fsync error when the AOF fsync policy is 'always': %s. Exiting...", Strerror(err))
		return
	}
	l.syncErr = err
	l.event(Warning, "Fail to fsync the AOF file: %s", Strerror(err))
}

// Distrust says that what is written to the file may not survive, for another reason
// than a failed sync of it: its name is not durable. As after a failed sync, only
// another file helps. The log must be On.
func (l *Log) Distrust(err error) {
	if l.syncErr == nil {
		l.syncErr = err
	}
}

// strict says that commands wait for the point of Always. While the log waits for its
// first rewrite nothing is promised.
func (l *Log) strict() bool {
	return l.state == On && (l.policy == Always || l.syncThrough > l.done)
}

// exit gives the outcome Exit, once.
func (l *Log) exit(err error, format string, args ...any) {
	if l.fatal != nil {
		return
	}
	l.fatal = err
	if l.cfg.Event != nil {
		l.cfg.Event(exitEvent(format, args...))
	}
}

func (l *Log) mayLogError() bool {
	if l.errorLogged && !passed(l.now, l.lastErrorLog, errorLogMillis) {
		return false
	}
	l.errorLogged, l.lastErrorLog = true, l.now
	return true
}

func (l *Log) clearErrors() { l.writeErr, l.syncErr = nil, nil }
