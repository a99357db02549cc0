package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"net"
	"strconv"
)

// answer is what servers say to a GET; anything else they echo.
const answer = "HTTP/1.0 200 OK\r\n\r\nok\n"

// serve accepts TLS connections until it is killed.
func serve(s *settings) error {
	config, err := s.serverConfig()
	if err != nil {
		return err
	}
	return accept(s, func(n int, conn net.Conn) error {
		if err := preface(s.start, conn); err != nil {
			return err
		}
		return respond(tls.Server(s.shape(conn, n), config))
	})
}

// accept handles each connection on its own; n counts them from 1. Errors are printed: they are the server's side of
// the ground truth.
func accept(s *settings, handle func(n int, conn net.Conn) error) error {
	l, err := net.Listen("tcp", ":"+strconv.Itoa(s.port))
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		conn, err := l.Accept()
		if err != nil {
			return err
		}
		go func() {
			defer conn.Close()
			if err := handle(n, conn); err != nil {
				fmt.Println("server:", err)
			}
		}()
	}
}

// respond echoes until the client closes, or answers one GET and closes.
func respond(conn net.Conn) error {
	defer conn.Close()
	buf := make([]byte, 4096)
	for {
		n, err := conn.Read(buf)
		if err != nil {
			return err
		}
		if bytes.HasPrefix(buf[:n], []byte("GET ")) {
			_, err := conn.Write([]byte(answer))
			return err
		}
		if _, err := conn.Write(buf[:n]); err != nil {
			return err
		}
	}
}

// preface speaks what comes before TLS in protocols that upgrade.
func preface(kind string, conn net.Conn) error {
	switch kind {
	case "smtp":
		return smtp(conn)
	case "postgres":
		return postgres(conn, 'S')
	case "postgres-no":
		return postgres(conn, 'N')
	}
	return nil
}

// smtp is the server's part of RFC 3207. Lines are read byte by byte so that nothing of TLS is read with them.
func smtp(conn net.Conn) error {
	for _, reply := range []string{"220 lab ESMTP\r\n", "250-lab\r\n250 STARTTLS\r\n", "220 go ahead\r\n"} {
		if _, err := conn.Write([]byte(reply)); err != nil {
			return err
		}
		if reply[4:] == "go ahead\r\n" {
			return nil
		}
		if _, err := bufio.NewReaderSize(oneByte{conn}, 16).ReadString('\n'); err != nil {
			return err
		}
	}
	return nil
}

type oneByte struct{ net.Conn }

func (c oneByte) Read(p []byte) (int, error) { return c.Conn.Read(p[:1]) }

// postgres answers an SSLRequest (PostgreSQL protocol, section "SSL Session Encryption").
func postgres(conn net.Conn, reply byte) error {
	request := make([]byte, 8)
	if _, err := conn.Read(request); err != nil {
		return err
	}
	_, err := conn.Write([]byte{reply})
	return err
}
