package persist

import (
	"errors"
	"fmt"
	"io"
)

// queued is how many frames of entries wait for the writer: enough to keep both
// goroutines busy, little enough to be no memory.
const queued = 8

// errGivenUp ends the reader when the writer has given up; the writer's own error
// is the one that counts.
var errGivenUp = errors.New("persist: the writer has given up")

// demux reads the parent's frames in a goroutine of its own and keeps the pipe
// flowing: entries go to the writer through a bounded channel, differences to
// the spool, parts of large values to their store.
type demux struct {
	in      io.Reader
	spool   *spool
	parts   *partStore
	entries chan []byte   // closed at the snapshot's end, or when err is set
	free    chan []byte   // buffers that come back
	quit    chan struct{} // closed by the writer when it gives up
	done    chan struct{} // closed when run has returned

	end     *tally // set before entries is closed: the snapshot is whole
	ioErr   error  // err came from the spool's file
	err     error  // why run returned; nil after a stop frame. Set before entries and done are closed
	current []byte // rest of the frame that Read hands out
	frame   []byte // the whole of it
}

func newDemux(in io.Reader, s *spool, parts *partStore) *demux {
	return &demux{
		in: in, spool: s, parts: parts,
		entries: make(chan []byte, queued), free: make(chan []byte, queued+2),
		quit: make(chan struct{}), done: make(chan struct{}),
	}
}

// run reads frames until the parent has said everything or the stream breaks.
func (d *demux) run() {
	d.err = d.loop()
	if d.end == nil {
		close(d.entries)
	}
	close(d.done)
}

func (d *demux) loop() error {
	var small []byte
	for {
		buf := small
		if d.end == nil {
			buf = d.buffer()
		}
		t, payload, err := readFrame(d.in, buf)
		if err != nil {
			if errors.Is(err, io.EOF) {
				err = errTruncated
			}
			return err
		}
		switch t {
		case frameEntries:
			if d.end != nil {
				return fmt.Errorf("%w: entries after the snapshot's end", errFrame)
			}
			select {
			case d.entries <- payload:
				continue
			case <-d.quit:
				return errGivenUp
			}
		case frameDiff:
			if err := d.spool.append(payload); err != nil {
				d.ioErr = err
				return err
			}
		case frameLarge, framePart, frameLargeEnd:
			if err := d.largeValue(t, payload); err != nil {
				return err
			}
		case frameSnapshotEnd:
			if err := d.finishSnapshot(payload); err != nil {
				return err
			}
		case frameStopDiff:
			return nil
		default:
			return fmt.Errorf("%w: unknown type %d", errFrame, t)
		}
		if d.end != nil {
			small = payload
		} else {
			d.giveBack(payload)
		}
	}
}

// largeValue gives a frame of a value in parts to the store.
func (d *demux) largeValue(t frameType, payload []byte) (err error) {
	if d.end != nil {
		return fmt.Errorf("%w: a value's part after the snapshot's end", errFrame)
	}
	switch t {
	case frameLarge:
		err = d.parts.begin(payload)
	case framePart:
		err = d.parts.part(payload)
	default:
		err = d.parts.end(payload)
	}
	if err != nil && !errors.Is(err, errFrame) {
		d.ioErr = err
	}
	return err
}

func (d *demux) finishSnapshot(payload []byte) error {
	if d.end != nil {
		return fmt.Errorf("%w: the snapshot ended twice", errFrame)
	}
	if err := d.parts.finish(); err != nil {
		return err
	}
	end, err := parseSnapshotEnd(payload)
	if err != nil {
		return err
	}
	d.end = end
	close(d.entries)
	return nil
}

func (d *demux) buffer() []byte {
	select {
	case b := <-d.free:
		return b
	default:
		return make([]byte, 0, blockSize)
	}
}

func (d *demux) giveBack(b []byte) {
	select {
	case d.free <- b[:0]:
	default:
	}
}

// Read is the record stream, for the writer's decoder. It ends with io.EOF only
// if the parent ended the snapshot.
func (d *demux) Read(p []byte) (int, error) {
	for len(d.current) == 0 {
		if d.frame != nil {
			d.giveBack(d.frame)
			d.frame = nil
		}
		b, ok := <-d.entries
		if !ok {
			if d.end != nil {
				return 0, io.EOF
			}
			return 0, d.err
		}
		d.frame, d.current = b, b
	}
	n := copy(p, d.current)
	d.current = d.current[n:]
	return n, nil
}
