package rdb

import (
	"encoding/binary"
	"errors"

	"redisd/internal/crc64"
)

// The payload of DUMP and RESTORE: type byte, value, then a footer of the
// format version (2 bytes) and the CRC64 of all before it (8 bytes), both little
// endian.
const dumpFooter = 2 + 8

// ErrDumpPayload is what ParseDumpPayload returns for a payload that is too
// short, too new or damaged; RESTORE says so in the same words.
var ErrDumpPayload = errors.New("rdb: DUMP payload version or checksum are wrong")

// AppendDumpPayload appends the payload that DUMP gives for the value of rec, a
// string. Key and attributes are not part of it.
func AppendDumpPayload(dst []byte, rec *Record, compress bool) []byte {
	start := len(dst)
	dst = appendValue(append(dst, rec.Type), rec, compress)
	return AppendDumpFooter(dst, start)
}

// AppendDumpFooter ends a payload that begins at dst[start:] with its type byte.
func AppendDumpFooter(dst []byte, start int) []byte {
	dst = binary.LittleEndian.AppendUint16(dst, Version)
	return binary.LittleEndian.AppendUint64(dst, crc64.Update(0, dst[start:]))
}

// ParseDumpPayload checks the footer of a payload and returns the type byte and
// the value's bytes, a slice of b.
func ParseDumpPayload(b []byte) (valueType byte, body []byte, err error) {
	if len(b) < 1+dumpFooter || binary.LittleEndian.Uint64(b[len(b)-8:]) != crc64.Update(0, b[:len(b)-8]) {
		return 0, nil, ErrDumpPayload
	}
	return SplitDumpPayload(b)
}

// SplitDumpPayload is ParseDumpPayload without a look at the checksum, for tests with
// damaged values.
func SplitDumpPayload(b []byte) (valueType byte, body []byte, err error) {
	if len(b) < 1+dumpFooter || binary.LittleEndian.Uint16(b[len(b)-dumpFooter:]) > MaxVersion {
		return 0, nil, ErrDumpPayload
	}
	return b[0], b[1 : len(b)-dumpFooter], nil
}
