package main

import (
	"errors"
	"fmt"
)

// exchange is a connection over which one thread sends messages to itself: to one end and back, so that every packet is
// handled within the thread's own system calls, and no scheduler takes part.
type exchange struct {
	client, server socket
	message        []byte
}

// roundTrips sends the message to the server's end and back, n times.
func (x *exchange) roundTrips(n int) error {
	for range n {
		if err := x.send(x.client, x.server); err != nil {
			return err
		}
		if err := x.send(x.server, x.client); err != nil {
			return err
		}
	}
	return nil
}

func (x *exchange) send(from, to socket) error {
	if _, err := from.Write(x.message); err != nil {
		return err
	}
	return to.readFull(x.message, len(x.message))
}

// Close closes both ends.
func (x *exchange) Close() error { return errors.Join(x.client.Close(), x.server.Close()) }

// talk says what is exchanged.
type talk struct {
	bytes   int // of a message
	warmUp  int // round trips before anything is measured
	batch   int // round trips that are measured at once
	batches int // for which one connection is good
}

// established is a connection that has left its handshake behind: each end has received more than 64 KiB.
var established = talk{bytes: 1024, warmUp: 80, batch: 12, batches: 400}

// young is one that the tracer has let go, since it spoke no TLS, and that has moved less than 64 KiB: 20 + 80*12 times 64 bytes.
var young = talk{bytes: 64, warmUp: 20, batch: 12, batches: 80}

// openExchanges makes connections in a lane, warmed up.
func (t talk) openExchanges(c *cgroups, l *lane, n int) (all []*exchange, err error) {
	err = c.within(l.dir, func() error {
		listener, err := newListener()
		if err != nil {
			return err
		}
		defer func() { _ = listener.Close() }()
		for range n {
			x, err := t.open(listener)
			if err != nil {
				return err
			}
			all = append(all, x)
		}
		return nil
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("connect in %s: %w", l.dir, err), closeAll(all))
	}
	return all, nil
}

func (t talk) open(listener socket) (*exchange, error) {
	client, err := newSocket()
	if err != nil {
		return nil, err
	}
	server, err := client.connect(listener)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	x := &exchange{client: client, server: server, message: make([]byte, t.bytes)}
	if err := x.roundTrips(t.warmUp); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

func closeAll(all []*exchange) error {
	var errs []error
	for _, x := range all {
		errs = append(errs, x.Close())
	}
	return errors.Join(errs...)
}
