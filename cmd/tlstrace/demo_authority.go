package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"time"
)

// demoName is the name that the demo's servers have in their certificates, and otherName the wrong one; .test is nobody's (RFC 6761
// section 6.2).
const (
	demoName  = "payments.demo.test"
	otherName = "orders.demo.test"
)

// authority is a certificate authority that lives for one demo, in memory only.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	der  []byte
}

// pair is a certificate with its key, as it travels to the demo's peers.
type pair struct {
	Cert string `json:"cert"` // PEM
	Key  string `json:"key"`  // PEM
}

// leaf says what a certificate is to be like.
type leaf struct {
	name     string
	from, to time.Time
	selfMade bool // signed with its own key, not by the authority
}

func newAuthority(name string, now time.Time) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("making a key for %s: %w", name, err)
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: name},
		NotBefore:             now.Add(-time.Hour),
		NotAfter:              now.Add(24 * time.Hour),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("making the authority %s: %w", name, err)
	}
	cert, err := x509.ParseCertificate(der)
	return &authority{cert: cert, key: key, der: der}, err
}

// issue makes a certificate for servers and clients alike.
func (a *authority) issue(l leaf) (pair, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return pair{}, fmt.Errorf("making a key for %s: %w", l.name, err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: l.name},
		DNSNames:     []string{l.name},
		NotBefore:    l.from,
		NotAfter:     l.to,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	parent, signer := a.cert, a.key
	if l.selfMade {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return pair{}, fmt.Errorf("making a certificate for %s: %w", l.name, err)
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	return pair{Cert: encodePEM("CERTIFICATE", der), Key: encodePEM("PRIVATE KEY", keyDER)}, err
}

// kit is all that the two ends of made handshakes need to know. The demo hands it over a pipe; it never touches a disk.
type kit struct {
	Name    string            `json:"name"`    // that the clients ask for
	Trusted string            `json:"trusted"` // the authority that both sides trust, PEM
	Pairs   map[string]pair   `json:"pairs"`
	Servers map[string]string `json:"servers,omitempty"` // scenario -> address; known once the servers listen
}

// The pairs of a kit.
const (
	pairGood        = "good"
	pairExpired     = "expired"
	pairNotYetValid = "not yet valid"
	pairSelfSigned  = "self-signed"
	pairOtherCA     = "other CA"
	pairOtherName   = "other name"
)

// newKit makes the certificates of servers that are asked for a name. It may begin with a * for all names below a domain.
func newKit(name, other string, now time.Time) (kit, error) {
	trusted, err := newAuthority("CA of "+name, now)
	if err != nil {
		return kit{}, err
	}
	stranger, err := newAuthority("CA nobody trusts", now)
	if err != nil {
		return kit{}, err
	}
	hourAgo, tomorrow := now.Add(-time.Hour), now.Add(24*time.Hour)
	k := kit{Name: name, Trusted: encodePEM("CERTIFICATE", trusted.der), Pairs: map[string]pair{}}
	for which, made := range map[string]struct {
		by *authority
		leaf
	}{
		pairGood:        {trusted, leaf{name: name, from: hourAgo, to: tomorrow}},
		pairExpired:     {trusted, leaf{name: name, from: now.Add(-48 * time.Hour), to: hourAgo}},
		pairNotYetValid: {trusted, leaf{name: name, from: now.Add(time.Hour), to: tomorrow}},
		pairSelfSigned:  {trusted, leaf{name: name, from: hourAgo, to: tomorrow, selfMade: true}},
		pairOtherCA:     {stranger, leaf{name: name, from: hourAgo, to: tomorrow}},
		pairOtherName:   {trusted, leaf{name: other, from: hourAgo, to: tomorrow}},
	} {
		if k.Pairs[which], err = made.by.issue(made.leaf); err != nil {
			return kit{}, err
		}
	}
	return k, nil
}

// pool is the authority that both sides trust.
func (k kit) pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM([]byte(k.Trusted))
	return pool
}

// certificate returns one pair, ready for use.
func (k kit) certificate(name string) (tls.Certificate, error) {
	p := k.Pairs[name]
	return tls.X509KeyPair([]byte(p.Cert), []byte(p.Key))
}

func encodePEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}
