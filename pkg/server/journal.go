package server

import (
	"errors"
	"io/fs"
	"os"
	"time"

	"redisd/internal/vfs"
	"redisd/pkg/bio"
	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/persist/aof"
)

// journal is the append-only file as the server sees it: the live log, and
// during a rewrite the job that collects the difference.
type journal struct {
	srv *Server
	log *aof.Log
	// diff takes each logged command's bytes for the rewrite in progress; nil
	// when there is none, or it needs no difference.
	diff func(frame []byte)
	// parts is the multi-part log of the working directory, or what would be one; live
	// is where the log is that goes on, nil when that is a single file.
	parts, live *aof.Set
	// flushSleep is DEBUG AOF-FLUSH-SLEEP: tests make every flush that slow.
	flushSleep time.Duration
	// alarm brings a turn when the log has waited for writers long enough.
	alarm *event.Alarm
}

func newJournal(s *Server) (*journal, error) {
	j := &journal{srv: s}
	var err error
	if j.alarm, err = event.NewAlarm(s.loop, func() {}); err != nil {
		return nil, err
	}
	j.log = aof.New(aof.Config{
		Policy:          s.fsyncPolicy(),
		NoSyncOnRewrite: s.cfg.Bool(config.NoAppendFsyncOnRewrite),
		Checksums:       s.cfg.Bool(config.AOFChecksum),
		Post:            s.loop.Post,
		Retire:          func(f vfs.File) { s.bio.Submit(bio.CloseFile, func() { f.Close() }) },
		Event:           s.onLogEvent,
		Latency:         func(name string, micros int64) { s.latency.add(name, micros*1000) },
		Micros:          s.exec.watch.Micros,
		Seconds:         func() int64 { return s.stats.nowSec },
		Alarm:           j.wakeAfter,
		Failpoints:      s.opt.Failpoints,
	})
	return j, nil
}

// wakeAfter has the loop come to its beforeSleep, which flushes, in so many microseconds.
func (j *journal) wakeAfter(micros int64) {
	if err := j.alarm.Set(micros * 1000); err != nil {
		j.srv.loop.Busy() // no sleep until the time is over
	}
}

// fsyncPolicy is appendfsync as the log knows it.
func (s *Server) fsyncPolicy() aof.Policy {
	switch s.cfg.Enum(config.AppendFsync) {
	case config.FsyncAlways:
		return aof.Always
	case config.FsyncNo:
		return aof.No
	default:
		return aof.Everysec
	}
}

// onLogEvent writes a line of the log's to the server's, and ends the process
// when a promise cannot be kept any more.
func (s *Server) onLogEvent(e aof.Event) {
	switch e.Level {
	case aof.Debug:
		s.log.Tracef("%s", e.Text)
	case aof.Verbose:
		s.log.Verbosef("%s", e.Text)
	case aof.Notice:
		s.log.Noticef("%s", e.Text)
	default:
		s.log.Warnf("%s", e.Text)
	}
	if e.Exit {
		os.Exit(1)
	}
}

// feed logs one command that changed database db. A log that is about to switch
// keeps it, even while it is not on yet: the rewrite takes no more, and the new file
// must get it.
func (j *journal) feed(db int, words [][]byte) {
	if !j.wanted() {
		return
	}
	frame := j.log.AppendCommand(db, words)
	if j.diff != nil {
		j.diff(frame)
	}
}

// wanted tells whether anything takes what is fed.
func (j *journal) wanted() bool {
	return j.diff != nil || j.log.Keeps()
}

// seq is the batch that replies to what was fed so far must wait for; 0 when
// nothing is logged.
func (j *journal) seq() uint64 {
	if j.log.State() != aof.On && !j.log.Held() {
		return 0
	}
	return j.log.Seq()
}

// durable is the last batch that reached its policy's point.
func (j *journal) durable() uint64 { return j.log.Done() }

// safe tells whether a sync has covered the batch seq and those before it.
func (j *journal) safe(seq uint64) bool { return j.log.Synced(seq) }

func (j *journal) cron(now int64)        { j.log.Cron(now) }
func (j *journal) on() bool              { return j.log.State() == aof.On }
func (j *journal) off() bool             { return j.log.State() == aof.Off }
func (j *journal) waitsForRewrite() bool { return j.log.State() == aof.WaitRewrite }
func (j *journal) flushAndSync() error   { return j.log.FlushAndSync() }

// flush moves the open batch on, before the loop sleeps; now is in milliseconds.
func (j *journal) flush(now int64) {
	if j.flushSleep > 0 && j.log.Buffered() > 0 {
		time.Sleep(j.flushSleep)
	}
	j.log.Flush(now)
}

// aofPath is where the log is, in the working directory.
func (s *Server) aofPath() string { return s.cfg.String(config.AppendFilename) }

// exists tells whether a file is there and not empty.
func (s *Server) exists(path string) (bool, error) {
	info, err := s.opt.FS.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return info.Size() > 0, nil
}
