package stream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// connection is one answer that is being read.
type connection struct {
	ctx        context.Context
	cancel     context.CancelCauseFunc
	body       io.ReadCloser
	frames     *frames
	patience   *time.Timer // ends it when nothing comes
	silence    time.Duration
	complained bool // of an event that could not be read
}

// connect asks for what comes after the last event that was seen.
func (c *Client) connect(ctx context.Context) (*connection, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	conn := &connection{ctx: ctx, cancel: cancel, silence: c.options.Silence, body: http.NoBody}
	conn.patience = time.AfterFunc(conn.silence, func() { cancel(ErrSilent) })
	answer, err := c.request(ctx)
	if err != nil {
		err = conn.explain(err)
		conn.close()
		return nil, err
	}
	conn.body = answer.Body
	if answer.StatusCode != http.StatusOK {
		err = statusError(answer)
	} else if !isEvents(answer) {
		err = ErrNotEvents
	}
	if err != nil {
		conn.close()
		return nil, err
	}
	conn.frames = newFrames(conn)
	return conn, nil
}

func (c *Client) request(ctx context.Context) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, c.url.String(), nil)
	if err != nil {
		return nil, err
	}
	token, err := c.options.token()
	if err != nil {
		return nil, err
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	r.Header.Set("Accept", typeEvents)
	r.Header.Set("User-Agent", "tlstrace")
	if c.lastID != "" {
		r.Header.Set(headerLastID, c.lastID)
	}
	return c.http.Do(r)
}

// Read reads the body. Whatever comes shows that the agent is there.
func (c *connection) Read(p []byte) (int, error) {
	n, err := c.body.Read(p)
	if n > 0 {
		c.patience.Reset(c.silence)
	}
	return n, err
}

// next returns the next frame. The end of the answer is [ErrEnded].
func (c *connection) next() (frame, error) {
	f, err := c.frames.next()
	switch {
	case err == nil || errors.Is(err, errFrameTooLong):
		return f, err
	case errors.Is(err, io.EOF):
		return frame{}, ErrEnded
	}
	return frame{}, c.explain(err)
}

// explain says that it was silence, if it was.
func (c *connection) explain(err error) error {
	if cause := context.Cause(c.ctx); errors.Is(cause, ErrSilent) {
		return fmt.Errorf("%w for %s", ErrSilent, c.silence)
	}
	return err
}

func (c *connection) close() {
	c.patience.Stop()
	c.cancel(nil)
	_ = c.body.Close() // nothing more is wanted of it
}
