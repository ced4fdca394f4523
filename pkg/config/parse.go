package config

import (
	"fmt"
	"strconv"
	"strings"

	"redisd/internal/num"
)

// This file turns arguments into values. The errors are Redis's words: they are
// shown behind the prefix of CONFIG SET and in the error of a bad file.

const bindMax = 16 // addresses; Redis's limit

// parse reads the arguments of a directive. old is the value they add to: the
// classes of client-output-buffer-limit that are not named keep it, and save
// points are appended to it.
func (d *Directive) parse(args []string, old value) (value, error) {
	if !d.Kind.multi() && len(args) != 1 {
		return old, reason("wrong number of arguments")
	}
	v, err := d.parseKind(args, old)
	if err == nil && d.check != nil {
		err = d.check(&v)
	}
	if err != nil {
		return old, err
	}
	return v, nil
}

func (d *Directive) parseKind(args []string, old value) (value, error) {
	switch d.Kind {
	case KindBool:
		return parseBool(args[0])
	case KindInt, KindMemory, KindMemoryOrPercent, KindOctal:
		return d.parseNumber(args[0])
	case KindEnum, KindEnumSet:
		return d.parseEnum(args)
	case KindString:
		return value{s: args[0]}, nil
	case KindEvents:
		return parseEvents(args[0])
	case KindReplicaOf:
		return parseReplicaOf(args)
	case KindList:
		return parseList(args)
	case KindSavePoints:
		return parseSave(args, old)
	case KindOutputLimits:
		return parseLimits(args, old)
	case KindOOMValues:
		return parseOOM(args)
	case KindPercentiles:
		return parsePercentiles(args)
	}
	panic("BUG: config: no parser for " + d.Name)
}

func parseBool(s string) (value, error) {
	switch {
	case strings.EqualFold(s, "yes"):
		return value{n: 1}, nil
	case strings.EqualFold(s, "no"):
		return value{n: 0}, nil
	}
	return value{}, reason("argument must be 'yes' or 'no'")
}

func (d *Directive) parseNumber(s string) (value, error) {
	n, err := d.number(s)
	if err != nil {
		return value{}, err
	}
	switch {
	case d.Kind == KindMemoryOrPercent && n < 0:
		if n < d.Min {
			return value{}, fmt.Errorf("percentage argument must be less or equal to %d", -d.Min)
		}
	case n < d.Min || n > d.Max:
		if d.Kind == KindOctal {
			return value{}, fmt.Errorf("argument must be between %o and %o inclusive", d.Min, d.Max)
		}
		return value{}, fmt.Errorf("argument must be between %d and %d inclusive", d.Min, d.Max)
	}
	return value{n: n}, nil
}

func (d *Directive) number(s string) (int64, error) {
	switch d.Kind {
	case KindInt:
		if n, ok := num.ParseInt([]byte(s)); ok {
			return n, nil
		}
		return 0, reason("argument couldn't be parsed into an integer")
	case KindOctal:
		if n, err := strconv.ParseInt(s, 8, 64); err == nil {
			return n, nil
		}
		return 0, reason("argument couldn't be parsed as an octal number")
	case KindMemory:
		if n, err := num.ParseMemory(s); err == nil {
			return n, nil
		}
		return 0, reason("argument must be a memory value")
	default:
		if n, err := num.ParseMemory(s); err == nil {
			return n, nil
		}
		if p, ok := strings.CutSuffix(s, "%"); ok {
			if n, ok := num.ParseInt([]byte(p)); ok && n >= 0 {
				return -n, nil
			}
		}
		return 0, reason("argument must be a memory or percent value")
	}
}

func (d *Directive) parseEnum(args []string) (value, error) {
	var n int64
	ok := len(args) > 0
	for _, a := range args {
		v, known := d.enumValue(a)
		n |= v
		ok = ok && known
	}
	if ok {
		return value{n: n}, nil
	}
	words := make([]string, len(d.Enum))
	for i, e := range d.Enum {
		words[i] = e.Name
	}
	return value{}, reason("argument(s) must be one of the following: " + strings.Join(words, ", "))
}

func (d *Directive) enumValue(word string) (int64, bool) {
	for _, e := range d.Enum {
		if strings.EqualFold(word, e.Name) {
			return e.Value, true
		}
	}
	return 0, false
}

