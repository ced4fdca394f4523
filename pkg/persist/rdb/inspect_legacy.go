package rdb

import (
	"encoding/binary"
	"strconv"
)

// A ziplist: total bytes (4), offset of the last element (4), elements (2;
// 65535 = many), all little endian; the elements, 0xFF. Each element begins with
// the length of the one before it.
const (
	ziplistHeader = 10
	ziplistEnd    = 0xFF
	bigLength     = 0xFE // of the element before: four bytes follow
)

// ziplistValid checks a whole ziplist. With pairs it must hold fields and
// values, the fields all different.
func ziplistValid(b []byte, pairs bool) (n int, ok bool) {
	if len(b) < ziplistHeader+1 || b[len(b)-1] != ziplistEnd ||
		uint64(binary.LittleEndian.Uint32(b)) != uint64(len(b)) {
		return 0, false
	}
	every := 0
	if pairs {
		every = 2
	}
	members := newUnique(every)
	var scratch [20]byte
	body := b[:len(b)-1]
	pos, last, previous := ziplistHeader, ziplistHeader, 0
	for pos < len(body) {
		size, value, ok := ziplistElement(body[pos:], previous, scratch[:])
		if !ok || !members.add(n, value) {
			return 0, false
		}
		last, previous = pos, size
		pos += size
		n++
	}
	if n == 0 {
		last = len(body)
	}
	ok = uint64(binary.LittleEndian.Uint32(b[4:])) == uint64(last) &&
		countMatches(binary.LittleEndian.Uint16(b[8:]), n) && members.complete(n)
	return n, ok
}

// ziplistElement takes the element at the start of b and returns its size and
// its value as clients see it. previous is the size of the element before it.
func ziplistElement(b []byte, previous int, scratch []byte) (size int, value []byte, ok bool) {
	at := 1
	claimed := uint64(b[0])
	switch b[0] {
	case ziplistEnd:
		return 0, nil, false
	case bigLength:
		if len(b) < 5 {
			return 0, nil, false
		}
		claimed = uint64(binary.LittleEndian.Uint32(b[1:]))
		at = 5
	}
	if claimed != uint64(previous) {
		return 0, nil, false
	}
	head, body, isInt, ok := ziplistEncoding(b[at:])
	if !ok || uint64(at+head)+body > uint64(len(b)) {
		return 0, nil, false
	}
	size = at + head + int(body)
	value = b[at+head : size]
	if isInt {
		n := littleInt(value)
		if body == 0 { // 0 to 12 in the encoding byte itself
			n = int64(b[at]&0x0F) - 1
		}
		value = strconv.AppendInt(scratch[:0], n, 10)
	}
	return size, value, true
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

// zipmapValid checks a zipmap: number of pairs (1 byte; 254 = many), then per
// pair the field's length and bytes, the value's length, a byte with the number
// of unused bytes, the value's bytes and the unused ones; 0xFF.
func zipmapValid(b []byte) (n int, ok bool) {
	if len(b) < 2 || b[len(b)-1] != 0xFF {
		return 0, false
	}
	fields := newFingerprints()
	rest := b[1 : len(b)-1]
	for len(rest) > 0 {
		field, tail, ok := zipmapString(rest, 0)
		if !ok || !fields.add(field) {
			return 0, false
		}
		if _, tail, ok = zipmapString(tail, 1); !ok {
			return 0, false
		}
		rest = tail
		n++
	}
	return n, n > 0 && (b[0] == 0xFE || int(b[0]) == n)
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
