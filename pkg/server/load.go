package server

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"redisd/internal/vfs"
	"redisd/pkg/config"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
	"redisd/pkg/persist/rdb"
)

// loading is the state of a load in progress, for INFO and LOADING replies.
type loading struct {
	active  bool
	started int64 // Unix seconds
	total   int64 // bytes
	done    int64 // bytes
	served  int64 // microseconds by the stopwatch when clients were last served
	told    int64 // Unix seconds of the last line to the service manager
	logged  int64 // Unix seconds of the last line of progress in the log
	usedMem int64 // what the writer of the RDB had in use, as the file tells, bytes
	expired uint64
	loaded  uint64
	empty   uint64 // keys without a value that were left out
	loads   int64
	caller  *client // whose command loads, nil at start
	closed  bool    // nobody can be let in: the command is one of a script
}

// errInterrupted ends a load because the daemon is to end.
var errInterrupted = errors.New("loading was interrupted by a shutdown")

// lockName is the file in dir that a running daemon holds a lock on. It stays when
// the daemon ends: removing it would race with the next one.
const lockName = aof.LockName

// lockDir takes the working directory for this daemon alone.
func (s *Server) lockDir() error {
	err := s.takeLock()
	if errors.Is(err, vfs.ErrLocked) {
		return fmt.Errorf("the directory %s belongs to another redisd that is running: two daemons would overwrite each other's files", s.absDir())
	}
	if err != nil {
		return fmt.Errorf("can't lock the directory %s: %w", s.absDir(), err)
	}
	stale, err := persist.SweepStale(s.opt.FS, ".")
	if err != nil {
		s.log.Warnf("Removing temporary files of an earlier run: %s", err)
	}
	for _, name := range stale {
		s.log.Noticef("Removed %s, left by an earlier run", name)
	}
	return nil
}

// takeLock locks the working directory, unless this process holds its lock already.
// No lock is given back before the process ends: the live log may be in any
// directory that was the working one.
func (s *Server) takeLock() error {
	if file, err := s.opt.FS.Stat(lockName); err == nil {
		for _, l := range s.life.locks {
			if os.SameFile(l.file, file) {
				s.life.dir = s.absDir()
				return nil
			}
		}
	}
	held, err := s.opt.FS.Lock(lockName)
	if err != nil {
		return err
	}
	file, err := s.opt.FS.Stat(lockName)
	if err != nil {
		return errors.Join(err, held.Close())
	}
	s.life.locks, s.life.dir = append(s.life.locks, dirLock{held, file}), s.absDir()
	return nil
}

// loadAtStart brings the data into memory: the append-only file when it is on,
// else the RDB. With the AOF on and none there, the RDB is loaded: nothing is
// dropped silently, and the log starts with that data.
func (s *Server) loadAtStart() error {
	start := s.exec.watch.Micros()
	took := func() float64 { return float64(s.exec.watch.Micros()-start) / 1e6 }
	if err := s.openParts(); err != nil {
		return s.loadFailed(err)
	}
	if !s.cfg.Bool(config.AppendOnly) {
		if layout, err := s.journal.parts.Detect(); err == nil {
			if err := s.keepLayout(layout); err != nil {
				return err
			}
		}
		found, err := s.loadRDBFile(s.cfg.String(config.DBFilename))
		if err != nil {
			return s.loadFailed(err)
		}
		if found {
			s.log.Noticef("DB loaded from disk: %.3f seconds", took())
		}
		return nil
	}
	found, err := s.loadAnyAOF()
	if err != nil {
		return s.loadFailed(err)
	}
	if found {
		s.log.Noticef("DB loaded from append only file: %.3f seconds", took())
		s.warnOfHiddenRDB()
		return s.startLog(false)
	}
	found, err = s.loadRDBFile(s.cfg.String(config.DBFilename))
	if err != nil {
		return s.loadFailed(err)
	}
	if found {
		s.log.Noticef("DB loaded from disk: %.3f seconds. There was no append only file: it starts with this data.", took())
	}
	return s.startLog(found)
}

