package main

import (
	"crypto/tls"
	"errors"
	"fmt"
)

// sweep makes one handshake for each position from 1 to count at which the client's first write is split. They are
// meant to fail; one that does not is an error.
func sweep(s *settings) error {
	config, err := s.clientConfig()
	if err != nil {
		return err
	}
	for at := 1; at <= s.count; at++ {
		tcp, err := s.connect()
		if err != nil {
			return err
		}
		conn := tls.Client(s.shape(tcp, at), config)
		err = conn.Handshake()
		if err == nil {
			_, err = conn.Read(make([]byte, 1)) // in TLS 1.3 the server judges the client afterwards
		}
		if err == nil {
			return errors.New("a handshake that should have failed did not")
		}
		if at == 1 {
			fmt.Println(err)
		}
		_ = tcp.Close()
	}
	return nil
}
