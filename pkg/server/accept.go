package server

import (
	"golang.org/x/sys/unix"

	"redisd/pkg/config"
	"redisd/pkg/event"
	"redisd/pkg/tlsio"
)

// listener is one listening socket; it makes clients of the connections.
type listener struct {
	srv  *Server
	fd   int
	addr event.Address
	tls  bool // of tls-port

	resting event.TimerID // ends its rest; 0 when it does not rest
}

// acceptsATurn bounds the connections that one turn takes from a socket: a storm
// of them must not starve those who are here.
const acceptsATurn = 1000

// restMs is how long no connection is taken after one that there was no descriptor or
// memory for. It stays in the queue of the socket, which stays ready: without a rest
// each turn of the loop would try again at once.
const restMs = 100

// Ready implements event.Handler.
func (l *listener) Ready(event.Events) {
	for range acceptsATurn {
		fd, peer, errno := event.Accept(l.fd)
		switch errno {
		case 0:
			if !l.tls {
				l.srv.welcome(fd, peer, nil)
			} else if !l.srv.tls.greet(fd, peer) {
				return
			}
		case unix.EAGAIN:
			return
		case unix.ECONNABORTED, unix.EPROTO, unix.EINTR:
		case unix.EMFILE, unix.ENFILE, unix.ENOBUFS, unix.ENOMEM:
			l.srv.notAccepted(event.Strerror(errno))
			l.rest()
			return
		default:
			l.srv.notAccepted(event.Strerror(errno))
			return
		}
	}
}

// notAccepted logs why a connection was not taken; not for each of a storm.
func (s *Server) notAccepted(reason string) {
	if _, ok := s.acceptLimit.allow(); ok {
		s.log.Warnf("Accepting client connection: %s", reason)
	}
}

// rest leaves connections where they are for a moment.
func (l *listener) rest() {
	l.resting = l.srv.loop.After(restMs, func() int64 {
		l.resting = 0
		l.watch()
		return -1
	})
	l.watch()
}

// watch has connections taken, unless there is no room for them now.
func (l *listener) watch() {
	ev := event.Readable
	if l.resting != 0 || l.tls && l.srv.tls.full() {
		ev = 0
	}
	if err := l.srv.loop.Modify(l.fd, ev); err != nil {
		l.srv.log.Warnf("Listening on %s: %s", l.addr, err)
	}
}

// close stops listening; a socket file stays.
func (l *listener) close() {
	l.srv.loop.Cancel(l.resting)
	l.srv.loop.Unwatch(l.fd)
	event.Close(l.fd)
}

const protectedText = "-DENIED Redis is running in protected mode because protected mode is enabled and no password " +
	"is set for the default user. In this mode connections are only accepted from the loopback interface. If you " +
	"want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just " +
	"disable protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by " +
	"connecting to Redis from the same host the server is running, however MAKE SURE Redis is not publicly " +
	"accessible from internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively " +
	"you can just disable the protected mode by editing the Redis configuration file, and setting the protected " +
	"mode option to 'no', and then restarting the server. 3) If you started the server manually just for " +
	"testing, restart it with the '--protected-mode no' option. 4) Setup a an authentication password for the " +
	"default user. NOTE: You only need to do one of the above things in order for the server to start accepting " +
	"connections from the outside.\r\n"

// welcome makes a client of a new connection, or refuses it with a reason. conn is nil
// when it is not encrypted.
func (s *Server) welcome(fd int, peer event.Peer, conn *tlsio.Conn) {
	refuse := func(text string) {
		if conn != nil {
			conn.Write([]byte(text))
			conn.Close()
		} else {
			event.Write(fd, []byte(text))
		}
		event.Close(fd)
		s.stats.rejected++
	}
	if int64(s.clients.count) >= s.cfg.Int(config.MaxClients) {
		refuse("-ERR max number of clients reached\r\n")
		return
	}
	if s.cfg.Bool(config.ProtectedMode) && s.acl.users.Default.NoPass() && !peer.Local() {
		refuse(protectedText)
		return
	}
	c := s.newClient(fd)
	c.peer, c.tls = peer, conn
	// What an encrypted client sent right behind its handshake has been received: it is
	// looked at when there is room to write, which is at once.
	c.set(flagWatchWrite, conn != nil)
	c.set(flagUnix, peer.Unix)
	if !peer.Unix {
		_ = event.SetNoDelay(fd, true) // best effort: the connection works without
		if secs := s.cfg.Int(config.TCPKeepAlive); secs > 0 {
			_ = event.SetKeepAlive(fd, int(secs))
		}
	}
	if err := s.clients.add(c); err != nil {
		s.notAccepted(err.Error())
		event.Close(fd)
		return
	}
	s.stats.connections++
	s.log.Verbosef("Accepted %s", peer)
}

// newClient makes a client in the state of a fresh connection.
func (s *Server) newClient(fd int) *client {
	c := &client{fd: fd, srv: s, db: s.ks.DB(0), proto: 2, user: s.acl.users.Default, created: s.stats.nowSec, active: s.stats.nowSec}
	c.parser.Limits = &s.clients.unknown
	if s.acl.open() {
		s.authenticate(c)
	}
	return c
}

// authenticate lifts the limits of an unknown client.
func (s *Server) authenticate(c *client) {
	c.set(flagAuthenticated, true)
	c.parser.Limits = &s.clients.known
}
