package cluster

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// pki names the files of one cluster's keys and certificates.
type pki struct {
	ca                    string // certificate
	cert, key             string // of the API server
	accountKey, publicKey string // for the tokens of service accounts
}

// writePKI makes everything anew: no key of a test is worth keeping.
func writePKI(dir string, address netip.Addr) (pki, error) {
	p := pki{}
	for path, name := range map[*string]string{&p.ca: "ca.crt", &p.cert: "server.crt", &p.key: "server.key",
		&p.accountKey: "sa.key", &p.publicKey: "sa.pub"} {
		*path = filepath.Join(dir, name)
	}
	if err := p.writeServer(address); err != nil {
		return p, err
	}
	return p, p.writeAccounts()
}

func (p pki) writeServer(address netip.Addr) error {
	caKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	ca := certificate("test cluster")
	ca.IsCA, ca.BasicConstraintsValid, ca.KeyUsage = true, true, x509.KeyUsageCertSign
	if err := writeCertificate(p.ca, ca, ca, caKey, caKey); err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	server := certificate("kube-apiserver")
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames = []string{"localhost", "kubernetes.default.svc"}
	server.IPAddresses = []net.IP{address.AsSlice(), net.IPv4(127, 0, 0, 1)}
	if err := writeCertificate(p.cert, server, ca, key, caKey); err != nil {
		return err
	}
	return writePrivateKey(p.key, key)
}

// writeAccounts writes the pair that signs and verifies the tokens. The API server reads the public key as PKIX only.
func (p pki) writeAccounts() error {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return err
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		return err
	}
	if err := writePEM(p.publicKey, "PUBLIC KEY", public); err != nil {
		return err
	}
	return writePrivateKey(p.accountKey, key)
}

func certificate(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()),
		Subject:      pkix.Name{CommonName: name},
		NotBefore:    time.Now().Add(-time.Hour), // clocks may jump in tests
		NotAfter:     time.Now().Add(365 * 24 * time.Hour),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
}

func writeCertificate(path string, cert, parent *x509.Certificate, key, parentKey *ecdsa.PrivateKey) error {
	der, err := x509.CreateCertificate(rand.Reader, cert, parent, key.Public(), parentKey)
	if err != nil {
		return err
	}
	return writePEM(path, "CERTIFICATE", der)
}

func writePrivateKey(path string, key any) error {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	return writePEM(path, "PRIVATE KEY", der)
}

func writePEM(path, kind string, der []byte) error {
	return os.WriteFile(path, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600)
}
