package config

import "strings"

// This file reads the arguments of the daemon as redis-server does.

// CommandLine is what the arguments of the daemon ask for.
type CommandLine struct {
	File    string // configuration file, empty for none
	Stdin   bool   // read standard input too
	Options string // lines of redis.conf, for Source
}

// ParseArgs reads the arguments after the program's name. The first one is a file
// unless it begins with a dash; "-" as the first or last one stands for standard
// input; "--name value..." is a directive with all values up to the next "--". The
// first value may begin with "--" itself; "--name value" in one argument works,
// and so does "--save" with nothing behind it. Mistakes show up in Load, which
// can name them. The caller has looked for --version and the like before.
func ParseArgs(args []string) CommandLine {
	var cl CommandLine
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		cl.File = args[0]
	}
	var b strings.Builder
	complete := true // the last directive has a value
	for i, a := range args {
		last := i == len(args)-1
		switch {
		case i == 0 && cl.File != "":
		case a == "-" && (i == 0 || last):
			cl.Stdin = true
		case complete && strings.HasPrefix(a, "--"):
			if b.Len() > 0 {
				b.WriteByte('\n')
			}
			b.WriteString(a[2:])
			b.WriteByte(' ')
			words, _ := SplitArgs(a)
			complete = len(words) != 1
			if complete {
				break
			}
			option := last || strings.HasPrefix(args[i+1], "--")
			if option && strings.EqualFold(a, "--save") {
				b.WriteString(`""`)
				complete = !last
			} else if option && strings.EqualFold(a, "--sentinel") {
				complete = !last
			}
		default:
			b.WriteString(Quote(a))
			b.WriteByte(' ')
			complete = true
		}
	}
	cl.Options = b.String()
	return cl
}
