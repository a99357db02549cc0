package main

import (
	"errors"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// errCut is what the TLS library sees after the connection was broken off on purpose.
var errCut = errors.New("broken off on purpose")

// shaped is a connection whose writes are split, whose hello is fragmented, or that breaks off.
type shaped struct {
	*net.TCPConn
	cut    string
	after  int // own writes before the cut
	split  int
	frag   int
	writes int
}

// shape wraps a connection. at is where its writes are split, if --split is positive.
func (s *settings) shape(conn net.Conn, at int) net.Conn {
	c := &shaped{TCPConn: conn.(*net.TCPConn), cut: s.cut, after: s.after, frag: s.frag, split: s.split}
	if s.split > 0 {
		c.split = at
	}
	return c
}

// Write splits what is written; Go connections have TCP_NODELAY set. The first write is the hello, or the server's flight.
func (c *shaped) Write(p []byte) (int, error) {
	c.writes++
	if c.frag > 0 && c.writes == 1 {
		_, err := c.TCPConn.Write(fragment(p, c.frag))
		return len(p), err
	}
	for _, piece := range pieces(p, c.split) {
		if _, err := c.TCPConn.Write(piece); err != nil {
			return 0, err
		}
	}
	return len(p), nil
}

// pieces splits p at one position, not at all if it is 0, or into single bytes if at is negative.
func pieces(p []byte, at int) [][]byte {
	if at == 0 || at >= len(p) {
		return [][]byte{p}
	}
	if at > 0 {
		return [][]byte{p[:at], p[at:]}
	}
	all := make([][]byte, len(p))
	for i := range p {
		all[i] = p[i : i+1]
	}
	return all
}

// fragment cuts the one record in p into records of at most size bytes (RFC 8446 section 5.1 allows it).
func fragment(p []byte, size int) []byte {
	header, body := p[:3], p[5:]
	var out []byte
	for len(body) > 0 {
		n := min(size, len(body))
		out = append(out, header...)
		out = append(out, byte(n>>8), byte(n))
		out = append(out, body[:n]...)
		body = body[n:]
	}
	return out
}

// Read breaks off once enough was written.
func (c *shaped) Read(p []byte) (int, error) {
	if c.cut == "" || c.writes < c.after {
		return c.TCPConn.Read(p)
	}
	return 0, errors.Join(errCut, c.breakOff())
}

func (c *shaped) breakOff() error {
	if c.cut == "stall" {
		time.Sleep(time.Minute)
		return nil
	}
	if err := c.waitReadable(); err != nil {
		return err
	}
	switch c.cut {
	case "reset": // nothing unread: the reset comes from SO_LINGER alone
		if err := c.drain(); err != nil {
			return err
		}
		return errors.Join(c.SetLinger(0), c.Close())
	case "fin":
		if err := c.drain(); err != nil {
			return err
		}
	}
	return c.Close()
}

// waitReadable returns when bytes have arrived, and leaves them unread.
func (c *shaped) waitReadable() error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var peeked error
	err = raw.Read(func(fd uintptr) bool {
		_, _, peeked = unix.Recvfrom(int(fd), make([]byte, 1), unix.MSG_PEEK)
		return !errors.Is(peeked, unix.EAGAIN)
	})
	return errors.Join(err, peeked)
}

// drain reads until nothing has come for a while.
func (c *shaped) drain() error {
	buf := make([]byte, 64<<10)
	for {
		if err := c.SetReadDeadline(time.Now().Add(100 * time.Millisecond)); err != nil {
			return err
		}
		if _, err := c.TCPConn.Read(buf); err != nil {
			if errors.Is(err, os.ErrDeadlineExceeded) {
				return nil
			}
			return err
		}
	}
}
