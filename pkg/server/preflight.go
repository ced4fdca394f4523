package server

import (
	"fmt"
	"path/filepath"

	"redisd/pkg/config"
	"redisd/pkg/persist"
)

// Before a save or a rewrite begins, the disk is asked whether there is room for it: a
// disk that is full in the middle of it hurts the log and everybody else on it.

// fileSizes is what the last files were, to reckon the next one from.
type fileSizes struct {
	cut   uint64 // bytes of data at the cut of the job in progress
	known [persist.RoleAOF + 1]struct{ file, data uint64 }
}

// finished takes the size of a file that a job has written.
func (f *fileSizes) finished(role persist.Role, bytes uint64) {
	if bytes > 0 && f.cut > 0 {
		f.known[role].file, f.known[role].data = bytes, f.cut
	}
}

// smallData is the size of the data below which no file is too big to try.
const smallData = 1 << 20

// estimate reckons how big the file of a job will be: as the last one was for as much
// data; before there is one, as the file in place, or else half of the data. It is no
// more than the data takes in memory, which files hardly ever are.
func (b *background) estimate(role persist.Role) uint64 {
	s := b.srv
	data := s.arena.Used()
	if data < smallData {
		return 0
	}
	if k := b.jobs.files.known[role]; k.file > 0 {
		return uint64(float64(k.file) / float64(k.data) * float64(data))
	}
	last := uint64(max(0, s.journal.log.Base()))
	if role == persist.RoleRDB {
		last = 0
		if info, err := s.opt.FS.Stat(s.cfg.String(config.DBFilename)); err == nil {
			last = uint64(info.Size())
		}
	}
	if last == 0 {
		last = data / 2
	}
	return min(last, data)
}

// noRoomError says that the disk has not the room for a job.
type noRoomError struct {
	dir               string
	need, spare, free uint64
}

func (e *noRoomError) Error() string {
	text := fmt.Sprintf("no room on the disk of %s: needs about %d bytes, %d free", e.dir, e.need, e.free)
	if e.spare > 0 {
		text += fmt.Sprintf(", of which %d must stay (snapshot-min-free-space)", e.spare)
	}
	return text
}

// preflight refuses a job for which the disk has not the room. A file system that does
// not tell what is free refuses nothing.
func (b *background) preflight(role persist.Role) error {
	s := b.srv
	if !s.cfg.Bool(config.SnapshotCheckFreeSpace) {
		return nil
	}
	dir := s.absDir()
	if role == persist.RoleAOF {
		dir = filepath.Dir(filepath.Join(dir, s.aofPath()))
	}
	free, err := s.opt.FS.Free(dir)
	if err != nil {
		s.log.Verbosef("Asking how much is free on the disk of %s: %s", dir, err)
		return nil
	}
	need, spare := b.estimate(role), uint64(s.cfg.Int(config.SnapshotMinFreeSpace))
	if free >= need && free-need >= spare {
		return nil
	}
	return &noRoomError{dir, need, spare, free}
}