func parseEvents(s string) (value, error) {
	var n int64
	for i := range len(s) {
		if s[i] == 'A' {
			n |= NotifyAll
			continue
		}
		known := false
		for _, e := range eventLetters() {
			if e.letter == s[i] {
				n |= e.bit
				known = true
			}
		}
		if !known {
			return value{}, reason("Invalid event class character. Use 'Ag$lshzxeKEtmdn'.")
		}
	}
	return value{n: n}, nil
}

func parseReplicaOf(args []string) (value, error) {
	if len(args) == 1 && args[0] == "" {
		return value{}, nil
	}
	if len(args) != 2 {
		return value{}, reason("wrong number of arguments")
	}
	if strings.EqualFold(args[0], "no") && strings.EqualFold(args[1], "one") {
		return value{}, nil
	}
	port, err := strconv.ParseInt(args[1], 10, 64)
	if err != nil || port < 0 || port > 65535 {
		return value{}, reason("Invalid master port")
	}
	return value{s: args[0], n: port}, nil
}

// parseList refuses words that could not be written back to a file as one word.
func parseList(args []string) (value, error) {
	if len(args) == 1 && args[0] == "" {
		args = nil
	}
	if len(args) > bindMax {
		return value{}, reason("Too many bind addresses specified.")
	}
	for _, a := range args {
		bad := func(r rune) bool { return r <= ' ' || r >= 0x7f || r == '"' || r == '\'' || r == '\\' }
		if a == "" || strings.ContainsFunc(a, bad) {
			return value{}, fmt.Errorf("'%s' is not an address", a)
		}
	}
	return value{x: append([]string(nil), args...)}, nil
}

func parseSave(args []string, old value) (value, error) {
	points, _ := old.x.([]SavePoint)
	if len(args) == 1 && args[0] == "" {
		return value{x: []SavePoint(nil)}, nil
	}
	bad := reason("Invalid save parameters")
	if len(args)%2 != 0 {
		return value{}, bad
	}
	points = append([]SavePoint(nil), points...)
	for i := 0; i < len(args); i += 2 {
		secs, err1 := strconv.ParseInt(args[i], 10, 64)
		changes, err2 := strconv.ParseInt(args[i+1], 10, 32)
		if err1 != nil || err2 != nil || secs < 1 || changes < 0 {
			return value{}, bad
		}
		points = append(points, SavePoint{Seconds: secs, Changes: changes})
	}
	return value{x: points}, nil
}

func parseLimits(args []string, old value) (value, error) {
	var limits [classCount]OutputLimit
	if l, ok := old.x.(*[classCount]OutputLimit); ok {
		limits = *l
	}
	if len(args)%4 != 0 {
		return value{}, reason("Wrong number of arguments in buffer limit configuration.")
	}
	for ; len(args) > 0; args = args[4:] {
		class := map[string]int{"normal": ClassNormal, "slave": ClassReplica, "replica": ClassReplica, "pubsub": ClassPubSub}
		c, ok := class[strings.ToLower(args[0])]
		if !ok {
			return value{}, reason("Invalid client class specified in buffer limit configuration.")
		}
		hard, err1 := num.ParseMemory(args[1])
		soft, err2 := num.ParseMemory(args[2])
		secs, err3 := strconv.ParseInt(args[3], 10, 64)
		if err1 != nil || err2 != nil || err3 != nil || secs < 0 {
			return value{}, reason("Error in hard, soft or soft_seconds setting in buffer limit configuration.")
		}
		limits[c] = OutputLimit{Hard: hard, Soft: soft, SoftSeconds: secs}
	}
	return value{x: &limits}, nil
}

func parseOOM(args []string) (value, error) {
	var v [oomCount]int
	if len(args) != oomCount {
		return value{}, reason("wrong number of arguments")
	}
	for i, a := range args {
		n, err := strconv.Atoi(a)
		if err != nil || n < -2000 || n > 2000 {
			return value{}, reason("Invalid oom-score-adj-values, elements must be between -2000 and 2000.")
		}
		v[i] = n
	}
	return value{x: v}, nil
}

func parsePercentiles(args []string) (value, error) {
	if len(args) == 1 && args[0] == "" {
		args = nil
	}
	list := make([]float64, 0, len(args))
	for _, a := range args {
		f, ok := num.ParseFloat([]byte(a))
		if !ok {
			return value{}, reason("Invalid latency-tracking-info-percentiles parameters")
		}
		if f < 0 || f > 100 {
			return value{}, reason("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]")
		}
		list = append(list, f)
	}
	return value{x: list}, nil
}
