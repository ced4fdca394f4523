package rdb

import (
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"redisd/internal/lzf"
)

// The primitives of the encoding: bytes, lengths, strings, scores.

func (d *Decoder) readByte() (byte, error) {
	if err := d.need(1); err != nil {
		return 0, err
	}
	b := d.buf[d.pos]
	d.pos++
	return b, nil
}

// readFixed takes n bytes (at most bufferSize) that stay valid until the next
// call.
func (d *Decoder) readFixed(n int) ([]byte, error) {
	if err := d.need(n); err != nil {
		return nil, err
	}
	b := d.buf[d.pos : d.pos+n : d.pos+n]
	d.pos += n
	return b, nil
}

func (d *Decoder) readMillis() (int64, error) {
	b, err := d.readFixed(8)
	if err != nil {
		return 0, err
	}
	return int64(binary.LittleEndian.Uint64(b)), nil
}

// readLength takes a length; encoded says that it is not one but the number of
// a string encoding.
func (d *Decoder) readLength() (n uint64, encoded bool, err error) {
	first, err := d.readByte()
	if err != nil {
		return 0, false, err
	}
	size := 0
	switch {
	case first&lenMask == len6:
		return uint64(first), false, nil
	case first&lenMask == lenEncoded:
		return uint64(first &^ lenMask), true, nil
	case first&lenMask == len14:
		size = 1
	case first == len32:
		size = 4
	case first == len64:
		size = 8
	default:
		return 0, false, d.corrupt(fmt.Sprintf("Unknown length encoding %d in rdbLoadLen()", first>>6))
	}
	b, err := d.readFixed(size)
	if err != nil {
		return 0, false, err
	}
	switch size {
	case 1:
		n = uint64(first&^lenMask)<<8 | uint64(b[0])
	case 4:
		n = uint64(binary.BigEndian.Uint32(b))
	default:
		n = binary.BigEndian.Uint64(b)
	}
	return n, false, nil
}

// readLen takes a length where no string may stand.
func (d *Decoder) readLen() (uint64, error) {
	n, encoded, err := d.readLength()
	if err == nil && encoded {
		err = d.corrupt(fmt.Sprintf("string encoding %d where a length belongs", n))
	}
	return n, err
}

// readString takes a string. The result lies in the decoder's buffer when it is
// there in one piece as it is, else in *scratch; it is valid until the buffer
// moves, that is until the next thing is read.
func (d *Decoder) readString(scratch *[]byte) ([]byte, error) {
	n, encoded, err := d.readLength()
	if err != nil {
		return nil, err
	}
	if encoded {
		if n == encLZF {
			return d.readPacked(scratch)
		}
		v, err := d.readInt(n)
		if err != nil {
			return nil, err
		}
		*scratch = strconv.AppendInt((*scratch)[:0], v, 10)
		return *scratch, nil
	}
	return d.readBytes(n, scratch)
}

// readBytes takes n bytes as readString does.
func (d *Decoder) readBytes(n uint64, scratch *[]byte) ([]byte, error) {
	if d.beyond(n) {
		return nil, d.short()
	}
	if n <= uint64(d.end-d.pos) || n <= bufferSize {
		return d.readFixed(int(n))
	}
	b, err := d.readFull(*scratch, int(n))
	*scratch = b
	return b, err
}

func (d *Decoder) readInt(encoding uint64) (int64, error) {
	sizes := [...]int{encInt8: 1, encInt16: 2, encInt32: 4}
	if encoding >= uint64(len(sizes)) {
		return 0, d.corrupt(fmt.Sprintf("Unknown RDB string encoding type %d", encoding))
	}
	b, err := d.readFixed(sizes[encoding])
	if err != nil {
		return 0, err
	}
	switch len(b) {
	case 1:
		return int64(int8(b[0])), nil
	case 2:
		return int64(int16(binary.LittleEndian.Uint16(b))), nil
	default:
		return int64(int32(binary.LittleEndian.Uint32(b))), nil
	}
}

// readPacked takes an LZF string. The room for the result is allocated when
// the packed bytes have arrived, and these bound it.
func (d *Decoder) readPacked(scratch *[]byte) ([]byte, error) {
	packedLen, err := d.readLen()
	if err != nil {
		return nil, err
	}
	n, err := d.readLen()
	if err != nil {
		return nil, err
	}
	packed, err := d.readBytes(packedLen, &d.packed)
	if err != nil {
		return nil, err
	}
	if n > uint64(len(packed))*lzf.MaxRatio {
		return nil, d.corrupt("Invalid LZF compressed string")
	}
	if uint64(cap(*scratch)) < n {
		*scratch = make([]byte, n)
	}
	*scratch = (*scratch)[:n]
	if lzf.Decompress(*scratch, packed) != nil {
		return nil, d.corrupt("Invalid LZF compressed string")
	}
	return *scratch, nil
}

// skipString takes a string without looking at it.
func (d *Decoder) skipString() error {
	n, encoded, err := d.readLength()
	if err != nil {
		return err
	}
	switch {
	case !encoded:
		return d.discard(n)
	case n != encLZF:
		_, err = d.readInt(n)
		return err
	}
	if n, err = d.readLen(); err != nil {
		return err
	}
	if _, err = d.readLen(); err != nil {
		return err
	}
	return d.discard(n)
}

// readTextDouble takes a score of a version 1 sorted set: a length byte and
// text, or a length that stands for a value by itself.
func (d *Decoder) readTextDouble() (float64, error) {
	n, err := d.readByte()
	if err != nil {
		return 0, err
	}
	switch n {
	case 253:
		return math.NaN(), nil
	case 254:
		return math.Inf(1), nil
	case 255:
		return math.Inf(-1), nil
	}
	b, err := d.readFixed(int(n))
	if err != nil {
		return 0, err
	}
	f, err := strconv.ParseFloat(string(b), 64)
	if err != nil && !math.IsInf(f, 0) {
		return 0, d.corrupt("score is not a number")
	}
	return f, nil
}

func (d *Decoder) readDouble() (float64, error) {
	b, err := d.readFixed(8)
	if err != nil {
		return 0, err
	}
	return math.Float64frombits(binary.LittleEndian.Uint64(b)), nil
}
