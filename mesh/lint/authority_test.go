package lint

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"strings"
	"testing"
	text "text/template"
	"time"
)

// authority issues the certificates of manifests: a root, an intermediate that it has signed, and leaves. Keys are made once for a name.
type authority struct {
	t            *testing.T
	root, middle issuer
	keys         map[string]*ecdsa.PrivateKey
	serial       int64
}

type issuer struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	a := &authority{t: t, keys: map[string]*ecdsa.PrivateKey{}}
	a.root.key, a.middle.key = a.newKey(), a.newKey()
	a.root.certificate = a.issue(a.ca("root"), issuer{key: a.root.key}, a.root.key)
	a.middle.certificate = a.issue(a.ca("intermediate"), a.root, a.middle.key)
	return a
}

func (a *authority) newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		a.t.Fatal(err)
	}
	return key
}

func (a *authority) ca(name string) *x509.Certificate {
	return &x509.Certificate{
		Subject: pkix.Name{CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
		NotBefore: checkedAt().Add(-10000 * time.Hour), NotAfter: checkedAt().Add(50000 * time.Hour),
	}
}

// issue signs with an issuer; with one that has no certificate yet, itself.
func (a *authority) issue(template *x509.Certificate, by issuer, key *ecdsa.PrivateKey) *x509.Certificate {
	a.serial++
	template.SerialNumber = big.NewInt(a.serial)
	parent := by.certificate
	if parent == nil {
		parent = template
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, by.key)
	if err != nil {
		a.t.Fatal(err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return c
}

func (a *authority) keyOf(name string) *ecdsa.PrivateKey {
	name = strings.TrimSpace(name)
	if a.keys[name] == nil {
		a.keys[name] = a.newKey()
	}
	return a.keys[name]
}

// leaf issues a certificate for one name. With public it says where its issuer is to be had, as those of public CAs do.
func (a *authority) leaf(name string, by issuer, from, to time.Duration, public bool) *x509.Certificate {
	template := &x509.Certificate{DNSNames: []string{strings.TrimSpace(name)}, NotBefore: checkedAt().Add(from), NotAfter: checkedAt().Add(to)}
	if public {
		template.IssuingCertificateURL = []string{"http://ca.example.com/intermediate.crt"}
	}
	return a.issue(template, by, a.keyOf(name))
}

// dated issues a certificate that is valid from and to a time before or after now, as in -24h.
func (a *authority) dated(name, from, to string) (*x509.Certificate, error) {
	start, err := time.ParseDuration(from)
	if err != nil {
		return nil, err
	}
	end, err := time.ParseDuration(to)
	return a.leaf(name, a.middle, start, end, false), err
}

const (
	yearAgo  = -8760 * time.Hour
	nextYear = 8760 * time.Hour
)

// functions are what manifests call. Each gives a value of a Secret's data.
func (a *authority) functions() text.FuncMap {
	return text.FuncMap{
		"root": func() string { return encoded(a.root.certificate) },
		"chain": func(name string) string {
			return encoded(a.leaf(name, a.middle, yearAgo, nextYear, true), a.middle.certificate)
		},
		"leaf":   func(name string) string { return encoded(a.leaf(name, a.middle, yearAgo, nextYear, true)) },
		"direct": func(name string) string { return encoded(a.leaf(name, a.root, yearAgo, nextYear, false)) },
		"self": func(name string) string {
			return encoded(a.leaf(name, issuer{key: a.keyOf(name)}, yearAgo, nextYear, false))
		},
		"disordered": func(name string) string {
			return encoded(a.leaf(name, a.middle, yearAgo, nextYear, true), a.root.certificate, a.middle.certificate)
		},
		"dated": func(name, from, to string) (string, error) {
			c, err := a.dated(name, from, to)
			return encoded(c, a.middle.certificate), err
		},
		"alone": func(name, from, to string) (string, error) {
			c, err := a.dated(name, from, to)
			return encoded(c), err
		},
		"key": func(name string) (string, error) {
			der, err := x509.MarshalPKCS8PrivateKey(a.keyOf(name))
			return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), err
		},
	}
}

func encoded(chain ...*x509.Certificate) string {
	var text []byte
	for _, c := range chain {
		text = append(text, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
	}
	return base64.StdEncoding.EncodeToString(text)
}
