package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
)

// settings are the flags of all roles.
type settings struct {
	host, name             string
	port                   int
	ca, clientCA           string
	cert, key              string
	min, max, cipher, alpn string
	sni                    string
	classic                bool // no post-quantum key share, so that the hello is small

	start string // what the server speaks before TLS: smtp, postgres, postgres-no
	cut   string // how the handshake is broken off: reset, unread, fin, stall
	after int    // number of own writes before the cut
	split int    // position at which writes are split (server, sweep: any; the nth connection is split at n); -1: each byte alone
	frag  int    // size of the TLS records that the ClientHello is cut into, in one segment

	what     string // plain and send: what to send
	count    int
	parallel int
	requests int
	end      string // load: how connections end: notify, fin, rst, hold
	resume   bool

	policy string // relay
}

func parse(args []string) (*settings, error) {
	s := new(settings)
	f := flag.NewFlagSet("gopeer", flag.ContinueOnError)
	f.StringVar(&s.host, "host", "127.0.0.1", "")
	f.StringVar(&s.name, "name", "localhost", "")
	f.IntVar(&s.port, "port", 0, "")
	f.StringVar(&s.ca, "ca", "", "")
	f.StringVar(&s.clientCA, "client-ca", "", "")
	f.StringVar(&s.cert, "cert", "", "")
	f.StringVar(&s.key, "key", "", "")
	f.StringVar(&s.min, "min", "1.2", "")
	f.StringVar(&s.max, "max", "1.3", "")
	f.StringVar(&s.cipher, "cipher", "", "")
	f.StringVar(&s.alpn, "alpn", "", "")
	f.StringVar(&s.sni, "sni", "", "")
	f.BoolVar(&s.classic, "classic", false, "")
	f.StringVar(&s.start, "start", "", "")
	f.StringVar(&s.cut, "cut", "", "")
	f.IntVar(&s.after, "after", 0, "")
	f.IntVar(&s.split, "split", 0, "")
	f.IntVar(&s.frag, "frag", 0, "")
	f.StringVar(&s.what, "what", "", "")
	f.IntVar(&s.count, "count", 1, "")
	f.IntVar(&s.parallel, "parallel", 1, "")
	f.IntVar(&s.requests, "requests", 1, "")
	f.StringVar(&s.end, "end", "notify", "")
	f.BoolVar(&s.resume, "resume", false, "")
	f.StringVar(&s.policy, "policy", "", "")
	return s, f.Parse(args)
}

func (s *settings) address() string { return net.JoinHostPort(s.host, strconv.Itoa(s.port)) }

// config is the part of the TLS configuration that servers and clients share.
func (s *settings) config() (*tls.Config, error) {
	c := &tls.Config{MinVersion: version(s.min), MaxVersion: version(s.max)}
	if s.cert != "" {
		pair, err := tls.LoadX509KeyPair(s.cert, s.key)
		if err != nil {
			return nil, err
		}
		c.Certificates = []tls.Certificate{pair}
	}
	if s.alpn != "" {
		c.NextProtos = strings.Split(s.alpn, ",")
	}
	if s.classic {
		c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP256}
	}
	c.CipherSuites = suites(s.cipher)
	return c, nil
}

// suites takes the OpenSSL names that the lab uses; crypto/tls has no choice of suites in TLS 1.3.
func suites(names string) []uint16 {
	switch {
	case strings.Contains(names, "AES128"):
		return []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
	case strings.Contains(names, "AES256"):
		return []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	}
	return nil
}

func version(number string) uint16 {
	if number == "1.2" {
		return tls.VersionTLS12
	}
	return tls.VersionTLS13
}

func (s *settings) serverConfig() (*tls.Config, error) {
	c, err := s.config()
	if err != nil {
		return nil, err
	}
	if s.clientCA != "" {
		c.ClientAuth = tls.RequireAndVerifyClientCert
		c.ClientCAs, err = pool(s.clientCA)
	}
	if s.sni != "" { // no certificate and no error is what crypto/tls turns into unrecognized_name
		certs := c.Certificates
		c.Certificates = nil
		c.GetCertificate = func(h *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if h.ServerName == s.sni {
				return &certs[0], nil
			}
			return nil, nil
		}
	}
	return c, err
}

func (s *settings) clientConfig() (*tls.Config, error) {
	c, err := s.config()
	if err != nil {
		return nil, err
	}
	c.ServerName = s.name
	if len(c.Certificates) > 0 { // send it whatever CAs the server names
		pair := c.Certificates[0]
		c.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &pair, nil }
	}
	c.RootCAs, err = pool(s.ca)
	return c, err
}

func pool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read the CA: %w", err)
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, errors.New("no certificate in " + file)
	}
	return p, nil
}
