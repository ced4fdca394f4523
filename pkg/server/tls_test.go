package server_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/pkg/resp"
	"redisd/pkg/server"
	"redisd/test/cert"
)

// tlsRig is a server with a tls-port beside the Unix socket of rig.
type tlsRig struct {
	*rig
	t                      *testing.T
	authority              *cert.Authority
	server, second, client *cert.Pair
	port                   string
}

// startTLS runs a server that asks clients for certificates; directives come last.
func startTLS(t *testing.T, o rigOptions, directives ...string) *tlsRig {
	t.Helper()
	r := &tlsRig{t: t}
	var err error
	dir := t.TempDir()
	r.authority, err = cert.NewAuthority(dir, "ca")
	check.NoErr(t, err)
	for name, pair := range map[string]**cert.Pair{"server": &r.server, "second": &r.second, "client": &r.client} {
		*pair, err = r.authority.Issue(name)
		check.NoErr(t, err)
	}
	r.port = freePort(t)
	lines := []string{
		"bind 127.0.0.1", "tls-port " + r.port, "tls-cert-file " + r.server.CertFile,
		"tls-key-file " + r.server.KeyFile, "tls-ca-cert-file " + r.authority.File,
	}
	r.rig = startServerAs(t, o, append(lines, directives...)...)
	return r
}

// tcp is a connection to tls-port without any TLS on it.
func (r *tlsRig) tcp() net.Conn {
	r.t.Helper()
	conn, err := net.Dial("tcp", "127.0.0.1:"+r.port)
	check.NoErr(r.t, err)
	check.NoErr(r.t, conn.SetDeadline(time.Now().Add(patience)))
	r.t.Cleanup(func() { conn.Close() })
	return conn
}

// secure is an encrypted connection of a client that shows pair.
func (r *tlsRig) secure(pair *cert.Pair) *peer {
	r.t.Helper()
	conn := tls.Client(r.tcp(), r.authority.Client(pair))
	check.NoErr(r.t, conn.Handshake())
	return &peer{r.t, conn, bufio.NewReader(conn)}
}

func TestTLSCommands(t *testing.T) {
	r := startTLS(t, rigOptions{})
	p := r.secure(r.client)
	check.Eq(t, p.text("PING"), "PONG")
	check.Eq(t, p.text("SET", "k", "v"), "OK")
	check.Eq(t, r.dial().text("GET", "k"), "v")
	local := p.conn.LocalAddr().String()
	check.Contains(t, p.text("CLIENT", "LIST"), "addr="+local+" laddr=127.0.0.1:"+r.port+" ")
	info := p.info("server")
	check.Eq(t, info["listener0"], fmt.Sprintf("name=tls,bind=127.0.0.1,port=%s", r.port))
	check.Eq(t, info["tcp_port"], r.port)
	check.Contains(t, r.log.String(), "Ready to accept connections tls")
}

// TestTLSBigValues: values of many records, there and back.
func TestTLSBigValues(t *testing.T) {
	r := startTLS(t, rigOptions{})
	p := r.secure(r.client)
	for _, size := range []int{16 << 10, 100_000, 1 << 20, 9 << 20} {
		value := strings.Repeat("0123456789abcdef", size/16)
		p.ok("SET", "big", value)
		check.True(t, p.text("GET", "big") == value, "comes back as it was")
	}
}

// TestTLSPipeline: thousands of requests in one go are answered in order, though the
// replies are not read before all is sent.
func TestTLSPipeline(t *testing.T) {
	r := startTLS(t, rigOptions{})
	p := r.secure(r.client)
	const n = 20_000
	var out []byte
	for i := range n {
		out = resp.AppendCommandStrings(out, "ECHO", strconv.Itoa(i))
	}
	sent := make(chan error, 1)
	go func() { _, err := p.conn.Write(out); sent <- err }()
	for i := range n {
		reply, err := resp.ReadReply(p.in)
		check.NoErr(t, err)
		if reply.Text != strconv.Itoa(i) {
			t.Fatalf("reply %d is %s", i, reply.Text)
		}
	}
	check.NoErr(t, <-sent)
}

// TestTLSSlowReader: replies that nobody fetches wait, as plaintext but for a chunk;
// they count, and end the client when they are too many.
func TestTLSSlowReader(t *testing.T) {
	r := startTLS(t, rigOptions{}, "client-output-buffer-limit normal 60mb 0 0")
	p, admin := r.secure(r.client), r.dial()
	admin.ok("SET", "big", strings.Repeat("x", 1<<20))
	get := resp.AppendCommandStrings(nil, "GET", "big")
	for range 30 {
		_, err := p.conn.Write(get)
		check.NoErr(t, err)
	}
	until(t, "replies wait", func() bool { return listed(admin, "omem=") > 20<<20 })
	check.True(t, listed(admin, "tot-mem=") > 20<<20, "their memory counts")
	for i := range 30 {
		reply, err := resp.ReadReply(p.in)
		check.NoErr(t, err)
		if len(reply.Text) != 1<<20 {
			t.Fatalf("reply %d has %d bytes", i, len(reply.Text))
		}
	}
	check.Eq(t, p.text("PING"), "PONG")
	for range 100 {
		if _, err := p.conn.Write(get); err != nil {
			break
		}
	}
	until(t, "it is closed", func() bool { return strings.Contains(r.log.String(), "overcoming of output buffer limits") })
}

