package resp_test

import (
	"bufio"
	"math"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/internal/num"
	"redisd/pkg/resp"
)

func TestWriter(t *testing.T) {
	hello := "hello"
	tests := []struct {
		name         string
		write        func(w *resp.Writer)
		resp2, resp3 string // resp3 is empty when it is the same
	}{
		{"ok", func(w *resp.Writer) { w.OK() }, "+OK\r\n", ""},
		{"simple", func(w *resp.Writer) { w.Simple("PONG") }, "+PONG\r\n", ""},
		{"simple is one line", func(w *resp.Writer) { w.Simple("a\r\nb") }, "+a  b\r\n", ""},
		{"error", func(w *resp.Writer) { w.Error("ERR no") }, "-ERR no\r\n", ""},
		{"error is one line", func(w *resp.Writer) { w.Error("ERR a\r\nb\n") }, "-ERR a  b \r\n", ""},
		{"errorf", func(w *resp.Writer) { w.Errorf("ERR %s %d", "x\ny", 7) }, "-ERR x y 7\r\n", ""},
		{"errorf trims", func(w *resp.Writer) { w.Errorf("ERR %s", "x\r\n\r\n") }, "-ERR x\r\n", ""},
		{"errorf of nothing", func(w *resp.Writer) { w.Errorf("%s", "\r\n") }, "-\r\n", ""},
		{"integer 0", func(w *resp.Writer) { w.Int(0) }, ":0\r\n", ""},
		{"integer 9", func(w *resp.Writer) { w.Int(9) }, ":9\r\n", ""},
		{"integer 10", func(w *resp.Writer) { w.Int(10) }, ":10\r\n", ""},
		{"integer 99", func(w *resp.Writer) { w.Int(99) }, ":99\r\n", ""},
		{"integer 100", func(w *resp.Writer) { w.Int(100) }, ":100\r\n", ""},
		{"integer -1", func(w *resp.Writer) { w.Int(-1) }, ":-1\r\n", ""},
		{"integer smallest", func(w *resp.Writer) { w.Int(math.MinInt64) }, ":-9223372036854775808\r\n", ""},
		{"unsigned", func(w *resp.Writer) { w.Uint(5); w.Uint(math.MaxUint64) }, ":5\r\n:18446744073709551615\r\n", ""},
		{"bulk", func(w *resp.Writer) { w.Bulk([]byte("a\r\nb")) }, "$4\r\na\r\nb\r\n", ""},
		{"bulk of nil", func(w *resp.Writer) { w.Bulk(nil) }, "$0\r\n\r\n", ""},
		{"bulk string", func(w *resp.Writer) { w.BulkString(strings.Repeat("x", 123)) }, "$123\r\n" + strings.Repeat("x", 123) + "\r\n", ""},
		{"bulk integer", func(w *resp.Writer) { w.BulkInt(-12); w.BulkInt(0) }, "$3\r\n-12\r\n$1\r\n0\r\n", ""},
		{"null", func(w *resp.Writer) { w.Null() }, "$-1\r\n", "_\r\n"},
		{"null array", func(w *resp.Writer) { w.NullArray() }, "*-1\r\n", "_\r\n"},
		{"array", func(w *resp.Writer) { w.Array(0); w.Array(1000) }, "*0\r\n*1000\r\n", ""},
		{"map", func(w *resp.Writer) { w.Map(6) }, "*12\r\n", "%6\r\n"},
		{"set", func(w *resp.Writer) { w.Set(3) }, "*3\r\n", "~3\r\n"},
		{"push", func(w *resp.Writer) { w.Push(3) }, "*3\r\n", ">3\r\n"},
		{"double", func(w *resp.Writer) { w.Double(3.1) }, "$3\r\n3.1\r\n", ",3.1\r\n"},
		{"whole double", func(w *resp.Writer) { w.Double(-3) }, "$2\r\n-3\r\n", ",-3\r\n"},
		{"infinity", func(w *resp.Writer) { w.Double(math.Inf(1)) }, "$3\r\ninf\r\n", ",inf\r\n"},
		{"minus infinity", func(w *resp.Writer) { w.Double(math.Inf(-1)) }, "$4\r\n-inf\r\n", ",-inf\r\n"},
		{"not a number", func(w *resp.Writer) { w.Double(math.NaN()) }, "$3\r\nnan\r\n", ",nan\r\n"},
		{"long double", func(w *resp.Writer) { d, _ := num.ParseLongDouble([]byte("0.5")); w.LongDouble(d) }, "$3\r\n0.5\r\n", ",0.5\r\n"},
		{"big number", func(w *resp.Writer) { w.BigNumber("123456789012345678901234567890") }, "$30\r\n123456789012345678901234567890\r\n", "(123456789012345678901234567890\r\n"},
		{"true", func(w *resp.Writer) { w.Bool(true) }, ":1\r\n", "#t\r\n"},
		{"false", func(w *resp.Writer) { w.Bool(false) }, ":0\r\n", "#f\r\n"},
		{"verbatim", func(w *resp.Writer) { w.Verbatim("txt", hello) }, "$5\r\nhello\r\n", "=9\r\ntxt:hello\r\n"},
		{"verbatim of a short format", func(w *resp.Writer) { w.Verbatim("c", hello) }, "$5\r\nhello\r\n", "=9\r\nc  :hello\r\n"},
		{"raw", func(w *resp.Writer) { w.Raw([]byte(":1\r\n")) }, ":1\r\n", ""},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			want3 := tc.resp3
			if want3 == "" {
				want3 = tc.resp2
			}
			for proto, want := range map[int]string{2: tc.resp2, 3: want3} {
				w := resp.NewWriter(proto)
				tc.write(w)
				check.Eq(t, string(w.Buf), want)
			}
		})
	}
}

