package aof

import (
	"errors"
	"fmt"

	"redisd/internal/vfs"
)

// How a Log gets another file, or none.

// Hold keeps everything appended from now on in the buffer, and SELECTs anew. The
// rewrite-done handler calls it when it takes the last of the difference: what was
// appended before is (or will be) in the new file, what comes after goes to it after
// Switch. What was in flight goes on; Done does not pass the last batch before Hold.
func (l *Log) Hold() {
	if l.held || l.state == Off {
		panic("BUG: aof: Hold twice, or of a log that is off")
	}
	l.endBlock(true)
	l.sums.restart()
	l.seal()
	l.held, l.heldOff, l.heldSeq = true, len(l.buf), l.seq
	l.ForceSelect()
}

// Resume ends a Hold without a Switch: the old file gets what was held.
func (l *Log) Resume() {
	if !l.held {
		return
	}
	l.held, l.parting = false, nil
	if l.state == On {
		return
	}
	// Nobody waits for a file that does not exist yet.
	l.seal()
	l.buf = l.buf[:0]
	l.sums.restart()
	l.advance(l.seq)
}

// Held says whether the Log is between Hold and Switch or Resume.
func (l *Log) Held() bool { return l.held }

// Switch makes f, opened for appending and size bytes long (below zero: ask the file), the
// live file, and the Log On. f holds every command appended before Hold, or before
// now without a Hold. durable says that all of f and its name are on the disk; if
// not, batches that were promised a sync wait for one of f, and the caller has to
// sync the directory before it calls Switch. Later commands start with a SELECT.
// Errors of the old file are forgotten; it goes to Retire as soon as nothing uses it.
// After an error of Switch nothing has changed.
func (l *Log) Switch(f vfs.File, size int64, durable bool) error {
	if l.state == Off {
		panic("BUG: aof: Switch of a log that is off")
	}
	size, err := l.sizeOf(f, size)
	if err != nil {
		return err
	}
	l.seal()
	covered, drop := l.seq, len(l.buf)
	if l.held {
		covered, drop = l.heldSeq, l.heldOff
	}
	l.held = false
	l.buf = append(l.buf[:0], l.buf[drop:]...)
	if cap(l.buf) > keepBuffer && len(l.buf) == 0 {
		l.buf = nil
	}
	if l.writeErr != nil {
		l.event(Warning, "AOF write error looks solved, Redis can write again.")
	}
	old := l.live
	l.state = On
	synced := int64(0)
	if durable {
		synced = size
	}
	l.adopt(f, size, synced)
	l.written, l.fresh = covered, !durable
	if durable {
		l.synced = covered
	}
	if durable || l.syncThrough <= l.done {
		l.advance(covered)
	}
	if old != nil {
		old.retired = true
		l.old = append(l.old, old)
		l.finish(old)
	}
	return nil
}

// Stop makes the Log Off. What is buffered is still written and synced in the
// background, then the file goes to Retire; an error of that is an Event only, and
// Done passes the last batch all the same: the log was switched off.
func (l *Log) Stop() {
	l.Resume()
	l.endBlock(true)
	l.seal()
	lv := l.live
	gathered := l.state == WaitRewrite
	l.state, l.live, l.selected, l.before = Off, nil, -1, 0
	l.clearErrors()
	if lv == nil {
		return
	}
	if gathered {
		l.drop(lv)
		return
	}
	lv.retired, lv.final = true, true
	lv.rest, lv.restSeq = l.buf, l.seq
	l.buf = nil
	l.old = append(l.old, lv)
	l.finish(lv)
}

// ErrHeld is what FlushAndSync returns between Hold and Switch: where the file is
// that counts is being changed.
var ErrHeld = errors.New("aof: the file is being switched")

