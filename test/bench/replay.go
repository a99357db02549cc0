package main

import (
	"errors"
	"time"
)

// player makes connections of a lane that carry a whole handshake.
type player interface {
	// play makes one, from connect to close, and returns how long it took.
	play(*sockets) (time.Duration, error)
}

// replay sends a recorded connection over new ones: the same bytes in the same order, without the cryptography, whose time
// varies by more than tracing costs. The tracer judges by the bytes, and sees no difference.
type replay struct {
	of      recording
	scratch []byte
}

func newReplay(of recording) replay { return replay{of: of, scratch: make([]byte, 32<<10)} }

func (r replay) play(s *sockets) (time.Duration, error) {
	begun := time.Now()
	client, server, err := s.connect()
	if err != nil {
		return 0, err
	}
	for _, w := range r.of {
		from, to := server, client
		if w.byClient {
			from, to = client, server
		}
		if _, err := from.Write(w.bytes); err != nil {
			return 0, errors.Join(err, client.Close(), server.Close())
		}
		if err := to.ReadFull(r.scratch, len(w.bytes)); err != nil {
			return 0, errors.Join(err, client.Close(), server.Close())
		}
	}
	err = errors.Join(client.Close(), server.Close())
	return time.Since(begun), err
}

// real makes real connections.
type real struct{ configs tlsConfigs }

func (r real) play(s *sockets) (time.Duration, error) {
	begun := time.Now()
	client, server, err := s.connect()
	if err != nil {
		return 0, err
	}
	err = errors.Join(r.configs.converse(client, server), client.Close(), server.Close())
	return time.Since(begun), err
}
