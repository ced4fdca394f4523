// The client side: reading replies of both protocol versions.

package resp

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"redisd/internal/num"
)

const (
	// maxReplyDepth bounds nesting; no Redis reply comes near it.
	maxReplyDepth = 64
	// maxReplyLine bounds the lines of a reply. Errors may quote arguments.
	maxReplyLine = 1 << 20
	// maxReplyBulk is the largest string that Redis can hold.
	maxReplyBulk = 512 << 20
	// replyChunk is how much memory is taken at a time while a bulk arrives.
	replyChunk = 64 << 10
)

// Reply is one decoded reply.
type Reply struct {
	// Kind is the type byte of the wire: + - : $ * _ # , ( ! = % ~ or >.
	Kind byte
	// Null is set for $-1, *-1 and _.
	Null bool
	// Text holds strings, errors, doubles and big numbers as sent; a verbatim
	// string's comes without the format.
	Text string
	// Int is the value of : and of # (0 or 1).
	Int int64
	// Elems are the elements of aggregates; maps give key, value, key, value.
	Elems []Reply
	// Attr are the attributes sent in front, as in a map.
	Attr []Reply
}

// Err is the reply's error, nil for other kinds.
func (r Reply) Err() error {
	if r.Kind == '-' || r.Kind == '!' {
		return errors.New(r.Text)
	}
	return nil
}

// Double reads the value of a double, or of a string that holds one.
func (r Reply) Double() (float64, bool) {
	if r.Text == "nan" || r.Text == "-nan" {
		return math.NaN(), true
	}
	return num.ParseFloat([]byte(r.Text))
}

// String shows the reply in one line, for tests and logs.
func (r Reply) String() string {
	switch {
	case r.Null:
		return "(nil)"
	case r.Kind == ':':
		return fmt.Sprintf("(integer) %d", r.Int)
	case r.Kind == '#':
		return fmt.Sprintf("(boolean) %t", r.Int != 0)
	case isAggregate(r.Kind):
		parts := make([]string, len(r.Elems))
		for i, e := range r.Elems {
			parts[i] = e.String()
		}
		return string(r.Kind) + "[" + strings.Join(parts, " ") + "]"
	case r.Kind == '$':
		return fmt.Sprintf("%q", r.Text)
	}
	return string(r.Kind) + r.Text
}

func isAggregate(kind byte) bool {
	return kind == '*' || kind == '%' || kind == '~' || kind == '>'
}

// ReadReply reads one reply. An error reply of the server is a Reply; the error
// result is for broken connections and broken protocol. io.EOF means that the
// connection ended between replies. r's buffer may be of any size.
func ReadReply(r *bufio.Reader) (Reply, error) {
	if _, err := r.Peek(1); err != nil {
		return Reply{}, err
	}
	reply, err := readReply(r, 0)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Reply{}, fmt.Errorf("resp: reading a reply: %w", err)
	}
	return reply, nil
}

func readReply(r *bufio.Reader, depth int) (Reply, error) {
	if depth > maxReplyDepth {
		return Reply{}, errors.New("nested too deep")
	}
	line, err := readLine(r)
	if err != nil {
		return Reply{}, err
	}
	if len(line) == 0 {
		return Reply{}, errors.New("empty line")
	}
	reply, text := Reply{Kind: line[0]}, line[1:]
	switch reply.Kind {
	case '+', '-', ',', '(':
		reply.Text = text
		return reply, nil
	case '_':
		reply.Null = true
		return reply, nil
	case '#':
		if text != "t" && text != "f" {
			return Reply{}, fmt.Errorf("bad boolean %q", text)
		}
		if text == "t" {
			reply.Int = 1
		}
		return reply, nil
	}
	n, ok := num.ParseInt([]byte(text))
	if !ok {
		return Reply{}, fmt.Errorf("bad line %q", line)
	}
	switch reply.Kind {
	case ':':
		reply.Int = n
		return reply, nil
	case '$', '!', '=':
		return reply.readText(r, n)
	case '*', '%', '~', '>':
		return reply.readElems(r, n, depth)
	case '|':
		return readAttributed(r, n, depth)
	}
	return Reply{}, fmt.Errorf("unknown type of line %q", line)
}

// readLine reads a line without its end, of bounded length.
func readLine(r *bufio.Reader) (string, error) {
	var line []byte
	for {
		part, err := r.ReadSlice('\n')
		line = append(line, part...)
		if len(line) > maxReplyLine {
			return "", errors.New("line too long")
		}
		if err == bufio.ErrBufferFull {
			continue
		}
		if err != nil {
			return "", err
		}
		return strings.TrimSuffix(string(line[:len(line)-1]), "\r"), nil
	}
}

// readText reads a string of n bytes, taking memory as they arrive.
func (reply Reply) readText(r *bufio.Reader, n int64) (Reply, error) {
	if n == -1 && reply.Kind == '$' {
		reply.Null = true
		return reply, nil
	}
	if n < 0 || n > maxReplyBulk {
		return Reply{}, fmt.Errorf("bad length %d", n)
	}
	var text []byte
	for missing := int(n) + len(crlf); missing > 0; {
		from, size := len(text), min(missing, replyChunk)
		text = append(text, make([]byte, size)...)
		if _, err := io.ReadFull(r, text[from:]); err != nil {
			return Reply{}, err
		}
		missing -= size
	}
	if string(text[n:]) != crlf {
		return Reply{}, errors.New("no line end after a string")
	}
	reply.Text = string(text[:n])
	if reply.Kind == '=' {
		if n < 4 || reply.Text[3] != ':' {
			return Reply{}, errors.New("verbatim string without a format")
		}
		reply.Text = reply.Text[4:]
	}
	return reply, nil
}

// readElems reads the elements of an aggregate of n elements or pairs.
func (reply Reply) readElems(r *bufio.Reader, n int64, depth int) (Reply, error) {
	if n == -1 && reply.Kind == '*' {
		reply.Null = true
		return reply, nil
	}
	elems, err := readMany(r, reply.Kind == '%', n, depth)
	reply.Elems = elems
	return reply, err
}

// readAttributed reads n attribute pairs and the reply that they belong to.
func readAttributed(r *bufio.Reader, n int64, depth int) (Reply, error) {
	attr, err := readMany(r, true, n, depth)
	if err != nil {
		return Reply{}, err
	}
	reply, err := readReply(r, depth+1)
	reply.Attr = attr
	return reply, err
}

func readMany(r *bufio.Reader, pairs bool, n int64, depth int) ([]Reply, error) {
	if n < 0 || n > math.MaxInt32 {
		return nil, fmt.Errorf("bad number of elements %d", n)
	}
	if pairs {
		n *= 2
	}
	elems := []Reply{}
	for ; n > 0; n-- {
		e, err := readReply(r, depth+1)
		if err != nil {
			return nil, err
		}
		elems = append(elems, e)
	}
	return elems, nil
}
