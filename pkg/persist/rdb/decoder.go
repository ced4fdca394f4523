package rdb

import (
	"errors"
	"io"

	"redisd/internal/crc64"
)

const (
	bufferSize = 256 << 10
	// A string that does not fit in the buffer is read in steps of this size,
	// so that a length that lies never makes the decoder allocate more than
	// about twice what really arrived.
	growStep = bufferSize
	// Scratch space above this is given back after the record that needed it.
	keepScratch = 4 << 20
	// maxLength is the largest string length believed at all.
	maxLength = 1 << 40

	progressStep = 2 << 20
)

// Decoder reads the encoding from a stream or from bytes in memory. It owns
// its buffer and reads no more from the source than one buffer ahead. Not for
// concurrent use. The zero Decoder is not usable; see NewDecoder.
type Decoder struct {
	src io.Reader // nil: buf is all there is
	own []byte    // the decoder's own buffer, allocated at the first use
	buf []byte    // bytes in hand: own, or the bytes given to ResetBytes
	pos int       // next byte to take
	end int       // end of the valid bytes
	// base is the offset in the stream of buf[0].
	base int64
	// size is the length of the whole stream when it is known, else -1.
	size int64

	summing bool
	crc     uint64 // of everything before buf[sumPos]
	sumPos  int

	// key and val are where strings go that are not whole in the buffer; packed
	// holds LZF bytes on their way.
	key, val, packed []byte
	// pinned is the key of the record in hand while it still lies in buf: it
	// moves to key before the buffer does.
	pinned []byte

	progress     func(offset int64)
	nextProgress int64

	cur  cursor
	walk *walker // made at the first value that is visited
}

// cursor is what error messages tell about the place.
type cursor struct {
	key     []byte
	inKey   bool
	valType int
}

// NewDecoder returns a Decoder that reads from r. Offsets count from the first
// byte it reads. r may block; no more is asked from it than is needed to go on,
// but what it gives beyond (up to a buffer) is kept: see Read and Buffered.
func NewDecoder(r io.Reader) *Decoder {
	d := new(Decoder)
	d.Reset(r)
	return d
}

// Reset makes the decoder start again on r, keeping its buffers.
func (d *Decoder) Reset(r io.Reader) {
	if d.own == nil {
		d.own = make([]byte, bufferSize)
	}
	d.reset(r, d.own, 0)
}

// ResetBytes makes the decoder start again on b. Strings of records are slices
// of b where they lie there as they are; b is not changed.
func (d *Decoder) ResetBytes(b []byte) { d.reset(nil, b, len(b)) }

func (d *Decoder) reset(r io.Reader, buf []byte, end int) {
	*d = Decoder{
		src: r, own: d.own, buf: buf, end: end, size: -1,
		key: d.key[:0], val: d.val[:0], packed: d.packed[:0],
		cur: cursor{valType: -1}, walk: d.walk,
	}
	if r == nil {
		d.size = int64(end)
	}
}

// SetSize tells how long the whole stream is, in bytes from where the decoder
// started. Lengths that reach beyond it are then refused at once. Negative:
// not known.
func (d *Decoder) SetSize(n int64) { d.size = n }

// Offset is the number of bytes taken so far.
func (d *Decoder) Offset() int64 { return d.base + int64(d.pos) }

// AtMost is a bound for a number n of things that the input claims, each of which
// takes a byte at least: n, or what there can be. It is for making room.
func (d *Decoder) AtMost(n uint64) int {
	most := uint64(bufferSize) // of a stream nobody knows
	if d.size >= 0 {
		most = uint64(max(0, d.size-d.Offset()))
	}
	return int(min(n, most))
}

// Buffered returns what was read from the source and not taken yet. Valid until
// the next call of the decoder.
func (d *Decoder) Buffered() []byte { return d.buf[d.pos:d.end] }

// Read hands out the bytes that follow what was decoded: first those in the
// buffer, then the source's. So whatever comes after an embedded RDB can be
// read on from the decoder as if it were the source.
func (d *Decoder) Read(p []byte) (int, error) {
	if d.pos < d.end {
		n := copy(p, d.buf[d.pos:d.end])
		d.pos += n
		return n, nil
	}
	if d.src == nil {
		return 0, io.EOF
	}
	d.slide()
	n, err := d.src.Read(p)
	d.base += int64(n)
	return n, err
}

// startSum makes the decoder compute the checksum from here on.
func (d *Decoder) startSum(from int) { d.summing, d.crc, d.sumPos = true, 0, from }