func TestWriterAttributes(t *testing.T) {
	w := resp.NewWriter(3)
	w.Attribute(1)
	w.BulkString("ttl")
	w.Int(7)
	w.BulkString("value")
	check.Eq(t, string(w.Buf), "|1\r\n$3\r\nttl\r\n:7\r\n$5\r\nvalue\r\n")
	r, err := resp.ReadReply(bufio.NewReader(strings.NewReader(string(w.Buf))))
	check.NoErr(t, err)
	check.Eq(t, r.Text, "value")
	check.Eq(t, len(r.Attr), 2)
	defer func() { check.True(t, recover() != nil, "RESP2 has no attributes") }()
	resp.NewWriter(2).Attribute(1)
}

func TestWriterDeferred(t *testing.T) {
	tests := []struct {
		name  string
		proto int
		write func(w *resp.Writer)
		want  string
	}{
		{"empty", 2, func(w *resp.Writer) { w.EndArray(w.DeferArray(), 0) }, "*0\r\n"},
		{"one digit", 2, func(w *resp.Writer) {
			at := w.DeferArray()
			w.Int(1)
			w.EndArray(at, 1)
			w.OK()
		}, "*1\r\n:1\r\n+OK\r\n"},
		{"more digits", 2, func(w *resp.Writer) {
			w.OK()
			at := w.DeferArray()
			for range 1000 {
				w.Int(1)
			}
			w.EndArray(at, 1000)
		}, "+OK\r\n*1000\r\n" + strings.Repeat(":1\r\n", 1000)},
		{"map on RESP2", 2, func(w *resp.Writer) {
			at := w.DeferArray()
			w.BulkString("k")
			w.Null()
			w.EndMap(at, 1)
		}, "*2\r\n$1\r\nk\r\n$-1\r\n"},
		{"map on RESP3", 3, func(w *resp.Writer) { w.EndMap(w.DeferArray(), 12) }, "%12\r\n"},
		{"set on RESP2", 2, func(w *resp.Writer) { w.EndSet(w.DeferArray(), 3) }, "*3\r\n"},
		{"set on RESP3", 3, func(w *resp.Writer) { w.EndSet(w.DeferArray(), 3) }, "~3\r\n"},
		{"nested", 2, func(w *resp.Writer) {
			outer := w.DeferArray()
			for range 12 {
				inner := w.DeferArray()
				for range 11 {
					w.Int(0)
				}
				w.EndArray(inner, 11)
			}
			w.EndArray(outer, 12)
		}, "*12\r\n" + strings.Repeat("*11\r\n"+strings.Repeat(":0\r\n", 11), 12)},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			w := resp.NewWriter(tc.proto)
			tc.write(w)
			check.Eq(t, string(w.Buf), tc.want)
		})
	}
}

