package server

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"redisd/pkg/bio"
	"redisd/pkg/config"
	"redisd/pkg/persist"
	"redisd/pkg/persist/aof"
)

// The layout of the append-only file: which one the working directory has, what a new
// one gets, how the log is loaded and opened at start.

// appendDir is the folder of the multi-part layout.
func (s *Server) appendDir() string { return s.cfg.String(config.AppendDirname) }

// openParts reads the manifest in the working directory, if there is one, at start and
// when dir has changed. The manifest of the live log is in memory already.
func (s *Server) openParts() error {
	root := s.absDir()
	if live := s.journal.live; live != nil && live.Folder() == filepath.Join(root, s.appendDir()) {
		s.journal.parts = live
		return nil
	}
	set, err := aof.OpenSet(s.opt.FS, root, s.appendDir(), s.aofPath())
	if err != nil {
		return err
	}
	s.journal.parts = set
	return nil
}

// wantedLayout is what the next rewrite writes.
func (s *Server) wantedLayout() aof.Layout {
	if s.cfg.Enum(config.AOFLayout) == config.LayoutParts {
		return aof.PartsLayout
	}
	return aof.FileLayout
}

// layoutWord is the layout for INFO: that of the live log, or the next one's.
func (s *Server) layoutWord() string {
	switch {
	case !s.journal.on():
		return s.wantedLayout().String()
	case s.journal.live != nil:
		return aof.PartsLayout.String()
	}
	return aof.FileLayout.String()
}

// keepLayout makes the directive say what the directory has, whatever the
// configuration said: it is for new directories.
func (s *Server) keepLayout(l aof.Layout) error {
	if l == aof.NoLayout || l == s.wantedLayout() {
		return nil
	}
	s.log.Noticef("The append only file lies in the %s layout and keeps it (aof-layout %s is for new directories; CONFIG SET aof-layout converts).",
		l, s.wantedLayout())
	return s.cfg.Override(config.AOFLayout, l.String())
}

// loadAnyAOF replays the log of the working directory; false when there is none.
func (s *Server) loadAnyAOF() (found bool, err error) {
	set := s.journal.parts
	layout, err := set.Detect()
	if err != nil || layout == aof.NoLayout {
		return false, err
	}
	if layout == aof.FileLayout {
		info, err := s.opt.FS.Stat(s.aofPath())
		if err != nil {
			return true, err
		}
		return true, s.replay(info.Size(), func(o aof.LoadOptions) (aof.LoadResult, error) {
			return aof.Load(s.opt.FS, s.aofPath(), o)
		})
	}
	if set.Upgrading() {
		if err := set.Upgrade(); err != nil {
			return true, fmt.Errorf("Error trying to move the old AOF file %s into dir %s: %s", s.aofPath(), s.appendDir(), aof.Strerror(err))
		}
		s.log.Noticef("Successfully migrated an old-style AOF file (%s) into the AOF directory (%s).", s.aofPath(), s.appendDir())
	}
	return true, s.replay(s.partsSize(set.Manifest().Parts()), func(o aof.LoadOptions) (aof.LoadResult, error) {
		return aof.LoadSet(s.opt.FS, set.Folder(), filepath.Base(set.ManifestPath()), o)
	})
}

// partsSize is how many bytes parts have; those that are not there have none.
func (s *Server) partsSize(parts []aof.Part) (size int64) {
	for _, p := range parts {
		if info, err := s.opt.FS.Stat(s.journal.parts.Path(p.Name)); err == nil {
			size += info.Size()
		}
	}
	return size
}

// startLog opens the log after a load, in the layout that the directory has, or the
// one that is wanted. A dataset that did not come from the log must be in it before it
// counts, or a crash would lose it: then, with seed, it is written first.
func (s *Server) startLog(seed bool) error {
	layout, err := s.journal.parts.Detect()
	if err == nil {
		err = s.keepLayout(layout)
	}
	if err != nil {
		return s.loadFailed(err)
	}
	keep := s.cfg.Bool(config.AOFDisableAutoGC)
	if s.wantedLayout() == aof.PartsLayout {
		err = s.startParts(keep)
	} else {
		err = s.startFile(seed)
	}
	if err != nil {
		return err
	}
	if err := s.journal.parts.Sweep(keep); err != nil {
		s.log.Warnf("Removing files of an earlier append only file: %s", err)
	}
	return nil
}

