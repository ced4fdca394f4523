package tlsio_test

import (
	"crypto/rand"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/event"
	"redisd/pkg/tlsio"
	"redisd/test/cert"
)

// patience is how long something may take before a test gives up.
const patience = 20 * time.Second

// pki is an authority and a pair of each kind.
type pki struct {
	authority      *cert.Authority
	server, client *cert.Pair
}

func newPKI(t *testing.T) *pki {
	t.Helper()
	a, err := cert.NewAuthority(t.TempDir(), "ca")
	check.NoErr(t, err)
	p := &pki{authority: a}
	p.server, err = a.Issue("server")
	check.NoErr(t, err)
	p.client, err = a.Issue("client")
	check.NoErr(t, err)
	return p
}

func (p *pki) options() tlsio.Options {
	return tlsio.Options{CertFile: p.server.CertFile, KeyFile: p.server.KeyFile, CAFile: p.authority.File, Resume: true, ResumeSeconds: 300}
}

// ends is a connection: the raw descriptor of the server, and the client's net.Conn.
type ends struct {
	fd   int
	peer net.Conn
}

func newEnds(t *testing.T) *ends {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	check.NoErr(t, err)
	check.NoErr(t, unix.SetNonblock(pair[0], true))
	f := os.NewFile(uintptr(pair[1]), "peer")
	peer, err := net.FileConn(f)
	check.NoErr(t, err)
	check.NoErr(t, f.Close())
	check.NoErr(t, peer.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() { unix.Close(pair[0]); peer.Close() })
	return &ends{pair[0], peer}
}

// result is what Accept's callback was given.
type result struct {
	conn *tlsio.Conn
	err  error
}

// accept begins a handshake.
func (e *ends) accept(t *testing.T, o tlsio.Options, limit time.Duration) (*tlsio.Handshake, chan result) {
	t.Helper()
	cfg, err := tlsio.NewConfig(vfs.OS(), o)
	check.NoErr(t, err)
	done := make(chan result, 1)
	h, err := tlsio.Accept(e.fd, cfg, tlsio.NewBuffers(), limit, func(c *tlsio.Conn, err error) { done <- result{c, err} })
	check.NoErr(t, err)
	return h, done
}

// connect gives both sides of a connection after its handshake.
func connect(t *testing.T, p *pki, o tlsio.Options, client *tls.Config) (*ends, *tlsio.Conn, *tls.Conn) {
	t.Helper()
	e := newEnds(t)
	_, done := e.accept(t, o, patience)
	peer := tls.Client(e.peer, client)
	check.NoErr(t, peer.Handshake())
	r := <-done
	check.NoErr(t, r.err)
	return e, r.conn, peer
}

// readAll reads n bytes as a loop would, by readiness.
func readAll(t *testing.T, e *ends, c *tlsio.Conn, n, room int) []byte {
	t.Helper()
	var got []byte
	buf := make([]byte, room)
	for len(got) < n {
		if !c.More() {
			check.Eq(t, event.Await(e.fd, false, patience.Milliseconds()), unix.Errno(0))
		}
		k, errno := c.Read(buf)
		if errno != unix.EAGAIN {
			check.Eq(t, errno, unix.Errno(0))
			check.True(t, k > 0, "the stream has not ended")
		}
		got = append(got, buf[:k]...)
	}
	return got
}