func TestWriterCountsErrors(t *testing.T) {
	w := resp.NewWriter(2)
	check.Eq(t, w.ErrorAt, -1)
	at := w.DeferArray()
	w.Error("ERR one")
	w.Errorf("ERR %s", "two")
	w.EndArray(at, 100)
	check.Eq(t, w.Errors, 2)
	check.Eq(t, string(w.Buf[w.ErrorAt:]), "-ERR two\r\n")
	w.Reset()
	check.Eq(t, w.Errors, 0)
	check.Eq(t, w.ErrorAt, -1)
	check.Eq(t, len(w.Buf), 0)
}

func TestWriterAllocatesNothing(t *testing.T) {
	w := resp.NewWriter(2)
	w.Buf = make([]byte, 0, 4096)
	value := []byte(strings.Repeat("x", 500))
	got := testing.AllocsPerRun(100, func() {
		w.Reset()
		w.OK()
		w.Int(123456)
		w.Bulk(value)
		w.BulkInt(-1)
		w.Null()
		w.Double(3.25)
		w.Double(0.1)
		w.Error("ERR no")
		at := w.DeferArray()
		w.Array(1)
		w.Verbatim("txt", "x")
		w.EndArray(at, 10000)
		w.LongDouble(num.LongDoubleFromInt(5))
	})
	check.Eq(t, got, 0)
}

func BenchmarkWriter(b *testing.B) {
	value := []byte(strings.Repeat("x", 64))
	benchmarks := []struct {
		name  string
		write func(w *resp.Writer)
	}{
		{"OK", func(w *resp.Writer) { w.OK() }},
		{"Int", func(w *resp.Writer) { w.Int(42) }},
		{"IntLong", func(w *resp.Writer) { w.Int(1234567890) }},
		{"Bulk", func(w *resp.Writer) { w.Bulk(value) }},
		{"Double", func(w *resp.Writer) { w.Double(3.14159) }},
	}
	for _, bm := range benchmarks {
		b.Run(bm.name, func(b *testing.B) {
			w := resp.NewWriter(2)
			b.ReportAllocs()
			for b.Loop() {
				if len(w.Buf) > 32<<10 {
					w.Reset()
				}
				bm.write(w)
			}
		})
	}
}

// A long string asks for a buffer that fits, once; short ones and those that fit do not.
func TestWriterAsksForALongBuffer(t *testing.T) {
	w := resp.NewWriter(2)
	var asked []int
	w.Grow = func(buf []byte, n int) []byte {
		asked = append(asked, n)
		return append(make([]byte, 0, n), buf...)
	}
	w.OK()
	w.Bulk(make([]byte, 100))
	check.Eq(t, len(asked), 0)
	before := len(w.Buf)
	w.Bulk(make([]byte, 100_000))
	check.Eq(t, len(asked), 1)
	check.True(t, asked[0] >= len(w.Buf), "the buffer was too short")
	check.Eq(t, string(w.Buf[:5]), "+OK\r\n")
	check.Eq(t, string(w.Buf[before:before+9]), "$100000\r\n")
	w.Buf = w.Buf[:0]
	w.Bulk(make([]byte, 90_000))
	check.Eq(t, len(asked), 1)
}
