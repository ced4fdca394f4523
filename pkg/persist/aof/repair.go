package aof

import (
	"errors"
	"fmt"
	"io"
	"os"

	"redisd/internal/vfs"
)

// What a start does about damage: it is refused, or, if the file ends soon behind it
// and aof-load-corrupt-tail-max-size allows for that, cut off. The bytes are kept.

// damaged is the end of a load at damage found at offset; what counts ends at good.
func (l *loader) damaged(err error, offset, good int64) error {
	text := fmt.Sprintf("Bad file format reading the append only file: make a backup of your AOF file, then use ./redis-check-aof --fix <filename> (file %s, offset %d: %v)",
		l.path, offset, err)
	if l.res.Size-good > l.opts.CorruptTailMax {
		return &LoadError{KindFormat, l.path, offset, text, err}
	}
	l.event(Warning, "!!! Warning: damage at offset %d of the AOF file %s: %v !!!", offset, l.opts.label, err)
	l.cutAt, l.kept = good, fmt.Sprintf("%s.corrupt-%d", l.path, good)
	return nil
}

// verified takes note of a checksum that is right.
func (l *loader) verified() {
	if !l.multi {
		l.valid = l.at
	}
	l.checked, l.block = l.valid, l.at
}

// blame looks for the cause of a command that could not be applied: where the
// checksum of its block is wrong it is damage, and not a command of a newer version.
func (l *loader) blame(f vfs.File, err error) error {
	if l.block < 0 {
		return err
	}
	var refused *LoadError
	if !errors.As(err, &refused) || refused.Kind != KindCommand {
		return err
	}
	var in scanner
	in.reset(io.NewSectionReader(f, l.block, l.res.Size-l.block), l.block, l.res.Size)
	in.sums.on = true
	for {
		_, _, next := in.next()
		var sum *sumError
		if errors.As(next, &sum) {
			return sum
		}
		if next != nil || in.sumEnd {
			return err
		}
	}
}

// repair cuts damage off: first its bytes are safe in another file.
func (l *loader) repair() error {
	name, err := keepTail(l.fs, l.path, l.kept, l.cutAt)
	if err == nil {
		err = cutFile(l.fs, l.path, l.cutAt)
	}
	if err != nil {
		text := fmt.Sprintf("Error cutting damage off the AOF file %s at offset %d: %s", l.opts.label, l.cutAt, Strerror(err))
		return &LoadError{KindRead, l.path, l.cutAt, text, err}
	}
	size := l.res.Size
	l.res.Truncated, l.res.Size = size-l.cutAt, l.cutAt
	l.event(Warning, "!!! The AOF %s was cut off at offset %d. The %d bytes from there to %d are in %s !!!", l.opts.label, l.cutAt, l.res.Truncated, size, name)
	l.event(Warning, "AOF %s loaded anyway because aof-load-corrupt-tail-max-size allows for %d bytes", l.opts.label, l.opts.CorruptTailMax)
	if !l.again {
		return nil
	}
	return &LoadError{KindRepaired, l.path, l.cutAt, "The AOF file was repaired while it was loaded: load it again", errRepaired}
}

var errRepaired = errors.New("repaired: load again")

// keepTail copies what path has from offset on into a new file, durably, and returns
// the name: the one given, or that with a number behind it where it is taken.
func keepTail(fsys vfs.FS, path, name string, from int64) (string, error) {
	in, err := fsys.OpenFile(path, os.O_RDONLY, 0)
	if err != nil {
		return "", err
	}
	defer in.Close() // read only
	size, err := in.Size()
	if err != nil {
		return "", err
	}
	out, name, err := vfs.CreateBeside(fsys, name)
	if err != nil {
		return "", err
	}
	return name, vfs.Fill(fsys, out, vfs.Copying(io.NewSectionReader(in, from, size-from)))
}

// cutFile truncates durably.
func cutFile(fsys vfs.FS, path string, size int64) error {
	f, err := fsys.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	if err = f.Truncate(size); err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	return err
}
