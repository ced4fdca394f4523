// The request parser: arrays of bulk strings. inline.go has the other form.
//
// A command is parsed in one go when it is there as a whole. Otherwise the
// parser remembers how far it came: the place of the next length line and the
// number of arguments to go, nothing per argument. When the rest has arrived, a
// second walk over the length lines collects the arguments; it jumps from line
// to line and does not touch the arguments themselves.

package resp

import (
	"bytes"
	"math"
	"slices"

	"redisd/internal/num"
)

const (
	// defaultMaxInline is Redis's PROTO_INLINE_MAX_SIZE.
	defaultMaxInline = 64 << 10
	// defaultMaxBulk is the default of the directive proto-max-bulk-len.
	defaultMaxBulk = 512 << 20
	// Before authentication, requests have to be small: AUTH or HELLO fit.
	maxCountUnauthenticated = 10
	maxBulkUnauthenticated  = 16384
	// firstGrowth is the number of arguments up to which argv grows while
	// parsing; above it argv gets its final size when the command is complete.
	firstGrowth = 64
)

// Limits bound what a client may send. Clients share them: a server holds one
// value for authenticated clients and one for the others, and points each
// client's Parser to the right one.
type Limits struct {
	// MaxBulk is the largest length of an argument in bytes.
	MaxBulk int64
	// MaxMultibulk is the largest number of arguments.
	MaxMultibulk int
	// MaxInline is the largest size in bytes of an inline request and of a
	// length line.
	MaxInline int
	// Authenticated lifts the limits of 10 arguments of 16384 bytes.
	Authenticated bool
}

// DefaultLimits are Redis's, for authenticated clients.
func DefaultLimits() Limits {
	return Limits{
		MaxBulk:       defaultMaxBulk,
		MaxMultibulk:  math.MaxInt32,
		MaxInline:     defaultMaxInline,
		Authenticated: true,
	}
}

// Parser cuts requests out of a read buffer. The zero value with Limits set is
// ready for a new connection.
type Parser struct {
	// Limits of this client, never nil when Next is called; may be exchanged
	// between calls.
	Limits *Limits

	// The state of a command whose end has not arrived. Offsets count from the
	// start of the buffer.

	// next is the place of the first length line, or argument, not parsed yet.
	next int
	// searched is how much of the pending line is known to have no end in it.
	searched int
	// count and left are the arguments announced and to go; 0 while the count
	// line, or the inline line, is incomplete.
	count, left int
	// bulk is the length of the argument at next, when inBulk is set; otherwise
	// a length line is at next.
	bulk   int
	inBulk bool
	// apart are the arguments so far that lie elsewhere.
	apart []apart
}

// apart is an argument that does not lie in the buffer: its length line is followed by
// its end.
type apart struct {
	index int
	arg   []byte
}

// Pending tells whether the parser holds on to a part of a command.
func (p *Parser) Pending() bool { return p.left > 0 || p.searched > 0 }

// Want is how many bytes the buffer has to hold, counted from its start, for the
// argument that is pending to be complete; 0 when that is unknown. A peer can
// announce up to Limits.MaxBulk without sending anything, so the number is a
// hint for sizing the buffer, not a reason to commit memory.
func (p *Parser) Want() int {
	switch {
	case !p.inBulk:
		return 0
	case p.bulk > math.MaxInt-p.next-len("\r\n"):
		return math.MaxInt
	}
	return p.next + p.bulk + len("\r\n")
}

// Argument is the length of the argument that is pending; 0 when that is unknown.
func (p *Parser) Argument() int {
	if !p.inBulk {
		return 0
	}
	return p.bulk
}

// Place is where in the buffer the argument that is pending begins.
func (p *Parser) Place() int { return p.next }

// Elsewhere tells that the argument that is pending lies, whole, in arg and not in the
// buffer, where its end follows on its length line. Next returns arg for it. The buffer
// ends at Place when it is called.
func (p *Parser) Elsewhere(arg []byte) {
	if !p.inBulk || len(arg) != p.bulk {
		panic("BUG: resp: not the argument that is pending")
	}
	p.apart = append(p.apart, apart{p.count - p.left, arg})
	p.bulk = 0
}

