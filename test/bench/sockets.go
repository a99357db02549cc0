package main

import (
	"errors"
	"fmt"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
	"github.com/tlstrace/tlstrace/test/bench/lane"
)

// sockets are connections of one lane, ready to be made from wherever the process is.
type sockets struct {
	listener lane.Socket
	spare    []lane.Socket // not connected yet
}

// newSockets makes sockets for n connections in a lane.
func newSockets(c *cgroup.Tree, l *lane.Lane, n int) (*sockets, error) {
	s := &sockets{listener: -1}
	err := c.Within(l.Dir, func() (err error) {
		if s.listener, err = lane.NewListener(); err != nil {
			return err
		}
		for range n {
			one, err := lane.NewSocket()
			if err != nil {
				return err
			}
			s.spare = append(s.spare, one)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sockets in %s: %w", l.Dir, err), s.Close())
	}
	return s, nil
}

// connect makes the next connection.
func (s *sockets) connect() (client, server lane.Socket, err error) {
	if len(s.spare) == 0 {
		return 0, 0, errors.New("no socket is left")
	}
	client, s.spare = s.spare[0], s.spare[1:]
	if server, err = client.Connect(s.listener); err != nil {
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
