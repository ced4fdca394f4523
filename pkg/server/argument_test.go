package server_test

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// longText is a text that is long enough to be read to its place, and unlike others.
func longText(seed byte) string {
	b := bytes.Repeat([]byte{seed, 'x', '\r', '\n', '$'}, 1<<20)
	return string(strconv.AppendInt(b, int64(seed), 10))
}

// TestLongArguments: whatever a command does with an argument of megabytes, the data, the
// log and the memory are as with a short one.
func TestLongArguments(t *testing.T) {
	a, b := longText('a'), longText('b')
	for _, tt := range []struct {
		name string
		run  func(p *peer)
		key  string
		want string // its value at the end; empty: there is no such key
	}{
		{"SET", func(p *peer) { p.ok("SET", "k", a) }, "k", a},
		{"SET over another", func(p *peer) { p.ok("SET", "k", b); p.ok("SET", "k", a) }, "k", a},
		{"SET with options", func(p *peer) { p.ok("SET", "k", a, "EX", "1000") }, "k", a},
		{"SET KEEPTTL", func(p *peer) { p.ok("SET", "k", b, "EX", "100"); p.ok("SET", "k", a, "KEEPTTL") }, "k", a},
		{"SET GET", func(p *peer) { p.ok("SET", "k", b); check.Eq(t, p.text("SET", "k", a, "GET"), b) }, "k", a},
		{"SET refused", func(p *peer) { p.ok("SET", "k", "v"); p.do("SET", "k", a, "NX") }, "k", "v"},
		{"SET wrong", func(p *peer) { p.refused("SET", "k", a, "EX", "x") }, "k", ""},
		{"SET whose time is over", func(p *peer) { p.ok("SET", "k", a, "PXAT", "1") }, "k", ""},
		{"SETEX", func(p *peer) { p.ok("SETEX", "k", "1000", a) }, "k", a},
		{"SETNX", func(p *peer) { p.ok("SETNX", "k", a) }, "k", a},
		{"GETSET", func(p *peer) { p.ok("GETSET", "k", a) }, "k", a},
		{"APPEND", func(p *peer) { p.ok("APPEND", "k", a); p.ok("APPEND", "k", a) }, "k", a + a},
		{"MSET of one key twice", func(p *peer) { p.ok("MSET", "k", a, "k", b) }, "k", b},
		{"MSET of two", func(p *peer) { p.ok("MSET", "l", b, "k", a) }, "k", a},
		{"a long key", func(p *peer) { p.ok("SET", a, "v") }, a, "v"},
		{"a long key and value", func(p *peer) { p.ok("SET", b, a) }, b, a},
		{"RPUSH", func(p *peer) { p.ok("RPUSH", "l", a); check.Eq(t, p.text("LPOP", "l"), a) }, "k", ""},
		{"an unknown command", func(p *peer) { p.refused("NOSUCH", a) }, "k", ""},
		{"a long name", func(p *peer) { p.refused(a) }, "k", ""},
		{"a transaction", func(p *peer) { p.ok("MULTI"); p.ok("SET", "k", a); p.ok("SET", "k", b); p.ok("EXEC") }, "k", b},
		{"EVAL", func(p *peer) { p.ok("EVAL", "return redis.call('SET', KEYS[1], ARGV[1])", "1", "k", a) }, "k", a},
		{"SET and DEL in one block", func(p *peer) { p.ok("SET", "k", a); p.ok("SET", "k", "v"); p.ok("DEL", "k") }, "k", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := startServer(t, "appendonly yes", "enable-debug-command yes", "proto-max-bulk-len 1gb")
			p := r.dial()
			p.ok("CONFIG", "SET", "slowlog-log-slower-than", "0")
			before := p.figure("memory", "used_memory")
			tt.run(p)
			if reply := p.ok("GET", tt.key); tt.want == "" {
				check.True(t, reply.Null, "there is no such key")
			} else {
				check.True(t, reply.Text == tt.want, "the value is right")
			}
			digest := p.text("DEBUG", "DIGEST")
			p.ok("DEBUG", "LOADAOF")
			check.Eq(t, p.text("DEBUG", "DIGEST"), digest)
			p.ok("SLOWLOG", "GET")
			p.ok("FLUSHALL")
			until(t, "nothing of it is kept", func() bool { return p.figure("memory", "used_memory") < before+1<<20 })
		})
	}
}

