package config

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/BurntSushi/toml"
)

// This file reads the TOML format. The toml package decodes; tomlscan.go finds
// the places of keys and values, which that package does not tell.

// toml reads text.
func (l *loader) toml(name, text string) error {
	doc, err := parseTOML(text)
	if err != nil {
		var e *Error
		if errors.As(err, &e) {
			e.File = name
		}
		return err
	}
	seen := map[ID]int{}
	for _, it := range doc.items {
		at := origin{file: name, line: it.line, text: doc.lineText(it)}
		err := l.tomlItem(doc, it, seen, at)
		if err == nil {
			continue
		}
		var e *Error
		if errors.As(err, &e) {
			return e // of an included file
		}
		return &Error{File: name, Line: at.line, Text: at.text, Reason: err.Error()}
	}
	return nil
}

// tomlItem carries out one key or checks one table's head.
func (l *loader) tomlItem(doc *tomlDoc, it tomlItem, seen map[ID]int, at origin) error {
	if it.header {
		switch {
		case it.array:
			return errors.New("a table must be written with one pair of brackets")
		case len(it.path) != 1 || !l.c.index.tables[tableName(it.path[0])]:
			return fmt.Errorf("there is no table '%s'", strings.Join(it.path, "."))
		}
		return nil
	}
	d, err := l.c.index.place(it.path)
	if err != nil {
		return err
	}
	v, ok := lookup(doc.data, it.path)
	if !ok {
		return errors.New("this key cannot be read; write it without quotes")
	}
	if first, dup := seen[d.ID]; dup {
		return fmt.Errorf("directive '%s' is set in line %d already", d.Name, first)
	}
	seen[d.ID] = it.line
	if d.Kind == KindLines {
		return l.tomlLines(d, v, at)
	}
	args, err := d.tomlArgs(v)
	if err != nil {
		return err
	}
	return l.set(d, args, at)
}

// tableName takes _ for -, as keys do.
func tableName(s string) string { return strings.ReplaceAll(strings.ToLower(s), "_", "-") }

// place finds the directive of a key and checks that its table is right.
func (x *index) place(path []string) (*Directive, error) {
	d, ok := x.findKey(path[len(path)-1])
	switch {
	case ok && (len(path) == 1 || len(path) == 2 && tableName(path[0]) == d.Table):
		return d, nil
	case ok && len(path) == 2:
		return nil, fmt.Errorf("directive '%s' belongs into table [%s], not [%s]", d.Name, d.Table, path[0])
	}
	if len(path) == 1 && x.tables[tableName(path[0])] {
		return nil, fmt.Errorf("table [%s] must be written as a table of its own", path[0])
	}
	return nil, fmt.Errorf("unknown directive '%s'", strings.Join(path, "."))
}

// tomlLines reads include, user and the like: a string or an array of strings.
func (l *loader) tomlLines(d *Directive, v any, at origin) error {
	list, ok := v.([]any)
	if !ok {
		list = []any{v}
	}
	for _, e := range list {
		s, ok := e.(string)
		if !ok {
			return fmt.Errorf("'%s' takes a string or an array of strings", d.Name)
		}
		args := []string{s}
		if d.ID != Include {
			if args, ok = SplitArgs(s); !ok {
				return fmt.Errorf("unbalanced quotes in '%s'", s)
			}
		}
		if err := l.special(d, args, at); err != nil {
			return err
		}
	}
	return nil
}

// tomlArgs turns a TOML value into the arguments that redis.conf would have.
func (d *Directive) tomlArgs(v any) ([]string, error) {
	switch x := v.(type) {
	case bool:
		if _, ok := d.enumValue(yesNo(x)); ok || d.Kind == KindBool {
			return []string{yesNo(x)}, nil
		}
	case int64:
		switch d.Kind {
		case KindInt, KindMemory, KindMemoryOrPercent, KindPercentiles:
			return []string{strconv.FormatInt(x, 10)}, nil
		}
	case float64:
		if d.Kind == KindPercentiles {
			return []string{strconv.FormatFloat(x, 'g', -1, 64)}, nil
		}
	case string:
		if !d.Kind.multi() || x == "" {
			return []string{x}, nil
		}
		if words, ok := SplitArgs(x); ok {
			return words, nil
		}
		return nil, fmt.Errorf("unbalanced quotes in '%s'", x)
	case []any:
		if d.Kind.multi() {
			return d.tomlList(x)
		}
	}
	return nil, fmt.Errorf("'%s' takes %s", d.Name, d.tomlType())
}

// tomlList takes words, numbers, strings of several words, and arrays of these.
func (d *Directive) tomlList(list []any) ([]string, error) {
	if len(list) == 0 && d.Kind != KindOutputLimits {
		return []string{""}, nil
	}
	var args []string
	for _, e := range list {
		switch x := e.(type) {
		case int64:
			args = append(args, strconv.FormatInt(x, 10))
		case float64:
			args = append(args, strconv.FormatFloat(x, 'g', -1, 64))
		case string:
			words, ok := SplitArgs(x)
			if !ok {
				return nil, fmt.Errorf("unbalanced quotes in '%s'", x)
			}
			args = append(args, words...)
		case []any:
			words, err := d.tomlList(x)
			if err != nil {
				return nil, err
			}
			args = append(args, words...)
		default:
			return nil, fmt.Errorf("'%s' takes %s", d.Name, d.tomlType())
		}
	}
	return args, nil
}

// tomlType says what to write.
func (d *Directive) tomlType() string {
	switch d.Kind {
	case KindBool:
		return "true or false"
	case KindInt:
		return "a number"
	case KindMemory:
		return `a number of bytes or a string such as "64mb"`
	case KindMemoryOrPercent:
		return `a number of bytes or a string such as "64mb" or "5%"`
	case KindOctal:
		return `an octal number as a string, such as "770"`
	case KindOOMValues, KindPercentiles:
		return "an array of numbers"
	case KindList, KindEnumSet, KindSavePoints, KindOutputLimits:
		return "an array of strings"
	}
	return "a string"
}

// tomlDoc is a TOML file taken apart.
type tomlDoc struct {
	text  string
	data  map[string]any
	items []tomlItem
}

// lineText returns the line that an item starts on.
func (t *tomlDoc) lineText(it tomlItem) string {
	line, _, _ := strings.Cut(t.text[it.start:], "\n")
	return strings.Trim(line, blanks)
}

// parseTOML decodes text and finds its places. The error is an *Error.
func parseTOML(text string) (*tomlDoc, error) {
	doc := &tomlDoc{text: text, data: map[string]any{}}
	if _, err := toml.Decode(text, &doc.data); err != nil {
		e := &Error{Reason: err.Error()}
		var pe toml.ParseError
		if errors.As(err, &pe) {
			e.Reason = pe.Message
			lines := strings.Split(text, "\n")
			// What ends too early is noticed in the line behind it.
			for e.Line = min(pe.Position.Line, len(lines)); e.Line > 0; e.Line-- {
				if e.Text = strings.Trim(lines[e.Line-1], blanks); e.Text != "" {
					break
				}
			}
		}
		return nil, e
	}
	doc.items = scanTOML(text)
	return doc, nil
}

// lookup follows a path through tables.
func lookup(data map[string]any, path []string) (any, bool) {
	for i, p := range path {
		v, ok := data[p]
		if !ok || i == len(path)-1 {
			return v, ok
		}
		if data, ok = v.(map[string]any); !ok {
			return nil, false
		}
	}
	return nil, false
}
