package aof

import (
	"redisd/internal/num"
	"redisd/pkg/resp"
)

// AppendCommand appends argv to dst in the file's format.
func AppendCommand(dst []byte, argv [][]byte) []byte {
	dst = append(dst, '*')
	dst = num.AppendInt(dst, int64(len(argv)))
	dst = append(dst, '\r', '\n')
	for _, arg := range argv {
		dst = append(dst, '$')
		dst = num.AppendInt(dst, int64(len(arg)))
		dst = append(dst, '\r', '\n')
		dst = resp.AppendBytes(dst, arg)
		dst = append(dst, '\r', '\n')
	}
	return dst
}

// AppendSelect appends "SELECT db".
func AppendSelect(dst []byte, db int) []byte {
	dst = append(dst, "*2\r\n$6\r\nSELECT\r\n$"...)
	dst = num.AppendInt(dst, int64(num.IntLen(int64(db))))
	dst = append(dst, '\r', '\n')
	dst = num.AppendInt(dst, int64(db))
	return append(dst, '\r', '\n')
}

// AppendTimestamp appends a note of the time, in Unix seconds.
func AppendTimestamp(dst []byte, seconds int64) []byte {
	dst = append(dst, "#TS:"...)
	dst = num.AppendInt(dst, seconds)
	return append(dst, '\r', '\n')
}
