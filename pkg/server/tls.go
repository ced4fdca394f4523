package server

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/tlsio"
)

// encryption is the side of tls-port: its certificates, and the handshakes that run. The
// records themselves are the business of pkg/tlsio; a client whose handshake is over
// has a tlsio.Conn, and differs in nothing else.
type encryption struct {
	srv     *Server
	config  *tlsio.Config // nil until TLS is wanted
	bufs    *tlsio.Buffers
	shaking map[int]handshake // by descriptor
	limit   time.Duration     // of a handshake
	most    int               // handshakes at a time
	trimmer event.TimerID     // of trim while full; else 0
}

// handshake is one that runs.
type handshake struct {
	*tlsio.Handshake
	since int64 // milliseconds, of the clock that nobody sets
}

const (
	// handshakeLimit is what a peer has for its handshake. Redis has no limit of its own.
	handshakeLimit = 10 * time.Second
	// mostHandshakes bounds those that run at a time: each takes some 10 KB while it waits for its
	// peer. More wait in the queue of the listening socket.
	mostHandshakes = 1024
	// patience is what a handshake has, in milliseconds, when others wait for its place.
	patience = 1000
)

func newEncryption(s *Server) *encryption {
	return &encryption{
		srv: s, bufs: tlsio.NewBuffers(), shaking: map[int]handshake{},
		limit: handshakeLimit, most: mostHandshakes,
	}
}

// directiveOf names the directives that a tlsio.ConfigError is about.
var directiveOf = map[tlsio.Part]config.ID{
	tlsio.PartCert: config.TLSCertFile, tlsio.PartKey: config.TLSKeyFile,
	tlsio.PartCA: config.TLSCACertFile, tlsio.PartCADir: config.TLSCACertDir,
	tlsio.PartProtocols: config.TLSProtocols, tlsio.PartCiphers: config.TLSCiphers,
}

// configure reads the certificates and takes them for handshakes from now on, when there
// is a tls-port. When something is wrong with them those from before stay.
func (e *encryption) configure() error {
	s := e.srv
	if s.tlsPort() == 0 {
		return nil
	}
	c, err := tlsio.NewConfig(s.opt.FS, tlsio.Options{
		CertFile: s.cfg.String(config.TLSCertFile), KeyFile: s.cfg.String(config.TLSKeyFile),
		KeyPassword: s.cfg.String(config.TLSKeyFilePass),
		CAFile:      s.cfg.String(config.TLSCACertFile), CADir: s.cfg.String(config.TLSCACertDir),
		Auth:      tlsio.Auth(s.cfg.Enum(config.TLSAuthClients)),
		Protocols: s.cfg.String(config.TLSProtocols), Ciphers: s.cfg.String(config.TLSCiphers),
		Resume: s.cfg.Bool(config.TLSSessionCaching), ResumeSeconds: s.cfg.Int(config.TLSSessionCacheTimeout),
	})
	if err == nil {
		e.config = c
		return nil
	}
	var ce *tlsio.ConfigError
	if errors.As(err, &ce) {
		name := s.cfg.Directive(directiveOf[ce.Part]).Name
		if ce.File != "" {
			name += " " + ce.File
		}
		err = fmt.Errorf("%s: %w", name, ce.Err)
	}
	return fmt.Errorf("Unable to update TLS configuration: %w", err)
}

// reload reads the certificates again, for SIGHUP: they are renewed in place.
func (e *encryption) reload() {
	if err := e.configure(); err != nil {
		e.srv.log.Warnf("%s", err)
	}
}

