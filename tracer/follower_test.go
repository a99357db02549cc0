package tracer

import (
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/cilium/ebpf/link"
)

// closedLink counts how often links were closed.
type closedLink struct {
	link.Link
	closed *int
}

func (l closedLink) Close() error {
	*l.closed++
	return nil
}

// clockwork is a follower with a clock that the test sets.
type clockwork struct {
	*follower
	at             time.Time
	opened, closed int
	err            error
}

func newClockwork() *clockwork {
	c := &clockwork{at: time.Unix(1e9, 0)}
	c.follower = newFollower(func(procID) ([]link.Link, error) {
		if c.err != nil {
			return nil, c.err
		}
		c.opened++
		return []link.Link{closedLink{closed: &c.closed}}, nil
	}, func() time.Time { return c.at }, slog.New(slog.DiscardHandler))
	return c
}

// pass lets time go by, and the follower see it.
func (c *clockwork) pass(d time.Duration) {
	c.at = c.at.Add(d)
	c.settle()
}

func (c *clockwork) expect(t *testing.T, watched, opened, closed int) {
	t.Helper()
	if c.count() != watched || c.opened != opened || c.closed != closed {
		t.Errorf("%d are watched, %d were, %d are no more; want %d, %d, %d", c.count(), c.opened, c.closed, watched, opened, closed)
	}
}

func TestFollowerLeavesAProcessAloneLongerEachTime(t *testing.T) {
	c, id := newClockwork(), procID{pid: 7}
	rest := firstRest
	for round := 1; round <= 10; round++ {
		c.follow(id)
		c.follow(id) // failures go on
		c.expect(t, 1, round, round-1)
		c.pass(followFor)
		c.expect(t, 0, round, round)
		c.pass(rest - time.Second)
		c.follow(id)
		c.expect(t, 0, round, round)
		c.pass(time.Second)
		rest = min(2*rest, longestRest)
	}
	c.pass(longestRest + time.Second)
	if len(c.known) > 0 {
		t.Error("a process is remembered that has been quiet for an hour")
	}
}

func TestFollowerIsBounded(t *testing.T) {
	c := newClockwork()
	for pid := range maxFollowed + 3 {
		c.follow(procID{pid: pid})
	}
	c.expect(t, maxFollowed, maxFollowed, 0)
	if got := c.missed.Load(); got != 3 {
		t.Errorf("%d were missed, want 3", got)
	}
	for pid := range maxSuspects + 2 {
		c.heed(pid)
		c.heed(pid) // again, too soon to count
	}
	if got := c.missed.Load(); got != 5 {
		t.Errorf("%d were missed, want 5", got)
	}
	c.release()
	c.expect(t, 0, maxFollowed, maxFollowed)
}

func TestFollowerThatCannotAttachTriesLater(t *testing.T) {
	c, id := newClockwork(), procID{pid: 7}
	c.err = errors.New("refused")
	c.follow(id)
	c.err = nil
	c.follow(id)
	c.expect(t, 0, 0, 0)
	c.pass(firstRest)
	c.follow(id)
	c.expect(t, 1, 1, 0)
}
