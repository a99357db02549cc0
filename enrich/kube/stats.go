package kube

import (
	"maps"
	"sync"
	"sync/atomic"
)

// Request is a kind of request to the API server and how it ended.
type Request struct {
	// Kind is watch_pods or watch_services (lists and watches), pods (search by address), pod (by name), pods_page (a page of all
	// pods), nodes, endpointslices, replicasets or jobs.
	Kind   string
	Result string // ok, not_found, forbidden, limited (429), error
}

// Stats count since the start, or say how many there are now.
type Stats struct {
	Requests map[Request]uint64 // requests to the API server
	// Answered counts the ends of events whose address was known or known to be nobody's without asking; Asked, those for which
	// something was asked; Late, the events that went on without an answer; Refused, the questions that were not asked: the API
	// server is away or forbids them, or too many are waiting already.
	Answered, Asked, Late, Refused uint64
	Waiting                        int    // questions that wait for their turn or their answer
	Pods                           int    // of this node
	Addresses, Absent              int    // remembered addresses of others, and of nobody
	Evicted                        uint64 // remembered addresses that had to make room
	OverBound                      uint64 // pods of this node and services that are not known because there are too many
	Synced                         bool   // see [Names.Synced]
	Degraded                       bool   // the last requests failed
}

// counts are those of Stats that only grow.
type counts struct {
	answered, asked, late, refused atomic.Uint64

	mu       sync.Mutex
	requests map[Request]uint64
}

func newCounts() *counts { return &counts{requests: map[Request]uint64{}} }

func (c *counts) request(kind, result string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests[Request{kind, result}]++
}

// Stats returns the counts of now.
func (n *Names) Stats() Stats {
	s := Stats{
		Answered: n.counts.answered.Load(), Asked: n.counts.asked.Load(),
		Late: n.counts.late.Load(), Refused: n.counts.refused.Load(),
		Synced: n.Synced(), Degraded: n.asker.degraded(), Waiting: n.asker.waiting(),
	}
	n.counts.mu.Lock()
	s.Requests = maps.Clone(n.counts.requests)
	n.counts.mu.Unlock()
	s.Addresses, s.Absent, s.Evicted = n.remote.size()
	n.pods.mu.RLock()
	s.Pods, s.OverBound = len(n.pods.byName), n.pods.refused
	n.pods.mu.RUnlock()
	n.services.mu.RLock()
	s.OverBound += n.services.refused
	n.services.mu.RUnlock()
	return s
}
