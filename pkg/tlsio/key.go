package tlsio

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"hash"
	"io/fs"
)

// Here: private keys that are encrypted with a password, in the two forms that openssl
// writes. crypto/tls takes neither.

var (
	errNoPassword = errors.New("the key is encrypted and there is no password for it")
	errPassword   = errors.New("the password of the key is wrong")
	errCipher     = errors.New("the key is encrypted in a way that is not supported: PBES2 with PBKDF2 and AES-CBC is")
	errNoKey      = errors.New("there is no private key in PEM form")
	errNoCert     = errors.New("there is no certificate in PEM form")
	oidPBES2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
)

// mostIterations bounds what a file can make the derivation of its key cost.
const mostIterations = 10_000_000

// decryptKey returns the file with its private key decrypted, or as it is when the key
// is not encrypted.
func decryptKey(file []byte, password string) ([]byte, error) {
	for rest := file; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			return file, nil
		}
		var der []byte
		var err error
		kind := block.Type
		switch {
		case kind == "ENCRYPTED PRIVATE KEY":
			kind = "PRIVATE KEY"
			der, err = decryptPKCS8(block.Bytes, password)
		case block.Headers["DEK-Info"] != "":
			der, err = decryptLegacy(block, password)
		default:
			continue
		}
		if err != nil {
			return nil, err
		}
		return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), nil
	}
}

// decryptLegacy is for keys with a DEK-Info line, which openssl 1 wrote.
func decryptLegacy(block *pem.Block, password string) ([]byte, error) {
	if password == "" {
		return nil, errNoPassword
	}
	//lint:ignore SA1019 the form is weak, and it is what existing files have
	der, err := x509.DecryptPEMBlock(block, []byte(password))
	if err != nil {
		return nil, errPassword
	}
	return der, nil
}

// encryptedKey is EncryptedPrivateKeyInfo of RFC 5958.
type encryptedKey struct {
	Algorithm pkix.AlgorithmIdentifier
	Data      []byte
}

// pbes2 is PBES2-params of RFC 8018.
type pbes2 struct {
	Derivation, Scheme pkix.AlgorithmIdentifier
}

// pbkdf2Params is PBKDF2-params.
type pbkdf2Params struct {
	Salt       []byte
	Iterations int
	KeyLength  int                      `asn1:"optional"`
	Function   pkix.AlgorithmIdentifier `asn1:"optional"`
}

// hashOf returns the hash of a pseudo-random function; the default is SHA-1.
func hashOf(function asn1.ObjectIdentifier) func() hash.Hash {
	switch function.String() {
	case "", "1.2.840.113549.2.7":
		return sha1.New
	case "1.2.840.113549.2.9":
		return sha256.New
	case "1.2.840.113549.2.10":
		return sha512.New384
	case "1.2.840.113549.2.11":
		return sha512.New
	}
	return nil
}

// keySizeOf returns the size of an AES-CBC scheme's key in bytes, 0 for other schemes.
func keySizeOf(scheme asn1.ObjectIdentifier) int {
	return map[string]int{
		"2.16.840.1.101.3.4.1.2": 16, "2.16.840.1.101.3.4.1.22": 24, "2.16.840.1.101.3.4.1.42": 32,
	}[scheme.String()]
}

func decryptPKCS8(der []byte, password string) ([]byte, error) {
	if password == "" {
		return nil, errNoPassword
	}
	var info encryptedKey
	var scheme pbes2
	var kdf pbkdf2Params
	var iv []byte
	if !unmarshal(der, &info) || !info.Algorithm.Algorithm.Equal(oidPBES2) ||
		!unmarshal(info.Algorithm.Parameters.FullBytes, &scheme) || !scheme.Derivation.Algorithm.Equal(oidPBKDF2) ||
		!unmarshal(scheme.Derivation.Parameters.FullBytes, &kdf) || !unmarshal(scheme.Scheme.Parameters.FullBytes, &iv) {
		return nil, errCipher
	}
	h, size := hashOf(kdf.Function.Algorithm), keySizeOf(scheme.Scheme.Algorithm)
	if h == nil || size == 0 || len(iv) != aes.BlockSize || kdf.Iterations < 1 || kdf.Iterations > mostIterations {
		return nil, errCipher
	}
	key, err := pbkdf2.Key(h, password, kdf.Salt, kdf.Iterations, size)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	data := info.Data
	if len(data) == 0 || len(data)%aes.BlockSize != 0 {
		return nil, errCipher
	}
	plain := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, data)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, errPassword
	}
	plain = plain[:len(plain)-pad]
	if _, err := x509.ParsePKCS8PrivateKey(plain); err != nil {
		return nil, errPassword
	}
	return plain, nil
}

func unmarshal(der []byte, into any) bool {
	rest, err := asn1.Unmarshal(der, into)
	return err == nil && len(rest) == 0
}

// authorities returns the certificates of a PEM file. Blocks of other kinds, and what
// is no certificate, are passed over.
func authorities(text []byte) []*x509.Certificate {
	var certs []*x509.Certificate
	for {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return certs
		}
		if block.Type != "CERTIFICATE" && block.Type != "TRUSTED CERTIFICATE" {
			continue
		}
		if cert, err := x509.ParseCertificate(block.Bytes); err == nil {
			certs = append(certs, cert)
		}
	}
}

// reasonOf is why a file could not be used, without its name.
func reasonOf(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
