package config

import (
	"fmt"
	"strings"
)

// reason is an error in the words that a user of Redis knows, capital letters and
// full stops included. It gets its context from Error or SetError.
type reason string

func (r reason) Error() string { return string(r) }

// ErrNoFile is returned by Rewrite when the daemon was started without a file.
var ErrNoFile error = reason("The server is running without a config file")

// Error is a mistake in a configuration.
type Error struct {
	File   string // path, "standard input" or "command line"; empty when no place is to blame
	Line   int    // from 1; 0 when no line is to blame
	Text   string // the line
	Reason string
}

// Error returns all of it in one line.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("config: ")
	if e.File != "" {
		b.WriteString(e.File)
		if e.Line > 0 {
			fmt.Fprintf(&b, ":%d", e.Line)
		}
		b.WriteString(": ")
	}
	if e.Text != "" {
		fmt.Fprintf(&b, "'%s': ", e.Text)
	}
	b.WriteString(e.Reason)
	return b.String()
}

// Banner returns the lines that a daemon prints to standard error before it ends
// with status 1, in redis-server's form; version is the Redis version to show.
// A file other than the main one, main, is named in a line of its own.
func (e *Error) Banner(version, main string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "\n*** FATAL CONFIG FILE ERROR (Redis %s) ***\n", version)
	if e.Line > 0 {
		fmt.Fprintf(&b, "Reading the configuration file, at line %d\n", e.Line)
		if e.File != main && e.File != "" {
			fmt.Fprintf(&b, "of %s\n", e.File)
		}
		fmt.Fprintf(&b, ">>> '%s'\n", e.Text)
	}
	b.WriteString(e.Reason)
	b.WriteByte('\n')
	return b.String()
}

// SetError says why Set changed nothing.
type SetError struct {
	Name     string // directive as the caller or the table wrote it
	Reason   string // Redis's words; empty when the name is unknown
	Loading  bool   // refused only because the data is being loaded
	Rollback error  // what hooks said when they were run again with the old values, nil usually
}

// Error is Reply with the package's prefix.
func (e *SetError) Error() string { return "config: " + e.Reply() }

// Reply returns the error reply for the client, without the leading dash.
func (e *SetError) Reply() string {
	switch {
	case e.Loading:
		return "LOADING Redis is loading the dataset in memory"
	case e.Reason == "":
		return "ERR Unknown option or number of arguments for CONFIG SET - '" + e.Name + "'"
	}
	return "ERR CONFIG SET failed (possibly related to argument '" + e.Name + "') - " + e.Reason
}
