package rdb

import (
	"encoding/binary"
	"math"
	"slices"
	"strconv"

	"redisd/internal/crc64"
	"redisd/internal/lzf"
)

// The encoder: every function appends to dst and returns it, as append does.
// None of them keeps its arguments, none fails.

const (
	// Redis tries a number for strings up to 11 bytes ("-2147483648"), and LZF
	// above 20 bytes when it saves at least 4.
	maxIntText  = 11
	minPackLen  = 21
	minPackSave = 4
)

// AppendHeader appends the nine bytes at the start of a file, for Version.
func AppendHeader(dst []byte) []byte {
	return append(dst, "REDIS0010"...)
}

// AppendAux appends an information field.
func AppendAux(dst []byte, key, val string) []byte {
	dst = append(dst, OpAux)
	dst = appendText(dst, key)
	return appendText(dst, val)
}

// AppendFunction appends a library of functions, its code.
func AppendFunction(dst, code []byte, compress bool) []byte {
	return AppendString(append(dst, OpFunction2), code, compress)
}

// AppendSelectDB says to which database the next keys belong. db must not be
// negative.
func AppendSelectDB(dst []byte, db int) []byte {
	return AppendLen(append(dst, OpSelectDB), uint64(db))
}

// AppendResizeDB gives the number of keys of the current database and of those
// among them that have an expiry: a hint for the loader.
func AppendResizeDB(dst []byte, keys, expires uint64) []byte {
	dst = AppendLen(append(dst, OpResizeDB), keys)
	return AppendLen(dst, expires)
}

// AppendExpireMillis gives the next key its expiry, a Unix time in milliseconds.
func AppendExpireMillis(dst []byte, at int64) []byte {
	return binary.LittleEndian.AppendUint64(append(dst, OpExpireMillis), uint64(at))
}

// AppendIdle gives the next key its idle time in seconds.
func AppendIdle(dst []byte, seconds uint64) []byte {
	return AppendLen(append(dst, OpIdle), seconds)
}

// AppendFreq gives the next key its LFU counter.
func AppendFreq(dst []byte, freq byte) []byte {
	return append(dst, OpFreq, freq)
}

// AppendEOF ends a file. crc is the CRC64 of all bytes of the file before this
// call; the opcode is added to it here. crc 0 means that no checksum is kept,
// and the trailer is zero.
func AppendEOF(dst []byte, crc uint64) []byte {
	dst = append(dst, OpEOF)
	if crc != 0 {
		crc = crc64.Update(crc, []byte{OpEOF})
	}
	return binary.LittleEndian.AppendUint64(dst, crc)
}

// AppendLen appends a length in its shortest form.
func AppendLen(dst []byte, n uint64) []byte {
	switch {
	case n < 1<<6:
		return append(dst, len6|byte(n))
	case n < 1<<14:
		return append(dst, len14|byte(n>>8), byte(n))
	case n <= math.MaxUint32:
		return binary.BigEndian.AppendUint32(append(dst, len32), uint32(n))
	default:
		return binary.BigEndian.AppendUint64(append(dst, len64), n)
	}
}

// lenSize is the number of bytes AppendLen needs for n.
func lenSize(n uint64) int {
	switch {
	case n < 1<<6:
		return 1
	case n < 1<<14:
		return 2
	case n <= math.MaxUint32:
		return 5
	default:
		return 9
	}
}

// AppendString appends a string in its smallest form: as a number when it is
// the text of one of 32 bits, packed with LZF when compress is set and that
// pays, else as it is.
func AppendString(dst, b []byte, compress bool) []byte {
	if len(b) <= maxIntText {
		if n, ok := parseInt32(b); ok {
			return appendInt32(dst, n)
		}
	} else if compress && len(b) >= minPackLen {
		if packed, ok := appendPacked(dst, b); ok {
			return packed
		}
	}
	return AppendRawString(dst, b)
}

// AppendRawString appends a string as it is: the fast form for the pipe to the
// child, which picks the smallest form itself.
func AppendRawString(dst, b []byte) []byte {
	return append(AppendLen(dst, uint64(len(b))), b...)
}

// AppendIntString appends the decimal text of n as a string, as a number when
// it has 32 bits.
func AppendIntString(dst []byte, n int64) []byte {
	if n == int64(int32(n)) {
		return appendInt32(dst, int32(n))
	}
	var text [20]byte
	return AppendRawString(dst, strconv.AppendInt(text[:0], n, 10))
}

func appendText(dst []byte, s string) []byte {
	if len(s) <= maxIntText {
		var text [maxIntText]byte
		return AppendString(dst, text[:copy(text[:], s)], false)
	}
	return append(AppendLen(dst, uint64(len(s))), s...)
}

func appendInt32(dst []byte, n int32) []byte {
	switch {
	case n == int32(int8(n)):
		return append(dst, lenEncoded|encInt8, byte(n))
	case n == int32(int16(n)):
		return append(dst, lenEncoded|encInt16, byte(n), byte(n>>8))
	default:
		return binary.LittleEndian.AppendUint32(append(dst, lenEncoded|encInt32), uint32(n))
	}
}

// appendPacked appends b packed with LZF; false (and dst as it was) when that
// does not save minPackSave bytes. The packed bytes go straight to their place:
// room is left for the longest header, and they move down when it turns out
// shorter.
func appendPacked(dst, b []byte) ([]byte, bool) {
	limit := len(b) - minPackSave
	room := 1 + lenSize(uint64(limit)) + lenSize(uint64(len(b)))
	start := len(dst)
	dst = slices.Grow(dst, room+limit)
	body := dst[start+room : start+room+limit]
	n := lzf.Compress(body, b)
	if n == 0 {
		return dst, false
	}
	out := append(dst, lenEncoded|encLZF)
	out = AppendLen(out, uint64(n))
	out = AppendLen(out, uint64(len(b)))
	return append(out, body[:n]...), true
}

// parseInt32 accepts exactly the texts that formatting an int32 gives: no plus
// sign, no leading zero, no "-0". Anything else must come back byte for byte,
// so it stays a string.
func parseInt32(b []byte) (int32, bool) {
	digits := b
	if len(b) > 0 && b[0] == '-' {
		digits = b[1:]
	}
	if len(digits) == 0 || len(digits) > 10 || digits[0] == '0' && len(b) > 1 {
		return 0, false
	}
	n := int64(0)
	for _, c := range digits {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	if len(digits) != len(b) {
		n = -n
	}
	return int32(n), n == int64(int32(n))
}
