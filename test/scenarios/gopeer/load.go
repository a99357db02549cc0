package main

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// load makes healthy handshakes, each with some requests, and ends them in the way that is asked for.
func load(s *settings) error {
	config, err := s.clientConfig()
	if err != nil {
		return err
	}
	if s.resume {
		config.ClientSessionCache = tls.NewLRUClientSessionCache(64)
	}
	if err := many(s, func() error { return s.healthy(config) }); err != nil {
		return err
	}
	if s.end == "hold" {
		fmt.Println("holding")
		time.Sleep(time.Minute)
	}
	return nil
}

// many calls f count times on so many goroutines, and returns the first errors.
func many(s *settings, f func() error) error {
	work := make(chan struct{})
	errs := make([]error, s.parallel)
	var wg sync.WaitGroup
	for i := range s.parallel {
		wg.Go(func() {
			for range work {
				if err := f(); err != nil && errs[i] == nil {
					errs[i] = err
				}
			}
		})
	}
	for range s.count {
		work <- struct{}{}
	}
	close(work)
	wg.Wait()
	return errors.Join(errs...)
}

func (s *settings) healthy(config *tls.Config) error {
	tcp, err := s.connect()
	if err != nil {
		return err
	}
	conn := tls.Client(tcp, config)
	if err := conn.Handshake(); err != nil {
		return err
	}
	for range s.requests {
		if err := ping(conn); err != nil {
			return err
		}
	}
	return s.finish(conn, tcp.(*net.TCPConn))
}

func ping(conn net.Conn) error {
	if _, err := io.WriteString(conn, "PING\n"); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, len("PING\n")))
	return err
}

// finish ends a healthy connection.
func (s *settings) finish(conn *tls.Conn, tcp *net.TCPConn) error {
	switch s.end {
	case "fin":
		return tcp.Close()
	case "rst":
		return errors.Join(tcp.SetLinger(0), tcp.Close())
	case "hold": // until this process is killed
		return nil
	}
	return conn.Close()
}

// probe connects and closes, as TCP health checks do.
func probe(s *settings) error {
	return many(s, func() error {
		conn, err := s.connect()
		if err != nil {
			return err
		}
		return conn.Close()
	})
}
