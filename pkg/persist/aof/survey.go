package aof

import (
	"bytes"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"redisd/pkg/persist/rdb"
)

// What redis-check-aof tells about damage beyond its place: what a cut would lose, and
// which blocks behind it have a checksum that is right.

const (
	surveyKeys   = 5       // keys shown
	surveyRanges = 5       // ranges of whole blocks shown
	surveyKnown  = 1 << 20 // different keys told apart
)

// survey is the part of a file behind damage.
type survey struct {
	f          io.ReaderAt
	from, size int64

	commands int
	keys     map[string]struct{}
	shown    []string
	whole    [][2]int64 // ranges whose checksums are right
}

// look reads what is there, as far as it can be read: behind bytes that are nothing it
// goes on with the next command.
func (s *survey) look() error {
	s.keys = map[string]struct{}{}
	var in scanner
	for at := s.from; at >= 0 && at < s.size; {
		in.reset(io.NewSectionReader(s.f, at, s.size-at), at, s.size)
		in.blind = true
		err := s.items(&in)
		var bad *formatError
		switch {
		case err == io.EOF:
			return nil
		case err == errCut || errors.As(err, &bad):
			if at, err = nextCommand(s.f, in.offset(), s.size); err != nil {
				return err
			}
		default:
			return err
		}
	}
	return nil
}

// items reads up to the next fault.
func (s *survey) items(in *scanner) error {
	for {
		args, note, err := in.next()
		switch {
		case err != nil:
			return err
		case args != nil:
			s.command(args)
		default:
			if err := s.block(note, in.offset()); err != nil {
				return err
			}
		}
	}
}

func (s *survey) command(args [][]byte) {
	for _, name := range []string{"SELECT", "MULTI", "EXEC"} {
		if bytes.EqualFold(args[0], []byte(name)) {
			return
		}
	}
	s.commands++
	if len(args) < 2 || len(s.keys) >= surveyKnown {
		return
	}
	key := string(args[1])
	if _, seen := s.keys[key]; seen {
		return
	}
	s.keys[key] = struct{}{}
	if len(s.shown) < surveyKeys {
		s.shown = append(s.shown, fmt.Sprintf("%.80q", key))
	}
}

// block takes a note that ends at offset after.
func (s *survey) block(note []byte, after int64) error {
	n, crc, ok := parseSum(note)
	to := after - int64(len(note)+len("\r\n"))
	if !ok || n <= 0 || to-n < s.from {
		return nil
	}
	h := crc32.New(castagnoli())
	if _, err := io.Copy(h, io.NewSectionReader(s.f, to-n, n)); err != nil {
		return err
	}
	if h.Sum32() != crc {
		return nil
	}
	if last := len(s.whole) - 1; last >= 0 && s.whole[last][1] == to-n {
		s.whole[last][1] = after
		return nil
	}
	s.whole = append(s.whole, [2]int64{to - n, after})
	return nil
}

// String is a few lines that begin with "Damage:", "Lost:" and "Whole:".
func (s *survey) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "Damage: first bad offset %d (0x%x)\n", s.from, s.from)
	fmt.Fprintf(&b, "Lost: %d bytes from there on, in which %s of %s can be read", s.size-s.from, rdb.Plural(int64(s.commands), "command"), rdb.Plural(int64(len(s.keys)), "key"))
	if len(s.shown) > 0 {
		b.WriteString(": " + strings.Join(s.shown, ", "))
		if len(s.keys) > len(s.shown) {
			b.WriteString(", ...")
		}
	}
	b.WriteByte('\n')
	for i, r := range s.whole {
		if i == surveyRanges {
			fmt.Fprintf(&b, "Whole: %d more ranges\n", len(s.whole)-i)
			break
		}
		fmt.Fprintf(&b, "Whole: offset %d to %d, by its checksums\n", r[0], r[1])
	}
	return b.String()
}

// nextCommand looks in f behind from for the next offset where a whole command begins,
// -1 if there is none.
func nextCommand(f io.ReaderAt, from, size int64) (int64, error) {
	window := make([]byte, damageWindow)
	mark := []byte("\r\n*")
	var in scanner
	in.buf = make([]byte, damageWindow)
	budget := int64(damageBudget)
	for at := from; at < size; {
		n, err := f.ReadAt(window, at)
		if err != nil && err != io.EOF {
			return -1, err
		}
		for i := 0; ; {
			j := bytes.Index(window[i:n], mark)
			if j < 0 {
				break
			}
			i += j + len("\r\n")
			if n-i >= 2*(maxHeader+3) && !startsCommand(window[i:n]) {
				continue
			}
			start := at + int64(i)
			in.reset(io.NewSectionReader(f, start, size-start), start, size)
			if args, _, err := in.next(); err == nil && args != nil {
				return start, nil
			}
			if budget -= in.base + int64(in.end) - start; budget <= 0 {
				return -1, nil
			}
		}
		if n < len(window) {
			break
		}
		at += int64(n - len(mark) + 1)
	}
	return -1, nil
}
