package main

import (
	"errors"
	"fmt"
)

// sockets are connections of one lane, ready to be made from wherever the process is.
type sockets struct {
	listener socket
	spare    []socket // not connected yet
}

// newSockets makes sockets for n connections in a lane.
func newSockets(c *cgroups, l *lane, n int) (*sockets, error) {
	s := &sockets{listener: -1}
	err := c.within(l.dir, func() (err error) {
		if s.listener, err = newListener(); err != nil {
			return err
		}
		for range n {
			one, err := newSocket()
			if err != nil {
				return err
			}
			s.spare = append(s.spare, one)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sockets in %s: %w", l.dir, err), s.Close())
	}
	return s, nil
}

// connect makes the next connection.
func (s *sockets) connect() (client, server socket, err error) {
	if len(s.spare) == 0 {
		return 0, 0, errors.New("no socket is left")
	}
	client, s.spare = s.spare[0], s.spare[1:]
	if server, err = client.connect(s.listener); err != nil {
		return 0, 0, errors.Join(err, client.Close())
	}
	return client, server, nil
}

// Close closes what was not used.
func (s *sockets) Close() error {
	var errs []error
	for _, one := range s.spare {
		errs = append(errs, one.Close())
	}
	if s.listener >= 0 {
		errs = append(errs, s.listener.Close())
	}
	return errors.Join(errs...)
}
