package aof

import (
	"bytes"
	"io"

	"redisd/internal/vfs"
	"redisd/pkg/persist/rdb"
)

// The RDB in front of commands, or the base of a set, in redis-check-aof. A damaged one
// ends the check, as in Redis; with --fix what is whole of it takes its place, and the
// commands behind it stay.

// preamble checks it, and puts the walker behind it.
func (c *checker) preamble(f vfs.File, w *walker) error {
	d := rdb.NewDecoder(f)
	d.SetSize(w.size)
	if rdb.CheckDecoder(d, c.env.Out, rdb.CheckOptions{Name: w.name, NowMillis: c.env.NowMillis}) {
		c.printf("RDB preamble is OK, proceeding with AOF tail...\n")
		w.at = d.Offset()
		return nil
	}
	head, err := rdb.NewSalvage(f, w.size, rdb.SalvageOptions{Embedded: true})
	if err != nil || head.Sound() {
		return c.fail("RDB preamble of AOF file is not sane, aborting.\n")
	}
	at, found := head.End()
	if !found {
		at, err = commandsBehind(f, head.Earliest(), w.size)
		if err == nil {
			head, err = rdb.NewSalvage(io.NewSectionReader(f, 0, at), at, rdb.SalvageOptions{Embedded: true})
		}
		if err != nil {
			return c.fail("Failed to read from AOF %s: %s\n", w.name, Strerror(err))
		}
	}
	c.printf("%s", head)
	if at < w.size {
		s := &survey{f: f, from: at, size: w.size}
		if err := s.look(); err != nil {
			return c.fail("Failed to read from AOF %s: %s\n", w.name, Strerror(err))
		}
		c.printf("Whole: the commands behind the RDB, from offset %d on, %s of %s; they may be about keys that are lost\n",
			at, rdb.Plural(int64(s.commands), "command"), rdb.Plural(int64(len(s.keys)), "key"))
	}
	if !c.fix {
		c.printf("RDB preamble of AOF file is not sane, aborting.\n")
		return c.fail("AOF %s is not valid. Use the --fix option to try fixing it.\n", w.name)
	}
	w.head, w.at, w.tail = head, at, at
	return nil
}

// commandsBehind looks in f behind from for the commands that follow an RDB whose end is
// not known: what begins behind an end mark and checksum, or with the choice of a database
// where that mark is damaged. size if there are none.
func commandsBehind(f io.ReaderAt, from, size int64) (int64, error) {
	const (
		endMark    = "\xff"
		behindMark = 1 + 8 // the checksum follows it
		firstOne   = "*2\r\n$6\r\nSELECT\r\n"
	)
	at, err := commandsFrom(f, from, size, []byte(endMark), behindMark)
	if at == size && err == nil {
		at, err = commandsFrom(f, from, size, []byte(firstOne), 0)
	}
	return at, err
}

// commandsFrom looks for commands that begin skip bytes behind the start of mark.
func commandsFrom(f io.ReaderAt, from, size int64, mark []byte, skip int) (int64, error) {
	window := make([]byte, damageWindow)
	var in scanner
	in.buf = make([]byte, damageWindow)
	budget := int64(damageBudget)
	for at := from; at < size && budget > 0; {
		n, err := f.ReadAt(window, at)
		if err != nil && err != io.EOF {
			return 0, err
		}
		b := window[:n]
		for i := 0; budget > 0; i++ {
			j := bytes.Index(b[min(i, n):], mark)
			if j < 0 {
				break
			}
			i += j
			next := i + skip
			if next >= n || !mayBegin(b[next:]) {
				continue
			}
			good, used, err := followRDB(&in, f, at+int64(next), size)
			if good || err != nil {
				return at + int64(next), err
			}
			budget -= used
		}
		if n < len(window) {
			break
		}
		at += int64(n - max(skip, len(mark)))
	}
	return size, nil
}

// mayBegin says whether b can be the start of a note or a command, by what of it is there.
func mayBegin(b []byte) bool {
	return b[0] == '#' || b[0] == '*' && (len(b) < 2*(maxHeader+3) || startsCommand(b))
}

// followRDB says whether the commands from offset at on are those behind an RDB.
func followRDB(in *scanner, f io.ReaderAt, at, size int64) (good bool, used int64, err error) {
	good, used, err = leadsToEnd(in, f, at, size)
	if good || err != nil {
		return good, used, err
	}
	in.reset(io.NewSectionReader(f, at, size-at), at, size)
	in.blind = true
	for {
		args, _, err := in.next()
		if err != nil {
			return false, used, nil
		}
		if args != nil {
			return bytes.EqualFold(args[0], []byte("SELECT")), used, nil
		}
	}
}
