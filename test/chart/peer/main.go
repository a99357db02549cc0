// Command peer is both ends of a handshake that fails: a server whose certificate nobody knows, and a client that refuses it.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"os"
	"time"
)

const (
	address = "127.0.0.1:8443"
	name    = "payments.test"
)

func main() {
	roles := map[string]func() error{"server": serve, "client": dial}
	if len(os.Args) != 2 || roles[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: peer server|client")
		os.Exit(2)
	}
	if err := roles[os.Args[1]](); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve answers handshakes until it is killed.
func serve() error {
	certificate, err := stranger()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("listening")
	for {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		_ = tls.Server(conn, &tls.Config{Certificates: []tls.Certificate{certificate}}).Handshake() // it fails: that is what it is for
		_ = conn.Close()
	}
}

// dial refuses the server's certificate twice a second, until it is killed: the tracer may take a moment to see a new container.
func dial() error {
	for {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			return err
		}
		client := tls.Client(conn, &tls.Config{ServerName: name, RootCAs: x509.NewCertPool()})
		fmt.Println(client.Handshake())
		_ = conn.Close()
		time.Sleep(500 * time.Millisecond)
	}
}

// stranger is a certificate that is issued by no authority that anybody knows.
func stranger() (tls.Certificate, error) {
	issuer, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	now := time.Now()
	authority := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	authority.Subject.CommonName = "nobody"
	template := &x509.Certificate{SerialNumber: big.NewInt(2), DNSNames: []string{name}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, authority, key.Public(), issuer)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
