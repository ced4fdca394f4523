package server_test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/internal/clock"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
	"redisd/pkg/resp"
	"redisd/pkg/server"
)

// waiters are small blocking commands: what they do with strings is what the real
// ones do with their types.
func waiters() []command.Spec {
	rows := []command.Spec{
		{Name: "take", Arity: -3, Handler: take},
		{Name: "hand", Arity: 4, Handler: hand},
		{Name: "look", Arity: 4, Handler: look},
	}
	for i := range rows {
		rows[i].Flags, rows[i].Group = command.Write|command.Blocking, "string"
	}
	return rows
}

// take key [key ...] timeout: waits for a string other than "no", deletes it, and
// replies its key and value.
func take(c *command.Ctx) {
	ms, ok := c.Timeout(c.Args[len(c.Args)-1])
	if !ok {
		return
	}
	keys := c.Args[1 : len(c.Args)-1]
	for _, key := range keys {
		e, found, good := c.WriteType(key, keyspace.String)
		if !good {
			return
		}
		if found && string(c.Value(e)) != "no" {
			c.Out.Array(2)
			c.Out.Bulk(key)
			c.Out.Bulk(c.Value(e))
			c.DB.Delete(key)
			c.Fx.Dirty++
			c.Fx.Notify(command.EventGeneric, "del", key)
			c.Fx.Replace([]byte("DEL"), key)
			return
		}
	}
	c.Block(keys, keyspace.String, ms, command.NullArray)
}

// hand src dst timeout: waits for a string and renames it.
func hand(c *command.Ctx) {
	ms, ok := c.Timeout(c.Args[3])
	if !ok {
		return
	}
	if c.DB.Rename(c.Args[1], c.Args[2]) {
		c.Fx.Dirty++
		c.Fx.Notify(command.EventGeneric, "rename_from", c.Args[1])
		c.Fx.Notify(command.EventGeneric, "rename_to", c.Args[2])
		c.Out.OK()
		return
	}
	c.Block(c.Args[1:2], keyspace.String, ms, command.NullBulk)
}

// look key value timeout: waits until a string is there that has another value, or
// until the key is gone.
func look(c *command.Ctx) {
	ms, ok := c.Timeout(c.Args[3])
	if !ok {
		return
	}
	e, found, good := c.ReadType(c.Args[1], keyspace.String)
	switch {
	case !good:
	case !found:
		c.Out.Error("NOGROUP the key is gone")
	case string(c.Value(e)) == string(c.Args[2]):
		c.BlockOrGone(c.Args[1:2], keyspace.String, ms, command.NullArray)
	default:
		c.Out.Bulk(c.Value(e))
	}
}

// stage is a server with some clients.
type stage struct {
	*rig
	*peer // a client that watches
	actor map[string]*peer
	ids   map[string]string
	clock *clock.Manual
}

func newStage(t *testing.T, directives ...string) *stage {
	t.Helper()
	st := &stage{actor: map[string]*peer{}, ids: map[string]string{}, clock: clock.NewManual(time.UnixMilli(1_700_000_000_000))}
	st.rig = startServerAs(t, rigOptions{clock: st.clock, prepare: func(s *server.Server) { s.AddCommands(waiters()) }}, directives...)
	st.peer = st.rig.dial()
	return st
}

func (st *stage) client(name string) *peer {
	if st.actor[name] == nil {
		st.actor[name] = st.rig.dial()
		st.ids[name] = st.actor[name].id()
	}
	return st.actor[name]
}

// play carries out the lines of a script, each after the one before it has had its
// effect:
//
//	a: words            the client a sends a command, and blocks
//	a = words > reply   the client a sends a command and gets the reply
//	a > reply           the client a gets the reply
//	+1500               so many milliseconds pass
func (st *stage) play(script string) {
	st.peer.t.Helper()
	for line := range strings.Lines(script) {
		line = strings.TrimSpace(line)
		switch name, rest, _ := strings.Cut(line, " "); {
		case line == "" || line[0] == '#':
		case line[0] == '+':
			ms, err := time.ParseDuration(line[1:] + "ms")
			check.NoErr(st.peer.t, err)
			st.clock.Advance(ms)
			st.peer.ok("PING") // a turn of the loop sees the time
		case strings.HasSuffix(name, ":"):
			name = strings.TrimSuffix(name, ":")
			c := st.client(name)
			c.send(string(resp.AppendCommandStrings(nil, st.words(rest)...)))
			st.peer.waitFor(st.ids[name], "flags", "bU")
		case rest[0] == '>':
			c := st.client(name)
			check.NoErr(st.peer.t, c.conn.SetReadDeadline(time.Now().Add(patience)))
			check.Eq(st.peer.t, line+": "+c.reply().String(), line+": "+strings.TrimSpace(rest[1:]))
		default:
			words, reply, _ := strings.Cut(strings.TrimPrefix(rest, "= "), " > ")
			check.Eq(st.peer.t, line+": "+st.client(name).do(st.words(words)...).String(), line+": "+reply)
		}
	}
}

