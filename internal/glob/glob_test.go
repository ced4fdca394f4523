package glob_test

import (
	"bytes"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/glob"
)

func TestMatch(t *testing.T) {
	tests := []struct {
		name, pattern, s string
		nocase, want     bool
	}{
		{"equal", "hello", "hello", false, true},
		{"different", "hello", "hellO", false, false},
		{"without case", "hEllo", "HelLo", true, true},
		{"longer string", "hell", "hello", false, false},
		{"longer pattern", "hello", "hell", false, false},
		{"empty and empty", "", "", false, true},
		{"empty pattern", "", "a", false, false},
		{"star and the empty string", "*", "", false, false},
		{"star", "*", "anything", false, true},
		{"stars", "***", "a", false, true},
		{"star in front", "*llo", "hello", false, true},
		{"star in front of nothing", "*hello", "hello", false, true},
		{"star at the end", "he*", "hello", false, true},
		{"star at the end for nothing", "hello**", "hello", false, true},
		{"star in the middle", "h*o", "hello", false, true},
		{"star falls back", "*lo*p", "hellolop", false, true},
		{"last star falls back", "a*ab", "aaaaab", false, true},
		{"star fails", "*x", "hello", false, false},
		{"star and a class", "*[xy]z", "abxyz", false, true},
		{"question mark", "h?llo", "hello", false, true},
		{"question mark needs a byte", "hello?", "hello", false, false},
		{"star and question mark", "*?", "a", false, true},
		{"question mark and star", "?*", "a", false, true},
		{"class", "h[ae]llo", "hallo", false, true},
		{"not in class", "h[ae]llo", "hillo", false, false},
		{"negated class", "h[^e]llo", "hallo", false, true},
		{"negated class fails", "h[^e]llo", "hello", false, false},
		{"range", "h[a-c]llo", "hbllo", false, true},
		{"reversed range", "h[c-a]llo", "hbllo", false, true},
		{"range without case", "[a-c]", "B", true, true},
		{"range ends fold", "[A-C]", "b", true, true},
		{"range over both cases", "[Z-a]", "z", true, false},
		{"range with case", "[a-c]", "B", false, false},
		{"class without case", "[ab]", "B", true, true},
		{"escape in a class keeps case", `[\b]`, "B", true, false},
		{"escaped bracket in a class", `[\]]`, "]", false, true},
		{"escaped minus in a class", `[a\-c]`, "-", false, true},
		{"bracket as the end of a range", "[a-]", "b", false, false},
		{"bracket ends the range, pattern ends the class", "[a-]", "]", false, true},
		{"minus at the end", "[a-", "-", false, true},
		{"open class", "[ab", "b", false, true},
		{"open negated class", "[^", "b", false, true},
		{"empty class", "[]a", "a", false, false},
		{"negated empty class", "[^]", "a", false, true},
		{"lone bracket", "[", "[", false, false},
		{"backslash in an open class", `[\`, `\`, false, true},
		{"signed range", "[\x80-\xff]", "\xc3", false, true},
		{"range from high to low bytes", "[a-\xff]", "Z", false, true},
		{"range from high to low bytes leaves high ones out", "[a-\xff]", "\x80", false, false},
		{"escape", `h\*llo`, "h*llo", false, true},
		{"escape is literal", `h\*llo`, "hello", false, false},
		{"escaped backslash", `a\\b`, `a\b`, false, true},
		{"backslash at the end", `a\`, `a\`, false, true},
		{"zero bytes", "a\x00*", "a\x00b", false, true},
		{"newline", "a?b", "a\nb", false, true},
		{"high bytes have no case", "*\xb7", "\xef", true, false},
		{"not letters", "@[`{", "@`{", true, false},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			check.Eq(t, glob.Match([]byte(tc.pattern), []byte(tc.s), tc.nocase), tc.want)
			check.Eq(t, reference([]byte(tc.pattern), []byte(tc.s), tc.nocase), tc.want)
		})
	}
}

// A matcher that tries all splits at every star needs centuries here.
func TestMatchOfHostilePatterns(t *testing.T) {
	s := bytes.Repeat([]byte("a"), 20_000)
	for _, pattern := range []string{strings.Repeat("a*", 50) + "b", strings.Repeat("*a", 500) + "b", strings.Repeat("*?", 500) + "b", strings.Repeat("*[a]", 50) + "b"} {
		check.True(t, !glob.Match([]byte(pattern), s, false), pattern)
		check.True(t, !glob.Match([]byte(pattern), s, true), pattern)
		check.True(t, glob.Match([]byte(pattern[:len(pattern)-1]+"*"), s, false), pattern)
	}
}

func TestMatchAllocatesNothing(t *testing.T) {
	pattern, s := []byte("user:*:[a-f]?:*name"), []byte("user:12345:bc:first-name")
	got := testing.AllocsPerRun(100, func() {
		if !glob.Match(pattern, s, false) || !glob.Match(pattern, s, true) {
			t.Fatal("no match")
		}
	})
	check.Eq(t, got, 0)
}

// element is one part of a pattern in the reference: a star, or a set of bytes.
type element struct {
	star bool
	has  [256]bool
}

// elements cuts a pattern into parts.
func elements(p []byte, nocase bool) []element {
	var out []element
	for len(p) > 0 {
		var e element
		switch c := p[0]; {
		case c == '*':
			e.star = true
			p = p[1:]
		case c == '?':
			for i := range e.has {
				e.has[i] = true
			}
			p = p[1:]
		case c == '[':
			e, p = class(p[1:], nocase)
		case c == '\\' && len(p) > 1:
			e.add(p[1], nocase)
			p = p[2:]
		default:
			e.add(c, nocase)
			p = p[1:]
		}
		out = append(out, e)
	}
	return out
}

func (e *element) add(c byte, nocase bool) {
	e.has[c] = true
	if letter := c | 0x20; nocase && letter >= 'a' && letter <= 'z' {
		e.has[letter], e.has[letter^0x20] = true, true
	}
}

func class(p []byte, nocase bool) (element, []byte) {
	var e element
	negate := len(p) > 0 && p[0] == '^'
	if negate {
		p = p[1:]
	}
	for len(p) > 0 && p[0] != ']' {
		switch {
		case p[0] == '\\' && len(p) > 1:
			e.has[p[1]] = true
			p = p[2:]
		case len(p) > 2 && p[1] == '-':
			from, to := int8(p[0]), int8(p[2])
			if from > to {
				from, to = to, from
			}
			fold := func(c int8) int8 {
				if nocase && c >= 'A' && c <= 'Z' {
					c += 32
				}
				return c
			}
			for c := -128; c < 128; c++ {
				if v := fold(int8(c)); v >= fold(from) && v <= fold(to) {
					e.has[byte(c)] = true
				}
			}
			p = p[3:]
		default:
			e.add(p[0], nocase)
			p = p[1:]
		}
	}
	if len(p) > 0 {
		p = p[1:]
	}
	if negate {
		for i := range e.has {
			e.has[i] = !e.has[i]
		}
	}
	return e, p
}

// reference fills the table "elements up to here match the string up to there".
func reference(pattern, s []byte, nocase bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	reach := make([]bool, len(s)+1)
	reach[0] = true
	for _, e := range elements(pattern, nocase) {
		next := make([]bool, len(s)+1)
		for i := range next {
			switch {
			case e.star:
				next[i] = reach[i] || (i > 0 && next[i-1])
			case i > 0:
				next[i] = reach[i-1] && e.has[s[i-1]]
			}
		}
		reach = next
	}
	return reach[len(s)]
}

func FuzzMatch(f *testing.F) {
	for _, seed := range [][2]string{{"h[a-c]*?o\\*", "hbxxo*"}, {"*[^a-]b*c", "aabbc"}, {"[\\", "\\"}, {"a**b?*", "axxbz"}, {"[^]*", "q"}, {"[a-", "-"}} {
		f.Add([]byte(seed[0]), []byte(seed[1]), false)
		f.Add([]byte(seed[0]), []byte(seed[1]), true)
	}
	f.Fuzz(func(t *testing.T, pattern, s []byte, nocase bool) {
		if len(pattern) > 200 || len(s) > 200 {
			return
		}
		if got, want := glob.Match(pattern, s, nocase), reference(pattern, s, nocase); got != want {
			t.Fatalf("pattern %q, string %q, nocase %t: got %t, want %t", pattern, s, nocase, got, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	for _, pattern := range []string{"user:*", "*:name", "user:[0-9]*:name", "*9*9*"} {
		b.Run(pattern, func(b *testing.B) {
			p, s := []byte(pattern), []byte("user:123456789:name")
			b.ReportAllocs()
			for b.Loop() {
				glob.Match(p, s, false)
			}
		})
	}
}
