package tlsio

import (
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
)

// suite is a cipher suite of TLS 1.2 and below: openssl's name, and the words by which
// openssl's lists may mean it.
type suite struct {
	id    uint16
	name  string
	words string // blank at both ends
}

// suites returns what crypto/tls has, in openssl's names. RC4 and 3DES are left out:
// openssl has them no more.
func suites() []suite {
	return []suite{
		{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", " ECDHE EECDH ECDSA aECDSA AES AES256 AESGCM SHA384 TLSv1.2 "},
		{tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", " ECDHE EECDH aRSA AES AES256 AESGCM SHA384 TLSv1.2 "},
		{tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", " ECDHE EECDH ECDSA aECDSA CHACHA20 TLSv1.2 "},
		{tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", " ECDHE EECDH aRSA CHACHA20 TLSv1.2 "},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", " ECDHE EECDH ECDSA aECDSA AES AES128 AESGCM SHA256 TLSv1.2 "},
		{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", " ECDHE EECDH aRSA AES AES128 AESGCM SHA256 TLSv1.2 "},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256, "ECDHE-ECDSA-AES128-SHA256", " ECDHE EECDH ECDSA aECDSA AES AES128 SHA256 TLSv1.2 "},
		{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256, "ECDHE-RSA-AES128-SHA256", " ECDHE EECDH aRSA AES AES128 SHA256 TLSv1.2 "},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA, "ECDHE-ECDSA-AES256-SHA", " ECDHE EECDH ECDSA aECDSA AES AES256 SHA SHA1 TLSv1 "},
		{tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, "ECDHE-RSA-AES256-SHA", " ECDHE EECDH aRSA AES AES256 SHA SHA1 TLSv1 "},
		{tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA, "ECDHE-ECDSA-AES128-SHA", " ECDHE EECDH ECDSA aECDSA AES AES128 SHA SHA1 TLSv1 "},
		{tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA, "ECDHE-RSA-AES128-SHA", " ECDHE EECDH aRSA AES AES128 SHA SHA1 TLSv1 "},
		{tls.TLS_RSA_WITH_AES_256_GCM_SHA384, "AES256-GCM-SHA384", " RSA kRSA aRSA AES AES256 AESGCM SHA384 TLSv1.2 "},
		{tls.TLS_RSA_WITH_AES_128_GCM_SHA256, "AES128-GCM-SHA256", " RSA kRSA aRSA AES AES128 AESGCM SHA256 TLSv1.2 "},
		{tls.TLS_RSA_WITH_AES_128_CBC_SHA256, "AES128-SHA256", " RSA kRSA aRSA AES AES128 SHA256 TLSv1.2 "},
		{tls.TLS_RSA_WITH_AES_256_CBC_SHA, "AES256-SHA", " RSA kRSA aRSA AES AES256 SHA SHA1 TLSv1 "},
		{tls.TLS_RSA_WITH_AES_128_CBC_SHA, "AES128-SHA", " RSA kRSA aRSA AES AES128 SHA SHA1 TLSv1 "},
	}
}

// means tells whether an element of a list, such as ECDHE+AESGCM, means the suite.
func (s *suite) means(element string) bool {
	switch element {
	case "DEFAULT", "ALL", "HIGH", "COMPLEMENTOFDEFAULT":
		return element != "COMPLEMENTOFDEFAULT"
	case s.name, tls.CipherSuiteName(s.id):
		return true
	}
	for _, word := range strings.Split(element, "+") {
		if !strings.Contains(s.words, " "+word+" ") {
			return false
		}
	}
	return true
}

// parseCiphers reads an openssl list of ciphers: elements between colons, commas or
// blanks, with - for less and ! for never. Elements that mean nothing are passed over,
// as openssl does; a list that means nothing is an error. The order has no effect.
func parseCiphers(list string) ([]uint16, error) {
	all := suites()
	var ids []uint16
	never := map[uint16]bool{}
	split := func(r rune) bool { return strings.ContainsRune(":, ;", r) }
	for _, element := range strings.FieldsFunc(list, split) {
		op := byte(0)
		if strings.IndexByte("-!+@", element[0]) >= 0 {
			op, element = element[0], element[1:]
		}
		for i := range all {
			s := &all[i]
			if op == '+' || op == '@' || !s.means(element) { // orders what is there
				continue
			}
			ids = slices.DeleteFunc(ids, func(id uint16) bool { return id == s.id })
			switch {
			case op == '!':
				never[s.id] = true
			case op == 0 && !never[s.id]:
				ids = append(ids, s.id)
			}
		}
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("no cipher matches %q", list)
	}
	return ids, nil
}
