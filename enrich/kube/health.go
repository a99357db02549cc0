package kube

import (
	"errors"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
)

const (
	pauseAtFirst = time.Second // after a request that failed, doubled with each one that follows
	pauseAtMost  = time.Minute
	forbiddenFor = 5 * time.Minute // a kind of question that was refused for good is not asked again for so long
)

// How a request ended, as [Stats] tells it.
const (
	resultOK        = "ok"
	resultNotFound  = "not_found"
	resultForbidden = "forbidden"
	resultLimited   = "limited"
	resultError     = "error"
)

// health is what the last requests tell about the API server, and decides whether it may be asked. It logs what changes.
type health struct {
	now func() time.Time
	log *slog.Logger

	mu       sync.Mutex
	failures int // one after the other
	paused   time.Time
	closed   map[string]time.Time // resource -> until when it is not asked for
}

func newHealth(now func() time.Time, log *slog.Logger) *health {
	return &health{now: now, log: log, closed: map[string]time.Time{}}
}

// open says whether a resource may be asked for now.
func (h *health) open(resource string) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	return !now.Before(h.paused) && !now.Before(h.closed[resource])
}

func (h *health) failing() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failures > 0
}

// note draws the consequences of how a request ended, and names it. That an object is not there is an answer.
func (h *health) note(resource string, err error) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case err == nil || apierrors.IsNotFound(err):
		h.recovered(resource)
		if err != nil {
			return resultNotFound
		}
		return resultOK
	case apierrors.IsResourceExpired(err), apierrors.IsGone(err):
		return resultError // a list that took too long: the server is well
	case apierrors.IsForbidden(err), apierrors.IsUnauthorized(err), apierrors.IsBadRequest(err), apierrors.IsMethodNotSupported(err):
		h.forbidden(resource, err)
		return resultForbidden
	}
	h.failed(err)
	if apierrors.IsTooManyRequests(err) {
		return resultLimited
	}
	return resultError
}

// resume ends a pause: the API server has been heard of.
func (h *health) resume() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.paused = time.Time{}
}

func (h *health) recovered(resource string) {
	if h.failures > 0 {
		h.log.Info("the Kubernetes API server answers again")
	}
	if _, was := h.closed[resource]; was {
		h.log.Info("the Kubernetes API server allows it again", "resource", resource)
		delete(h.closed, resource)
	}
	h.failures, h.paused = 0, time.Time{}
}

func (h *health) forbidden(resource string, err error) {
	if _, was := h.closed[resource]; !was {
		h.log.Warn("the Kubernetes API server refuses to tell; names that need it stay absent",
			"resource", resource, "error", err.Error(), "again_in", forbiddenFor.String())
	}
	h.closed[resource] = h.now().Add(jitter(forbiddenFor))
}

func (h *health) failed(err error) {
	if h.failures == 0 {
		h.log.Warn("the Kubernetes API server cannot be asked; names that are known are still given", "error", err.Error())
	}
	pause := jitter(min(pauseAtFirst<<min(h.failures, 10), pauseAtMost))
	h.failures++
	if asked := retryAfter(err); asked > 0 {
		pause = max(asked, jitter(asked))
	}
	if until := h.now().Add(pause); until.After(h.paused) {
		h.paused = until
	}
}

// retryAfter is how long the API server wants to be left alone (RFC 9110 section 10.2.3), at most ten minutes.
func retryAfter(err error) time.Duration {
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil {
		return 0
	}
	return min(time.Duration(status.Status().Details.RetryAfterSeconds)*time.Second, 10*time.Minute)
}

// jitter keeps thousands of nodes from coming back at the same moment.
func jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d)))
}
