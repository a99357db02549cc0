package stream

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/tlstrace/tlstrace/event"
	"github.com/tlstrace/tlstrace/sink"
)

// Client reads the events of one agent. It connects anew when the connection is lost, and goes on after the last event that it has
// seen, without a duplicate; what the agent no longer has is told as a [NoticeGap].
type Client struct {
	options DialOptions
	url     *url.URL
	http    *http.Client
	events  chan event.Event
	cancel  context.CancelFunc
	done    chan struct{}
	end     error // why there are no more events; set before done is closed
	lastID  string
	bad     atomic.Uint64
}

// Dial connects to an agent: a host and port, or a URL, to which [Path] is added. ctx is for the first connection; the client lives
// until Close. The error is a [*StatusError], [ErrNotEvents], or one of the network or the address.
func Dial(ctx context.Context, address string, o DialOptions) (*Client, error) {
	o = o.withDefaults()
	u, err := target(address, &o)
	if err != nil {
		return nil, err
	}
	life, cancel := context.WithCancel(context.Background())
	c := &Client{
		options: o, url: u, http: newHTTP(&o), events: make(chan event.Event), cancel: cancel, done: make(chan struct{}),
	}
	var first *connection
	if !o.Patient {
		stop := context.AfterFunc(ctx, cancel)
		first, err = c.connect(life)
		if !stop() && err == nil {
			first.close()
		}
		if ctx.Err() != nil {
			err = ctx.Err()
		}
		if err != nil {
			cancel()
			return nil, fmt.Errorf("reading the events of %s: %w", u.Host, err)
		}
	}
	go c.run(life, first)
	return c, nil
}

// Read returns the next event. It ends with the error of ctx, with io.EOF after all that is kept if [DialOptions.Past] was asked for,
// or with [sink.ErrClosed] after Close.
func (c *Client) Read(ctx context.Context) (event.Event, error) {
	select {
	case e := <-c.events:
		return e, nil
	case <-ctx.Done():
		return event.Event{}, ctx.Err()
	case <-c.done:
		return event.Event{}, c.end
	}
}

// Close ends the connection, and waits until nothing more is told.
func (c *Client) Close() error {
	c.cancel()
	<-c.done
	c.http.CloseIdleConnections()
	return nil
}

// Unreadable counts the events that came and could not be read.
func (c *Client) Unreadable() uint64 { return c.bad.Load() }

// errComplete says that everything has come that was asked for. It is not io.EOF, which a lost connection may be, too.
var errComplete = errors.New("everything has come")

// run keeps a connection until the client is closed or has everything.
func (c *Client) run(ctx context.Context, conn *connection) {
	defer close(c.done)
	failures := 0
	for {
		err := c.follow(ctx, conn, &failures)
		conn = nil
		switch {
		case errors.Is(err, errComplete):
			c.end = io.EOF
			return
		case ctx.Err() != nil:
			c.end = sink.ErrClosed
			return
		}
		pause := c.pause(failures, err)
		failures++
		c.options.Told(State{Kind: Disconnected, Err: err, Retry: pause})
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
		}
	}
}

// pause doubles with every failure in a row; up to half of it is left to chance, so that the readers of an agent that comes back do not
// come all at once. An agent may ask for a longer one, up to a minute.
func (c *Client) pause(failures int, err error) time.Duration {
	d := c.options.MaxRetry
	if failures < 16 {
		d = min(d, c.options.MinRetry<<failures)
	}
	d = d/2 + rand.N(d/2+1)
	if status := new(StatusError); errors.As(err, &status) {
		d = max(d, min(status.RetryAfter, time.Minute))
	}
	return d
}

// follow reads one connection to its end, which is [errComplete] if everything has come that was asked for.
func (c *Client) follow(ctx context.Context, conn *connection, failures *int) error {
	if conn == nil {
		var err error
		if conn, err = c.connect(ctx); err != nil {
			return err
		}
	}
	defer conn.close()
	c.options.Told(State{Kind: Connected})
	for n := 0; ; n++ {
		f, err := conn.next()
		switch {
		case errors.Is(err, errFrameTooLong):
			c.unreadable(conn, err)
			continue
		case err != nil:
			return err
		}
		if n > 0 {
			*failures = 0 // it is more than a greeting
		}
		if err := c.take(ctx, conn, f); err != nil {
			return err
		}
	}
}

// take does what a frame asks for. From then on it has been seen.
func (c *Client) take(ctx context.Context, conn *connection, f frame) error {
	var err error
	switch {
	case f.data == nil: // a heartbeat
	case f.kind == "notice":
		err = c.noticed(f.data)
	case f.kind == "":
		e, bad := sink.DecodeJSON(f.data)
		if bad != nil {
			c.unreadable(conn, bad)
			break
		}
		err = c.hand(ctx, conn, e)
	}
	if err == nil && f.id != "" {
		c.lastID = f.id
	}
	return err
}

// hand gives an event to Read. Meanwhile the agent's silence is our own.
func (c *Client) hand(ctx context.Context, conn *connection, e event.Event) error {
	conn.patience.Stop()
	defer conn.patience.Reset(c.options.Silence)
	select {
	case c.events <- e:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unreadable counts what could not be read, and tells the first of a connection.
func (c *Client) unreadable(conn *connection, err error) {
	c.bad.Add(1)
	if !conn.complained {
		conn.complained = true
		c.options.Told(State{Kind: Unreadable, Err: err})
	}
}

// noticed tells what the hub says. The end of all that was asked for is [errComplete].
func (c *Client) noticed(data []byte) error {
	var n Notice
	if err := json.Unmarshal(data, &n); err != nil || n.Schema != NoticeSchema {
		return nil // of a later version
	}
	if n.Kind == NoticeEnd {
		if c.options.Past {
			return errComplete
		}
		return nil
	}
	n.Kind, n.Text = NoticeKind(sink.Escape(string(n.Kind), 60)), sink.Escape(n.Text, maxItem)
	c.options.Told(State{Kind: Noticed, Notice: n})
	return nil
}
