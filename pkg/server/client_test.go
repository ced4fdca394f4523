package server_test

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
)

// send writes without waiting for a reply.
func (p *peer) send(raw string) {
	p.t.Helper()
	_, err := p.conn.Write([]byte(raw))
	check.NoErr(p.t, err)
}

// reply reads the next reply.
func (p *peer) reply() resp.Reply {
	p.t.Helper()
	r, err := resp.ReadReply(p.in)
	check.NoErr(p.t, err)
	return r
}

// closed waits for the end of the connection.
func (p *peer) closed() {
	p.t.Helper()
	if b, err := p.in.ReadByte(); err == nil {
		p.t.Fatalf("the connection is open and brought %q", b)
	}
}

// clientFields takes a line of CLIENT LIST apart.
func clientFields(line string) (names []string, values map[string]string) {
	values = map[string]string{}
	for word := range strings.SplitSeq(strings.TrimRight(line, "\n"), " ") {
		name, value, _ := strings.Cut(word, "=")
		names = append(names, name)
		values[name] = value
	}
	return names, values
}

// id gives the connection's number.
func (p *peer) id() string {
	p.t.Helper()
	return strconv.FormatInt(p.ok("CLIENT", "ID").Int, 10)
}

// seen gives what CLIENT LIST shows of the connection with a number.
func (p *peer) seen(id string) map[string]string {
	p.t.Helper()
	_, values := clientFields(p.text("CLIENT", "LIST", "ID", id))
	return values
}

// waitFor asks for a field of a connection until it has the value.
func (p *peer) waitFor(id, field, want string) {
	p.t.Helper()
	for range 20_000 {
		if p.seen(id)[field] == want {
			return
		}
	}
	p.t.Fatalf("client %s: %s never became %q: %v", id, field, want, p.seen(id))
}

func TestClientListHasTheFieldsOfRedis(t *testing.T) {
	oracle, us := startOracle(t), startServer(t).dial()
	want, _ := clientFields(oracle.text("CLIENT", "INFO"))
	got, _ := clientFields(us.text("CLIENT", "LIST", "ID", us.id()))
	check.Eq(t, got, append(want, "lib-name", "lib-ver")) // 7.2 has these two more
}

func TestClientInfoTellsTheConnection(t *testing.T) {
	r := startServer(t)
	c := r.dial()
	_, f := clientFields(c.text("CLIENT", "INFO"))
	for field, want := range map[string]string{
		"id": c.id(), "addr": r.socket + ":0", "laddr": r.socket + ":0", "name": "", "flags": "U", "db": "0",
		"multi": "-1", "qbuf": "26", "argv-mem": "10", "obl": "0", "oll": "0", "omem": "0", "events": "r",
		"cmd": "client|info", "user": "default", "redir": "-1", "resp": "2", "lib-name": "", "lib-ver": "",
	} {
		check.Eq(t, field+"="+f[field], field+"="+want)
	}
	check.Eq(t, c.text("CLIENT", "SETNAME", "me"), "OK")
	c.ok("CLIENT", "SETINFO", "lib-name", "go")
	c.ok("CLIENT", "SETINFO", "LIB-VER", "1.2.3")
	c.ok("CLIENT", "NO-EVICT", "on")
	c.ok("CLIENT", "NO-TOUCH", "ON")
	c.ok("SELECT", "3")
	c.ok("HELLO", "3")
	_, f = clientFields(c.text("CLIENT", "INFO"))
	for field, want := range map[string]string{
		"name": "me", "flags": "UeT", "db": "3", "resp": "3", "lib-name": "go", "lib-ver": "1.2.3",
	} {
		check.Eq(t, field+"="+f[field], field+"="+want)
	}
	c.ok("CLIENT", "NO-EVICT", "off")
	c.ok("CLIENT", "NO-TOUCH", "off")
	c.ok("CLIENT", "SETNAME", "")
	_, f = clientFields(c.text("CLIENT", "INFO"))
	check.Eq(t, f["flags"], "U")
	check.True(t, c.ok("CLIENT", "GETNAME").Null, "the name is gone")
}

func TestClientListShowsBuffers(t *testing.T) {
	r := startServer(t)
	us, other := r.dial(), r.dial()
	id := other.id()
	idle := us.seen(id)
	check.Eq(t, idle["qbuf"]+" "+idle["qbuf-free"]+" "+idle["rbs"], "0 0 0")
	size, err := strconv.Atoi(idle["tot-mem"])
	check.NoErr(t, err)
	check.True(t, size <= 1024, fmt.Sprintf("an idle client takes %d bytes", size))

	other.send("*2\r\n$4\r\nECHO\r\n$100000\r\n" + strings.Repeat("x", 50000))
	us.waitFor(id, "qbuf", "50023")
	f := us.seen(id)
	total, _ := strconv.Atoi(f["tot-mem"])
	free, _ := strconv.Atoi(f["qbuf-free"])
	check.Eq(t, total, size+50023+free)
	other.send(strings.Repeat("x", 50000) + "\r\n")
	check.Eq(t, len(other.reply().Text), 100000)
	us.waitFor(id, "qbuf", "0")
	check.Eq(t, us.seen(id)["qbuf-free"], "0")

	// A peer that does not read: its replies wait in blocks.
	big := strings.Repeat("y", 1<<20)
	us.ok("SET", "big", big)
	other.send(strings.Repeat("GET big\r\n", 16))
	us.waitFor(id, "events", "rw")
	f = us.seen(id)
	check.Eq(t, f["obl"], "16384")
	blocks, _ := strconv.Atoi(f["oll"])
	list, _ := strconv.Atoi(f["omem"])
	check.True(t, blocks > 100 && list > blocks*16384/2, fmt.Sprintf("oll=%d omem=%d", blocks, list))
	for range 16 {
		check.Eq(t, other.reply().Text, big)
	}
}

