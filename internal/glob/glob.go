// The matcher: one pass with a single point to fall back to. Every pattern
// element but the star takes exactly one byte, so when a match fails only the
// last star needs to take one byte more.

package glob

import "bytes"

// Match tells whether the whole of s matches pattern. With nocase, ASCII
// letters match without regard to case.
func Match(pattern, s []byte, nocase bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	p, i := 0, 0
	// After a star: where the pattern goes on, and where in s to try next.
	star, retry := -1, 0
	for i < len(s) {
		if p < len(pattern) {
			if pattern[p] == '*' {
				for p < len(pattern) && pattern[p] == '*' {
					p++
				}
				if p == len(pattern) {
					return true
				}
				star, retry = p, i
				continue
			}
			if next, ok := matchOne(pattern, p, s[i], nocase); ok {
				p, i = next, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		retry++
		p, i = star, retry
		if i = skipTo(pattern[p:], s, i, nocase); i < 0 {
			return false
		}
		retry = i
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// skipTo finds the first place from i on where the literal that rest begins with
// occurs; i itself when rest does not begin with a plain byte; -1 for nowhere.
func skipTo(rest, s []byte, i int, nocase bool) int {
	if i >= len(s) {
		return -1
	}
	if nocase || rest[0] == '?' || rest[0] == '[' || rest[0] == '\\' {
		return i
	}
	n := bytes.IndexByte(s[i:], rest[0])
	if n < 0 {
		return -1
	}
	return i + n
}

// matchOne compares c with the element at pattern[p], which is not a star, and
// returns where the next element begins.
func matchOne(pattern []byte, p int, c byte, nocase bool) (next int, ok bool) {
	switch pattern[p] {
	case '?':
		return p + 1, true
	case '[':
		return matchClass(pattern, p+1, c, nocase)
	case '\\':
		if p+1 < len(pattern) {
			p++
		}
	}
	if nocase {
		return p + 1, lower(pattern[p]) == lower(c)
	}
	return p + 1, pattern[p] == c
}

// matchClass compares c with the class whose first byte after the bracket is at
// pattern[p].
func matchClass(pattern []byte, p int, c byte, nocase bool) (next int, ok bool) {
	negate := p < len(pattern) && pattern[p] == '^'
	if negate {
		p++
	}
	found := false
	for ; p < len(pattern) && pattern[p] != ']'; p++ {
		switch {
		case pattern[p] == '\\' && p+1 < len(pattern):
			p++
			// Redis compares an escaped byte exactly, even without case.
			found = found || pattern[p] == c
		case p+2 < len(pattern) && pattern[p+1] == '-':
			found = found || inRange(pattern[p], pattern[p+2], c, nocase)
			p += 2
		case nocase:
			found = found || lower(pattern[p]) == lower(c)
		default:
			found = found || pattern[p] == c
		}
	}
	if p < len(pattern) {
		p++
	}
	return p, found != negate
}

// inRange compares as signed bytes, as C's char is on amd64. The ends are put
// in order before letters are folded, as in Redis.
func inRange(from, to, c byte, nocase bool) bool {
	if int8(from) > int8(to) {
		from, to = to, from
	}
	if nocase {
		from, to, c = lower(from), lower(to), lower(c)
	}
	return int8(from) <= int8(c) && int8(c) <= int8(to)
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
