package aof

import (
	"bytes"
	"fmt"
	"hash/crc32"
	"strconv"

	"redisd/internal/num"
)

// Checksums of the file, as notes that Redis 7 and Valkey skip like every line that
// begins with '#':
//
//	#SUM:<length>:<CRC-32C, 8 hexadecimal digits> CRLF
//
// covers the length bytes in front of it, which begin behind the note of the block
// before. Length 0 covers nothing and begins a block: whoever opens a file to append
// writes one first, so bytes that somebody else wrote in between are covered by none.
// A note stands between commands of two turns, never inside of one.

const (
	sumPrefix = "#SUM:"
	// sumStart begins a block.
	sumStart = sumPrefix + "0:00000000\r\n"
	// A block ends with the turn that brings it to this size, or that comes a second
	// after it began: notes are half a percent of the file at most.
	sumBlock       = 4096
	sumEveryMillis = 1000
)

// castagnoli is the polynomial that processors have an instruction for.
func castagnoli() *crc32.Table { return crc32.MakeTable(crc32.Castagnoli) }

// Sums makes the notes of one file that is written from front to back. The zero value
// makes none. It is a value without goroutines of its own: its owner's only.
type Sums struct {
	on    bool
	begun bool // the file has a note, a block is open
	n     int64
	crc   uint32
}

// NewSums returns Sums for a file, or for what is appended to one.
func NewSums() Sums { return Sums{on: true} }

// On says whether notes are made.
func (s *Sums) On() bool { return s.on }

// Open is the length of the open block in bytes.
func (s *Sums) Open() int64 { return s.n }

// Begin appends to dst the note that a first block begins with, where one is due.
func (s *Sums) Begin(dst []byte) []byte {
	if !s.on || s.begun {
		return dst
	}
	s.begun = true
	return append(dst, sumStart...)
}

// Add takes bytes that go to the file behind those before; before Begin they are not
// covered.
func (s *Sums) Add(p []byte) {
	if s.on && s.begun {
		s.n += int64(len(p))
		s.crc = crc32.Update(s.crc, castagnoli(), p)
	}
}

// End appends the note that ends the block to dst, and begins the next; nothing when
// the block is empty.
func (s *Sums) End(dst []byte) []byte {
	if !s.on || s.n == 0 {
		return dst
	}
	dst = appendSum(dst, s.n, s.crc)
	s.n, s.crc = 0, 0
	return dst
}

// Full says that the block is long enough to end.
func (s *Sums) Full() bool { return s.n >= sumBlock }

// restart makes the next block start anew, as in another file.
func (s *Sums) restart() { s.begun, s.n, s.crc = false, 0, 0 }

func appendSum(dst []byte, n int64, crc uint32) []byte {
	dst = append(dst, sumPrefix...)
	dst = num.AppendInt(dst, n)
	dst = append(dst, ':')
	for shift := 28; shift >= 0; shift -= 4 {
		dst = append(dst, "0123456789abcdef"[crc>>shift&15])
	}
	return append(dst, '\r', '\n')
}

// parseSum reads a note, without its end of line. ok is false for any other note; one
// that looks like a checksum and is none has length -1, which no block has.
func parseSum(note []byte) (n int64, crc uint32, ok bool) {
	rest, ok := bytes.CutPrefix(note, []byte(sumPrefix))
	if !ok {
		return 0, 0, false
	}
	length, digits, _ := bytes.Cut(rest, []byte(":"))
	u, good := num.ParseUint(length)
	c, err := strconv.ParseUint(string(digits), 16, 32)
	if !good || err != nil || len(digits) != 8 || u > 1<<62 {
		return -1, 0, true
	}
	return int64(u), uint32(c), true
}

// sumError is a block whose checksum, or length, is not that of its note.
type sumError struct {
	from, to int64 // the block
	what     string
}

func (e *sumError) Error() string { return e.what }

// verifier compares blocks with their notes while a file is read from front to back.
type verifier struct {
	on  bool
	n   int64
	crc uint32
}

// add takes bytes of the file; it costs nothing until the first note.
func (v *verifier) add(p []byte) {
	if v.on {
		v.n += int64(len(p))
		v.crc = crc32.Update(v.crc, castagnoli(), p)
	}
}

// note takes a note that starts at offset at. isSum tells that it is a checksum; err is
// a *sumError when the block does not match.
func (v *verifier) note(note []byte, at int64) (isSum bool, err error) {
	n, crc, ok := parseSum(note)
	if !ok {
		return false, nil
	}
	from, length, sum, checked := at-v.n, v.n, v.crc, v.on && (n != 0 || crc != 0)
	v.on, v.n, v.crc = true, 0, 0
	switch {
	case !checked:
		return true, nil // the start of a block, or of the reading
	case n != length:
		return true, &sumError{from, at, fmt.Sprintf("the checksum at offset %d covers %d bytes, but %d follow the one before", at, n, length)}
	case crc != sum:
		return true, &sumError{from, at, fmt.Sprintf("the checksum at offset %d of the %d bytes before it does not match: %08x, they have %08x", at, length, crc, sum)}
	}
	return true, nil
}
