package persist

import (
	"errors"
	"path/filepath"

	"redisd/internal/failpoint"
	"redisd/internal/vfs"
	"redisd/pkg/keyspace"
	"redisd/pkg/persist/rdb"
	"redisd/pkg/persist/value"
)

// errFinished marks a FileSave that has been ended: a second end does nothing.
var errFinished = errors.New("persist: the save has ended")

// FileSave writes the dataset to a file in the process itself, without a child:
// SAVE, SHUTDOWN SAVE, DEBUG RELOAD, and the first append-only file of a daemon
// that starts from an RDB. It is a keyspace.Sink: make one, give it to the
// snapshot, pump that to its end, and call Finish (or Abort). It blocks on the
// disk and belongs to the goroutine that made it.
type FileSave struct {
	fsys vfs.FS
	fail *failpoint.Set
	opts Options
	temp string
	live string
	out  *output
	fmt  format
	view entryView
	err  error // the first error; everything after it does nothing
	line string
	keys uint64
	want *tally // what the file is to hold, nil when that is not verified
}

// SaveConfig says where a FileSave writes.
type SaveConfig struct {
	FS   vfs.FS
	Pid  int            // own process id, for the temporary name
	Name string         // name of the live file in Options.Dir
	Fail *failpoint.Set // nil outside of tests
}

// NewFileSave opens the temporary file. opts.Role chooses between an RDB and an
// append-only file. An error is kept for Finish, so that the caller has one place
// to look at.
func NewFileSave(opts Options, cfg SaveConfig) *FileSave {
	s := &FileSave{fsys: cfg.FS, fail: cfg.Fail, opts: opts, live: filepath.Join(opts.Dir, cfg.Name)}
	open := "Failed opening .rdb for saving"
	s.temp, s.line = TempRDB(opts.Dir, cfg.Pid), "Write error saving DB on disk"
	if opts.Role == RoleAOF {
		open = "Opening the temp file for AOF rewrite in rewriteAppendOnlyFile()"
		s.temp, s.line = TempRewrite(opts.Dir, cfg.Pid), "Write error writing append only file on disk"
	}
	if s.out, s.err = createOutput(cfg.FS, s.temp, opts.SyncEvery); s.err != nil {
		s.line = open
		return s
	}
	s.fmt = newFormat(s.out, &s.opts)
	if opts.Verify {
		sum := newSummer(opts.commands())
		s.fmt, s.want = &summed{s.fmt, []*summer{sum}}, sum.tally
		s.out.verify = newVerifier(cfg.FS, s.temp, &s.opts)
	}
	s.err = s.fmt.begin()
	return s
}

// Entry writes an entry, for keyspace.Cut.
func (s *FileSave) Entry(db int, e keyspace.Entry) {
	if s.err != nil {
		return
	}
	rec := s.view.of(db, e, s.opts.Attribute)
	if rec.Type == rdb.TypeString {
		s.Record(rec)
		return
	}
	s.keys++
	s.opts.delay()
	s.err = s.fmt.value(rec, func(v rdb.Visitor) error { return value.Visit(e, v) })
}

// Record writes one key of database rec.DB whose value is a string.
func (s *FileSave) Record(rec *rdb.Record) {
	if s.err == nil {
		s.keys++
		s.opts.delay()
		s.err = s.fmt.record(rec)
	}
}

// Err is the first error so far: with one there is no point in pumping on.
func (s *FileSave) Err() error { return s.err }

// Keys is the number of keys written.
func (s *FileSave) Keys() uint64 { return s.keys }

// Size is the number of bytes written, valid after Finish.
func (s *FileSave) Size() int64 {
	if s.out == nil {
		return 0
	}
	return s.out.size()
}

// Finish ends the file, syncs it, renames it to its live name and syncs the
// folder. After an error, its own or an earlier one, the live file is the old one
// (except if only the last of these failed) and the temporary file is gone. The
// line is for the log.
func (s *FileSave) Finish() (Line, error) {
	err := s.finish()
	if err == nil {
		return Line{'*', "DB saved on disk"}, nil
	}
	s.Abort()
	return Line{'#', s.line + ": " + reason(err)}, err
}

func (s *FileSave) finish() error {
	if s.err != nil {
		return s.err
	}
	err := s.fmt.end()
	if err == nil && s.want != nil {
		err = s.out.flush()
		s.out.verify.mark(s.out.written, s.want, s.out.trailer)
	}
	if err == nil {
		err = s.out.finish()
	}
	if err == nil {
		err = s.out.verified()
	}
	if err == nil {
		err = s.fail.Hit("save-before-rename")
	}
	if err == nil {
		err = s.out.seal().unbroken(s.fsys, s.temp)
	}
	if err != nil {
		return err
	}
	s.line = "Error moving temp DB file on the final destination"
	if err := s.fsys.Rename(s.temp, s.live); err != nil {
		return err
	}
	s.line = "Error syncing the folder of " + filepath.Base(s.live)
	err = s.fail.Hit("save-renamed")
	if err == nil {
		err = s.fsys.SyncDir(s.opts.Dir)
	}
	if err != nil {
		return err
	}
	s.err = errFinished
	return nil
}

// Abort gives up: the temporary file is removed. After Finish it does nothing.
func (s *FileSave) Abort() {
	if s.err == errFinished {
		return
	}
	s.out.abandon()
	if removeAll(s.fsys, s.temp) != nil {
		_ = removeAll(s.fsys, s.temp)
	}
	s.err = errFinished
}