// listed is a number of the first TCP client in CLIENT LIST.
func listed(admin *peer, field string) int {
	for line := range strings.Lines(admin.text("CLIENT", "LIST")) {
		if !strings.Contains(line, "addr=127.0.0.1:") {
			continue
		}
		_, rest, _ := strings.Cut(line, " "+field)
		word, _, _ := strings.Cut(rest, " ")
		n, _ := strconv.Atoi(word)
		return n
	}
	return -1
}

// until waits for a condition.
func until(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !holds(); {
		if time.Now().After(end) {
			t.Fatalf("not in time: %s", what)
		}
		time.Sleep(time.Millisecond)
	}
}

// TestTLSQueryBufferLimit: the limit is on what was decrypted.
func TestTLSQueryBufferLimit(t *testing.T) {
	r := startTLS(t, rigOptions{}, "client-query-buffer-limit 1mb")
	p := r.secure(r.client)
	_, err := p.conn.Write([]byte("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$4000000\r\n" + strings.Repeat("x", 3_000_000)))
	if err == nil {
		_, err = p.conn.Read(make([]byte, 1))
	}
	check.True(t, err != nil, "the connection is closed")
	check.Contains(t, r.log.String(), "max query buffer length")
}

// TestTLSFragments: a command may come byte by byte, each in a record of its own.
func TestTLSFragments(t *testing.T) {
	r := startTLS(t, rigOptions{})
	p := r.secure(r.client)
	for _, b := range resp.AppendCommandStrings(nil, "ECHO", "hello") {
		_, err := p.conn.Write([]byte{b})
		check.NoErr(t, err)
	}
	reply, err := resp.ReadReply(p.in)
	check.NoErr(t, err)
	check.Eq(t, reply.Text, "hello")
}

// TestTLSLastWords: requests right before the end of the stream are still carried out
// and answered.
func TestTLSLastWords(t *testing.T) {
	r := startTLS(t, rigOptions{})
	p := r.secure(r.client)
	_, err := p.conn.Write(resp.AppendCommandStrings(resp.AppendCommandStrings(nil, "SET", "k", "v"), "GET", "k"))
	check.NoErr(t, err)
	check.NoErr(t, p.conn.(*tls.Conn).CloseWrite())
	got, err := io.ReadAll(p.in) // no error: the server says properly that it closes
	check.NoErr(t, err)
	check.Eq(t, string(got), "+OK\r\n$1\r\nv\r\n")
}

// TestTLSHeldReplies: under appendfsync always replies leave in order, reads among
// writes too, after the log.
func TestTLSHeldReplies(t *testing.T) {
	r := startTLS(t, rigOptions{}, "appendonly yes", "appendfsync always")
	p := r.secure(r.client)
	var out []byte
	const n = 500
	for i := range n {
		out = resp.AppendCommandStrings(out, "SET", "k", strconv.Itoa(i))
		out = resp.AppendCommandStrings(out, "GET", "k")
	}
	_, err := p.conn.Write(out)
	check.NoErr(t, err)
	for i := range n {
		for _, want := range []string{"OK", strconv.Itoa(i)} {
			reply, err := resp.ReadReply(p.in)
			check.NoErr(t, err)
			check.Eq(t, reply.Text, want)
		}
	}
}

// TestTLSBlockedAndSubscribed: what the server sends by itself arrives.
func TestTLSBlockedAndSubscribed(t *testing.T) {
	r := startTLS(t, rigOptions{})
	waits, listens, other := r.secure(r.client), r.secure(r.client), r.dial()
	listens.ok("SUBSCRIBE", "news")
	_, err := waits.conn.Write(append(resp.AppendCommandStrings(nil, "BLPOP", "list", "0"), resp.AppendCommandStrings(nil, "PING")...))
	check.NoErr(t, err)
	until(t, "it waits", func() bool { return other.info("clients")["blocked_clients"] == "1" })
	other.ok("RPUSH", "list", "a")
	for _, want := range []string{"[list a]", "PONG"} {
		reply, err := resp.ReadReply(waits.in)
		check.NoErr(t, err)
		check.Contains(t, strings.NewReplacer(`"`, "", ",", "").Replace(reply.String()), want)
	}
	other.ok("PUBLISH", "news", "extra")
	reply, err := resp.ReadReply(listens.in)
	check.NoErr(t, err)
	check.Contains(t, reply.String(), "extra")
}

