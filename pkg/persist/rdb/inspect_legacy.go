package rdb

import (
	"encoding/binary"

	"redisd/pkg/ds"
)

// A ziplist: total bytes (4), offset of the last element (4), elements (2;
// 65535 = many), all little endian; the elements, 0xFF. Each element begins with
// the length of the one before it.
const (
	ziplistHeader = 10
	ziplistEnd    = 0xFF
	bigLength     = 0xFE // of the element before: four bytes follow
)

// ziplist checks a whole ziplist and makes a listpack of it, which lies in w.conv.
// With pairs it must hold fields and values, the fields all different, and n counts
// the pairs.
func (w *walker) ziplist(b []byte, pairs bool) (out []byte, n int, ok bool) {
	if len(b) < ziplistHeader+1 || len(b) > ds.LPMaxBytes || b[len(b)-1] != ziplistEnd ||
		uint64(binary.LittleEndian.Uint32(b)) != uint64(len(b)) {
		return nil, 0, false
	}
	w.convert()
	var scratch [24]byte
	body := b[:len(b)-1]
	pos, last, previous := ziplistHeader, ziplistHeader, 0
	for pos < len(body) {
		size, e, ok := ziplistElement(body[pos:], previous)
		if !ok || pairs && n%2 == 0 && !w.seen.add(e.Bytes(&scratch)) {
			return nil, 0, false
		}
		w.conv.AddElem(e)
		last, previous = pos, size
		pos += size
		n++
	}
	if n == 0 {
		last = len(body)
	}
	ok = uint64(binary.LittleEndian.Uint32(b[4:])) == uint64(last) && countMatches(binary.LittleEndian.Uint16(b[8:]), n)
	if pairs {
		ok = ok && n%2 == 0
		n /= 2
	}
	return w.conv.Blob(), n, ok
}

// convert gets ready for another value of an old form.
func (w *walker) convert() {
	w.seen.clear()
	w.conv.Reset()
}

func countMatches(claimed uint16, n int) bool {
	const unknown = 0xFFFF
	return claimed == unknown || int(claimed) == n
}

// ziplistElement takes the element at the start of b and returns its size and what
// it is. previous is the size of the element before it.
func ziplistElement(b []byte, previous int) (size int, e ds.LPElem, ok bool) {
	at := 1
	claimed := uint64(b[0])
	switch b[0] {
	case ziplistEnd:
		return 0, e, false
	case bigLength:
		if len(b) < 5 {
			return 0, e, false
		}
		claimed = uint64(binary.LittleEndian.Uint32(b[1:]))
		at = 5
	}
	if claimed != uint64(previous) {
		return 0, e, false
	}
	head, body, isInt, ok := ziplistEncoding(b[at:])
	if !ok || uint64(at+head)+body > uint64(len(b)) {
		return 0, e, false
	}
	size = at + head + int(body)
	value := b[at+head : size]
	switch {
	case !isInt:
		return size, ds.LPValue(value), true
	case body == 0: // 0 to 12 in the encoding byte itself
		return size, ds.LPElem{Int: int64(b[at]&0x0F) - 1, IsInt: true}, true
	}
	return size, ds.LPElem{Int: littleInt(value), IsInt: true}, true
}

// ziplistEncoding returns the length of the encoding bytes and of the data
// behind them.
func ziplistEncoding(b []byte) (head int, body uint64, isInt, ok bool) {
	if len(b) == 0 {
		return 0, 0, false, false
	}
	c := b[0]
	switch {
	case c < 0x40:
		return 1, uint64(c), false, true
	case c < 0x80:
		if len(b) < 2 {
			return 0, 0, false, false
		}
		return 2, uint64(c&0x3F)<<8 | uint64(b[1]), false, true
	case c == 0x80:
		if len(b) < 5 {
			return 0, 0, false, false
		}
		return 5, uint64(binary.BigEndian.Uint32(b[1:])), false, true
	case c == 0xC0:
		return 1, 2, true, true
	case c == 0xD0:
		return 1, 4, true, true
	case c == 0xE0:
		return 1, 8, true, true
	case c == 0xF0:
		return 1, 3, true, true
	case c == 0xFE:
		return 1, 1, true, true
	case c >= 0xF1 && c <= 0xFD:
		return 1, 0, true, true
	default:
		return 0, 0, false, false
	}
}

// zipmap checks a zipmap and makes a listpack of it, as ziplist does: number of
// pairs (1 byte; 254 = many), then per pair the field's length and bytes, the
// value's length, a byte with the number of unused bytes, the value's bytes and the
// unused ones; 0xFF.
func (w *walker) zipmap(b []byte) (out []byte, n int, ok bool) {
	if len(b) < 2 || len(b) > ds.LPMaxBytes || b[len(b)-1] != 0xFF {
		return nil, 0, false
	}
	w.convert()
	rest := b[1 : len(b)-1]
	for len(rest) > 0 {
		field, tail, ok := zipmapString(rest, 0)
		if !ok || !w.seen.add(field) {
			return nil, 0, false
		}
		w.conv.Add(field)
		value, tail, ok := zipmapString(tail, 1)
		if !ok {
			return nil, 0, false
		}
		w.conv.Add(value)
		rest = tail
		n++
	}
	return w.conv.Blob(), n, n > 0 && (b[0] == 0xFE || int(b[0]) == n)
}

// zipmapString takes a string with its length before it; free is 1 when the
// count of unused bytes stands between the two.
func zipmapString(b []byte, free int) (s, tail []byte, ok bool) {
	if len(b) == 0 {
		return nil, nil, false
	}
	at, n := 1, uint64(b[0])
	switch b[0] {
	case 0xFE:
		if len(b) < 5 {
			return nil, nil, false
		}
		at, n = 5, uint64(binary.LittleEndian.Uint32(b[1:]))
		if n < 0xFE {
			return nil, nil, false
		}
	case 0xFF:
		return nil, nil, false
	}
	unused := uint64(0)
	if free > 0 {
		if len(b) <= at {
			return nil, nil, false
		}
		unused = uint64(b[at])
		at++
	}
	if n+unused > uint64(len(b)-at) {
		return nil, nil, false
	}
	end := at + int(n)
	return b[at:end], b[end+int(unused):], true
}
