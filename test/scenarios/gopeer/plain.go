package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"time"
)

// plain serves without TLS: "echo", "banner" (the server speaks first) or "silent".
func plain(s *settings) error {
	return accept(s, func(_ int, conn net.Conn) error {
		switch s.what {
		case "echo":
			return respond(conn)
		case "banner":
			if _, err := io.WriteString(conn, "SSH-2.0-lab\r\n"); err != nil {
				return err
			}
		}
		_, err := io.Copy(io.Discard, conn)
		return err
	})
}

// send connects, sends bytes that are no TLS, and reads until the server closes.
func send(s *settings) error {
	conn, err := s.connect()
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(payload(s.what)); err != nil {
		return err
	}
	if err := conn.SetReadDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	got, err := io.ReadAll(conn)
	fmt.Printf("the server sent %d bytes, then %v\n", len(got), err)
	return nil
}

// payload is what "send" sends: garbage, or a first half of a TLS record that never ends.
func payload(what string) []byte {
	if what == "short" {
		return []byte{22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3, 1, 2, 3}
	}
	return bytes.Repeat([]byte{0xde, 0xad, 0xbe, 0xef, 0xf0, 0x0d, 0xaa}, 40)
}

// exchange makes plain connections one after the other: it sends a line and reads some answer. With --what banner it
// lets the server speak first.
func exchange(s *settings) error {
	return many(s, func() error {
		conn, err := s.connect()
		if err != nil {
			return err
		}
		defer conn.Close()
		if s.what != "banner" {
			if _, err := io.WriteString(conn, "PING\r\n"); err != nil {
				return err
			}
		}
		_, err = conn.Read(make([]byte, 512))
		return err
	})
}