func TestClientListFilters(t *testing.T) {
	r := startServer(t)
	a, b := r.dial(), r.dial()
	ids := func(words ...string) (out []string) {
		for line := range strings.Lines(a.text(append([]string{"CLIENT", "LIST"}, words...)...)) {
			_, f := clientFields(line)
			out = append(out, f["id"])
		}
		return out
	}
	ia, ib := a.id(), b.id()
	check.Eq(t, ids("ID", ib, ia, "9999"), []string{ib, ia})
	check.Eq(t, len(ids()), 3) // the rig has one of its own
	check.Eq(t, ids("TYPE", "normal"), ids())
	for _, kind := range []string{"replica", "SLAVE", "master", "pubsub"} {
		check.Eq(t, len(ids("TYPE", kind)), 0)
	}
	a.ok("HELLO", "3")
	check.Eq(t, a.ok("CLIENT", "LIST").Kind, byte('='))
}

// clientErrors are commands whose replies must be Redis's to the letter.
var clientErrors = [][]string{
	{"CLIENT"},
	{"CLIENT", "KILL"},
	{"CLIENT", "KILL", "1.2.3.4:5"},
	{"CLIENT", "KILL", ""},
	{"CLIENT", "KILL", "ID", "10", "wrong"},
	{"CLIENT", "KILL", "ID", "x"},
	{"CLIENT", "KILL", "ID", "0"},
	{"CLIENT", "KILL", "ID", "-1"},
	{"CLIENT", "KILL", "ID", "424242"},
	{"CLIENT", "KILL", "TYPE", "wrong"},
	{"CLIENT", "KILL", "TYPE", "pubsub"},
	{"CLIENT", "KILL", "TYPE", "master"},
	{"CLIENT", "KILL", "USER", "nobody"},
	{"CLIENT", "KILL", "SKIPME", "perhaps"},
	{"CLIENT", "KILL", "SKIPME", "yes"},
	{"CLIENT", "KILL", "ADDR", "1.2.3.4:5", "LADDR", "x"},
	{"CLIENT", "KILL", "USER", "default", "ID", "424242"},
	{"CLIENT", "LIST", "TYPE"},
	{"CLIENT", "LIST", "TYPE", "wrong"},
	{"CLIENT", "LIST", "ID"},
	{"CLIENT", "LIST", "ID", "x"},
	{"CLIENT", "LIST", "ID", "424242"},
	{"CLIENT", "LIST", "nothing"},
	{"CLIENT", "REPLY", "perhaps"},
	{"CLIENT", "REPLY"},
	{"CLIENT", "REPLY", "ON"},
	{"CLIENT", "SETNAME", "two words"},
	{"CLIENT", "SETNAME", "line\n"},
	{"CLIENT", "SETNAME", ""},
	{"CLIENT", "SETNAME"},
	{"CLIENT", "GETNAME"},
	{"CLIENT", "GETNAME", "x"},
	{"CLIENT", "NO-EVICT", "perhaps"},
	{"CLIENT", "NO-EVICT", "ON"},
	{"CLIENT", "ID", "x"},
	{"CLIENT", "INFO", "x"},
	{"CLIENT", "PAUSE", "x"},
	{"CLIENT", "PAUSE", "-1"},
	{"CLIENT", "PAUSE", "1", "some"},
	{"CLIENT", "PAUSE", "1", "ALL", "more"},
	{"CLIENT", "PAUSE", "0"},
	{"CLIENT", "UNPAUSE"},
	{"CLIENT", "NOSUCH"},
	{"CLIENT", "NOSUCH", "x"},
}

func TestClientRepliesAreThoseOfRedis(t *testing.T) {
	oracle, us := startOracle(t), startServer(t)
	c := us.dial()
	// The rig's own connection is not there in the oracle; without it this ends the server.
	t.Cleanup(func() { us.dial().send("SHUTDOWN NOSAVE FORCE\r\n") })
	c.ok("CLIENT", "KILL", "SKIPME", "yes")
	for _, words := range clientErrors {
		check.Eq(t, fmt.Sprint(words, c.do(words...)), fmt.Sprint(words, oracle.do(words...)))
	}
}

