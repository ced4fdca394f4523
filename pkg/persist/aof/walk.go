package aof

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"redisd/pkg/persist/rdb"
)

// The reader of redis-check-aof: it goes on where the loader would stop, remembers
// what is wrong in the tool's words, and never holds a value in memory.

// longestWord is the longer one of MULTI and EXEC.
const longestWord = 5

// walker goes through the commands of one file.
type walker struct {
	c          *checker
	in         *bufio.Reader
	at, size   int64 // offset reached; end of the file
	name, path string

	head *rdb.Salvage // what is whole of a damaged RDB in front, else nil
	tail int64        // where the commands behind that begin, 0 without one

	good  int64 // end of what counts
	multi bool
	cutAt int64 // where --truncate-to-timestamp wants to cut, -1 = nowhere
	epos  int64 // where the piece in hand starts

	sums    verifier
	checked int64 // good at the last checksum
}

// walk reads up to the end or to the first fault, which goes to checker.fault. An
// error is one that ends the program.
func (w *walker) walk() error {
	w.cutAt, w.checked = -1, w.at
	for {
		if !w.multi {
			w.good = w.at
		}
		head, err := w.in.Peek(1)
		if err == io.EOF {
			break
		}
		if err != nil {
			return w.c.fail("Failed to read from AOF %s, aborting...\n", w.name)
		}
		switch head[0] {
		case '#':
			stop, err := w.note()
			if stop || err != nil {
				return err
			}
			continue
		case '*':
			ok, err := w.command()
			if err != nil {
				return w.c.fail("Failed to read from AOF %s, aborting...\n", w.name)
			}
			if ok {
				continue
			}
		default:
			w.c.printf("AOF %s format error\n", w.name)
			return nil
		}
		break
	}
	if w.multi && w.c.fault == "" && w.at == w.size {
		w.fault("Reached EOF before reading EXEC for MULTI")
	}
	return nil
}

func (w *walker) fault(format string, args ...any) bool {
	if w.c.fault == "" {
		w.c.fault = fmt.Sprintf("0x%16x: %s", w.epos, fmt.Sprintf(format, args...))
	}
	return false
}

// text reads up to and with the next line feed; "" at the end of the file.
func (w *walker) text(limit int) (string, error) {
	w.epos = w.at
	line := make([]byte, 0, 64)
	defer func() { w.sums.add(line) }()
	for len(line) < limit-1 {
		b, err := w.in.ReadByte()
		if err == io.EOF {
			break
		}
		if err != nil {
			return "", err
		}
		line = append(line, b)
		if b == '\n' {
			break
		}
	}
	w.at += int64(len(line))
	return string(line), nil
}

// command checks one command. ok is false behind a fault or at the end of the file.
func (w *walker) command() (ok bool, err error) {
	argc, ok, err := w.number('*')
	if err != nil || !ok {
		return false, err
	}
	if argc < 1 {
		return w.fault("Expected at least one argument, got: %d", argc), nil
	}
	for i := range argc {
		first, ok, err := w.argument(i == 0)
		if err != nil || !ok {
			return false, err
		}
		switch {
		case i > 0:
		case strings.EqualFold(first, "multi"):
			if w.multi {
				return w.fault("Unexpected MULTI in AOF %s", w.path), nil
			}
			w.multi = true
		case strings.EqualFold(first, "exec"):
			if !w.multi {
				return w.fault("Unexpected EXEC in AOF %s", w.path), nil
			}
			w.multi = false
		}
	}
	return true, nil
}

// number reads a line of sign and number.
func (w *walker) number(sign byte) (n int64, ok bool, err error) {
	line, err := w.text(maxHeader + 3)
	if err != nil || line == "" {
		return 0, false, err
	}
	if line[0] != sign {
		return 0, w.fault("Expected prefix '%c', got: '%c'", sign, line[0]), nil
	}
	digits := 1
	if digits < len(line) && line[digits] == '-' {
		digits++
	}
	for digits < len(line) && line[digits] >= '0' && line[digits] <= '9' {
		digits++
	}
	if digits == 1 && sign == '$' {
		return 0, w.fault("Expected a number behind '$'"), nil // the loader does not take it for 0
	}
	n, err = strconv.ParseInt(line[1:digits], 10, 64)
	if err != nil && digits > 1 {
		n = math.MaxInt64 // what strtol makes of too many digits
	}
	return n, w.newline(line[digits:]), nil
}

