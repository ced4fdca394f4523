package hostile_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/test/rig"
)

func toInt(t testing.TB, v any) int64 {
	t.Helper()
	var text string
	switch v := v.(type) {
	case map[any]any:
		for _, x := range v {
			text = fmt.Sprint(x)
		}
	case []any:
		text = fmt.Sprint(v[len(v)-1])
	default:
		text = fmt.Sprint(v)
	}
	n, err := strconv.ParseInt(text, 10, 64)
	check.NoErr(t, err)
	return n
}

// TestAnnouncements: what is announced and does not come takes no memory.
func TestAnnouncements(t *testing.T) {
	s := start(t)
	b := watch(dial(t, s))
	all := crowd(t, s, scale(200, 2000))
	before := memoryOf(s)
	for _, p := range all {
		p.send("*3\r\n$3\r\nSET\r\n$4\r\nhuge\r\n$536870912\r\n")
	}
	for i := range 3 { // and a few bytes, each in a packet of its own
		for _, p := range all {
			p.send(fmt.Sprint(i))
		}
		s.Do("PING")
	}
	rig.Eventually(t, "all bytes read", func() bool {
		return strings.Count(fmt.Sprint(s.Do("CLIENT", "LIST")), "cmd=ping") >= len(all)
	})
	grew(t, s, before, int64(len(all))*40*kb)
	b.served()
}

// TestBigArguments: an argument of the longest length comes through, one that is longer
// is refused, and one that exceeds the query buffer's limit ends the client.
func TestBigArguments(t *testing.T) {
	size := scale(64, 512) * mb
	s := start(t, "--proto-max-bulk-len", fmt.Sprint(size))
	b := watch(dial(t, s))
	before := memoryOf(s)
	p := dial(t, s)
	p.send(fmt.Sprintf("*2\r\n$6\r\nSTRLEN\r\n$%d\r\n", size))
	for range size / mb {
		p.send(strings.Repeat("x", mb))
	}
	p.send("\r\n")
	check.Eq(t, p.line(), ":0")
	p.send(fmt.Sprintf("*2\r\n$6\r\nSTRLEN\r\n$%d\r\n", size+1))
	check.Eq(t, p.line(), "-ERR Protocol error: invalid bulk length")
	check.Eq(t, p.gone(), "")
	s.Do("CONFIG", "SET", "client-query-buffer-limit", "1mb")
	mark := s.Mark()
	p = dial(t, s)
	p.send(fmt.Sprintf("*2\r\n$6\r\nSTRLEN\r\n$%d\r\n", size))
	for range 8 {
		if p.try(strings.Repeat("x", mb)) != nil {
			break
		}
	}
	check.Eq(t, p.gone(), "")
	check.Contains(t, s.LogSince(mark), "Closing client that reached max query buffer length")
	b.served()
	back(t, s, before)
}

// TestProtocolBombs: numbers that nobody can mean, and requests without an end.
func TestProtocolBombs(t *testing.T) {
	s := start(t)
	b := watch(dial(t, s))
	before := memoryOf(s)
	errors := s.Int("total_error_replies")
	const wrong = "-ERR Protocol error: "
	long := strings.Repeat("x", 70_000)
	for _, tt := range []struct{ name, send, want, logged string }{
		{"count that is too large", "*2147483648\r\n", wrong + "invalid multibulk length", "invalid mbulk count"},
		{"count without an end", "*99999999999999999999999\r\n", wrong + "invalid multibulk length", "invalid mbulk count"},
		{"count that is no number", "*x\r\n", wrong + "invalid multibulk length", "invalid mbulk count"},
		{"negative length", "*1\r\n$-1\r\n", wrong + "invalid bulk length", "invalid bulk length"},
		{"length over the limit", "*1\r\n$536870913\r\n", wrong + "invalid bulk length", "invalid bulk length"},
		{"length that overflows", "*1\r\n$18446744073709551617\r\n", wrong + "invalid bulk length", "invalid bulk length"},
		{"array in an array", strings.Repeat("*1\r\n", 10_000), wrong + "expected '$', got '*'", "expected $ but got something else"},
		{"line that does not end", long, wrong + "too big inline request", "too big inline request"},
		{"count line that does not end", "*" + long, wrong + "too big mbulk count string", "too big mbulk count string"},
		{"length line that does not end", "*1\r\n$" + long, wrong + "too big bulk count string", "too big bulk count string"},
		{"quotes that do not close", "SET k \"v\r\n", wrong + "unbalanced quotes in request", "unbalanced quotes in inline request"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			mark, p := s.Mark(), dial(t, s)
			_ = p.try(tt.send) // it may be closed before all is sent
			check.Eq(t, strings.TrimRight(p.gone(), "\r\n"), tt.want)
			s.WaitLog(mark, "Protocol error ("+tt.logged+") from client: id=")
		})
	}
	// These are no errors: nothing is asked for.
	p := dial(t, s)
	p.send("*0\r\n*-1\r\n*-2147483648\r\n\r\n" + strings.Repeat("*0\r\n", 50_000))
	check.Eq(t, p.say("PING"), "+PONG")
	// A count that nobody can send takes what has come.
	many := dial(t, s)
	many.send("*2147483647\r\n" + strings.Repeat("$0\r\n\r\n", 100_000))
	check.Eq(t, p.say("PING"), "+PONG")
	grew(t, s, before, 16*mb)
	check.NoErr(t, many.Close())
	check.Eq(t, s.Int("protocol_errors"), 11)
	check.Eq(t, s.Int("total_error_replies")-errors, 11)
	b.served()
	back(t, s, before)
}

// TestNoise: what is no Redis client at all.
func TestNoise(t *testing.T) {
	s := start(t)
	b := watch(dial(t, s))
	before := memoryOf(s)
	mark := s.Mark()
	for _, text := range []string{
		"POST / HTTP/1.1\r\nHost: localhost:6379\r\nContent-Length: 12\r\n\r\nFLUSHALL\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: localhost:6379\r\n\r\nFLUSHALL\r\n",
	} {
		s.Do("SET", "precious", "v")
		p := dial(t, s)
		p.send(text)
		got := p.gone()
		check.True(t, !strings.Contains(got, "+OK"), got)
		check.Eq(t, fmt.Sprint(s.Do("GET", "precious")), "v")
	}
	s.WaitLog(mark, "Possible SECURITY ATTACK detected. It looks like somebody is sending POST or Host: commands to Redis.")

	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rnd := rand.New(rand.NewPCG(seed, 1))
	for range scale(200, 5000) {
		p := dial(t, s)
		noise := make([]byte, 1+rnd.IntN(20_000))
		for i := range noise {
			noise[i] = byte(rnd.Uint32())
		}
		copy(noise, []string{"", "*", "*3\r\n$", "\x16\x03\x01\x02\x00\x01"}[rnd.IntN(4)])
		_ = p.try(string(noise))
		check.NoErr(t, p.Close())
	}
	check.Eq(t, fmt.Sprint(s.Do("GET", "precious")), "v")
	rig.Eventually(t, "the end of their connections", func() bool { return s.Int("connected_clients") < 10 })
	grew(t, s, before, 8*mb)
	b.served()
}
