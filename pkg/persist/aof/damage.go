package aof

import (
	"bytes"
	"fmt"
	"io"

	"redisd/internal/vfs"
)

// A command that ends behind the end of the file looks like one that was cut off
// by a crash. But a damaged length in the middle looks the same, and cutting there
// would drop everything behind it. The difference: behind a damaged length whole
// commands follow up to the end. A value that itself holds commands can be taken
// for damage; refusing is the mistake that loses nothing.

const (
	damageWindow = 64 << 10
	// Bytes read to test candidates; a value made of nothing but starts of commands
	// could otherwise keep a start busy for hours.
	damageBudget = 256 << 20
)

// endOfData is where the NULs begin that f ends in; size when there are none, from when
// there is nothing else. A file system that has noted an append and not written it when
// the power fails shows NULs there. No item ends in one.
func endOfData(f io.ReaderAt, from, size int64) (int64, error) {
	window := make([]byte, damageWindow)
	for size > from {
		w := window[:min(int64(len(window)), size-from)]
		if n, err := f.ReadAt(w, size-int64(len(w))); n < len(w) {
			return 0, err
		}
		if rest := bytes.TrimRight(w, "\x00"); len(rest) > 0 {
			return size - int64(len(w)-len(rest)), nil
		}
		size -= int64(len(w))
	}
	return from, nil
}

// mostLostAtStart is how long a file may be that has nothing but NULs: what came in its
// first second was lost. One that is longer has lost what was synced, and is refused.
const mostLostAtStart = 4 << 20

// cutOrDamaged returns errCut, or a formatError when whole commands follow the
// incomplete one that the reading stopped at.
func (l *loader) cutOrDamaged(f vfs.File) error {
	from := l.at
	at, err := followingCommand(f, from, l.end)
	switch {
	case err != nil:
		return err
	case at < 0:
		return errCut
	}
	return &formatError{from, fmt.Sprintf("a command is incomplete but others follow at offset %d", at)}
}

// followingCommand looks in f behind from for an offset from which commands go on to
// the end, -1 if there is none.
func followingCommand(f io.ReaderAt, from, size int64) (int64, error) {
	var in scanner
	in.buf = make([]byte, damageWindow)
	window := make([]byte, damageWindow)
	mark := []byte("\r\n*")
	budget := int64(damageBudget)
	for at := from; at < size && budget > 0; {
		n, err := f.ReadAt(window, at)
		if err != nil && err != io.EOF {
			return -1, err
		}
		w := window[:n]
		for i := 0; ; {
			j := bytes.Index(w[i:], mark)
			if j < 0 {
				break
			}
			i += j + len("\r\n")
			// Near the end of the window the start is not all to be seen: try it.
			if len(w)-i >= 2*(maxHeader+3) && !startsCommand(w[i:]) {
				continue
			}
			good, used, err := leadsToEnd(&in, f, at+int64(i), size)
			if good || err != nil {
				return at + int64(i), err
			}
			if budget -= used; budget <= 0 {
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

// startsCommand says whether b starts with "*digits CRLF $digits CRLF".
func startsCommand(b []byte) bool {
	for _, sign := range []byte{'*', '$'} {
		if b[0] != sign {
			return false
		}
		i := 1
		for i < len(b)-2 && b[i] >= '0' && b[i] <= '9' {
			i++
		}
		if i == 1 || b[i] != '\r' || b[i+1] != '\n' || i+2 == len(b) {
			return false
		}
		b = b[i+2:]
	}
	return true
}

// leadsToEnd says whether at least one command and nothing but items follow from
// at, the last of which may be cut off.
func leadsToEnd(in *scanner, f io.ReaderAt, at, size int64) (good bool, used int64, err error) {
	in.reset(io.NewSectionReader(f, at, size-at), at, size)
	in.blind = true
	commands := 0
	for {
		args, _, err := in.next()
		if args != nil {
			commands++
		}
		if err == nil {
			continue
		}
		used = in.base + int64(in.end) - at
		switch err.(type) {
		case *formatError:
			return false, used, nil
		}
		if err == io.EOF || err == errCut {
			return commands > 0, used, nil
		}
		return false, used, err
	}
}