// newline checks that rest is CRLF and counts the line.
func (w *walker) newline(rest string) bool {
	if rest == "\r\n" {
		w.c.line++
		return true
	}
	var got [2]int8 // printed as C prints a char: with its sign
	for i := 0; i < len(rest) && i < 2; i++ {
		got[i] = int8(rest[i])
	}
	return w.fault("Expected \\r\\n, got: %02x%02x", uint32(int32(got[0])), uint32(int32(got[1])))
}

// argument checks an argument and returns it if it is wanted and short.
func (w *walker) argument(wanted bool) (text string, ok bool, err error) {
	n, ok, err := w.number('$')
	if err != nil || !ok {
		return "", false, err
	}
	if n < 0 || n > math.MaxInt64-2 {
		return "", w.fault("Expected to read string of %d bytes, which is not in the suitable range", n), nil
	}
	w.epos = w.at
	if left := w.size - w.at; n+2 > left {
		w.at = w.size
		return "", w.fault("Expected to read %d bytes, got %d bytes", n+2, left), nil
	}
	w.at += n + 2
	if wanted && n <= longestWord {
		word := make([]byte, n)
		if _, err := io.ReadFull(w.in, word); err != nil {
			return "", false, err
		}
		w.sums.add(word)
		text, n = string(word), 0
	}
	if err := w.skip(n); err != nil {
		return "", false, err
	}
	var crlf [2]byte
	if _, err := io.ReadFull(w.in, crlf[:]); err != nil {
		return "", false, err
	}
	w.sums.add(crlf[:])
	return text, w.newline(string(crlf[:])), nil
}

func (w *walker) skip(n int64) error {
	for n > 0 {
		piece, err := w.in.Peek(int(min(n, int64(max(w.in.Buffered(), 1)))))
		if err != nil {
			return err
		}
		w.sums.add(piece)
		m, err := w.in.Discard(len(piece))
		if err != nil {
			return err
		}
		n -= int64(m)
	}
	return nil
}

// note checks a note; stop says that the file is to be cut in front of it.
func (w *walker) note() (stop bool, err error) {
	before := w.sums
	line, err := w.text(maxNote + 3)
	if err != nil {
		return false, w.c.fail("Failed to read annotations from AOF %s, aborting...\n", w.path)
	}
	if !strings.HasSuffix(line, "\r\n") {
		// A command appended behind it would be a part of the note.
		w.fault("Expected \\r\\n at the end of an annotation")
		if !w.multi {
			w.good = w.epos
		}
		return true, nil
	}
	if strings.HasPrefix(line, sumPrefix) {
		w.sums = before
		if _, err := w.sums.note([]byte(strings.TrimSuffix(line, "\r\n")), w.epos); err != nil {
			w.good = w.checked
			w.fault("%v", err)
			return true, nil
		}
		w.checked = w.at
		if w.multi {
			w.checked = w.good
		}
		return false, nil
	}
	stamp, isTime := strings.CutPrefix(line, "#TS:")
	if w.c.toTime == 0 || !isTime {
		return false, nil
	}
	ts, err := strconv.ParseInt(strings.TrimSuffix(stamp, "\r\n"), 10, 64)
	switch {
	case err != nil:
		return false, w.c.fail("Invalid timestamp annotation\n")
	case ts <= w.c.toTime:
		return false, nil
	case w.epos == 0:
		return false, w.c.fail("AOF %s has nothing before timestamp %d, aborting...\n", w.path, w.c.toTime)
	case len(w.c.later) > 0:
		w.c.printf("Failed to truncate AOF %s to timestamp %d to offset %d because it is not the last file.\n", w.path, w.c.toTime, w.epos)
		return false, w.c.fail("If you insist, please delete all files after this file according to the manifest file and delete the corresponding records in manifest file manually. Then re-run redis-check-aof.\n")
	}
	w.cutAt = w.epos
	if w.multi {
		w.cutAt = w.good // not in the middle of a transaction
	}
	return true, nil
}
