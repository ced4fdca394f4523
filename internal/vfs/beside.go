package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Replacing a file so that nothing of the old one is lost: the new one is whole on the
// disk, and the old one has a further name, before the name changes hands.

// manyBeside is how many names are tried.
const manyBeside = 1000

// CreateBeside creates a file that was not there before, under name or name with a
// number behind it, and returns the name.
func CreateBeside(fsys FS, name string) (File, string, error) {
	free := name
	for i := 1; ; i++ {
		f, err := fsys.OpenFile(free, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o644)
		if err == nil || !errors.Is(err, os.ErrExist) || i > manyBeside {
			return f, free, err
		}
		free = fmt.Sprintf("%s.%d", name, i)
	}
}

// Fill lets write fill f, which CreateBeside made, then syncs and closes it and syncs its
// folder. After an error f is removed.
func Fill(fsys FS, f File, write func(File) error) error {
	err := write(f)
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = fsys.SyncDir(filepath.Dir(f.Name()))
	}
	if err != nil {
		_ = fsys.Remove(f.Name()) // the first error is the one to tell
	}
	return err
}

// Copying makes what Fill takes of a reader.
func Copying(r io.Reader) func(File) error {
	return func(f File) error {
		_, err := io.Copy(f, r)
		return err
	}
}

// ReplaceKeeping puts a new file in the place of old, which is open at path: what write
// writes, with old's owner and mode. old is kept beside, as path.broken or with a number
// behind that; kept is its name, "" if it has none. At every moment path is one of the
// two, whole. With an error and a name both are there, but perhaps not yet durably.
func ReplaceKeeping(fsys FS, old File, path string, write func(File) error) (kept string, err error) {
	name, err := copyBeside(fsys, old, path+".fixed", write)
	if err != nil {
		return "", err
	}
	kept, err = keep(fsys, old, path)
	if err == nil {
		err = fsys.Rename(name, path)
	}
	if err != nil {
		_ = fsys.Remove(name) // the first error is the one to tell
		return "", err
	}
	return kept, fsys.SyncDir(filepath.Dir(path))
}

// copyBeside makes a whole new file that belongs to whom old belongs.
func copyBeside(fsys FS, old File, name string, write func(File) error) (string, error) {
	f, name, err := CreateBeside(fsys, name)
	if err != nil {
		return "", err
	}
	return name, Fill(fsys, f, func(f File) error {
		if err := Imitate(f, old); err != nil {
			return err
		}
		return write(f)
	})
}

// keep gives the file at path a further name, or copies it where there are no links.
func keep(fsys FS, f File, path string) (name string, err error) {
	name = path + ".broken"
	for i := 1; i < manyBeside; i++ {
		if err = fsys.Link(path, name); err == nil {
			return name, fsys.SyncDir(filepath.Dir(path))
		}
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		name = fmt.Sprintf("%s.broken.%d", path, i)
	}
	size, err := f.Size()
	if err != nil {
		return "", err
	}
	return copyBeside(fsys, f, path+".broken", Copying(io.NewSectionReader(f, 0, size)))
}