// Reset forgets a pending command.
func (p *Parser) Reset() { *p = Parser{Limits: p.Limits} }

// Next parses one command from the start of buf. The arguments are returned in
// argv's memory, which grows when needed, and are slices of buf; consumed bytes
// have to be dropped from buf before the next call, after the arguments were
// used. A pipeline is parsed by calling Next with the rest.
//
// nil arguments without an error mean that more bytes are needed. Then consumed
// counts empty commands only, and the next call has to bring the same bytes,
// from consumed on, with more behind them; the buffer itself may have moved.
//
// Errors are *ProtocolError; the Parser is of no use after one. Inline arguments
// are unquoted in place: Next may write to the consumed part of buf.
func (p *Parser) Next(buf []byte, argv [][]byte) (args [][]byte, consumed int, err error) {
	if p.left > 0 {
		return p.resume(buf, argv)
	}
	start := 0
	for start < len(buf) {
		rest := buf[start:]
		if rest[0] != '*' {
			args, size, err := p.inline(rest, argv)
			start += size
			if size == 0 || args != nil || err != nil {
				return args, start, err
			}
			continue
		}
		count, size, err := p.countLine(rest)
		if size == 0 {
			return nil, start, err
		}
		if count <= 0 {
			start += size
			continue
		}
		p.count = count
		fill := count <= max(cap(argv), firstGrowth)
		args, size, err := p.bulks(rest, argv, size, count, fill)
		return args, start + size, err
	}
	return nil, start, nil
}

// resume goes on with a command that was cut; buf starts where it started.
func (p *Parser) resume(buf []byte, argv [][]byte) ([][]byte, int, error) {
	i, left := p.next, p.left
	if i > len(buf) {
		panic("BUG: resp: the buffer lost bytes of a pending command")
	}
	if p.inBulk {
		if p.bulk > len(buf)-i-2 {
			return nil, 0, nil
		}
		i += p.bulk + 2
		left--
		p.inBulk = false
	}
	return p.bulks(buf, argv, i, left, false)
}

// bulks parses the last left arguments of a command that starts at buf[0]; the
// first of them is at i. Without fill they are only checked on the way, and all
// arguments are collected at the end. When bytes are missing it returns nothing,
// and the state is kept.
func (p *Parser) bulks(buf []byte, argv [][]byte, i, left int, fill bool) ([][]byte, int, error) {
	limit := p.bulkLimit()
	args := argv[:0]
	for ; left > 0; left-- {
		n, size := shortLength(buf[i:], '$')
		if size == 0 || n > limit {
			var err error
			if n, size, err = p.bulkLine(buf[i:]); size == 0 {
				p.next, p.left = i, left
				return nil, 0, err
			}
		}
		i += size
		p.searched = 0
		if n > len(buf)-i-2 {
			p.next, p.left, p.bulk, p.inBulk = i, left, n, true
			return nil, 0, nil
		}
		if fill {
			args = append(args, buf[i:i+n:i+n])
		}
		i += n + 2
	}
	p.next, p.left = 0, 0
	if !fill {
		args = collect(buf, slices.Grow(args, p.count), p.count, p.apart)
		p.apart = nil
	}
	return args, i, nil
}

// bulkLimit is the largest length that needs no closer look.
func (p *Parser) bulkLimit() int {
	limit := p.Limits.MaxBulk
	if !p.Limits.Authenticated {
		limit = min(limit, maxBulkUnauthenticated)
	}
	return int(limit)
}

// collect appends the arguments of a command that was parsed before, so that
// nothing is checked any more: limits may have changed since.
func collect(buf []byte, args [][]byte, count int, away []apart) [][]byte {
	_, i := lengthLine(buf)
	for k := range count {
		n, size := shortLength(buf[i:], '$')
		if size == 0 {
			n, size = lengthLine(buf[i:])
		}
		i += size
		if len(away) > 0 && away[0].index == k {
			args = append(args, away[0].arg)
			away = away[1:]
			i += 2
			continue
		}
		args = append(args, buf[i:i+n:i+n])
		i += n + 2
	}
	return args
}

