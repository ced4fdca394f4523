package aof

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"redisd/internal/vfs"
)

// The multi-part layout of Redis 7: a directory with a manifest that lists one base
// file and increments in order. manifest_write.go writes it, set.go changes it on the
// disk. One line a file:
//
//	file appendonly.aof.2.base.rdb seq 2 type b
//	file appendonly.aof.1.incr.aof seq 1 type h      history: no longer counts
//	file appendonly.aof.2.incr.aof seq 2 type i

// Part is one file of a set.
type Part struct {
	Name string // without a directory
	Seq  int64
}

// Manifest lists the files of a set.
type Manifest struct {
	Base    *Part  // nil if there is none
	Incr    []Part // in the order of loading
	History []Part // left over from before the last rewrite
	// FileVoid: the file of the one-file layout, if there is one, does not count.
	FileVoid bool
}

// Parts returns what is to be loaded, in order.
func (m *Manifest) Parts() []Part {
	var parts []Part
	if m.Base != nil {
		parts = append(parts, *m.Base)
	}
	return append(parts, m.Incr...)
}

// ManifestError is a damaged manifest.
type ManifestError struct {
	Line int    // from 1, 0 = the whole
	Text string // the line
	What string // in Redis's words
}

// Error tells line and cause.
func (e *ManifestError) Error() string {
	if e.Text == "" {
		return "aof: manifest: " + e.What
	}
	return fmt.Sprintf("aof: manifest: line %d: %s: %q", e.Line, e.What, e.Text)
}

// maxManifestLine is Redis's limit of a line, its end included.
const maxManifestLine = 1024

// ParseManifest reads a manifest. Errors are *ManifestError.
func ParseManifest(data []byte) (*Manifest, error) {
	m := &Manifest{}
	lines := 0
	for len(data) > 0 {
		line, rest, whole := bytes.Cut(data, []byte("\n"))
		data = rest
		lines++
		if len(line) > 0 && line[0] == '#' {
			m.FileVoid = m.FileVoid || string(line) == fileVoid
			continue
		}
		if !whole || len(line) >= maxManifestLine {
			return nil, &ManifestError{lines, "", "The AOF manifest file contains too long line"}
		}
		text := strings.Trim(string(line), " \t\r\n")
		if what := m.line(text); what != "" {
			return nil, &ManifestError{lines, text, what}
		}
	}
	if lines == 0 {
		return nil, &ManifestError{0, "", "Found an empty AOF manifest"}
	}
	return m, nil
}

