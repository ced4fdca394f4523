// Package clients_test has client libraries do a page of ordinary work on the daemon:
// pools and pipelines, transactions with WATCH, messages, blocking commands, scripts,
// functions, streams with consumer groups, iterators. Every item runs over RESP2 and
// RESP3, and over TLS as a user who may not do everything.
//
// Here is go-redis. page.mjs has the same page for ioredis and node-redis; they need
// Node.js and packages, which `make test-clients` installs before it uses the tag clients.
package clients_test

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/redis/go-redis/v9"

	"redisd/internal/check"
	"redisd/test/cert"
	"redisd/test/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// daemon is one daemon that listens on a port and on tls-port.
type daemon struct {
	*rig.Server
	authority *cert.Authority
	tlsPort   int
}

func start(t *testing.T) *daemon {
	t.Helper()
	authority, err := cert.NewAuthority(t.TempDir(), "ca")
	check.NoErr(t, err)
	server, err := authority.Issue("server")
	check.NoErr(t, err)
	d := &daemon{authority: authority, tlsPort: rig.FreePort(t)}
	d.Server = rig.Start(t, rig.Options{TCP: true, Args: []string{
		"--tls-port", fmt.Sprint(d.tlsPort), "--tls-cert-file", server.CertFile, "--tls-key-file", server.KeyFile,
		"--tls-ca-cert-file", authority.File, "--tls-auth-clients", "no",
	}})
	d.Do("CONFIG", "SET", "appendonly", "yes")
	// Everything but administration.
	d.Do("ACL", "SETUSER", "worker", "on", ">secret", "~*", "&*", "+@all", "-@admin", "-@dangerous", "+info")
	return d
}

// TestGoRedis is the page with go-redis.
func TestGoRedis(t *testing.T) {
	d := start(t)
	for _, way := range []struct {
		name    string
		options *redis.Options
	}{
		{"RESP2", &redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", d.Port), Protocol: 2}},
		{"RESP3", &redis.Options{Addr: fmt.Sprintf("127.0.0.1:%d", d.Port), Protocol: 3}},
		{"a user over TLS", &redis.Options{
			Addr: fmt.Sprintf("127.0.0.1:%d", d.tlsPort), TLSConfig: d.authority.Client(nil), Username: "worker", Password: "secret",
		}},
	} {
		t.Run(way.name, func(t *testing.T) {
			d.Do("FLUSHALL")
			d.Do("FUNCTION", "FLUSH")
			d.Do("SCRIPT", "FLUSH")
			way.options.MaxRetries = -1 // what fails once is to be seen
			c := redis.NewClient(way.options)
			t.Cleanup(func() { check.NoErr(t, c.Close()) })
			for _, item := range page {
				t.Run(item.name, func(t *testing.T) { item.run(t, context.Background(), c) })
			}
		})
	}
}
