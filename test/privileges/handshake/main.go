// Command handshake makes one TLS handshake fail on loopback: the client does not know who signed the server's certificate.
//
//	handshake -port 8443
//
// The port is that of the server; 0 takes a free one. It begins when there is a line on its standard input, and stays until that ends, so that it
// can be looked at before and after.
package main

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"time"
)

func main() {
	port := flag.Int("port", 0, "port of the server")
	flag.Parse()
	input := bufio.NewReader(os.Stdin)
	if _, err := input.ReadString('\n'); err != nil {
		fmt.Fprintln(os.Stderr, "handshake: nobody said when to begin:", err)
		os.Exit(1)
	}
	if err := fail(*port); err != nil {
		fmt.Fprintln(os.Stderr, "handshake:", err)
		os.Exit(1)
	}
	_, _ = io.Copy(io.Discard, input)
}

// fail returns an error if the handshake did not fail as it should.
func fail(port int) error {
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	l, err := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port), &tls.Config{Certificates: []tls.Certificate{certificate}})
	if err != nil {
		return err
	}
	served := make(chan struct{})
	go func() {
		defer close(served)
		serve(l)
	}()
	_, err = tls.DialWithDialer(&net.Dialer{Timeout: 60 * time.Second}, "tcp", l.Addr().String(), &tls.Config{ServerName: "shop.example"})
	<-served
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return fmt.Errorf("the client should not know the authority: %w", err)
	}
	return l.Close()
}

// serve takes one connection to its end. That it fails is what it is for.
func serve(l net.Listener) {
	conn, err := l.Accept()
	if err != nil {
		return
	}
	_ = conn.(*tls.Conn).Handshake()
	_ = conn.Close()
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"shop.example"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
