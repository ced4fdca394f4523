package server

import (
	"fmt"

	"redisd/pkg/config"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
)

// jobStatus is how the last background jobs went.
type jobStatus struct {
	rewriteOK       bool
	rewriteSeconds  int64 // how long the last one took, -1 for none
	rewriteStarted  int64 // Unix seconds of the running one
	rewriteFailures int   // in a row
	retryMinutes    int64 // how long automatic ones wait after failures
	retry           rest  // that wait; none when the next one that is due begins it
	rewrites        int64
	saveError       string // why the last save failed, for INFO
	rewriteError    string
	lastExit        string // of the last child: "exit 0", "signal 9 SIGKILL"
	fence           string // what keeps the last child in
	cgroup          string // and whether it had a group of its own
	timeouts        int64  // children that the watchdog has ended
	backoff         backoff
	verified        verified
	files           fileSizes
	logAbove        bool // the log is above a limit of its size, and that was told
}

func newJobStatus() jobStatus {
	return jobStatus{rewriteOK: true, rewriteSeconds: -1, lastExit: "none", verified: verified{micros: -1}}
}

// schedule is what waits for the child in progress to end.
type schedule struct {
	save, rewrite bool
	asked         bool // the rewrite is somebody's wish, so it does not wait
}

// options are what both kinds of child are told.
func (b *background) options(role persist.Role) persist.Options {
	s := b.srv
	o := persist.Options{
		Role: role, Dir: s.absDir(),
		Compress: s.cfg.Bool(config.RDBCompression), Checksum: s.cfg.Bool(config.RDBChecksum),
		Preamble:           s.cfg.Bool(config.AOFUseRDBPreamble),
		Verify:             s.cfg.Bool(config.VerifySnapshots),
		Blocks:             s.cfg.Bool(config.AOFChecksum),
		KeySaveDelayMicros: s.cfg.Int(config.RDBKeySaveDelay),
		Aux:                s.auxFields(role),
		Functions:          s.functionCode(),
	}
	incremental := config.RDBSaveIncrementalFsync
	if role == persist.RoleAOF {
		incremental = config.AOFRewriteIncrementalFsync
		if s.cfg.Bool(config.AOFTimestampEnabled) {
			o.TimestampSecs = s.stats.nowSec
		}
	}
	if s.cfg.Bool(incremental) {
		o.SyncEvery = persist.IncrementalSync
	}
	switch {
	case s.ks.LFU():
		o.Attribute = persist.FreqAttribute
	case s.evictsByLRU():
		o.Attribute = persist.IdleAttribute
	}
	for i := range s.ks.Databases() {
		db := s.ks.DB(i)
		o.Databases = append(o.Databases, persist.DBSize{Keys: uint64(db.Len()), Expires: uint64(db.Volatile())})
	}
	return o
}

// evictsByLRU tells whether the times of access belong into the file: Redis
// writes them under an LRU policy only.
func (s *Server) evictsByLRU() bool {
	p := s.cfg.Enum(config.MaxMemoryPolicy)
	return p == config.AllKeysLRU || p == config.VolatileLRU
}

func (s *Server) auxFields(role persist.Role) []persist.Aux {
	base := "0"
	if role == persist.RoleAOF {
		base = "1"
	}
	return []persist.Aux{
		{Key: "redis-ver", Value: RedisVersion}, {Key: "redis-bits", Value: "64"},
		{Key: "ctime", Value: fmt.Sprint(s.stats.nowSec)}, {Key: "used-mem", Value: fmt.Sprint(s.usedMemory())},
		{Key: "aof-base", Value: base},
	}
}

// startSave starts a BGSAVE; the caller made sure that no child lives.
func (b *background) startSave() error {
	s := b.srv
	s.saves.dirtyBefore, s.saves.lastTry = s.saves.dirty, s.stats.nowSec
	b.schedule.save = false
	if err := b.preflight(persist.RoleRDB); err != nil {
		s.saves.ok = false
		b.jobs.saveError = err.Error()
		s.log.Warnf("Can't save in background: %s", err)
		return err
	}
	b.save = persist.NewSaveJob(b.options(persist.RoleRDB))
	b.job = &b.save.Job
	if err := b.start(RoleSave, config.BGSaveCPUList); err != nil {
		b.job, b.save = nil, nil
		s.saves.ok = false
		b.jobs.saveError = err.Error()
		s.log.Warnf("Can't save in background: fork: %s", err)
		return err
	}
	s.saves.started = s.stats.nowSec
	s.log.Noticef("Background saving started by pid %d", b.child.Pid)
	return nil
}

// startDue starts what is scheduled or what a rule asks for, when no child lives.
func (b *background) startDue() {
	s := b.srv
	now := s.stats.nowSec
	s.saves.follow(now)
	waits := b.jobs.backoff.rest.left(now) > 0
	if b.active() || s.life.asked {
		return
	}
	b.warnLogSize()
	switch {
	case b.schedule.rewrite && (b.schedule.asked || !waits && !b.rewriteLimited()):
		if b.startRewrite() != nil {
			b.schedule.rewrite = s.journal.waitsForRewrite()
		}
		return
	case b.schedule.save && s.saves.mayTry(now):
		if b.startSave() != nil {
			b.schedule.save = true
		}
		return
	}
	if waits {
		return
	}
	if s.journal.log.NeedsRewrite() && !b.rewriteLimited() {
		s.log.Warnf("Syncing the AOF failed: only a rewrite into a new file makes it whole again. Starting one.")
		_ = b.startRewrite()
		return
	}
	if p, ok := s.saves.due(s.cfg.SavePoints(), now); ok {
		s.log.Noticef("%d changes in %d seconds. Saving...", p.Changes, p.Seconds)
		_ = b.startSave()
		return
	}
	if b.logTooBig() && !b.rewriteLimited() {
		s.log.Noticef("Starting automatic rewriting of AOF because of its size")
		_ = b.startRewrite()
		return
	}
	if growth, ok := b.rewriteDue(); ok && !b.rewriteLimited() {
		s.log.Noticef("Starting automatic rewriting of AOF on %d%% growth", growth)
		_ = b.startRewrite()
	}
}

// askRewrite is BGREWRITEAOF by a signal; it gives what happened in words.
func (b *background) askRewrite() string {
	if b.active() {
		b.scheduleRewrite()
		return "scheduled"
	}
	if err := b.startRewrite(); err != nil {
		return err.Error()
	}
	return "started"
}

// askSave is BGSAVE SCHEDULE by a signal.
func (b *background) askSave() string {
	if b.active() {
		b.schedule.save = true
		return "scheduled"
	}
	if err := b.startSave(); err != nil {
		return err.Error()
	}
	return "started"
}

const misconfSave = "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk. " +
	"Commands that may modify the data set are disabled, because this instance is configured to report errors during " +
	"writes if RDB snapshotting fails (stop-writes-on-bgsave-error option). Please check the Redis logs for details about the RDB error."

// misconf is why writes are refused now, or "".
func (b *background) misconf() string {
	s := b.srv
	if err := s.journal.log.Err(); err != nil {
		return "MISCONF Errors writing to the AOF file: " + aof.Strerror(err)
	}
	if !s.saves.ok && s.cfg.Bool(config.StopWritesOnBGSaveError) && len(s.cfg.SavePoints()) > 0 {
		return misconfSave
	}
	return s.logFull()
}
