package scenarios

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// serverName is the name that every client asks for and that the good certificate holds.
const serverName = "localhost"

// keyPair names the PEM files of a certificate and its key.
type keyPair struct{ cert, key string }

// pki holds the certificates of the lab. All keys are P-256, which every program here can use.
type pki struct {
	dir string
	// ca and otherCA are PEM files of the two roots; nobody trusts otherCA.
	ca, otherCA string

	ok, expired, notYetValid, selfSigned, byOtherCA, wrongName, knownName keyPair
	clientOK, clientByOtherCA, clientExpired                              keyPair
}

// issuer is a CA certificate with its key; nil stands for a self-signed certificate.
type issuer struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// newPKI makes all certificates in a directory that lives as long as the test.
func newPKI(t testing.TB) *pki {
	p := &pki{dir: t.TempDir()}
	root := p.authority(t, "lab root")
	other := p.authority(t, "other root")
	p.ca, p.otherCA = p.path("lab root.pem"), p.path("other root.pem")

	p.ok = p.leaf(t, "ok", root, nil)
	p.expired = p.leaf(t, "expired", root, valid(-48*time.Hour, -24*time.Hour))
	p.notYetValid = p.leaf(t, "not yet valid", root, valid(24*time.Hour, 48*time.Hour))
	p.selfSigned = p.leaf(t, "self-signed", nil, nil)
	p.byOtherCA = p.leaf(t, "by other CA", other, nil)
	p.wrongName = p.leaf(t, "wrong name", root, func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{"other.example"}, nil
	})
	p.knownName = p.leaf(t, "known name", root, func(c *x509.Certificate) {
		c.DNSNames, c.IPAddresses = []string{"known.example"}, nil
	})
	p.clientOK = p.leaf(t, "client", root, nil)
	p.clientByOtherCA = p.leaf(t, "client by other CA", other, nil)
	p.clientExpired = p.leaf(t, "client expired", root, valid(-48*time.Hour, -24*time.Hour))
	return p
}

func valid(from, to time.Duration) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.NotBefore, c.NotAfter = time.Now().Add(from), time.Now().Add(to) }
}

func (p *pki) path(name string) string { return filepath.Join(p.dir, name) }

func (p *pki) authority(t testing.TB, name string) *issuer {
	c := template(t, name)
	c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	return p.issue(t, c, nil)
}

func (p *pki) leaf(t testing.TB, name string, by *issuer, change func(*x509.Certificate)) keyPair {
	c := template(t, name)
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	c.DNSNames, c.IPAddresses = []string{serverName}, []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}
	if change != nil {
		change(c)
	}
	p.issue(t, c, by)
	return keyPair{p.path(name + ".pem"), p.path(name + ".key")}
}

func template(t testing.TB, name string) *x509.Certificate {
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		t.Fatal(err)
	}
	return &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(24 * time.Hour),
	}
}

// issue signs c with a new key of its own and writes both as PEM.
func (p *pki) issue(t testing.TB, c *x509.Certificate, by *issuer) *issuer {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if by == nil {
		by = &issuer{c, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, c, by.cert, key.Public(), by.key)
	if err != nil {
		t.Fatalf("make certificate %q: %v", c.Subject.CommonName, err)
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	writePEM(t, p.path(c.Subject.CommonName+".pem"), "CERTIFICATE", der)
	writePEM(t, p.path(c.Subject.CommonName+".key"), "PRIVATE KEY", pkcs8)
	signed, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &issuer{signed, key}
}

func writePEM(t testing.TB, path, kind string, der []byte) {
	if err := os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
}