// sum returns the checksum of all that was taken since startSum.
func (d *Decoder) sum() uint64 {
	if d.summing {
		d.crc = crc64.Update(d.crc, d.buf[d.sumPos:d.pos])
		d.sumPos = d.pos
	}
	return d.crc
}

// slide drops what was taken from the buffer, after saving what still counts.
func (d *Decoder) slide() {
	d.sum()
	d.unpin()
	n := copy(d.buf, d.buf[d.pos:d.end])
	d.base += int64(d.pos)
	d.pos, d.end, d.sumPos = 0, n, 0
	d.tick()
}

func (d *Decoder) unpin() {
	if d.pinned != nil {
		d.key = append(d.key[:0], d.pinned...)
		d.cur.key = d.key
		d.pinned = nil
	}
}

func (d *Decoder) tick() {
	if d.progress == nil || d.base < d.nextProgress {
		return
	}
	d.nextProgress = (d.base/progressStep + 1) * progressStep
	d.progress(d.base)
}

// need makes n bytes lie at buf[pos:]; n must not exceed bufferSize. Nothing is
// taken when it fails.
func (d *Decoder) need(n int) error {
	if d.end-d.pos >= n {
		return nil
	}
	return d.fill(n)
}

func (d *Decoder) fill(n int) error {
	if d.src == nil {
		return d.short()
	}
	d.slide()
	for idle := 0; d.end < n; {
		m, err := d.src.Read(d.buf[d.end:])
		d.end += m
		if d.end >= n {
			return nil
		}
		if err != nil {
			return d.readError(err)
		}
		if m > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			return d.readError(io.ErrNoProgress)
		}
	}
	return nil
}

// readFull reads n bytes into b's storage, growing it as they arrive. What is
// in the buffer comes first; the rest goes from the source to b directly.
func (d *Decoder) readFull(b []byte, n int) ([]byte, error) {
	start := d.Offset()
	b = append(b[:0], d.buf[d.pos:min(d.end, d.pos+n)]...)
	d.pos += len(b)
	for len(b) < n {
		if d.src == nil {
			return b, d.fail(start, ErrShortRead, reasonShort)
		}
		d.slide()
		step := min(n-len(b), growStep)
		if cap(b)-len(b) < step {
			room := n - len(b) // known to be within the stream
			if d.size < 0 {
				room = min(room, max(growStep, len(b)))
			}
			b = grow(b, room)
		}
		var err error
		if b, err = d.readInto(b, step); err != nil {
			return b, d.wrap(start, err)
		}
	}
	return b, nil
}

// readInto reads n bytes from the source behind b, which has the room. The
// buffer is empty.
func (d *Decoder) readInto(b []byte, n int) ([]byte, error) {
	m, err := io.ReadFull(d.src, b[len(b):len(b)+n])
	got := b[len(b) : len(b)+m]
	if d.summing {
		d.crc = crc64.Update(d.crc, got)
	}
	d.base += int64(m)
	return b[:len(b)+m], err
}

func grow(b []byte, n int) []byte {
	bigger := make([]byte, len(b), len(b)+n)
	copy(bigger, b)
	return bigger
}

// discard takes n bytes without keeping them.
func (d *Decoder) discard(n uint64) error {
	start := d.Offset()
	if d.beyond(n) {
		return d.fail(start, ErrShortRead, reasonShort)
	}
	for n > uint64(d.end-d.pos) {
		n -= uint64(d.end - d.pos)
		d.pos = d.end
		if err := d.fill(1); err != nil {
			return d.wrap(start, err)
		}
	}
	d.pos += int(n)
	return nil
}

// beyond reports whether n more bytes cannot be there.
func (d *Decoder) beyond(n uint64) bool {
	return n > maxLength || d.size >= 0 && int64(n) > d.size-d.Offset()
}

const reasonShort = "Unexpected EOF reading RDB file"

func (d *Decoder) short() error { return d.fail(d.Offset(), ErrShortRead, reasonShort) }

func (d *Decoder) corrupt(reason string) error { return d.fail(d.Offset(), ErrCorrupt, reason) }

// readError turns what the source said into an *Error.
func (d *Decoder) readError(err error) error { return d.wrap(d.Offset(), err) }

func (d *Decoder) wrap(offset int64, err error) error {
	var e *Error
	if errors.As(err, &e) {
		e.Offset = offset
		return e
	}
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return d.fail(offset, ErrShortRead, reasonShort)
	}
	return d.fail(offset, err, err.Error())
}

func (d *Decoder) fail(offset int64, kind error, reason string) error {
	e := &Error{Offset: offset, Type: d.cur.valType, Reason: reason, Err: kind}
	if d.cur.inKey {
		e.Key = append([]byte{}, d.cur.key...)
	}
	return e
}
