package aof

import (
	"errors"
	"io"
	"syscall"

	"redisd/internal/vfs"
)

// live is a file and the work that is going on with it in the background. A Log
// that changes its file leaves the old live to finish what is in flight, so a
// descriptor is never closed under a write or a sync.
//
// The loop owns all fields. While a job is busy its fields belong to the goroutine
// that runs it, until that has sent on done.
type live struct {
	file           vfs.File
	size           int64 // bytes in the file, by account
	synced         int64 // the first so many of them are durable
	retired, final bool  // given up; final: rest must still be written and synced
	rest           []byte
	restSeq        uint64

	write writeJob
	sync  syncJob
}

// writeJob appends buf and, if sync is set, syncs.
type writeJob struct {
	busy     bool
	buf      []byte
	good     int64  // size of the file when the job started
	seq      uint64 // last batch in buf
	sync     bool
	commands int    // in buf
	sample   string // the name that fits the circumstances of the write

	res     writeResult
	syncErr error
	syncUs  int64
	began   int64         // microseconds by Config.Micros
	done    chan struct{} // one token when the job has run
	run     func()
	collect func() // takes the result on the loop
}

// syncJob syncs what is in the file.
type syncJob struct {
	busy    bool
	upTo    int64  // size that the sync covers
	seq     uint64 // last batch in that
	started int64  // milliseconds
	began   int64  // the same by Config.Micros

	err     error
	done    chan struct{}
	run     func()
	collect func()
}

// writeResult is what an append came to.
type writeResult struct {
	written int   // bytes that write(2) took
	kept    int   // bytes of buf that are in the file now
	err     error // of the write
	cutErr  error // of removing an incomplete write
	micros  int64 // of the write
}

func (l *Log) newLive(f vfs.File, size, synced int64) *live {
	lv := &live{file: f, size: size, synced: synced}
	w, s := &lv.write, &lv.sync
	w.done, s.done = make(chan struct{}, 1), make(chan struct{}, 1)
	w.run = func() {
		l.runWrite(lv)
		w.done <- struct{}{}
		l.cfg.Post(w.collect)
	}
	s.run = func() {
		if s.err = l.cfg.Failpoints.Hit("aof-sync"); s.err == nil {
			s.err = syncFile(lv.file)
		}
		s.done <- struct{}{}
		l.cfg.Post(s.collect)
	}
	// A posted collect may find that FlushAndSync was faster.
	w.collect = func() {
		select {
		case <-w.done:
			l.writeDone(lv)
			l.goOnParting()
		default:
		}
	}
	s.collect = func() {
		select {
		case <-s.done:
			l.syncDone(lv)
			l.goOnParting()
		default:
		}
	}
	return lv
}

func (lv *live) syncs() int {
	n := 0
	if lv.sync.busy {
		n++
	}
	if lv.write.busy && lv.write.sync {
		n++
	}
	return n
}

// syncing is how long a sync of the file takes by now, 0 for none.
func (lv *live) syncing(now int64) (micros int64) {
	if lv.sync.busy {
		micros = max(1, now-lv.sync.began)
	}
	if lv.write.busy && lv.write.sync {
		micros = max(1, micros, now-lv.write.began)
	}
	return micros
}

// runWrite is the background part of a writeJob.
func (l *Log) runWrite(lv *live) {
	w := &lv.write
	w.res, w.syncErr, w.syncUs = writeResult{}, nil, 0
	if len(w.buf) > 0 {
		w.res = l.append(lv.file, w.good, w.buf)
	}
	if w.res.err != nil || !w.sync {
		return
	}
	if w.syncErr = l.cfg.Failpoints.Hit("aof-written"); w.syncErr != nil {
		return
	}
	start := l.micros()
	w.syncErr = syncFile(lv.file)
	w.syncUs = l.micros() - start
	if w.syncErr == nil {
		w.syncErr = l.cfg.Failpoints.Hit("aof-synced")
	}
}

// append writes buf at the end of f, whose size is good. If only a part of it got
// in, that part is cut off again; if that fails it stays, and kept says how much of
// it the file really has. Any goroutine.
func (l *Log) append(f vfs.File, good int64, buf []byte) (res writeResult) {
	if res.err = l.cfg.Failpoints.Hit("aof-write"); res.err != nil {
		return res
	}
	start := l.micros()
	for res.written < len(buf) && res.err == nil {
		var n int
		n, res.err = f.Write(buf[res.written:])
		res.written += n
		if n == 0 && res.err == nil {
			res.err = io.ErrShortWrite
		}
	}
	res.micros = l.micros() - start
	if res.written == len(buf) {
		res.kept, res.err = res.written, nil
		return res
	}
	if res.written == 0 {
		return res
	}
	if res.cutErr = f.Truncate(good); res.cutErr == nil {
		return res
	}
	res.kept = res.written
	if size, err := f.Size(); err == nil && size >= good && size <= good+int64(len(buf)) {
		res.kept = int(size - good)
	}
	return res
}

// syncFile is fdatasync, where a file that cannot be synced (a pipe, a device)
// counts as synced.
func syncFile(f vfs.File) error {
	err := f.Sync()
	if errors.Is(err, syscall.EINVAL) {
		return nil
	}
	return err
}

// runner is one background goroutine.
type runner struct{ jobs chan func() }

// More jobs than this can only be queued by switching files faster than the disk
// works.
const runnerQueue = 64

func newRunner() *runner {
	r := &runner{jobs: make(chan func(), runnerQueue)}
	go func() {
		for fn := range r.jobs {
			fn()
		}
	}()
	return r
}

func (r *runner) submit(fn func()) { r.jobs <- fn }

func (r *runner) stop() {
	if r != nil {
		close(r.jobs)
	}
}
