package rdb

import (
	"errors"
	"strconv"
	"strings"
)

// Kinds of *Error, for errors.Is.
var (
	// ErrSignature: the file does not start with "REDIS".
	ErrSignature = errors.New("rdb: wrong signature")
	// ErrVersion: the format version is not one of 1 to MaxVersion.
	ErrVersion = errors.New("rdb: unsupported version")
	// ErrShortRead: the input ended in the middle.
	ErrShortRead = errors.New("rdb: short read")
	// ErrCorrupt: bytes that no writer puts there.
	ErrCorrupt = errors.New("rdb: corrupt")
	// ErrChecksum: the checksum at the end does not match.
	ErrChecksum = errors.New("rdb: wrong checksum")
	// ErrEmptyKey: a collection with nothing in it, which Redis steps over when it
	// loads a file: some of its versions wrote them.
	ErrEmptyKey = errors.New("rdb: empty key")
	// ErrUnsupported: well-formed, but of a kind that cannot be held here.
	ErrUnsupported = errors.New("rdb: not supported")
)

// Error says what is wrong with an input and where.
type Error struct {
	// Offset is the place in the input, in bytes from its start, where the
	// reading that failed began.
	Offset int64
	// Key is the key whose value was read (a copy), nil outside of a value.
	Key []byte
	// Type is the value type byte, -1 outside of a key.
	Type int
	// Reason is the bare cause, in Redis's words where Redis has some.
	Reason string
	// Err is one of the Err values above, or what the reader or the handler
	// returned.
	Err error
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("rdb: ")
	b.WriteString(e.Reason)
	if errors.Is(e.Err, ErrUnsupported) && e.Type >= 0 {
		return b.String()
	}
	b.WriteString(" at offset ")
	b.WriteString(strconv.FormatInt(e.Offset, 10))
	switch {
	case e.Key != nil && e.Type >= 0:
		b.WriteString(" (" + TypeName(byte(e.Type)) + " value of key '" + printable(e.Key) + "')")
	case e.Key != nil:
		b.WriteString(" (key '" + printable(e.Key) + "')")
	}
	return b.String()
}

// Unwrap returns Err.
func (e *Error) Unwrap() error { return e.Err }

// printable shows b as people type it: control characters, invalid UTF-8 and
// quotes escaped, and no more than 100 bytes of it.
func printable(b []byte) string {
	const limit = 100
	tail := ""
	if len(b) > limit {
		b, tail = b[:limit], "..."
	}
	q := strconv.Quote(string(b))
	q = strings.ReplaceAll(q[1:len(q)-1], `\"`, `"`)
	return strings.ReplaceAll(q, `'`, `\'`) + tail
}
