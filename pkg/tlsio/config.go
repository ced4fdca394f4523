package tlsio

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"redisd/internal/clock"
	"redisd/internal/vfs"
)

// Auth says whether clients must show a certificate.
type Auth int

// What is asked of clients. A certificate that is shown must be trusted, except with
// AuthNo, which asks for none.
const (
	AuthNo Auth = iota
	AuthYes
	AuthOptional
)

// Options are what a Config is made from. Empty strings are what was not given.
type Options struct {
	CertFile, KeyFile, KeyPassword string
	CAFile, CADir                  string
	Auth                           Auth
	Protocols                      string // such as "TLSv1.2 TLSv1.3"; empty for these two
	Ciphers                        string // openssl's list, for TLS 1.2 and below
	Resume                         bool   // clients may resume sessions,
	ResumeSeconds                  int64  // for so long
}

// Part names the option that an error is about.
type Part string

// The parts.
const (
	PartCert      Part = "certificate"
	PartKey       Part = "key"
	PartCA        Part = "authority"
	PartCADir     Part = "authorities"
	PartProtocols Part = "protocols"
	PartCiphers   Part = "ciphers"
)

// ConfigError tells which option cannot be used, and why.
type ConfigError struct {
	Part Part
	File string // "" when the option names none
	Err  error
}

// Error has the part, the file and the reason.
func (e *ConfigError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("%s: %s", e.Part, e.Err)
	}
	return fmt.Sprintf("%s %s: %s", e.Part, e.File, e.Err)
}

// Unwrap returns the reason.
func (e *ConfigError) Unwrap() error { return e.Err }

// Config is what handshakes need. It does not change.
type Config struct {
	tls *tls.Config
}

// Reasons that do not come from a file.
var (
	errNotGiven    = errors.New("not given")
	errNoAuthority = errors.New("not given, and clients have to show certificates: give a file or a folder of authorities, or ask for none")
	errProtocols   = errors.New("a combination of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3 without a gap is needed")
)

// NewConfig reads the files. The error is a *ConfigError.
func NewConfig(fsys vfs.FS, o Options) (*Config, error) {
	// Records of full size from the start: the memory that crypto/tls would save
	// before a connection is warm is not worth the extra records.
	c := &tls.Config{DynamicRecordSizingDisabled: true, SessionTicketsDisabled: !o.Resume}
	for _, step := range []func(vfs.FS, *Options, *tls.Config) *ConfigError{
		setProtocols, setCiphers, setCertificate, setAuthorities,
	} {
		if err := step(fsys, &o, c); err != nil {
			return nil, err
		}
	}
	if o.Resume {
		limitSessions(c, o.ResumeSeconds)
	}
	return &Config{tls: c}, nil
}

