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

// ParseFunctions takes the payload of FUNCTION DUMP apart into the code of its
// libraries. The error's text is what FUNCTION RESTORE replies.
func ParseFunctions(b []byte, anySum bool) ([][]byte, error) {
	if len(b) < dumpFooter || binary.LittleEndian.Uint16(b[len(b)-dumpFooter:]) > MaxVersion ||
		!anySum && binary.LittleEndian.Uint64(b[len(b)-8:]) != crc64.Update(0, b[:len(b)-8]) {
		return nil, errors.New("DUMP payload version or checksum are wrong")
	}
	var d Decoder
	d.ResetBytes(b[:len(b)-dumpFooter])
	var all [][]byte
	for len(d.Buffered()) > 0 {
		op := d.Buffered()[0]
		if err := d.discard(1); err != nil {
			return nil, err
		}
		if op != OpFunction && op != OpFunction2 {
			return nil, errors.New("given type is not a function")
		}
		code, err := d.readFunction(op)
		if err != nil {
			return nil, errors.New("failed loading the given functions payload")
		}
		all = append(all, append([]byte(nil), code...))
	}
	return all, nil
}