// words are those of a line; $a stands for the number of client a.
func (st *stage) words(line string) []string {
	words := strings.Fields(line)
	for i, w := range words {
		if len(w) > 1 && w[0] == '$' {
			st.client(w[1:])
			words[i] = st.ids[w[1:]]
		}
	}
	return words
}

func TestBlockedClientsAreServed(t *testing.T) {
	tests := []struct{ name, script string }{
		{"a key that is there does not block", `
			z = SET k v > +OK
			a = take k 0 > *["k" "v"]`},
		{"the key appears", `
			a: take k 0
			z = SET k v > +OK
			a > *["k" "v"]
			z = EXISTS k > (integer) 0`},
		{"another key, or another database", `
			a: take k 0
			z = SET other v > +OK
			z = SELECT 1 > +OK
			z = SET k one > +OK
			z = SELECT 0 > +OK
			z = SET k zero > +OK
			a > *["k" "zero"]`},
		{"first come, first served", `
			a: take k 0
			b: take k 0
			c: take k 0
			z = SET k 1 > +OK
			a > *["k" "1"]
			z = SET k 2 > +OK
			b > *["k" "2"]
			a: take k 0
			z = SET k 3 > +OK
			c > *["k" "3"]
			z = SET k 4 > +OK
			a > *["k" "4"]`},
		{"any of several keys, in the order of the arguments", `
			a: take k1 k2 k3 0
			z = MSET k3 3 k2 2 > +OK
			a > *["k2" "2"]
			a = take k1 k2 k3 0 > *["k3" "3"]`},
		{"keys become ready in the order of the events", `
			a: take k1 0
			b: hand k2 k1 0
			c: take k1 0
			z = MSET k2 2 k1 1 > +OK
			b > +OK
			a > *["k1" "2"]
			z = SET k1 3 > +OK
			c > *["k1" "3"]`},
		{"a key named twice", `
			a: take k k k 0
			b: take k 0
			z = SET k 1 > +OK
			a > *["k" "1"]
			z = SET k 2 > +OK
			b > *["k" "2"]`},
		{"what one is served with may serve the next", `
			a: hand k1 k2 0
			b: hand k2 k3 0
			c: take k3 0
			z = SET k1 v > +OK
			a > +OK
			b > +OK
			c > *["k3" "v"]`},
		{"in a circle", `
			a: hand k1 k2 0
			b: hand k2 k1 0
			z = SET k1 v > +OK
			a > +OK
			b > +OK
			z = GET k1 > "v"`},
		{"onto itself", `
			a: hand k k 0
			b: take k 0
			z = SET k v > +OK
			a > +OK
			b > *["k" "v"]`},
		{"one goes on waiting, the next is served", `
			z = SET k v > +OK
			a: look k v 0
			b: take other k2 0
			c: look k v 0
			z = SETRANGE k 0 w > (integer) 1
			a > "w"
			c > "w"
			z = RENAME k k2 > +OK
			b > *["k2" "w"]`},
		{"a command that goes on waiting keeps its place", `
			a: take k j 0
			b: take k 0
			z = SET j no > +OK
			z = SET k v > +OK
			a > *["k" "v"]
			z = SET k w > +OK
			b > *["k" "w"]`},
		{"by RENAME, MOVE, COPY, RESTORE", `
			z = SET x v > +OK
			a: take k 0
			z = COPY x k > (integer) 1
			a > *["k" "v"]
			a: take k 0
			z = RENAME x k > +OK
			a > *["k" "v"]
			a: take k 0
			z = SELECT 1 > +OK
			z = SET k moved > +OK
			z = MOVE k 0 > (integer) 1
			a > *["k" "moved"]`},
		{"by SWAPDB", `
			a: take k2 0
			b: take k1 0
			z = SELECT 5 > +OK
			z = MSET k1 1 k2 2 > +OK
			z = SWAPDB 0 5 > +OK
			a > *["k2" "2"]
			b > *["k1" "1"]
			z = DBSIZE > (integer) 0`},
		{"the key is gone", `
			z = SET k v > +OK
			a: look k v 0
			z = DEL k > (integer) 1
			a > -NOGROUP the key is gone`},
		{"the key is gone by FLUSHALL, FLUSHDB, SWAPDB, RENAME", `
			z = SET k v > +OK
			a: look k v 0
			z = FLUSHALL > +OK
			a > -NOGROUP the key is gone
			z = SET k v > +OK
			a: look k v 0
			z = FLUSHDB > +OK
			a > -NOGROUP the key is gone
			z = SET k v > +OK
			a: look k v 0
			z = SWAPDB 0 1 > +OK
			a > -NOGROUP the key is gone
			z = SET k v > +OK
			a: look k v 0
			z = RENAME k l > +OK
			a > -NOGROUP the key is gone`},
		{"the key expires", `
			z = SET k v PX 100 > +OK
			a: look k v 0
			+101
			a > -NOGROUP the key is gone`},
		{"flushing does not wake those who want a key", `
			a: take k 0
			z = FLUSHALL > +OK
			z = DEL k > (integer) 0
			z = SET k v > +OK
			a > *["k" "v"]`},
		{"a key that is gone again at once", `
			a: take k 0
			b: take k 0
			z = SET k 1 > +OK
			a > *["k" "1"]
			z = CLIENT UNBLOCK $b > (integer) 1
			b > (nil)`},
	}
	for _, tc := range tests {
		t.Run(tc.name, func(t *testing.T) {
			st := newStage(t)
			st.play(tc.script)
			check.Eq(t, blockedFigures(st), "0 0 0 0")
		})
	}
}

