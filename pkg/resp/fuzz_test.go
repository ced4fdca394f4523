package resp_test

import (
	"bufio"
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// pieces cuts input at places that the bytes of cuts choose.
func pieces(input, cuts []byte) [][]byte {
	var out [][]byte
	for _, c := range cuts {
		n := min(len(input), int(c))
		out = append(out, input[:n:n])
		input = input[n:]
	}
	return append(out, input)
}

// FuzzParser: no stream makes the parser panic, take memory that it has no
// right to, or depend on how the stream was split.
func FuzzParser(f *testing.F) {
	seeds := []string{
		"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\nvalue\r\n*1\r\n$4\r\nPING\r\n",
		"*0\r\n\r\n*-1\r\nSET 'a b' \"\\x41\\n\"\r\n",
		"*2147483647\r\n$536870912\r\nx",
		"*1\r\n$-1\r\n", "*1\r\n:1\r\n", "*x\r\n", "\"a\"b\r\n", "*1\rX$1\rYa\x00\x01", "a\x00b\r\n",
		"*11\r\n$16385\r\n",
	}
	for i, s := range seeds {
		f.Add([]byte(s), []byte{1, 2, byte(i), 0, 7}, i%2 == 0)
	}
	f.Fuzz(func(t *testing.T, input, cuts []byte, authenticated bool) {
		parser := newParser
		if !authenticated {
			parser = newUnauthenticated
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		want := parseChunks(t, parser(), input)
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 1<<20+uint64(len(input))*100 {
			t.Fatalf("%d bytes allocated for %d of input", spent, len(input))
		}
		if got := parseChunks(t, parser(), pieces(input, cuts)...); got.String() != want.String() {
			t.Fatalf("whole %v\nsplit %v", want, got)
		}
	})
}

// FuzzCommand: an encoded command parses back, and the next one behind it too.
func FuzzCommand(f *testing.F) {
	f.Add([]byte("SET\x00key\x00value"), []byte{3})
	f.Add([]byte("\r\n\x00\x00\x00*1"), []byte{1, 1, 1})
	f.Add(bytes.Repeat([]byte("a\x00"), 200), []byte{200, 1})
	f.Fuzz(func(t *testing.T, joined, cuts []byte) {
		args := bytes.Split(joined, []byte{0})
		want := outcome{commands: [][]string{make([]string, len(args)), {"PING"}}}
		for i, a := range args {
			want.commands[0][i] = string(a)
		}
		stream := resp.AppendCommandStrings(resp.AppendCommand(nil, args...), "PING")
		check.Eq(t, parseChunks(t, newParser(), pieces(stream, cuts)...).String(), want.String())
	})
}

// FuzzInlineQuoting: any argument survives quoting as %q does it, as far as the
// escapes are the same.
func FuzzInlineQuoting(f *testing.F) {
	f.Add([]byte("plain"))
	f.Add([]byte("a \"b\" \\ \r\n\x00\xff"))
	f.Fuzz(func(t *testing.T, arg []byte) {
		if len(arg) > 10000 {
			return
		}
		line := []byte("ECHO \"")
		for _, c := range arg {
			line = fmt.Appendf(line, "\\x%02x", c)
		}
		line = append(line, "\"\r\n"...)
		check.Eq(t, parseChunks(t, newParser(), line).String(), outcome{commands: [][]string{{"ECHO", string(arg)}}}.String())
	})
}

// FuzzReadReply: no reply makes the reader panic or take memory in advance.
func FuzzReadReply(f *testing.F) {
	for _, s := range []string{"+OK\r\n", "*2\r\n:1\r\n$1\r\nx\r\n", "%1\r\n+a\r\n_\r\n", "|1\r\n+a\r\n+b\r\n#t\r\n", "$536870912\r\nx", "*2147483647\r\n", "=5\r\ntxt:a\r\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		r := bufio.NewReader(bytes.NewReader(input))
		for {
			reply, err := resp.ReadReply(r)
			if err != nil {
				break
			}
			_ = reply.String()
		}
		runtime.ReadMemStats(&after)
		if spent := after.TotalAlloc - before.TotalAlloc; spent > 4<<20+uint64(len(input))*2000 {
			t.Fatalf("%d bytes allocated for %d of input", spent, len(input))
		}
	})
}