// line adds a line and returns what is wrong with it, if anything.
func (m *Manifest) line(text string) string {
	const invalid = "Invalid AOF manifest file format"
	fields, ok := splitQuoted(text)
	if !ok || len(fields) < 6 || len(fields)%2 != 0 {
		return invalid
	}
	var p Part
	kind := byte(0)
	for i := 0; i < len(fields); i += 2 {
		value := fields[i+1]
		switch strings.ToLower(fields[i]) {
		case "file":
			if strings.ContainsAny(value, `/\`) {
				return "File can't be a path, just a filename"
			}
			p.Name = value
		case "seq":
			p.Seq, _ = strconv.ParseInt(value, 10, 64) // 0 is refused below
		case "type":
			if value != "" {
				kind = value[0]
			}
		}
	}
	if p.Name == "" || p.Seq == 0 || kind == 0 {
		return invalid
	}
	switch kind {
	case 'b':
		if m.Base != nil {
			return "Found duplicate base file information"
		}
		m.Base = &p
	case 'h':
		m.History = append(m.History, p)
	case 'i':
		if p.Seq <= m.lastSeq() {
			return "Found a non-monotonic sequence number"
		}
		m.Incr = append(m.Incr, p)
	default:
		return "Unknown AOF file type"
	}
	return ""
}

func (m *Manifest) lastSeq() int64 {
	if len(m.Incr) == 0 {
		return 0
	}
	return m.Incr[len(m.Incr)-1].Seq
}

// splitQuoted splits at spaces; a field may be in double quotes with the escapes
// that Redis writes for names that need them, or in single quotes.
func splitQuoted(s string) ([]string, bool) {
	var fields []string
	for {
		s = strings.TrimLeft(s, " \t\r\n\v\f")
		if s == "" {
			return fields, true
		}
		var field []byte
		for s != "" && !strings.ContainsRune(" \t\r\n\v\f", rune(s[0])) {
			if s[0] != '"' && s[0] != '\'' {
				field, s = append(field, s[0]), s[1:]
				continue
			}
			text, n := unquote(s)
			if n == 0 {
				return nil, false
			}
			field, s = append(field, text...), s[n:]
			if s != "" && !strings.ContainsRune(" \t\r\n\v\f", rune(s[0])) {
				return nil, false
			}
		}
		fields = append(fields, string(field))
	}
}

// unquote reads the quoted text at the start of s and returns the bytes it took, 0
// if the quote does not end.
func unquote(s string) (text []byte, n int) {
	quote := s[0]
	for i := 1; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote:
			return text, i + 1
		case c != '\\' || i+1 == len(s):
			text = append(text, c)
		case quote == '\'':
			if s[i+1] == '\'' {
				c = '\''
				i++
			}
			text = append(text, c)
		default:
			i++
			if s[i] == 'x' && i+2 < len(s) {
				if b, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
					text = append(text, byte(b))
					i += 2
					continue
				}
			}
			if k := strings.IndexByte("nrtba", s[i]); k >= 0 {
				text = append(text, "\n\r\t\b\a"[k])
				continue
			}
			text = append(text, s[i])
		}
	}
	return nil, 0
}

// ReadManifest reads the manifest at path. Errors are *LoadError.
func ReadManifest(fsys vfs.FS, path string) (*Manifest, error) {
	data, err := vfs.ReadFile(fsys, path)
	if err != nil {
		text := fmt.Sprintf("Fatal error: can't open the AOF manifest file %s for reading: %s", path, Strerror(err))
		return nil, &LoadError{KindOpen, path, 0, text, err}
	}
	m, err := ParseManifest(data)
	if err != nil {
		return nil, &LoadError{KindManifest, path, 0, fmt.Sprintf("FATAL AOF MANIFEST FILE ERROR in %s: %v", path, err), err}
	}
	return m, nil
}

// LoadSet replays the set that the manifest at dir/name lists, base first. Only the
// last file may be cut off at its end. A listed file that is not there is an error.
// Nothing is written except to cut off that end. Errors are *LoadError.
func LoadSet(fsys vfs.FS, dir, name string, opts LoadOptions) (LoadResult, error) {
	m, err := ReadManifest(fsys, filepath.Join(dir, name))
	if err != nil {
		return LoadResult{}, err
	}
	parts := m.Parts()
	// All first: nothing is replayed of a set that is not whole.
	for _, p := range parts {
		path := filepath.Join(dir, p.Name)
		if _, err := fsys.Stat(path); err != nil {
			text := fmt.Sprintf("The append log file %s doesn't exist: %s", p.Name, Strerror(err))
			if !missing(err) {
				text = fmt.Sprintf("Fatal error: can't open the append log file %s for reading: %s", p.Name, Strerror(err))
			}
			return LoadResult{}, &LoadError{KindOpen, path, 0, text, err}
		}
	}
	var sum LoadResult
	for i, p := range parts {
		one := opts
		one.label, one.part, one.start = p.Name, true, sum.Size
		// An incomplete end in front of other files is not the work of a crash.
		if i < len(parts)-1 {
			one.AllowTruncated, one.CorruptTailMax = false, 0
		}
		if i > 0 {
			// Each file is a stream of its own.
			if err := opts.Exec([][]byte{[]byte("SELECT"), []byte("0")}); err != nil {
				return sum, &LoadError{KindCommand, filepath.Join(dir, p.Name), 0, err.Error(), err}
			}
		}
		start := micros(opts)
		res, err := Load(fsys, filepath.Join(dir, p.Name), one)
		sum.Commands += res.Commands
		sum.Size += res.Size
		sum.Preamble += res.Preamble
		sum.Truncated += res.Truncated
		var le *LoadError
		if errors.As(err, &le) && le.Kind == KindCut && i < len(parts)-1 {
			le.Text = fmt.Sprintf("Fatal error: the truncated file is not the last file (file %s, good up to offset %d)", p.Name, le.Offset)
		}
		if err != nil {
			return sum, err
		}
		kind := "incr"
		if m.Base != nil && i == 0 {
			kind, sum.Base = "base", res.Size
		}
		if opts.Event != nil {
			opts.Event(Event{Level: Notice, Text: fmt.Sprintf("DB loaded from %s file %s: %.3f seconds", kind, p.Name, float64(micros(opts)-start)/1e6)})
		}
	}
	return sum, nil
}

func micros(opts LoadOptions) int64 {
	if opts.Micros == nil {
		return 0
	}
	return opts.Micros()
}

// isManifest says whether r starts like a manifest: behind comments a line "file ...".
func isManifest(r *bufio.Reader) (bool, error) {
	for {
		line, err := r.ReadSlice('\n')
		if len(line) > 0 && line[0] != '#' {
			return bytes.HasPrefix(line, []byte("file")), nil
		}
		for err == bufio.ErrBufferFull { // a long comment
			_, err = r.ReadSlice('\n')
		}
		if err != nil {
			return false, ignoreEOF(err)
		}
	}
}
