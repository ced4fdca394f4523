package diff

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/pkg/command"
	"redisd/pkg/keyspace"
	"redisd/pkg/mem"
	"redisd/pkg/resp"
)

// side is a store that commands can be sent to.
type side interface {
	do(args ...string) []byte // the raw reply
}

// ours runs commands on a keyspace without a server.
type ours struct {
	ks     *keyspace.Keyspace
	table  *command.Table
	ctx    command.Ctx
	out    *resp.Writer
	events []string   // since they were last taken
	log    [][]string // what an append-only file would hold, without SELECT
	logDB  []int
	extra  map[int]bool // entries of log that Redis does not have, see isExtra
	dirty  int64
}

func newOurs(t *testing.T) *ours {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	arena, err := mem.New(mem.Config{Reserve: 1 << 32})
	check.NoErr(t, err)
	t.Cleanup(func() { _ = arena.Close() })
	o := &ours{
		ks:    keyspace.New(keyspace.Config{Databases: 16, Arena: arena}),
		table: command.NewTable(command.Families()...),
		out:   resp.NewWriter(2),
		extra: map[int]bool{},
	}
	o.ctx = command.Ctx{KS: o.ks, DB: o.ks.DB(0), Out: o.out, MaxString: 512 << 20}
	return o
}

func (o *ours) do(args ...string) []byte {
	argv := make([][]byte, len(args))
	for i, a := range args {
		argv[i] = []byte(a)
	}
	o.out.Reset()
	o.ks.SetNow(time.Now().UnixMilli())
	switch args[0] { // the server's, not the families'
	case "select":
		var n int
		_, _ = fmt.Sscan(args[1], &n)
		o.ctx.DB = o.ks.DB(n)
		return []byte("+OK\r\n")
	case "flushall":
		o.ks.FlushAll(false)
		return []byte("+OK\r\n")
	}
	if refusal := o.refuse(argv); refusal != "" {
		o.out.Error(refusal)
		return bytes.Clone(o.out.Buf)
	}
	fx := &o.ctx.Fx
	fx.Reset(o.ctx.DB.Index())
	o.ctx.Args, o.ctx.Spec = argv, o.table.Resolve(argv)
	o.ctx.Spec.Handler(&o.ctx)
	o.apply(argv)
	if _, waits := fx.Waits(); waits {
		o.out.NullArray() // nobody comes: the time passes
	}
	return bytes.Clone(o.out.Buf)
}

func (o *ours) refuse(argv [][]byte) string {
	top := o.table.Lookup(argv[0])
	if top == nil {
		panic(fmt.Sprintf("no command %q", argv[0]))
	}
	spec := o.table.Resolve(argv)
	switch {
	case spec == nil:
		return fmt.Sprintf("ERR unknown subcommand '%s'. Try %s HELP.", argv[1], strings.ToUpper(top.Name))
	case !spec.ArityFits(len(argv)):
		return fmt.Sprintf("ERR wrong number of arguments for '%s' command", spec.FullName)
	}
	return ""
}

// apply records the effects as the server would.
func (o *ours) apply(argv [][]byte) {
	o.ks.TakeExpired(func(db int, key []byte) {
		o.event(db, "expired", key)
		o.feed(db, [][]byte{[]byte("DEL"), key})
	})
	fx := &o.ctx.Fx
	extra := isExtra(argv, fx, o.out.Errors > 0)
	if extra {
		o.extra[len(o.log)] = true
	} else {
		o.dirty += fx.Dirty
	}
	for _, e := range fx.Events() {
		if e.Class != command.EventNone && (!extra || e.Name != "pfadd") {
			o.event(e.DB, e.Name, e.Key)
		}
	}
	if fx.Dirty == 0 || fx.NoLog {
		return
	}
	if fx.Replacements() == 0 {
		o.feed(o.ctx.DB.Index(), argv)
	}
	for i := range fx.Replacements() {
		o.feed(o.ctx.DB.Index(), fx.Replacement(i))
	}
}

func (o *ours) event(db int, name string, key []byte) {
	o.events = append(o.events, fmt.Sprintf("__keyevent@%d__:%s %s", db, name, key))
}

func (o *ours) feed(db int, words [][]byte) {
	c := make([]string, len(words))
	for i, w := range words {
		c[i] = string(w)
	}
	o.log, o.logDB = append(o.log, c), append(o.logDB, db)
}

// theirs is a redis-server of its own with an append-only file, a connection that
// commands go over and one that gets the keyspace events.
type theirs struct {
	t         *testing.T
	dir       string
	conn      net.Conn
	r         *bufio.Reader
	sub       *bufio.Reader
	aof       *bufio.Reader
	logDB     int
	dirtyWere int64
}

// newMirror starts a redis-server that loads what redisd logs.
func newMirror(t *testing.T) *theirs {
	r := &theirs{t: t, dir: t.TempDir()}
	r.conn, r.r = dial(t, startRedis(t, r.dir))
	return r
}

// load makes the server forget everything and load a log, commands and the
// databases that each is for.
func (r *theirs) load(log [][]string, dbs []int) (reply []byte) {
	var raw []byte
	for i, words := range log {
		raw = resp.AppendCommandStrings(raw, "SELECT", strconv.Itoa(dbs[i]))
		if sorts(words) {
			raw = resp.AppendCommandStrings(raw, clearErrno()...)
		}
		raw = resp.AppendCommandStrings(raw, words...)
	}
	check.NoErr(r.t, os.WriteFile(r.logFile(), raw, 0o644))
	return r.do("debug", "loadaof")
}

