package mesh_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/url"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// istioSNI is the name that a sidecar asks for: port 8080 of the subset v1 of a service (BuildDNSSrvSubsetKey in Istio's
// pilot/pkg/model).
const istioSNI = "outbound_.8080_.v1_.payments.shop.svc.cluster.local"

// authority is the CA of a trust domain.
type authority struct {
	dir    string
	domain string
	cert   *x509.Certificate
	key    *ecdsa.PrivateKey
	root   string // PEM file of its certificate
}

// identity names the PEM files of a workload's certificate and its key; the zero value is none.
type identity struct{ cert, key string }

// newAuthority makes a CA of its own; dir is where its files go.
func newAuthority(t testing.TB, dir, domain string) *authority {
	t.Helper()
	a := &authority{dir: dir, domain: domain, root: filepath.Join(dir, domain+".pem")}
	c := template(t, domain)
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	a.cert, a.key = c, newKey(t)
	a.cert = a.sign(t, c, a.key, a.root)
	return a
}

// workload issues the certificate of a service account. Besides the SPIFFE identity it has the name of the SNI: Istio's proxies
// compare the identity alone, nginx and crypto/tls the name.
func (a *authority) workload(t testing.TB, account string) identity {
	t.Helper()
	c := template(t, account)
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	c.URIs = []*url.URL{{Scheme: "spiffe", Host: a.domain, Path: "/ns/shop/sa/" + account}}
	c.DNSNames = []string{istioSNI}
	key := newKey(t)
	id := identity{filepath.Join(a.dir, a.domain+"-"+account+".pem"), filepath.Join(a.dir, a.domain+"-"+account+".key")}
	a.sign(t, c, key, id.cert)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	must(t, err)
	writePEM(t, id.key, "PRIVATE KEY", der)
	return id
}

func (a *authority) sign(t testing.TB, c *x509.Certificate, key *ecdsa.PrivateKey, file string) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, c, a.cert, key.Public(), a.key)
	must(t, err)
	writePEM(t, file, "CERTIFICATE", der)
	signed, err := x509.ParseCertificate(der)
	must(t, err)
	return signed
}

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return key
}

func template(t testing.TB, name string) *x509.Certificate {
	t.Helper()
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	must(t, err)
	return &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
	}
}

// writePEM writes a file that sidecars can read: its directory lives as long as the test.
func writePEM(t testing.TB, path, kind string, der []byte) {
	t.Helper()
	must(t, os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o644))
}
