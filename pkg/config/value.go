package config

import (
	"strconv"
	"strings"
)

// This file holds values in memory and shows them as CONFIG GET does.

// value is the value of one directive; which field counts depends on the kind.
type value struct {
	n int64  // bool, numbers, enumerations, events; the port of replicaof
	s string // string; the host of replicaof
	x any    // []string, []SavePoint, *[classCount]OutputLimit, [oomCount]int, []float64, []Line
}

// SavePoint asks for a snapshot after Seconds when at least Changes were made.
type SavePoint struct {
	Seconds int64
	Changes int64
}

// OutputLimit bounds the replies that a client of one class has not fetched.
// 0 is no limit.
type OutputLimit struct {
	Hard        int64 // bytes above which the client goes at once
	Soft        int64 // bytes above which it goes after SoftSeconds
	SoftSeconds int64
}

// Line is a line of a file that the server has to look at itself: a user, a
// command to rename.
type Line struct {
	Args []string // without the directive's name
	File string
	Line int
	Text string
}

// Error returns an error that points at the line.
func (l Line) Error(reason string) *Error {
	return &Error{File: l.File, Line: l.Line, Text: l.Text, Reason: reason}
}

// format returns the value as CONFIG GET shows it.
func (d *Directive) format(v value) string {
	switch d.Kind {
	case KindBool:
		return yesNo(v.n != 0)
	case KindInt, KindMemory:
		return strconv.FormatInt(v.n, 10)
	case KindMemoryOrPercent:
		if v.n < 0 {
			return strconv.FormatInt(-v.n, 10) + "%"
		}
		return strconv.FormatInt(v.n, 10)
	case KindOctal:
		return strconv.FormatInt(v.n, 8)
	case KindEnum, KindEnumSet:
		return d.enumName(v.n)
	case KindString:
		return v.s
	case KindEvents:
		return formatEvents(v.n)
	case KindReplicaOf:
		if v.s == "" {
			return ""
		}
		return v.s + " " + strconv.FormatInt(v.n, 10)
	default:
		return strings.Join(d.words(v), " ")
	}
}

// words returns the arguments of a value of several arguments, as CONFIG GET
// shows them.
func (d *Directive) words(v value) []string {
	var w []string
	switch x := v.x.(type) {
	case []string:
		return x
	case []SavePoint:
		for _, p := range x {
			w = append(w, strconv.FormatInt(p.Seconds, 10), strconv.FormatInt(p.Changes, 10))
		}
	case *[classCount]OutputLimit:
		for i, l := range x {
			w = append(w, className(i), strconv.FormatInt(l.Hard, 10), strconv.FormatInt(l.Soft, 10),
				strconv.FormatInt(l.SoftSeconds, 10))
		}
	case [oomCount]int:
		for _, n := range x {
			w = append(w, strconv.Itoa(n))
		}
	case []float64:
		for _, f := range x {
			w = append(w, formatPercentile(f))
		}
	}
	return w
}

// equal compares two values of the directive.
func (d *Directive) equal(a, b value) bool {
	return a.n == b.n && a.s == b.s && d.format(a) == d.format(b)
}

// enumName returns the word of a number, for a set its words joined by blanks.
func (d *Directive) enumName(n int64) string {
	var names []string
	rest := n
	for _, e := range d.Enum {
		if e.Value == n {
			return e.Name
		}
		if d.Kind == KindEnumSet && e.Value != 0 && rest&e.Value == e.Value {
			names = append(names, e.Name)
			rest &^= e.Value
		}
	}
	if rest != 0 || names == nil {
		panic("BUG: config: " + d.Name + " holds a number that has no word")
	}
	return strings.Join(names, " ")
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// className keeps Redis's word for replicas, which scripts parse.
func className(class int) string {
	switch class {
	case ClassNormal:
		return "normal"
	case ClassReplica:
		return "slave"
	default:
		return "pubsub"
	}
}

// formatEvents shows n even beside A, which does not contain it. Redis leaves it
// out there, so that a rewritten file loses it.
func formatEvents(n int64) string {
	var b []byte
	all := n&NotifyAll == NotifyAll
	if all {
		b = append(b, 'A')
	}
	for _, e := range eventLetters() {
		if n&e.bit != 0 && (!all || e.bit&NotifyAll == 0) {
			b = append(b, e.letter)
		}
	}
	return string(b)
}

func formatPercentile(f float64) string {
	s := strings.TrimRight(strconv.FormatFloat(f, 'f', 6, 64), "0")
	return strings.TrimSuffix(s, ".")
}

// formatMemory writes bytes in the largest unit that divides them.
func formatMemory(n int64) string {
	for _, u := range []struct {
		size int64
		name string
	}{{1 << 30, "gb"}, {1 << 20, "mb"}, {1 << 10, "kb"}} {
		if n != 0 && n%u.size == 0 {
			return strconv.FormatInt(n/u.size, 10) + u.name
		}
	}
	return strconv.FormatInt(n, 10)
}
