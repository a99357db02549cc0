package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"math/big"
	"net"
	"slices"
	"time"
)

// healthy is a TLS server that echoes, and clients that have nothing to do with the flood.
type healthy struct {
	listener net.Listener
	client   *tls.Config
	open     *tls.Conn // an established connection
}

func newHealthy() (*healthy, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"}, NotAfter: time.Now().Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	pair := tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
	h := &healthy{client: &tls.Config{RootCAs: pool, ServerName: "localhost"}}
	h.listener, err = tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		return nil, err
	}
	go h.serve()
	h.open, err = h.dial()
	return h, err
}

func (h *healthy) serve() {
	for {
		c, err := h.listener.Accept()
		if err != nil {
			return
		}
		go func() {
			_, _ = io.Copy(c, c)
			_ = c.Close()
		}()
	}
}

func (h *healthy) dial() (*tls.Conn, error) {
	return tls.Dial("tcp", h.listener.Addr().String(), h.client)
}

// latencies are how long things took, in microseconds.
type latencies struct{ trips, handshakes []float64 }

// measure asks on the open connection, and on a new one, until the time is over.
func (h *healthy) measure(long time.Duration) (l latencies, err error) {
	for until := time.Now().Add(long); time.Now().Before(until); time.Sleep(time.Millisecond) {
		begun := time.Now()
		if err := ask(h.open); err != nil {
			return l, err
		}
		asked := time.Now()
		c, err := h.dial()
		if err != nil {
			return l, err
		}
		if err := ask(c); err != nil {
			return l, err
		}
		l.handshakes = append(l.handshakes, float64(time.Since(asked).Microseconds()))
		l.trips = append(l.trips, float64(asked.Sub(begun).Microseconds()))
		if err := c.Close(); err != nil {
			return l, err
		}
	}
	slices.Sort(l.trips)
	slices.Sort(l.handshakes)
	return l, nil
}

// ask sends 64 bytes and reads them back.
func ask(c *tls.Conn) error {
	_, err := c.Write(make([]byte, 64))
	_, read := io.ReadFull(c, make([]byte, 64))
	return errors.Join(err, read)
}

// quantile is that of sorted values.
func quantile(sorted []float64, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)-1))]
}

func (h *healthy) Close() error { return errors.Join(h.open.Close(), h.listener.Close()) }