// Commands and replies that 7.0 does not have.
func TestClientRepliesOf72(t *testing.T) {
	c := startServer(t).dial()
	check.Eq(t, c.refused("CLIENT", "PAUSE", "9223372036854775807"), "ERR timeout is out of range")
	check.Eq(t, c.refused("CLIENT", "SETINFO", "lib", "x"), "ERR Unrecognized option 'lib'")
	check.Eq(t, c.refused("CLIENT", "SETINFO", "lib-name", "a b"), "ERR lib-name cannot contain spaces, newlines or special characters.")
	check.Eq(t, c.refused("CLIENT", "SETINFO", "lib-ver"), "ERR wrong number of arguments for 'client|setinfo' command")
	check.Eq(t, c.refused("CLIENT", "NO-TOUCH", "x"), "ERR syntax error")
}

func TestClientKillClosesWhatFits(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check.NoErr(t, err)
	_, port, _ := net.SplitHostPort(l.Addr().String())
	check.NoErr(t, l.Close())
	r := startServer(t, "port "+port, "bind 127.0.0.1")
	tcp := func() *peer {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		check.NoErr(t, err)
		t.Cleanup(func() { conn.Close() })
		return &peer{t, conn, bufio.NewReader(conn)}

	}
	us := r.dial()
	kill := func(words ...string) int64 { return us.ok(append([]string{"CLIENT", "KILL"}, words...)...).Int }

	a, b := tcp(), tcp()
	ib := b.id()
	check.Eq(t, us.text("CLIENT", "KILL", a.conn.LocalAddr().String()), "OK")
	a.closed()
	check.Eq(t, kill("ID", ib, "TYPE", "pubsub"), int64(0))
	check.Eq(t, kill("ID", ib, "ADDR", "127.0.0.1:1"), int64(0))
	check.Eq(t, kill("ID", ib, "ADDR", b.conn.LocalAddr().String(), "USER", "default", "TYPE", "normal"), int64(1))
	b.closed()
	a, b = tcp(), tcp()
	a.id()
	b.id()
	check.Eq(t, kill("LADDR", "127.0.0.1:"+port), int64(2))
	a.closed()
	b.closed()

	// The caller itself: it gets its reply first. What it sent behind is not run.
	a = tcp()
	ia := a.id()
	check.Eq(t, a.ok("CLIENT", "KILL", "ID", ia).Int, int64(0))
	a.send("CLIENT KILL ID " + ia + " SKIPME no\r\nSET left behind\r\n")
	check.Eq(t, a.reply().Int, int64(1))
	a.closed()
	check.True(t, us.ok("GET", "left").Null, "SET behind the KILL did not run")
	a = tcp()
	check.Eq(t, a.text("CLIENT", "KILL", a.conn.LocalAddr().String()), "OK")
	a.closed()

	// A client with input and replies that wait.
	a = tcp()
	ia = a.id()
	a.send("*2\r\n$3\r\nGET\r\n$10\r\nabc")
	us.waitFor(ia, "qbuf", "21")
	check.Eq(t, kill("ID", ia), int64(1))
	a.closed()
}

func TestClientReplyModes(t *testing.T) {
	c := startServer(t).dial()
	c.send("CLIENT REPLY OFF\r\nPING off\r\nNOSUCH\r\nCLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING on\r\n")
	check.Eq(t, c.reply().Text, "OK")
	check.Eq(t, c.reply().Text, "on")
	c.send("CLIENT REPLY SKIP\r\nPING skipped\r\nPING next\r\n")
	check.Eq(t, c.reply().Text, "next")
	c.send("CLIENT REPLY SKIP\r\nCLIENT REPLY ON\r\nPING again\r\n")
	check.Eq(t, c.reply().Text, "OK")
	check.Eq(t, c.reply().Text, "again")
}

func TestClientPauseHoldsCommandsBack(t *testing.T) {
	r := startServer(t)
	us, other := r.dial(), r.dial()
	id := other.id()
	us.ok("CLIENT", "PAUSE", "100000", "WRITE")
	check.Eq(t, other.text("PING"), "PONG")
	check.Eq(t, other.refused("SET", "k"), "ERR wrong number of arguments for 'set' command")
	// Inline words are unquoted in place, and come back as they were sent.
	other.send("GET k\r\nSET k \"a \\x42 c\"\r\nGET k\r\n")
	check.True(t, other.reply().Null, "reads go on")
	us.waitFor(id, "flags", "bU")
	check.True(t, us.ok("GET", "k").Null, "the SET waits")
	other.send("SET k2 v\r\n")
	us.ok("CLIENT", "UNPAUSE")
	check.Eq(t, other.reply().Text, "OK")
	check.Eq(t, other.reply().Text, "a B c")
	check.Eq(t, other.reply().Text, "OK")
	check.Eq(t, us.seen(id)["flags"], "U")

	// Everything, until the time is over; a client that leaves meanwhile is gone.
	gone := r.dial()
	gone.id()
	us.ok("CLIENT", "PAUSE", "30")
	gone.send("PING\r\n")
	gone.conn.Close()
	check.Eq(t, other.text("PING"), "PONG")
	check.Eq(t, us.text("GET", "k2"), "v")
}
