package hostile_test

import (
	"crypto/tls"
	"net"
	"testing"
	"time"

	"redisd/internal/check"
	"redisd/test/cert"
	"redisd/test/rig"
)

// startSecure starts a daemon with a TLS port; secure makes a client of that.
func startSecure(t *testing.T) (s *rig.Server, address string, secure func() *peer) {
	authority, err := cert.NewAuthority(t.TempDir(), "ca")
	check.NoErr(t, err)
	server, err := authority.Issue("server")
	check.NoErr(t, err)
	address = net.JoinHostPort("127.0.0.1", itoa(rig.FreePort(t)))
	_, port, _ := net.SplitHostPort(address)
	s = start(t, "--bind", "127.0.0.1", "--tls-port", port, "--tls-cert-file", server.CertFile, "--tls-key-file", server.KeyFile,
		"--tls-ca-cert-file", authority.File, "--tls-auth-clients", "no")
	return s, address, func() *peer {
		c, err := tls.Dial("tcp", address, authority.Client(nil))
		check.NoErr(t, err)
		t.Cleanup(func() { c.Close() })
		return newPeer(t, c)
	}
}

// TestSlowHandshakes: connections to the TLS port that say nothing, stop in the middle of
// a handshake, drip it, or speak plain text. Others are served, also those who come now;
// what does not end by itself is ended after a while.
func TestSlowHandshakes(t *testing.T) {
	s, address, secure := startSecure(t)
	plain, encrypted := watch(dial(t, s)), watch(secure())
	before := memoryOf(s)
	mark := s.Mark()
	hello := []byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3}
	var all []net.Conn
	n := scale(600, 900) // fewer than the handshakes that may run at a time
	for i := range n {
		c, err := net.Dial("tcp", address)
		check.NoErr(t, err)
		t.Cleanup(func() { c.Close() })
		all = append(all, c)
		switch i % 3 {
		case 0:
			_, err = c.Write(hello)
		case 1:
			_, err = c.Write([]byte(request("PING")))
		}
		check.NoErr(t, err)
	}
	s.WaitLog(mark, "Error accepting a client connection: tls: first record does not look like a TLS handshake (addr=127.0.0.1:")
	for i := range 20 {
		check.Eq(t, secure().say("PING"), "+PONG")
		_, err := all[i*3].Write([]byte{byte(i)})
		check.NoErr(t, err)
	}
	grew(t, s, before, 4*mb) // the handshakes themselves are the runtime's memory
	if rig.Long() {
		s.WaitLog(mark, "Error accepting a client connection: tlsio: the handshake took too long (addr=127.0.0.1:")
	}
	for _, c := range all {
		check.NoErr(t, c.Close())
	}
	plain.served()
	encrypted.served()
	rig.Eventually(t, "no descriptor of them", func() bool { return openFiles(t, s) < 100 })
	check.Eq(t, secure().say("PING"), "+PONG")
}

// TestSilentHandshakes: as many connections to the TLS port say nothing as handshakes may
// run at a time, and more wait behind them. Others need not wait until they are timed out.
func TestSilentHandshakes(t *testing.T) {
	const most = 1024
	s, address, secure := startSecure(t)
	mark := s.Mark()
	for range most + 100 {
		c, err := net.Dial("tcp", address)
		check.NoErr(t, err)
		t.Cleanup(func() { c.Close() })
	}
	began := time.Now()
	check.Eq(t, secure().say("PING"), "+PONG")
	check.True(t, time.Since(began) < 5*time.Second, "before the handshakes time out, which takes ten seconds")
	s.WaitLog(mark, "TLS handshakes are waiting for their peers, the 256 oldest are ended")
}