// blockedFigures are INFO's about blocked clients.
func blockedFigures(st *stage) string {
	f := st.peer.info("clients")
	return fmt.Sprint(f["blocked_clients"], " ", f["clients_in_timeout_table"], " ",
		f["total_blocking_keys"], " ", f["total_blocking_keys_on_nokey"])
}

func TestBlockedClientsInInfoAndList(t *testing.T) {
	st := newStage(t)
	st.play(`
		z = SET l v > +OK
		a: take k1 k2 0
		b: take k2 k3 10
		c: look l v 0`)
	check.Eq(t, blockedFigures(st), "3 1 4 1")
	f := st.peer.seen(st.ids["a"])
	check.Eq(t, f["flags"]+" "+f["cmd"]+" "+f["argv-mem"], "bU take 9")
}

func TestBlockedClientsTimeOut(t *testing.T) {
	st := newStage(t)
	st.play(`
		a: take k 0.25
		b: take k 0.2501
		c: hand k l 0.3
		d: take k 0
		+249`)
	check.Eq(t, blockedFigures(st), "4 3 1 0")
	st.play(`
		+1
		a > (nil)`)
	check.Eq(t, blockedFigures(st), "3 2 1 0")
	st.play(`
		+1
		b > (nil)
		+49
		c > (nil)
		a = PING > +PONG
		a: take k 1
		+999
		z = SET k v > +OK
		d > *["k" "v"]
		z = SET k w > +OK
		a > *["k" "w"]
		+5000
		a = PING > +PONG`)
	check.Eq(t, blockedFigures(st), "0 0 0 0")
}

func TestTimeoutOfABlockedCommandCountsFromItsFirstRun(t *testing.T) {
	st := newStage(t)
	st.play(`
		z = SET k v > +OK
		a: look k v 1
		+900
		z = SET k v > +OK
		+99`)
	check.Eq(t, blockedFigures(st), "1 1 1 1")
	st.play(`
		+1
		a > (nil)`)
}

