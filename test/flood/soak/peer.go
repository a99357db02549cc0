package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// peerRole is the variable that makes this program a peer, which runs until its standard input ends:
//
//	serve DIR KIND                listens with the certificate of the directory, says "ready ADDRESS"
//	shake DIR KIND ADDRESS RATE   makes so many handshakes a second, one after the other, says "made N" once a second
//
// A KIND is tls12, tls13, mutual or distrust, whose client refuses the certificate.
const peerRole = "TLSTRACE_SOAK_PEER"

// play is a peer's life.
func play(role string, args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("role %s: too few arguments", role)
	}
	client, server, err := readConfigs(args[0])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	switch {
	case role == "serve":
		return serve(ctx, kindOf(args[1], server))
	case role == "shake" && len(args) == 4:
		var rate int
		if _, err := fmt.Sscan(args[3], &rate); err != nil || rate < 1 {
			return fmt.Errorf("rate %q: must be a number", args[3])
		}
		return shake(ctx, args[2], args[1] == "distrust", kindOf(args[1], client), time.Second/time.Duration(rate))
	}
	return fmt.Errorf("no role %q", role)
}

func kindOf(kind string, c *tls.Config) *tls.Config {
	switch kind {
	case "tls12":
		c.MaxVersion = tls.VersionTLS12
	case "tls13":
		c.MinVersion = tls.VersionTLS13
	case "mutual":
		c.ClientAuth = tls.RequireAndVerifyClientCert
	case "distrust":
		c.RootCAs = x509.NewCertPool()
	}
	return c
}

func serve(ctx context.Context, config *tls.Config) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	context.AfterFunc(ctx, func() { _ = l.Close() })
	fmt.Println("ready", l.Addr())
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		go answer(tls.Server(c, config))
	}
}

// answer answers a request with the same bytes, until the client says goodbye.
func answer(c *tls.Conn) {
	defer func() { _ = c.Close() }()
	_, _ = io.Copy(c, c)
}

// shake makes handshakes until ctx is done. That one does not end as it should is an error.
func shake(ctx context.Context, address string, fails bool, config *tls.Config, every time.Duration) error {
	made, told := 0, time.Now()
	for due := time.Now(); ctx.Err() == nil; due = due.Add(every) {
		time.Sleep(time.Until(due))
		if late := time.Now(); due.Before(late.Add(-time.Second)) { // the machine is slower than the rate: nothing is made up for
			due = late
		}
		err := shakeOnce(address, config)
		if (err != nil) != fails {
			return fmt.Errorf("handshake %d with %s: %w", made, address, err)
		}
		made++
		if time.Since(told) > time.Second {
			told = time.Now()
			fmt.Println("made", made)
		}
	}
	fmt.Println("made", made)
	return nil
}

// shakeOnce connects, asks, reads the answer, and closes as TLS wants it.
func shakeOnce(address string, config *tls.Config) error {
	c, err := tls.Dial("tcp", address, config)
	if err != nil {
		return err
	}
	defer func() { _ = c.Close() }()
	if _, err := c.Write(make([]byte, 64)); err != nil {
		return err
	}
	_, err = io.ReadFull(c, make([]byte, 64))
	return errors.Join(err, c.CloseWrite())
}