// TestTLSClientCertificates: the three modes, changed while the server runs.
func TestTLSClientCertificates(t *testing.T) {
	r := startTLS(t, rigOptions{})
	other, err := cert.NewAuthority(t.TempDir(), "other")
	check.NoErr(t, err)
	stranger, err := other.Issue("stranger")
	check.NoErr(t, err)
	admin := r.dial()
	for _, tt := range []struct {
		mode                   string
		trusted, foreign, none bool
	}{{"yes", true, false, false}, {"no", true, true, true}, {"optional", true, false, true}, {"yes", true, false, false}} {
		admin.ok("CONFIG", "SET", "tls-auth-clients", tt.mode)
		for pair, want := range map[*cert.Pair]bool{r.client: tt.trusted, stranger: tt.foreign, nil: tt.none} {
			check.Eq(t, r.pings(pair), want)
		}
	}
}

// pings tells whether a client that shows pair is served.
func (r *tlsRig) pings(pair *cert.Pair) bool {
	conn := tls.Client(r.tcp(), r.authority.Client(pair))
	defer conn.Close()
	_, err := conn.Write(resp.AppendCommandStrings(nil, "PING"))
	if err != nil {
		return false
	}
	reply, err := resp.ReadReply(bufio.NewReader(conn))
	return err == nil && reply.Text == "PONG"
}

