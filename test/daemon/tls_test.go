package daemon_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisd/internal/check"
	"redisd/test/cert"
	"redisd/test/rig"
)

// TestTLSClientLibrary uses a client library over TLS, with certificates on both sides
// and no other port: pipelines, transactions, subscriptions and a pool of connections.
func TestTLSClientLibrary(t *testing.T) {
	t.Parallel()
	dir, ctx := t.TempDir(), context.Background()
	authority, err := cert.NewAuthority(dir, "ca")
	check.NoErr(t, err)
	server, err := authority.Issue("server")
	check.NoErr(t, err)
	user, err := authority.Issue("user")
	check.NoErr(t, err)
	port := fmt.Sprint(rig.FreePort(t))
	s := rig.Start(t, rig.Options{Args: []string{
		"--bind", "127.0.0.1", "--tls-port", port, "--tls-cert-file", server.CertFile, "--tls-key-file", server.KeyFile,
		"--tls-ca-cert-file", authority.File,
	}})
	client := func(p *cert.Pair) *redis.Client {
		c := redis.NewClient(&redis.Options{Addr: "127.0.0.1:" + port, TLSConfig: authority.Client(p), MaxRetries: -1})
		t.Cleanup(func() { _ = c.Close() })
		return c
	}
	c := client(user)
	check.NoErr(t, c.Ping(ctx).Err())
	check.True(t, client(nil).Ping(ctx).Err() != nil, "without a certificate nobody is served")

	sub := c.Subscribe(ctx, "news")
	defer sub.Close()
	_, err = sub.Receive(ctx)
	check.NoErr(t, err)
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 50 {
				_, err := c.TxPipelined(ctx, func(p redis.Pipeliner) error {
					p.Incr(ctx, "n")
					p.Set(ctx, fmt.Sprintf("k%d.%d", w, i), strings.Repeat("v", i*1000), 0)
					return nil
				})
				check.NoErr(t, err)
			}
		})
	}
	wg.Wait()
	check.Eq(t, c.Get(ctx, "n").Val(), "400")
	check.Eq(t, len(c.Get(ctx, "k7.49").Val()), 49_000)
	check.NoErr(t, c.Publish(ctx, "news", "here").Err())
	m, err := sub.ReceiveMessage(ctx)
	check.NoErr(t, err)
	check.Eq(t, m.Payload, "here")

	// SIGHUP reads certificates that were renewed in place.
	check.Eq(t, shownBy(t, port, authority, user), "server")
	renewed, err := authority.Issue("renewed")
	check.NoErr(t, err)
	for from, to := range map[string]string{renewed.CertFile: server.CertFile, renewed.KeyFile: server.KeyFile} {
		check.NoErr(t, os.Rename(from, to))
	}
	mark := s.Mark()
	s.Signal(syscall.SIGHUP)
	s.WaitLog(mark, "Received SIGHUP")
	check.Eq(t, shownBy(t, port, authority, user), "renewed")
	check.NoErr(t, os.Remove(filepath.Join(dir, "server.key")))
	mark = s.Mark()
	s.Signal(syscall.SIGHUP)
	s.WaitLog(mark, "Received SIGHUP")
	check.Contains(t, s.LogSince(mark), "Unable to update TLS configuration: tls-key-file "+server.KeyFile)
	check.Eq(t, shownBy(t, port, authority, user), "renewed")
}

// shownBy is the name in the certificate that the server shows.
func shownBy(t *testing.T, port string, a *cert.Authority, p *cert.Pair) string {
	t.Helper()
	conn, err := tls.Dial("tcp", "127.0.0.1:"+port, a.Client(p))
	check.NoErr(t, err)
	defer conn.Close()
	return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
}
