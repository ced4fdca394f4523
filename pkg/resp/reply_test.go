package resp_test

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

func readAll(input string) ([]string, error) {
	r := bufio.NewReaderSize(strings.NewReader(input), 16)
	var out []string
	for {
		reply, err := resp.ReadReply(r)
		if err != nil {
			return out, err
		}
		out = append(out, reply.String())
	}
}

func TestReadReply(t *testing.T) {
	long := strings.Repeat("y", 200_000)
	tests := []struct {
		name, input string
		want        []string
	}{
		{"simple", "+OK\r\n", []string{"+OK"}},
		{"error", "-ERR no such key\r\n", []string{"-ERR no such key"}},
		{"integer", ":-12\r\n", []string{"(integer) -12"}},
		{"bulk", "$4\r\na\r\nb\r\n", []string{`"a\r\nb"`}},
		{"large bulk", "$200000\r\n" + long + "\r\n", []string{fmt.Sprintf("%q", long)}},
		{"nulls", "$-1\r\n*-1\r\n_\r\n", []string{"(nil)", "(nil)", "(nil)"}},
		{"array", "*2\r\n:1\r\n*1\r\n$1\r\nx\r\n", []string{`*[(integer) 1 *["x"]]`}},
		{"empty array", "*0\r\n", []string{"*[]"}},
		{"map", "%1\r\n+k\r\n:1\r\n", []string{"%[+k (integer) 1]"}},
		{"set and push", "~1\r\n:1\r\n>1\r\n:2\r\n", []string{"~[(integer) 1]", ">[(integer) 2]"}},
		{"boolean", "#t\r\n#f\r\n", []string{"(boolean) true", "(boolean) false"}},
		{"double", ",1.5\r\n,inf\r\n", []string{",1.5", ",inf"}},
		{"big number", "(123\r\n", []string{"(123"}},
		{"verbatim", "=7\r\ntxt:abc\r\n", []string{"=abc"}},
		{"blob error", "!6\r\nERR no\r\n", []string{"!ERR no"}},
		{"attribute", "|1\r\n+a\r\n+b\r\n:5\r\n", []string{"(integer) 5"}},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			got, err := readAll(tc.input)
			check.True(t, err == io.EOF, "the stream ends between replies")
			check.Eq(t, got, tc.want)
			if len(tc.input) > 1000 {
				return
			}
			for cut := 1; cut < len(tc.input); cut++ {
				got, err := readAll(tc.input[:cut])
				check.True(t, err != nil, "a cut stream is an error or an end")
				check.True(t, len(got) < len(tc.want), "a reply was made up")
			}
		})
	}
}

func TestReadReplyRefuses(t *testing.T) {
	tests := []struct {
		name, input, err string
	}{
		{"unknown type", "?1\r\n", "unknown type"},
		{"no number", ":x\r\n", "bad line"},
		{"no type", "\r\n", "empty line"},
		{"negative length", "$-2\r\n", "bad length"},
		{"huge length", "$1000000000\r\n", "bad length"},
		{"huge array", "*9000000000\r\n", "bad number of elements"},
		{"null map", "%-1\r\n", "bad number of elements"},
		{"no line end", "$1\r\nabc\r\n", "no line end"},
		{"boolean", "#x\r\n", "bad boolean"},
		{"verbatim", "=3\r\nabc\r\n", "without a format"},
		{"deep", strings.Repeat("*1\r\n", 1000), "nested too deep"},
		{"endless line", "+" + strings.Repeat("x", 2<<20), "line too long"},
		{"cut", "*2\r\n:1\r\n", "unexpected EOF"},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			_, err := readAll(tc.input)
			check.ErrContains(t, err, tc.err)
			check.ErrContains(t, err, "resp: ")
		})
	}
}

func TestReplyValues(t *testing.T) {
	check.ErrContains(t, resp.Reply{Kind: '-', Text: "ERR x"}.Err(), "ERR x")
	check.NoErr(t, resp.Reply{Kind: '+', Text: "OK"}.Err())
	f, ok := resp.Reply{Kind: ',', Text: "-inf"}.Double()
	check.True(t, ok && f < -1e308, "minus infinity")
	f, ok = resp.Reply{Kind: ',', Text: "nan"}.Double()
	check.True(t, ok && f != f, "not a number")
	_, ok = resp.Reply{Kind: '$', Text: "x"}.Double()
	check.True(t, !ok, "not a double")
}

// What a Writer writes, ReadReply reads.
func TestWriterAndReaderAgree(t *testing.T) {
	for _, proto := range []int{2, 3} {
		w := resp.NewWriter(proto)
		w.Map(2)
		w.BulkString("list")
		w.Array(3)
		w.Int(1)
		w.Null()
		w.Double(0.25)
		w.BulkString("ok")
		w.Bool(true)
		got, err := readAll(string(w.Buf))
		check.True(t, err == io.EOF, "nothing is left")
		want := `*["list" *[(integer) 1 (nil) "0.25"] "ok" (integer) 1]`
		if proto == 3 {
			want = `%["list" *[(integer) 1 (nil) ,0.25] "ok" (boolean) true]`
		}
		check.Eq(t, got, []string{want})
	}
}
