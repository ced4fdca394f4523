package resp_test

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

func newParser() *resp.Parser {
	l := resp.DefaultLimits()
	return &resp.Parser{Limits: &l}
}

func newUnauthenticated() *resp.Parser {
	l := resp.DefaultLimits()
	l.Authenticated = false
	return &resp.Parser{Limits: &l}
}

// TestElsewhere: any arguments may lie outside of the buffer, and the stream may be cut
// behind them anywhere.
func TestElsewhere(t *testing.T) {
	args := [][]byte{[]byte("SET"), []byte("a key"), bytes.Repeat([]byte("$9\r\n"), 30), {}, []byte("EX"), []byte("1")}
	whole := resp.AppendCommand(nil, args...)
	for away := range 1 << len(args) {
		for _, piece := range []int{1, 3, len(whole)} {
			p := newParser()
			var buf []byte
			var got [][]byte
			left, n := slices.Clone(whole), 0
			for got == nil {
				k := min(piece, len(left))
				buf, left = append(buf, left[:k]...), left[k:]
				var err error
				got, n, err = p.Next(bytes.Clone(buf), nil)
				check.NoErr(t, err)
				if i := argumentAt(p, whole, args, len(whole)-len(left)); got == nil && i >= 0 && away>>i&1 == 1 {
					have := len(buf) - p.Place()
					buf = buf[:p.Place()]
					left = left[len(args[i])-have:]
					p.Elsewhere(args[i])
				}
			}
			check.Eq(t, n, len(buf))
			check.Eq(t, fmt.Sprintf("%q", got), fmt.Sprintf("%q", args))
			check.Eq(t, p.Pending(), false)
			next, _, err := p.Next(whole, nil)
			check.NoErr(t, err)
			check.Eq(t, fmt.Sprintf("%q", next), fmt.Sprintf("%q", args))
		}
	}
}

// argumentAt is which of args is pending when so many bytes of the stream have come, and
// is neither empty nor all there; -1 for none.
func argumentAt(p *resp.Parser, whole []byte, args [][]byte, came int) int {
	at := len(fmt.Sprintf("*%d\r\n", len(args)))
	for i, a := range args {
		at += len(fmt.Sprintf("$%d\r\n", len(a)))
		if came >= at && came < at+len(a) && p.Argument() == len(a) {
			return i
		}
		at += len(a) + 2
	}
	return -1
}

// outcome is what a whole stream gives.
type outcome struct {
	commands [][]string
	err      string // empty, or the protocol error's text
	rest     int    // bytes that were left
}

func (o outcome) String() string { return fmt.Sprintf("%q err=%q rest=%d", o.commands, o.err, o.rest) }

// parseChunks feeds a stream in pieces, as a connection does, and always hands
// the parser a fresh copy, so that it cannot lean on old memory.
func parseChunks(t testing.TB, p *resp.Parser, chunks ...[]byte) outcome {
	t.Helper()
	var out outcome
	var pending []byte
	var argv [][]byte
	for _, chunk := range chunks {
		buf := append(bytes.Clone(pending), chunk...)
		for {
			args, n, err := p.Next(buf, argv)
			if err != nil {
				out.err = err.Error()
				return out
			}
			if n > len(buf) {
				t.Fatalf("consumed %d of %d bytes", n, len(buf))
			}
			if args != nil {
				argv = args
				command := make([]string, len(args))
				for i, a := range args {
					command[i] = string(a)
				}
				out.commands = append(out.commands, command)
			}
			buf = buf[n:]
			if args == nil {
				break
			}
		}
		pending = buf
	}
	out.rest = len(pending)
	return out
}

