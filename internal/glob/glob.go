// The matcher: one pass with a single point to fall back to. Every pattern
// element but the star takes exactly one byte, so when a match fails only the
// last star needs to take one byte more.

package glob

import "bytes"

// maxStars is how many stars (runs of them count once) a pattern may need to
// fall back to before it matches nothing: Redis's protection against patterns made
// to abuse its recursion, which clients can observe.
const maxStars = 1000

// Match tells whether the whole of s matches pattern. With nocase, ASCII
// letters match without regard to case.
func Match(pattern, s []byte, nocase bool) bool {
	if len(s) == 0 {
		return len(pattern) == 0
	}
	p, i := 0, 0
	// After a star: where the pattern goes on, and where in s to try next.
	star, retry, stars := -1, 0, 0
	for i < len(s) {
		if p < len(pattern) {
			next, ok := p+1, true
			switch c := pattern[p]; c {
			case '*':
				for p < len(pattern) && pattern[p] == '*' {
					p++
				}
				if p == len(pattern) {
					return true
				}
				if stars++; stars > maxStars {
					return false
				}
				star, retry = p, i
				continue
			case '?':
			case '[':
				next, ok = matchClass(pattern, next, s[i], nocase)
			case '\\':
				if next < len(pattern) {
					c = pattern[next]
					next++
				}
				ok = equal(c, s[i], nocase)
			default:
				ok = equal(c, s[i], nocase)
			}
			if ok {
				p, i = next, i+1
				continue
			}
		}
		if star < 0 {
			return false
		}
		if retry = skipTo(pattern[star], s, retry+1, nocase); retry < 0 {
			return false
		}
		p, i = star, retry
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// skipTo finds the first place from i on where an element that begins with c may
// match: c itself when it is a plain byte, any place otherwise; -1 for nowhere.
func skipTo(c byte, s []byte, i int, nocase bool) int {
	switch {
	case i >= len(s):
		return -1
	case nocase || c == '?' || c == '[' || c == '\\':
		return i
	}
	n := bytes.IndexByte(s[i:], c)
	if n < 0 {
		return -1
	}
	return i + n
}

func equal(a, b byte, nocase bool) bool {
	return a == b || (nocase && lower(a) == lower(b))
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
		default:
			found = found || equal(pattern[p], c, nocase)
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
