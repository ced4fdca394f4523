// Inline requests: a line of words, quoted as in a shell, for people on telnet.

package resp

// inline parses one line. The size is 0 when its end has not arrived; no
// arguments and a size mean a blank line.
func (p *Parser) inline(b []byte, argv [][]byte) (args [][]byte, size int, err error) {
	end, tooBig := p.search(b, '\n')
	if tooBig {
		return nil, 0, errInlineTooBig()
	}
	if end < 0 {
		return nil, 0, nil
	}
	p.searched = 0
	line := b[:end]
	if end > 0 && line[end-1] == '\r' {
		line = line[:end-1]
	}
	args, ok := splitWords(line, argv[:0])
	if !ok {
		return nil, 0, errQuotes()
	}
	if len(args) == 0 {
		args = nil
	}
	return args, end + 1, nil
}

// splitWords appends the words of line to args, unquoting them in place: the
// result of a word is never longer than its source. It reports false for quotes
// that are not closed, or closed in the middle of a word.
func splitWords(line []byte, args [][]byte) ([][]byte, bool) {
	i := 0
	for {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) {
			return args, true
		}
		start, end, next, ok := unquoteWord(line, i)
		if !ok {
			return args, false
		}
		args = append(args, line[start:end:end])
		i = next
	}
}

// unquoteWord reads the word at i, which may have quoted parts, and leaves its
// value in line[start:end].
func unquoteWord(line []byte, i int) (start, end, next int, ok bool) {
	start, end = i, i
	for i < len(line) {
		c := line[i]
		switch c {
		case ' ', '\n', '\r', '\t':
			return start, end, i, true
		case '"', '\'':
			// A closing quote ends the word.
			end, next, ok = unquote(line, i+1, end, c)
			return start, end, next, ok
		}
		line[end] = c
		end++
		i++
	}
	return start, end, i, true
}

// unquote copies the quoted text at i down to line[end:], up to the closing
// quote, which has to be followed by a space or the line's end.
func unquote(line []byte, i, end int, quote byte) (newEnd, next int, ok bool) {
	for i < len(line) {
		c := line[i]
		i++
		switch {
		case c == quote:
			return end, i, i == len(line) || isSpace(line[i])
		case c == '\\' && quote == '"' && i < len(line):
			c, i = unescape(line, i)
		case c == '\\' && quote == '\'' && i < len(line) && line[i] == '\'':
			c = '\''
			i++
		}
		line[end] = c
		end++
	}
	return end, i, false
}

// unescape reads what follows a backslash in double quotes.
func unescape(line []byte, i int) (c byte, next int) {
	c = line[i]
	switch c {
	case 'n':
		c = '\n'
	case 'r':
		c = '\r'
	case 't':
		c = '\t'
	case 'b':
		c = '\b'
	case 'a':
		c = '\a'
	case 'x':
		if i+2 < len(line) {
			hi, ok1 := hexDigit(line[i+1])
			lo, ok2 := hexDigit(line[i+2])
			if ok1 && ok2 {
				return hi<<4 | lo, i + 3
			}
		}
	}
	return c, i + 1
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}

// isSpace is C's isspace in the C locale.
func isSpace(c byte) bool {
	return c == ' ' || (c >= '\t' && c <= '\r')
}