// The null of a timeout is an array in RESP2 whatever the command, and a plain
// null in RESP3.
func TestNullsOfTimeouts(t *testing.T) {
	st := newStage(t)
	for _, tc := range []struct{ proto, line, raw string }{
		{"2", "take k 1", "*-1\r\n"}, {"2", "hand k l 1", "*-1\r\n"},
		{"3", "take k 1", "_\r\n"}, {"3", "hand k l 1", "_\r\n"},
	} {
		t.Run(tc.proto+" "+tc.line, func(t *testing.T) {
			c := st.client("a")
			c.ok("HELLO", tc.proto)
			st.play("a: " + tc.line + "\n+1000")
			got := make([]byte, len(tc.raw))
			_, err := c.in.Read(got)
			check.NoErr(t, err)
			check.Eq(t, string(got), tc.raw)
		})
	}
}

func TestClientUnblock(t *testing.T) {
	st := newStage(t)
	st.play(`
		a: take k 0
		z = CLIENT UNBLOCK $a > (integer) 1
		a > (nil)
		a: take k 0
		z = CLIENT UNBLOCK $a TIMEOUT > (integer) 1
		a > (nil)
		a: take k 0
		z = CLIENT UNBLOCK $a error > (integer) 1
		a > -UNBLOCKED client unblocked via CLIENT UNBLOCK
		z = CLIENT UNBLOCK $a > (integer) 0
		z = CLIENT UNBLOCK 424242 > (integer) 0
		z = CLIENT UNBLOCK x > -ERR value is not an integer or out of range
		z = CLIENT UNBLOCK $a x > -ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR
		z = CLIENT UNBLOCK $a error x > -ERR unknown subcommand or wrong number of arguments for 'UNBLOCK'. Try CLIENT HELP.
		a = PING > +PONG
		a: WAIT 1 0
		z = CLIENT UNBLOCK $a > (integer) 1
		a > (integer) 0
		z = CLIENT PAUSE 100000 WRITE > +OK
		a: SET k v
		z = CLIENT UNBLOCK $a > (integer) 0
		z = CLIENT UNBLOCK $a ERROR > (integer) 0
		z = CLIENT UNPAUSE > +OK
		a > +OK`)
	check.Eq(t, blockedFigures(st), "0 0 0 0")
}

// Whoever leaves while it waits is not served: the key stays for the next.
func TestBlockedClientsThatLeave(t *testing.T) {
	st := newStage(t)
	st.play(`
		a: take k 10
		b: take k l 0
		c: take k 0
		z = CLIENT KILL ID $a > (integer) 1`)
	st.client("b").conn.Close()
	for blockedFigures(st) != "1 0 1 0" {
	}
	st.play(`
		z = SET l v > +OK
		z = SET k v > +OK
		c > *["k" "v"]
		z = GET l > "v"`)
	st.client("a").closed()

	// The kill and the key in one go: the loop has not closed the client yet.
	st.play(`d: take k 0`)
	z := st.client("z")
	z.send("CLIENT KILL ID " + st.ids["d"] + "\r\nSET k x\r\nGET k\r\n")
	check.Eq(t, z.reply().Int, int64(1))
	check.Eq(t, z.reply().Text, "OK")
	check.Eq(t, z.reply().Text, "x")
}

func TestCommandsBehindABlockedOne(t *testing.T) {
	st := newStage(t)
	a := st.client("a")
	a.send("take k 0\r\nGET x\r\ntake k 0\r\nGET y\r\n")
	st.peer.waitFor(st.ids["a"], "flags", "bU")
	a.send("GET z\r\nPING\r")
	st.peer.waitFor(st.ids["a"], "qbuf", "36")
	st.play(`
		z = MSET x 1 y 2 z 3 > +OK
		z = SET k first > +OK
		a > *["k" "first"]
		a > "1"
		z = SET k second > +OK
		a > *["k" "second"]
		a > "2"
		a > "3"`)
	a.send("\n")
	check.Eq(t, a.reply().Text, "PONG")

	// In one packet with the command that serves it.
	st.play(`b: take k 0`)
	b := st.client("b")
	b.send("GET k\r\n")
	st.peer.waitFor(st.ids["b"], "qbuf", "7")
	a.send("SET k 1\r\nGET k\r\nSET k 2\r\n")
	st.play(`
		a > +OK
		a > (nil)
		a > +OK
		b > *["k" "1"]
		b > "2"`)
}

