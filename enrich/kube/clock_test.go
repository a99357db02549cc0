package kube

import (
	"sync"
	"time"
)

// clock is the wall clock, which a test can put forward.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func newClock() *clock { return &clock{} }

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}
