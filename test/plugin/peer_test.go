package plugin_test

import (
	"bufio"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// peerRole is the variable that makes this binary a peer:
//
//	serve ADDRESS        presents a certificate that nobody trusts; says "ready" when it listens
//	dial FROM ADDRESS    makes a handshake for each line of standard input, and trusts no certificate; says "made" after each
const peerRole = "TLSTRACE_TEST_PEER"

func play(role string, args []string) error {
	if role == "serve" {
		return serve(args[0])
	}
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		if err := dial(args[0], args[1]); err != nil {
			return err
		}
		fmt.Println("made")
	}
	return nil
}

func serve(address string) error {
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("ready")
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience)) // of a socket that was just accepted
			_ = tls.Server(c, &tls.Config{Certificates: []tls.Certificate{certificate}}).Handshake()
		}()
	}
}

var errHealthy = errors.New("the handshake succeeded")

func dial(from, address string) error {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if tls.Client(c, &tls.Config{ServerName: "payments.shop.svc", RootCAs: x509.NewCertPool()}).Handshake() == nil {
		return errHealthy
	}
	return nil
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"payments.shop.svc"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

// client is a peer that makes handshakes when it is told to.
type client struct {
	*process
	made int
}

func startClient(t testing.TB, from *workload, to *workload) *client {
	t.Helper()
	return &client{process: from.start(t, "dial", from.address, to.address+":8443")}
}

func startServer(t testing.TB, at *workload) {
	t.Helper()
	p := at.start(t, "serve", at.address+":8443")
	p.prints(p.out, "ready")
}

// make makes handshakes that fail, and returns when they have.
func (c *client) make(n int) {
	c.t.Helper()
	for range n {
		_, err := fmt.Fprintln(c.in, "one")
		must(c.t, err)
		c.made++
		eventually(c.t, "a handshake is made", func() bool { return strings.Count(c.out.String(), "made") == c.made }, c.state)
	}
}
