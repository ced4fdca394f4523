// The reply encoder: appends to one buffer, in the protocol version that the
// client asked for with HELLO.

package resp

import (
	"bytes"
	"fmt"
	"math"

	"redisd/internal/num"
)

const crlf = "\r\n"

// Writer encodes replies. Create it with NewWriter, or call Reset on a zero
// value.
type Writer struct {
	// Buf holds the replies. The owner sends it and cuts it, after which Errors
	// and ErrorAt are its to reset as well.
	Buf []byte
	// Room is the length of Buf from which on nobody will read it: see Full. 0 sets
	// no limit.
	Room int
	// Proto is 3 for RESP3; anything below means RESP2.
	Proto int
	// Errors counts the error replies written since the last Reset.
	Errors int
	// ErrorAt is the offset in Buf of the last error reply, -1 for none.
	ErrorAt int
	// Grow gives a buffer for n bytes that begins with those of buf, for a long bulk
	// string that does not fit behind them; nil leaves it to append.
	Grow func(buf []byte, n int) []byte
}

// NewWriter returns a Writer for protocol version 2 or 3.
func NewWriter(proto int) *Writer {
	return &Writer{Proto: proto, ErrorAt: -1}
}

// Full tells whether Buf has passed Room: the rest of a long reply need not be
// written. What is there is not well-formed then, and must not be sent.
func (w *Writer) Full() bool { return w.Room > 0 && len(w.Buf) > w.Room }

// Reset empties the buffer, keeping its memory, and forgets errors.
func (w *Writer) Reset() {
	w.Buf, w.Errors, w.ErrorAt = w.Buf[:0], 0, -1
}

// OK writes the simple string OK.
func (w *Writer) OK() { w.Buf = append(w.Buf, "+OK\r\n"...) }

// Simple writes a simple string; line ends in s become spaces.
func (w *Writer) Simple(s string) { w.line('+', s) }

// Error writes an error reply: s is the whole text with its code, such as
// "ERR syntax error", without the leading minus. Line ends in s become spaces.
func (w *Writer) Error(s string) {
	w.Errors++
	w.ErrorAt = len(w.Buf)
	w.line('-', s)
}

// Errorf is Error with fmt's verbs; line ends at the end are cut.
func (w *Writer) Errorf(format string, args ...any) {
	w.Errors++
	w.ErrorAt = len(w.Buf)
	w.Buf = fmt.Appendf(append(w.Buf, '-'), format, args...)
	end := len(w.Buf)
	for end > w.ErrorAt+1 && (w.Buf[end-1] == '\r' || w.Buf[end-1] == '\n') {
		end--
	}
	w.Buf = w.Buf[:end]
	w.endLine(w.ErrorAt)
}

func (w *Writer) line(kind byte, s string) {
	start := len(w.Buf)
	w.Buf = append(append(w.Buf, kind), s...)
	w.endLine(start)
}

// endLine makes one line of what was written from start on.
func (w *Writer) endLine(start int) {
	text := w.Buf[start:]
	if bytes.IndexByte(text, '\n') >= 0 || bytes.IndexByte(text, '\r') >= 0 {
		for i, c := range text {
			if c == '\r' || c == '\n' {
				text[i] = ' '
			}
		}
	}
	w.Buf = append(w.Buf, crlf...)
}

// Int writes an integer.
func (w *Writer) Int(n int64) { w.Buf = appendHeader(w.Buf, ':', n) }

// Uint writes an unsigned integer.
func (w *Writer) Uint(n uint64) {
	if n <= math.MaxInt64 {
		w.Int(int64(n))
		return
	}
	w.Buf = append(num.AppendUint(append(w.Buf, ':'), n), crlf...)
}

// Bulk writes a bulk string; nil is an empty one.
func (w *Writer) Bulk(b []byte) {
	if len(b) >= longBulk {
		w.growFor(len(b))
	}
	w.Buf = AppendBulk(w.Buf, b)
}

// longBulk is the length from which on a bulk string may ask for a buffer of its own
// size.
const longBulk = 16 << 10

// growFor makes room for a bulk string of n bytes.
func (w *Writer) growFor(n int) {
	const around = 32 // the header, and the line ends
	if need := len(w.Buf) + n + around; need > cap(w.Buf) && w.Grow != nil {
		w.Buf = w.Grow(w.Buf, need)
	}
}

