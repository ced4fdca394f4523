package persist

import (
	"errors"
	"os"
	"strings"
	"syscall"

	"redisd/internal/crc64"
	"redisd/internal/vfs"
	"redisd/pkg/persist/aof"
)

const (
	// flushSize is how much is buffered before a write: fewer system calls
	// make nothing faster.
	flushSize = 256 << 10
	// keepSize is the largest buffer kept after a flush, so that one huge value
	// does not stay in memory to the end.
	keepSize = 4 << 20
)

// output is a temporary file that is written from start to end. Encoders append
// to buf and call added; the first error stays and ends everything.
type output struct {
	f         vfs.File
	buf       []byte
	written   int64 // bytes given to the file
	synced    int64 // of these, before the last incremental sync
	syncEvery int64
	sum       bool      // crc follows what is written
	crc       uint64    // of what was written while sum was set
	trailer   uint64    // the checksum that an RDB in it ends with, 0 for none
	verify    *verifier // reads back what was written, nil when nobody does

	blocks aof.Sums // makes the checksums of an append-only file
	summed int      // buf[:summed] was given to blocks
}

func createOutput(fsys vfs.FS, name string, syncEvery int64) (*output, error) {
	f, err := fsys.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	return &output{f: f, buf: make([]byte, 0, flushSize+flushSize/4), syncEvery: syncEvery}, nil
}

// size is the size of the file when everything appended is written.
func (o *output) size() int64 { return o.written + int64(len(o.buf)) }

// added flushes when enough has been appended.
func (o *output) added() error {
	if len(o.buf) < flushSize {
		return nil
	}
	return o.flush()
}

// flush gives the buffer to the file, and syncs it once in a while: one sync of
// everything at the end would be a flush that stalls every other writer of the
// disk, the append-only file before all.
func (o *output) flush() error {
	if o.sum {
		o.crc = crc64.Update(o.crc, o.buf)
	}
	o.blocks.Add(o.buf[o.summed:])
	o.summed = 0
	off := o.written
	n, err := o.f.Write(o.buf)
	o.written += int64(n)
	if err != nil {
		return err
	}
	if o.verify != nil {
		o.verify.wrote(off, o.buf)
		if err := o.verify.failed(); err != nil {
			return err
		}
	}
	if o.buf = o.buf[:0]; cap(o.buf) > keepSize {
		o.buf = make([]byte, 0, flushSize+flushSize/4)
	}
	if o.syncEvery > 0 && o.written-o.synced >= o.syncEvery {
		return o.sync()
	}
	return nil
}

// sync makes what was written durable, and lets it be read back.
func (o *output) sync() error {
	if err := o.f.Sync(); err != nil {
		return err
	}
	o.synced = o.written
	if o.verify != nil {
		o.verify.synced(o.written)
	}
	return nil
}

// finish writes the rest and makes it durable. The file is closed in any case. What
// is left to verify is verified's.
func (o *output) finish() error {
	err := o.flush()
	if err == nil {
		err = o.f.Sync()
	}
	if cerr := o.f.Close(); err == nil {
		err = cerr
	}
	o.f = nil
	return err
}

// verified waits until the file, which was finished, was read back and found to be what
// was written.
func (o *output) verified() error {
	if o.verify == nil {
		return nil
	}
	return o.verify.finish(o.written)
}

// seal is that of the verified file, none when it was not verified.
func (o *output) seal() seal {
	if o.verify == nil {
		return seal{}
	}
	return o.verify.seal
}

// abandon closes the file if it is open, and ends its verification. Its name is the caller's to remove.
func (o *output) abandon() {
	if o == nil {
		return
	}
	o.verify.stop()
	if o.f != nil {
		_ = o.f.Close()
		o.f = nil
	}
}

// reason is the cause of err in the words of strerror(3), as Redis's log lines
// end. Go's texts are the C library's in lower case.
func reason(err error) string {
	var errno syscall.Errno
	if !errors.As(err, &errno) {
		return err.Error()
	}
	text := errno.Error()
	return strings.ToUpper(text[:1]) + text[1:]
}
