package aof

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"redisd/internal/vfs"
)

// redis-check-aof --convert-to: the log of a directory that no server uses goes into
// the other layout. The log is checked first; what is superfluous goes last; started
// again after a crash, the tool goes on.

// ConvertOptions are the names that a server's configuration may have changed.
type ConvertOptions struct {
	Dir, File, Folder string
	To                Layout
}

// usageConvert are the words of the command line.
const usageConvert = "--convert-to file|multipart [--appendfilename NAME] [--appenddirname NAME] <dir>"

// parseConvert reads them, behind the program's name.
func parseConvert(args []string) (o ConvertOptions, ok bool) {
	o = ConvertOptions{File: "appendonly.aof", Folder: "appendonlydir"}
	for len(args) > 1 {
		switch args[0] {
		case "--convert-to":
			switch args[1] {
			case "file":
				o.To = FileLayout
			case "multipart", "directory":
				o.To = PartsLayout
			default:
				return o, false
			}
		case "--appendfilename":
			o.File = args[1]
		case "--appenddirname":
			o.Folder = args[1]
		default:
			return o, false
		}
		args = args[2:]
	}
	if len(args) != 1 || o.To == NoLayout || filepath.Base(o.File) != o.File || filepath.Base(o.Folder) != o.Folder {
		return o, false
	}
	o.Dir = args[0]
	return o, true
}

// convert does it.
func (c *checker) convert(o ConvertOptions) error {
	if info, err := c.env.FS.Stat(o.Dir); err != nil || !info.IsDir() {
		return c.fail("Cannot open directory %s\n", o.Dir)
	}
	lock, err := c.env.FS.Lock(filepath.Join(o.Dir, LockName))
	if err != nil {
		return c.fail("Cannot lock the directory %s, is a server running there? %v\n", o.Dir, err)
	}
	defer lock.Close() // the lock ends with the process anyhow
	set, err := OpenSet(c.env.FS, o.Dir, o.Folder, o.File)
	if err != nil {
		return c.manifestError(err)
	}
	layout, err := set.Detect()
	if err != nil {
		return c.fail("%v\n", err)
	}
	upgrading := layout == PartsLayout && set.Upgrading()
	switch {
	case layout == NoLayout:
		return c.fail("There is no AOF in %s\n", o.Dir)
	case o.To == FileLayout && upgrading:
		// Its file is where it belongs; without the manifest it counts.
		err = c.env.FS.Rename(set.ManifestPath(), set.oldManifest())
		if err == nil {
			err = c.env.FS.SyncDir(set.folder)
		}
		set.m = &Manifest{}
	case o.To == FileLayout && layout == PartsLayout:
		err = c.toFile(set)
	case o.To == PartsLayout && (layout == FileLayout || upgrading):
		err = c.toParts(set, upgrading)
	default:
		c.printf("The AOF in %s is in the %s layout already\n", o.Dir, layout)
	}
	if err == nil && o.To == FileLayout {
		err = set.Sweep(false)
	}
	if err == nil && o.To == PartsLayout {
		set.m, err = set.Collect(set.m, false)
	}
	switch {
	case err == errReported:
		return err
	case err != nil:
		return c.fail("Failed to convert the AOF in %s: %v\n", o.Dir, err)
	}
	c.printf("The AOF in %s is in the %s layout now\n", o.Dir, o.To)
	return nil
}

// LockName is the file in a data directory that a running daemon holds a lock on.
const LockName = vfs.LockName

// toParts moves the file into a folder and makes it the base.
func (c *checker) toParts(set *Set, upgrading bool) error {
	if !upgrading {
		if err := c.whole(set.FilePath(), set.FilePath()); err != nil {
			return err
		}
		// Its data first: the manifest is to name nothing that is not on the disk.
		f, err := c.env.FS.OpenFile(set.FilePath(), os.O_RDWR, 0)
		if err != nil {
			return err
		}
		err = f.Sync()
		if cerr := f.Close(); err == nil {
			err = cerr
		}
		if err != nil {
			return err
		}
	}
	return set.Upgrade()
}

// toFile puts the parts one behind another into a file: a base with an RDB in front,
// and commands.
func (c *checker) toFile(set *Set) error {
	parts := set.m.Parts()
	for _, p := range parts {
		if err := c.whole(p.Name, set.Path(p.Name)); err != nil {
			return err
		}
	}
	conv := IntoFile(set)
	if err := conv.Prepare(); err != nil {
		return err
	}
	temp := filepath.Join(set.root, fmt.Sprintf("temp-rewriteaof-bg-%d.aof", os.Getpid()))
	err := c.concatenate(set, parts, temp)
	if err == nil {
		err = conv.Place(temp)
	}
	done := false
	if err == nil {
		done, err = conv.Commit()
	}
	if !done {
		_ = removeMissing(c.env.FS, temp)
		conv.Undo()
	}
	conv.Adopt(done)
	return err
}

// whole insists that a file has nothing that a start would cut off.
func (c *checker) whole(name, path string) error {
	_, preamble, err := c.kind(path)
	if err != nil {
		return err
	}
	_, err = c.checkFile(name, path, preamble)
	return err
}

// concatenate writes the parts into temp, durably. Each part begins in database 0.
func (c *checker) concatenate(set *Set, parts []Part, temp string) error {
	out, err := c.env.FS.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return err
	}
	for i, p := range parts {
		if i > 0 {
			_, err = out.Write(AppendSelect(nil, 0))
		}
		if err == nil {
			err = copyPart(c.env.FS, out, set.Path(p.Name))
		}
		if err != nil {
			_ = out.Close() // the first error is the one to tell
			return err
		}
	}
	err = out.Sync()
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	return err
}

func copyPart(fsys vfs.FS, out io.Writer, path string) error {
	in, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer in.Close() // read only
	_, err = io.CopyBuffer(out, in, make([]byte, scanBuffer))
	return err
}
