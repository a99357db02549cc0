package main

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"os"
	"time"
)

// dial makes one TLS connection, asks, and prints what comes back.
func dial(s *settings) error {
	config, err := s.clientConfig()
	if err != nil {
		return err
	}
	conn, err := s.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := s.announce(conn); err != nil {
		return err
	}
	c := tls.Client(s.shape(conn, s.split), config)
	if err := c.Handshake(); err != nil {
		return err
	}
	fmt.Println("handshake done")
	if _, err := io.WriteString(c, "GET / HTTP/1.0\r\n\r\n"); err != nil {
		return err
	}
	_, err = io.Copy(os.Stdout, c)
	return err
}

func (s *settings) connect() (net.Conn, error) {
	return net.DialTimeout("tcp", s.address(), 5*time.Second)
}

// announce writes a PROXY protocol header, version 2, for a TCP/IPv4 connection.
func (s *settings) announce(conn net.Conn) error {
	if s.start != "proxy2" {
		return nil
	}
	header := "\r\n\r\n\x00\r\nQUIT\n\x21\x11\x00\x0c" + "\x0a\x00\x00\x01\x0a\x00\x00\x02" + "\x30\x39\x01\xbb"
	_, err := io.WriteString(conn, header)
	return err
}
