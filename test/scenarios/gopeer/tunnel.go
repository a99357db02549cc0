package main

import (
	"bufio"
	"io"
	"net"
	"net/http"
)

// tunnel is a proxy that knows HTTP CONNECT (RFC 9110 section 9.3.6) and nothing else.
func tunnel(s *settings) error {
	return accept(s, func(_ int, conn net.Conn) error {
		request, err := http.ReadRequest(bufio.NewReader(oneByte{conn}))
		if err != nil {
			return err
		}
		_, port, err := net.SplitHostPort(request.Host)
		if err != nil {
			return err
		}
		upstream, err := net.Dial("tcp", net.JoinHostPort(s.host, port))
		if err != nil {
			return err
		}
		defer upstream.Close()
		if _, err := io.WriteString(conn, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
			return err
		}
		go pass(conn, upstream)
		pass(upstream, conn)
		return nil
	})
}

// pass copies one direction and hands on its end.
func pass(to, from net.Conn) {
	_, _ = io.Copy(to, from) // an error of one side ends the other below
	_ = to.(*net.TCPConn).CloseWrite()
}
