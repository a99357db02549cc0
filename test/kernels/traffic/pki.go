package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// serverName is what every healthy server certificate is for.
const serverName = "localhost"

// pki is a set of certificates, good ones and bad ones, by what they are: "server", "expired", "client-unknown-ca".
type pki struct {
	roots        *x509.CertPool // the one CA that everybody trusts
	certificates map[string]tls.Certificate
}

// subject says what a certificate is.
type subject struct {
	name      string
	dns       string // the name it is for
	issuer    string // "" issues itself
	authority bool
	from, to  time.Duration // from now
}

func subjects() []subject {
	const day = 24 * time.Hour
	return []subject{
		{name: "ca", authority: true, from: -day, to: day},
		{name: "other-ca", authority: true, from: -day, to: day},
		{name: "server", dns: serverName, issuer: "ca", from: -day, to: day},
		{name: "expired", dns: serverName, issuer: "ca", from: -2 * day, to: -day},
		{name: "not-yet-valid", dns: serverName, issuer: "ca", from: day, to: 2 * day},
		{name: "self-signed", dns: serverName, from: -day, to: day},
		{name: "unknown-ca", dns: serverName, issuer: "other-ca", from: -day, to: day},
		{name: "wrong-name", dns: "elsewhere.example", issuer: "ca", from: -day, to: day},
		{name: "client", dns: "client.example", issuer: "ca", from: -day, to: day},
		{name: "client-unknown-ca", dns: "client.example", issuer: "other-ca", from: -day, to: day},
	}
}

func newPKI(now time.Time) (*pki, error) {
	p := &pki{roots: x509.NewCertPool(), certificates: map[string]tls.Certificate{}}
	for i, s := range subjects() {
		certificate, err := p.issue(s, int64(i+1), now)
		if err != nil {
			return nil, err
		}
		p.certificates[s.name] = certificate
	}
	p.roots.AddCert(p.certificates["ca"].Leaf)
	return p, nil
}

func (p *pki) issue(s subject, serial int64, now time.Time) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := s.template(serial, now)
	parent, signer := template, key
	if issuer, found := p.certificates[s.issuer]; found {
		parent, signer = issuer.Leaf, issuer.PrivateKey.(*ecdsa.PrivateKey)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, signer)
	if err != nil {
		return tls.Certificate{}, err
	}
	leaf, err := x509.ParseCertificate(der)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, err
}

func (s subject) template(serial int64, now time.Time) *x509.Certificate {
	t := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: s.name},
		NotBefore:    now.Add(s.from), NotAfter: now.Add(s.to),
		KeyUsage:              x509.KeyUsageDigitalSignature,
		ExtKeyUsage:           []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if s.authority {
		t.IsCA, t.KeyUsage, t.ExtKeyUsage = true, x509.KeyUsageCertSign, nil
	}
	if s.dns != "" {
		t.DNSNames = []string{s.dns}
	}
	if s.dns == serverName {
		t.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	}
	return t
}

// write leaves NAME.pem and NAME.key for each certificate in a directory.
func (p *pki) write(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for name, c := range p.certificates {
		key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
		if err != nil {
			return err
		}
		if err := writePEM(filepath.Join(dir, name+".pem"), "CERTIFICATE", c.Leaf.Raw); err != nil {
			return err
		}
		if err := writePEM(filepath.Join(dir, name+".key"), "PRIVATE KEY", key); err != nil {
			return err
		}
	}
	return nil
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