// warnOfHiddenRDB tells that an RDB is there while the log is empty. The log wins:
// an empty one is also what a rewrite of an empty dataset leaves, and then the RDB
// would bring back what was deleted.
func (s *Server) warnOfHiddenRDB() {
	name := s.cfg.String(config.DBFilename)
	log, err := s.exists(s.aofPath())
	if err != nil || log {
		return
	}
	if there, err := s.exists(name); err == nil && there {
		s.log.Warnf("The append only file %s is empty, so the dataset is empty, although %s is not. If the RDB holds the data, stop, remove the empty file and start again.", s.aofPath(), name)
	}
}

func (s *Server) loadFailed(err error) error {
	if s.life.over {
		return nil
	}
	var le *aof.LoadError
	if errors.As(err, &le) && le.Text != "" {
		if le.Kind == aof.KindPreamble {
			return fmt.Errorf("%s (redis-check-aof %s tells more)", le.Text, le.Path)
		}
		return errors.New(le.Text)
	}
	return fmt.Errorf("Fatal error loading the DB, check server logs. Exiting. %w", err)
}

// replay runs a log's commands, size bytes of them, with the state of a load around it.
func (s *Server) replay(size int64, load func(aof.LoadOptions) (aof.LoadResult, error)) (err error) {
	s.beginLoad(size)
	defer s.endLoad()
	defer s.outOfMemory(s.aofPath(), &err)
	err = s.replayOnce(load)
	var le *aof.LoadError
	if errors.As(err, &le) && le.Kind == aof.KindRepaired {
		s.ks.FlushAll(false)
		err = s.replayOnce(load)
	}
	return err
}

func (s *Server) replayOnce(load func(aof.LoadOptions) (aof.LoadResult, error)) error {
	r := s.newReplayer()
	_, err := load(aof.LoadOptions{
		Exec: r.exec, Ahead: &nextCommands{r: r}, AllowTruncated: s.cfg.Bool(config.AOFLoadTruncated),
		CorruptTailMax: s.cfg.Int(config.AOFLoadCorruptTailMaxSize),
		Progress:       s.loadProgress, Event: s.onLogEvent, Micros: s.exec.watch.Micros,
		Preamble: func(in io.Reader, size int64) (int64, error) {
			s.log.Noticef("Reading RDB base file on AOF loading...")
			res, err := rdb.LoadAhead(in, s.rdbOptions(size, r), r)
			return res.Consumed, err
		},
	})
	return err
}

// outOfMemory makes an error of a load that there was no memory for. To be deferred.
func (s *Server) outOfMemory(path string, err *error) {
	switch r := recover().(type) {
	case nil:
	case *mem.OutOfMemory:
		*err = fmt.Errorf("%s: the memory does not suffice, after %d of %d MB: %w", path, s.load.done>>20, s.load.total>>20, r)
	default:
		panic(r)
	}
}

func (s *Server) rdbOptions(size int64, r *replayer) rdb.Options {
	return rdb.Options{
		Checksum: s.cfg.Bool(config.RDBChecksum) && !s.exec.ctx.SkipChecksums, Size: size, Progress: s.loadProgress,
		IgnoreModuleAux: true, Scrutiny: r.checks, Hash: s.ks.Hasher(), Warm: r.warmKeys,
	}
}

// loadRDBFile loads an RDB; false when there is none.
func (s *Server) loadRDBFile(path string) (bool, error) {
	r := s.newReplayer()
	return s.loadRDB(path, r, r)
}

// loadRDB gives what an RDB holds to h, which is r or leads to it; false when there is
// no file.
func (s *Server) loadRDB(path string, r *replayer, h rdb.Handler) (found bool, err error) {
	f, err := s.opt.FS.OpenFile(path, os.O_RDONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return false, err
	}
	s.beginLoad(size)
	defer s.endLoad()
	defer s.outOfMemory(path, &err)
	res, err := rdb.LoadAhead(f, s.rdbOptions(size, r), h)
	if err != nil {
		return false, fmt.Errorf("%s: %w (redis-check-rdb %s tells more)", path, err, path)
	}
	if res.Checksum == rdb.ChecksumDisabled {
		s.log.Noticef("RDB file was saved with checksum disabled: no check performed.")
	}
	s.saves.lastLoaded, s.saves.lastExpired = s.load.loaded, s.load.expired
	s.doneLoadingRDB()
	return true, nil
}

