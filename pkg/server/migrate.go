package server

import (
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"redisd/internal/clock"
	"redisd/pkg/event"
	"redisd/pkg/resp"
)

const (
	mostMigrants   = 64 // connections that are kept
	migrantIdleSec = 10 // how long one is kept without use
)

// migrants are the connections of MIGRATE to other servers, kept for a while: keys are
// moved one after another.
type migrants struct {
	srv  *Server
	open map[string]*migrant // by host:port
	out  []byte              // room for what is sent next
}

// migrant is one connection. It is not watched: only MIGRATE uses it, and waits.
type migrant struct {
	all     *migrants
	name    string
	fd      int
	db      int64 // selected there, -1 when not known
	usedSec int64

	timeoutMs int64
	out       []byte // commands that are not sent yet
	in        []byte // read and not used yet
}

// brokenLink says that a connection failed.
type brokenLink struct {
	what    string // what it was used for
	timeout bool
	begun   bool // some keys had arrived
}

const (
	whileWriting = "writing to target instance"
	whileReading = "reading to target instance"
)

func newMigrants(s *Server) *migrants { return &migrants{srv: s, open: map[string]*migrant{}} }

// connect gives a connection to where m goes, an open one or a new one.
func (all *migrants) connect(m *migration) (*migrant, *brokenLink) {
	name := m.host + ":" + m.port
	t := all.open[name]
	if t == nil {
		if len(all.open) == mostMigrants {
			for _, other := range all.open { // any of them, as in Redis
				all.close(other)
				break
			}
		}
		fd, broken := all.dial(m)
		if broken != nil {
			return nil, broken
		}
		t = &migrant{all: all, name: name, fd: fd, db: -1}
		all.open[name] = t
	}
	t.usedSec = all.srv.stats.nowSec
	return t, nil
}

// dial tries the addresses of the host one after another. Redis notices only by its
// first write that nobody has answered; what it says then is said here.
func (all *migrants) dial(m *migration) (fd int, broken *brokenLink) {
	ips := all.addresses(m.host, m.timeoutMs)
	if len(ips) == 0 {
		return -1, &brokenLink{what: "connecting to the client"}
	}
	port, _ := strconv.ParseUint(m.port, 10, 16) // no number is port 0, where nobody is
	for _, ip := range ips {
		fd, errno := event.Dial(netip.AddrPortFrom(ip, uint16(port)), m.timeoutMs)
		if errno == 0 {
			_ = event.SetNoDelay(fd, true) // slower without, no more
			return fd, nil
		}
	}
	return -1, &brokenLink{what: whileWriting}
}

// addresses are those of a host; names are resolved by cmd's means.
func (all *migrants) addresses(host string, timeoutMs int64) []netip.Addr {
	if ip, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{ip}
	}
	if strings.EqualFold(host, "localhost") {
		return []netip.Addr{netip.AddrFrom4([4]byte{127, 0, 0, 1}), netip.IPv6Loopback()}
	}
	if all.srv.opt.LookupHost == nil {
		return nil
	}
	ips, err := all.srv.opt.LookupHost(host, timeoutMs)
	if err != nil {
		all.srv.log.Verbosef("MIGRATE: %s: %s", host, err)
	}
	return ips
}

// close ends a connection.
func (all *migrants) close(t *migrant) {
	event.Close(t.fd)
	delete(all.open, t.name)
}

// cronMigrants ends connections that nobody has used for a while.
func (s *Server) cronMigrants() {
	for _, t := range s.migrants.open {
		if s.stats.nowSec-t.usedSec > migrantIdleSec {
			s.migrants.close(t)
		}
	}
}

// Words that MIGRATE sends.
var (
	authWord   = []byte("AUTH")
	selectWord = []byte("SELECT")
)

// begin starts a call: nothing is sent or received yet.
func (t *migrant) begin(timeoutMs int64) {
	t.timeoutMs = timeoutMs
	t.out, t.in = t.all.out[:0], t.in[:0]
}

// command adds a command to what is sent next.
func (t *migrant) command(words ...[]byte) { t.out = resp.AppendCommand(t.out, words...) }

const (
	migrateChunk = 64 << 10 // what has the timeout to leave, as in Redis
	keptMigrate  = 1 << 20  // the largest buffer that stays
)

// flush sends what was added, when it is much, or in any case with all.
func (t *migrant) flush(all bool) *brokenLink {
	if !all && len(t.out) < migrateChunk {
		return nil
	}
	for rest := t.out; len(rest) > 0; {
		chunk := rest[:min(len(rest), migrateChunk)]
		if errno := event.WriteAll(t.fd, chunk, t.timeoutMs); errno != 0 {
			t.all.out = nil
			return &brokenLink{what: whileWriting, timeout: errno == unix.ETIMEDOUT}
		}
		rest = rest[len(chunk):]
	}
	t.out = t.out[:0]
	if t.all.out = t.out; cap(t.out) > keptMigrate {
		t.all.out = nil
	}
	return nil
}

// mostLine bounds a reply. Those of RESTORE are short; what is not is no server.
const mostLine = 64 << 10

// line is the next reply, without its end.
func (t *migrant) line() ([]byte, *brokenLink) {
	watch := clock.NewStopwatch()
	for {
		if i := bytes.IndexByte(t.in, '\n'); i >= 0 {
			line := bytes.TrimSuffix(t.in[:i], []byte("\r"))
			t.in = t.in[i+1:]
			return line, nil
		}
		if len(t.in) > mostLine {
			return nil, &brokenLink{what: whileReading}
		}
		if errno := event.Await(t.fd, false, t.timeoutMs-watch.Micros()/1000); errno != 0 {
			return nil, &brokenLink{what: whileReading, timeout: errno == unix.ETIMEDOUT}
		}
		buf := make([]byte, 4<<10)
		n, errno := event.Read(t.fd, buf)
		if n == 0 && errno != unix.EAGAIN {
			return nil, &brokenLink{what: whileReading}
		}
		t.in = append(t.in, buf[:n]...)
	}
}