func TestRepliesThatABlockedClientDoesNotWant(t *testing.T) {
	st := newStage(t)
	a := st.client("a")
	a.send("CLIENT REPLY SKIP\r\ntake k 0\r\nPING\r\n")
	st.peer.waitFor(st.ids["a"], "flags", "bU")
	st.play(`
		z = SET k v > +OK
		a > +PONG`)
	a.send("CLIENT REPLY SKIP\r\ntake k 1\r\nPING\r\n")
	st.peer.waitFor(st.ids["a"], "flags", "bU")
	st.play(`
		+1000
		a > +PONG`)
	a.send("CLIENT REPLY OFF\r\ntake k 0\r\nPING\r\nCLIENT REPLY ON\r\n")
	st.peer.waitFor(st.ids["a"], "flags", "bU")
	st.play(`
		z = SET k v > +OK
		a > +OK`)
}

// A blocked command counts once, when it is over, however often it ran.
func TestStatisticsOfBlockedCommands(t *testing.T) {
	st := newStage(t, "slowlog-log-slower-than 0")
	calls := func() string {
		f := st.peer.info("commandstats", "errorstats")
		text := ""
		for _, field := range strings.Split(f["cmdstat_look"], ",") {
			if field != "" && !strings.HasPrefix(field, "usec") {
				text += field + " "
			}
		}
		return text + f["errorstat_UNBLOCKED"]
	}
	slow := func() (n int) {
		for _, e := range st.peer.ok("SLOWLOG", "GET", "-1").Elems {
			if e.Elems[3].Elems[0].Text == "look" {
				n++
			}
		}
		return n
	}
	processed := func() string { return st.peer.info("stats")["total_commands_processed"] }
	st.play(`z = SET k v > +OK`)
	st.client("a")
	before := processed()
	st.play(`a: look k v 10`)
	check.Eq(t, calls(), "")
	check.Eq(t, slow(), 0)
	st.play(`
		z = SET k v > +OK
		z = SET k v > +OK
		z = SET k w > +OK
		a > "w"`)
	check.Eq(t, calls(), "calls=1 rejected_calls=0 failed_calls=0 ")
	check.Eq(t, slow(), 1)
	check.NotEq(t, processed(), before)
	st.play(`
		a: look k w 1
		+1000
		a > (nil)`)
	check.Eq(t, calls(), "calls=2 rejected_calls=0 failed_calls=0 ")
	st.play(`
		a: look k w 0
		z = CLIENT UNBLOCK $a ERROR > (integer) 1
		a > -UNBLOCKED client unblocked via CLIENT UNBLOCK`)
	check.Eq(t, calls(), "calls=3 rejected_calls=0 failed_calls=1 count=1")
	check.Eq(t, slow(), 3)
}

func TestBlockedClientsAndThePause(t *testing.T) {
	st := newStage(t)
	st.play(`
		a: take k 1
		b: take k 0
		z = CLIENT PAUSE 100000 WRITE > +OK
		c: SET k v
		d: take k 0
		+1000
		a > (nil)
		z = CLIENT UNPAUSE > +OK
		c > +OK
		b > *["k" "v"]
		z = SET k w > +OK
		d > *["k" "w"]`)
}

// The log has what happened, in its order.
func TestLogOfServedCommands(t *testing.T) {
	st := newStage(t, "appendonly yes", "appendfsync always", "aof-use-rdb-preamble no")
	st.play(`
		a: hand k l 0
		b: take l 0
		z = SET k v > +OK
		a > +OK
		b > *["l" "v"]
		z = SET m 1 > +OK
		b = take m 0 > *["m" "1"]`)
	text, err := os.ReadFile("appendonly.aof")
	check.NoErr(t, err)
	var words []string
	for line := range strings.Lines(string(text)) {
		if line[0] != '*' && line[0] != '$' {
			words = append(words, strings.TrimSpace(line))
		}
	}
	check.Eq(t, strings.Join(words, " "), "SELECT 0 SET k v hand k l 0 DEL l SET m 1 DEL m")
}

// Who waited for longer than timeout is not idle when it gets its reply.
func TestABlockedClientIsNotIdle(t *testing.T) {
	st := newStage(t, "timeout 60")
	st.play(`
		a: take k 0
		+50000
		z = PING > +PONG
		+50000
		z = SET k v > +OK
		a > *["k" "v"]
		+50000
		a = PING > +PONG`)
}
