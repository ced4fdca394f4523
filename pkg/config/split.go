package config

import "strings"

// This file splits a line of redis.conf into arguments and quotes arguments for
// such a line.

// SplitArgs splits a line at blanks. "..." may hold \n \r \t \b \a, \xHH and any
// other character behind a backslash; '...' may hold \'. A closing quote must be
// followed by a blank. It is false when quotes are unbalanced.
func SplitArgs(line string) ([]string, bool) {
	args := []string{}
	for i := 0; ; {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		arg, n, ok := nextArg(line[i:])
		if !ok {
			return nil, false
		}
		args = append(args, arg)
		i += n
	}
}

// isSpace is C's isspace.
func isSpace(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// nextArg reads one argument and returns the bytes it took. Quotes may begin in
// the middle of a word, as in Redis.
func nextArg(s string) (arg string, n int, ok bool) {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; c {
		case ' ', '\n', '\r', '\t':
			return string(b), i, true
		case '"', '\'':
			q, n, ok := quoted(s[i+1:], c)
			if !ok {
				return "", 0, false
			}
			return string(append(b, q...)), i + 1 + n, true
		default:
			b = append(b, c)
		}
	}
	return string(b), len(s), true
}

// quoted reads up to the closing quote, and tells how many bytes that were.
func quoted(s string, quote byte) (text []byte, n int, ok bool) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == quote:
			return text, i + 1, i+1 == len(s) || isSpace(s[i+1])
		case c == '\\' && quote == '\'' && i+1 < len(s) && s[i+1] == '\'':
			i++
			c = '\''
		case c == '\\' && quote == '"' && i+1 < len(s):
			var used int
			c, used = unescape(s[i+1:])
			i += used
		}
		text = append(text, c)
	}
	return nil, 0, false
}

// unescape reads what follows a backslash.
func unescape(s string) (c byte, used int) {
	switch s[0] {
	case 'n':
		return '\n', 1
	case 'r':
		return '\r', 1
	case 't':
		return '\t', 1
	case 'b':
		return '\b', 1
	case 'a':
		return '\a', 1
	case 'x':
		if len(s) >= 3 {
			hi, ok1 := hexDigit(s[1])
			lo, ok2 := hexDigit(s[2])
			if ok1 && ok2 {
				return hi<<4 | lo, 3
			}
		}
	}
	return s[0], 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// Quote returns s in double quotes so that SplitArgs gives s back.
func Quote(s string) string {
	const hex = "0123456789abcdef"
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\\' || c == '"':
			b.WriteByte('\\')
			b.WriteByte(c)
		case c >= '\a' && c <= '\r' && c != '\v' && c != '\f':
			b.WriteByte('\\')
			b.WriteByte("abtn__r"[c-'\a'])
		case c < ' ' || c > '~':
			b.WriteString(`\x`)
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
