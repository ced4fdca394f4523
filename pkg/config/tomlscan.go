package config

import (
	"strconv"
	"strings"
)

// This file finds keys, values and heads of tables in TOML text that is known to
// be valid. It does not decode values.

// tomlItem is a key with its value, or the head of a table.
type tomlItem struct {
	path       []string // table and key, or the table's name
	line       int      // from 1
	start      int      // offset of the line's first byte that is no blank
	value, end int      // offsets of the value, end not included; of a head: of its closing bracket
	header     bool
	array      bool // head with two brackets
	dotted     bool // the key itself holds the table: a.b = 1
}

// tomlScanner walks over text.
type tomlScanner struct {
	s     string
	i     int
	table []string
	items []tomlItem
}

func scanTOML(text string) []tomlItem {
	t := &tomlScanner{s: strings.TrimPrefix(text, "\ufeff")}
	shift := len(text) - len(t.s)
	line, counted := 1, 0
	for {
		t.skip(" \t\r\n")
		if t.i >= len(t.s) {
			break
		}
		start := t.i
		line += strings.Count(t.s[counted:start], "\n")
		counted = start
		switch t.s[t.i] {
		case '#':
			t.toLineEnd()
			continue
		case '[':
			t.head()
		default:
			t.pair()
		}
		it := &t.items[len(t.items)-1]
		it.line = line
		it.start, it.value, it.end = start+shift, it.value+shift, it.end+shift
		t.toLineEnd()
	}
	return t.items
}

func (t *tomlScanner) peek(i int) byte {
	if i < len(t.s) {
		return t.s[i]
	}
	return 0
}

func (t *tomlScanner) skip(set string) {
	for t.i < len(t.s) && strings.IndexByte(set, t.s[t.i]) >= 0 {
		t.i++
	}
}

func (t *tomlScanner) toLineEnd() {
	for t.i < len(t.s) && t.s[t.i] != '\n' {
		t.i++
	}
}

// head reads [a.b] or [[a.b]].
func (t *tomlScanner) head() {
	t.i++
	array := t.peek(t.i) == '['
	if array {
		t.i++
	}
	t.table = t.key("]")
	t.items = append(t.items, tomlItem{path: t.table, header: true, array: array, value: t.i, end: t.i})
}

// pair reads key = value.
func (t *tomlScanner) pair() {
	key := t.key("=")
	t.i++
	t.skip(" \t")
	it := tomlItem{path: append(t.table[:len(t.table):len(t.table)], key...), value: t.i, dotted: len(key) > 1}
	t.skipValue()
	for t.i > it.value && strings.IndexByte(" \t\r", t.s[t.i-1]) >= 0 {
		t.i--
	}
	it.end = t.i
	t.items = append(t.items, it)
}

// key reads a dotted key up to, not including, the stop byte.
func (t *tomlScanner) key(stop string) []string {
	var parts []string
	for t.i < len(t.s) {
		t.skip(" \t")
		from := t.i
		switch c := t.peek(t.i); c {
		case '"', '\'':
			t.skipString()
			part := t.s[from+1 : max(t.i-1, from+1)]
			if c == '"' {
				if u, err := strconv.Unquote(t.s[from:t.i]); err == nil {
					part = u
				}
			}
			parts = append(parts, part)
		default:
			for t.i < len(t.s) && strings.IndexByte(" \t.\n"+stop, t.s[t.i]) < 0 {
				t.i++
			}
			parts = append(parts, t.s[from:t.i])
		}
		t.skip(" \t")
		if t.peek(t.i) != '.' {
			break
		}
		t.i++
	}
	return parts
}

// skipValue goes to the byte after a value, trailing blanks perhaps included.
func (t *tomlScanner) skipValue() {
	switch t.peek(t.i) {
	case '"', '\'':
		t.skipString()
	case '[', '{':
		t.skipNested()
	default:
		for t.i < len(t.s) && strings.IndexByte(",]}#\n", t.s[t.i]) < 0 {
			t.i++
		}
	}
}

// skipNested goes past an array or inline table.
func (t *tomlScanner) skipNested() {
	depth := 0
	for t.i < len(t.s) {
		switch t.s[t.i] {
		case '"', '\'':
			t.skipString()
			continue
		case '#':
			t.toLineEnd()
			continue
		case '[', '{':
			depth++
		case ']', '}':
			depth--
		}
		t.i++
		if depth == 0 {
			return
		}
	}
}

// skipString goes past a string of any of the four forms.
func (t *tomlScanner) skipString() {
	q := t.s[t.i : t.i+1]
	escapes := q == `"`
	if triple := strings.Repeat(q, 3); strings.HasPrefix(t.s[t.i:], triple) {
		q = triple
	}
	t.i += len(q)
	for t.i < len(t.s) {
		switch {
		case escapes && t.s[t.i] == '\\':
			t.i += 2
		case strings.HasPrefix(t.s[t.i:], q):
			t.i += len(q)
			// """a""""" ends with two quotes that belong to the text.
			for n := 0; len(q) == 3 && n < 2 && t.peek(t.i) == q[0]; n++ {
				t.i++
			}
			return
		default:
			t.i++
		}
	}
	t.i = len(t.s)
}