// lengthLine reads a length line that is known to be good.
func lengthLine(b []byte) (n, size int) {
	end := bytes.IndexByte(b, '\r')
	v, _ := num.ParseInt(b[1:end])
	return int(v), end + 2
}

// shortLength reads a line of kind, one to nine digits and an end. The size is
// 0 for any other line: a longer, an incomplete or a wrong one.
func shortLength(b []byte, kind byte) (n, size int) {
	if len(b) < 4 || b[0] != kind {
		return 0, 0
	}
	if d := b[1] - '0'; d <= 9 && b[2] == '\r' {
		return int(d), 4
	}
	return shortDigits(b)
}

// shortDigits is shortLength for two to nine digits.
func shortDigits(b []byte) (n, size int) {
	if b[1] == '0' {
		return 0, 0
	}
	for i, c := range b[1:min(len(b)-1, 11)] {
		d := c - '0'
		if d > 9 {
			if c == '\r' && i > 0 {
				return n, i + 3
			}
			return 0, 0
		}
		n = n*10 + int(d)
	}
	return 0, 0
}

// countLine reads the line that announces the number of arguments. Size 0
// means an error or that bytes are missing.
func (p *Parser) countLine(b []byte) (count, size int, err error) {
	n, size := shortLength(b, '*')
	if size == 0 {
		end, tooBig := p.lineEnd(b)
		if tooBig {
			return 0, 0, errCountLine()
		}
		if end < 0 {
			return 0, 0, nil
		}
		v, ok := num.ParseInt(b[1:end])
		if !ok || v > math.MaxInt32 {
			return 0, 0, errCount()
		}
		n, size = int(v), end+2
	}
	p.searched = 0
	if n > p.Limits.MaxMultibulk {
		return 0, 0, errCount()
	}
	if n > maxCountUnauthenticated && !p.Limits.Authenticated {
		return 0, 0, errCountUnauthenticated()
	}
	return n, size, nil
}

// bulkLine reads the line in front of an argument, with all checks. Size 0 means
// an error or that bytes are missing.
func (p *Parser) bulkLine(b []byte) (n, size int, err error) {
	end, tooBig := p.lineEnd(b)
	if tooBig {
		return 0, 0, errBulkLine()
	}
	if end < 0 {
		return 0, 0, nil
	}
	if b[0] != '$' {
		return 0, 0, errDollar(b[0])
	}
	v, ok := num.ParseInt(b[1:max(end, 1)])
	if !ok || v < 0 || v > p.Limits.MaxBulk {
		return 0, 0, errBulkLength()
	}
	if v > maxBulkUnauthenticated && !p.Limits.Authenticated {
		return 0, 0, errBulkUnauthenticated()
	}
	return int(v), end + 2, nil
}

// lineEnd finds the CR that ends the line at the start of b, -1 when it is not
// there or the byte behind it is missing. As in Redis, that byte may be any, and
// a zero byte hides the rest of the line, so that the line never ends. A line
// without an end within MaxInline bytes is too big however many bytes came at
// once.
func (p *Parser) lineEnd(b []byte) (end int, tooBig bool) {
	end, tooBig = p.search(b, '\r')
	if end < 0 {
		return -1, tooBig
	}
	if end+1 == len(b) {
		p.searched = end
		return -1, false
	}
	return end, false
}

// search looks for a line's end from where the last search stopped.
func (p *Parser) search(b []byte, stop byte) (end int, tooBig bool) {
	window := b[:min(len(b), p.Limits.MaxInline+1)]
	fresh := window[p.searched:]
	end = bytes.IndexByte(fresh, stop)
	if end >= 0 {
		fresh = fresh[:end]
	}
	if zero := bytes.IndexByte(fresh, 0); zero >= 0 {
		p.searched += zero
		return -1, len(b) > p.Limits.MaxInline
	}
	p.searched += len(fresh)
	if end >= 0 {
		return p.searched, false
	}
	return -1, len(b) > p.Limits.MaxInline
}