// BulkString writes a bulk string.
func (w *Writer) BulkString(s string) { w.Buf = AppendBulkString(w.Buf, s) }

// BulkInt writes an integer as a bulk string.
func (w *Writer) BulkInt(n int64) {
	b := appendHeader(w.Buf, '$', int64(num.IntLen(n)))
	w.Buf = append(num.AppendInt(b, n), crlf...)
}

// Null writes the reply for a missing value.
func (w *Writer) Null() {
	if w.Proto >= 3 {
		w.Buf = append(w.Buf, "_\r\n"...)
		return
	}
	w.Buf = append(w.Buf, "$-1\r\n"...)
}

// NullArray writes the reply for a missing array, as of a timed out BLPOP.
func (w *Writer) NullArray() {
	if w.Proto >= 3 {
		w.Buf = append(w.Buf, "_\r\n"...)
		return
	}
	w.Buf = append(w.Buf, "*-1\r\n"...)
}

// Array announces n elements.
func (w *Writer) Array(n int) { w.aggregate('*', n) }

// Map announces n pairs: a flat array of 2n elements on RESP2.
func (w *Writer) Map(n int) { w.aggregate('%', n) }

// Set announces n elements of a set: an array on RESP2.
func (w *Writer) Set(n int) { w.aggregate('~', n) }

// Push announces n elements of an out-of-band message: an array on RESP2.
func (w *Writer) Push(n int) { w.aggregate('>', n) }

// Attribute announces n pairs about the reply that follows them. RESP2 has
// nothing like it, so the caller has to leave the pairs out there.
func (w *Writer) Attribute(n int) {
	if w.Proto < 3 {
		panic("BUG: resp: attributes need RESP3")
	}
	w.aggregate('|', n)
}

func (w *Writer) aggregate(kind byte, n int) {
	w.Buf = w.appendAggregate(w.Buf, kind, n)
}

// appendAggregate translates aggregates to what the protocol version has.
func (w *Writer) appendAggregate(dst []byte, kind byte, n int) []byte {
	if w.Proto < 3 {
		if kind == '%' {
			n *= 2
		}
		kind = '*'
	}
	return appendHeader(dst, kind, int64(n))
}

// Double writes a double: a bulk string on RESP2.
func (w *Writer) Double(f float64) {
	var scratch [40]byte
	w.number(',', num.AppendDouble(scratch[:0], f))
}

// LongDouble writes a long double in the form for people: a bulk string on
// RESP2.
func (w *Writer) LongDouble(d num.LongDouble) {
	var scratch [64]byte
	w.number(',', num.AppendLongDouble(scratch[:0], d))
}

// BigNumber writes an integer of any size, given in decimal: a bulk string on
// RESP2.
func (w *Writer) BigNumber(digits string) {
	if w.Proto >= 3 {
		w.line('(', digits)
		return
	}
	w.BulkString(digits)
}

func (w *Writer) number(kind byte, text []byte) {
	if w.Proto >= 3 {
		w.Buf = append(append(append(w.Buf, kind), text...), crlf...)
		return
	}
	w.Bulk(text)
}

// Bool writes a truth value: 1 or 0 on RESP2.
func (w *Writer) Bool(b bool) {
	switch {
	case w.Proto >= 3 && b:
		w.Buf = append(w.Buf, "#t\r\n"...)
	case w.Proto >= 3:
		w.Buf = append(w.Buf, "#f\r\n"...)
	case b:
		w.Buf = append(w.Buf, ":1\r\n"...)
	default:
		w.Buf = append(w.Buf, ":0\r\n"...)
	}
}

// Verbatim writes text of a format named by the three letters ext, such as txt:
// a bulk string on RESP2.
func (w *Writer) Verbatim(ext, s string) {
	if w.Proto < 3 {
		w.BulkString(s)
		return
	}
	var format [4]byte
	copy(format[:], "   :")
	copy(format[:3], ext)
	b := appendHeader(w.Buf, '=', int64(len(s)+len(format)))
	w.Buf = append(append(append(b, format[:]...), s...), crlf...)
}

// Raw appends replies that are encoded already.
func (w *Writer) Raw(b []byte) { w.Buf = append(w.Buf, b...) }
