package tlsio_test

import (
	"crypto/tls"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"redisd/internal/check"
	"redisd/internal/vfs"
	"redisd/pkg/tlsio"
	"redisd/test/cert"
)

// TestConfigErrors name the option and the file.
func TestConfigErrors(t *testing.T) {
	p := newPKI(t)
	junk := filepath.Join(t.TempDir(), "junk")
	check.NoErr(t, os.WriteFile(junk, []byte("junk\n"), 0o600))
	empty := t.TempDir()
	for _, tt := range []struct {
		name   string
		change func(o *tlsio.Options)
		part   tlsio.Part
		file   string
		text   string
	}{
		{"no certificate", func(o *tlsio.Options) { o.CertFile = "" }, tlsio.PartCert, "", "not given"},
		{"no key", func(o *tlsio.Options) { o.KeyFile = "" }, tlsio.PartKey, "", "not given"},
		{"certificate missing", func(o *tlsio.Options) { o.CertFile = "/no/such" }, tlsio.PartCert, "/no/such", "no such file or directory"},
		{"certificate is none", func(o *tlsio.Options) { o.CertFile = junk }, tlsio.PartCert, junk, "there is no certificate in PEM form"},
		{"key missing", func(o *tlsio.Options) { o.KeyFile = "/no/such" }, tlsio.PartKey, "/no/such", "no such file or directory"},
		{"key is none", func(o *tlsio.Options) { o.KeyFile = junk }, tlsio.PartKey, junk, "there is no private key in PEM form"},
		{"key of another", func(o *tlsio.Options) { o.KeyFile = p.client.KeyFile }, tlsio.PartKey, p.client.KeyFile, "it does not belong to the certificate in " + p.server.CertFile},
		{"authority wanted", func(o *tlsio.Options) { o.CAFile, o.Auth = "", tlsio.AuthYes }, tlsio.PartCA, "", "not given, and clients have to show certificates: give a file or a folder of authorities, or ask for none"},
		{"authority is none", func(o *tlsio.Options) { o.CAFile = junk }, tlsio.PartCA, junk, "there is no certificate in PEM form"},
		{"folder missing", func(o *tlsio.Options) { o.CADir = "/no/such" }, tlsio.PartCADir, "/no/such", "no such file or directory"},
		{"folder empty", func(o *tlsio.Options) { o.CAFile, o.CADir = "", empty }, tlsio.PartCADir, empty, "there is no certificate in PEM form"},
		{"protocol unknown", func(o *tlsio.Options) { o.Protocols = "SSLv3" }, tlsio.PartProtocols, "", "a combination of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3 without a gap is needed"},
		{"protocols with a gap", func(o *tlsio.Options) { o.Protocols = "TLSv1.1 TLSv1.3" }, tlsio.PartProtocols, "", "a combination of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3 without a gap is needed"},
		{"ciphers unknown", func(o *tlsio.Options) { o.Ciphers = "NONE" }, tlsio.PartCiphers, "", `no cipher matches "NONE"`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := p.options()
			tt.change(&o)
			_, err := tlsio.NewConfig(vfs.OS(), o)
			var ce *tlsio.ConfigError
			check.True(t, errors.As(err, &ce), "refused")
			check.Eq(t, ce.Part, tt.part)
			check.Eq(t, ce.File, tt.file)
			check.Eq(t, ce.Err.Error(), tt.text)
		})
	}
}

// shake makes a handshake and gives what each side says of it.
func shake(t *testing.T, o tlsio.Options, client *tls.Config) (state tls.ConnectionState, serverErr, clientErr error) {
	t.Helper()
	e := newEnds(t)
	_, done := e.accept(t, o, patience)
	peer := tls.Client(e.peer, client)
	clientErr = peer.Handshake()
	if clientErr != nil {
		e.peer.Close()
	}
	r := <-done
	return peer.ConnectionState(), r.err, clientErr
}

// TestClientCertificates: the three modes with a trusted certificate, with one of
// somebody else, and with none.
func TestClientCertificates(t *testing.T) {
	p := newPKI(t)
	other, err := cert.NewAuthority(t.TempDir(), "other")
	check.NoErr(t, err)
	stranger, err := other.Issue("stranger")
	check.NoErr(t, err)
	folder := t.TempDir()
	text, err := os.ReadFile(p.authority.File)
	check.NoErr(t, err)
	check.NoErr(t, os.WriteFile(filepath.Join(folder, "0a1b2c3d.0"), text, 0o600))
	for _, tt := range []struct {
		name                   string
		auth                   tlsio.Auth
		trusted, foreign, none bool
	}{
		{"no", tlsio.AuthNo, true, true, true},
		{"yes", tlsio.AuthYes, true, false, false},
		{"optional", tlsio.AuthOptional, true, false, true},
	} {
		for _, shown := range []struct {
			name string
			pair *cert.Pair
			want bool
		}{{"trusted", p.client, tt.trusted}, {"foreign", stranger, tt.foreign}, {"none", nil, tt.none}} {
			t.Run(tt.name+" "+shown.name, func(t *testing.T) {
				o := p.options()
				o.Auth = tt.auth
				_, err, _ := shake(t, o, p.authority.Client(shown.pair))
				check.Eq(t, err == nil, shown.want)
				o.CAFile, o.CADir = "", folder
				_, err, _ = shake(t, o, p.authority.Client(shown.pair))
				check.Eq(t, err == nil, shown.want)
			})
		}
	}
}

