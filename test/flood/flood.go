// Package flood makes TLS handshakes fail as fast as a machine can, to see what becomes of the detail: `go test ./test/flood` adds up
// what is told, folded, shed and lost, `make bench-flood` measures the healthy connections of others meanwhile. Its command soak loads
// an agent for long.
package flood

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// Refuse answers each ClientHello, after that long, with the alert handshake_failure, until the listener is closed.
func Refuse(l net.Listener, after time.Duration) error {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go refuse(c, after)
	}
}

func refuse(c net.Conn, after time.Duration) {
	defer func() { _ = c.Close() }()
	header := make([]byte, 5)
	if _, err := io.ReadFull(c, header); err != nil {
		return
	}
	if _, err := io.CopyN(io.Discard, c, int64(header[3])<<8|int64(header[4])); err != nil {
		return
	}
	time.Sleep(after)
	_, _ = c.Write([]byte{21, 3, 3, 0, 2, 2, 40})
}

// Clients are where a flood comes from.
type Clients struct {
	Server  string   // address
	From    []string // addresses in turns: one has ports for 28,000 connections a minute only
	Workers int      // connections at a time
	Rate    int      // a second at most, or 0
}

// Fail makes n handshakes that fail. An error says that one did not go as it should; those before are made.
func (c Clients) Fail(ctx context.Context, n int) error {
	hello, err := clientHello()
	if err != nil {
		return err
	}
	var made atomic.Int64
	var running sync.WaitGroup
	errs := make([]error, c.Workers)
	begun := time.Now()
	for w := range c.Workers {
		running.Go(func() {
			for i := made.Add(1); i <= int64(n) && ctx.Err() == nil; i = made.Add(1) {
				if c.Rate > 0 {
					time.Sleep(time.Until(begun.Add(time.Duration(i) * time.Second / time.Duration(c.Rate))))
				}
				if errs[w] = greet(c.Server, c.From[int(i)%len(c.From)], hello); errs[w] != nil {
					return
				}
			}
		})
	}
	running.Wait()
	return errors.Join(errs...)
}

// greet sends a ClientHello, and reads the alert.
func greet(server, from string, hello []byte) error {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	c, err := dialer.Dial("tcp", server)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write(hello); err != nil {
		return err
	}
	answer, err := io.ReadAll(c)
	if err == nil && (len(answer) != 7 || answer[0] != 21) {
		err = fmt.Errorf("the server answers %x, and no alert", answer)
	}
	return err
}

// clientHello is the first record that crypto/tls sends.
func clientHello() ([]byte, error) {
	client, server := net.Pipe()
	defer func() { _ = client.Close() }()
	go func() {
		_ = tls.Client(client, &tls.Config{ServerName: "payments.shop.svc"}).Handshake() // nobody answers
	}()
	defer func() { _ = server.Close() }()
	header := make([]byte, 5)
	if _, err := io.ReadFull(server, header); err != nil {
		return nil, err
	}
	body := make([]byte, int(header[3])<<8|int(header[4]))
	_, err := io.ReadFull(server, body)
	return append(header, body...), err
}