// TestLongArgumentsInPieces: however it is cut, and whatever follows in the same piece.
func TestLongArgumentsInPieces(t *testing.T) {
	p := startServer(t).dial()
	value := longText('v')
	stream := resp.AppendCommandStrings(nil, "SET", "k", value, "PX", "100000")
	stream = resp.AppendCommandStrings(stream, "MSET", "l", value, "m", value)
	stream = resp.AppendCommandStrings(stream, "STRLEN", "k")
	stream = resp.AppendCommandStrings(stream, "STRLEN", "m")
	for _, piece := range []int{len(value) / 7, 65_536, 1_000_003, len(value) + 20, len(stream) - 1, len(stream)} {
		for rest := stream; len(rest) > 0; {
			n := min(piece, len(rest))
			_, err := p.conn.Write(rest[:n])
			check.NoErr(t, err)
			rest = rest[n:]
		}
		for _, want := range []string{"OK", "OK", fmt.Sprint(len(value)), fmt.Sprint(len(value))} {
			reply, err := resp.ReadReply(p.in)
			check.NoErr(t, err)
			if reply.Kind == ':' {
				reply.Text = fmt.Sprint(reply.Int)
			}
			check.Eq(t, reply.Text, want)
		}
		check.True(t, p.text("GET", "k") == value, "the value is right")
		p.ok("FLUSHALL")
	}
}

// TestLongArgumentBehindAWait: what comes while the client waits is parsed afterwards, when
// all of the argument is there already and only its end, or half of that, is missing.
func TestLongArgumentBehindAWait(t *testing.T) {
	r := startServer(t)
	admin := r.dial()
	value := strings.Repeat("v", 6<<20) // whole chunks: what is written behind it would show
	request := resp.AppendCommandStrings(nil, "SET", "k", value)
	for _, missing := range []int{0, 1, 2, 3, 1000} {
		p := r.dial()
		_, err := p.conn.Write(resp.AppendCommandStrings(nil, "BLPOP", "list", "0"))
		check.NoErr(t, err)
		until(t, "it waits", func() bool { return admin.info("clients")["blocked_clients"] == "1" })
		_, err = p.conn.Write(request[:len(request)-missing])
		check.NoErr(t, err)
		until(t, "all has come", func() bool {
			return strings.Contains(admin.text("CLIENT", "LIST"), fmt.Sprintf(" qbuf=%d ", len(request)-missing))
		})
		admin.ok("RPUSH", "list", "x")
		reply, err := resp.ReadReply(p.in)
		check.NoErr(t, err)
		check.Eq(t, len(reply.Elems), 2)
		_, err = p.conn.Write(request[len(request)-missing:])
		check.NoErr(t, err)
		reply, err = resp.ReadReply(p.in)
		check.NoErr(t, err)
		check.Eq(t, reply.Text, "OK")
		check.True(t, p.text("GET", "k") == value, "the value is right")
	}
}

// TestLongArgumentThatNeverEnds: who leaves, or is sent away, in the middle of one leaves
// nothing behind.
func TestLongArgumentThatNeverEnds(t *testing.T) {
	r := startServer(t, "client-query-buffer-limit 8mb")
	admin := r.dial()
	before := admin.figure("memory", "used_memory")
	half := append([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000000\r\n"), longText('h')...)
	for name, end := range map[string]func(p *peer){
		"leaves":     func(p *peer) { p.conn.Close() },
		"is killed":  func(p *peer) { admin.ok("CLIENT", "KILL", "SKIPME", "yes") },
		"is refused": func(p *peer) { _, _ = p.conn.Write([]byte(longText('m'))) },
	} {
		p := r.dial()
		_, err := p.conn.Write(half)
		check.NoErr(t, err)
		until(t, "it has come", func() bool { return admin.figure("memory", "used_memory") > before+5<<20 })
		check.True(t, strings.Contains(admin.text("CLIENT", "LIST"), fmt.Sprintf(" qbuf=%d ", len(half))), "CLIENT LIST has it")
		end(p)
		until(t, name+": its memory is free", func() bool { return admin.figure("memory", "used_memory") < before+1<<20 })
	}
	check.Contains(t, r.log.String(), "Closing client that reached max query buffer length")
}

// TestLongArgumentPutOff: CLIENT PAUSE makes the command wait with its argument.
func TestLongArgumentPutOff(t *testing.T) {
	r := startServer(t)
	admin, p := r.dial(), r.dial()
	value := longText('p')
	admin.ok("CLIENT", "PAUSE", "100000", "WRITE")
	_, err := p.conn.Write(resp.AppendCommandStrings(nil, "SET", "k", value))
	check.NoErr(t, err)
	until(t, "it waits", func() bool {
		return strings.Contains(admin.text("CLIENT", "LIST"), " flags=b")
	})
	admin.ok("CLIENT", "UNPAUSE")
	reply, err := resp.ReadReply(p.in)
	check.NoErr(t, err)
	check.Eq(t, reply.Text, "OK")
	check.True(t, p.text("GET", "k") == value, "the value is right")
}