// writeAll writes p as a loop would.
func writeAll(t *testing.T, e *ends, c *tlsio.Conn, p []byte) {
	t.Helper()
	for len(p) > 0 || c.Queued() > 0 {
		n, errno := c.Write(p)
		p = p[n:]
		if errno == unix.EAGAIN {
			check.Eq(t, event.Await(e.fd, true, patience.Milliseconds()), unix.Errno(0))
			continue
		}
		check.Eq(t, errno, unix.Errno(0))
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// TestBothWays sends much and little, in both directions, in every version.
func TestBothWays(t *testing.T) {
	p := newPKI(t)
	for _, version := range []string{"TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"} {
		for _, size := range []int{1, 100, 16 << 10, 70_000, 3 << 20} {
			t.Run(version, func(t *testing.T) {
				o := p.options()
				o.Protocols = version
				client := p.authority.Client(nil)
				client.MinVersion = tls.VersionTLS10
				e, c, peer := connect(t, p, o, client)
				data := random(size)
				go func() { _, _ = peer.Write(data) }()
				check.EqBytes(t, readAll(t, e, c, size, 10_000), data)
				back := make(chan []byte, 1)
				go func() {
					got := make([]byte, size)
					_, _ = io.ReadFull(peer, got)
					back <- got
				}()
				writeAll(t, e, c, data)
				check.EqBytes(t, <-back, data)
			})
		}
	}
}

// TestByteByByte has records arrive in pieces of one byte: no piece is lost, and none
// that is not whole is an error.
func TestByteByByte(t *testing.T) {
	p := newPKI(t)
	e := newEnds(t)
	_, done := e.accept(t, p.options(), patience)
	peer := tls.Client(slow{e.peer}, p.authority.Client(nil))
	check.NoErr(t, peer.Handshake())
	r := <-done
	check.NoErr(t, r.err)
	data := random(2000)
	go func() { _, _ = peer.Write(data) }()
	check.EqBytes(t, readAll(t, e, r.conn, len(data), 500), data)
}

// slow writes every byte by itself.
type slow struct{ net.Conn }

func (s slow) Write(p []byte) (int, error) {
	for i := range p {
		if _, err := s.Conn.Write(p[i : i+1]); err != nil {
			return i, err
		}
	}
	return len(p), nil
}

// TestWhatCameWithTheHandshake: data in the packet of the handshake's end is read
// without the socket having anything.
func TestWhatCameWithTheHandshake(t *testing.T) {
	p := newPKI(t)
	e := newEnds(t)
	_, done := e.accept(t, p.options(), patience)
	held := &holdBack{Conn: e.peer}
	peer := tls.Client(held, p.authority.Client(nil))
	check.NoErr(t, peer.Handshake())
	_, err := peer.Write([]byte("PING"))
	check.NoErr(t, err)
	check.NoErr(t, held.release())
	r := <-done
	check.NoErr(t, r.err)
	check.True(t, r.conn.More(), "there may be something")
	check.EqBytes(t, readAll(t, e, r.conn, 4, 100), []byte("PING"))
}

// holdBack sends what is written after the first write in one piece.
type holdBack struct {
	net.Conn
	sent bool
	held []byte
}

func (h *holdBack) Write(p []byte) (int, error) {
	if !h.sent {
		h.sent = true
		return h.Conn.Write(p)
	}
	h.held = append(h.held, p...)
	return len(p), nil
}

func (h *holdBack) release() error {
	_, err := h.Conn.Write(h.held)
	return err
}

// TestLeftOver reads with little room: what one read(2) brought comes out over many
// calls, and More tells until it is all.
func TestLeftOver(t *testing.T) {
	p := newPKI(t)
	e, c, peer := connect(t, p, p.options(), p.authority.Client(nil))
	data := random(40_000)
	go func() { _, _ = peer.Write(data) }()
	check.EqBytes(t, readAll(t, e, c, len(data), 7), data)
	check.True(t, !c.More() || len(readNow(c)) == 0, "nothing is left")
}

// TestSharedBuffer reads two connections by turns, with so little room that both have
// something left over all the time: neither may find the other's bytes.
func TestSharedBuffer(t *testing.T) {
	p := newPKI(t)
	cfg, err := tlsio.NewConfig(vfs.OS(), p.options())
	check.NoErr(t, err)
	bufs := tlsio.NewBuffers()
	var conns [2]*tlsio.Conn
	var sides [2]*ends
	var data, got [2][]byte
	for i := range conns {
		e := newEnds(t)
		done := make(chan result, 1)
		_, err := tlsio.Accept(e.fd, cfg, bufs, patience, func(c *tlsio.Conn, err error) { done <- result{c, err} })
		check.NoErr(t, err)
		peer := tls.Client(e.peer, p.authority.Client(nil))
		check.NoErr(t, peer.Handshake())
		r := <-done
		check.NoErr(t, r.err)
		conns[i], sides[i], data[i] = r.conn, e, random(200_000)
		go func() { _, _ = peer.Write(data[i]) }()
	}
	for len(got[0]) < len(data[0]) || len(got[1]) < len(data[1]) {
		for i, c := range conns {
			if n := min(1000, len(data[i])-len(got[i])); n > 0 {
				got[i] = append(got[i], readAll(t, sides[i], c, n, n)...)
			}
		}
	}
	check.EqBytes(t, got[0], data[0])
	check.EqBytes(t, got[1], data[1])
}

func readNow(c *tlsio.Conn) []byte {
	buf := make([]byte, 100)
	n, _ := c.Read(buf)
	return buf[:n]
}

// TestSlowReader: a peer that reads nothing makes no more ciphertext wait than a chunk.
func TestSlowReader(t *testing.T) {
	p := newPKI(t)
	e, c, peer := connect(t, p, p.options(), p.authority.Client(nil))
	data := random(4 << 20)
	rest := data
	for {
		n, errno := c.Write(rest)
		rest = rest[n:]
		if errno == unix.EAGAIN {
			break
		}
		check.Eq(t, errno, unix.Errno(0))
	}
	check.True(t, len(rest) > 2<<20, "the socket does not take so much")
	check.True(t, c.Queued() > 0 && c.Queued() < 70<<10, "a chunk waits")
	check.True(t, c.Bytes() > c.Queued(), "and counts")
	back := make(chan []byte, 1)
	go func() {
		got := make([]byte, len(data))
		_, _ = io.ReadFull(peer, got)
		back <- got
	}()
	writeAll(t, e, c, rest)
	check.EqBytes(t, <-back, data)
	check.Eq(t, c.Queued(), 0)
}

// TestEnds of a connection: data before it is read first, then how it ended.
func TestEnds(t *testing.T) {
	p := newPKI(t)
	for _, tt := range []struct {
		name string
		end  func(e *ends, peer *tls.Conn)
		want unix.Errno
		err  error
	}{
		{"close_notify", func(_ *ends, peer *tls.Conn) { _ = peer.Close() }, 0, io.EOF},
		{"half closed", func(_ *ends, peer *tls.Conn) { _ = peer.CloseWrite() }, 0, io.EOF},
		{"cut between records", func(e *ends, _ *tls.Conn) { _ = e.peer.Close() }, 0, io.EOF},
		{"cut within a record", func(e *ends, _ *tls.Conn) {
			_, _ = e.peer.Write([]byte{23, 3, 3, 0, 50, 1, 2})
			_ = e.peer.Close()
		}, unix.EPROTO, io.ErrUnexpectedEOF},
		{"garbage", func(e *ends, _ *tls.Conn) { _, _ = e.peer.Write([]byte("PING\r\nPING\r\n")) }, unix.EPROTO, nil},
		{"forged record", func(e *ends, _ *tls.Conn) { _, _ = e.peer.Write(append([]byte{23, 3, 3, 0, 40}, random(40)...)) }, unix.EPROTO, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e, c, peer := connect(t, p, p.options(), p.authority.Client(nil))
			_, err := peer.Write([]byte("last words"))
			check.NoErr(t, err)
			tt.end(e, peer)
			check.EqBytes(t, readAll(t, e, c, 10, 100), []byte("last words"))
			var n int
			errno := unix.EAGAIN
			for errno == unix.EAGAIN {
				if c.More() {
					n, errno = c.Read(make([]byte, 100))
					continue
				}
				check.Eq(t, event.Await(e.fd, false, patience.Milliseconds()), unix.Errno(0))
				n, errno = c.Read(make([]byte, 100))
			}
			check.Eq(t, n, 0)
			check.Eq(t, errno, tt.want)
			check.True(t, c.Err() != nil && (tt.err == nil || errors.Is(c.Err(), tt.err)), "the reason is kept")
			check.True(t, !c.More(), "and nothing follows")
		})
	}
}

// TestCloseTellsThePeer: our end is a proper one.
func TestCloseTellsThePeer(t *testing.T) {
	p := newPKI(t)
	e, c, peer := connect(t, p, p.options(), p.authority.Client(nil))
	writeAll(t, e, c, []byte("bye"))
	c.Close()
	check.NoErr(t, unix.Shutdown(e.fd, unix.SHUT_WR))
	got, err := io.ReadAll(peer)
	check.NoErr(t, err)
	check.EqBytes(t, got, []byte("bye"))
	_, errno := c.Write([]byte("x"))
	check.Eq(t, errno, unix.EPIPE)
}

// TestHandshakeThatFails: the reason arrives, the descriptor stays the caller's.
func TestHandshakeThatFails(t *testing.T) {
	p := newPKI(t)
	for _, tt := range []struct {
		name  string
		limit time.Duration
		act   func(e *ends, h *tlsio.Handshake)
		want  error
	}{
		{"never ends", 10 * time.Millisecond, func(*ends, *tlsio.Handshake) {}, tlsio.ErrTimeout},
		{"dawdles", 10 * time.Millisecond, func(e *ends, _ *tlsio.Handshake) { _, _ = e.peer.Write([]byte{22, 3, 1, 2, 0, 1}) }, tlsio.ErrTimeout},
		{"cut", patience, func(e *ends, _ *tlsio.Handshake) { _, _ = e.peer.Write([]byte{22, 3, 1, 2, 0, 1}); _ = e.peer.Close() }, io.ErrUnexpectedEOF},
		{"closed at once", patience, func(e *ends, _ *tlsio.Handshake) { _ = e.peer.Close() }, io.EOF},
		{"cancelled", patience, func(_ *ends, h *tlsio.Handshake) { h.Cancel() }, nil},
		{"not TLS", patience, func(e *ends, _ *tlsio.Handshake) { _, _ = e.peer.Write([]byte("*1\r\n$4\r\nPING\r\n")) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := newEnds(t)
			h, done := e.accept(t, p.options(), tt.limit)
			tt.act(e, h)
			r := <-done
			check.True(t, r.conn == nil && r.err != nil, "there is no connection")
			check.True(t, tt.want == nil || errors.Is(r.err, tt.want), "the reason")
			_, err := unix.FcntlInt(uintptr(e.fd), unix.F_GETFD, 0)
			check.NoErr(t, err)
		})
	}
}

// TestSteadyStateAllocatesLittle: what crypto/tls itself allocates for a record, and
// nothing on top.
func TestSteadyStateAllocatesLittle(t *testing.T) {
	p := newPKI(t)
	_, c, peer := connect(t, p, p.options(), p.authority.Client(nil))
	buf, request, reply := make([]byte, 1000), []byte("*1\r\n$4\r\nPING\r\n"), make([]byte, 100)
	turn := func() {
		_, _ = peer.Write(request)
		n, errno := c.Read(buf)
		check.Eq(t, errno, unix.Errno(0))
		_, _ = c.Write(buf[:n])
		_, _ = peer.Read(reply)
	}
	_, _ = c.Read(buf) // the end of the handshake
	got := testing.AllocsPerRun(200, turn)
	t.Logf("%v allocations a request and reply, of both sides", got)
	check.True(t, got <= 8, "crypto/tls has two a record that it reads")
}