// FlushAndSync waits for what is in flight, writes what is buffered and syncs,
// whatever the policy. Shutdown calls it. It returns nil when the Log is not On.
func (l *Log) FlushAndSync() error {
	if l.held {
		return ErrHeld
	}
	for len(l.old) > 0 {
		l.wait(l.old[0])
	}
	switch {
	case l.state != On:
		return nil
	case l.fatal != nil:
		return fmt.Errorf("aof: %w", l.fatal)
	}
	lv := l.live
	l.endBlock(true)
	l.seal()
	l.wait(lv)
	if l.fatal == nil && len(l.buf) > 0 {
		res := l.append(lv.file, lv.size, l.buf)
		lv.size += int64(res.kept)
		if res.err != nil {
			expected := len(l.buf)
			l.buf = append(l.buf[:0], l.buf[res.kept:]...)
			l.writeFailed(res, expected)
			return fmt.Errorf("aof: write: %w", res.err)
		}
		l.buf, l.gather = l.buf[:0], gather{}
		l.writeWorked()
	}
	if err := l.Err(); err != nil {
		return fmt.Errorf("aof: %w", err)
	}
	if err := syncFile(lv.file); err != nil {
		l.syncFailed(err)
		return fmt.Errorf("aof: sync: %w", err)
	}
	lv.synced, l.written, l.synced, l.fresh = lv.size, l.seq, l.seq, false
	l.advance(l.seq)
	return nil
}

// Close is FlushAndSync, then waits for old files, closes the file and ends the
// goroutines. The Log is Off and of no further use.
func (l *Log) Close() error {
	l.Resume()
	err := l.FlushAndSync()
	if lv := l.live; lv != nil {
		l.wait(lv)
		lv.retired = true
		l.old = append(l.old, lv)
		l.finish(lv)
	}
	l.state, l.live = Off, nil
	for len(l.old) > 0 {
		l.wait(l.old[0])
	}
	l.writer.stop()
	l.syncer.stop()
	return err
}

// adopt makes f the live file.
func (l *Log) adopt(f vfs.File, size, synced int64) {
	l.live = l.newLive(f, size, synced)
	if len(l.buf) == 0 {
		l.sums.restart() // else it is the start of f, and begins a block
	}
	l.base, l.before = size, 0
	l.clearErrors()
	l.ForceSelect()
	l.slowUntil, l.gather = 0, gather{}
}

func (l *Log) sizeOf(f vfs.File, size int64) (int64, error) {
	if size >= 0 {
		return size, nil
	}
	start := l.micros()
	size, err := f.Size()
	l.sample(LatencyStat, l.micros()-start)
	if err != nil {
		return 0, fmt.Errorf("aof: %w", err)
	}
	return size, nil
}

// wait takes the results of what is in flight for lv, instead of the posted
// functions.
func (l *Log) wait(lv *live) {
	if lv.write.busy {
		<-lv.write.done
		l.writeDone(lv)
	}
	if lv.sync.busy {
		<-lv.sync.done
		l.syncDone(lv)
	}
}

// finish goes on with a file that was given up: its last write, then Retire.
func (l *Log) finish(lv *live) {
	if lv.write.busy || lv.sync.busy {
		return
	}
	if lv.final && (len(lv.rest) > 0 || lv.size > lv.synced) {
		w := &lv.write
		w.busy, w.sync, w.seq, w.good, w.began = true, true, lv.restSeq, lv.size, l.micros()
		w.sample = l.circumstance(lv)
		w.buf, lv.rest, lv.final = lv.rest, nil, false
		l.cfg.WriteQueue(w.run)
		return
	}
	if lv.restSeq > 0 {
		l.advance(lv.restSeq)
	}
	for i, o := range l.old {
		if o == lv {
			l.old = append(l.old[:i], l.old[i+1:]...)
			break
		}
	}
	if l.cfg.Retire != nil {
		l.cfg.Retire(lv.file)
		return
	}
	_ = lv.file.Close() // everything that counts was synced or is in another file
}

// retiredWriteDone takes the result of a write to a file that was given up. After
// Switch it does not matter: the new file has the bytes. After Stop it does.
func (l *Log) retiredWriteDone(lv *live, buf []byte) {
	w := &lv.write
	err := w.res.err
	if err == nil {
		err = w.syncErr
	}
	switch {
	case lv.final && w.res.err != nil:
		// It was in flight at Stop; one more try, together with what came after it.
		lv.rest = append(append([]byte(nil), buf[w.res.kept:]...), lv.rest...)
	case lv.restSeq == 0:
	case w.res.err != nil:
		l.event(Warning, "Error writing to the AOF file: %s", Strerror(err))
	case err != nil:
		l.event(Warning, "Fail to fsync the AOF file: %s", Strerror(err))
	case w.sync:
		lv.synced = lv.size
	}
	l.finish(lv)
}
