package config

import (
	"errors"
	"strings"
)

// This file reads the redis.conf format.

const blanks = " \t\r\n"

// conf reads text; base is added to line numbers.
func (l *loader) conf(name, text string, base int) error {
	n := base
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.Trim(line, blanks)
		if line == "" || line[0] == '#' {
			continue
		}
		at := origin{file: name, line: n, text: line}
		if err := l.line(line, at); err != nil {
			var e *Error
			if errors.As(err, &e) {
				return e // of an included file
			}
			return &Error{File: name, Line: n, Text: line, Reason: err.Error()}
		}
	}
	return nil
}

// line carries out one line. An error that is no *Error is a reason.
func (l *loader) line(line string, at origin) error {
	args, ok := SplitArgs(line)
	if !ok {
		return reason("Unbalanced quotes in configuration line")
	}
	if len(args) == 0 {
		return nil
	}
	d, ok := l.c.index.find(args[0])
	switch {
	case ok && d.Kind == KindLines:
		return l.special(d, args[1:], at)
	case ok:
		return l.directive(d, args[1:], at)
	case retired(args):
		return nil
	case strings.EqualFold(args[0], "sentinel"):
		return reason("redisd cannot run as a sentinel")
	}
	return reason("Bad directive or wrong number of arguments")
}

// directive sets a directive of the table.
func (l *loader) directive(d *Directive, args []string, at origin) error {
	if d.Kind.multi() && len(args) == 1 && args[0] != "" {
		// "--save '900 1'" arrives as one argument.
		words, ok := SplitArgs(args[0])
		if !ok {
			return reason("Unbalanced quotes in configuration line")
		}
		args = words
	}
	return l.set(d, args, at)
}

// special carries out what only a file can say.
func (l *loader) special(d *Directive, args []string, at origin) error {
	switch {
	case d.ID == Include && len(args) == 1:
		return l.include(args[0], at)
	case d.ID == LoadModule && len(args) >= 1:
		return reason("redisd cannot load modules made for Redis")
	case d.ID == RenameCommand && len(args) == 2, d.ID == User && len(args) >= 1:
		l.keep(d.ID, args, at)
		return nil
	}
	return reason("Bad directive or wrong number of arguments")
}

// retired tells whether a line names a directive that Redis has withdrawn and
// still accepts.
func retired(args []string) bool {
	switch strings.ToLower(args[0]) {
	case "list-max-ziplist-entries", "list-max-ziplist-value", "lua-replicate-commands":
		return len(args) == 2
	}
	return false
}
