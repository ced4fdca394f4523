// Encoding as plain functions: used by the Writer, by the append-only file, whose
// frames are requests, and by clients.

package resp

import (
	"slices"

	"redisd/internal/num"
)

// AppendCommand appends a request.
func AppendCommand(dst []byte, args ...[]byte) []byte {
	dst = AppendArray(dst, len(args))
	for _, arg := range args {
		dst = AppendBulk(dst, arg)
	}
	return dst
}

// AppendCommandStrings appends a request.
func AppendCommandStrings(dst []byte, args ...string) []byte {
	dst = AppendArray(dst, len(args))
	for _, arg := range args {
		dst = AppendBulkString(dst, arg)
	}
	return dst
}

// AppendArray appends the header of an array of n elements.
func AppendArray(dst []byte, n int) []byte { return appendHeader(dst, '*', int64(n)) }

// AppendBulk appends a bulk string.
func AppendBulk(dst, b []byte) []byte {
	dst = AppendBytes(appendHeader(dst, '$', int64(len(b))), b)
	return append(dst, crlf...)
}

// copyAtOnce is how many bytes are copied in one go. The collector stops a goroutine
// between two instructions, but not within a copy: while a long one goes on it would
// keep a processor busy asking.
const copyAtOnce = 1 << 20

// AppendBytes appends b, which may be very long, and leaves room for its end.
func AppendBytes(dst, b []byte) []byte {
	if len(b) > copyAtOnce {
		return appendLong(dst, b)
	}
	return append(dst, b...)
}

func appendLong(dst, b []byte) []byte {
	for dst = slices.Grow(dst, len(b)+len(crlf)); len(b) > copyAtOnce; b = b[copyAtOnce:] {
		dst = append(dst, b[:copyAtOnce]...)
	}
	return append(dst, b...)
}

// AppendBulkString appends a bulk string.
func AppendBulkString(dst []byte, s string) []byte {
	dst = append(appendHeader(dst, '$', int64(len(s))), s...)
	return append(dst, crlf...)
}

// AppendBulkInt appends an integer as a bulk string.
func AppendBulkInt(dst []byte, n int64) []byte {
	dst = appendHeader(dst, '$', int64(num.IntLen(n)))
	return append(num.AppendInt(dst, n), crlf...)
}

// appendHeader appends a line of a type byte and a number. Numbers of one and
// two digits are most of all lengths, counts and integer replies.
func appendHeader(dst []byte, kind byte, n int64) []byte {
	switch {
	case uint64(n) < 10:
		return append(dst, kind, byte(n)+'0', '\r', '\n')
	case uint64(n) < 100:
		return append(dst, kind, byte(n/10)+'0', byte(n%10)+'0', '\r', '\n')
	}
	return append(num.AppendInt(append(dst, kind), n), crlf...)
}
