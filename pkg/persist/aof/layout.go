package aof

import (
	"fmt"
	"time"
)

// Layout is how the log lies in a directory.
type Layout uint8

// The layouts.
const (
	// NoLayout: there is no log.
	NoLayout Layout = iota
	// FileLayout: one file, that of Redis up to 6.2.
	FileLayout
	// PartsLayout: a folder with a manifest, that of Redis 7.
	PartsLayout
)

// String returns the word of the directive aof-layout.
func (l Layout) String() string {
	switch l {
	case FileLayout:
		return "file"
	case PartsLayout:
		return "multipart"
	}
	return "none"
}

// Detect says which log of the set's directory counts. The rule is Redis 7's: a
// manifest that lists something, and without one the file. When both are there, the
// manifest does not say that the file is void, and the file was written after
// everything in the folder, then something else than redisd or Redis 7 went on in it,
// and Detect refuses to choose. It blocks. Errors are *LoadError.
func (s *Set) Detect() (Layout, error) {
	info, err := s.fs.Stat(s.FilePath())
	file := err == nil
	if err != nil && !missing(err) {
		return NoLayout, &LoadError{KindOpen, s.FilePath(), 0, fmt.Sprintf("Fatal error: can't open the append log file %s for reading: %s", s.name, Strerror(err)), err}
	}
	switch {
	case !s.m.Listed() && file:
		return FileLayout, nil
	case !s.m.Listed():
		return NoLayout, nil
	case file && !s.m.FileVoid && !s.Upgrading():
		if last, newer := s.olderThan(info.ModTime()); newer {
			err := fmt.Errorf("both %s and the folder %s are there, and the file is newer than %s: move away the one that is not to be loaded", s.name, s.folder, last)
			return NoLayout, &LoadError{KindManifest, s.FilePath(), 0, err.Error(), err}
		}
	}
	return PartsLayout, nil
}

// olderThan says whether everything that the manifest lists was written before t, and
// what was written last.
func (s *Set) olderThan(t time.Time) (last string, older bool) {
	var latest time.Time
	names := []string{s.name + manifestSuffix}
	for _, p := range s.m.Parts() {
		names = append(names, p.Name)
	}
	for _, name := range names {
		if info, err := s.fs.Stat(s.Path(name)); err == nil && (last == "" || info.ModTime().After(latest)) {
			last, latest = name, info.ModTime()
		}
	}
	return last, t.After(latest)
}

// Upgrading says whether the manifest is one that makes the file of the one-file
// layout the base of a new set, and the file has not been moved into the folder yet.
// Redis 7 and Upgrade leave that when they are interrupted.
func (s *Set) Upgrading() bool {
	if s.m.Base == nil || s.m.Base.Name != s.name || len(s.m.Incr) > 0 {
		return false
	}
	if _, err := s.fs.Stat(s.Path(s.name)); err == nil || !missing(err) {
		return false
	}
	_, err := s.fs.Stat(s.FilePath())
	return err == nil
}

// Upgrade makes the file of the one-file layout the base of a set, as Redis 7 does
// when it finds one, and finishes an upgrade that was interrupted. The manifest comes
// first: from then on the file counts as the base, wherever it is. It blocks.
func (s *Set) Upgrade() error {
	if !s.Upgrading() {
		if err := s.MakeFolder(); err != nil {
			return err
		}
		if err := s.sweepOld(); err != nil {
			return err
		}
		m := s.m.Clone()
		m.Base, m.FileVoid = &Part{s.name, 1}, false
		if inForce, err := s.Write(m); err != nil {
			if inForce {
				s.m = m
			}
			return err
		}
		s.m = m
	}
	if err := s.fs.Rename(s.FilePath(), s.Path(s.name)); err != nil {
		return err
	}
	if err := s.fs.SyncDir(s.folder); err != nil {
		return err
	}
	return s.fs.SyncDir(s.root)
}
