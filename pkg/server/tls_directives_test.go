package server_test

import (
	"bufio"
	"crypto/tls"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"redisd/internal/check"
	"redisd/pkg/resp"
	"redisd/test/cert"
)

// greeting is how a client greets a server: what it is ready for, and what comes of it.
type greeting struct {
	name string
	with func(c *tls.Config)
	want string // refused, or what was agreed on
}

// greet connects as a client that shows pair and gives what came of it: the version, the
// cipher below TLS 1.3, and whether it resumed a session.
func (r *tlsRig) greet(pair *cert.Pair, with func(c *tls.Config)) string {
	r.t.Helper()
	c := r.authority.Client(pair)
	with(c)
	conn := tls.Client(r.tcp(), c)
	defer conn.Close()
	if _, err := conn.Write(resp.AppendCommandStrings(nil, "PING")); err != nil {
		return "refused"
	}
	if reply, err := resp.ReadReply(bufio.NewReader(conn)); err != nil || reply.Text != "PONG" {
		return "refused"
	}
	s := conn.ConnectionState()
	said := tls.VersionName(s.Version)
	if s.Version < tls.VersionTLS13 {
		said += " " + strings.TrimPrefix(tls.CipherSuiteName(s.CipherSuite), "TLS_ECDHE_ECDSA_WITH_")
	}
	if s.DidResume {
		said += " resumed"
	}
	return said
}

// Directives of TLS, set while the server runs, decide about the next handshake; set back
// they do so again.
func TestTLSDirectives(t *testing.T) {
	r := startTLS(t, rigOptions{})
	other, err := cert.NewAuthority(t.TempDir(), "other")
	check.NoErr(t, err)
	stranger, err := other.Issue("stranger")
	check.NoErr(t, err)
	folder := t.TempDir()
	text, err := os.ReadFile(other.File)
	check.NoErr(t, err)
	check.NoErr(t, os.WriteFile(filepath.Join(folder, "one.pem"), text, 0o600))
	check.NoErr(t, os.WriteFile(filepath.Join(folder, "README"), []byte("not a certificate"), 0o600))

	upTo := func(min, max uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = min, max }
	}
	offers := func(suites ...uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, suites }
	}
	any := func(*tls.Config) {}
	const (
		v10, v11, v12, v13 = tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS12, tls.VersionTLS13
		gcm128, gcm256     = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
		cbc128             = tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA
		chacha             = tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
	)
	tests := []struct {
		name, value, back string
		shows             *cert.Pair
		set, unset        greeting
	}{
		{"tls-ca-cert-dir", folder, "", stranger, greeting{"", any, "TLS 1.3"}, greeting{"", any, "refused"}},
		{"tls-ca-cert-file", other.File, r.authority.File, stranger, greeting{"", any, "TLS 1.3"}, greeting{"", any, "refused"}},
		{"tls-protocols", "TLSv1.2", "", r.client, greeting{"new", any, "TLS 1.2 AES_128_GCM_SHA256"}, greeting{"new", any, "TLS 1.3"}},
		{"tls-protocols", "TLSv1.3", "", r.client, greeting{"old", upTo(v10, v12), "refused"}, greeting{"old", upTo(v10, v12), "TLS 1.2 AES_128_GCM_SHA256"}},
		{"tls-protocols", "TLSv1.1 TLSv1.2", "", r.client, greeting{"very old", upTo(v10, v11), "TLS 1.1 AES_128_CBC_SHA"}, greeting{"very old", upTo(v10, v11), "refused"}},
		{"tls-ciphers", "AES256", "", r.client, greeting{"one", offers(gcm128), "refused"}, greeting{"one", offers(gcm128), "TLS 1.2 AES_128_GCM_SHA256"}},
		{"tls-ciphers", "AES256", "", r.client, greeting{"some", offers(gcm128, gcm256, chacha), "TLS 1.2 AES_256_GCM_SHA384"}, greeting{"some", offers(gcm256), "TLS 1.2 AES_256_GCM_SHA384"}},
		{"tls-ciphers", "ALL:!AESGCM:!CHACHA20", "", r.client, greeting{"CBC", offers(gcm128, cbc128), "TLS 1.2 AES_128_CBC_SHA"}, greeting{"CBC", offers(gcm128, cbc128), "TLS 1.2 AES_128_GCM_SHA256"}},
		{"tls-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256", "", r.client, greeting{"no effect", any, "TLS 1.3"}, greeting{"no effect", any, "TLS 1.3"}},
		{"tls-auth-clients", "no", "yes", nil, greeting{"", any, "TLS 1.3"}, greeting{"", any, "refused"}},
	}
	admin := r.dial()
	for _, tt := range tests {
		t.Run(tt.name+" "+tt.set.name, func(t *testing.T) {
			for range 2 {
				check.Eq(t, r.greet(tt.shows, tt.unset.with), tt.unset.want)
				admin.ok("CONFIG", "SET", tt.name, tt.value)
				check.Eq(t, r.greet(tt.shows, tt.set.with), tt.set.want)
				admin.ok("CONFIG", "SET", tt.name, tt.back)
			}
		})
	}

	t.Run("sessions", func(t *testing.T) {
		for _, tt := range []struct {
			caching, timeout string
			resumed          bool
		}{{"yes", "300", true}, {"no", "300", false}, {"yes", "0", false}, {"yes", "300", true}} {
			admin.ok("CONFIG", "SET", "tls-session-caching", tt.caching, "tls-session-cache-timeout", tt.timeout)
			for _, version := range []uint16{v12, v13} {
				cache := tls.NewLRUClientSessionCache(1)
				with := func(c *tls.Config) { c.MaxVersion, c.ClientSessionCache = version, cache }
				check.True(t, !strings.HasSuffix(r.greet(r.client, with), "resumed"), "the first has nothing to resume")
				check.Eq(t, strings.HasSuffix(r.greet(r.client, with), "resumed"), tt.resumed)
			}
		}
	})

	t.Run("tls-key-file-pass", func(t *testing.T) {
		key := filepath.Join(t.TempDir(), "key")
		out, err := exec.Command("openssl", "pkcs8", "-topk8", "-v2", "aes-256-cbc", "-in", r.second.KeyFile, "-out", key, "-passout", "pass:1234").CombinedOutput()
		if err != nil {
			t.Fatalf("openssl: %s: %s", err, out)
		}
		shown := func() string {
			return r.secure(r.client).conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
		}
		check.Contains(t, admin.refused("CONFIG", "SET", "tls-cert-file", r.second.CertFile, "tls-key-file", key), "the key is encrypted and there is no password for it")
		check.Contains(t, admin.refused("CONFIG", "SET", "tls-cert-file", r.second.CertFile, "tls-key-file", key, "tls-key-file-pass", "1235"), "the password of the key is wrong")
		check.Eq(t, shown(), "server")
		admin.ok("CONFIG", "SET", "tls-cert-file", r.second.CertFile, "tls-key-file", key, "tls-key-file-pass", "1234")
		check.Eq(t, shown(), "second")
		check.Contains(t, admin.refused("CONFIG", "SET", "tls-key-file-pass", ""), "the key is encrypted")
		check.Eq(t, shown(), "second")
		admin.ok("CONFIG", "SET", "tls-cert-file", r.server.CertFile, "tls-key-file", r.server.KeyFile, "tls-key-file-pass", "")
		check.Eq(t, shown(), "server")
	})
}