func (s *Server) doneLoadingRDB() {
	empty := ""
	if s.load.empty > 0 {
		empty = fmt.Sprintf(", empty keys skipped: %d", s.load.empty)
	}
	s.log.Noticef("Done loading RDB, keys loaded: %d, keys expired: %d%s.", s.load.loaded, s.load.expired, empty)
}

func (s *Server) beginLoad(total int64) {
	s.loop.UpdateTime()
	s.afterSleep()
	now := s.stats.nowSec
	*s.load = loading{active: true, started: now, logged: now, total: total, loads: s.load.loads + 1}
	s.ks.SetExpiry(keyspace.ExpiryIgnored)
	if x := s.exec; x.client != nil {
		s.load.caller, s.load.closed = x.owner, x.client != x.owner
		if !s.load.closed {
			s.shield(x.owner)
		}
	}
}

func (s *Server) endLoad() {
	s.load.active = false
	if !s.load.closed {
		s.unshield(s.load.caller)
	}
	s.load.caller = nil
	s.ks.SetExpiry(keyspace.ExpiryDeletes)
	s.loop.UpdateTime()
	s.afterSleep()
}

// logLoadEvery is the seconds between two lines of progress in the log.
const logLoadEvery = 5

// lineDue tells whether it is time for a line of progress in the log.
func (l *loading) lineDue(now int64) bool {
	if now-l.logged < logLoadEvery {
		return false
	}
	l.logged = now
	return true
}

// eta is the seconds that are left at the rate so far; 1 until there is something to
// reckon with.
func (l *loading) eta(now int64) int64 {
	elapsed := now - l.started
	if elapsed <= 0 {
		return 1
	}
	return elapsed * max(0, l.total-l.done) / (l.done + 1)
}

// percent is how much of the file is loaded.
func (l *loading) percent() float64 { return min(100, 100*ratio(uint64(l.done), uint64(l.total))) }

// progress is where the load stands, for people.
func (l *loading) progress(now int64) string {
	return fmt.Sprintf("%.0f%%, %d of %d MB, %d s left", l.percent(), l.done>>20, l.total>>20, l.eta(now))
}

// serveEvery is how often a load lets clients in, in microseconds.
const serveEvery = 10_000

// loadProgress is called by the loaders now and then: clients get their LOADING
// replies, signals are seen, the service manager hears that it goes on.
func (s *Server) loadProgress(offset int64) {
	s.load.done = offset
	now := s.exec.watch.Micros()
	if now-s.load.served < serveEvery {
		return
	}
	s.load.served = now
	s.loop.UpdateTime()
	s.afterSleep()
	if s.load.told != s.stats.nowSec {
		s.load.told = s.stats.nowSec
		s.notifyManager(fmt.Sprintf("STATUS=Loading: %s\nEXTEND_TIMEOUT_USEC=30000000\nWATCHDOG=1\n", s.load.progress(s.stats.nowSec)))
	}
	if s.load.lineDue(s.stats.nowSec) {
		s.log.Noticef("Loading the dataset: %s", s.load.progress(s.stats.nowSec))
	}
	if s.load.closed {
		s.loop.RunPosted()
		return
	}
	s.nested(s.load.caller, func() {
		s.loop.RunPosted()
		_, _ = s.loop.Turn(false) // an error of the poll shows again in Run
	})
}

// slowDown is the test hook key-load-delay: every key takes that long to load, and
// clients are served meanwhile.
func (s *Server) slowDown() {
	if micros := s.cfg.Int(config.KeyLoadDelay); micros > 0 {
		time.Sleep(time.Duration(micros) * time.Microsecond)
		s.loadProgress(s.load.done)
	}
}