// TestProtocols: the version is the highest that both allow.
func TestProtocols(t *testing.T) {
	p := newPKI(t)
	for _, tt := range []struct {
		server   string
		min, max uint16
		want     uint16 // 0: none
	}{
		{"", tls.VersionTLS10, tls.VersionTLS13, tls.VersionTLS13},
		{"", tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS12},
		{"", tls.VersionTLS10, tls.VersionTLS11, 0},
		{"TLSv1.2", tls.VersionTLS13, tls.VersionTLS13, 0},
		{"tlsv1.2", tls.VersionTLS12, tls.VersionTLS13, tls.VersionTLS12},
		{"TLSv1.3", tls.VersionTLS12, tls.VersionTLS12, 0},
		{"TLSv1.2 TLSv1.1 TLSv1", tls.VersionTLS10, tls.VersionTLS11, tls.VersionTLS11},
	} {
		o := p.options()
		o.Protocols = tt.server
		client := p.authority.Client(nil)
		client.MinVersion, client.MaxVersion = tt.min, tt.max
		state, serverErr, clientErr := shake(t, o, client)
		check.Eq(t, serverErr == nil && clientErr == nil, tt.want != 0)
		if tt.want != 0 {
			check.Eq(t, state.Version, tt.want)
		}
	}
}

// TestCiphers: lists in openssl's form choose what TLS 1.2 may use.
func TestCiphers(t *testing.T) {
	p := newPKI(t) // with keys of elliptic curves
	const (
		gcm128 = tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256
		gcm256 = tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384
		chacha = tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256
	)
	for _, tt := range []struct {
		list  string
		offer uint16
		want  bool
	}{
		{"", gcm128, true},
		{"DEFAULT", gcm128, true},
		{"DEFAULT:@STRENGTH", gcm256, true},
		{"DEFAULT:-ECDHE-ECDSA-AES128-GCM-SHA256", gcm128, false},
		{"DEFAULT:-AES128:AES128", gcm128, true},
		{"DEFAULT:!AES128:AES128", gcm128, false},
		{"ECDHE+AESGCM", gcm256, true},
		{"ECDHE+AESGCM", chacha, false},
		{"CHACHA20:no-such-thing", chacha, true},
		{"ECDHE-ECDSA-AES256-GCM-SHA384,ECDHE-ECDSA-CHACHA20-POLY1305", gcm256, true},
		{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", gcm256, true},
		{"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384", gcm128, false},
	} {
		o := p.options()
		o.Protocols, o.Ciphers = "TLSv1.2", tt.list
		client := p.authority.Client(nil)
		client.CipherSuites = []uint16{tt.offer}
		state, err, _ := shake(t, o, client)
		if got := err == nil && state.CipherSuite == tt.offer; got != tt.want {
			t.Errorf("%q and %s: got %v, want %v", tt.list, tls.CipherSuiteName(tt.offer), got, tt.want)
		}
	}
}

// TestResumption of sessions, in both versions that have it: as configured.
func TestResumption(t *testing.T) {
	p := newPKI(t)
	for _, tt := range []struct {
		name    string
		resume  bool
		seconds int64
		want    bool
	}{
		{"yes", true, 300, true},
		{"no", false, 300, false},
		{"too old", true, 0, false},
	} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			t.Run(tt.name+" "+tls.VersionName(version), func(t *testing.T) {
				o := p.options()
				o.Resume, o.ResumeSeconds = tt.resume, tt.seconds
				cfg, err := tlsio.NewConfig(vfs.OS(), o)
				check.NoErr(t, err)
				client := p.authority.Client(nil)
				client.MaxVersion, client.ClientSessionCache = version, tls.NewLRUClientSessionCache(1)
				for i := range 2 {
					e := newEnds(t)
					done := make(chan result, 1)
					_, err = tlsio.Accept(e.fd, cfg, tlsio.NewBuffers(), patience, func(c *tlsio.Conn, err error) { done <- result{c, err} })
					check.NoErr(t, err)
					peer := tls.Client(e.peer, client)
					check.NoErr(t, peer.Handshake())
					r := <-done
					check.NoErr(t, r.err)
					check.Eq(t, peer.ConnectionState().DidResume, i == 1 && tt.want)
					writeAll(t, e, r.conn, []byte("x"))
					_, err = peer.Read(make([]byte, 1)) // takes the tickets too
					check.NoErr(t, err)
				}
			})
		}
	}
}

// TestEncryptedKey: keys as openssl encrypts them, in its new form and its old one.
func TestEncryptedKey(t *testing.T) {
	openssl, err := exec.LookPath("openssl")
	if err != nil {
		t.Fatal("openssl is missing, and this test needs it to encrypt keys")
	}
	p := newPKI(t)
	for _, tt := range []struct {
		name string
		args []string
	}{
		{"PKCS 8, AES-256", []string{"pkcs8", "-topk8", "-v2", "aes-256-cbc"}},
		{"PKCS 8, AES-128, SHA-1", []string{"pkcs8", "-topk8", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"}},
		{"PKCS 8, AES-192, SHA-512", []string{"pkcs8", "-topk8", "-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"}},
		{"with DEK-Info", []string{"ec", "-aes256"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			o := p.options()
			o.KeyFile = filepath.Join(t.TempDir(), "key")
			out, err := exec.Command(openssl, append(tt.args, "-in", p.server.KeyFile, "-out", o.KeyFile, "-passout", "pass:1234")...).CombinedOutput()
			if err != nil {
				t.Fatalf("openssl: %s: %s", err, out)
			}
			for password, want := range map[string]string{
				"":     "the key is encrypted and there is no password for it",
				"1235": "the password of the key is wrong",
				"1234": "",
			} {
				o.KeyPassword = password
				_, err := tlsio.NewConfig(vfs.OS(), o)
				if want == "" {
					check.NoErr(t, err)
					continue
				}
				check.ErrContains(t, err, want)
			}
		})
	}
}
