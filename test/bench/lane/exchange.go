package lane

import (
	"errors"
	"fmt"
	"time"

	"github.com/tlstrace/tlstrace/test/bench/cgroup"
	"github.com/tlstrace/tlstrace/test/bench/sample"
)

// Exchange is a connection over which one thread sends messages to itself: to one end and back, so that every packet is
// handled within the thread's own system calls, and no scheduler takes part.
type Exchange struct {
	client, server Socket
	message        []byte
}

// RoundTrips sends the message to the server's end and back, n times.
func (x *Exchange) RoundTrips(n int) error {
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

func (x *Exchange) send(from, to Socket) error {
	if _, err := from.Write(x.message); err != nil {
		return err
	}
	return to.ReadFull(x.message, len(x.message))
}

// Close closes both ends.
func (x *Exchange) Close() error { return errors.Join(x.client.Close(), x.server.Close()) }

// Talk says what is exchanged.
type Talk struct {
	bytes   int // of a message
	warmUp  int // round trips before anything is measured
	Batch   int // round trips that are measured at once
	Batches int // for which one connection is good
}

// Established is a connection that has left its handshake behind: each end has received more than 64 KiB.
var Established = Talk{bytes: 1024, warmUp: 80, Batch: 12, Batches: 400}

// Young is one that the tracer has let go, since it spoke no TLS, and that has moved less than 64 KiB: 20 + 80*12 times 64 bytes.
var Young = Talk{bytes: 64, warmUp: 20, Batch: 12, Batches: 80}

// Open makes connections in a lane, warmed up.
func (t Talk) Open(c *cgroup.Tree, l *Lane, n int) (all []*Exchange, err error) {
	err = c.Within(l.Dir, func() error {
		listener, err := NewListener()
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
		return nil, errors.Join(fmt.Errorf("connect in %s: %w", l.Dir, err), CloseAll(all))
	}
	return all, nil
}

func (t Talk) open(listener Socket) (*Exchange, error) {
	client, err := NewSocket()
	if err != nil {
		return nil, err
	}
	server, err := client.Connect(listener)
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	x := &Exchange{client: client, server: server, message: make([]byte, t.bytes)}
	if err := x.RoundTrips(t.warmUp); err != nil {
		return nil, errors.Join(err, x.Close())
	}
	return x, nil
}

// InTurns times batches of round trips on each connection in turns, in nanoseconds a batch. The order rotates, so that none
// always follows the same one.
func (t Talk) InTurns(all ...*Exchange) ([]sample.Sample, error) {
	took := make([]sample.Sample, len(all))
	for i := range t.Batches {
		for j := range all {
			k := (i + j) % len(all)
			begun := time.Now()
			if err := all[k].RoundTrips(t.Batch); err != nil {
				return nil, fmt.Errorf("exchange: %w", err)
			}
			took[k] = append(took[k], float64(time.Since(begun)))
		}
	}
	return took, nil
}

// CloseAll closes them all, and joins the errors.
func CloseAll(all []*Exchange) error {
	var errs []error
	for _, x := range all {
		errs = append(errs, x.Close())
	}
	return errors.Join(errs...)
}
