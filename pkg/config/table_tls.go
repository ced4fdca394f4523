package config

// This file holds the rows of [tls]. Bounds and defaults are those of Redis 7.2.

import "math"

// tlsRows is the table [tls].
func tlsRows() []Directive {
	return []Directive{
		{ID: TLSPort, Name: "tls-port", Kind: KindInt, Default: "0", Max: 65535,
			Doc: "Port for encrypted connections; 0 for none. With port 0 there are no others."},
		{ID: TLSCertFile, Name: "tls-cert-file", Kind: KindString, Flags: Volatile,
			Doc: "Certificate of the server in PEM form, those between it and the authority behind it. CONFIG SET reads the file again."},
		{ID: TLSKeyFile, Name: "tls-key-file", Kind: KindString, Flags: Volatile,
			Doc: "Its private key."},
		{ID: TLSKeyFilePass, Name: "tls-key-file-pass", Kind: KindString, Flags: Sensitive,
			Doc: "Password of that key."},
		{ID: TLSClientCertFile, Name: "tls-client-cert-file", Kind: KindString, Flags: Volatile, Inert: notOutgoing,
			Doc: "Certificate for connections the server opens."},
		{ID: TLSClientKeyFile, Name: "tls-client-key-file", Kind: KindString, Flags: Volatile, Inert: notOutgoing,
			Doc: "Its private key."},
		{ID: TLSClientKeyFilePass, Name: "tls-client-key-file-pass", Kind: KindString, Flags: Sensitive, Inert: notOutgoing,
			Doc: "Password of that key."},
		{ID: TLSDHParamsFile, Name: "tls-dh-params-file", Kind: KindString, Flags: Volatile, Inert: goTLS,
			Doc: "Parameters of the Diffie-Hellman exchange."},
		{ID: TLSCACertFile, Name: "tls-ca-cert-file", Kind: KindString, Flags: Volatile,
			Doc: "Authorities whose certificates are accepted from clients, in one file."},
		{ID: TLSCACertDir, Name: "tls-ca-cert-dir", Kind: KindString, Flags: Volatile,
			Doc: "Such authorities in a folder, any number of files."},
		{ID: TLSAuthClients, Name: "tls-auth-clients", Kind: KindEnum, Default: "yes", Enum: enum("no", "yes", "optional"),
			Doc: "Whether clients must show a certificate: no, yes, or optional."},
		{ID: TLSReplication, Name: "tls-replication", Kind: KindBool, Default: "no", Inert: notOutgoing,
			Doc: "Encrypts the link to the master."},
		{ID: TLSCluster, Name: "tls-cluster", Kind: KindBool, Default: "no",
			Doc: "Wants what is sent to other servers encrypted, which is not part of this version: with yes, MIGRATE is refused."},
		{ID: TLSProtocols, Name: "tls-protocols", Kind: KindString,
			Doc: "Versions of the protocol to allow, of TLSv1 TLSv1.1 TLSv1.2 TLSv1.3 without a gap; empty for the last two."},
		{ID: TLSCiphers, Name: "tls-ciphers", Kind: KindString,
			Doc: "Ciphers for TLS 1.2 and below, in the form of openssl; empty for those that Go holds to be good."},
		{ID: TLSCipherSuites, Name: "tls-ciphersuites", Kind: KindString, Inert: goTLS,
			Doc: "Ciphers for TLS 1.3."},
		{ID: TLSPreferServerCiphers, Name: "tls-prefer-server-ciphers", Kind: KindBool, Default: "no", Inert: goTLS,
			Doc: "Takes the server's order of ciphers instead of the client's."},
		{ID: TLSSessionCaching, Name: "tls-session-caching", Kind: KindBool, Default: "yes",
			Doc: "Lets clients resume sessions, by tickets that the server need not remember."},
		{ID: TLSSessionCacheSize, Name: "tls-session-cache-size", Kind: KindInt, Default: "20480", Max: math.MaxInt32, Inert: goTLS,
			Doc: "Sessions to remember."},
		{ID: TLSSessionCacheTimeout, Name: "tls-session-cache-timeout", Kind: KindInt, Default: "300", Max: math.MaxInt32,
			Doc: "Seconds for which a session can be resumed."},
	}
}
