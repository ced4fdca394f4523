package vfs

import (
	"errors"
	"io"
	"os"
)

// Damage is an error for an Injector of writes and syncs that stands for a disk that
// reports success and keeps something else. At a write the bytes written are damaged
// on their way: Off counts from the first of them. At a sync the file is damaged once
// it is synced: Off counts from the start of the file. Nothing is returned to the
// caller but success. A byte that does not exist is left alone.
type Damage struct {
	Off  int64
	Flip byte // bits to flip of the byte at Off
	Cut  bool // everything from Off on is lost instead
}

// Error says what is done.
func (d *Damage) Error() string {
	if d.Cut {
		return "damage: cut"
	}
	return "damage: flipped bits"
}

// write gives what of p reaches the disk.
func (d *Damage) write(p []byte) []byte {
	if d.Off >= int64(len(p)) {
		return p
	}
	p = append([]byte(nil), p...)
	if d.Cut {
		return p[:d.Off]
	}
	p[d.Off] ^= d.Flip
	return p
}

// Apply damages a file that is there.
func (d *Damage) Apply(fsys FS, name string) error {
	f, err := fsys.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	size, err := f.Size()
	switch {
	case err != nil || d.Off >= size:
	case d.Cut:
		err = f.Truncate(d.Off)
	default:
		err = d.flip(f)
	}
	return errors.Join(err, f.Close())
}

func (d *Damage) flip(f File) error {
	var b [1]byte
	if _, err := f.ReadAt(b[:], d.Off); err != nil && err != io.EOF {
		return err
	}
	if _, err := f.Seek(d.Off, io.SeekStart); err != nil {
		return err
	}
	_, err := f.Write([]byte{b[0] ^ d.Flip})
	return err
}
