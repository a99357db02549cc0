// Program golang makes a handshake between two of its own goroutines over loopback, of the kind that its argument names. It prints the
// descriptors of the client and of the server, and the errors of both.
package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log"
	"math/big"
	"net"
	"os"
	"time"
)

func main() {
	cert, roots := certificate()
	client := &tls.Config{ServerName: "a", RootCAs: roots}
	server := &tls.Config{Certificates: []tls.Certificate{cert}}
	switch os.Args[1] {
	case "trusted":
	case "untrusted":
		client.RootCAs = nil
	case "untrusted12":
		client.RootCAs, client.MaxVersion = nil, tls.VersionTLS12
	case "anonymous":
		server.ClientAuth, server.MaxVersion = tls.RequireAnyClientCert, tls.VersionTLS12
	case "version":
		client.MaxVersion, server.MinVersion = tls.VersionTLS12, tls.VersionTLS13
	case "closed":
		client = nil
	}
	shake(client, server)
}

// shake connects, runs both accepted, and tells what came of it. Without a configuration the client says nothing and closes.
func shake(client, server *tls.Config) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		log.Fatal(err)
	}
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		log.Fatal(err)
	}
	s, err := l.Accept()
	if err != nil {
		log.Fatal(err)
	}
	fds := [2]uintptr{descriptor(c), descriptor(s)}
	accepted := tls.Server(s, server)
	done := make(chan error, 1)
	go func() {
		done <- accepted.Handshake()
	}()
	var clientErr error
	if client == nil {
		c.Close()
	} else {
		dialled := tls.Client(c, client)
		clientErr = dialled.Handshake()
		defer dialled.Close()
	}
	serverErr := <-done
	accepted.Close()
	fmt.Printf("%d %d %q %q\n", fds[0], fds[1], fmt.Sprint(clientErr), fmt.Sprint(serverErr))
}

func descriptor(c net.Conn) (fd uintptr) {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		log.Fatal(err)
	}
	if err := raw.Control(func(n uintptr) { fd = n }); err != nil {
		log.Fatal(err)
	}
	return fd
}

func certificate() (tls.Certificate, *x509.CertPool) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		log.Fatal(err)
	}
	now := time.Now()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"a"},
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		log.Fatal(err)
	}
	parsed, err := x509.ParseCertificate(der)
	if err != nil {
		log.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, roots
}