func setProtocols(_ vfs.FS, o *Options, c *tls.Config) *ConfigError {
	c.MinVersion, c.MaxVersion = tls.VersionTLS12, tls.VersionTLS13
	if o.Protocols == "" {
		return nil
	}
	known := map[string]uint16{"tlsv1": tls.VersionTLS10, "tlsv1.1": tls.VersionTLS11, "tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13}
	var versions []uint16
	for _, word := range strings.Fields(strings.ToLower(o.Protocols)) {
		v, ok := known[word]
		if !ok {
			return &ConfigError{PartProtocols, "", errProtocols}
		}
		versions = append(versions, v)
	}
	slices.Sort(versions)
	versions = slices.Compact(versions)
	if len(versions) == 0 {
		return &ConfigError{PartProtocols, "", errProtocols}
	}
	c.MinVersion, c.MaxVersion = versions[0], versions[len(versions)-1]
	if int(c.MaxVersion-c.MinVersion) != len(versions)-1 {
		return &ConfigError{PartProtocols, "", errProtocols}
	}
	return nil
}

func setCiphers(_ vfs.FS, o *Options, c *tls.Config) *ConfigError {
	if o.Ciphers == "" {
		return nil
	}
	ids, err := parseCiphers(o.Ciphers)
	if err != nil {
		return &ConfigError{PartCiphers, "", err}
	}
	c.CipherSuites = ids
	return nil
}

func setCertificate(fsys vfs.FS, o *Options, c *tls.Config) *ConfigError {
	if o.CertFile == "" {
		return &ConfigError{PartCert, "", errNotGiven}
	}
	if o.KeyFile == "" {
		return &ConfigError{PartKey, "", errNotGiven}
	}
	cert, err := vfs.ReadFile(fsys, o.CertFile)
	if err == nil && len(authorities(cert)) == 0 {
		err = errNoCert
	}
	if err != nil {
		return &ConfigError{PartCert, o.CertFile, reasonOf(err)}
	}
	key, err := vfs.ReadFile(fsys, o.KeyFile)
	if err == nil {
		key, err = decryptKey(key, o.KeyPassword)
	}
	if err != nil {
		return &ConfigError{PartKey, o.KeyFile, reasonOf(err)}
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return &ConfigError{PartKey, o.KeyFile, pairReason(err, o.CertFile)}
	}
	c.Certificates = []tls.Certificate{pair}
	return nil
}

// pairReason puts crypto/tls's reason why a key does not belong to a certificate, or is
// none, into words.
func pairReason(err error, certFile string) error {
	text := strings.TrimPrefix(err.Error(), "tls: ")
	switch {
	case strings.Contains(text, "does not match"):
		return fmt.Errorf("it does not belong to the certificate in %s", certFile)
	case strings.Contains(text, "failed to find"):
		return errNoKey
	}
	return errors.New(text)
}

func setAuthorities(fsys vfs.FS, o *Options, c *tls.Config) *ConfigError {
	c.ClientAuth = map[Auth]tls.ClientAuthType{AuthYes: tls.RequireAndVerifyClientCert, AuthOptional: tls.VerifyClientCertIfGiven}[o.Auth]
	if o.CAFile == "" && o.CADir == "" {
		if o.Auth != AuthNo {
			return &ConfigError{PartCA, "", errNoAuthority}
		}
		return nil
	}
	c.ClientCAs = x509.NewCertPool()
	if o.CAFile != "" {
		if err := addAuthorities(fsys, o.CAFile, c.ClientCAs); err != nil {
			return &ConfigError{PartCA, o.CAFile, reasonOf(err)}
		}
	}
	if o.CADir == "" {
		return nil
	}
	entries, err := fsys.ReadDir(o.CADir)
	if err != nil {
		return &ConfigError{PartCADir, o.CADir, reasonOf(err)}
	}
	found := 0
	for _, e := range entries {
		if addAuthorities(fsys, filepath.Join(o.CADir, e.Name()), c.ClientCAs) == nil {
			found++
		}
	}
	if found == 0 && o.CAFile == "" {
		return &ConfigError{PartCADir, o.CADir, errNoCert}
	}
	return nil
}

// addAuthorities adds the certificates of a file, which must have one.
func addAuthorities(fsys vfs.FS, file string, pool *x509.CertPool) error {
	text, err := vfs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	certs := authorities(text)
	if len(certs) == 0 {
		return errNoCert
	}
	for _, cert := range certs {
		pool.AddCert(cert)
	}
	return nil
}

// sessionTime is the length of the time that limitSessions puts into a session.
const sessionTime = 8

// limitSessions makes a session that is older than so many seconds one that cannot be
// resumed. crypto/tls itself has a week.
func limitSessions(c *tls.Config, seconds int64) {
	now := func() int64 { return clock.System().Now().Unix() }
	c.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
		ss.Extra = [][]byte{binary.BigEndian.AppendUint64(nil, uint64(now()))}
		return c.EncryptTicket(cs, ss)
	}
	c.UnwrapSession = func(identity []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
		ss, err := c.DecryptTicket(identity, cs)
		if err != nil || ss == nil || len(ss.Extra) != 1 || len(ss.Extra[0]) != sessionTime {
			return nil, err
		}
		if now()-int64(binary.BigEndian.Uint64(ss.Extra[0])) >= seconds {
			return nil, nil
		}
		return ss, nil
	}
}
