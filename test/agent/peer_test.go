package agent_test

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// peerRole is the variable that makes this binary a peer:
//
//	refuse ADDRESS           listens, and answers each ClientHello with the alert handshake_failure
//	present ADDRESS          listens, and presents a certificate that nobody trusts
//	accept ADDRESS           the same, and says one byte once the handshake has succeeded
//	reset ADDRESS            listens, and answers each ClientHello with a reset
//	visit ADDRESS...         reads numbers from standard input, and makes so many handshakes with each, whose certificates it does not check
//	trust ADDRESS            reads numbers of handshakes to make from standard input, and trusts no certificate
//	hello ADDRESS RATE FROM...  the same with a bare ClientHello, so many a second, from these addresses in turns
//
// Each says "ready ADDRESS" when it is, and a client "done" after each number.
const peerRole = "TLSTRACE_TEST_PEER"

// peer is a running peer.
type peer struct {
	t       testing.TB
	cmd     *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
	address string
}

// startPeer runs a peer in a cgroup, and in a network namespace unless that is "".
func startPeer(t testing.TB, cgroup, netns, role string, args ...string) *peer {
	t.Helper()
	argv := append([]string{"/proc/self/exe"}, args...)
	self, err := os.Executable()
	must(t, err)
	if argv[0] = self; netns != "" {
		argv = append([]string{"nsenter", "--net=/run/netns/" + netns}, argv...)
	}
	dir, err := os.Open(cgroup)
	must(t, err)
	defer dir.Close()
	p := &peer{t: t, cmd: exec.Command(argv[0], argv[1:]...)}
	p.cmd.Env = append(os.Environ(), peerRole+"="+role)
	p.cmd.Stderr = testLog{t}
	p.cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Pdeathsig: syscall.SIGKILL}
	p.in, err = p.cmd.StdinPipe()
	must(t, err)
	out, err := p.cmd.StdoutPipe()
	must(t, err)
	p.out = bufio.NewReader(out)
	must(t, p.cmd.Start())
	t.Cleanup(p.stop)
	p.address = p.line("ready ")
	return p
}

// line reads a line with this prefix, and returns the rest.
func (p *peer) line(prefix string) string {
	p.t.Helper()
	text, err := p.out.ReadString('\n')
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), prefix)
	if err != nil || !ok {
		p.t.Fatalf("a peer says %q, %v, and not %q", text, err, prefix)
	}
	return rest
}

// start lets a client make handshakes; done waits until they are made.
func (p *peer) start(handshakes int) {
	p.t.Helper()
	_, err := fmt.Fprintln(p.in, handshakes)
	must(p.t, err)
}

func (p *peer) done() {
	p.t.Helper()
	p.line("done")
}

// make makes handshakes, and returns when they have failed.
func (p *peer) make(handshakes int) {
	p.t.Helper()
	p.start(handshakes)
	p.done()
}

func (p *peer) stop() {
	_ = p.cmd.Process.Kill() // it has ended already, perhaps
	_ = p.cmd.Wait()         // killed
}

// play is a peer's life.
func play(role string, args []string) error {
	switch role {
	case "refuse":
		return listen(args[0], refuse)
	case "present":
		certificate, err := selfSigned()
		if err != nil {
			return err
		}
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		return listen(args[0], func(c net.Conn) { _ = tls.Server(c, config).Handshake() })
	case "accept":
		certificate, err := selfSigned()
		if err != nil {
			return err
		}
		config := &tls.Config{Certificates: []tls.Certificate{certificate}}
		return listen(args[0], func(c net.Conn) { _, _ = tls.Server(c, config).Write([]byte("!")) })
	case "reset":
		return listen(args[0], reset)
	case "visit":
		return obey(args[0], func(n int) error { return visit(args, n) })
	case "trust":
		config := &tls.Config{ServerName: "payments.shop.svc", RootCAs: x509.NewCertPool()}
		return obey(args[0], func(n int) error { return trust(args[0], config, n) })
	case "hello":
		rate, err := strconv.Atoi(args[1])
		if err != nil {
			return err
		}
		return obey(args[0], func(n int) error { return hello(args[0], args[2:], rate, n) })
	}
	return fmt.Errorf("no role %q", role)
}

func listen(address string, serve func(net.Conn)) error {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	fmt.Println("ready", l.Addr())
	for {
		c, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(patience)) // of a socket that was just accepted
			serve(c)
		}()
	}
}

// alert is a fatal handshake_failure (RFC 8446 section 6).
var alert = []byte{21, 3, 3, 0, 2, 2, 40}

func refuse(c net.Conn) {
	_, _ = c.Read(make([]byte, 4096)) // whatever it is
	_, _ = c.Write(alert)             // the client may be gone
}

func reset(c net.Conn) {
	_, _ = c.Read(make([]byte, 4096))
	_ = c.(*net.TCPConn).SetLinger(0) // of a socket that is open
}

// visit makes handshakes, whatever becomes of them.
func visit(addresses []string, n int) error {
	config := &tls.Config{ServerName: "payments.shop.svc", InsecureSkipVerify: true}
	for range n {
		for _, address := range addresses {
			c, err := net.DialTimeout("tcp", address, patience)
			if err != nil {
				continue // nobody listens there
			}
			_, _ = tls.Client(c, config).Read(make([]byte, 1))
			_ = c.Close()
		}
	}
	return nil
}

// obey makes as many handshakes as standard input says.
func obey(address string, work func(int) error) error {
	fmt.Println("ready", address)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		n, err := strconv.Atoi(in.Text())
		if err != nil {
			return err
		}
		if err := work(n); err != nil {
			return err
		}
		fmt.Println("done")
	}
	return nil
}

// errHealthy says that a handshake succeeded that should fail.
var errHealthy = errors.New("the handshake succeeded")

func trust(address string, config *tls.Config, n int) error {
	for range n {
		c, err := net.DialTimeout("tcp", address, patience)
		if err != nil {
			return err
		}
		err = tls.Client(c, config).Handshake()
		c.Close()
		if err == nil {
			return errHealthy
		}
	}
	return nil
}

// hello sends ClientHellos from several addresses in turns, at a rate. It holds the rate on average: what it could not send in time it
// sends at once.
func hello(address string, from []string, rate, n int) error {
	message, err := clientHello()
	if err != nil {
		return err
	}
	var running sync.WaitGroup
	room := make(chan struct{}, 64)
	failed := make(chan error, 1)
	begun := time.Now()
	for i := range n {
		time.Sleep(time.Until(begun.Add(time.Duration(i) * time.Second / time.Duration(rate))))
		room <- struct{}{}
		running.Go(func() {
			defer func() { <-room }()
			if err := greet(address, from[i%len(from)], message); err != nil {
				select {
				case failed <- err:
				default:
				}
			}
		})
	}
	running.Wait()
	select {
	case err := <-failed:
		return err
	default:
		return nil
	}
}

func greet(address, from string, message []byte) error {
	d := net.Dialer{Timeout: patience, LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := d.Dial("tcp", address)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := c.Write(message); err != nil {
		return err
	}
	_, err = io.ReadAll(c) // to the server's close
	return err
}

// clientHello is one that Go sends.
func clientHello() ([]byte, error) {
	client, server := net.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		c := tls.Client(client, &tls.Config{ServerName: "payments.shop.svc", CurvePreferences: []tls.CurveID{tls.X25519}})
		_ = c.HandshakeContext(ctx) // nobody answers
	}()
	buf := make([]byte, 4096)
	n, err := server.Read(buf)
	return buf[:n], err
}

func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"payments.shop.svc"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}
