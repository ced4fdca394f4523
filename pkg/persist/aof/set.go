package aof

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"redisd/internal/vfs"
)

// A set on the disk. Every change is a new manifest that replaces the old one by a
// rename; the files that it lists are durable, and so are their names, before it.

// Set is the multi-part log of one directory: where it is, and the manifest that is
// in force there. It belongs to the goroutine of the loop; of the functions that block
// on the disk it is said so, and they may run on another goroutine, one at a time:
// they use nothing that changes.
type Set struct {
	fs     vfs.FS
	root   string // the data directory
	folder string // appenddirname in it
	name   string // appendfilename
	m      *Manifest
}

// OpenSet reads the manifest of the log called name in root/folder, if there is one.
// It blocks. Errors are *LoadError.
func OpenSet(fsys vfs.FS, root, folder, name string) (*Set, error) {
	s := &Set{fs: fsys, root: root, folder: filepath.Join(root, folder), name: name, m: &Manifest{}}
	if _, err := fsys.Stat(s.ManifestPath()); err != nil {
		if missing(err) {
			return s, nil
		}
		return s, &LoadError{KindOpen, s.ManifestPath(), 0, fmt.Sprintf("Fatal error: can't open the AOF manifest file %s for reading: %s", s.ManifestPath(), Strerror(err)), err}
	}
	m, err := ReadManifest(fsys, s.ManifestPath())
	if err != nil {
		return s, err
	}
	s.m = m
	return s, nil
}

// Manifest is the one in force. It must not be changed.
func (s *Set) Manifest() *Manifest { return s.m }

// Adopt takes a manifest that Write has put in force.
func (s *Set) Adopt(m *Manifest) { s.m = m }

// Folder is the path of the parts' directory.
func (s *Set) Folder() string { return s.folder }

// Path is where a part is.
func (s *Set) Path(part string) string { return filepath.Join(s.folder, part) }

// FilePath is where the file of the one-file layout is, or would be.
func (s *Set) FilePath() string { return filepath.Join(s.root, s.name) }

// ManifestPath is where the manifest is.
func (s *Set) ManifestPath() string { return s.Path(s.name + manifestSuffix) }

// TempIncr is the name of the increment that collects commands while the log waits
// for its first rewrite. It is in no manifest.
func (s *Set) TempIncr() string { return "temp-" + s.name + ".incr" }

func (s *Set) tempManifest() string { return s.Path("temp-" + s.name + manifestSuffix) }

// oldManifest is what the manifest is called after a conversion to one file: the list
// of what is to be removed.
func (s *Set) oldManifest() string { return s.ManifestPath() + ".old" }

// MakeFolder creates the folder, durably, in a data directory that is there. It blocks.
func (s *Set) MakeFolder() error {
	if _, err := s.fs.Stat(s.folder); err == nil {
		return nil
	}
	if _, err := s.fs.Stat(s.root); err != nil {
		return err
	}
	if err := s.fs.MkdirAll(s.folder, 0o755); err != nil {
		return err
	}
	return s.fs.SyncDir(s.root)
}

// Create makes a new, empty part and opens it for appending. It blocks.
func (s *Set) Create(part string) (vfs.File, error) {
	return s.fs.OpenFile(s.Path(part), os.O_WRONLY|os.O_APPEND|os.O_CREATE|os.O_TRUNC, 0o644)
}

// OpenPart opens a part that is there for appending, and returns its size. It blocks.
func (s *Set) OpenPart(part string) (vfs.File, int64, error) {
	f, err := s.fs.OpenFile(s.Path(part), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return nil, 0, err
	}
	size, err := f.Size()
	if err != nil {
		_ = f.Close() // the first error is the one to tell
		return nil, 0, err
	}
	return f, size, nil
}

// Write puts m in force on the disk: the names of the parts are made durable, a
// temporary manifest is written and synced, renamed, and the folder synced. inForce
// tells whether the rename was done: then m is what a restart reads, and an error says
// only that a power failure may bring back the former one. Otherwise nothing has
// changed. It blocks.
func (s *Set) Write(m *Manifest) (inForce bool, err error) {
	err = s.fs.SyncDir(s.folder)
	if err != nil {
		return false, fmt.Errorf("aof: syncing the folder %s: %w", s.folder, err)
	}
	temp := s.tempManifest()
	if err = s.writeTemp(temp, m.Append(nil)); err == nil {
		err = s.fs.Rename(temp, s.ManifestPath())
	}
	if err != nil {
		_ = s.fs.Remove(temp) // swept at the next start otherwise
		return false, fmt.Errorf("aof: writing the manifest %s: %w", s.ManifestPath(), err)
	}
	if err = s.fs.SyncDir(s.folder); err != nil {
		return true, fmt.Errorf("aof: syncing the folder %s: %w", s.folder, err)
	}
	return true, nil
}

func (s *Set) writeTemp(path string, text []byte) error {
	f, err := s.fs.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}

// NextIncr returns a manifest with one more increment, for Write, and its name.
func (s *Set) NextIncr() (m *Manifest, incr string) {
	m = s.m.Clone()
	m.newIncr(s.name)
	return m, m.Last()
}

// NextBase returns the manifest of a rewrite that is done: a new base, the former one
// and the increments that it covers in history. rdb says that the base starts with an
// RDB. keep is the number of increments that hold what came after the cut; addIncr
// adds one more.
func (s *Set) NextBase(rdb bool, keep int, addIncr bool) *Manifest {
	m := s.m.Clone()
	m.newBase(s.name, rdb)
	if addIncr {
		m.newIncr(s.name)
		keep++
	}
	m.supersede(keep)
	return m
}

// VoidFile makes m say that the file of the one-file layout does not count, if there
// is one. It blocks.
func (s *Set) VoidFile(m *Manifest) error {
	_, err := s.fs.Stat(s.FilePath())
	switch {
	case err == nil:
		m.FileVoid = true
	case !missing(err):
		return err
	}
	return nil
}

// Garbage returns the names in m's history, and m without them; m itself when there
// is nothing to do.
func (m *Manifest) Garbage() (names []string, rest *Manifest) {
	if len(m.History) == 0 && !m.FileVoid {
		return nil, m
	}
	for _, p := range m.History {
		names = append(names, p.Name)
	}
	rest = m.Clone()
	rest.History, rest.FileVoid = nil, false
	return names, rest
}

// Remove removes parts that no manifest lists. Files that are gone are no error. It
// blocks.
func (s *Set) Remove(parts ...string) error {
	var first error
	for _, p := range parts {
		if err := s.fs.Remove(s.Path(p)); err != nil && !missing(err) && first == nil {
			first = err
		}
	}
	return first
}

// Sweep removes temporary files that an earlier process left, and the parts of a set
// that was converted to one file. Only for the holder of the directory's lock, before
// anything is written. keep leaves the parts (aof-disable-auto-gc). It blocks.
func (s *Set) Sweep(keep bool) error {
	err := errors.Join(s.Remove(s.TempIncr()), s.Remove(filepath.Base(s.tempManifest())))
	if keep || s.m.Listed() {
		return err
	}
	return errors.Join(err, s.sweepOld())
}

// sweepOld removes what the manifest of a converted set lists, and that manifest. No
// other manifest is in force.
func (s *Set) sweepOld() error {
	m, err := ReadManifest(s.fs, s.oldManifest())
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	}
	for _, p := range append(m.Parts(), m.History...) {
		if err := s.Remove(p.Name); err != nil {
			return err
		}
	}
	if err := s.fs.Remove(s.oldManifest()); err != nil {
		return err
	}
	_ = s.fs.Remove(s.folder) // when it is empty
	return nil
}