// TestTLSRenewal: CONFIG SET reads files again, the same ones too; what cannot be used
// is refused with its name, and the old certificate stays. Connections stay.
func TestTLSRenewal(t *testing.T) {
	r := startTLS(t, rigOptions{})
	admin, old := r.dial(), r.secure(r.client)
	shown := func() string {
		return r.secure(r.client).conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	check.Eq(t, shown(), "server")
	for _, tt := range []struct {
		set  []string
		want string
	}{
		{[]string{"tls-cert-file", "/no/such"}, "tls-cert-file /no/such: no such file or directory"},
		{[]string{"tls-cert-file", r.second.CertFile}, "tls-key-file " + r.server.KeyFile + ": it does not belong to the certificate in " + r.second.CertFile},
		{[]string{"tls-key-file", r.authority.File}, "tls-key-file " + r.authority.File + ": "},
		{[]string{"tls-ca-cert-file", ""}, "tls-ca-cert-file: not given"},
		{[]string{"tls-protocols", "TLSv9"}, "tls-protocols: "},
		{[]string{"tls-ciphers", "nonsense"}, `tls-ciphers: no cipher matches "nonsense"`},
	} {
		text := admin.refused(append([]string{"CONFIG", "SET"}, tt.set...)...)
		check.Contains(t, text, "ERR CONFIG SET failed (possibly related to argument '"+tt.set[0]+"') - Unable to update TLS configuration: "+tt.want)
		check.NotEq(t, admin.do("CONFIG", "GET", tt.set[0]).String(), tt.set[1])
		check.Eq(t, shown(), "server")
	}
	admin.ok("CONFIG", "SET", "tls-cert-file", r.second.CertFile, "tls-key-file", r.second.KeyFile)
	check.Eq(t, shown(), "second")
	third, err := r.authority.Issue("third")
	check.NoErr(t, err)
	check.NoErr(t, os.Rename(third.CertFile, r.second.CertFile))
	check.NoErr(t, os.Rename(third.KeyFile, r.second.KeyFile))
	check.Eq(t, shown(), "second")
	admin.ok("CONFIG", "SET", "tls-cert-file", r.second.CertFile)
	check.Eq(t, shown(), "third")
	check.Eq(t, old.text("PING"), "PONG")
}

// TestTLSPortMoves: tls-port is left, taken up again, and exchanged with port.
func TestTLSPortMoves(t *testing.T) {
	r := startTLS(t, rigOptions{})
	admin, port := r.dial(), r.port
	plain := func() string {
		c := r.tcp()
		return (&peer{t, c, bufio.NewReader(c)}).text("PING")
	}
	for range 2 {
		check.True(t, r.pings(r.client), "TLS is served")
		admin.ok("CONFIG", "SET", "tls-port", "0")
		_, err := net.Dial("tcp", "127.0.0.1:"+port)
		check.True(t, err != nil, "nobody listens")
		admin.ok("CONFIG", "SET", "port", port)
		check.Eq(t, plain(), "PONG")
		check.Contains(t, admin.refused("CONFIG", "SET", "tls-port", port), "Unable to listen on this port")
		check.Eq(t, plain(), "PONG")
		admin.ok("CONFIG", "SET", "port", "0")
		admin.ok("CONFIG", "SET", "tls-port", port)
	}
	check.True(t, r.pings(r.client), "TLS is served")
}

// TestTLSHandshakesThatFail leave nothing behind: not TLS, cut, and never ending ones,
// of which more are there than may run at a time.
func TestTLSHandshakesThatFail(t *testing.T) {
	r := startTLS(t, rigOptions{prepare: func(s *server.Server) { s.BoundHandshakes(50*time.Millisecond, 4) }})
	admin := r.dial()
	admin.info("clients") // it has been accepted
	before := openFiles(t)
	var conns []net.Conn
	for i := range 30 {
		c := r.tcp()
		conns = append(conns, c)
		switch i % 3 {
		case 0:
			_, _ = c.Write([]byte("*1\r\n$4\r\nPING\r\n"))
		case 1:
			_, _ = c.Write([]byte{22, 3, 1, 2, 0, 1})
			_ = c.Close()
		}
	}
	for i, c := range conns {
		if i%3 != 1 {
			_, err := io.Copy(io.Discard, c) // until the server closes
			check.True(t, err == nil || strings.Contains(err.Error(), "reset"), "closed by the server")
			_ = c.Close()
		}
	}
	check.True(t, r.pings(r.client), "others are served")
	until(t, "no descriptor is left", func() bool { return openFiles(t) <= before })
	until(t, "no client is left", func() bool { return admin.info("clients")["connected_clients"] == "2" }) // the rig has one
	check.Contains(t, r.log.String(), "Error accepting a client connection: tlsio: the handshake took too long (addr=127.0.0.1:")
	check.Contains(t, r.log.String(), "Error accepting a client connection: tls: first record does not look like a TLS handshake")
}

// openFiles is the number of descriptors of this process.
func openFiles(t *testing.T) int {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	check.NoErr(t, err)
	return len(list)
}

// TestTLSShutdownDuringHandshakes does not wait for them.
func TestTLSShutdownDuringHandshakes(t *testing.T) {
	r := startTLS(t, rigOptions{})
	for range 5 {
		_, _ = r.tcp().Write([]byte{22, 3, 1, 2, 0, 1})
	}
	p := r.secure(r.client)
	_, err := p.conn.Write(resp.AppendCommandStrings(nil, "SHUTDOWN", "NOSAVE"))
	check.NoErr(t, err)
	_, err = p.conn.Read(make([]byte, 1))
	check.Eq(t, err, io.EOF) // with a close_notify
}

// TestTLSMaxClients: who is too many is closed, during the handshake or before.
func TestTLSMaxClients(t *testing.T) {
	r := startTLS(t, rigOptions{}, "maxclients 3")
	admin, _ := r.dial(), r.secure(r.client)
	check.True(t, !r.pings(r.client), "the fourth is refused") // the rig has one too
	check.Eq(t, admin.info("stats")["rejected_connections"], "1")
}

// TestTLSMigrate is refused where it was to be encrypted.
func TestTLSMigrate(t *testing.T) {
	p := startServer(t, "tls-cluster yes").dial()
	p.ok("SET", "k", "v")
	check.Contains(t, p.refused("MIGRATE", "127.0.0.1", freePort(t), "k", "0", "1000"), "cannot encrypt")
	check.Eq(t, p.text("GET", "k"), "v")
}

// TestTLSSystemRedisCLI talks to Debian's redis-cli.
func TestTLSSystemRedisCLI(t *testing.T) {
	path, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatal("redis-cli is missing: `make test` installs it")
	}
	r := startTLS(t, rigOptions{})
	run := func(args ...string) (string, error) {
		all := []string{"-h", "127.0.0.1", "-p", r.port, "--tls", "--cacert", r.authority.File}
		out, err := exec.Command(path, append(all, args...)...).CombinedOutput()
		return string(out), err
	}
	out, err := run("--cert", r.client.CertFile, "--key", r.client.KeyFile, "SET", "k", "v")
	check.NoErr(t, err)
	check.Eq(t, out, "OK\n")
	file := filepath.Join(t.TempDir(), "in")
	check.NoErr(t, os.WriteFile(file, []byte(strings.Repeat("INCR n\r\n", 5000)), 0o600))
	cmd := exec.Command("sh", "-c", fmt.Sprintf("%s -p %s --tls --cacert %s --cert %s --key %s --pipe < %s",
		path, r.port, r.authority.File, r.client.CertFile, r.client.KeyFile, file))
	text, err := cmd.CombinedOutput()
	check.NoErr(t, err)
	check.Contains(t, string(text), "errors: 0, replies: 5000")
	out, _ = run("PING")
	check.True(t, !strings.Contains(out, "PONG"), "without a certificate nothing works")
}
