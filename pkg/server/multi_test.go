package server_test

import (
	"bufio"
	"net"
	"os"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// A script is one step a line; "b>" steps are of a second connection. What each step
// gets is what redis-server replies.
var transactions = []struct {
	name   string
	script string
}{
	{"queue and run", `
		MULTI | SET k v | GET k | INCR n | EXEC | GET n`},
	{"discard", `MULTI | SET k v | DISCARD | GET k | DISCARD`},
	{"exec and discard without multi", `EXEC | DISCARD`},
	{"nested multi and watch", `MULTI | MULTI | WATCH k | PING | EXEC`},
	{"unknown command", `MULTI | SET k v | NOSUCH a b | EXEC | GET k`},
	{"wrong arity", `MULTI | SET k | SET k v | EXEC | GET k`},
	{"an error at run time does not stop it", `SET k v | MULTI | LPUSH k a | SET k w | EXEC | GET k`},
	{"empty", `MULTI | EXEC`},
	{"not allowed inside", `MULTI | SAVE | EXEC`},
	{"select inside", `MULTI | SELECT 3 | SET k v | EXEC | GET k | SELECT 0 | GET k`},
	{"watch unchanged", `WATCH k | MULTI | SET k v | EXEC`},
	{"watch changed by another", `WATCH k | b> SET k v | MULTI | SET k w | EXEC | GET k`},
	{"watch changed by itself", `WATCH k | SET k v | MULTI | SET k w | EXEC | GET k`},
	{"the watch ends with exec", `WATCH k | MULTI | PING | EXEC | b> SET k v | MULTI | PING | EXEC`},
	{"the watch ends with discard", `WATCH k | MULTI | DISCARD | b> SET k v | MULTI | PING | EXEC`},
	{"unwatch", `WATCH k | b> SET k v | UNWATCH | MULTI | PING | EXEC`},
	{"watch of several", `WATCH a b c | b> SET b v | MULTI | PING | EXEC`},
	{"watch of another database", `WATCH k | SELECT 1 | b> SET k v | MULTI | PING | EXEC`},
	{"a change in another database", `WATCH k | b> SELECT 1 | b> SET k v | MULTI | PING | EXEC`},
	{"watch and flush of what is there", `SET k v | WATCH k | b> FLUSHALL | MULTI | PING | EXEC`},
	{"watch and flush of what is not", `WATCH k | b> FLUSHALL | MULTI | PING | EXEC`},
	{"watch and flush of a database", `SET k v | WATCH k | b> FLUSHDB | MULTI | PING | EXEC`},
	{"watch and swapdb", `SET k v | WATCH k | b> SWAPDB 0 5 | MULTI | PING | EXEC`},
	{"watch and swapdb of nothing", `WATCH k | b> SWAPDB 0 5 | MULTI | PING | EXEC`},
	{"swapdb of nothing with what has expired", `DEBUG SET-ACTIVE-EXPIRE 0 | SET k v PX 1 | DEBUG SLEEP 0.01 | SELECT 5 | WATCH k |
		b> SWAPDB 0 5 | MULTI | PING | EXEC | DEBUG SET-ACTIVE-EXPIRE 1`},
	{"swapdb of what has expired with nothing", `DEBUG SET-ACTIVE-EXPIRE 0 | SET k v PX 1 | DEBUG SLEEP 0.01 | WATCH k |
		b> SWAPDB 0 5 | MULTI | PING | EXEC | DEBUG SET-ACTIVE-EXPIRE 1`},
	{"swapdb of what has expired with a key", `DEBUG SET-ACTIVE-EXPIRE 0 | SET k v PX 1 | b> SELECT 5 | b> SET k w | DEBUG SLEEP 0.01 | WATCH k |
		b> SWAPDB 0 5 | MULTI | PING | EXEC | DEBUG SET-ACTIVE-EXPIRE 1`},
	{"watch and rename", `SET a v | WATCH k | b> RENAME a k | MULTI | PING | EXEC`},
	{"watch and delete of nothing", `WATCH k | b> DEL k | MULTI | PING | EXEC`},
	{"watch and expire", `SET k v | WATCH k | b> EXPIRE k 100 | MULTI | PING | EXEC`},
	{"watch and a list that is pushed to", `WATCH k | b> LPUSH k a | MULTI | PING | EXEC`},
	{"watch, and a key that goes at once", `SET k v | WATCH k | b> PEXPIRE k -1 | MULTI | PING | EXEC`},
	{"watch and a read", `SET k v | WATCH k | b> GET k | MULTI | PING | EXEC`},
	{"blocking commands do not block", `MULTI | BLPOP l 0 | BRPOP l 5 | LPUSH l a | BLPOP l 0 | EXEC`},
	{"another one is served after exec", `b< BLPOP l 0 | MULTI | LPUSH l a | LPUSH l b | LRANGE l 0 -1 | EXEC | b= | LRANGE l 0 -1`},
	{"reset", `MULTI | SET k v | RESET | GET k | EXEC`},
	{"multi in resp3", `HELLO 3 | WATCH k | b> SET k v | MULTI | PING | EXEC`},
}

// another is a second connection to where p is connected to.
func (p *peer) another() *peer {
	p.t.Helper()
	conn, err := net.Dial("unix", p.conn.RemoteAddr().String())
	check.NoErr(p.t, err)
	p.t.Cleanup(func() { conn.Close() })
	return &peer{p.t, conn, bufio.NewReader(conn)}
}

// play runs a script and returns the replies.
func play(a, b *peer, script string) (out []string) {
	for _, step := range strings.Split(script, "|") {
		step = strings.TrimSpace(step)
		p := a
		switch {
		case step == "b=":
			out = append(out, b.reply().String())
			continue
		case strings.HasPrefix(step, "b<"):
			b.send(string(resp.AppendCommandStrings(nil, strings.Fields(step[2:])...)))
			for tries := 0; !strings.Contains(a.text("CLIENT", "LIST"), "flags=b"); tries++ {
				if tries == 10_000 {
					a.t.Fatalf("%s does not block", step)
				}
			}
			continue
		case strings.HasPrefix(step, "b>"):
			p, step = b, step[2:]
		}
		words := strings.Fields(step)
		r := p.do(words...)
		if words[0] == "HELLO" {
			continue
		}
		out = append(out, r.String())
	}
	return out
}

func TestTransactionsAreRedis(t *testing.T) {
	s := startServer(t, "enable-debug-command yes")
	theirs := startOracle(t, "--enable-debug-command", "yes")
	theirsB := theirs.another()
	for _, tt := range transactions {
		t.Run(tt.name, func(t *testing.T) {
			a, b := s.dial(), s.dial()
			theirs.do("RESET")
			theirsB.do("RESET")
			theirs.ok("FLUSHALL")
			a.ok("FLUSHALL")
			want, got := play(theirs, theirsB, tt.script), play(a, b, tt.script)
			for i := range want {
				if got[i] != want[i] {
					t.Errorf("step %d of %s: %s, redis-server says %s", i, tt.script, got[i], want[i])
				}
			}
		})
	}
}

// A transaction is one block of the log, so that a log that ends inside of it is cut
// off before it; one command needs none.
func TestTransactionsAreBlocksOfTheLog(t *testing.T) {
	s := startServer(t, "appendonly yes", "appendfsync always")
	a := s.dial()
	for _, words := range []string{
		"MULTI", "SET a 1", "GET a", "SELECT 2", "SET b 2", "SPOP nothing", "EXEC",
		"MULTI", "SET c 3", "EXEC", "MULTI", "GET c", "EXEC",
	} {
		a.ok(strings.Fields(words)...)
	}
	b, err := os.ReadFile("appendonly.aof")
	check.NoErr(t, err)
	log := strings.ReplaceAll(string(b), "\r\n", " ")
	want := "*2 $6 SELECT $1 0 *1 $5 MULTI *3 $3 SET $1 a $1 1 *2 $6 SELECT $1 2 *3 $3 SET $1 b $1 2 *1 $4 EXEC *3 $3 SET $1 c $1 3 "
	check.Eq(t, log, want)
}

// A pause of writes is for what may write, or be sent to replicas: of a transaction too,
// by what its scripts declare.
func TestPauseOfWritesIsForTransactionsOfScripts(t *testing.T) {
	s := startServer(t)
	for _, tt := range []struct {
		name, script string
		waits        bool
	}{
		{"no declaration", "return 1", true},
		{"may write", "#!lua\nreturn 1", true},
		{"does not write", "#!lua flags=no-writes\nreturn 1", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a, b := s.dial(), s.dial()
			a.ok("MULTI")
			a.ok("EVAL", tt.script, "0")
			b.ok("CLIENT", "PAUSE", "60000", "WRITE")
			a.send("EXEC\r\n")
			if tt.waits {
				for tries := 0; b.info("clients")["blocked_clients"] != "1"; tries++ {
					check.True(t, tries < 10_000, "EXEC waits")
				}
			} else {
				check.Eq(t, a.reply().String(), "*[(integer) 1]")
			}
			b.ok("CLIENT", "UNPAUSE")
			if tt.waits {
				check.Eq(t, a.reply().String(), "*[(integer) 1]")
			}
		})
	}
}
