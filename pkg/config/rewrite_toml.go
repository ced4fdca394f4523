package config

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// This file rewrites the TOML format: values are exchanged where they stand, new
// ones go into their table.

// edit replaces text[from:to].
type edit struct {
	from, to int
	text     string
}

// rewriteTOML returns text with the live values.
func (c *Config) rewriteTOML(text string, all bool) (string, error) {
	doc, err := parseTOML(text)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.File = c.source.File
		}
		return "", err
	}
	file, err := c.scratch(c.source.File, text)
	if err != nil {
		return "", err
	}
	at := map[ID]tomlItem{}
	for _, it := range doc.items {
		if !it.header {
			if d, err := c.index.place(it.path); err == nil {
				at[d.ID] = it
			}
		}
	}
	var edits []edit
	tail := &strings.Builder{} // tables that the file does not have
	defaults := New()
	lastTable := ""
	for i := range c.index.rows {
		d := &c.index.rows[i]
		it, present := at[d.ID]
		base := defaults
		if present {
			base = file
		}
		v, skip, err := c.tomlChange(d, base, all)
		if err != nil {
			return "", err
		}
		if skip {
			continue
		}
		if present {
			edits = append(edits, edit{it.value, it.end, v})
			continue
		}
		if e, ok := doc.insertion(d, v); ok {
			edits = append(edits, e)
			continue
		}
		if lastTable != d.Table {
			lastTable = d.Table
			fmt.Fprintf(tail, "\n[%s]\n", d.Table)
		}
		fmt.Fprintf(tail, "%s = %s\n", d.Name, v)
	}
	return applyEdits(text, edits, tail.String()), nil
}

// tomlChange is the value that a directive gets in the file; skip leaves it as it is.
func (c *Config) tomlChange(d *Directive, file *Config, all bool) (text string, skip bool, err error) {
	switch {
	case d.ID == User && c.Users != nil:
		text, changed, err := c.tomlUsers(c.users, file.Lines(User))
		return text, !changed, err
	case d.Is(FileOnly) || !all && d.equal(file.vals[d.ID], c.vals[d.ID]):
		return "", true, nil
	}
	text, err = d.tomlValue(c.vals[d.ID])
	return text, false, err
}

// applyEdits makes all edits; those at one place keep their order.
func applyEdits(text string, edits []edit, tail string) string {
	slices.SortStableFunc(edits, func(a, b edit) int { return a.from - b.from })
	var b strings.Builder
	done := 0
	for _, e := range edits {
		b.WriteString(text[done:e.from])
		if e.from == e.to && b.Len() > 0 && !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(e.text)
		done = e.to
	}
	b.WriteString(text[done:])
	if tail != "" {
		if b.Len() == 0 {
			tail = tail[1:]
		} else if !strings.HasSuffix(b.String(), "\n") {
			b.WriteByte('\n')
		}
		b.WriteString(tail)
	}
	return b.String()
}

// insertion finds where a directive that is not in the file goes: behind the
// comment that shows it, else behind the last key of its table, else behind the
// table's head. It is false when the file has no such table.
func (t *tomlDoc) insertion(d *Directive, v string) (edit, bool) {
	line := d.Name + " = " + v + "\n"
	pos, dotted := -1, false
	for i, it := range t.items {
		if tableName(it.path[0]) != d.Table {
			continue
		}
		switch {
		case it.header && !it.array && len(it.path) == 1:
			end := len(t.text)
			if n := slices.IndexFunc(t.items[i+1:], func(it tomlItem) bool { return it.header }); n >= 0 {
				end = t.items[i+1+n].start
			}
			if at, ok := t.comment(d, t.lineEnd(it.end), end); ok {
				return edit{at, at, line}, true
			}
			pos, dotted = t.lineEnd(it.end), false
		case len(it.path) == 2:
			pos, dotted = t.lineEnd(it.end), it.dotted
		}
	}
	if dotted {
		line = d.Table + "." + line
	}
	return edit{pos, pos, line}, pos >= 0
}

// lineEnd returns the offset behind the end of the line that holds pos.
func (t *tomlDoc) lineEnd(pos int) int {
	if n := strings.IndexByte(t.text[pos:], '\n'); n >= 0 {
		return pos + n + 1
	}
	return len(t.text)
}

// comment finds a line "# name = ..." between from and to that is not part of a
// value, and returns the offset behind it.
func (t *tomlDoc) comment(d *Directive, from, to int) (int, bool) {
	for from < to {
		end := t.lineEnd(from)
		line := strings.TrimLeft(t.text[from:end], " \t")
		if rest, ok := strings.CutPrefix(line, "#"); ok && !t.inValue(from) {
			name, _, eq := strings.Cut(rest, "=")
			if eq && strings.Trim(name, "# \t") == d.Name {
				return end, true
			}
		}
		from = end
	}
	return 0, false
}

func (t *tomlDoc) inValue(pos int) bool {
	return slices.ContainsFunc(t.items, func(it tomlItem) bool { return !it.header && it.value <= pos && pos < it.end })
}

// tomlValue writes a value in TOML.
func (d *Directive) tomlValue(v value) (string, error) {
	switch d.Kind {
	case KindBool:
		return strconv.FormatBool(v.n != 0), nil
	case KindInt:
		return d.format(v), nil
	case KindMemory, KindMemoryOrPercent:
		s := formatMemory(v.n)
		if v.n < 0 {
			s = d.format(v)
		}
		if strings.Trim(s, "0123456789") == "" {
			return s, nil
		}
		return strconv.Quote(s), nil
	case KindOOMValues, KindPercentiles:
		return "[" + strings.Join(d.words(v), ", ") + "]", nil
	case KindList:
		return tomlStrings(d, d.words(v))
	case KindEnumSet:
		return tomlStrings(d, strings.Fields(d.format(v)))
	case KindSavePoints, KindOutputLimits:
		return tomlStrings(d, d.entries(v))
	}
	return tomlString(d, d.format(v))
}

func tomlStrings(d *Directive, list []string) (string, error) {
	quoted := make([]string, len(list))
	for i, s := range list {
		var err error
		if quoted[i], err = tomlString(d, s); err != nil {
			return "", err
		}
	}
	return "[" + strings.Join(quoted, ", ") + "]", nil
}

// tomlString quotes s. TOML has no way to write bytes that are not UTF-8.
func tomlString(d *Directive, s string) (string, error) {
	if !utf8.ValidString(s) {
		return "", &Error{Reason: "the value of " + d.Name + " is not UTF-8, which a TOML file cannot hold"}
	}
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteRune(r)
		case r < ' ' || r == 0x7f:
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	b.WriteByte('"')
	return b.String(), nil
}