// logFile is where an append-only file grows.
func (r *theirs) logFile() string {
	files, err := filepath.Glob(filepath.Join(r.dir, "appendonlydir", "*.incr.aof"))
	check.NoErr(r.t, err)
	check.Eq(r.t, len(files), 1)
	return files[0]
}

func newTheirs(t *testing.T) *theirs {
	r := &theirs{t: t, dir: t.TempDir()}
	socket := startRedis(t, r.dir)
	r.conn, r.r = dial(t, socket)
	subConn, sub := dial(t, socket)
	r.sub = sub
	for _, c := range [][]string{
		{"debug", "set-active-expire", "0"},
		{"config", "set", "notify-keyspace-events", "EAmn"},
	} {
		check.Eq(t, string(r.do(c...)), "+OK\r\n")
	}
	_, err := subConn.Write(resp.AppendCommandStrings(nil, "psubscribe", "__key*", marker))
	check.NoErr(t, err)
	_, _ = r.raw(r.sub), r.raw(r.sub)
	f, err := os.Open(r.logFile())
	check.NoErr(t, err)
	t.Cleanup(func() { _ = f.Close() })
	r.aof = bufio.NewReader(f)
	return r
}

func startRedis(t *testing.T, dir string) string {
	t.Helper()
	path, err := exec.LookPath("redis-server")
	if err != nil {
		t.Fatal("redis-server is missing, and this test compares with it: `make test` installs it")
	}
	socket := filepath.Join(dir, "s")
	cmd := exec.Command(path, "--port", "0", "--unixsocket", socket, "--dir", dir, "--save", "",
		"--enable-debug-command", "yes", "--appendonly", "yes", "--appendfsync", "no",
		"--auto-aof-rewrite-percentage", "0")
	stdout, err := cmd.StdoutPipe()
	check.NoErr(t, err)
	check.NoErr(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stdout)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "ready to accept connections") {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return socket
		}
	}
	t.Fatal("redis-server did not start")
	return ""
}

func dial(t *testing.T, socket string) (net.Conn, *bufio.Reader) {
	conn, err := net.Dial("unix", socket)
	check.NoErr(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn, bufio.NewReaderSize(conn, 64<<10)
}

// send sends commands without waiting for the replies.
func (r *theirs) send(raw []byte) {
	_, err := r.conn.Write(raw)
	check.NoErr(r.t, err)
}

func (r *theirs) do(args ...string) []byte {
	r.send(resp.AppendCommandStrings(nil, args...))
	return r.raw(r.r)
}

// marker is the channel whose messages tell where the events of a command end.
const marker = "end"

// play sends commands together, and gives each one's reply and keyspace events.
func (r *theirs) play(commands [][]string) (replies [][]byte, events [][]string) {
	var raw []byte
	for _, args := range commands {
		raw = resp.AppendCommandStrings(raw, args...)
		raw = resp.AppendCommandStrings(raw, "publish", marker, "x")
	}
	r.send(raw)
	for range commands {
		replies = append(replies, r.raw(r.r))
		_ = r.raw(r.r) // of PUBLISH
	}
	for range commands {
		events = append(events, r.eventsOfOne())
	}
	return replies, events
}

func (r *theirs) eventsOfOne() (events []string) {
	for {
		m, err := resp.ReadReply(r.sub)
		check.NoErr(r.t, err)
		channel, text := m.Elems[2].Text, m.Elems[3].Text
		if channel == marker {
			return events
		}
		events = append(events, channel+" "+text)
	}
}

// raw reads one reply as it was sent.
func (r *theirs) raw(from *bufio.Reader) []byte {
	line, err := from.ReadBytes('\n')
	check.NoErr(r.t, err)
	n := 0
	switch line[0] {
	case '$', '=', '!', '*', '~', '>', '%':
		_, err = fmt.Sscanf(string(line[1:]), "%d", &n)
		check.NoErr(r.t, err)
	}
	switch line[0] {
	case '$', '=', '!':
		if n >= 0 {
			body := make([]byte, n+2)
			_, err = io.ReadFull(from, body)
			check.NoErr(r.t, err)
			line = append(line, body...)
		}
		return line
	case '%':
		n *= 2
	}
	for range n {
		line = append(line, r.raw(from)...)
	}
	return line
}

// takeLog reads what the append-only file got since the last call, without
// SELECT and without the MULTI and EXEC around several commands. Redis writes the
// file before it replies, so all of it is there.
func (r *theirs) takeLog() (log [][]string, dbs []int) {
	for {
		if _, err := r.aof.Peek(1); err == io.EOF {
			return log, dbs
		}
		m, err := resp.ReadReply(r.aof)
		check.NoErr(r.t, err)
		words := make([]string, len(m.Elems))
		for i, e := range m.Elems {
			words[i] = e.Text
		}
		switch words[0] {
		case "SELECT":
			_, err = fmt.Sscan(words[1], &r.logDB)
			check.NoErr(r.t, err)
		case "MULTI", "EXEC":
		default:
			log, dbs = append(log, words), append(dbs, r.logDB)
		}
	}
}

// takeDirty is by how much rdb_changes_since_last_save grew since the last call.
func (r *theirs) takeDirty() int64 {
	_, after, _ := strings.Cut(string(r.do("info", "persistence")), "rdb_changes_since_last_save:")
	var n int64
	_, err := fmt.Sscan(after, &n)
	check.NoErr(r.t, err)
	n, r.dirtyWere = n-r.dirtyWere, n
	return n
}
