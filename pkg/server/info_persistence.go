package server

import (
	"redisd/pkg/persist/aof"
)

func (s *Server) infoPersistence(w *infoWriter) {
	b, now := s.background, s.stats.nowSec
	w.bool("loading", s.load.active)
	// No copy on write: the snapshot is sent, no page is shared with a child.
	w.zeros("async_loading", "current_cow_peak", "current_cow_size", "current_cow_size_age")
	done, total := b.progress()
	w.decimal("current_fork_perc", 100*ratio(done, total), "")
	w.uint("current_save_keys_processed", done)
	w.uint("current_save_keys_total", total)
	w.int("rdb_changes_since_last_save", s.saves.dirty)
	w.bool("rdb_bgsave_in_progress", b.saving())
	w.int("rdb_last_save_time", s.saves.last)
	w.status("rdb_last_bgsave_status", s.saves.ok)
	w.text("rdb_last_bgsave_error", b.jobs.saveError)
	w.int("rdb_last_bgsave_time_sec", s.saves.lastSeconds)
	w.int("rdb_current_bgsave_time_sec", since(b.saving(), now, s.saves.started))
	w.int("rdb_saves", s.saves.count)
	w.zeros("rdb_last_cow_size")
	w.uint("rdb_last_load_keys_expired", s.saves.lastExpired)
	w.uint("rdb_last_load_keys_loaded", s.saves.lastLoaded)
	state := s.journal.log.State()
	w.bool("aof_enabled", state != aof.Off)
	w.text("aof_layout", s.layoutWord())
	w.bool("aof_rewrite_in_progress", b.rewriting())
	w.bool("aof_rewrite_scheduled", b.schedule.rewrite)
	w.int("aof_last_rewrite_time_sec", b.jobs.rewriteSeconds)
	w.int("aof_current_rewrite_time_sec", since(b.rewriting(), now, b.jobs.rewriteStarted))
	w.status("aof_last_bgrewrite_status", b.jobs.rewriteOK)
	w.text("aof_last_bgrewrite_error", b.jobs.rewriteError)
	w.int("aof_rewrites", b.jobs.rewrites)
	w.int("aof_rewrites_consecutive_failures", int64(b.jobs.rewriteFailures))
	w.status("aof_last_write_status", s.journal.log.Err() == nil)
	w.zeros("aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size")
	if state != aof.Off {
		s.infoLog(w)
	}
	s.infoSnapshot(w)
	if s.load.active {
		s.infoLoading(w)
	}
}

// infoLog are the fields that are there while the append-only file is on.
func (s *Server) infoLog(w *infoWriter) {
	l := s.journal.log
	w.int("aof_current_size", l.Size())
	w.int("aof_base_size", l.Base())
	w.bool("aof_pending_rewrite", s.background.schedule.rewrite)
	w.int("aof_buffer_length", l.Buffered())
	diff := int64(0)
	if r := s.background.rewrite; r != nil {
		diff = r.BufferBytes()
	}
	w.int("aof_rewrite_buffer_length", diff)
	w.int("aof_pending_bio_fsync", int64(l.PendingSync()))
	w.int("aof_delayed_fsync", l.DelayedSyncs())
	w.int("aof_unsynced_bytes", l.Unsynced())
}

// infoSnapshot tells of the snapshot in progress, or of the last one.
func (s *Server) infoSnapshot(w *infoWriter) {
	b := s.background
	pending, peak := int64(0), b.snapStat.peak
	if b.job != nil {
		pending, peak = b.job.Pending(), max(peak, b.job.Peak())
	}
	cut := b.snapStat.SnapshotStats
	if b.snap != nil {
		cut = b.snap.Stats()
	}
	w.int("snapshot_pending_bytes", pending)
	w.int("snapshot_pending_peak", peak)
	w.uint("snapshot_barriers", cut.Barriers)
	w.int("snapshot_longest_barrier_usec", cut.LongestBarrier/1000)
	w.uint("snapshot_large_values", cut.Large)
	w.uint("snapshot_parts", cut.Parts)
	w.int("snapshot_longest_slice_usec", b.snapStat.longestSlice/1000)
	w.int("snapshot_rate_bytes_per_sec", int64(b.pace.limit()))
	s.infoVerified(w)
	s.infoBudget(w)
	w.int("child_pid", b.pid())
	w.text("child_last_exit", b.jobs.lastExit)
	s.infoChildren(w)
}

// pid is that of the child that lives, or 0.
func (b *background) pid() int64 {
	if b.child == nil {
		return 0
	}
	return int64(b.child.Pid)
}

// progress is the number of keys that the child in progress has written, and that
// it will write; zeros when there is none.
func (b *background) progress() (done, total uint64) {
	if b.job == nil {
		return 0, 0
	}
	total = b.snapStat.Total
	return min(b.job.Progress().Keys, total), total
}

// since is how many seconds something runs by the date, or -1.
func since(runs bool, now, started int64) int64 {
	if !runs {
		return -1
	}
	return max(0, now-started)
}

func (s *Server) infoLoading(w *infoWriter) {
	l := s.load
	w.int("loading_start_time", l.started)
	w.int("loading_total_bytes", l.total)
	w.int("loading_rdb_used_mem", l.usedMem)
	w.int("loading_loaded_bytes", l.done)
	w.decimal("loading_loaded_perc", l.percent(), "")
	w.int("loading_eta_seconds", l.eta(s.stats.nowSec))
	w.uint("loading_loaded_keys", l.loaded)
}