// startFile opens the log in the one-file layout.
func (s *Server) startFile(seed bool) error {
	name := s.aofPath()
	if seed {
		if err := s.writeNow(persist.RoleAOF, name); err != nil {
			return fmt.Errorf("Can't write the append-only file %s: %w", name, err)
		}
	}
	f, err := s.opt.FS.OpenFile(name, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o644)
	if err == nil {
		if err = s.journal.log.Start(f, -1); err != nil {
			err = errors.Join(err, f.Close())
		}
	}
	if err == nil {
		s.journal.log.SetBase(s.journal.log.Size())
		err = s.opt.FS.SyncDir(".")
	}
	if err != nil {
		return fmt.Errorf("Can't open the append-only file %s: %w", name, err)
	}
	return nil
}

// startParts opens the log in the multi-part layout. Without a manifest the dataset,
// also an empty one, becomes the first base.
func (s *Server) startParts(keep bool) error {
	set := s.journal.parts
	if err := set.MakeFolder(); err != nil {
		return fmt.Errorf("Can't open or create append-only dir %s: %s", s.appendDir(), aof.Strerror(err))
	}
	m := set.Manifest()
	switch {
	case !m.Listed():
		m = set.NextBase(s.cfg.Bool(config.AOFUseRDBPreamble), 0, true)
		if err := s.writeNow(persist.RoleAOF, filepath.Join(s.appendDir(), m.Base.Name)); err != nil {
			return fmt.Errorf("Can't write the append-only file %s: %w", m.Base.Name, err)
		}
		s.log.Noticef("Creating AOF base file %s on server start", m.Base.Name)
	case m.Last() == "":
		m, _ = set.NextIncr()
	}
	if err := s.openIncr(set, m); err != nil {
		return fmt.Errorf("Can't open the append-only file %s: %w", m.Last(), err)
	}
	s.journal.live = set
	base := []aof.Part{}
	if m.Base != nil {
		base = append(base, *m.Base)
	}
	parts := m.Parts()
	s.journal.log.SetBefore(s.partsSize(parts[:len(parts)-1]))
	s.journal.log.SetBase(s.partsSize(base))
	s.tellGarbage(m, keep)
	rest, err := set.Collect(m, keep)
	set.Adopt(rest)
	if err != nil {
		s.log.Warnf("Removing history files: %s", err)
	}
	return nil
}

// openIncr lets the log begin in the last increment of m, which is put in force.
func (s *Server) openIncr(set *aof.Set, m *aof.Manifest) error {
	if m == set.Manifest() {
		f, size, err := set.OpenPart(m.Last())
		if err != nil {
			return err
		}
		s.log.Noticef("Opening AOF incr file %s on server start", m.Last())
		return s.journal.log.Start(f, size)
	}
	f, err := set.Create(m.Last())
	if err != nil {
		return err
	}
	if _, err = set.Write(m); err != nil {
		return errors.Join(err, f.Close())
	}
	set.Adopt(m)
	s.log.Noticef("Creating AOF incr file %s on server start", m.Last())
	return s.journal.log.Start(f, 0)
}

func (s *Server) tellGarbage(m *aof.Manifest, keep bool) {
	if keep {
		return
	}
	for _, p := range m.History {
		s.log.Noticef("Removing the history file %s in the background", p.Name)
	}
}

// changeLayout has a rewrite convert the live log to what aof-layout says now. A log
// that is off is written so when it is turned on.
func (s *Server) changeLayout() error {
	b := s.background
	switch {
	case s.journal.off():
		return nil
	case b.rewriting() && b.plan.into == s.wantedLayout():
		return nil
	case s.journal.on() && !b.rewriting() && s.layoutWord() == s.wantedLayout().String():
		return nil
	}
	if b.active() || s.exec.tx.active {
		b.scheduleRewrite()
		s.log.Noticef("aof-layout was changed: a rewrite is scheduled that converts the append only file.")
		return nil
	}
	if err := b.startRewrite(); err != nil {
		return errors.New("Unable to start the rewrite that converts the AOF. Check server logs.")
	}
	return nil
}

// changeGC removes history files when aof-disable-auto-gc is turned off. A rewrite at
// work does it at its end.
func (s *Server) changeGC() error {
	set := s.journal.parts
	names, rest := set.Manifest().Garbage()
	if s.cfg.Bool(config.AOFDisableAutoGC) || rest == set.Manifest() || s.background.rewriting() {
		return nil
	}
	s.tellGarbage(set.Manifest(), false)
	rest.FileVoid = set.Manifest().FileVoid // the next rewrite's business
	inForce, err := set.Write(rest)
	if inForce {
		set.Adopt(rest)
		s.bio.Submit(bio.CloseFile, func() { _ = set.Remove(names...) }) // what is left only takes room
	}
	if err != nil {
		s.log.Warnf("Removing history files: %s", err)
	}
	return nil
}

// applyTimestamps carries aof-timestamp-enabled out.
func (s *Server) applyTimestamps() error {
	s.journal.log.SetTimestamps(s.cfg.Bool(config.AOFTimestampEnabled))
	return nil
}
