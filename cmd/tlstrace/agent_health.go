package main

import (
	"net/http"
	"sync"
	"time"
)

// Times of health.
const (
	stuckAfter    = time.Minute      // no event has left for so long, though some wait: a restart is the cure
	degradedAfter = 30 * time.Second // the pods of this node are not known for so long: the agent is ready without them
)

// health is what the agent tells of itself to those who restart it and those who send it traffic.
type health struct {
	now   func() time.Time
	stuck func() bool // events wait and none has left for long

	mu     sync.Mutex
	begun  time.Time
	hooks  map[string]string // purpose and variant; nil until they are attached
	synced func() bool       // the pods of this node are known; nil without a cluster
	ending bool
}

func newHealth(now func() time.Time) *health { return &health{now: now, begun: now()} }

// readiness is the body of /readyz.
type readiness struct {
	Ready bool `json:"ready"`
	// Hooks says which variant serves each purpose; absent until they are attached.
	Hooks map[string]string `json:"hooks,omitempty"`
	// Pods are off (no cluster), synced, waiting, or degraded: not known in time, so that events come without names.
	Pods    string   `json:"pods"`
	Reasons []string `json:"reasons,omitempty"` // why it is not ready, or what is missing
}

// attached says that tracing has begun.
func (h *health) attached(hooks map[string]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hooks = hooks
}

// stopping says that the agent is about to end.
func (h *health) stopping() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ending = true
}

// state judges how ready the agent is.
func (h *health) state() readiness {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := readiness{Ready: true, Hooks: h.hooks, Pods: "off"}
	if h.hooks == nil {
		r.not("hooks are not attached yet")
	}
	if h.ending {
		r.not("the agent is stopping")
	}
	switch {
	case h.synced == nil:
	case h.synced():
		r.Pods = "synced"
	case h.now().Sub(h.begun) < degradedAfter:
		r.Pods = "waiting"
		r.not("the pods of this node are not known yet")
	default:
		r.Pods = "degraded"
		r.Reasons = append(r.Reasons, "the API server does not tell the pods of this node: events come without names")
	}
	return r
}

func (r *readiness) not(why string) {
	r.Ready = false
	r.Reasons = append(r.Reasons, why)
}

func (h *health) ready(rw http.ResponseWriter, _ *http.Request) {
	r := h.state()
	status := http.StatusOK
	if !r.Ready {
		status = http.StatusServiceUnavailable
	}
	serveJSON(rw, status, r)
}

func (h *health) live(rw http.ResponseWriter, _ *http.Request) {
	if h.stuck != nil && h.stuck() {
		http.Error(rw, "events wait and none has left for a minute", http.StatusServiceUnavailable)
		return
	}
	rw.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = rw.Write([]byte("ok\n")) // the client is gone: there is nobody to tell
}
