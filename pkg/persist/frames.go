package persist

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// frameType is the first byte of a frame. Zero is no frame, so that a pipe of
// zeros is noticed.
type frameType uint8

const (
	frameHeader      frameType = 1
	frameEntries     frameType = 2
	frameDiff        frameType = 3
	frameSnapshotEnd frameType = 4
	frameStopDiff    frameType = 5
	frameLarge       frameType = 6
	framePart        frameType = 7
	frameLargeEnd    frameType = 8

	frameProgress    frameType = 16
	frameNote        frameType = 17
	frameReport      frameType = 18
	framePulse       frameType = 19
	frameFence       frameType = 20
	frameStopRequest frameType = '!'
)

const (
	frameHead = 5
	// maxPayload is far above what either side sends (one block): a longer
	// frame means that the stream is not one of ours.
	maxPayload = 16 << 20
)

var (
	errTruncated = errors.New("persist: the stream ended in the middle")
	errFrame     = errors.New("persist: malformed frame")
)

// appendFrame appends a whole frame.
func appendFrame(dst []byte, t frameType, payload []byte) []byte {
	return append(appendFrameHead(dst, t, len(payload)), payload...)
}

func appendFrameHead(dst []byte, t frameType, n int) []byte {
	return binary.LittleEndian.AppendUint32(append(dst, byte(t)), uint32(n))
}

// readFrame reads the next frame; the payload uses buf's storage when it fits.
// At the end of the stream between two frames the error is io.EOF.
func readFrame(r io.Reader, buf []byte) (frameType, []byte, error) {
	var head [frameHead]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) {
			err = errTruncated
		}
		return 0, buf, err
	}
	n := binary.LittleEndian.Uint32(head[1:])
	if n > maxPayload {
		return 0, buf, fmt.Errorf("%w: %d bytes in one of type %d", errFrame, n, head[0])
	}
	if uint32(cap(buf)) < n {
		buf = make([]byte, max(n, blockSize))
	}
	buf = buf[:n]
	if _, err := io.ReadFull(r, buf); err != nil {
		if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
			err = errTruncated
		}
		return 0, buf, err
	}
	return frameType(head[0]), buf, nil
}

// fields takes fixed fields from a payload one after the other; a payload that
// is too short sets bad and gives zeros.
type fields struct {
	p   []byte
	bad bool
}

func (f *fields) take(n int) []byte {
	if n < 0 || len(f.p) < n {
		f.bad, f.p = true, nil
		return nil
	}
	b := f.p[:n]
	f.p = f.p[n:]
	return b
}

func (f *fields) u8() uint8 {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (f *fields) u32() uint32 {
	if b := f.take(4); b != nil {
		return binary.LittleEndian.Uint32(b)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if b := f.take(8); b != nil {
		return binary.LittleEndian.Uint64(b)
	}
	return 0
}

func (f *fields) text() string { return string(f.take(int(f.u32()))) }

func appendText(dst []byte, s string) []byte {
	return append(binary.LittleEndian.AppendUint32(dst, uint32(len(s))), s...)
}

// appendEnd encodes what the parent counted as the payload of the snapshot's end; the
// child must have found the same.
func (t *tally) appendEnd(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, t.total)
	n := 0
	for _, k := range t.keys {
		if k > 0 {
			n++
		}
	}
	dst = binary.LittleEndian.AppendUint32(dst, uint32(n))
	for db, k := range t.keys {
		if k > 0 {
			dst = binary.LittleEndian.AppendUint32(dst, uint32(db))
			dst = binary.LittleEndian.AppendUint64(dst, k)
			dst = binary.LittleEndian.AppendUint64(dst, at(t.sums, db))
		}
	}
	return dst
}

func parseSnapshotEnd(p []byte) (*tally, error) {
	f := fields{p: p}
	t := &tally{total: f.u64()}
	for n := f.u32(); n > 0 && !f.bad; n-- {
		db, k, sum := f.u32(), f.u64(), f.u64()
		if db >= maxDatabases {
			return nil, fmt.Errorf("%w: database %d at the snapshot's end", errFrame, db)
		}
		t.at(int(db))
		t.keys[db], t.sums[db] = k, sum
	}
	if f.bad || len(f.p) > 0 {
		return nil, fmt.Errorf("%w: snapshot end of %d bytes", errFrame, len(p))
	}
	return t, nil
}

// Progress is how far the child is.
type Progress struct {
	Keys  uint64 // keys written
	Bytes uint64 // bytes given to the file
}

func (p Progress) append(dst []byte) []byte {
	dst = binary.LittleEndian.AppendUint64(dst, p.Keys)
	return binary.LittleEndian.AppendUint64(dst, p.Bytes)
}

// Report is the last thing a child says. The exit status decides, not the
// report: it only explains.
type Report struct {
	OK        bool
	Keys      uint64 // keys written
	Bytes     uint64 // size of the file
	DiffBytes uint64 // bytes of the difference in it
	// Unverified: it failed because what was read back is not what was to be written.
	Unverified bool
	// VerifyMicros is how long the verification of the file took, beside the writing of
	// it for the most part; 0 when there was none.
	VerifyMicros uint64
	Modified     int64  // when the verified file was written to last, nanoseconds; 0 when it was not verified
	Text         string // what went wrong
}

func (r Report) append(dst []byte) []byte {
	status := byte(1)
	switch {
	case r.OK:
		status = 0
	case r.Unverified:
		status = 2
	}
	dst = append(dst, status)
	dst = Progress{r.Keys, r.Bytes}.append(dst)
	dst = binary.LittleEndian.AppendUint64(dst, r.DiffBytes)
	dst = binary.LittleEndian.AppendUint64(dst, r.VerifyMicros)
	dst = binary.LittleEndian.AppendUint64(dst, uint64(r.Modified))
	return appendText(dst, r.Text)
}

func parseReport(f *fields) Report {
	status := f.u8()
	return Report{
		OK: status == 0, Unverified: status == 2,
		Keys: f.u64(), Bytes: f.u64(), DiffBytes: f.u64(), VerifyMicros: f.u64(), Modified: int64(f.u64()), Text: f.text(),
	}
}
