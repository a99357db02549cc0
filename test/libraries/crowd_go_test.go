package libraries

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"os"
	"sync"
	"testing"
)

// crowdGo is one Go process, this one, with a listener for each kind. The scheduler moves its connections between threads.
func (l *lab) crowdGo(t *testing.T, all []kind, ports map[string]int) {
	t.Helper()
	var running sync.WaitGroup
	var listeners []net.Listener
	for _, k := range all {
		listener, err := tls.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", ports[k.name]), k.goConfig(t))
		if err != nil {
			t.Fatal(err)
		}
		listeners = append(listeners, listener)
		running.Go(func() { answerAll(listener) })
	}
	t.Cleanup(func() {
		for _, listener := range listeners {
			_ = listener.Close()
		}
		running.Wait()
	})
}

// answerAll answers each connection until the listener is closed. Failed handshakes are what the test wants.
func answerAll(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			if _, err := conn.Read(make([]byte, 4096)); err == nil {
				_, _ = conn.Write([]byte("HTTP/1.0 200 OK\r\n\r\nok\n"))
			}
		}()
	}
}

func (k kind) goConfig(t *testing.T) *tls.Config {
	t.Helper()
	pair, err := tls.LoadX509KeyPair(k.server.pair.cert, k.server.pair.key)
	if err != nil {
		t.Fatal(err)
	}
	version := map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}[k.server.version]
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: version, MaxVersion: version}
	if k.server.cipher != "" {
		c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	}
	if k.server.alpn != "" {
		c.NextProtos = []string{k.server.alpn}
	}
	if k.server.ca != "" {
		pem, err := os.ReadFile(k.server.ca)
		if err != nil {
			t.Fatal(err)
		}
		c.ClientAuth, c.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
		c.ClientCAs.AppendCertsFromPEM(pem)
	}
	if k.reject { // no certificate and no error is what crypto/tls turns into unrecognized_name
		c.Certificates = nil
		c.GetCertificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }
	}
	return c
}
