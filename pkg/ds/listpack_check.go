// The check of listpacks that come from outside.

package ds

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// ErrListpack is what CheckListpack returns, wrapped with where and why.
var ErrListpack = errors.New("bad listpack")

// CheckListpack tells whether b is a valid listpack, every element and every length in it. A blob that passes can be
// read and changed without surprise. As in Redis a number that is stored as a string is let through: it compares as
// a string.
func CheckListpack(b []byte) error {
	if len(b) < lpEmpty {
		return fmt.Errorf("%w: %d bytes", ErrListpack, len(b))
	}
	if n := binary.LittleEndian.Uint32(b); uint64(n) != uint64(len(b)) {
		return fmt.Errorf("%w: header says %d bytes, it has %d", ErrListpack, n, len(b))
	}
	end := len(b) - 1
	if b[end] != lpEOF {
		return fmt.Errorf("%w: no end mark", ErrListpack)
	}
	count, off := 0, lpHeader
	for ; off < end; count++ {
		next, err := lpCheckElem(b, off, end)
		if err != nil {
			return err
		}
		off = next
	}
	if n := int(binary.LittleEndian.Uint16(b[4:])); n != lpUnknown && n != count {
		return fmt.Errorf("%w: header says %d elements, it has %d", ErrListpack, n, count)
	}
	return nil
}

// lpCheckElem checks the element at off, which must end at or before end, and returns where the next one starts.
func lpCheckElem(b []byte, off, end int) (int, error) {
	h := b[off]
	if h > 0xf4 {
		return 0, fmt.Errorf("%w: code %#x at %d", ErrListpack, h, off)
	}
	// The length of a long string must be there before it can be read.
	if head := lpHeadSize(h); head > end-off {
		return 0, fmt.Errorf("%w: element at %d is cut off", ErrListpack, off)
	}
	n := Listpack(b).size(off)
	back := lpBackSize(n)
	if n+back > end-off {
		return 0, fmt.Errorf("%w: element at %d has %d bytes, %d are left", ErrListpack, off, n+back, end-off)
	}
	var want [lpMaxBackBytes]byte
	lpPutBack(want[:back], n)
	if string(want[:back]) != string(b[off+n:off+n+back]) {
		return 0, fmt.Errorf("%w: length behind the element at %d", ErrListpack, off)
	}
	return off + n + back, nil
}

// lpHeadSize is how many bytes must be readable to know an element's length.
func lpHeadSize(h byte) int {
	switch {
	case h == 0xf0:
		return 5
	case h >= 0xe0 && h < 0xf0:
		return 2
	}
	return 1
}