func TestParserCommands(t *testing.T) {
	big := strings.Repeat("v", 100_000)
	tests := []struct {
		name, input string
		want        outcome
	}{
		{"nothing", "", outcome{}},
		{"one command", "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n", outcome{commands: [][]string{{"GET", "k"}}}},
		{"pipeline", "*1\r\n$4\r\nPING\r\n*1\r\n$4\r\nping\r\nGET k\r\n", outcome{commands: [][]string{{"PING"}, {"ping"}, {"GET", "k"}}}},
		{"empty argument", "*2\r\n$0\r\n\r\n$0\r\n\r\n", outcome{commands: [][]string{{"", ""}}}},
		{"any byte", "*1\r\n$5\r\n\r\n\x00*$\r\n", outcome{commands: [][]string{{"\r\n\x00*$"}}}},
		{"three digits", "*1\r\n$100\r\n" + big[:100] + "\r\n", outcome{commands: [][]string{{big[:100]}}}},
		{"large", "*2\r\n$3\r\nSET\r\n$100000\r\n" + big + "\r\n", outcome{commands: [][]string{{"SET", big}}}},
		{"empty arrays are skipped", "*0\r\n*-1\r\n*-5\r\n*1\r\n$1\r\na\r\n*0\r\n", outcome{commands: [][]string{{"a"}}}},
		{"blank lines are skipped", "\r\n\n  \t\r\nPING\n\r\n", outcome{commands: [][]string{{"PING"}}}},
		{"blank lines before a part", "\r\n*0\r\n*1\r\n$4\r\nPI", outcome{rest: 10}},
		{"line feeds are not checked", "*1\rX$1\rYaZZ", outcome{commands: [][]string{{"a"}}}},
		{"carriage return alone", "*1\r", outcome{rest: 3}},
		{"minus zero", "*-0\r\n", outcome{err: "Protocol error: invalid multibulk length"}},
		{"more than the room", "*70\r\n" + strings.Repeat("$1\r\nx\r\n", 70), outcome{commands: [][]string{strings.Split(strings.Repeat("x", 70), "")}}},
		{"wrong type", "*1\r\n:1\r\n", outcome{err: "Protocol error: expected '$', got ':'"}},
		{"missing type", "*1\r\n\r\n", outcome{err: "Protocol error: expected '$', got '\r'"}},
		{"count is no number", "*x\r\n", outcome{err: "Protocol error: invalid multibulk length"}},
		{"count is missing", "*\r\n", outcome{err: "Protocol error: invalid multibulk length"}},
		{"count with zeros", "*01\r\n", outcome{err: "Protocol error: invalid multibulk length"}},
		{"count too large", "*2147483648\r\n", outcome{err: "Protocol error: invalid multibulk length"}},
		{"largest count", "*2147483647\r\n", outcome{rest: 13}},
		{"length is no number", "*1\r\n$x\r\n", outcome{err: "Protocol error: invalid bulk length"}},
		{"length is missing", "*1\r\n$\r\n", outcome{err: "Protocol error: invalid bulk length"}},
		{"length with zeros", "*1\r\n$007\r\n", outcome{err: "Protocol error: invalid bulk length"}},
		{"negative length", "*1\r\n$-1\r\n", outcome{err: "Protocol error: invalid bulk length"}},
		{"largest length", "*1\r\n$536870912\r\n", outcome{rest: 16}},
		{"length too large", "*1\r\n$536870913\r\n", outcome{err: "Protocol error: invalid bulk length"}},
		{"length overflows", "*1\r\n$9223372036854775808\r\n", outcome{err: "Protocol error: invalid bulk length"}},
		{"good before bad", "PING\r\n*1\r\nfoo\r\n", outcome{commands: [][]string{{"PING"}}, err: "Protocol error: expected '$', got 'f'"}},
		{"zero byte hides a line end", "*1\x00\r\n", outcome{rest: 5}},
		{"zero byte in an inline request", "PI\x00NG\r\n", outcome{rest: 7}},
		{"count line too big", "*" + big[:65536], outcome{err: "Protocol error: too big mbulk count string"}},
		{"count line nearly too big", "*" + big[:65535], outcome{rest: 65536}},
		{"bulk line too big", "*1\r\n$" + big[:65536], outcome{err: "Protocol error: too big bulk count string"}},
		{"inline too big", big[:65537], outcome{err: "Protocol error: too big inline request"}},
		{"inline too big with its end", big[:65537] + "\r\n", outcome{err: "Protocol error: too big inline request"}},
		{"largest inline", big[:65535] + "\r\n", outcome{commands: [][]string{{big[:65535]}}}},
		{"words", "SET  a\tb \r\n", outcome{commands: [][]string{{"SET", "a", "b"}}}},
		{"double quotes", `"a b" "\x41\n\r\t\b\a\"\\\q\xZZ" ""` + "\n", outcome{commands: [][]string{{"a b", "A\n\r\t\b\a\"\\qxZZ", ""}}}},
		{"single quotes", `'a b' '\'\n' ''` + "\n", outcome{commands: [][]string{{"a b", `'\n`, ""}}}},
		{"quotes in a word", `x"y z" k='v'` + "\n", outcome{commands: [][]string{{"xy z", "k=v"}}}},
		{"backslash outside quotes", `a\n b` + "\n", outcome{commands: [][]string{{`a\n`, "b"}}}},
		{"hex at the end", `"\x4` + "\n", outcome{err: "Protocol error: unbalanced quotes in request"}},
		{"escape at the end", `"\` + "\n", outcome{err: "Protocol error: unbalanced quotes in request"}},
		{"open quotes", "SET \"a b\r\n", outcome{err: "Protocol error: unbalanced quotes in request"}},
		{"open single quotes", "SET 'a b\r\n", outcome{err: "Protocol error: unbalanced quotes in request"}},
		{"text after quotes", "\"a\"b\r\n", outcome{err: "Protocol error: unbalanced quotes in request"}},
		{"form feed parts no words", "a\fb \f c\r\n", outcome{commands: [][]string{{"a\fb", "c"}}}},
		{"carriage return parts words", "a\rb\r\n", outcome{commands: [][]string{{"a", "b"}}}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			check.Eq(t, parseChunks(t, newParser(), []byte(tc.input)).String(), tc.want.String())
			for _, split := range splits(len(tc.input)) {
				a, b := []byte(tc.input)[:split], []byte(tc.input)[split:]
				if got := parseChunks(t, newParser(), a, b); got.String() != tc.want.String() {
					t.Fatalf("split at %d: got %.200s", split, got)
				}
			}
			if len(tc.input) < 2000 {
				check.Eq(t, parseChunks(t, newParser(), bytes.SplitAfter([]byte(tc.input), nil)...).String(), tc.want.String())
			}
		})
	}
}

// splits are all places of a short stream, and those near the ends and the
// limits of a long one.
func splits(n int) []int {
	var out []int
	for i := range n {
		if n < 2000 || i < 40 || i > n-20 || (i > 65530 && i < 65545) || i%9973 == 0 {
			out = append(out, i)
		}
	}
	return out
}

func TestParserUnauthenticated(t *testing.T) {
	args := func(n int) string { return fmt.Sprintf("*%d\r\n", n) + strings.Repeat("$1\r\nx\r\n", n) }
	bulk := func(n int) string { return fmt.Sprintf("*1\r\n$%d\r\n%s\r\n", n, strings.Repeat("x", n)) }
	tests := []struct {
		name, input, err string
	}{
		{"ten arguments", args(10), ""},
		{"eleven arguments", args(11), "Protocol error: unauthenticated multibulk length"},
		{"invalid comes first", "*2147483648\r\n", "Protocol error: invalid multibulk length"},
		{"16384 bytes", bulk(16384), ""},
		{"16385 bytes", bulk(16385), "Protocol error: unauthenticated bulk length"},
		{"invalid length comes first", "*1\r\n$536870913\r\n", "Protocol error: invalid bulk length"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got := parseChunks(t, newUnauthenticated(), []byte(tc.input))
			check.Eq(t, got.err, tc.err)
			check.Eq(t, len(got.commands) == 1, tc.err == "")
			check.Eq(t, parseChunks(t, newParser(), []byte(tc.input)).err != "", strings.Contains(tc.err, "invalid"))
		})
	}
}

func TestParserErrorsNameTheReasonForTheLog(t *testing.T) {
	_, _, err := newParser().Next([]byte("*x\r\n"), nil)
	var pe *resp.ProtocolError
	check.True(t, errors.As(err, &pe), "not a ProtocolError")
	check.Eq(t, pe.Reason, "invalid mbulk count")
}

// The limits of a command are those at its length lines: what was accepted stays
// accepted when a limit changes before the command is complete.
func TestParserLimitsChangeWithinACommand(t *testing.T) {
	input := []byte("*2\r\n$3\r\nSET\r\n$2000\r\n" + strings.Repeat("x", 2000) + "\r\n")
	small := resp.DefaultLimits()
	small.MaxBulk = 1000
	p := newParser()
	args, _, err := p.Next(input[:100], nil)
	check.NoErr(t, err)
	check.True(t, args == nil, "complete too early")
	p.Limits = &small
	args, n, err := p.Next(input, nil)
	check.NoErr(t, err)
	check.Eq(t, len(args), 2)
	check.Eq(t, n, len(input))
	_, _, err = p.Next(input, nil)
	check.ErrContains(t, err, "invalid bulk length")
}

func TestParserWant(t *testing.T) {
	p := newParser()
	head := "\r\n*2\r\n$3\r\nSET\r\n$100000\r\n"
	check.Eq(t, p.Want(), 0)
	check.True(t, !p.Pending(), "pending before any byte")
	args, n, err := p.Next([]byte(head), nil)
	check.NoErr(t, err)
	check.True(t, args == nil, "complete too early")
	check.Eq(t, n, 2)
	want := len(head) - 2 + 100000 + 2
	check.Eq(t, p.Want(), want)
	check.True(t, p.Pending(), "a part is pending")
	whole := append([]byte(head[2:]), make([]byte, 100002)...)
	_, n, err = p.Next(whole[:50000], nil)
	check.NoErr(t, err)
	check.Eq(t, n, 0)
	check.Eq(t, p.Want(), want)
	args, n, err = p.Next(whole, nil)
	check.NoErr(t, err)
	check.Eq(t, len(args), 2)
	check.Eq(t, n, want)
	check.Eq(t, p.Want(), 0)
	check.True(t, !p.Pending(), "nothing is pending")
}

func TestParserWantOfTheLargestLength(t *testing.T) {
	l := resp.DefaultLimits()
	l.MaxBulk = 1<<63 - 1
	p := &resp.Parser{Limits: &l}
	input := []byte("*1\r\n$9223372036854775807\r\nabc")
	for range 2 {
		args, n, err := p.Next(input, nil)
		check.NoErr(t, err)
		check.True(t, args == nil && n == 0, "complete too early")
		check.Eq(t, p.Want(), 1<<63-1)
	}
	p.Reset()
	check.True(t, !p.Pending() && p.Want() == 0 && p.Limits == &l, "Reset keeps the limits only")
}

// An argument cannot be appended to: that would overwrite the bytes behind it.
func TestParserArgumentsHaveNoSpareCapacity(t *testing.T) {
	for _, input := range []string{"*2\r\n$1\r\na\r\n$2\r\nbc\r\n", "a 'bc'\r\n"} {
		args, _, err := newParser().Next([]byte(input), nil)
		check.NoErr(t, err)
		for _, a := range args {
			check.Eq(t, cap(a), len(a))
		}
	}
}

// The counts that a peer announces cost nothing before the bytes are there.
func TestParserTakesNoMemoryInAdvance(t *testing.T) {
	input := []byte("*2147483647\r\n$1\r\na\r\n$536870912\r\nxyz")
	p := newParser()
	got := testing.AllocsPerRun(100, func() {
		p.Reset()
		if args, _, err := p.Next(input, nil); args != nil || err != nil {
			t.Fatal("not pending")
		}
		if args, _, err := p.Next(input, nil); args != nil || err != nil {
			t.Fatal("not pending")
		}
	})
	check.Eq(t, got, 0)
}

func TestParserAllocatesNothing(t *testing.T) {
	inputs := map[string][]byte{
		"array":  []byte("*3\r\n$3\r\nSET\r\n$5\r\nkey:1\r\n$100\r\n" + strings.Repeat("x", 100) + "\r\n"),
		"inline": []byte("SET key 'value'\r\n"),
	}
	for name, input := range inputs {
		t.Run(name, func(t *testing.T) {
			p, argv := newParser(), make([][]byte, 0, 8)
			buf := make([]byte, len(input))
			got := testing.AllocsPerRun(100, func() {
				for _, end := range []int{len(input) / 2, len(input)} {
					copy(buf, input)
					args, _, err := p.Next(buf[:end], argv)
					if err != nil || (args != nil) != (end == len(input)) {
						t.Fatal("wrong result")
					}
				}
			})
			check.Eq(t, got, 0)
		})
	}
}

// A command of many arguments that comes byte by byte must not be parsed from
// its start at every byte: that would take minutes here.
func TestParserManyArgumentsInManyReads(t *testing.T) {
	const n = 100_000
	input := []byte(fmt.Sprintf("*%d\r\n", n) + strings.Repeat("$1\r\nx\r\n", n))
	p := newParser()
	for end := 1; end < len(input); end++ {
		args, size, err := p.Next(input[:end], nil)
		if args != nil || size != 0 || err != nil {
			t.Fatalf("at %d: %d arguments, %d bytes, %v", end, len(args), size, err)
		}
	}
	args, size, err := p.Next(input, nil)
	check.NoErr(t, err)
	check.Eq(t, len(args), n)
	check.Eq(t, size, len(input))
	for _, a := range args {
		check.Eq(t, string(a), "x")
	}
}

func BenchmarkParserSet(b *testing.B) {
	one := []byte("*3\r\n$3\r\nSET\r\n$16\r\nkey:000000000001\r\n$64\r\n" + strings.Repeat("x", 64) + "\r\n")
	input := bytes.Repeat(one, 100)
	benchmarkParser(b, input, 300)
}

func BenchmarkParserMSet(b *testing.B) {
	input := []byte("*1001\r\n$4\r\nMSET\r\n" + strings.Repeat("$5\r\nkey:1\r\n$3\r\nabc\r\n", 500))
	benchmarkParser(b, input, 1001)
}

func BenchmarkParserInline(b *testing.B) {
	benchmarkParser(b, bytes.Repeat([]byte("SET key:1 value\r\n"), 100), 300)
}

func benchmarkParser(b *testing.B, input []byte, args int) {
	p := newParser()
	argv := make([][]byte, 0, 16)
	b.SetBytes(int64(len(input)))
	b.ReportAllocs()
	for b.Loop() {
		for rest := input; len(rest) > 0; {
			got, n, err := p.Next(rest, argv)
			if err != nil || got == nil {
				b.Fatal("not parsed", err)
			}
			argv, rest = got[:0], rest[n:]
		}
	}
	b.ReportMetric(float64(args)*float64(b.N)/b.Elapsed().Seconds()/1e6, "Margs/s")
}
