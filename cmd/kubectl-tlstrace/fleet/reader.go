package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/tlstrace/tlstrace/sink"
	"github.com/tlstrace/tlstrace/sink/stream"
)

// overlap is how much of what is known already is asked for again when another agent takes a place: clocks and orders differ by less.
const overlap = 5 * time.Second

// reader follows the agent of one node.
type reader struct {
	fleet *Fleet
	agent Agent
	route *route
	query url.Values
	ctx   context.Context
	stop  context.CancelFunc

	mu        sync.Mutex
	connected bool
	tried     bool   // it has been connected, or not
	trouble   string // why it is not connected
	newest    time.Time
	begun     time.Time
}

func newReader(ctx context.Context, f *Fleet, a Agent, query url.Values) (*reader, error) {
	t := tokens{show: f.options.Show, config: f.options.Config, client: f.options.Client}
	way, err := newRoute(f.options.Config, f.options.Client, a, t, f.options.Way)
	if err != nil {
		return nil, err
	}
	r := &reader{fleet: f, agent: a, route: way, query: query, begun: f.options.Now()}
	r.ctx, r.stop = context.WithCancel(ctx)
	return r, nil
}

// run reads until the agent is left, or has told all that was asked for.
func (r *reader) run() {
	defer r.stop()
	client, err := r.dial()
	if err != nil {
		r.lost(err)
		return
	}
	defer client.Close()
	for {
		e, err := client.Read(r.ctx)
		if err != nil {
			if !errors.Is(err, io.EOF) && r.ctx.Err() == nil {
				r.lost(err)
			}
			return
		}
		e.Node = cmp.Or(e.Node, r.agent.Node)
		r.mu.Lock()
		if e.Time.After(r.newest) {
			r.newest = e.Time
		}
		r.mu.Unlock()
		select {
		case r.fleet.in <- told{e, r.agent.Node}:
		case <-r.ctx.Done():
			return
		}
	}
}

// busyTime is how long an agent that is busy is asked again by those who only want the past.
const busyTime = 20 * time.Second

// dial connects. Those who follow try for as long as it takes, the others while the agent says that it is busy.
func (r *reader) dial() (*stream.Client, error) {
	o := stream.DialOptions{
		Filter: r.query, Past: r.fleet.options.Past, Transport: r.route, Patient: !r.fleet.options.Past, Told: r.state,
	}
	for end := time.Now().Add(busyTime); ; {
		client, err := stream.Dial(r.ctx, r.route.address(), o)
		if !busy(err) || time.Now().After(end) {
			return client, err
		}
		select {
		case <-time.After(time.Second):
		case <-r.ctx.Done():
			return nil, r.ctx.Err()
		}
	}
}

// busy says that the agent is there and asks to come again: it lets in so many readers, and asks about so many tokens a second.
func busy(err error) bool {
	status := new(stream.StatusError)
	return errors.As(err, &status) && status.Status == http.StatusServiceUnavailable
}

// state hears of the connection. Only changes are told: an agent that stays away is no news.
func (r *reader) state(s stream.State) {
	switch s.Kind {
	case stream.Connected:
		r.came()
	case stream.Disconnected:
		r.lost(s.Err)
	case stream.Noticed:
		if s.Notice.Kind == stream.NoticeGap || s.Notice.Kind == stream.NoticeSlow {
			r.fleet.options.Tell(fmt.Sprintf("node %s: its agent says: %s", r.agent.Node, s.Notice.Text))
		}
	case stream.Unreadable:
		r.fleet.options.Tell(fmt.Sprintf("node %s: passed over: %v", r.agent.Node, s.Err))
	}
}

func (r *reader) came() {
	r.mu.Lock()
	back := r.tried && !r.connected
	r.connected, r.tried, r.trouble = true, true, ""
	r.mu.Unlock()
	if back {
		r.fleet.options.Tell(fmt.Sprintf("node %s: its agent %s is back, by %s", r.agent.Node, r.agent.name(), r.route.via()))
	}
}

func (r *reader) lost(err error) {
	if r.ctx.Err() != nil {
		return
	}
	if wrapped := new(url.Error); errors.As(err, &wrapped) {
		err = wrapped.Err // the URL is one that only the agent's own pod knows
	}
	text := sink.Escape(err.Error(), 800)
	r.mu.Lock()
	if !r.tried && busy(err) && !r.fleet.options.Past { // it will let us in: to say that it is away would be early
		r.trouble = text
		r.mu.Unlock()
		return
	}
	news := !r.tried || r.connected
	was := r.connected
	r.connected, r.tried, r.trouble = false, true, text
	r.mu.Unlock()
	switch {
	case was:
		r.fleet.options.Tell(fmt.Sprintf("node %s: its agent %s is gone: %s; trying again", r.agent.Node, r.agent.name(), text))
	case news:
		r.fleet.options.Tell(fmt.Sprintf("node %s cannot be seen: %s", r.agent.Node, text))
	}
}

// here says that the agent tells, or is about to.
func (r *reader) here() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.connected || !r.tried
}

func (r *reader) stopped() bool { return r.ctx.Err() != nil }

// last is the moment from which on another agent is asked.
func (r *reader) last() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.newest.IsZero() {
		return r.begun.Add(-overlap)
	}
	return r.newest.Add(-overlap)
}
