package rdb

import (
	"fmt"
	"io"
	"strings"

	"redisd/internal/crc64"
)

// What a Salvage tells, and the RDB that it makes.

// Sound says that nothing is wrong.
func (s *Salvage) Sound() bool { return s.first == nil }

// Keys is the number of keys that are whole.
func (s *Salvage) Keys() int64 { return s.keys }

// End is the offset behind the RDB; ok is false when its end was not found, and nothing
// could be read from the offset on.
func (s *Salvage) End() (offset int64, ok bool) {
	if s.ended {
		return s.end, true
	}
	return s.stop, false
}

// Earliest is the offset where the RDB can end at the earliest, if its end was not found:
// damaged lengths may have led the reading behind it.
func (s *Salvage) Earliest() int64 {
	if s.items < recent {
		return int64(len(s.newHeader()))
	}
	return s.starts[s.items%recent]
}

// Size is the number of bytes that WriteTo writes.
func (s *Salvage) Size() int64 {
	n := int64(len(s.newHeader()) + 1)
	if s.newVersion() >= 5 {
		n += 8
	}
	for _, r := range s.keep {
		n += r.to - r.from
	}
	return n
}

// newVersion is that of the new file: one that as many servers as possible read.
func (s *Salvage) newVersion() int {
	if s.newest > TypeStreamListpacks2 {
		return MaxVersion
	}
	return min(s.version, Version)
}

func (s *Salvage) newHeader() []byte { return fmt.Appendf(nil, "REDIS%04d", s.newVersion()) }

// WriteTo writes an RDB of what is whole, with its checksum.
func (s *Salvage) WriteTo(w io.Writer) (int64, error) {
	out := summer{w: w}
	if _, err := out.Write(s.newHeader()); err != nil {
		return out.n, err
	}
	buf := make([]byte, bufferSize)
	for _, r := range s.keep {
		if _, err := io.CopyBuffer(&out, io.NewSectionReader(s.f, r.from, r.to-r.from), buf); err != nil {
			return out.n, err
		}
	}
	end := AppendEOF(nil, out.crc)
	if s.newVersion() < 5 {
		end = end[:1]
	}
	_, err := out.Write(end)
	return out.n, err
}

// summer computes the checksum of what passes.
type summer struct {
	w   io.Writer
	n   int64
	crc uint64
}

func (s *summer) Write(p []byte) (int, error) {
	n, err := s.w.Write(p)
	s.n += int64(n)
	s.crc = crc64.Update(s.crc, p[:n])
	return n, err
}

// String is what there is to say about damage: lines that begin with "Damage:", "Lost:"
// and "Whole:".
func (s *Salvage) String() string {
	var b strings.Builder
	f := s.first
	if f == nil {
		return ""
	}
	fmt.Fprintf(&b, "Damage: first bad offset %d (0x%x), in %s: %s", f.from, f.from, f.where, f.reason)
	if f.at != f.from {
		fmt.Fprintf(&b, " (at offset %d)", f.at)
	}
	b.WriteByte('\n')
	for _, text := range s.lost {
		fmt.Fprintf(&b, "Lost: %s\n", text)
	}
	if s.more > 0 {
		fmt.Fprintf(&b, "Lost: %s more\n", Plural(int64(s.more), "part"))
	}
	s.tellStop(&b)
	s.tellCounts(&b)
	s.tellWhole(&b)
	return b.String()
}

// tellStop tells what is lost because no end was found.
func (s *Salvage) tellStop(b *strings.Builder) {
	if s.ended {
		return
	}
	fmt.Fprintf(b, "Lost: everything from offset %d on, %s\n", s.stop, Plural(s.size-s.stop, "byte"))
	if s.last != "" {
		fmt.Fprintf(b, "Damage: %s is the last that ends where it should, its value may be damaged already\n", s.last)
	}
}

// tellCounts compares the keys that were read, those left out among them, with what the
// file says of its databases. Servers leave expired keys out.
func (s *Salvage) tellCounts(b *strings.Builder) {
	shown := 0
	for _, db := range s.dbs {
		if !db.claimed || db.keys == db.said || shown == shownLost {
			continue
		}
		shown++
		switch {
		case db.keys > db.said:
			fmt.Fprintf(b, "Damage: the file gives %s for database %d, and there are %d\n", Plural(int64(db.said), "key"), db.number, db.keys)
		case s.ended:
			fmt.Fprintf(b, "Lost: perhaps %s: the file gives %d for database %d, and there are %d\n",
				Plural(int64(db.said-db.keys), "key"), db.said, db.number, db.keys)
		default:
			fmt.Fprintf(b, "Lost: with it %d of the %s that the file gives for database %d\n", db.said-db.keys, Plural(int64(db.said), "key"), db.number)
		}
	}
}

func (s *Salvage) tellWhole(b *strings.Builder) {
	fmt.Fprintf(b, "Whole: %s", Plural(s.keys, "key"))
	if s.libraries > 0 {
		fmt.Fprintf(b, " and %s of functions", strings.Replace(Plural(s.libraries, "library"), "librarys", "libraries", 1))
	}
	b.WriteString(", as far as the form tells; no checksum vouches for the values\n")
	if s.highest >= usualDatabases {
		fmt.Fprintf(b, "Whole: keys of database %d are among them: loading them takes databases %d\n", s.highest, s.highest+1)
	}
}

// Plural is a number of things in words.
func Plural(n int64, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}
