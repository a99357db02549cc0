package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"sync"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/lane"
)

// recording is what both sides of a TLS connection wrote, in that order.
type recording []written

type written struct {
	byClient bool
	bytes    []byte
}

// tape is a connection that records what is written to it.
type tape struct {
	lane.Socket
	byClient bool
	to       *recorder
}

type recorder struct {
	mu  sync.Mutex
	all recording
}

// Write writes, and records.
func (t tape) Write(b []byte) (int, error) {
	t.to.mu.Lock()
	t.to.all = append(t.to.all, written{t.byClient, append([]byte(nil), b...)})
	t.to.mu.Unlock()
	return t.Socket.Write(b)
}

const requestBytes = 1024 // of the request that follows the handshake, and of its answer

// record makes a real connection with crypto/tls: the handshake, a request, its answer and the goodbyes.
func record(config tlsConfigs) (recording, error) {
	listener, err := lane.NewListener()
	if err != nil {
		return nil, err
	}
	defer func() { _ = listener.Close() }()
	client, err := lane.NewSocket()
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	server, err := client.Connect(listener)
	if err != nil {
		return nil, err
	}
	defer func() { _ = server.Close() }()
	var r recorder
	err = config.converse(tape{client, true, &r}, tape{server, false, &r})
	return r.all, err
}

// tlsConfigs are those of both sides.
type tlsConfigs struct{ client, server *tls.Config }

func newConfigs(version uint16) (tlsConfigs, error) {
	leaf, pool, err := selfSigned()
	if err != nil {
		return tlsConfigs{}, fmt.Errorf("make a certificate: %w", err)
	}
	return tlsConfigs{
		client: &tls.Config{RootCAs: pool, ServerName: "localhost", NextProtos: []string{"h2"}, MinVersion: version, MaxVersion: version},
		server: &tls.Config{Certificates: []tls.Certificate{leaf}, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12},
	}, nil
}

// converse plays both sides; the client speaks on the calling goroutine.
func (c tlsConfigs) converse(client, server net.Conn) error {
	answered := make(chan error, 1)
	go func() { answered <- answer(tls.Server(server, c.server)) }()
	return errors.Join(ask(tls.Client(client, c.client)), <-answered)
}

func ask(c *tls.Conn) error {
	if _, err := c.Write(make([]byte, requestBytes)); err != nil {
		return err
	}
	if _, err := io.ReadFull(c, make([]byte, requestBytes)); err != nil {
		return err
	}
	return c.CloseWrite()
}

func answer(c *tls.Conn) error {
	if _, err := io.ReadFull(c, make([]byte, requestBytes)); err != nil {
		return err
	}
	if _, err := c.Write(make([]byte, requestBytes)); err != nil {
		return err
	}
	_, err := c.Read(make([]byte, 1))
	if errors.Is(err, io.EOF) {
		err = nil
	}
	return err
}

func selfSigned() (tls.Certificate, *x509.CertPool, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"}, DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool, nil
}