// greet begins the handshake of a new connection and tells whether there is room for one
// more. Those that are in it count as clients. Who is refused is not told why: there is
// no connection yet.
func (e *encryption) greet(fd int, peer event.Peer) (more bool) {
	s := e.srv
	if int64(s.clients.count+len(e.shaking)) >= s.cfg.Int(config.MaxClients) {
		event.Close(fd)
		s.stats.rejected++
		return true
	}
	h, err := tlsio.Accept(fd, e.config, e.bufs, e.limit, func(c *tlsio.Conn, err error) {
		s.loop.Post(func() { e.greeted(fd, peer, c, err) })
	})
	if err != nil {
		event.Close(fd)
		s.notAccepted(err.Error())
		return true
	}
	e.shaking[fd] = handshake{h, s.loop.MonoMillis()}
	if !e.full() {
		return true
	}
	e.watch()
	if e.trimmer == 0 {
		e.trimmer = s.loop.After(patience, e.trim)
	}
	return false
}

// trim ends the oldest handshakes while there is no room for new ones, so that peers who
// are silent do not keep those who speak waiting until their time is over.
func (e *encryption) trim() (again int64) {
	if !e.full() {
		e.trimmer = 0
		return -1
	}
	var old []handshake
	for _, h := range e.shaking {
		if e.srv.loop.MonoMillis()-h.since >= patience {
			old = append(old, h)
		}
	}
	if len(old) == 0 {
		return patience / 10
	}
	slices.SortFunc(old, func(a, b handshake) int { return cmp.Compare(a.since, b.since) })
	old = old[:min(len(old), max(1, e.most/4))]
	for _, h := range old {
		h.Cancel()
	}
	e.srv.notAccepted(fmt.Sprintf("%d TLS handshakes are waiting for their peers, the %d oldest are ended", len(e.shaking), len(old)))
	return patience / 10
}

// full tells whether as many handshakes run as may.
func (e *encryption) full() bool { return len(e.shaking) >= e.most }

// greeted takes the end of a handshake.
func (e *encryption) greeted(fd int, peer event.Peer, c *tlsio.Conn, err error) {
	if _, ok := e.shaking[fd]; !ok {
		return // cancelAll has closed it
	}
	if delete(e.shaking, fd); len(e.shaking) == e.most-1 {
		e.watch()
	}
	if err != nil {
		e.srv.log.Verbosef("Error accepting a client connection: %s (addr=%s laddr=%s)", err, peer, event.SockName(fd))
		event.Close(fd)
		return
	}
	e.srv.welcome(fd, peer, c)
}

// watch has connections taken from tls-port while there is room for their handshakes.
func (e *encryption) watch() {
	for _, l := range e.srv.listeners {
		if l.tls {
			l.watch()
		}
	}
}

// cancelAll ends the handshakes that run, at the end of the daemon.
func (e *encryption) cancelAll() {
	e.srv.loop.Cancel(e.trimmer)
	for fd, h := range e.shaking {
		h.Cancel()
		event.Close(fd)
	}
	clear(e.shaking)
}

// readEncrypted is Ready for an encrypted client: it goes on until everything that was
// received is decrypted and looked at, because nothing will say again that it is there.
func (s *Server) readEncrypted(c *client, ev event.Events) {
	if ev&(event.Readable|event.Hangup) == 0 && !c.tls.More() {
		return
	}
	for !c.has(flagCloseSoon) && c.fd >= 0 {
		s.readClient(c)
		if !c.tls.More() {
			break
		}
	}
	if c.fd >= 0 && c.tls.Queued() > 0 { // what the protocol answers by itself
		s.clients.queue(c)
	}
}

// read takes what the connection has.
func (c *client) read(p []byte) (int, unix.Errno) {
	if c.tls != nil {
		return c.tls.Read(p)
	}
	return event.Read(c.fd, p)
}

// write sends a part of p.
func (c *client) write(p []byte) (int, unix.Errno) {
	if c.tls != nil {
		return c.tls.Write(p)
	}
	return event.Write(c.fd, p)
}

// readError is why a read failed.
func (c *client) readError(errno unix.Errno) string {
	if c.tls != nil && c.tls.Err() != nil {
		return c.tls.Err().Error()
	}
	return event.Strerror(errno)
}

// ciphertext is the number of bytes that are encrypted and wait for room in the socket.
func (c *client) ciphertext() int {
	if c.tls == nil {
		return 0
	}
	return c.tls.Queued()
}
